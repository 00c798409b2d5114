//! `WEB_AUTHN`: the use of a passkey in the place of a password, or of that and a second factor.

use std::time::Duration;

use cognate::api::auth_flow::Value as AuthFlow;
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::{self, Op};
use serde_json::{Value, json};

use super::{assert_signed_in, invalid, invalid_session, locked, not_authorized, used_session};
use crate::account::signed_in;
use crate::passkeys::{RELYING_PARTY, alice, allow, client_with_passkeys, configure, delete, register, registered};
use crate::spec;
use crate::support::factors::{Answered, Person};
use crate::support::fixtures::{
    PASSWORD, SecondFactor, TEMPORARY_PASSWORD, TestClient, WRONG_PASSWORD, hide_users, with_secret,
};
use crate::support::passkeys::{Manners, Passkey, decoded, encoded};
use crate::support::{Wire, World, at_once};
use crate::wire::post_json;

const MILLISECOND: Duration = Duration::from_millis(1);

fn refused() -> Answered {
    not_authorized("The passkey was not accepted.")
}

/// What the browser is told, and the session.
struct Question {
    session: String,
    options: Value,
}

impl Question {
    fn of(reply: &api::RespondToAuthChallengeResponse) -> Self {
        assert_eq!(reply.challenge_name(), ChallengeName::WebAuthn);
        let options = serde_json::from_str(&reply.challenge_parameters["CREDENTIAL_REQUEST_OPTIONS"]).unwrap();
        Question { session: reply.session().to_owned(), options }
    }
}

/// The challenge is put to somebody.
async fn asked(person: Person<'_>) -> Question {
    Question::of(&person.prefers("WEB_AUTHN").await.unwrap())
}

async fn answers(person: Person<'_>, session: &str, credential: &Value) -> Answered {
    person.answers(ChallengeName::WebAuthn, session, &[("CREDENTIAL", &credential.to_string())]).await
}

/// Signs in by the passkey, used with these manners.
async fn uses(person: Person<'_>, passkey: &mut Passkey, manners: &Manners) -> Answered {
    let question = asked(person).await;
    answers(person, &question.session, &passkey.get(&question.options, manners)).await
}

/// What is offered.
async fn offered(person: Person<'_>) -> Vec<ChallengeName> {
    let reply = person.begins(AuthFlow::UserAuth, &[]).await.unwrap();
    assert_eq!(reply.challenge_name(), ChallengeName::SelectChallenge);
    reply.available_challenges().collect()
}

const WITHOUT_PASSKEY: [ChallengeName; 2] = [ChallengeName::PasswordSrp, ChallengeName::Password];
const WITH_PASSKEY: [ChallengeName; 3] = [ChallengeName::PasswordSrp, ChallengeName::Password, ChallengeName::WebAuthn];

/// No passkey is asked for, whatever is preferred or chosen.
async fn assert_only_the_password_is_offered(person: Person<'_>) {
    assert_eq!(offered(person).await, WITHOUT_PASSKEY);
    let reply = person.prefers("WEB_AUTHN").await.unwrap();
    assert_eq!(reply.challenge_name(), ChallengeName::SelectChallenge);
    let chosen = person.answers(ChallengeName::SelectChallenge, reply.session(), &[("ANSWER", "WEB_AUTHN")]).await;
    assert_eq!(chosen, invalid("The challenge in ANSWER is not available."));
}

/// Alice, who has a passkey: her client and it.
async fn scene(world: &World) -> (TestClient, Passkey) {
    let (client, token) = alice(world).await;
    let passkey = registered(world, &token).await;
    (client, passkey)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let (client, passkey) = scene(&world).await;
    let parameters = json!({"USERNAME": "alice", "PREFERRED_CHALLENGE": "WEB_AUTHN"});
    let body = json!({"AuthFlow": "USER_AUTH", "ClientId": client.id, "AuthParameters": parameters});
    let reply = post_json(&world, Op::InitiateAuth, &body).await.json();
    let written = &reply["ChallengeParameters"]["CREDENTIAL_REQUEST_OPTIONS"];
    let options: Value = serde_json::from_str(written.as_str().unwrap()).unwrap();
    let expected = json!({
        "ChallengeName": "WEB_AUTHN",
        "ChallengeParameters": {"CREDENTIAL_REQUEST_OPTIONS": written},
        "Session": reply["Session"],
    });
    assert_eq!(reply, expected);
    let expected = json!({
        "allowCredentials": [{"id": passkey.id_text(), "transports": ["internal"], "type": "public-key"}],
        "challenge": options["challenge"],
        "rpId": RELYING_PARTY,
        "timeout": 180_000,
        "userVerification": "preferred",
    });
    assert_eq!(options, expected);
    assert_eq!(decoded(&options["challenge"]).len(), 32);
}

