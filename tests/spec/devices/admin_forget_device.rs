//! `AdminForgetDevice`.

use cognate::api;

use super::{NO_DEVICE, keys_of_none, no_device, not_tracked, scene};
use crate::spec;
use crate::support::World;
use crate::support::devices::{TestDevice, Tracking};
use crate::support::refusal;
use crate::users::refuses_what_is_unknown;

spec! {
    async fn a_lost_device_counts_for_nothing_any_longer(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let signed_in = world.sign_in(&client, "alice").await;
        let device = world.confirm_device(&signed_in).await;
        world.forget_device(&client, "alice", &device).await.unwrap();
        assert_eq!(world.forget_device(&client, "alice", &device).await, Err(no_device()));
        assert_eq!(world.person(&client, "alice").proves_password_at(&device.key).await, Err(no_device()));
        assert_eq!(
            world.refresh_with(&client, signed_in.refresh_token(), &device.key).await,
            Err(refusal("NotAuthorizedException", "Refresh Token has been revoked"))
        );
    }
}

spec! {
    async fn what_is_unknown_and_a_pool_that_tracks_none_are_refused(world: World) {
        let request = |user_pool_id, username| {
            api::AdminForgetDeviceRequest { user_pool_id, username, device_key: Some(NO_DEVICE.to_owned()) }
        };
        refuses_what_is_unknown(&world, request).await;
        let client = scene(&world, Tracking::default()).await;
        let forget = async |client, key: &str| {
            let device = TestDevice { key: key.to_owned(), group_key: String::new(), secret: String::new() };
            world.forget_device(client, "alice", &device).await
        };
        for key in keys_of_none(&world, &client).await {
            assert_eq!(forget(&client, &key).await, Err(no_device()), "{key}");
        }
        let without = world.app_client().await;
        world.sign_up(&without, "alice").await;
        assert_eq!(forget(&without, NO_DEVICE).await, Err(not_tracked()));
    }
}
