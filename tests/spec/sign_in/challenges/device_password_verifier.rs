//! `DEVICE_PASSWORD_VERIFIER`: a remembered device proves its secret (reference 4.9).

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cognate::api;
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::device_remembered_status::Value as Status;

use super::{assert_signed_in, invalid, invalid_session, locked, not_authorized, used_session};
use crate::spec;
use crate::support::devices::{TestDevice, Tracking, device_proof};
use crate::support::factors::{Answered, Person};
use crate::support::fixtures::{PASSWORD, TestClient, WRONG_PASSWORD, claims, with_secret};
use crate::support::srp::SrpClient;
use crate::support::{World, at_once, refusal};

/// An exchange that waits for its proof.
type Begun = (SrpClient, api::RespondToAuthChallengeResponse);

const WRONG_SECRET: &str = "of another device";

fn incorrect() -> Answered {
    not_authorized("Incorrect username or password.")
}

/// A client of a pool that tracks devices, with a user, and a device of theirs.
async fn scene(world: &World) -> (TestClient, TestDevice) {
    let pool = world.pool_with_devices(Tracking::default()).await;
    let client = world.client(&pool, |_| {}).await;
    world.reachable_user(&client, "alice").await;
    let device = world.device_of(&client, "alice").await;
    (client, device)
}

/// As far as the question for the proof.
async fn begun(person: Person<'_>, device: &TestDevice) -> Begun {
    let asked = person.proves_password_at(&device.key).await.unwrap();
    person.begins_device(asked.session(), device).await.unwrap()
}

/// Answers with other responses than the right ones, or without.
async fn answers(person: Person<'_>, begun: &Begun, device: &TestDevice, changes: &[(&str, &str)]) -> Answered {
    let mut proof = device_proof(person.world.now(), &begun.0, &begun.1, device, &device.secret);
    for (name, value) in &mut proof {
        if let Some((_, changed)) = changes.iter().find(|(changed, _)| changed == name) {
            (*changed).clone_into(value);
        }
    }
    let responses: Vec<_> = proof.iter().map(|(name, value)| (*name, value.as_str())).collect();
    person.answers(ChallengeName::DevicePasswordVerifier, begun.1.session(), &responses).await
}

spec! {
    async fn the_right_secret_earns_tokens_of_the_device_and_the_session_serves_once(world: World) {
        let (client, device) = scene(&world).await;
        let alice = world.person(&client, "alice");
        let begun = begun(alice, &device).await;
        let answered = alice.ends_device(&begun, &device, &device.secret).await;
        assert_signed_in(&answered, "alice");
        let signed_in = answered.unwrap().authentication_result.unwrap();
        assert_eq!(signed_in.new_device_metadata, None);
        assert_eq!(claims(signed_in.access_token())["device_key"], device.key);
        assert_eq!(alice.ends_device(&begun, &device, &device.secret).await, used_session());
        let world = world.restarted().await;
        let alice = world.person(&client, "alice");
        assert_eq!(alice.ends_device(&begun, &device, &device.secret).await, used_session());
        // The device serves again, a restart later too.
        let asked = alice.proves_password_at(&device.key).await.unwrap();
        assert_signed_in(&alice.proves_device(asked.session(), &device).await, "alice");
    }
}

spec! {
    async fn a_back_end_goes_the_same_way_and_a_client_with_a_secret_proves_it_with_each_answer(world: World) {
        let (public, _) = scene(&world).await;
        let client = world.client(&public.pool, with_secret).await;
        let alice = world.person(&client, "alice");
        let signed_in = alice.proves_password(PASSWORD).await.unwrap().authentication_result.unwrap();
        let device = world.confirm_device(&signed_in).await;
        for person in [alice, alice.by_back_end()] {
            let asked = person.proves_password_at(&device.key).await.unwrap();
            let impostor = TestClient { secret: None, ..client.clone() };
            let message = format!("Client {} is configured with secret but SECRET_HASH was not received", client.id);
            let refused = person.at(&impostor).begins_device(asked.session(), &device).await.map(|(_, reply)| reply);
            assert_eq!(refused, not_authorized(&message));
            let begun = person.begins_device(asked.session(), &device).await.unwrap();
            let refused = person.at(&impostor).ends_device(&begun, &device, &device.secret).await;
            assert_eq!(refused, not_authorized(&message));
            assert_signed_in(&person.ends_device(&begun, &device, &device.secret).await, "alice");
        }
    }
}