spec! {
    async fn the_right_use_earns_tokens_and_the_session_serves_once(world: World) {
        let (client, mut passkey) = scene(&world).await;
        let alice = world.person(&client, "alice");
        let question = asked(alice).await;
        let credential = passkey.get(&question.options, &Manners::default());
        assert_signed_in(&answers(alice, &question.session, &credential).await, "alice");
        assert_eq!(answers(alice, &question.session, &credential).await, used_session());
        let again = passkey.get(&question.options, &Manners::default());
        assert_eq!(answers(alice, &question.session, &again).await, used_session());
        // What has answered one challenge is an answer to no other.
        let next = asked(alice).await;
        assert_ne!(next.options["challenge"], question.options["challenge"]);
        assert_eq!(answers(alice, &next.session, &credential).await, refused());
        let right = passkey.get(&next.options, &Manners::default());
        assert_signed_in(&answers(alice, &next.session, &right).await, "alice");
        let world = world.restarted().await;
        assert_signed_in(&uses(world.person(&client, "alice"), &mut passkey, &Manners::default()).await, "alice");
    }
}

spec! {
    async fn a_passkey_can_be_preferred_or_chosen_and_none_that_comes_along_is_looked_at(world: World) {
        let (client, mut passkey) = scene(&world).await;
        let alice = world.person(&client, "alice");
        assert_eq!(offered(alice).await, WITH_PASSKEY);
        let preferred = asked(alice).await;
        let credential = passkey.get(&preferred.options, &Manners::default()).to_string();
        let to_choose = alice.begins(AuthFlow::UserAuth, &[]).await.unwrap().session.unwrap();
        let choice = [("ANSWER", "WEB_AUTHN"), ("CREDENTIAL", credential.as_str())];
        let chosen = alice.answers(ChallengeName::SelectChallenge, &to_choose, &choice).await.unwrap();
        let chosen = Question::of(&chosen);
        let again = alice.answers(ChallengeName::SelectChallenge, &to_choose, &choice).await;
        assert_eq!(again, used_session());
        let right = passkey.get(&chosen.options, &Manners::default());
        assert_signed_in(&answers(alice, &chosen.session, &right).await, "alice");
    }
}

spec! {
    async fn a_back_end_goes_the_same_way(world: World) {
        let (client, mut passkey) = scene(&world).await;
        let alice = world.person(&client, "alice").by_back_end();
        let foreign = Manners { origin: "https://evil.com".to_owned(), ..Manners::default() };
        assert_eq!(uses(alice, &mut passkey, &foreign).await, refused());
        assert_signed_in(&uses(alice, &mut passkey, &Manners::default()).await, "alice");
    }
}

spec! {
    async fn a_client_with_a_secret_proves_it_with_the_answer(world: World) {
        let (client, token) = alice(&world).await;
        let mut passkey = registered(&world, &token).await;
        let client = world.client(&client.pool, with_secret).await;
        let alice = world.person(&client, "alice");
        let question = asked(alice).await;
        let credential = passkey.get(&question.options, &Manners::default());
        let impostor = TestClient { secret: Some("n0t-the-secret".to_owned()), ..client.clone() };
        let message = format!("Unable to verify secret hash for client {}", client.id);
        assert_eq!(answers(alice.at(&impostor), &question.session, &credential).await, not_authorized(&message));
        assert_signed_in(&answers(alice, &question.session, &credential).await, "alice");
    }
}

spec! {
    async fn what_devices_may_say_is_taken(world: World) {
        let (client, token) = alice(&world).await;
        let alice = world.person(&client, "alice");
        let good = Manners::default;
        let synced = Manners { backup_eligible: true, ..good() };
        for (made, used) in [
            (good(), Manners { user_verified: false, ..good() }),
            (good(), Manners { origin: "https://app.auth.example.com:8443".to_owned(), ..good() }),
            (good(), Manners { has_extensions: true, ..good() }),
            (good(), Manners { cross_origin: None, ..good() }),
            (Manners { algorithm: -257, ..good() }, good()),
            (synced.clone(), Manners { backed_up: true, ..synced.clone() }),
        ] {
            let mut passkey = register(&world, &token, &made).await.unwrap();
            assert_signed_in(&uses(alice, &mut passkey, &used).await, "alice");
        }
    }
}

