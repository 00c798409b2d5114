//! `GetDevice`.

use std::time::Duration;

use cognate::api::{self, Op};
use serde_json::json;

use super::{keys_of_none, no_device, not_tracked, scene};
use crate::spec;
use crate::support::devices::{TestDevice, Tracking, confirmation, device_attribute};
use crate::support::fixtures::TestClient;
use crate::support::{Refusal, Wire, World, refusal};
use crate::wire::post_json;

async fn device(world: &World, access_token: &str, key: &str) -> Result<api::Device, Refusal> {
    let (access_token, device_key) = (Some(access_token.to_owned()), Some(key.to_owned()));
    world.call(api::GetDeviceRequest { device_key, access_token }).await.map(|response| response.device.unwrap())
}

async fn token(world: &World, client: &TestClient, username: &str) -> String {
    world.sign_in(client, username).await.access_token.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let client = scene(&world, Tracking::default()).await;
    let known = world.device_of(&client, "alice").await;
    let body = json!({ "AccessToken": token(&world, &client, "alice").await, "DeviceKey": known.key });
    let owner = format!("alice.{}", client.pool);
    let attributes = [
        ("device_status", "valid".to_owned()),
        ("device_name", "A browser".to_owned()),
        ("dev:device_arn", format!("arn:aws:cognito-idp:us-east-1:000000000000:owner/{owner}/device/{}", known.key)),
        ("dev:device_owner", owner),
        ("last_ip_used", "127.0.0.1".to_owned()),
        ("dev:device_remembered_status", "remembered".to_owned()),
        ("dev:device_sdk", "aws-sdk".to_owned()),
    ];
    let attributes: Vec<_> = attributes.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
    let now = world.now().as_second();
    let expected = json!({ "Device": {
        "DeviceKey": known.key,
        "DeviceAttributes": attributes,
        "DeviceCreateDate": now,
        "DeviceLastModifiedDate": now,
        "DeviceLastAuthenticatedDate": now,
    } });
    assert_eq!(post_json(&world, Op::GetDevice, &body).await.json(), expected);
}

spec! {
    async fn its_times_are_those_of_its_confirmation_its_status_and_its_last_sign_in(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let known = world.device_of(&client, "alice").await;
        let created = world.now().as_second();
        let minute = Duration::from_secs(60);
        world.advance(minute);
        let status = api::device_remembered_status::Value::Remembered;
        world.set_device_status(&client, "alice", &known, status).await.unwrap();
        world.advance(minute);
        let alice = world.person(&client, "alice");
        let asked = alice.proves_password_at(&known.key).await.unwrap();
        let signed_in = alice.proves_device(asked.session(), &known).await.unwrap().authentication_result.unwrap();
        world.advance(minute);
        // Neither a sign-in without it nor a refresh is one with it.
        let other = token(&world, &client, "alice").await;
        world.refresh_with(&client, signed_in.refresh_token(), &known.key).await.unwrap();
        for access_token in [signed_in.access_token(), &other] {
            let device = device(&world, access_token, &known.key).await.unwrap();
            let seconds = [
                device.device_create_date.unwrap().seconds,
                device.device_last_modified_date.unwrap().seconds,
                device.device_last_authenticated_date.unwrap().seconds,
            ];
            assert_eq!(seconds, [created, created + 60, created + 120]);
        }
    }
}

spec! {
    async fn a_device_without_a_name_has_none(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let signed_in = world.sign_in(&client, "alice").await;
        let rng = &world.app.services.rng;
        let known = TestDevice::of(&signed_in, rng);
        let request = confirmation(signed_in.access_token(), &known, rng);
        world.call(api::ConfirmDeviceRequest { device_name: None, ..request }).await.unwrap();
        let device = device(&world, signed_in.access_token(), &known.key).await.unwrap();
        assert_eq!(device_attribute(&device, "device_name"), None);
        assert_eq!(device.device_attributes.len(), 6);
    }
}

spec! {
    async fn a_key_of_no_device_of_the_user_is_refused_whosoever_it_is(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let token = token(&world, &client, "alice").await;
        for key in keys_of_none(&world, &client).await {
            assert_eq!(device(&world, &token, &key).await, Err(no_device()), "{key}");
        }
    }
}

spec! {
    async fn a_pool_that_tracks_none_and_a_token_that_is_none_are_named(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let known = world.device_of(&client, "alice").await;
        let token = token(&world, &client, "alice").await;
        let refused = device(&world, "no.token", &known.key).await;
        assert_eq!(refused, Err(refusal("NotAuthorizedException", "Invalid Access Token")));
        let pool = Some(client.pool.clone());
        world.call(api::UpdateUserPoolRequest { user_pool_id: pool, ..Default::default() }).await.unwrap();
        assert_eq!(device(&world, &token, &known.key).await, Err(not_tracked()));
    }
}