spec! {
    async fn with_one_bit_flipped_nothing_is_proved(world: World) {
        let (client, device) = scene(&world).await;
        let alice = world.person(&client, "alice");
        let begun = begun(alice, &device).await;
        let proof = device_proof(world.now(), &begun.0, &begun.1, &device, &device.secret);
        let given = |name: &str| proof.iter().find(|(each, _)| *each == name).unwrap().1.clone();
        let flipped = |name: &str, at: usize| {
            let mut bytes = BASE64_STANDARD.decode(given(name)).unwrap();
            bytes[at] ^= 1;
            BASE64_STANDARD.encode(bytes)
        };
        for at in [0, 31] {
            let signature = flipped("PASSWORD_CLAIM_SIGNATURE", at);
            let answered = answers(alice, &begun, &device, &[("PASSWORD_CLAIM_SIGNATURE", &signature)]).await;
            assert_eq!(answered, incorrect());
        }
        for at in [0, 40, 80] {
            let block = flipped("PASSWORD_CLAIM_SECRET_BLOCK", at);
            let answered = answers(alice, &begun, &device, &[("PASSWORD_CLAIM_SECRET_BLOCK", &block)]).await;
            assert_eq!(answered, invalid_session());
        }
        let later = crate::support::srp::timestamp(world.now() + Duration::from_secs(1));
        assert_eq!(answers(alice, &begun, &device, &[("TIMESTAMP", &later)]).await, incorrect());
        for name in ["PASSWORD_CLAIM_SIGNATURE", "PASSWORD_CLAIM_SECRET_BLOCK", "TIMESTAMP", "DEVICE_KEY"] {
            let missing = invalid(&format!("Missing required parameter {name}"));
            assert_eq!(answers(alice, &begun, &device, &[(name, "")]).await, missing);
        }
        assert_eq!(answers(alice, &begun, &device, &[("TIMESTAMP", "now")]).await, invalid("Invalid TIMESTAMP given."));
        assert_eq!(answers(alice, &begun, &device, &[("PASSWORD_CLAIM_SIGNATURE", "?")]).await, incorrect());
        // As it was, it serves still.
        assert_signed_in(&answers(alice, &begun, &device, &[]).await, "alice");
    }
}

spec! {
    async fn a_proof_is_believed_for_five_minutes_and_proves_its_exchange_alone(world: World) {
        let (public, device) = scene(&world).await;
        let client = world.client(&public.pool, |request| request.auth_session_validity = Some(15)).await;
        let alice = world.person(&client, "alice");
        let (one, other) = (begun(alice, &device).await, begun(alice, &device).await);
        let early = device_proof(world.now(), &one.0, &one.1, &device, &device.secret);
        let early: Vec<_> = early.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // In the other's session, with the other's block, or both.
        let block = BASE64_STANDARD.encode(other.1.session());
        let mut moved = early.clone();
        moved.iter_mut().filter(|(name, _)| *name == "PASSWORD_CLAIM_SECRET_BLOCK").for_each(|pair| pair.1 = &block);
        let verifier = ChallengeName::DevicePasswordVerifier;
        assert_eq!(alice.answers(verifier, other.1.session(), &early).await, invalid_session());
        assert_eq!(alice.answers(verifier, other.1.session(), &moved).await, incorrect());
        world.advance(Duration::from_secs(301));
        assert_eq!(alice.answers(verifier, one.1.session(), &early).await, incorrect());
        // A fresh proof is right.
        assert_signed_in(&alice.ends_device(&one, &device, &device.secret).await, "alice");
    }
}