spec! {
    async fn whatever_is_wrong_is_refused_alike_and_the_session_may_be_tried_again(world: World) {
        let (client, mut passkey) = scene(&world).await;
        let bobs = signed_in(&world, &client, "bob").await;
        let mut of_bob = registered(&world, &bobs).await;
        let alice = world.person(&client, "alice");
        let good = Manners::default;
        let origin = |origin: &str| Manners { origin: origin.to_owned(), ..good() };
        let wrong = [
            Manners { challenge: Some(vec![7; 32]), ..good() },
            Manners { challenge: Some(Vec::new()), ..good() },
            Manners { ceremony: Some("webauthn.create"), ..good() },
            origin("https://evil.com"),
            origin("https://example.com"),
            origin("https://notauth.example.com"),
            origin("http://auth.example.com"),
            origin("http://localhost:3000"),
            Manners { cross_origin: Some(true), ..good() },
            Manners { top_origin: Some("https://auth.example.com"), ..good() },
            Manners { rp_id: Some("example.com".to_owned()), ..good() },
            Manners { user_present: false, ..good() },
            Manners { backed_up: true, ..good() },
            Manners { backup_eligible: true, ..good() },
            Manners { user_handle: Some(b"somebody else".to_vec()), ..good() },
        ];
        let question = asked(alice).await;
        for manners in &wrong {
            let credential = passkey.get(&question.options, manners);
            assert_eq!(answers(alice, &question.session, &credential).await, refused(), "{manners:?}");
            forget_failures(&world, &client).await;
        }
        // Another user's passkey, be it by its own name or under that of alice's.
        let foreign = of_bob.get(&question.options, &good());
        assert_eq!(answers(alice, &question.session, &foreign).await, refused());
        let mut disguised = foreign.clone();
        for member in ["id", "rawId"] {
            disguised[member] = json!(passkey.id_text());
        }
        assert_eq!(answers(alice, &question.session, &disguised).await, refused());
        forget_failures(&world, &client).await;
        for odd in [json!({}), json!(7), json!([]), json!({"id": "AAAA"}), json!(null)] {
            assert_eq!(answers(alice, &question.session, &odd).await, refused(), "{odd}");
            forget_failures(&world, &client).await;
        }
        let no_json = alice.answers(ChallengeName::WebAuthn, &question.session, &[("CREDENTIAL", "{")]).await;
        assert_eq!(no_json, refused());
        // None at all is no attempt.
        let missing = invalid("Missing required parameter CREDENTIAL");
        for _ in 0..6 {
            assert_eq!(alice.answers(ChallengeName::WebAuthn, &question.session, &[]).await, missing);
        }
        let right = passkey.get(&question.options, &good());
        assert_signed_in(&answers(alice, &question.session, &right).await, "alice");
    }
}

/// Wrong answers lock; so that all can be tried, time passes and the session is asked for anew where it must be.
async fn forget_failures(world: &World, client: &TestClient) {
    let store = &*world.app.services.store;
    let owner = world.owner(client, "alice").await;
    let mut batch = cognate::store::Batch::default();
    batch.delete(&cognate::store::AttemptsKey { owner });
    store.commit(batch).await.unwrap();
}

spec! {
    async fn with_a_bit_flipped_anywhere_in_what_is_signed_it_is_refused(world: World) {
        let (client, mut passkey) = scene(&world).await;
        let alice = world.person(&client, "alice");
        let question = asked(alice).await;
        let right = passkey.get(&question.options, &Manners::default());
        for member in ["clientDataJSON", "authenticatorData", "signature"] {
            let bytes = decoded(&right["response"][member]);
            for place in (0..bytes.len()).step_by(5) {
                let mut flipped = bytes.clone();
                flipped[place] ^= 1 << (place % 8);
                let mut changed = right.clone();
                changed["response"][member] = json!(encoded(&flipped));
                assert_eq!(answers(alice, &question.session, &changed).await, refused(), "{member} at {place}");
                forget_failures(&world, &client).await;
            }
        }
        assert_signed_in(&answers(alice, &question.session, &right).await, "alice");
    }
}

