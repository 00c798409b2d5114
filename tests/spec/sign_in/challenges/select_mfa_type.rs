//! `SELECT_MFA_TYPE`: which of several second factors it is to be.

use std::time::Duration;

use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::{Op, user_pool_mfa};
use serde_json::json;

use super::{Kind, assert_signed_in, invalid, invalid_session, limit_exceeded, not_authorized, used_session};
use crate::spec;
use crate::support::factors::{Answered, Person};
use crate::support::fixtures::{PASSWORD, SecondFactor, TestClient};
use crate::support::{Wire, World, refusal};
use crate::wire::post_json;

const ALL: [SecondFactor; 3] = [SecondFactor::Sms, SecondFactor::SoftwareToken, SecondFactor::Email];

/// Where alice has every factor and prefers none.
async fn scene(world: &World) -> TestClient {
    let pool = world.pool_with_second_factors(user_pool_mfa::Value::Optional, &ALL).await;
    let client = world.client(&pool, |_| {}).await;
    has_all(world, &client, "alice").await;
    client
}

async fn has_all(world: &World, client: &TestClient, username: &str) {
    world.reachable_user(client, username).await;
    world.give_authenticator(client, username).await;
    world.turn_on(client, username, &ALL, None).await;
}

/// The session of the question.
async fn asked(person: Person<'_>) -> String {
    let reply = person.proves_password(PASSWORD).await.unwrap();
    assert_eq!(reply.challenge_name(), ChallengeName::SelectMfaType);
    reply.session.unwrap()
}

