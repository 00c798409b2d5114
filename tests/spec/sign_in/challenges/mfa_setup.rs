//! `MFA_SETUP` by e-mail: the pool insists on a second factor, and the user gives an address for one.

use std::time::Duration;

use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::{Op, alias_attribute, user_pool_mfa};
use serde_json::json;

use super::{
    Kind, assert_signed_in, invalid, invalid_session, locked, not_authorized, parameters, used_session,
    with_a_digit_changed,
};
use crate::spec;
use crate::support::factors::{Answered, Person};
use crate::support::fixtures::{PASSWORD, SecondFactor, TestClient};
use crate::support::{Wire, World, refusal};
use crate::wire::post_json;

const ADDRESS: &str = "alice@example.com";

/// A client of a pool that insists on one of these factors.
async fn client_with(world: &World, factors: &[SecondFactor]) -> TestClient {
    let pool = world.pool(|request| request.alias_attributes = vec![alias_attribute::Value::Email.into()]).await;
    world.ask_for_second_factors(&pool, user_pool_mfa::Value::On, factors).await;
    world.client(&pool, |_| {}).await
}

/// A user of whom nothing is known but name and password.
async fn user_without_address(world: &World, client: &TestClient, username: &str) {
    world.create_user(&client.pool, username, |request| request.user_attributes.clear()).await.unwrap();
    world.set_password(&client.pool, username, PASSWORD).await.unwrap();
}

/// Where alice has no e-mail address and the pool insists on one.
async fn scene(world: &World) -> TestClient {
    let client = client_with(world, &[SecondFactor::Email]).await;
    user_without_address(world, &client, "alice").await;
    client
}

/// The session of the challenge.
async fn asked(person: Person<'_>) -> String {
    person.world.advance(Duration::from_secs(1));
    let reply = person.proves_password(PASSWORD).await.unwrap();
    assert_eq!(reply.challenge_name(), ChallengeName::MfaSetup);
    reply.session.unwrap()
}