spec! {
    async fn wrong_answers_and_wrong_passwords_are_one_count_which_the_end_of_a_sign_in_forgives(world: World) {
        let (client, mut passkey) = scene(&world).await;
        let alice = world.person(&client, "alice");
        let question = asked(alice).await;
        let right = passkey.get(&question.options, &Manners::default());
        for _ in 0..2 {
            assert_eq!(answers(alice, &question.session, &json!({})).await, refused());
        }
        for _ in 0..3 {
            let wrong = not_authorized("Incorrect username or password.");
            assert_eq!(alice.proves_password(WRONG_PASSWORD).await, wrong);
        }
        assert_eq!(answers(alice, &question.session, &right).await, locked());
        world.advance(Duration::from_secs(1));
        assert_signed_in(&answers(alice, &question.session, &right).await, "alice");
        for _ in 0..2 {
            let question = asked(alice).await;
            for _ in 0..4 {
                assert_eq!(answers(alice, &question.session, &json!({})).await, refused());
            }
            let right = passkey.get(&question.options, &Manners::default());
            assert_signed_in(&answers(alice, &question.session, &right).await, "alice");
        }
    }
}

spec! {
    async fn a_copied_passkey_is_refused_once_the_other_has_been_used(world: World) {
        let (client, mut passkey) = scene(&world).await;
        let alice = world.person(&client, "alice");
        let good = Manners::default();
        let mut copy = passkey.cloned();
        assert_signed_in(&uses(alice, &mut passkey, &good).await, "alice");
        assert_eq!(uses(alice, &mut copy, &good).await, refused(), "as many signatures");
        let world = world.restarted().await;
        let alice = world.person(&client, "alice");
        // That it does not count at all is believed no more than that it begins anew.
        for signatures in [None, Some(0)] {
            copy.signatures = signatures;
            assert_eq!(uses(alice, &mut copy, &good).await, refused(), "{signatures:?}");
        }
        // The one that counts on goes on.
        assert_signed_in(&uses(alice, &mut passkey, &good).await, "alice");
        passkey.signatures = Some(u32::MAX - 1);
        assert_signed_in(&uses(alice, &mut passkey, &good).await, "alice");
    }
}

spec! {
    async fn a_device_that_does_not_count_is_taken_at_its_word_until_it_begins_to(world: World) {
        let (client, token) = alice(&world).await;
        let alice = world.person(&client, "alice");
        let good = Manners::default();
        let mut passkey = register(&world, &token, &Manners { counts: false, ..good.clone() }).await.unwrap();
        for _ in 0..2 {
            assert_signed_in(&uses(alice, &mut passkey, &good).await, "alice");
        }
        passkey.signatures = Some(6);
        assert_signed_in(&uses(alice, &mut passkey, &good).await, "alice");
        passkey.signatures = None;
        assert_eq!(uses(alice, &mut passkey, &good).await, refused());
    }
}

spec! {
    async fn where_the_pool_requires_it_the_device_must_have_made_sure_of_its_user(world: World) {
        let (client, mut passkey) = scene(&world).await;
        let settings = json!({"RelyingPartyId": RELYING_PARTY, "UserVerification": "required"});
        configure(&world, &client.pool, json!({"WebAuthnConfiguration": settings})).await;
        let alice = world.person(&client, "alice");
        let question = asked(alice).await;
        assert_eq!(question.options["userVerification"], "required");
        let unsure = Manners { user_verified: false, ..Manners::default() };
        assert_eq!(uses(alice, &mut passkey, &unsure).await, refused());
        assert_signed_in(&uses(alice, &mut passkey, &Manners::default()).await, "alice");
    }
}

/// Has the pool ask for second factors, with passkeys that stand for so many.
async fn ask_for_second_factors(world: &World, client: &TestClient, configuration: &str, stands_for: &str) {
    let members = json!({
        "MfaConfiguration": configuration,
        "SoftwareTokenMfaConfiguration": {"Enabled": true},
        "WebAuthnConfiguration": {"RelyingPartyId": RELYING_PARTY, "FactorConfiguration": stands_for},
    });
    configure(world, &client.pool, members).await;
}

