//! `ConfirmDevice`, and the key that a sign-in gives for it.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::{self, Op};
use cognate::store::{DeviceKey, sweep_removed_pool, sweep_removed_user};
use num_bigint::BigUint;
use serde_json::json;

use super::{NO_DEVICE, invalid, no_device, not_tracked, scene};
use crate::spec;
use crate::support::devices::{TestDevice, Tracking, confirmation, device_attribute};
use crate::support::fixtures::{PASSWORD, TEMPORARY_PASSWORD, TestClient, claims, named};
use crate::support::srp::modulus;
use crate::support::{Refusal, Wire, World, at_once, refusal};
use crate::wire::post_json;

/// Devices that a user can have.
const DEVICES_MAX: usize = 100;

fn exists() -> Refusal {
    refusal("DeviceKeyExistsException", "The device key is in use already.")
}

fn invalid_key() -> Refusal {
    invalid("Invalid device key given.")
}

/// The keys of a user's devices.
async fn keys(world: &World, client: &TestClient, username: &str) -> Vec<String> {
    let (mut keys, mut pagination_token) = (Vec::new(), None);
    loop {
        let (user_pool_id, username) = named(&client.pool, username);
        let request = api::AdminListDevicesRequest { user_pool_id, username, limit: None, pagination_token };
        let page = world.call(request).await.unwrap();
        keys.extend(page.devices.iter().map(|device| device.device_key().to_owned()));
        pagination_token = page.pagination_token;
        if pagination_token.is_none() {
            return keys;
        }
    }
}

