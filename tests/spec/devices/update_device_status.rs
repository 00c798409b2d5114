//! `UpdateDeviceStatus`.

use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::device_remembered_status::Value as Status;
use cognate::api::{self, Op};
use serde_json::json;

use super::{NO_DEVICE, keys_of_none, no_device, not_tracked, scene};
use crate::spec;
use crate::support::devices::{Tracking, device_attribute};
use crate::support::{Refusal, Wire, World};
use crate::wire::post_json;

async fn set(world: &World, access_token: &str, key: &str, status: Option<Status>) -> Result<(), Refusal> {
    let request = api::UpdateDeviceStatusRequest {
        access_token: Some(access_token.to_owned()),
        device_key: Some(key.to_owned()),
        device_remembered_status: status.map(i32::from),
    };
    world.call(request).await.map(|_| ())
}

spec! {
    async fn a_device_counts_in_sign_ins_exactly_while_it_is_remembered(world: World) {
        let client = scene(&world, Tracking { on_prompt: true, ..Tracking::default() }).await;
        let signed_in = world.sign_in(&client, "alice").await;
        let device = world.confirm_device(&signed_in).await;
        let alice = world.person(&client, "alice");
        let status = async || {
            let known = world.admin_get_device(&client, "alice", &device.key).await.unwrap();
            device_attribute(&known, "dev:device_remembered_status").unwrap().to_owned()
        };
        for (set_to, shown) in [
            (None, "not_remembered"),
            (Some(Status::Remembered), "remembered"),
            (Some(Status::Remembered), "remembered"),
            (None, "remembered"),
            (Some(Status::NotRemembered), "not_remembered"),
        ] {
            set(&world, signed_in.access_token(), &device.key, set_to).await.unwrap();
            assert_eq!(status().await, shown);
            let begun = alice.proves_password_at(&device.key).await.unwrap();
            match shown {
                "remembered" => assert_eq!(begun.challenge_name(), ChallengeName::DeviceSrpAuth),
                // It is known, so no other is given a key; and it has proved nothing.
                _ => assert_eq!(begun.authentication_result.unwrap().new_device_metadata, None),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let client = scene(&world, Tracking::default()).await;
    let signed_in = world.sign_in(&client, "alice").await;
    let device = world.confirm_device(&signed_in).await;
    let mut body = json!({ "AccessToken": signed_in.access_token(), "DeviceKey": device.key });
    body["DeviceRememberedStatus"] = "not_remembered".into();
    assert_eq!(post_json(&world, Op::UpdateDeviceStatus, &body).await.json(), json!({}));
    body["DeviceRememberedStatus"] = "forgotten".into();
    let refused = post_json(&world, Op::UpdateDeviceStatus, &body).await.json();
    let message = "1 validation error detected: Value 'forgotten' at 'deviceRememberedStatus' failed to satisfy constraint: \
                   Member must satisfy enum value set: [remembered, not_remembered]";
    assert_eq!(refused, json!({ "__type": "InvalidParameterException", "message": message }));
}

spec! {
    async fn a_key_of_no_device_of_the_user_and_a_pool_that_tracks_none_are_refused(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        for key in keys_of_none(&world, &client).await {
            assert_eq!(set(&world, &token, &key, Some(Status::Remembered)).await, Err(no_device()), "{key}");
        }
        let pool = Some(client.pool.clone());
        world.call(api::UpdateUserPoolRequest { user_pool_id: pool, ..Default::default() }).await.unwrap();
        assert_eq!(set(&world, &token, NO_DEVICE, None).await, Err(not_tracked()));
    }
}