spec! {
    async fn a_passkey_that_stands_for_one_factor_begins_nothing_that_needs_a_second(world: World) {
        let (client, _) = scene(&world).await;
        let alice = world.person(&client, "alice");
        ask_for_second_factors(&world, &client, "OPTIONAL", "SINGLE_FACTOR").await;
        assert_eq!(offered(alice).await, WITH_PASSKEY);
        world.give_authenticator(&client, "alice").await;
        world.turn_on(&client, "alice", &[SecondFactor::SoftwareToken], None).await;
        assert_only_the_password_is_offered(alice).await;
        world.turn_on(&client, "alice", &[], None).await;
        ask_for_second_factors(&world, &client, "ON", "SINGLE_FACTOR").await;
        assert_only_the_password_is_offered(alice).await;
    }
}

spec! {
    async fn a_passkey_that_stands_for_two_is_enough_if_its_device_has_made_sure_of_its_user(world: World) {
        let (client, mut passkey) = scene(&world).await;
        let alice = world.person(&client, "alice");
        let stands_for_two = "MULTI_FACTOR_WITH_USER_VERIFICATION";
        let unsure = Manners { user_verified: false, ..Manners::default() };
        // Who needs no second factor needs no more than before.
        ask_for_second_factors(&world, &client, "OPTIONAL", stands_for_two).await;
        assert_eq!(asked(alice).await.options["userVerification"], "preferred");
        assert_signed_in(&uses(alice, &mut passkey, &unsure).await, "alice");
        for (configuration, turned_on) in [("OPTIONAL", true), ("ON", true), ("ON", false)] {
            ask_for_second_factors(&world, &client, configuration, stands_for_two).await;
            world.give_authenticator(&client, "alice").await;
            let factors: &[SecondFactor] = if turned_on { &[SecondFactor::SoftwareToken] } else { &[] };
            world.turn_on(&client, "alice", factors, None).await;
            assert_eq!(offered(alice).await, WITH_PASSKEY);
            assert_eq!(asked(alice).await.options["userVerification"], "required");
            assert_eq!(uses(alice, &mut passkey, &unsure).await, refused());
            assert_signed_in(&uses(alice, &mut passkey, &Manners::default()).await, "alice");
        }
    }
}

spec! {
    async fn a_second_factor_that_is_turned_on_meanwhile_is_not_passed_by(world: World) {
        let (client, mut passkey) = scene(&world).await;
        let alice = world.person(&client, "alice");
        let question = asked(alice).await;
        let credential = passkey.get(&question.options, &Manners::default());
        let factor = SecondFactor::SoftwareToken;
        ask_for_second_factors(&world, &client, "OPTIONAL", "SINGLE_FACTOR").await;
        world.turn_on(&client, "alice", &[factor], None).await;
        for _ in 0..6 {
            assert_eq!(answers(alice, &question.session, &credential).await, invalid_session());
        }
        // Nor by a device that has not made sure of its user, where that would be the second.
        world.turn_on(&client, "alice", &[], None).await;
        ask_for_second_factors(&world, &client, "OPTIONAL", "MULTI_FACTOR_WITH_USER_VERIFICATION").await;
        let question = asked(alice).await;
        let unsure = passkey.get(&question.options, &Manners { user_verified: false, ..Manners::default() });
        world.turn_on(&client, "alice", &[factor], None).await;
        assert_eq!(answers(alice, &question.session, &unsure).await, refused());
        let sure = passkey.get(&question.options, &Manners::default());
        assert_signed_in(&answers(alice, &question.session, &sure).await, "alice");
    }
}

spec! {
    async fn passkeys_are_offered_to_those_who_have_one_where_the_pool_allows_them(world: World) {
        let (client, token) = alice(&world).await;
        let alice = world.person(&client, "alice");
        assert_only_the_password_is_offered(alice).await;
        let passkey = registered(&world, &token).await;
        assert_eq!(offered(alice).await, WITH_PASSKEY);
        allow(&world, &client.pool, &["PASSWORD"]).await;
        assert_only_the_password_is_offered(alice).await;
        allow(&world, &client.pool, &["PASSWORD", "WEB_AUTHN"]).await;
        configure(&world, &client.pool, json!({"WebAuthnConfiguration": {"RelyingPartyId": "example.com"}})).await;
        assert_only_the_password_is_offered(alice).await;
        configure(&world, &client.pool, json!({})).await;
        assert_only_the_password_is_offered(alice).await;
        configure(&world, &client.pool, json!({"WebAuthnConfiguration": {"RelyingPartyId": RELYING_PARTY}})).await;
        assert_eq!(offered(alice).await, WITH_PASSKEY);
        delete(&world, &token, &passkey.id_text()).await.unwrap();
        assert_only_the_password_is_offered(alice).await;
    }
}

