//! `AdminGetDevice`.

use cognate::api;

use super::{NO_DEVICE, keys_of_none, no_device, not_tracked, scene};
use crate::spec;
use crate::support::World;
use crate::support::devices::{Tracking, device_attribute};
use crate::support::fixtures::value_of;
use crate::users::refuses_what_is_unknown;

spec! {
    async fn a_device_is_shown_by_the_users_name_or_sub(world: World) {
        let client = scene(&world, Tracking { on_prompt: true, ..Tracking::default() }).await;
        let device = world.device_of(&client, "alice").await;
        let user = world.admin_get_user(&client.pool, "alice").await.unwrap();
        let sub = value_of(&user.user_attributes, "sub").unwrap();
        let shown = world.admin_get_device(&client, "alice", &device.key).await.unwrap();
        assert_eq!(world.admin_get_device(&client, sub, &device.key).await.as_ref(), Ok(&shown));
        assert_eq!(shown.device_key(), device.key);
        assert_eq!(device_attribute(&shown, "dev:device_remembered_status"), Some("not_remembered"));
        assert_eq!(device_attribute(&shown, "dev:device_owner"), Some(format!("alice.{}", client.pool).as_str()));
    }
}

spec! {
    async fn a_key_of_no_device_of_the_user_is_refused(world: World) {
        let client = scene(&world, Tracking::default()).await;
        for key in keys_of_none(&world, &client).await {
            assert_eq!(world.admin_get_device(&client, "alice", &key).await, Err(no_device()), "{key}");
        }
    }
}

spec! {
    async fn unknown_users_and_pools_and_those_that_track_none_are_named(world: World) {
        let request = |user_pool_id, username| {
            let device_key = Some(NO_DEVICE.to_owned());
            api::AdminGetDeviceRequest { device_key, user_pool_id, username }
        };
        refuses_what_is_unknown(&world, request).await;
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        assert_eq!(world.admin_get_device(&client, "alice", NO_DEVICE).await, Err(not_tracked()));
    }
}
