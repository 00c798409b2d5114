//! `CompleteWebAuthnRegistration`.

use std::time::Duration;

use cognate::api::auth_factor::Value as AuthFactor;
use cognate::api::{self, Op};
use serde_json::{Value, json};

use super::{
    alice, allow, client_with_passkeys, complete, configure, delete, no_challenge, no_relying_party, not_enabled,
    passkeys, register, registered, start, too_many,
};
use crate::account::{invalid, refuses_tokens_that_do_not_stand, signed_in};
use crate::spec;
use crate::support::passkeys::{Manners, Passkey, decoded, encoded};
use crate::support::{Refusal, Wire, World, at_once, refusal};
use crate::wire::{call_json, call_written, post_json};

fn not_supported(why: &str) -> Refusal {
    refusal("WebAuthnCredentialNotSupportedException", &format!("The passkey is not supported: {why}."))
}

fn origin_not_allowed() -> Refusal {
    let message = "The page that made the passkey may not make any for the relying party of the user pool.";
    refusal("WebAuthnOriginNotAllowedException", message)
}

fn other_relying_party() -> Refusal {
    let message = "The passkey is for another relying party than that of the user pool.";
    refusal("WebAuthnRelyingPartyMismatchException", message)
}

fn no_registration() -> Refusal {
    invalid("Credential is no response to the registration of a passkey.")
}

/// By what means the user can prove who they are.
async fn means(world: &World, access_token: &str) -> Vec<AuthFactor> {
    let request = api::GetUserAuthFactorsRequest { access_token: Some(access_token.to_owned()) };
    world.call(request).await.unwrap().configured_user_auth_factors().collect()
}

/// A passkey made for the options of this moment, and the registration's response.
async fn made(world: &World, access_token: &str, manners: &Manners) -> (Passkey, Value) {
    let options = start(world, access_token).await.unwrap();
    Passkey::create(&options, manners, &world.app.services.rng)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let (_, token) = alice(&world).await;
    let (_, credential) = made(&world, &token, &Manners::default()).await;
    let body = json!({"AccessToken": token, "Credential": credential});
    let reply = post_json(&world, Op::CompleteWebAuthnRegistration, &body).await;
    assert_eq!((reply.status, reply.json()), (200, json!({})));
}

spec! {
    async fn the_passkey_is_the_users_and_a_means_to_sign_in(world: World) {
        let (client, token) = alice(&world).await;
        assert_eq!(means(&world, &token).await, [AuthFactor::Password]);
        registered(&world, &token).await;
        assert_eq!(passkeys(&world, &token).await.len(), 1);
        assert_eq!(means(&world, &token).await, [AuthFactor::Password, AuthFactor::WebAuthn]);
        let bobs = signed_in(&world, &client, "bob").await;
        assert_eq!((passkeys(&world, &bobs).await, means(&world, &bobs).await), (vec![], vec![AuthFactor::Password]));
        let world = world.restarted().await;
        assert_eq!(means(&world, &token).await, [AuthFactor::Password, AuthFactor::WebAuthn]);
        // Once the pool has another domain, or none, it is none.
        configure(&world, &client.pool, json!({"WebAuthnConfiguration": {"RelyingPartyId": "example.com"}})).await;
        assert_eq!(means(&world, &token).await, [AuthFactor::Password]);
        configure(&world, &client.pool, json!({})).await;
        assert_eq!(means(&world, &token).await, [AuthFactor::Password]);
        assert_eq!(passkeys(&world, &token).await.len(), 1);
    }
}

spec! {
    async fn what_devices_and_browsers_may_say_is_taken(world: World) {
        let (_, token) = alice(&world).await;
        let good = Manners::default;
        for manners in [
            Manners { origin: "https://auth.example.com:8443".to_owned(), ..good() },
            Manners { origin: "https://app.auth.example.com".to_owned(), ..good() },
            Manners { cross_origin: None, ..good() },
            Manners { user_verified: false, ..good() },
            Manners { backup_eligible: true, ..good() },
            Manners { backup_eligible: true, backed_up: true, ..good() },
            Manners { algorithm: -257, ..good() },
            Manners { counts: false, ..good() },
            Manners { has_extensions: true, ..good() },
            Manners { format: "packed", ..good() },
            Manners { id: Some(vec![1]), ..good() },
            Manners { id: Some(vec![2; 1023]), ..good() },
        ] {
            assert_eq!(register(&world, &token, &manners).await.map(drop), Ok(()), "{manners:?}");
        }
    }
}

