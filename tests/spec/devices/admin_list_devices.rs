//! `AdminListDevices`.

use cognate::api;

use super::{not_tracked, scene};
use crate::spec;
use crate::support::devices::Tracking;
use crate::support::fixtures::{TestClient, named};
use crate::support::{Refusal, World};
use crate::users::refuses_what_is_unknown;

async fn page(
    world: &World,
    client: &TestClient,
    limit: Option<i32>,
    pagination_token: Option<String>,
) -> Result<api::AdminListDevicesResponse, Refusal> {
    let (user_pool_id, username) = named(&client.pool, "alice");
    world.call(api::AdminListDevicesRequest { user_pool_id, username, limit, pagination_token }).await
}

spec! {
    async fn the_devices_of_that_user_are_listed_page_by_page(world: World) {
        let client = scene(&world, Tracking::default()).await;
        assert_eq!(page(&world, &client, None, None).await, Ok(Default::default()));
        world.device_of(&client, "bob").await;
        let mut expected = Vec::new();
        for _ in 0..3 {
            let device = world.device_of(&client, "alice").await;
            expected.push(world.admin_get_device(&client, "alice", &device.key).await.unwrap());
        }
        expected.sort_by_key(|device| device.device_key().to_owned());
        let first = page(&world, &client, Some(2), None).await.unwrap();
        assert_eq!(first.devices, expected[..2]);
        let second = page(&world, &client, Some(2), first.pagination_token).await.unwrap();
        assert_eq!((second.devices.as_slice(), second.pagination_token), (&expected[2..], None));
    }
}

spec! {
    async fn unknown_users_and_pools_and_those_that_track_none_are_named(world: World) {
        let request = |user_pool_id, username| {
            api::AdminListDevicesRequest { user_pool_id, username, limit: None, pagination_token: None }
        };
        refuses_what_is_unknown(&world, request).await;
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        assert_eq!(page(&world, &client, None, None).await, Err(not_tracked()));
    }
}