async fn chooses(person: Person<'_>, session: &str, name: &str) -> Answered {
    person.answers(ChallengeName::SelectMfaType, session, &[("ANSWER", name)]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_has_the_factors_as_text() {
    let world = World::new(Wire::Json).await;
    let client = scene(&world).await;
    world.update_attributes(&client.pool, "alice", &[("phone_number", "+15555559934")]).await.unwrap();
    let parameters = json!({"USERNAME": "alice", "PASSWORD": PASSWORD});
    let body = json!({"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": client.id, "AuthParameters": parameters});
    let reply = post_json(&world, Op::InitiateAuth, &body).await.json();
    let expected = json!({
        "ChallengeName": "SELECT_MFA_TYPE",
        "ChallengeParameters": {
            "CODE_DELIVERY_DESTINATION": "+*******9934",
            "MFAS_CAN_CHOOSE": r#"["SMS_MFA","SOFTWARE_TOKEN_MFA","EMAIL_OTP"]"#,
            "USER_ID_FOR_SRP": "alice",
        },
        "Session": reply["Session"],
    });
    assert_eq!(reply, expected);
    assert_eq!(world.messages().await, 0);
}

spec! {
    async fn every_choice_leads_to_its_challenge_and_that_to_tokens(world: World) {
        let client = scene(&world).await;
        for (kind, name) in
            [(Kind::SmsMfa, "SMS_MFA"), (Kind::SoftwareToken, "SOFTWARE_TOKEN_MFA"), (Kind::EmailMfa, "EMAIL_OTP")]
        {
            for alice in [world.person(&client, "alice"), world.person(&client, "alice").by_back_end()] {
                world.advance(Duration::from_secs(30));
                let session = asked(alice).await;
                let chosen = chooses(alice, &session, name).await.unwrap();
                assert_eq!(chosen.challenge_name(), kind.challenge());
                assert_eq!(chooses(alice, &session, name).await, used_session());
                let code = kind.code(alice).await;
                assert_signed_in(&kind.answers(alice, chosen.session(), &code).await, "alice");
            }
        }
    }
}

spec! {
    async fn a_choice_is_no_proof(world: World) {
        let client = scene(&world).await;
        let alice = world.person(&client, "alice");
        let session = asked(alice).await;
        let code = Kind::SoftwareToken.code(alice).await;
        assert_eq!(Kind::SoftwareToken.answers(alice, &session, &code).await, invalid_session());
        let choice = [("ANSWER", "SMS_MFA"), ("SOFTWARE_TOKEN_MFA_CODE", code.as_str())];
        let chosen = alice.answers(ChallengeName::SelectMfaType, &session, &choice).await.unwrap();
        assert!(chosen.authentication_result.is_none());
        // What was chosen is what is asked for.
        assert_eq!(Kind::SoftwareToken.answers(alice, chosen.session(), &code).await, invalid_session());
        assert_eq!(Kind::SmsMfa.answers(alice, chosen.session(), &code).await, Kind::SmsMfa.mismatch());
    }
}

spec! {
    async fn what_cannot_be_chosen_is_refused_and_something_else_may_be(world: World) {
        let client = scene(&world).await;
        let alice = world.person(&client, "alice");
        let session = asked(alice).await;
        world.turn_on(&client, "alice", &[SecondFactor::SoftwareToken, SecondFactor::Email], None).await;
        for name in ["SMS_MFA", "PASSWORD", "SMS_OTP", "MFA_SETUP", "sms_mfa"] {
            assert_eq!(chooses(alice, &session, name).await, invalid("The factor in ANSWER is not available."), "{name}");
        }
        assert_eq!(chooses(alice, &session, "").await, invalid("Missing required parameter ANSWER"));
        assert_eq!(world.messages().await, 0);
        chooses(alice, &session, "EMAIL_OTP").await.unwrap();
    }
}

spec! {
    async fn the_session_serves_only_its_user_its_client_and_its_time(world: World) {
        let client = scene(&world).await;
        has_all(&world, &client, "bob").await;
        let other = world.client(&client.pool, |_| {}).await;
        let alice = world.person(&client, "alice");
        let session = asked(alice).await;
        for foreign in [alice.named("bob"), alice.named("nobody"), alice.at(&other)] {
            assert_eq!(chooses(foreign, &session, "SMS_MFA").await, invalid_session());
        }
        for challenge in [ChallengeName::SelectChallenge, ChallengeName::MfaSetup, ChallengeName::SmsMfa] {
            let answers = [("ANSWER", "SMS_MFA"), ("SMS_MFA_CODE", "000000")];
            assert_eq!(alice.answers(challenge, &session, &answers).await, invalid_session());
        }
        world.advance(Duration::from_secs(3 * 60));
        let expired = not_authorized("Invalid session for the user, session is expired.");
        assert_eq!(chooses(alice, &session, "SMS_MFA").await, expired);
        assert_eq!(world.messages().await, 0);
    }
}

spec! {
    async fn what_happens_to_the_user_meanwhile_ends_it(world: World) {
        let client = scene(&world).await;
        let alice = world.person(&client, "alice");
        let session = asked(alice).await;
        world.disable(&client.pool, "alice").await;
        assert_eq!(chooses(alice, &session, "SMS_MFA").await, not_authorized("User is disabled."));
        world.enable(&client.pool, "alice").await;
        world.set_password(&client.pool, "alice", PASSWORD).await.unwrap();
        assert_eq!(chooses(alice, &session, "SMS_MFA").await, invalid_session());
        // Resetting needs an address that is no second factor.
        world.turn_on(&client, "alice", &[SecondFactor::Sms, SecondFactor::SoftwareToken], None).await;
        let session = asked(alice).await;
        world.reset_password(&client.pool, "alice").await.unwrap();
        let reset = refusal("PasswordResetRequiredException", "Password reset required for the user");
        assert_eq!(chooses(alice, &session, "SMS_MFA").await, Err(reset));
        world.delete_user(&client.pool, "alice").await.unwrap();
        assert_eq!(chooses(alice, &session, "SMS_MFA").await, invalid_session());
    }
}

spec! {
    async fn a_choice_for_which_no_message_may_be_sent_any_more_leaves_the_others(world: World) {
        let client = scene(&world).await;
        let alice = world.person(&client, "alice");
        for _ in 0..world.config.messages_per_user_hour_max {
            chooses(alice, &asked(alice).await, "EMAIL_OTP").await.unwrap();
        }
        let session = asked(alice).await;
        assert_eq!(chooses(alice, &session, "SMS_MFA").await, Err(limit_exceeded()));
        let chosen = chooses(alice, &session, "SOFTWARE_TOKEN_MFA").await.unwrap();
        let code = Kind::SoftwareToken.code(alice).await;
        assert_signed_in(&Kind::SoftwareToken.answers(alice, chosen.session(), &code).await, "alice");
    }
}