spec! {
    async fn a_sign_in_gives_a_key_and_the_device_that_is_confirmed_by_it_is_remembered_or_waits_for_its_user(world: World) {
        for on_prompt in [false, true] {
            let client = scene(&world, Tracking { on_prompt, ..Tracking::default() }).await;
            let signed_in = world.sign_in(&client, "alice").await;
            let device = TestDevice::of(&signed_in, &world.app.services.rng);
            assert!(device.key.starts_with("us-east-1_") && device.key.len() == 46, "{device:?}");
            assert!(device.group_key.starts_with('-') && device.group_key.len() == 9, "{device:?}");
            assert_eq!(world.admin_get_device(&client, "alice", &device.key).await, Err(no_device()));
            world.advance(Duration::from_secs(5));
            let confirmed = world.try_confirm_device(signed_in.access_token(), &device).await;
            let expected = api::ConfirmDeviceResponse { user_confirmation_necessary: Some(on_prompt) };
            assert_eq!(confirmed, Ok(expected));
            let known = world.admin_get_device(&client, "alice", &device.key).await.unwrap();
            let status = if on_prompt { "not_remembered" } else { "remembered" };
            assert_eq!(device_attribute(&known, "dev:device_remembered_status"), Some(status));
            assert_eq!(known.device_create_date.unwrap().seconds, world.now().as_second());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_bodies_are_cognitos() {
    let world = World::new(Wire::Json).await;
    let client = scene(&world, Tracking::default()).await;
    let parameters = json!({"USERNAME": "alice", "PASSWORD": PASSWORD});
    let body = json!({"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": client.id, "AuthParameters": parameters});
    let signed_in = post_json(&world, Op::InitiateAuth, &body).await.json();
    let result = &signed_in["AuthenticationResult"];
    let metadata = result["NewDeviceMetadata"].clone();
    let members: Vec<_> = metadata.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["DeviceGroupKey", "DeviceKey"]);
    let text = |name: &str| metadata[name].as_str().unwrap().to_owned();
    let secret = "of the browser".to_owned();
    let device = TestDevice { key: text("DeviceKey"), group_key: text("DeviceGroupKey"), secret };
    let config = device.verifier_config(&world.app.services.rng);
    let body = json!({
        "AccessToken": result["AccessToken"],
        "DeviceKey": device.key,
        "DeviceSecretVerifierConfig": { "Salt": config.salt(), "PasswordVerifier": config.password_verifier() },
        "DeviceName": "Mozilla/5.0",
    });
    let confirmed = post_json(&world, Op::ConfirmDevice, &body).await.json();
    assert_eq!(confirmed, json!({ "UserConfirmationNecessary": false }));
}

spec! {
    async fn a_key_comes_with_every_whole_sign_in_that_names_no_device_and_never_with_a_refresh(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let mut given = Vec::new();
        for signed_in in [
            world.sign_in(&client, "alice").await,
            world.try_srp(&client, "alice", PASSWORD).await.unwrap().authentication_result.unwrap(),
            {
                let back_end = world.person(&client, "alice").by_back_end();
                back_end.proves_password(PASSWORD).await.unwrap().authentication_result.unwrap()
            },
            {
                world.set_temporary_password(&client.pool, "alice", TEMPORARY_PASSWORD).await.unwrap();
                let alice = world.person(&client, "alice");
                let asked = alice.proves_password(TEMPORARY_PASSWORD).await.unwrap();
                let answer = [("NEW_PASSWORD", PASSWORD)];
                let answered = alice.answers(ChallengeName::NewPasswordRequired, asked.session(), &answer).await;
                answered.unwrap().authentication_result.unwrap()
            },
        ] {
            let key = signed_in.new_device_metadata.as_ref().unwrap().device_key().to_owned();
            assert_eq!(claims(signed_in.access_token())["device_key"], key);
            assert!(claims(signed_in.id_token()).get("device_key").is_none());
            let refreshed = world.refresh(&client, signed_in.refresh_token()).await.unwrap();
            assert_eq!(refreshed.new_device_metadata, None);
            assert_eq!(claims(refreshed.access_token())["device_key"], key);
            assert!(!given.contains(&key));
            given.push(key);
        }
    }
}

spec! {
    async fn a_pool_that_tracks_no_devices_gives_no_keys_and_takes_none(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let signed_in = world.sign_in(&client, "alice").await;
        assert_eq!(signed_in.new_device_metadata, None);
        assert!(claims(signed_in.access_token()).get("device_key").is_none());
        let (key, group_key, secret) = (NO_DEVICE.to_owned(), "-group".to_owned(), "secret".to_owned());
        let device = TestDevice { key, group_key, secret };
        assert_eq!(world.try_confirm_device(signed_in.access_token(), &device).await, Err(not_tracked()));
        // One that is named counts for nothing.
        let named = world.person(&client, "alice").proves_password_at(NO_DEVICE).await.unwrap();
        assert!(named.authentication_result.is_some());
    }
}

spec! {
    async fn a_key_is_confirmed_once_and_not_again_when_the_device_is_forgotten(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let signed_in = world.sign_in(&client, "alice").await;
        let device = world.confirm_device(&signed_in).await;
        assert_eq!(world.try_confirm_device(signed_in.access_token(), &device).await, Err(exists()));
        // Of another sign-in as well.
        let other = world.sign_in(&client, "alice").await;
        assert_eq!(world.try_confirm_device(other.access_token(), &device).await, Err(exists()));
        world.forget_device(&client, "alice", &device).await.unwrap();
        assert_eq!(world.try_confirm_device(signed_in.access_token(), &device).await, Err(invalid_key()));
    }
}

spec! {
    async fn only_the_sign_in_that_gave_a_key_confirms_it_by_any_of_its_access_tokens(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let (one, other) = (world.sign_in(&client, "alice").await, world.sign_in(&client, "alice").await);
        let of_bob = world.sign_in(&client, "bob").await;
        let rng = &world.app.services.rng;
        let device = TestDevice::of(&one, rng);
        for foreign in [&other, &of_bob] {
            assert_eq!(world.try_confirm_device(foreign.access_token(), &device).await, Err(invalid_key()));
        }
        for key in [NO_DEVICE.to_owned(), device.key.replace("us-east-1_", "eu-west-1_"), device.key.replace('-', "")] {
            let unknown = TestDevice { key, ..device.clone() };
            assert_eq!(world.try_confirm_device(one.access_token(), &unknown).await, Err(invalid_key()));
        }
        let refreshed = world.refresh(&client, one.refresh_token()).await.unwrap();
        world.try_confirm_device(refreshed.access_token(), &device).await.unwrap();
        assert_eq!(keys(&world, &client, "alice").await, [device.key]);
        assert_eq!(keys(&world, &client, "bob").await, Vec::<String>::new());
    }
}

spec! {
    async fn a_sign_in_with_a_device_confirms_no_other(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let device = world.device_of(&client, "alice").await;
        let alice = world.person(&client, "alice");
        let asked = alice.proves_password_at(&device.key).await.unwrap();
        let signed_in = alice.proves_device(asked.session(), &device).await.unwrap().authentication_result.unwrap();
        assert_eq!(world.try_confirm_device(signed_in.access_token(), &device).await, Err(exists()));
        world.forget_device(&client, "alice", &device).await.unwrap();
        assert_eq!(world.try_confirm_device(signed_in.access_token(), &device).await, Err(invalid_key()));
    }
}

spec! {
    async fn a_verifier_that_would_prove_nothing_and_a_salt_that_is_none_are_refused(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let signed_in = world.sign_in(&client, "alice").await;
        let rng = &world.app.services.rng;
        let device = TestDevice::of(&signed_in, rng);
        let right = confirmation(signed_in.access_token(), &device, rng);
        let config = right.device_secret_verifier_config.clone().unwrap();
        let (salt, verifier) = (config.salt().to_owned(), config.password_verifier().to_owned());
        let number = |number: BigUint| BASE64_STANDARD.encode(number.to_bytes_be());
        let refused = async |salt: &str, verifier: &str| {
            let (salt, password_verifier) = (Some(salt.to_owned()), Some(verifier.to_owned()));
            let config = api::DeviceSecretVerifierConfig { password_verifier, salt };
            let request = api::ConfirmDeviceRequest { device_secret_verifier_config: Some(config), ..right.clone() };
            let refused = world.call(request).await.map(|_| ());
            assert_eq!(refused, Err(invalid("Invalid DeviceSecretVerifierConfig given.")));
        };
        for bad in [
            String::new(),
            number(BigUint::from(0u8)),
            number(BigUint::from(1u8)),
            number(modulus() - 1u8),
            number(modulus()),
            number(modulus() + 2u8),
            number(BigUint::from(7u8) << 3100),
            "not base64".to_owned(),
            verifier[..verifier.len() - 1].to_owned(),
        ] {
            refused(&salt, &bad).await;
        }
        for bad in ["", "AAAA", "not base64", &BASE64_STANDARD.encode([7u8; 17])] {
            refused(bad, &verifier).await;
        }
        assert_eq!(keys(&world, &client, "alice").await, Vec::<String>::new());
        world.call(right).await.unwrap();
    }
}

spec! {
    async fn what_a_confirmation_must_have_it_is_refused_without(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let signed_in = world.sign_in(&client, "alice").await;
        let rng = &world.app.services.rng;
        let right = confirmation(signed_in.access_token(), &TestDevice::of(&signed_in, rng), rng);
        let request = api::ConfirmDeviceRequest {
            device_key: Some("no key".to_owned()),
            device_secret_verifier_config: None,
            device_name: Some(String::new()),
            ..right.clone()
        };
        let message = "3 validation errors detected: Value 'no key' at 'deviceKey' failed to satisfy constraint: Member must \
                       satisfy regular expression pattern: [\\w-]+_[0-9a-f-]+; Value null at 'deviceSecretVerifierConfig' \
                       failed to satisfy constraint: Member must not be null; Value '' at 'deviceName' failed to satisfy \
                       constraint: Member must have length greater than or equal to 1";
        assert_eq!(world.call(request).await, Err(invalid(message)));
        let token = Some("no.token.at_all".to_owned());
        let refused = world.call(api::ConfirmDeviceRequest { access_token: token, ..right.clone() }).await;
        assert_eq!(refused, Err(refusal("NotAuthorizedException", "Invalid Access Token")));
        // A name is not needed.
        world.call(api::ConfirmDeviceRequest { device_name: None, ..right }).await.unwrap();
    }
}

spec! {
    async fn of_many_confirmations_of_a_key_at_once_one_succeeds(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let signed_in = world.sign_in(&client, "alice").await;
        let device = TestDevice::of(&signed_in, &world.app.services.rng);
        let tries = at_once((0..6).map(|_| world.try_confirm_device(signed_in.access_token(), &device))).await;
        let (confirmed, refused): (Vec<_>, Vec<_>) = tries.into_iter().partition(Result::is_ok);
        assert_eq!(confirmed.len(), 1);
        assert!(refused.into_iter().all(|refused| refused == Err(exists())));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_more_than_a_hundred_takes_the_place_of_the_one_that_matters_least() {
    let world = World::new(Wire::Grpc).await;
    let client = scene(&world, Tracking::default()).await;
    let first = world.device_of(&client, "alice").await;
    let mut others = Vec::new();
    for _ in 1..DEVICES_MAX {
        world.advance(Duration::from_secs(1));
        others.push(world.device_of(&client, "alice").await);
    }
    let has = async |device: &TestDevice| world.admin_get_device(&client, "alice", &device.key).await.is_ok();
    assert_eq!(keys(&world, &client, "alice").await.len(), DEVICES_MAX);
    assert!(has(&first).await);
    // Used again, the first is not the one whose last use is longest ago.
    world.advance(Duration::from_secs(1));
    let alice = world.person(&client, "alice");
    let asked = alice.proves_password_at(&first.key).await.unwrap();
    alice.proves_device(asked.session(), &first).await.unwrap();
    let one_more = world.device_of(&client, "alice").await;
    assert_eq!(keys(&world, &client, "alice").await.len(), DEVICES_MAX);
    assert!(has(&first).await && has(&one_more).await && !has(&others[0]).await);
    // What is not remembered goes first, however lately it was used.
    let status = api::device_remembered_status::Value::NotRemembered;
    world.set_device_status(&client, "alice", &others[50], status).await.unwrap();
    let another = world.device_of(&client, "alice").await;
    assert!(has(&another).await && has(&others[1]).await && !has(&others[50]).await);
    assert_eq!(keys(&world, &client, "alice").await.len(), DEVICES_MAX);
}

spec! {
    async fn with_a_user_and_with_a_pool_their_devices_go(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let device = world.device_of(&client, "alice").await;
        let owner = world.owner(&client, "alice").await;
        let (prefix, of_bob) = (DeviceKey::prefix(&owner), DeviceKey::prefix(&world.owner(&client, "bob").await));
        world.device_of(&client, "bob").await;
        let store = &*world.app.services.store;
        let left = async |prefix: &[u8]| store.list::<DeviceKey>(prefix, None, 1).await.unwrap().len();
        assert_eq!(left(&prefix).await, 1);
        world.delete_user(&client.pool, "alice").await.unwrap();
        while sweep_removed_user(store, &owner).await.unwrap() {}
        assert_eq!((left(&prefix).await, left(&of_bob).await), (0, 1));
        // Nor does whoever takes the name have it.
        world.reachable_user(&client, "alice").await;
        assert_eq!(world.admin_get_device(&client, "alice", &device.key).await, Err(no_device()));
        world.call(api::DeleteUserPoolRequest { user_pool_id: Some(client.pool.clone()) }).await.unwrap();
        while sweep_removed_pool(store, &owner.pool).await.unwrap() {}
        assert_eq!(left(&of_bob).await, 0);
    }
}
