//! `ListDevices`.

use cognate::api;

use super::{invalid, not_tracked, scene};
use crate::spec;
use crate::support::devices::Tracking;
use crate::support::{Refusal, Wire, World};

async fn page(
    world: &World,
    access_token: &str,
    limit: Option<i32>,
    pagination_token: Option<String>,
) -> Result<api::ListDevicesResponse, Refusal> {
    let access_token = Some(access_token.to_owned());
    world.call(api::ListDevicesRequest { access_token, limit, pagination_token }).await
}

fn keys(devices: &[api::Device]) -> Vec<String> {
    devices.iter().map(|device| device.device_key().to_owned()).collect()
}

spec! {
    async fn the_devices_of_the_user_are_listed_as_get_device_shows_them(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        assert_eq!(page(&world, &token, None, None).await, Ok(Default::default()));
        world.device_of(&client, "bob").await;
        let mut expected = Vec::new();
        for _ in 0..3 {
            let device = world.device_of(&client, "alice").await;
            expected.push(world.admin_get_device(&client, "alice", &device.key).await.unwrap());
        }
        expected.sort_by_key(|device| device.device_key().to_owned());
        let listed = page(&world, &token, None, None).await.unwrap();
        assert_eq!((listed.devices, listed.pagination_token), (expected, None));
    }
}

spec! {
    async fn pages_of_every_size_give_each_device_once_in_order_whatever_comes_and_goes(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        let mut devices = Vec::new();
        for _ in 0..5 {
            devices.push(world.device_of(&client, "alice").await);
        }
        devices.sort_by_key(|device| device.key.clone());
        let all: Vec<_> = devices.iter().map(|device| device.key.clone()).collect();
        for size in 1..=6 {
            let (mut seen, mut sizes, mut next) = (Vec::new(), Vec::new(), None);
            loop {
                let listed = page(&world, &token, Some(size), next).await.unwrap();
                sizes.push(listed.devices.len());
                seen.extend(keys(&listed.devices));
                next = listed.pagination_token;
                if next.is_none() {
                    break;
                }
            }
            assert_eq!(seen, all, "in pages of {size}");
            let expected: Vec<usize> = all.chunks(usize::try_from(size).unwrap()).map(<[_]>::len).collect();
            assert_eq!(sizes, expected, "in pages of {size}");
        }
        let first = page(&world, &token, Some(2), None).await.unwrap();
        world.forget_device(&client, "alice", &devices[1]).await.unwrap();
        let rest = page(&world, &token, None, first.pagination_token).await.unwrap();
        assert_eq!(keys(&rest.devices), all[2..]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_holds_sixty_devices_unless_the_caller_wants_fewer() {
    let world = World::new(Wire::Grpc).await;
    let client = scene(&world, Tracking::default()).await;
    let token = world.sign_in(&client, "alice").await.access_token.unwrap();
    for _ in 0..61 {
        world.device_of(&client, "alice").await;
    }
    for limit in [None, Some(0), Some(60)] {
        let first = page(&world, &token, limit, None).await.unwrap();
        let second = page(&world, &token, limit, first.pagination_token).await.unwrap();
        assert_eq!((first.devices.len(), second.devices.len(), second.pagination_token), (60, 1, None), "{limit:?}");
    }
    let message = "1 validation error detected: Value '61' at 'limit' failed to satisfy constraint: Member must have value less \
                   than or equal to 60";
    assert_eq!(page(&world, &token, Some(61), None).await, Err(invalid(message)));
}

spec! {
    async fn a_token_of_another_list_or_none_is_refused(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        for username in ["alice", "alice", "bob", "bob"] {
            world.device_of(&client, username).await;
        }
        let of_bob = world.sign_in(&client, "bob").await.access_token.unwrap();
        let foreign = page(&world, &of_bob, Some(1), None).await.unwrap().pagination_token.unwrap();
        for token_of_page in [foreign, "!".to_owned(), "AAAA".to_owned()] {
            let refused = page(&world, &token, Some(1), Some(token_of_page)).await;
            assert_eq!(refused, Err(invalid("Invalid pagination token given.")));
        }
    }
}

spec! {
    async fn a_pool_that_tracks_none_is_named(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        assert_eq!(page(&world, &token, None, None).await, Err(not_tracked()));
    }
}