spec! {
    async fn the_session_may_be_left_out_for_the_block_names_it(world: World) {
        let (client, device) = scene(&world).await;
        let alice = world.person(&client, "alice");
        let begun = begun(alice, &device).await;
        let proof = device_proof(world.now(), &begun.0, &begun.1, &device, &device.secret);
        let mut responses = vec![("USERNAME", "alice".to_owned())];
        responses.extend(proof);
        let verifier = ChallengeName::DevicePasswordVerifier;
        let mut request = crate::support::fixtures::answer(&client, verifier, "", responses);
        request.session = None;
        assert_signed_in(&world.call(request).await, "alice");
    }
}

spec! {
    async fn wrong_secrets_and_wrong_passwords_are_one_count_which_the_end_of_a_sign_in_forgives(world: World) {
        let (client, device) = scene(&world).await;
        let alice = world.person(&client, "alice");
        for round in 0..2 {
            let begun = begun(alice, &device).await;
            for _ in 0..2 {
                assert_eq!(alice.ends_device(&begun, &device, WRONG_SECRET).await, incorrect());
                // The right password between forgives nothing.
                alice.proves_password_at(&device.key).await.unwrap();
                assert_eq!(alice.proves_password(WRONG_PASSWORD).await, incorrect());
            }
            if round == 0 {
                assert_signed_in(&alice.ends_device(&begun, &device, &device.secret).await, "alice");
                continue;
            }
            assert_eq!(alice.ends_device(&begun, &device, WRONG_SECRET).await, incorrect());
            assert_eq!(alice.ends_device(&begun, &device, &device.secret).await, locked());
            assert_eq!(alice.proves_password(PASSWORD).await, locked());
            world.advance(Duration::from_secs(1) - Duration::from_millis(1));
            assert_eq!(alice.ends_device(&begun, &device, &device.secret).await, locked());
            world.advance(Duration::from_millis(1));
            assert_signed_in(&alice.ends_device(&begun, &device, &device.secret).await, "alice");
        }
    }
}

spec! {
    async fn no_other_device_is_proved_in_the_place_of_the_one_that_was_named(world: World) {
        let (client, device) = scene(&world).await;
        let other = world.device_of(&client, "alice").await;
        world.reachable_user(&client, "bob").await;
        let of_bob = world.device_of(&client, "bob").await;
        let (alice, bob) = (world.person(&client, "alice"), world.person(&client, "bob"));
        let begun = begun(alice, &device).await;
        // The other's key with the other's secret, then with this one's name.
        for foreign in [&other, &of_bob] {
            assert_eq!(alice.ends_device(&begun, foreign, &foreign.secret).await, invalid_session());
            assert_eq!(alice.ends_device(&begun, &device, &foreign.secret).await, incorrect());
        }
        assert_eq!(bob.ends_device(&begun, &device, &device.secret).await, invalid_session());
        assert_eq!(bob.ends_device(&begun, &of_bob, &of_bob.secret).await, invalid_session());
        let of_the_same_pool = world.client(&client.pool, |_| {}).await;
        let (of_another_pool, _) = scene(&world).await;
        for elsewhere in [&of_the_same_pool, &of_another_pool] {
            let person = alice.at(elsewhere);
            assert_eq!(person.ends_device(&begun, &device, &device.secret).await, invalid_session());
        }
        assert_signed_in(&alice.ends_device(&begun, &device, &device.secret).await, "alice");
    }
}

