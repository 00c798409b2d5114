//! Refresh tokens that belong to a device (reference 4.8).

use cognate::api;

use super::{NO_DEVICE, scene};
use crate::spec;
use crate::support::devices::Tracking;
use crate::support::fixtures::{TestClient, claims};
use crate::support::{Refusal, World, refusal};

fn not_authorized(message: &str) -> Refusal {
    refusal("NotAuthorizedException", message)
}

fn invalid_token() -> Refusal {
    not_authorized("Invalid Refresh Token")
}

async fn exchange(
    world: &World,
    client: &TestClient,
    refresh_token: &str,
    device_key: Option<&str>,
) -> Result<api::AuthenticationResult, Refusal> {
    let request = api::GetTokensFromRefreshTokenRequest {
        refresh_token: Some(refresh_token.to_owned()),
        client_id: Some(client.id.clone()),
        device_key: device_key.map(str::to_owned),
        ..Default::default()
    };
    world.call(request).await.map(|response| response.authentication_result.unwrap())
}

spec! {
    async fn once_its_device_is_confirmed_a_refresh_token_serves_with_the_devices_key_alone(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let signed_in = world.sign_in(&client, "alice").await;
        let (token, rng) = (signed_in.refresh_token(), &world.app.services.rng);
        let key = crate::support::devices::TestDevice::of(&signed_in, rng).key;
        // Who knows nothing of devices confirms none, and goes on as without; and a key is not held against anybody.
        world.refresh(&client, token).await.unwrap();
        exchange(&world, &client, token, None).await.unwrap();
        for any in [key.as_str(), NO_DEVICE] {
            world.refresh_with(&client, token, any).await.unwrap();
        }
        let device = world.confirm_device(&signed_in).await;
        let other = world.device_of(&client, "alice").await;
        for refreshed in [
            world.refresh_with(&client, token, &device.key).await.unwrap(),
            exchange(&world, &client, token, Some(&device.key)).await.unwrap(),
        ] {
            assert_eq!(claims(refreshed.access_token())["device_key"], device.key);
        }
        assert_eq!(world.refresh(&client, token).await, Err(invalid_token()));
        assert_eq!(exchange(&world, &client, token, None).await, Err(invalid_token()));
        let foreign = device.key.replace("us-east-1_", "eu-west-1_");
        for wrong in [other.key.as_str(), NO_DEVICE, &foreign] {
            assert_eq!(world.refresh_with(&client, token, wrong).await, Err(invalid_token()), "{wrong}");
            assert_eq!(exchange(&world, &client, token, Some(wrong)).await, Err(invalid_token()), "{wrong}");
        }
        world.refresh_with(&client, token, &device.key).await.unwrap();
    }
}

spec! {
    async fn a_sign_in_with_a_device_is_of_that_device_from_the_beginning(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let device = world.device_of(&client, "alice").await;
        let alice = world.person(&client, "alice");
        let asked = alice.proves_password_at(&device.key).await.unwrap();
        let signed_in = alice.proves_device(asked.session(), &device).await.unwrap().authentication_result.unwrap();
        assert_eq!(claims(signed_in.access_token())["device_key"], device.key);
        assert_eq!(world.refresh(&client, signed_in.refresh_token()).await, Err(invalid_token()));
        let refreshed = world.refresh_with(&client, signed_in.refresh_token(), &device.key).await.unwrap();
        assert_eq!(claims(refreshed.access_token())["device_key"], device.key);
    }
}

spec! {
    async fn a_device_that_was_only_named_has_no_part_in_the_tokens(world: World) {
        let client = scene(&world, Tracking { on_prompt: true, ..Tracking::default() }).await;
        let device = world.device_of(&client, "alice").await;
        let alice = world.person(&client, "alice");
        let signed_in = alice.proves_password_at(&device.key).await.unwrap().authentication_result.unwrap();
        assert!(claims(signed_in.access_token()).get("device_key").is_none());
        for key in [device.key.as_str(), NO_DEVICE] {
            world.refresh_with(&client, signed_in.refresh_token(), key).await.unwrap();
        }
        world.refresh(&client, signed_in.refresh_token()).await.unwrap();
        world.forget_device(&client, "alice", &device).await.unwrap();
        world.refresh(&client, signed_in.refresh_token()).await.unwrap();
    }
}

spec! {
    async fn refresh_tokens_that_rotate_stay_with_their_device_and_a_wrong_key_uses_none_up(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let signed_in = world.sign_in(&client, "alice").await;
        let device = world.confirm_device(&signed_in).await;
        world.rotate(&client, Some(0)).await;
        let token = signed_in.refresh_token();
        assert_eq!(exchange(&world, &client, token, None).await, Err(invalid_token()));
        let next = exchange(&world, &client, token, Some(&device.key)).await.unwrap();
        assert_eq!(exchange(&world, &client, next.refresh_token(), None).await, Err(invalid_token()));
        let last = exchange(&world, &client, next.refresh_token(), Some(&device.key)).await.unwrap();
        world.forget_device(&client, "alice", &device).await.unwrap();
        let revoked = Err(not_authorized("Refresh Token has been revoked"));
        assert_eq!(exchange(&world, &client, last.refresh_token(), Some(&device.key)).await, revoked);
    }
}

spec! {
    async fn where_devices_are_tracked_no_more_no_key_is_asked_for(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let signed_in = world.sign_in(&client, "alice").await;
        world.confirm_device(&signed_in).await;
        let pool = Some(client.pool.clone());
        world.call(api::UpdateUserPoolRequest { user_pool_id: pool, ..Default::default() }).await.unwrap();
        world.refresh(&client, signed_in.refresh_token()).await.unwrap();
    }
}