spec! {
    async fn what_is_wrong_is_refused_by_name_and_the_challenge_waits_on(world: World) {
        let (_, token) = alice(&world).await;
        let good = Manners::default;
        let options = start(&world, &token).await.unwrap();
        let origin = |origin: &str| Manners { origin: origin.to_owned(), ..good() };
        for (manners, refused) in [
            (Manners { challenge: Some(vec![7; 32]), ..good() }, no_challenge()),
            (Manners { challenge: Some(Vec::new()), ..good() }, no_challenge()),
            (Manners { ceremony: Some("webauthn.get"), ..good() }, no_registration()),
            (Manners { ceremony: Some("payment.get"), ..good() }, no_registration()),
            (origin("https://evil.example.com"), origin_not_allowed()),
            (origin("https://example.com"), origin_not_allowed()),
            (origin("http://auth.example.com"), origin_not_allowed()),
            (origin("https://auth.example.com.evil.com"), origin_not_allowed()),
            (origin("android:apk-key-hash:9ff1"), origin_not_allowed()),
            (Manners { cross_origin: Some(true), ..good() }, origin_not_allowed()),
            (Manners { top_origin: Some("https://evil.com"), ..good() }, origin_not_allowed()),
            (Manners { rp_id: Some("example.com".to_owned()), ..good() }, other_relying_party()),
            (Manners { user_present: false, ..good() }, not_supported("nobody was present")),
            (
                Manners { backed_up: true, ..good() },
                not_supported("what it says of backups contradicts itself, or what it said before"),
            ),
            (
                Manners { algorithm: -8, ..good() },
                not_supported("its key is of no algorithm that was offered, or none at all"),
            ),
            (Manners { id: Some(Vec::new()), ..good() }, no_registration()),
            (Manners { id: Some(vec![2; 1024]), ..good() }, no_registration()),
        ] {
            let (_, credential) = Passkey::create(&options, &manners, &world.app.services.rng);
            assert_eq!(complete(&world, &token, &credential).await, Err(refused), "{manners:?}");
        }
        assert_eq!(passkeys(&world, &token).await, []);
        let (_, credential) = Passkey::create(&options, &good(), &world.app.services.rng);
        assert_eq!(complete(&world, &token, &credential).await, Ok(()));
    }
}

spec! {
    async fn where_the_pool_requires_it_the_device_must_have_made_sure_of_its_user(world: World) {
        let (client, token) = alice(&world).await;
        let settings = json!({"RelyingPartyId": "auth.example.com", "UserVerification": "required"});
        configure(&world, &client.pool, json!({"WebAuthnConfiguration": settings})).await;
        let unsure = Manners { user_verified: false, ..Manners::default() };
        let refused = not_supported("the authenticator has not made sure of who uses it");
        assert_eq!(register(&world, &token, &unsure).await.map(drop), Err(refused));
        registered(&world, &token).await;
    }
}

spec! {
    async fn on_this_machine_pages_that_came_by_http_will_do(world: World) {
        let (client, token) = alice(&world).await;
        configure(&world, &client.pool, json!({"WebAuthnConfiguration": {"RelyingPartyId": "localhost"}})).await;
        let manners = |origin: &str| Manners { origin: origin.to_owned(), ..Manners::default() };
        register(&world, &token, &manners("http://localhost:3000")).await.unwrap();
        let elsewhere = register(&world, &token, &manners("http://127.0.0.1:3000")).await.map(drop);
        assert_eq!(elsewhere, Err(origin_not_allowed()));
    }
}