spec! {
    async fn a_temporary_password_is_not_passed_by(world: World) {
        let (client, mut passkey) = scene(&world).await;
        let alice = world.person(&client, "alice");
        let question = asked(alice).await;
        let credential = passkey.get(&question.options, &Manners::default());
        world.set_temporary_password(&client.pool, "alice", TEMPORARY_PASSWORD).await.unwrap();
        assert_eq!(answers(alice, &question.session, &credential).await, invalid_session());
        assert_only_the_password_is_offered(alice).await;
    }
}

spec! {
    async fn a_password_that_is_set_meanwhile_is_nothing_to_a_passkey(world: World) {
        let (client, mut passkey) = scene(&world).await;
        let alice = world.person(&client, "alice");
        let question = asked(alice).await;
        let credential = passkey.get(&question.options, &Manners::default());
        world.set_password(&client.pool, "alice", "An0ther-one!").await.unwrap();
        assert_signed_in(&answers(alice, &question.session, &credential).await, "alice");
    }
}

spec! {
    async fn who_may_not_sign_in_any_more_does_not_by_a_passkey_either(world: World) {
        let (client, mut passkey) = scene(&world).await;
        let alice = world.person(&client, "alice");
        let question = asked(alice).await;
        let credential = passkey.get(&question.options, &Manners::default());
        world.disable(&client.pool, "alice").await;
        for _ in 0..6 {
            let answered = answers(alice, &question.session, &credential).await;
            assert_eq!(answered, not_authorized("User is disabled."));
        }
        assert_eq!(alice.prefers("WEB_AUTHN").await, not_authorized("User is disabled."));
        world.enable(&client.pool, "alice").await;
        world.reset_password(&client.pool, "alice").await.unwrap();
        let reset = Err(crate::support::refusal("PasswordResetRequiredException", "Password reset required for the user"));
        assert_eq!(answers(alice, &question.session, &credential).await, reset);
        world.set_password(&client.pool, "alice", PASSWORD).await.unwrap();
        world.delete_user(&client.pool, "alice").await.unwrap();
        assert_eq!(answers(alice, &question.session, &credential).await, invalid_session());
        // Nor for whoever takes the name after.
        signed_in(&world, &client, "alice").await;
        assert_eq!(answers(alice, &question.session, &credential).await, invalid_session());
    }
}

spec! {
    async fn what_is_given_up_or_turned_off_meanwhile_signs_nobody_in(world: World) {
        let (client, token) = alice(&world).await;
        let (mut passkey, other) = (registered(&world, &token).await, registered(&world, &token).await);
        let alice = world.person(&client, "alice");
        let question = asked(alice).await;
        assert_eq!(question.options["allowCredentials"].as_array().unwrap().len(), 2, "{}", other.id_text());
        let credential = passkey.get(&question.options, &Manners::default());
        allow(&world, &client.pool, &["PASSWORD"]).await;
        assert_eq!(answers(alice, &question.session, &credential).await, invalid_session());
        allow(&world, &client.pool, &["PASSWORD", "WEB_AUTHN"]).await;
        configure(&world, &client.pool, json!({})).await;
        assert_eq!(answers(alice, &question.session, &credential).await, invalid_session());
        configure(&world, &client.pool, json!({"WebAuthnConfiguration": {"RelyingPartyId": "example.com"}})).await;
        assert_eq!(answers(alice, &question.session, &credential).await, refused());
        configure(&world, &client.pool, json!({"WebAuthnConfiguration": {"RelyingPartyId": RELYING_PARTY}})).await;
        delete(&world, &token, &passkey.id_text()).await.unwrap();
        assert_eq!(answers(alice, &question.session, &credential).await, refused());
    }
}