spec! {
    async fn a_proof_of_a_password_is_none_of_a_device_nor_the_other_way_round(world: World) {
        let (client, device) = scene(&world).await;
        let alice = world.person(&client, "alice");
        let begun = begun(alice, &device).await;
        let proof = device_proof(world.now(), &begun.0, &begun.1, &device, &device.secret);
        let responses: Vec<_> = proof.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let session = begun.1.session();
        assert_eq!(alice.answers(ChallengeName::PasswordVerifier, session, &responses).await, invalid_session());
        let (own, question) = world.begin_srp(&client, "alice").await.unwrap();
        let proof = own.responses(&question, PASSWORD, &crate::support::srp::timestamp(world.now()));
        let mut responses: Vec<_> =
            ["PASSWORD_CLAIM_SECRET_BLOCK", "PASSWORD_CLAIM_SIGNATURE", "TIMESTAMP"].map(|name| (name, &*proof[name])).into();
        responses.push(("DEVICE_KEY", &device.key));
        let session = String::from_utf8(BASE64_STANDARD.decode(&question.secret_block).unwrap()).unwrap();
        let verifier = ChallengeName::DevicePasswordVerifier;
        assert_eq!(alice.answers(verifier, &session, &responses).await, invalid_session());
    }
}

spec! {
    async fn what_the_proof_rests_on_must_be_as_it_was(world: World) {
        let (client, device) = scene(&world).await;
        let alice = world.person(&client, "alice");
        let pool = client.pool.as_str();
        let first = begun(alice, &device).await;
        let ends = async |begun: &Begun| alice.ends_device(begun, &device, &device.secret).await;
        world.set_device_status(&client, "alice", &device, Status::NotRemembered).await.unwrap();
        assert_eq!(ends(&first).await, invalid_session());
        world.set_device_status(&client, "alice", &device, Status::Remembered).await.unwrap();
        world.disable(pool, "alice").await;
        for _ in 0..6 {
            assert_eq!(ends(&first).await, not_authorized("User is disabled."));
        }
        world.enable(pool, "alice").await;
        assert_signed_in(&ends(&first).await, "alice");

        let second = begun(alice, &device).await;
        world.advance(Duration::from_secs(3 * 60));
        assert_eq!(ends(&second).await, not_authorized("Invalid session for the user, session is expired."));
        let second = begun(alice, &device).await;
        world.set_password(pool, "alice", PASSWORD).await.unwrap();
        assert_eq!(ends(&second).await, invalid_session());
        let third = begun(alice, &device).await;
        world.reset_password(pool, "alice").await.unwrap();
        let reset = Err(refusal("PasswordResetRequiredException", "Password reset required for the user"));
        assert_eq!(ends(&third).await, reset);
        world.set_password(pool, "alice", PASSWORD).await.unwrap();
        let fourth = begun(alice, &device).await;
        world.forget_device(&client, "alice", &device).await.unwrap();
        let gone = Err(refusal("ResourceNotFoundException", "Device does not exist."));
        assert_eq!(ends(&fourth).await, gone);
        world.delete_user(pool, "alice").await.unwrap();
        assert_eq!(ends(&fourth).await, invalid_session());
    }
}

spec! {
    async fn of_many_right_proofs_at_once_one_signs_in(world: World) {
        let (client, device) = scene(&world).await;
        let alice = world.person(&client, "alice");
        let begun = begun(alice, &device).await;
        let answers = at_once((0..4).map(|_| alice.ends_device(&begun, &device, &device.secret))).await;
        let (signed_in, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(signed_in.len(), 1);
        assert_signed_in(&signed_in[0], "alice");
        assert!(refused.into_iter().all(|late| late == used_session()));
    }
}

spec! {
    async fn what_a_restored_store_has_of_an_exchange_proves_nothing_but_the_device_is_known(world: World) {
        let (client, device) = scene(&world).await;
        let alice = world.person(&client, "alice");
        let begun = begun(alice, &device).await;
        let backup = world.back_up().await;
        let world = world.restored(&backup).await;
        let alice = world.person(&client, "alice");
        assert_eq!(alice.ends_device(&begun, &device, &device.secret).await, invalid_session());
        let asked = alice.proves_password_at(&device.key).await.unwrap();
        assert_signed_in(&alice.proves_device(asked.session(), &device).await, "alice");
    }
}