spec! {
    async fn a_credential_that_was_changed_anywhere_or_is_none_is_refused(world: World) {
        let (_, token) = alice(&world).await;
        let (_, credential) = made(&world, &token, &Manners::default()).await;
        let at = |pointer: &str, value: Value| {
            let mut changed = credential.clone();
            *changed.pointer_mut(pointer).unwrap() = value;
            changed
        };
        for (pointer, value) in [
            ("/id", json!("AAAA")),
            ("/rawId", json!("AAAA")),
            ("/id", json!("with padding==")),
            ("/id", json!(7)),
            ("/type", json!("password")),
            ("/response", json!([])),
            ("/response/clientDataJSON", json!("")),
            ("/response/clientDataJSON", json!(encoded(b"{}"))),
            ("/response/clientDataJSON", json!(encoded(b"\xff"))),
            ("/response/attestationObject", json!("")),
            ("/response/attestationObject", json!(encoded(b"\xa0"))),
            ("/response/attestationObject", json!(encoded(&[0xbf; 200]))),
            ("/response/attestationObject", Value::Null),
        ] {
            let refused = complete(&world, &token, &at(pointer, value.clone())).await;
            assert_eq!(refused, Err(no_registration()), "{pointer}: {value}");
        }
        let object = decoded(&credential["response"]["attestationObject"]);
        // Cut off anywhere, or with more behind it.
        for length in (0..object.len()).step_by(7).chain([object.len() + 1]) {
            let mut other = object.clone();
            other.resize(length, 0);
            let refused = complete(&world, &token, &at("/response/attestationObject", json!(encoded(&other)))).await;
            assert_eq!(refused, Err(no_registration()), "{length} of {} bytes", object.len());
        }
        for members in [json!({}), json!({"id": "AAAA"}), json!({"response": {}})] {
            assert_eq!(complete(&world, &token, &members).await, Err(no_registration()), "{members}");
        }
        assert_eq!(complete(&world, &token, &credential).await, Ok(()));
    }
}

spec! {
    async fn a_challenge_serves_once(world: World) {
        let (_, token) = alice(&world).await;
        assert_eq!(complete(&world, &token, &json!({})).await, Err(no_challenge()), "none was given");
        let (passkey, credential) = made(&world, &token, &Manners::default()).await;
        assert_eq!(complete(&world, &token, &credential).await, Ok(()));
        assert_eq!(complete(&world, &token, &credential).await, Err(no_challenge()));
        // Not even for whoever has deleted what came of it.
        delete(&world, &token, &passkey.id_text()).await.unwrap();
        assert_eq!(complete(&world, &token, &credential).await, Err(no_challenge()));
        // Nor is it an answer to the next one.
        start(&world, &token).await.unwrap();
        assert_eq!(complete(&world, &token, &credential).await, Err(no_challenge()));
    }
}

spec! {
    async fn of_two_at_once_one_registers(world: World) {
        let (_, token) = alice(&world).await;
        let (_, credential) = made(&world, &token, &Manners::default()).await;
        let outcomes = at_once([complete(&world, &token, &credential), complete(&world, &token, &credential)]).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        assert!(outcomes.contains(&Err(no_challenge())), "{outcomes:?}");
        assert_eq!(passkeys(&world, &token).await.len(), 1);
    }
}

spec! {
    async fn a_challenge_lasts_five_minutes_and_until_the_next_one(world: World) {
        let (_, token) = alice(&world).await;
        let (_, credential) = made(&world, &token, &Manners::default()).await;
        world.advance(Duration::from_secs(5 * 60) - Duration::from_millis(1));
        assert_eq!(complete(&world, &token, &credential).await, Ok(()));
        let (_, credential) = made(&world, &token, &Manners::default()).await;
        world.advance(Duration::from_secs(5 * 60));
        assert_eq!(complete(&world, &token, &credential).await, Err(no_challenge()));
        let (_, older) = made(&world, &token, &Manners::default()).await;
        let (_, newer) = made(&world, &token, &Manners::default()).await;
        assert_eq!(complete(&world, &token, &older).await, Err(no_challenge()));
        assert_eq!(complete(&world, &token, &newer).await, Ok(()));
    }
}

spec! {
    async fn a_challenge_is_its_users_and_its_clients(world: World) {
        let (client, token) = alice(&world).await;
        let bobs = signed_in(&world, &client, "bob").await;
        let (_, credential) = made(&world, &token, &Manners::default()).await;
        assert_eq!(complete(&world, &bobs, &credential).await, Err(no_challenge()));
        start(&world, &bobs).await.unwrap();
        assert_eq!(complete(&world, &bobs, &credential).await, Err(no_challenge()));
        let other = world.client(&client.pool, |_| {}).await;
        let through_another = world.sign_in(&other, "alice").await.access_token.unwrap();
        let message = "The registration of the passkey began through another client.";
        let refused = refusal("WebAuthnClientMismatchException", message);
        assert_eq!(complete(&world, &through_another, &credential).await, Err(refused));
        assert_eq!(complete(&world, &token, &credential).await, Ok(()));
    }
}

