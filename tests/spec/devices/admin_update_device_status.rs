//! `AdminUpdateDeviceStatus`.

use cognate::api;
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::device_remembered_status::Value as Status;

use super::{NO_DEVICE, keys_of_none, no_device, not_tracked, scene};
use crate::spec;
use crate::support::World;
use crate::support::devices::{TestDevice, Tracking};
use crate::users::refuses_what_is_unknown;

spec! {
    async fn a_device_is_remembered_or_is_not(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let device = world.device_of(&client, "alice").await;
        let alice = world.person(&client, "alice");
        world.set_device_status(&client, "alice", &device, Status::NotRemembered).await.unwrap();
        let begun = alice.proves_password_at(&device.key).await.unwrap();
        assert!(begun.authentication_result.is_some());
        world.set_device_status(&client, "alice", &device, Status::Remembered).await.unwrap();
        let begun = alice.proves_password_at(&device.key).await.unwrap();
        assert_eq!(begun.challenge_name(), ChallengeName::DeviceSrpAuth);
    }
}

spec! {
    async fn what_is_unknown_and_a_pool_that_tracks_none_are_refused(world: World) {
        let request = |user_pool_id, username| {
            let (device_key, device_remembered_status) = (Some(NO_DEVICE.to_owned()), None);
            api::AdminUpdateDeviceStatusRequest { user_pool_id, username, device_key, device_remembered_status }
        };
        refuses_what_is_unknown(&world, request).await;
        let client = scene(&world, Tracking::default()).await;
        let set = async |client, key: &str| {
            let device = TestDevice { key: key.to_owned(), group_key: String::new(), secret: String::new() };
            world.set_device_status(client, "alice", &device, Status::Remembered).await
        };
        for key in keys_of_none(&world, &client).await {
            assert_eq!(set(&client, &key).await, Err(no_device()), "{key}");
        }
        let without = world.app_client().await;
        world.sign_up(&without, "alice").await;
        assert_eq!(set(&without, NO_DEVICE).await, Err(not_tracked()));
    }
}