spec! {
    async fn the_session_serves_only_its_user_its_client_its_challenge_and_its_time(world: World) {
        let (client, mut passkey) = scene(&world).await;
        let bobs = signed_in(&world, &client, "bob").await;
        registered(&world, &bobs).await;
        let (alice, bob) = (world.person(&client, "alice"), world.person(&client, "bob"));
        let of_the_same_pool = world.client(&client.pool, |_| {}).await;
        let question = asked(alice).await;
        let credential = passkey.get(&question.options, &Manners::default());
        for foreign in [bob, alice.named("nobody"), alice.at(&of_the_same_pool)] {
            assert_eq!(answers(foreign, &question.session, &credential).await, invalid_session());
        }
        let to_choose = alice.begins(AuthFlow::UserAuth, &[]).await.unwrap().session.unwrap();
        let for_password = alice.prefers("PASSWORD").await.unwrap().session.unwrap();
        for session in [&to_choose, &for_password] {
            assert_eq!(answers(alice, session, &credential).await, invalid_session());
        }
        let password = [("PASSWORD", PASSWORD), ("ANSWER", "PASSWORD"), ("SRP_A", "77")];
        for other in [ChallengeName::Password, ChallengeName::SelectChallenge, ChallengeName::PasswordSrp] {
            assert_eq!(alice.answers(other, &question.session, &password).await, invalid_session());
        }
        world.advance(Duration::from_secs(180) - MILLISECOND);
        assert_signed_in(&answers(alice, &question.session, &credential).await, "alice");
        let question = asked(alice).await;
        let credential = passkey.get(&question.options, &Manners::default());
        world.advance(Duration::from_secs(180));
        assert_eq!(
            answers(alice, &question.session, &credential).await,
            not_authorized("Invalid session for the user, session is expired.")
        );
    }
}

spec! {
    async fn of_many_right_answers_at_once_one_signs_in(world: World) {
        let (client, mut passkey) = scene(&world).await;
        let alice = world.person(&client, "alice");
        let question = asked(alice).await;
        let credential = passkey.get(&question.options, &Manners::default());
        let answers = at_once((0..4).map(|_| answers(alice, &question.session, &credential))).await;
        let (signed_in, late): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(signed_in.len(), 1, "{late:?}");
        // The counter may be found to be where it is before the session is found used.
        assert!(late.iter().all(|late| *late == used_session() || *late == refused()), "{late:?}");
    }
}

spec! {
    async fn a_session_from_before_a_restore_is_none_and_the_passkey_serves_on(world: World) {
        let (client, mut passkey) = scene(&world).await;
        let question = asked(world.person(&client, "alice")).await;
        let credential = passkey.get(&question.options, &Manners::default());
        let backup = world.back_up().await;
        let world = world.restored(&backup).await;
        let alice = world.person(&client, "alice");
        assert_eq!(answers(alice, &question.session, &credential).await, invalid_session());
        assert_signed_in(&uses(alice, &mut passkey, &Manners::default()).await, "alice");
    }
}

/// Where it is hidden who exists.
async fn hiding(world: &World) -> TestClient {
    let client = client_with_passkeys(world).await;
    world.client(&client.pool, hide_users).await
}

spec! {
    async fn where_it_is_hidden_who_exists_nobody_is_told_from_a_user_without_a_passkey(world: World) {
        let client = hiding(&world).await;
        world.confirmed_user(&client, "alice").await;
        let alice = world.person(&client, "alice");
        let without_session =
            |reply: Answered| reply.map(|reply| api::RespondToAuthChallengeResponse { session: None, ..reply });
        let ways = async |person: Person<'_>| {
            let preferred = person.prefers("WEB_AUTHN").await;
            let session = preferred.as_ref().unwrap().session().to_owned();
            let choice = [("ANSWER", "WEB_AUTHN"), ("CREDENTIAL", "{}")];
            let chosen = person.answers(ChallengeName::SelectChallenge, &session, &choice).await;
            let answered = answers(person, &session, &json!({})).await;
            [preferred, chosen, answered].map(without_session)
        };
        let expected = ways(alice).await;
        assert_eq!(expected[0].as_ref().unwrap().available_challenges, WITHOUT_PASSKEY.map(i32::from));
        assert_eq!(ways(alice.named("nobody")).await, expected);
    }
}

spec! {
    async fn where_it_is_hidden_who_exists_only_the_right_use_earns_the_news_of_a_user_who_may_not_sign_in(world: World) {
        let client = hiding(&world).await;
        let token = signed_in(&world, &client, "alice").await;
        let mut passkey = registered(&world, &token).await;
        let alice = world.person(&client, "alice");
        world.disable(&client.pool, "alice").await;
        let foreign = Manners { origin: "https://evil.com".to_owned(), ..Manners::default() };
        assert_eq!(uses(alice, &mut passkey, &foreign).await, refused());
        assert_eq!(uses(alice, &mut passkey, &Manners::default()).await, not_authorized("User is disabled."));
    }
}