spec! {
    async fn a_passkey_is_one_users_of_the_pool(world: World) {
        let (client, token) = alice(&world).await;
        let bobs = signed_in(&world, &client, "bob").await;
        let passkey = registered(&world, &token).await;
        let same = Manners { id: Some(passkey.id.clone()), ..Manners::default() };
        let taken = invalid("The passkey is registered already.");
        for token in [&token, &bobs] {
            assert_eq!(register(&world, token, &same).await.map(drop), Err(taken.clone()));
        }
        // In another pool there may be one like it.
        let (_, elsewhere) = alice(&world).await;
        register(&world, &elsewhere, &same).await.unwrap();
        // What its user gives up may be another's.
        delete(&world, &token, &passkey.id_text()).await.unwrap();
        register(&world, &bobs, &same).await.unwrap();
        world.delete_user(&client.pool, "bob").await.unwrap();
        register(&world, &token, &same).await.unwrap();
    }
}

spec! {
    async fn a_user_has_twenty_at_most(world: World) {
        let (_, token) = alice(&world).await;
        for _ in 0..19 {
            registered(&world, &token).await;
        }
        let (passkey, credential) = made(&world, &token, &Manners::default()).await;
        let options = start(&world, &token).await.unwrap();
        assert_eq!(options["excludeCredentials"].as_array().unwrap().len(), 19);
        registered(&world, &token).await;
        assert_eq!(complete(&world, &token, &credential).await, Err(no_challenge()));
        assert_eq!(start(&world, &token).await.map(drop), Err(too_many()));
        let one = passkeys(&world, &token).await.remove(0).credential_id;
        delete(&world, &token, &one).await.unwrap();
        registered(&world, &token).await;
        assert_eq!(passkeys(&world, &token).await.len(), 20);
        assert!(passkeys(&world, &token).await.iter().all(|each| each.credential_id != passkey.id_text()));
    }
}

spec! {
    async fn what_the_pool_turns_off_meanwhile_is_off(world: World) {
        let (client, token) = alice(&world).await;
        let (_, credential) = made(&world, &token, &Manners::default()).await;
        configure(&world, &client.pool, json!({"WebAuthnConfiguration": {"RelyingPartyId": "example.com"}})).await;
        assert_eq!(complete(&world, &token, &credential).await, Err(other_relying_party()));
        configure(&world, &client.pool, json!({})).await;
        assert_eq!(complete(&world, &token, &credential).await, Err(no_relying_party()));
        allow(&world, &client.pool, &["PASSWORD"]).await;
        assert_eq!(complete(&world, &token, &credential).await, Err(not_enabled()));
    }
}

spec! {
    async fn of_a_challenge_from_before_a_restore_it_is_not_known_whether_it_has_served(world: World) {
        let (client, token) = alice(&world).await;
        let passkey = registered(&world, &token).await;
        let (_, credential) = made(&world, &token, &Manners::default()).await;
        let backup = world.back_up().await;
        let world = world.restored(&backup).await;
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        assert_eq!(complete(&world, &token, &credential).await, Err(no_challenge()));
        assert_eq!(passkeys(&world, &token).await[0].credential_id, passkey.id_text());
        registered(&world, &token).await;
    }
}

spec! {
    async fn the_credential_must_be_there_and_be_an_object(world: World) {
        let (_, token) = alice(&world).await;
        let missing = "1 validation error detected: Value null at 'credential' failed to satisfy constraint: Member must not be null";
        let call = async |body: Value| {
            call_written::<api::CompleteWebAuthnRegistrationRequest>(&world, &body).await.map(drop)
        };
        assert_eq!(call(json!({"AccessToken": token})).await, Err(invalid(missing)));
        assert_eq!(call(json!({"AccessToken": token, "Credential": null})).await, Err(invalid(missing)));
        if world.wire == Wire::Json {
            for (credential, message) in [
                (json!("{}"), "Expected map or null"),
                (json!(7), "Expected map or null"),
                (json!([]), "Start of list found where not expected"),
            ] {
                let body = json!({"AccessToken": token, "Credential": credential});
                let refused = call_json(&world, Op::CompleteWebAuthnRegistration, &body).await.map(drop);
                assert_eq!(refused, Err(refusal("SerializationException", message)));
            }
        }
    }
}

spec! {
    async fn the_token_must_stand(world: World) {
        client_with_passkeys(&world).await;
        let credential = || Some(cognate::api::json::document(serde_json::Map::new()));
        refuses_tokens_that_do_not_stand(&world, &|access_token| api::CompleteWebAuthnRegistrationRequest {
            access_token,
            credential: credential(),
        })
        .await;
    }
}
