//! `ForgetDevice`.

use cognate::api::{self, Op};
use serde_json::json;

use super::{NO_DEVICE, keys_of_none, no_device, not_tracked, scene};
use crate::spec;
use crate::support::devices::Tracking;
use crate::support::{Refusal, Wire, World, refusal};
use crate::wire::post_json;

async fn forget(world: &World, access_token: &str, key: &str) -> Result<(), Refusal> {
    let (access_token, device_key) = (Some(access_token.to_owned()), Some(key.to_owned()));
    world.call(api::ForgetDeviceRequest { access_token, device_key }).await
}

spec! {
    async fn a_forgotten_device_is_unknown_to_everybody_and_its_refresh_tokens_serve_no_longer(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let signed_in = world.sign_in(&client, "alice").await;
        let device = world.confirm_device(&signed_in).await;
        let other = world.sign_in(&client, "alice").await;
        let others_device = world.confirm_device(&other).await;
        let alice = world.person(&client, "alice");
        let asked = alice.proves_password_at(&device.key).await.unwrap();
        let by_device = alice.proves_device(asked.session(), &device).await.unwrap().authentication_result.unwrap();

        forget(&world, signed_in.access_token(), &device.key).await.unwrap();
        assert_eq!(forget(&world, signed_in.access_token(), &device.key).await, Err(no_device()));
        assert_eq!(world.admin_get_device(&client, "alice", &device.key).await, Err(no_device()));
        assert_eq!(alice.proves_password_at(&device.key).await, Err(no_device()));
        let revoked = Err(refusal("NotAuthorizedException", "Refresh Token has been revoked"));
        for tokens in [&signed_in, &by_device] {
            assert_eq!(world.refresh_with(&client, tokens.refresh_token(), &device.key).await, revoked);
            // Its access tokens run out by themselves.
            world.get_user(tokens.access_token()).await.unwrap();
        }
        // Others are not concerned.
        world.refresh_with(&client, other.refresh_token(), &others_device.key).await.unwrap();
        world.admin_get_device(&client, "alice", &others_device.key).await.unwrap();
    }
}

spec! {
    async fn a_user_may_forget_a_device_with_the_token_of_another(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let lost = world.device_of(&client, "alice").await;
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        forget(&world, &token, &lost.key).await.unwrap();
        assert_eq!(world.admin_get_device(&client, "alice", &lost.key).await, Err(no_device()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_has_no_bytes() {
    let world = World::new(Wire::Json).await;
    let client = scene(&world, Tracking::default()).await;
    let signed_in = world.sign_in(&client, "alice").await;
    let device = world.confirm_device(&signed_in).await;
    let body = json!({ "AccessToken": signed_in.access_token(), "DeviceKey": device.key });
    let reply = post_json(&world, Op::ForgetDevice, &body).await;
    assert_eq!((reply.status, reply.body.len()), (200, 0));
}

spec! {
    async fn a_key_of_no_device_of_the_user_and_a_pool_that_tracks_none_are_refused(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        for key in keys_of_none(&world, &client).await {
            assert_eq!(forget(&world, &token, &key).await, Err(no_device()), "{key}");
        }
        let pool = Some(client.pool.clone());
        world.call(api::UpdateUserPoolRequest { user_pool_id: pool, ..Default::default() }).await.unwrap();
        assert_eq!(forget(&world, &token, NO_DEVICE).await, Err(not_tracked()));
    }
}
