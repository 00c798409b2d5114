//! MFA_SETUP by an authenticator app: `AssociateSoftwareToken` and `VerifySoftwareToken` with the session of the sign-in, and
//! its end.

use std::time::Duration;

use cognate::api::auth_factor::Value as AuthFactor;
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::user_pool_mfa::Value as UserPoolMfa;
use cognate::api::{self, auth_flow};
use serde_json::json;

use super::{ALL, no_session, not_of_the_pool, not_theirs, off, on, prefer, prefer_for, registered, sign_in_by_app};
use crate::spec;
use crate::support::authenticator::Authenticator;
use crate::support::fixtures::{PASSWORD, SecondFactor, TEMPORARY_PASSWORD, TestClient, answer, initiate_auth, named};
use crate::support::{Refusal, World, at_once, refusal};

type Answered = Result<api::RespondToAuthChallengeResponse, Refusal>;

/// A client of a pool that insists on an authenticator app, and a user without one.
async fn alice_without(world: &World) -> TestClient {
    let client = world.app_client().await;
    world.confirmed_user(&client, "alice").await;
    world.ask_for_second_factors(&client.pool, UserPoolMfa::On, &[SecondFactor::SoftwareToken]).await;
    client
}

/// The session with which a sign-in asks for a factor to be set up.
async fn asked(world: &World, client: &TestClient, username: &str) -> String {
    let response = world.call(client.password_request(username, PASSWORD)).await.unwrap();
    assert_eq!((response.challenge_name(), &response.authentication_result), (ChallengeName::MfaSetup, &None));
    assert_eq!(response.challenge_parameters["MFAS_CAN_SETUP"], r#"["SOFTWARE_TOKEN_MFA"]"#);
    response.session.unwrap()
}

/// The app that a session has brought a secret for, and the next session.
async fn associate(world: &World, session: &str) -> Result<(Authenticator, String), Refusal> {
    let request = api::AssociateSoftwareTokenRequest { session: Some(session.to_owned()), ..Default::default() };
    let response = world.call(request).await?;
    Ok((Authenticator::of(response.secret_code()), response.session.unwrap()))
}

/// The session that ends the challenge.
async fn verify(world: &World, session: &str, code: &str) -> Result<String, Refusal> {
    let request = api::VerifySoftwareTokenRequest {
        session: Some(session.to_owned()),
        user_code: Some(code.to_owned()),
        friendly_device_name: Some("Alice's telephone".to_owned()),
        ..Default::default()
    };
    let response = world.call(request).await?;
    assert_eq!(response.status(), api::software_token_verification::Value::Success);
    Ok(response.session.unwrap())
}

async fn end(world: &World, client: &TestClient, username: &str, session: &str) -> Answered {
    world.call(answer(client, ChallengeName::MfaSetup, session, [("USERNAME", username.to_owned())])).await
}

/// All of it: the app, and the session that ends the challenge.
async fn set_up(world: &World, client: &TestClient) -> (Authenticator, String) {
    let (app, session) = associate(world, &asked(world, client, "alice").await).await.unwrap();
    let session = verify(world, &session, &app.code(world.now())).await.unwrap();
    (app, session)
}

async fn means_of(world: &World, pool: &str) -> Vec<AuthFactor> {
    let (user_pool_id, username) = named(pool, "alice");
    let request = api::AdminGetUserAuthFactorsRequest { user_pool_id, username };
    world.call(request).await.unwrap().configured_user_auth_factors().collect()
}

fn used() -> Refusal {
    refusal("NotAuthorizedException", "Invalid session for the user, session can only be used once.")
}

spec! {
    async fn an_app_is_registered_and_turned_on_and_the_sign_in_ends(world: World) {
        let client = alice_without(&world).await;
        let (app, session) = set_up(&world, &client).await;
        assert_eq!(means_of(&world, &client.pool).await, [AuthFactor::Password], "nothing is registered before the end");
        let code = app.code(world.now());
        let tokens = end(&world, &client, "alice", &session).await.unwrap().authentication_result.unwrap();
        let user = world.get_user(tokens.access_token()).await.unwrap();
        assert_eq!(
            (user.preferred_mfa_setting.as_deref(), user.user_mfa_setting_list),
            (Some("SOFTWARE_TOKEN_MFA"), vec!["SOFTWARE_TOKEN_MFA".to_owned()])
        );
        assert_eq!(means_of(&world, &client.pool).await, [AuthFactor::Password, AuthFactor::SoftwareToken]);

        let asked = world.call(client.password_request("alice", PASSWORD)).await.unwrap();
        assert_eq!(asked.challenge_name(), ChallengeName::SoftwareTokenMfa);
        assert_eq!(asked.challenge_parameters["FRIENDLY_DEVICE_NAME"], "Alice's telephone");
        let again = refusal("ExpiredCodeException", "Your software token has already been used once.");
        assert_eq!(sign_in_by_app(&world, &client, "alice", &code).await.map(drop), Err(again));
        world.advance(Duration::from_secs(30));
        sign_in_by_app(&world, &client, "alice", &app.code(world.now())).await.unwrap();
    }
}

spec! {
    async fn every_session_serves_once(world: World) {
        let client = alice_without(&world).await;
        let first = asked(&world, &client, "alice").await;
        let (app, second) = associate(&world, &first).await.unwrap();
        let third = verify(&world, &second, &app.code(world.now())).await.unwrap();
        end(&world, &client, "alice", &third).await.unwrap();
        world.advance(Duration::from_secs(60));
        for spent in [&first, &second] {
            assert_eq!(associate(&world, spent).await.map(drop), Err(used()));
            assert_eq!(verify(&world, spent, &app.code(world.now())).await, Err(used()));
        }
        for spent in [&first, &second, &third] {
            assert_eq!(end(&world, &client, "alice", spent).await, Err(used()));
        }
    }
}

spec! {
    async fn of_two_at_once_one_goes_on(world: World) {
        let client = alice_without(&world).await;
        let session = asked(&world, &client, "alice").await;
        let outcomes = at_once([associate(&world, &session), associate(&world, &session)]).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        let (app, session) = outcomes.into_iter().find_map(Result::ok).unwrap();
        let code = app.code(world.now());
        let outcomes = at_once([verify(&world, &session, &code), verify(&world, &session, &code)]).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        let session = outcomes.into_iter().find_map(Result::ok).unwrap();
        let ends = [end(&world, &client, "alice", &session), end(&world, &client, "alice", &session)];
        assert_eq!(at_once(ends).await.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    }
}

spec! {
    async fn a_wrong_code_leaves_the_session_as_it_was(world: World) {
        let client = alice_without(&world).await;
        let (app, session) = associate(&world, &asked(&world, &client, "alice").await).await.unwrap();
        for code in [app.wrong_code(world.now()), app.code_in(world.now(), -2), app.code_in(world.now(), 2)] {
            assert_eq!(verify(&world, &session, &code).await, Err(not_theirs()));
        }
        let session = verify(&world, &session, &app.code(world.now())).await.unwrap();
        end(&world, &client, "alice", &session).await.unwrap();
    }
}

spec! {
    async fn a_secret_can_be_asked_for_again_and_the_one_before_is_none_then(world: World) {
        let client = alice_without(&world).await;
        let (first, session) = associate(&world, &asked(&world, &client, "alice").await).await.unwrap();
        let (second, session) = associate(&world, &session).await.unwrap();
        assert_eq!(verify(&world, &session, &first.code(world.now())).await, Err(not_theirs()));
        verify(&world, &session, &second.code(world.now())).await.unwrap();
    }
}

spec! {
    async fn no_step_is_passed_by(world: World) {
        let client = alice_without(&world).await;
        let session = asked(&world, &client, "alice").await;
        assert_eq!(end(&world, &client, "alice", &session).await, Err(no_session()));
        assert_eq!(verify(&world, &session, "123456").await, Err(not_theirs()), "there is no secret yet");
        let (app, session) = associate(&world, &session).await.unwrap();
        assert_eq!(end(&world, &client, "alice", &session).await, Err(no_session()));
        let session = verify(&world, &session, &app.code(world.now())).await.unwrap();
        assert_eq!(associate(&world, &session).await.map(drop), Err(no_session()));
        assert_eq!(verify(&world, &session, &app.code(world.now())).await, Err(no_session()));
        end(&world, &client, "alice", &session).await.unwrap();
    }
}

spec! {
    async fn sessions_that_ask_for_something_else_set_nothing_up(world: World) {
        let client = world.app_client().await;
        let signed_up = world.sign_up(&client, "bob").await.session.unwrap();
        world.confirmed_user(&client, "alice").await;
        world.ask_for_second_factors(&client.pool, UserPoolMfa::Optional, &ALL).await;
        let by_choice = initiate_auth(&client, auth_flow::Value::UserAuth, [("USERNAME", "alice".to_owned())]);
        let choice = world.call(by_choice).await.unwrap().session.unwrap();
        world.create_user(&client.pool, "carol", |_| {}).await.unwrap();
        let temporary = client.password_request("carol", TEMPORARY_PASSWORD);
        let new_password = world.call(temporary).await.unwrap().session.unwrap();
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        registered(&world, &token).await;
        prefer(&world, &token, json!({ "SoftwareTokenMfaSettings": on(true) })).await.unwrap();
        let second_factor = world.call(client.password_request("alice", PASSWORD)).await.unwrap().session.unwrap();
        for session in [signed_up, choice, new_password, second_factor] {
            assert_eq!(associate(&world, &session).await.map(drop), Err(no_session()));
            assert_eq!(verify(&world, &session, "123456").await, Err(no_session()));
            assert_eq!(end(&world, &client, "alice", &session).await, Err(no_session()));
        }
    }
}

spec! {
    async fn a_session_with_one_character_changed_is_none(world: World) {
        let client = alice_without(&world).await;
        let session = asked(&world, &client, "alice").await;
        for place in [0, session.len() / 2, session.len() - 1] {
            let mut changed = session.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(associate(&world, &changed).await.map(drop), Err(no_session()), "at {place}");
        }
        associate(&world, &session).await.unwrap();
    }
}

spec! {
    async fn the_end_is_for_the_same_user_by_the_same_client(world: World) {
        let client = alice_without(&world).await;
        world.confirmed_user(&client, "bob").await;
        let (other, elsewhere) = (world.client(&client.pool, |_| {}).await, alice_without(&world).await);
        let (_, session) = set_up(&world, &client).await;
        assert_eq!(end(&world, &client, "bob", &session).await, Err(no_session()));
        assert_eq!(end(&world, &other, "alice", &session).await, Err(no_session()));
        assert_eq!(end(&world, &elsewhere, "alice", &session).await, Err(no_session()));
        assert_eq!(means_of(&world, &client.pool).await, [AuthFactor::Password]);
        end(&world, &client, "alice", &session).await.unwrap();
    }
}

spec! {
    async fn a_session_ends_with_its_time(world: World) {
        let client = alice_without(&world).await;
        let expired = || refusal("NotAuthorizedException", "Invalid session for the user, session is expired.");
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let session = asked(&world, &client, "alice").await;
        world.advance(minutes(3));
        assert_eq!(associate(&world, &session).await.map(drop), Err(expired()));
        let (app, session) = associate(&world, &asked(&world, &client, "alice").await).await.unwrap();
        world.advance(minutes(3));
        assert_eq!(verify(&world, &session, &app.code(world.now())).await, Err(expired()));
        let (_, session) = set_up(&world, &client).await;
        world.advance(minutes(3));
        assert_eq!(end(&world, &client, "alice", &session).await, Err(expired()));
        assert_eq!(means_of(&world, &client.pool).await, [AuthFactor::Password]);
    }
}

spec! {
    async fn whoever_may_not_sign_in_any_more_sets_nothing_up(world: World) {
        let client = alice_without(&world).await;
        let begun = asked(&world, &client, "alice").await;
        let (app, associated) = associate(&world, &asked(&world, &client, "alice").await).await.unwrap();
        let (_, verified) = set_up(&world, &client).await;
        let outcomes = async || {
            [
                associate(&world, &begun).await.map(drop).unwrap_err(),
                verify(&world, &associated, &app.code(world.now())).await.unwrap_err(),
                end(&world, &client, "alice", &verified).await.unwrap_err(),
            ]
        };
        let disabled = || refusal("NotAuthorizedException", "User is disabled.");
        world.disable(&client.pool, "alice").await;
        assert_eq!(outcomes().await, [disabled(), disabled(), disabled()]);
        world.enable(&client.pool, "alice").await;
        // What the sessions stand for is another password.
        world.set_password(&client.pool, "alice", "An0ther-one!").await.unwrap();
        assert_eq!(outcomes().await, [no_session(), no_session(), no_session()]);
        world.delete_user(&client.pool, "alice").await.unwrap();
        assert_eq!(outcomes().await, [no_session(), no_session(), no_session()]);
    }
}

spec! {
    async fn a_factor_that_was_turned_on_meanwhile_is_to_be_proved_and_not_replaced(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        world.ask_for_second_factors(&client.pool, UserPoolMfa::On, &[SecondFactor::SoftwareToken]).await;
        let begun = asked(&world, &client, "alice").await;
        let (app, associated) = associate(&world, &asked(&world, &client, "alice").await).await.unwrap();
        let (_, verified) = set_up(&world, &client).await;
        let alices = registered(&world, &token).await;
        prefer(&world, &token, json!({ "SoftwareTokenMfaSettings": on(true) })).await.unwrap();
        assert_eq!(associate(&world, &begun).await.map(drop), Err(no_session()));
        assert_eq!(verify(&world, &associated, &app.code(world.now())).await, Err(no_session()));
        assert_eq!(end(&world, &client, "alice", &verified).await, Err(no_session()));
        world.advance(Duration::from_secs(30));
        sign_in_by_app(&world, &client, "alice", &alices.code(world.now())).await.unwrap();
        // Once it is off, a new sign-in asks again.
        prefer_for(&world, &client.pool, "alice", json!({ "SoftwareTokenMfaSettings": off() })).await.unwrap();
        asked(&world, &client, "alice").await;
    }
}

spec! {
    async fn a_pool_that_has_no_software_tokens_any_more_sets_none_up(world: World) {
        let client = alice_without(&world).await;
        let begun = asked(&world, &client, "alice").await;
        let (app, associated) = associate(&world, &asked(&world, &client, "alice").await).await.unwrap();
        let (_, verified) = set_up(&world, &client).await;
        world.ask_for_second_factors(&client.pool, UserPoolMfa::On, &[SecondFactor::Sms]).await;
        assert_eq!(associate(&world, &begun).await.map(drop), Err(not_of_the_pool()));
        assert_eq!(verify(&world, &associated, &app.code(world.now())).await, Err(not_of_the_pool()));
        assert_eq!(end(&world, &client, "alice", &verified).await, Err(no_session()));
    }
}

spec! {
    async fn a_set_up_goes_on_after_a_restart(world: World) {
        let client = alice_without(&world).await;
        let session = asked(&world, &client, "alice").await;
        let world = world.restarted().await;
        let (app, session) = associate(&world, &session).await.unwrap();
        let world = world.restarted().await;
        let session = verify(&world, &session, &app.code(world.now())).await.unwrap();
        let world = world.restarted().await;
        end(&world, &client, "alice", &session).await.unwrap();
        let world = world.restarted().await;
        world.advance(Duration::from_secs(30));
        sign_in_by_app(&world, &client, "alice", &app.code(world.now())).await.unwrap();
    }
}