async fn gives(person: Person<'_>, session: &str, address: &str) -> Answered {
    person.answers(ChallengeName::MfaSetup, session, &[("email", address)]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_has_what_can_be_set_up_as_text() {
    let world = World::new(Wire::Json).await;
    let client = client_with(&world, &[SecondFactor::SoftwareToken, SecondFactor::Email]).await;
    user_without_address(&world, &client, "alice").await;
    let parameters = json!({"USERNAME": "alice", "PASSWORD": PASSWORD});
    let body = json!({"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": client.id, "AuthParameters": parameters});
    let reply = post_json(&world, Op::InitiateAuth, &body).await.json();
    let expected = json!({
        "ChallengeName": "MFA_SETUP",
        "ChallengeParameters": {
            "MFAS_CAN_SETUP": r#"["SOFTWARE_TOKEN_MFA","EMAIL_OTP"]"#,
            "USER_ID_FOR_SRP": "alice",
        },
        "Session": reply["Session"],
    });
    assert_eq!(reply, expected);
}

spec! {
    async fn the_address_is_the_users_and_a_factor_once_its_code_comes_back(world: World) {
        let client = scene(&world).await;
        for alice in [world.person(&client, "alice"), world.person(&client, "alice").by_back_end()] {
            let session = asked(alice).await;
            let reply = gives(alice, &session, ADDRESS).await.unwrap();
            assert_eq!(reply.challenge_name(), ChallengeName::EmailOtp);
            let told = [
                ("CODE_DELIVERY_DELIVERY_MEDIUM", "EMAIL"),
                ("CODE_DELIVERY_DESTINATION", "a***@e***"),
                ("USER_ID_FOR_SRP", "alice"),
            ];
            assert_eq!(parameters(&reply), told);
            assert_eq!(gives(alice, &session, ADDRESS).await, used_session());
            assert_eq!(world.attributes_of(&client.pool, "alice").await, [] as [&str; 0]);
            let code = world.code_to(ADDRESS).await;
            assert_signed_in(&Kind::EmailMfa.answers(alice, reply.session(), &code).await, "alice");
            assert_eq!(Kind::EmailMfa.answers(alice, reply.session(), &code).await, used_session());
            let attributes = world.attributes_of(&client.pool, "alice").await;
            assert_eq!(attributes, ["email=alice@example.com", "email_verified=true"]);
            // From then on it is asked for, also by its new name.
            let alice_by_address = alice.named(ADDRESS);
            let asked = Kind::EmailMfa.asked(Person { username: "alice", ..alice_by_address }).await;
            assert_signed_in(&Kind::EmailMfa.answers(alice_by_address, &asked.session, &asked.code).await, "alice");
            world.ask_for_second_factors(&client.pool, user_pool_mfa::Value::Optional, &[SecondFactor::Email]).await;
            assert_eq!(alice.proves_password(PASSWORD).await.unwrap().challenge_name(), ChallengeName::EmailOtp);
            // Anew for the other.
            world.ask_for_second_factors(&client.pool, user_pool_mfa::Value::On, &[SecondFactor::Email]).await;
            world.turn_on(&client, "alice", &[], None).await;
            world.delete_attributes(&client.pool, "alice", &["email"]).await.unwrap();
        }
    }
}

spec! {
    async fn whoever_has_mistyped_the_address_begins_anew(world: World) {
        let client = scene(&world).await;
        let alice = world.person(&client, "alice");
        let mistyped = gives(alice, &asked(alice).await, "alcie@example.com").await.unwrap();
        let reply = gives(alice, &asked(alice).await, ADDRESS).await.unwrap();
        let code = world.code_to(ADDRESS).await;
        assert_eq!(Kind::EmailMfa.answers(alice, mistyped.session(), &code).await, Kind::EmailMfa.mismatch());
        assert_signed_in(&Kind::EmailMfa.answers(alice, reply.session(), &code).await, "alice");
        // What went to the other address proves nothing any more.
        let late = world.code_to("alcie@example.com").await;
        assert_eq!(Kind::EmailMfa.answers(alice, mistyped.session(), &late).await, invalid_session());
    }
}

spec! {
    async fn a_wrong_code_sets_nothing_up_and_counts(world: World) {
        let client = scene(&world).await;
        let alice = world.person(&client, "alice");
        let reply = gives(alice, &asked(alice).await, ADDRESS).await.unwrap();
        let code = world.code_to(ADDRESS).await;
        for at in 0..5 {
            let wrong = with_a_digit_changed(&code, at);
            let answered = Kind::EmailMfa.answers(alice, reply.session(), &wrong).await;
            assert_eq!(answered, Kind::EmailMfa.mismatch());
        }
        assert_eq!(Kind::EmailMfa.answers(alice, reply.session(), &code).await, locked());
        assert_eq!(world.attributes_of(&client.pool, "alice").await, [] as [&str; 0]);
        world.advance(Duration::from_secs(1));
        assert_signed_in(&Kind::EmailMfa.answers(alice, reply.session(), &code).await, "alice");
    }
}

spec! {
    async fn an_address_that_cannot_be_the_users_is_refused_and_another_may_be_given(world: World) {
        let client = scene(&world).await;
        world.reachable_user(&client, "bob").await;
        let alice = world.person(&client, "alice");
        let session = asked(alice).await;
        assert_eq!(gives(alice, &session, "no address").await, invalid("Invalid email address format."));
        assert_eq!(
            gives(alice, &session, "bob@example.com").await,
            Err(refusal("AliasExistsException", "An account with the email already exists."))
        );
        assert_eq!(world.messages().await, 0);
        gives(alice, &session, ADDRESS).await.unwrap();
    }
}

spec! {
    async fn an_address_that_becomes_anothers_meanwhile_is_not_the_users(world: World) {
        let client = scene(&world).await;
        let alice = world.person(&client, "alice");
        let reply = gives(alice, &asked(alice).await, "bob@example.com").await.unwrap();
        let code = world.code_to("bob@example.com").await;
        world.reachable_user(&client, "bob").await;
        assert_eq!(
            Kind::EmailMfa.answers(alice, reply.session(), &code).await,
            Err(refusal("AliasExistsException", "An account with the email already exists."))
        );
        assert_eq!(world.attributes_of(&client.pool, "alice").await, [] as [&str; 0]);
    }
}

spec! {
    async fn whoever_has_an_address_or_a_factor_meanwhile_sets_up_no_other(world: World) {
        let client = client_with(&world, &[SecondFactor::Email, SecondFactor::SoftwareToken]).await;
        user_without_address(&world, &client, "alice").await;
        let alice = world.person(&client, "alice");
        let to_give = asked(alice).await;
        let given = gives(alice, &asked(alice).await, ADDRESS).await.unwrap();
        let code = world.code_to(ADDRESS).await;
        let refused = async || {
            assert_eq!(gives(alice, &to_give, ADDRESS).await, invalid_session());
            assert_eq!(Kind::EmailMfa.answers(alice, given.session(), &code).await, invalid_session());
        };
        world.give_authenticator(&client, "alice").await;
        world.turn_on(&client, "alice", &[SecondFactor::SoftwareToken], None).await;
        refused().await;
        world.turn_on(&client, "alice", &[], None).await;
        world.update_attributes(&client.pool, "alice", &[("email", "other@example.com")]).await.unwrap();
        refused().await;
    }
}

spec! {
    async fn an_address_that_is_not_verified_is_no_factor_and_cannot_be_given_again(world: World) {
        let client = client_with(&world, &[SecondFactor::Email, SecondFactor::SoftwareToken]).await;
        world.create_user(&client.pool, "alice", |_| {}).await.unwrap();
        world.set_password(&client.pool, "alice", PASSWORD).await.unwrap();
        let alice = world.person(&client, "alice");
        let reply = alice.proves_password(PASSWORD).await.unwrap();
        assert_eq!(parameters(&reply)[0], ("MFAS_CAN_SETUP", r#"["SOFTWARE_TOKEN_MFA"]"#));
        assert_eq!(gives(alice, reply.session(), "new@example.com").await, invalid_session());
        world.ask_for_second_factors(&client.pool, user_pool_mfa::Value::On, &[SecondFactor::Email]).await;
        let nothing_is_possible = invalid("User does not have delivery config set to turn on SMS_MFA");
        assert_eq!(alice.proves_password(PASSWORD).await, nothing_is_possible);
    }
}

spec! {
    async fn a_client_that_may_not_write_the_address_sets_none_up(world: World) {
        let client = scene(&world).await;
        let other = world.client(&client.pool, |request| request.write_attributes = vec!["name".to_owned()]).await;
        let alice = world.person(&other, "alice");
        assert_eq!(
            gives(alice, &asked(alice).await, ADDRESS).await,
            not_authorized("A client attempted to write unauthorized attribute")
        );
        assert_eq!(world.messages().await, 0);
    }
}

spec! {
    async fn the_session_serves_only_its_user_its_client_its_step_and_its_time(world: World) {
        let client = scene(&world).await;
        user_without_address(&world, &client, "bob").await;
        let other = world.client(&client.pool, |_| {}).await;
        let alice = world.person(&client, "alice");
        let session = asked(alice).await;
        for foreign in [alice.named("bob"), alice.named("nobody"), alice.at(&other)] {
            assert_eq!(gives(foreign, &session, ADDRESS).await, invalid_session());
        }
        for challenge in [ChallengeName::EmailOtp, ChallengeName::SelectMfaType, ChallengeName::NewPasswordRequired] {
            let answers = [("ANSWER", "EMAIL_OTP"), ("EMAIL_OTP_CODE", "000000"), ("NEW_PASSWORD", PASSWORD)];
            assert_eq!(alice.answers(challenge, &session, &answers).await, invalid_session());
        }
        // Nothing is set up yet.
        assert_eq!(alice.answers(ChallengeName::MfaSetup, &session, &[]).await, invalid_session());
        let reply = gives(alice, &session, ADDRESS).await.unwrap();
        let code = world.code_to(ADDRESS).await;
        for foreign in [alice.named("bob"), alice.at(&other)] {
            let answered = Kind::EmailMfa.answers(foreign, reply.session(), &code).await;
            assert_eq!(answered, invalid_session());
        }
        world.advance(Duration::from_secs(3 * 60));
        let expired = not_authorized("Invalid session for the user, session is expired.");
        assert_eq!(Kind::EmailMfa.answers(alice, reply.session(), &code).await, expired);
    }
}

spec! {
    async fn what_happens_to_the_user_meanwhile_ends_it(world: World) {
        let client = scene(&world).await;
        let alice = world.person(&client, "alice");
        let session = asked(alice).await;
        let reply = gives(alice, &asked(alice).await, ADDRESS).await.unwrap();
        let code = world.code_to(ADDRESS).await;
        let both = async || {
            let one = gives(alice, &session, ADDRESS).await;
            assert_eq!(one, Kind::EmailMfa.answers(alice, reply.session(), &code).await);
            one
        };
        world.disable(&client.pool, "alice").await;
        assert_eq!(both().await, not_authorized("User is disabled."));
        world.enable(&client.pool, "alice").await;
        world.set_password(&client.pool, "alice", PASSWORD).await.unwrap();
        assert_eq!(both().await, invalid_session());
        world.delete_user(&client.pool, "alice").await.unwrap();
        assert_eq!(both().await, invalid_session());
    }
}
