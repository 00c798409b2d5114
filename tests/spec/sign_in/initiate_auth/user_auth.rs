//! `InitiateAuth` by `USER_AUTH`: the user chooses, or comes straight from sign-up.

use std::time::Duration;

use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::{self, alias_attribute};
use serde_json::json;

use super::{AuthFlow, invalid, not_authorized};
use crate::spec;
use crate::support::fixtures::{
    PASSWORD, TestClient, WRONG_PASSWORD, answer, claims, hide_users, initiate_auth, with_secret,
};
use crate::support::{Credential, Refusal, Wire, World, refusal};

type Begun = Result<api::InitiateAuthResponse, Refusal>;

async fn begins(world: &World, client: &TestClient, username: &str, parameters: &[(&'static str, &str)]) -> Begun {
    let parameters = parameters.iter().copied().chain([("USERNAME", username)]);
    let parameters = parameters.map(|(name, value)| (name, value.to_owned()));
    world.call(initiate_auth(client, AuthFlow::UserAuth, parameters)).await
}

/// Comes with the session of a sign-up.
async fn continues(world: &World, client: &TestClient, username: &str, session: &str) -> Begun {
    let mut parameters = vec![("USERNAME", username.to_owned())];
    parameters.extend(client.secret_hash(username).map(|hash| ("SECRET_HASH", hash)));
    let request = initiate_auth(client, AuthFlow::UserAuth, parameters);
    world.call(api::InitiateAuthRequest { session: Some(session.to_owned()), ..request }).await
}

/// Confirms a sign-up with the session that it gave. Gives the next session.
async fn confirmed_in_chain(world: &World, client: &TestClient, username: &str) -> String {
    let signed_up = world.sign_up(client, username).await;
    let request = api::ConfirmSignUpRequest {
        client_id: Some(client.id.clone()),
        username: Some(username.to_owned()),
        confirmation_code: Some(world.code_for(username).await),
        secret_hash: client.secret_hash(username),
        session: signed_up.session,
        ..Default::default()
    };
    world.call(request).await.unwrap().session.unwrap()
}

fn invalid_session() -> Begun {
    Err(not_authorized("Invalid session for the user."))
}

/// The whole challenge to select how to sign in, with the session that it came with.
fn selection(reply: &api::InitiateAuthResponse) -> api::InitiateAuthResponse {
    assert!(reply.session().len() >= 20);
    api::InitiateAuthResponse {
        challenge_name: Some(ChallengeName::SelectChallenge.into()),
        session: reply.session.clone(),
        available_challenges: vec![ChallengeName::PasswordSrp.into(), ChallengeName::Password.into()],
        ..Default::default()
    }
}

spec! {
    async fn without_a_preference_that_is_available_the_user_is_asked_to_choose(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let hashes = world.hashes_evaluated();
        for parameters in [
            &[][..],
            &[("PREFERRED_CHALLENGE", "EMAIL_OTP")],
            // A password alone is no preference.
            &[("PASSWORD", PASSWORD)],
        ] {
            let reply = begins(&world, &client, "alice", parameters).await.unwrap();
            assert_eq!(reply, selection(&reply), "{parameters:?}");
        }
        assert_eq!(world.hashes_evaluated(), hashes);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_of_a_selection_has_a_list_beside_an_empty_map() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    world.confirmed_user(&client, "alice").await;
    let body = json!({"AuthFlow": "USER_AUTH", "ClientId": client.id, "AuthParameters": {"USERNAME": "alice"}});
    let reply = world.post(api::Op::InitiateAuth, &Credential::None, body.to_string().into_bytes()).await.json();
    let expected = json!({
        "AvailableChallenges": ["PASSWORD_SRP", "PASSWORD"],
        "ChallengeName": "SELECT_CHALLENGE",
        "ChallengeParameters": {},
        "Session": reply["Session"],
    });
    assert_eq!(reply, expected);
}

spec! {
    async fn a_preferred_password_that_comes_along_signs_in_at_once(world: World) {
        let client = world.app_client().await;
        let sub = world.confirmed_user(&client, "alice").await;
        let parameters = [("PREFERRED_CHALLENGE", "PASSWORD"), ("PASSWORD", PASSWORD)];
        let reply = begins(&world, &client, "alice", &parameters).await.unwrap();
        let tokens = reply.authentication_result.clone();
        assert_eq!(reply, api::InitiateAuthResponse { authentication_result: tokens.clone(), ..Default::default() });
        assert_eq!(claims(tokens.unwrap().access_token())["sub"], sub);
    }
}

spec! {
    async fn a_preferred_password_that_is_wrong_is_refused_and_counted(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let parameters = [("PREFERRED_CHALLENGE", "PASSWORD"), ("PASSWORD", WRONG_PASSWORD)];
        for _ in 0..5 {
            assert_eq!(
                begins(&world, &client, "alice", &parameters).await,
                Err(not_authorized("Incorrect username or password."))
            );
        }
        assert_eq!(
            begins(&world, &client, "alice", &parameters).await,
            Err(not_authorized("Password attempts exceeded"))
        );
        assert_eq!(
            world.try_password(&client, "alice", PASSWORD).await,
            Err(not_authorized("Password attempts exceeded"))
        );
    }
}

spec! {
    async fn a_preferred_password_that_does_not_come_along_is_asked_for(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let reply = begins(&world, &client, "alice", &[("PREFERRED_CHALLENGE", "PASSWORD")]).await.unwrap();
        let expected = api::InitiateAuthResponse {
            challenge_name: Some(ChallengeName::Password.into()),
            session: reply.session.clone(),
            ..Default::default()
        };
        assert_eq!(reply, expected);
        let responses = [("USERNAME", "alice".to_owned()), ("PASSWORD", PASSWORD.to_owned())];
        let request = answer(&client, ChallengeName::Password, reply.session(), responses);
        assert!(world.call(request).await.unwrap().authentication_result.is_some());
    }
}

spec! {
    async fn a_username_must_be_given_and_the_client_proved(world: World) {
        let client = world.app_client().await;
        assert_eq!(
            world.call(initiate_auth(&client, AuthFlow::UserAuth, [])).await,
            Err(invalid("Missing required parameter USERNAME"))
        );
        let confidential = world.client(&client.pool, with_secret).await;
        world.confirmed_user(&client, "alice").await;
        assert_eq!(
            begins(&world, &confidential, "alice", &[]).await,
            Err(not_authorized(&format!(
                "Client {} is configured with secret but SECRET_HASH was not received",
                confidential.id
            )))
        );
        assert_eq!(
            begins(&world, &confidential, "alice", &[("SECRET_HASH", "bm9uc2Vuc2U=")]).await,
            Err(not_authorized(&format!("Unable to verify secret hash for client {}", confidential.id)))
        );
        let hash = confidential.secret_hash("alice").unwrap();
        begins(&world, &confidential, "alice", &[("SECRET_HASH", &hash)]).await.unwrap();
    }
}

spec! {
    async fn an_unknown_or_unconfirmed_user_is_told_as_such(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        for parameters in [&[][..], &[("PREFERRED_CHALLENGE", "PASSWORD")]] {
            assert_eq!(
                begins(&world, &client, "nobody", parameters).await,
                Err(refusal("UserNotFoundException", "User does not exist."))
            );
            assert_eq!(
                begins(&world, &client, "alice", parameters).await,
                Err(refusal("UserNotConfirmedException", "User is not confirmed."))
            );
        }
    }
}

spec! {
    async fn where_users_are_hidden_an_unknown_and_an_unconfirmed_one_are_asked_like_any_other(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, hide_users).await;
        world.confirmed_user(&client, "alice").await;
        world.sign_up(&client, "bob").await;
        for parameters in [&[][..], &[("PREFERRED_CHALLENGE", "PASSWORD")]] {
            let known = begins(&world, &client, "alice", parameters).await.unwrap();
            for name in ["nobody", "bob"] {
                let simulated = begins(&world, &client, name, parameters).await.unwrap();
                assert_eq!(simulated.session().len(), known.session().len());
                let session = known.session.clone();
                assert_eq!(api::InitiateAuthResponse { session, ..simulated }, known);
            }
        }
    }
}

spec! {
    async fn where_users_are_hidden_an_unknown_ones_preferred_password_is_wrong_at_the_usual_cost(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, hide_users).await;
        let hashes = world.hashes_evaluated();
        let parameters = [("PREFERRED_CHALLENGE", "PASSWORD"), ("PASSWORD", PASSWORD)];
        assert_eq!(
            begins(&world, &client, "nobody", &parameters).await,
            Err(not_authorized("Incorrect username or password."))
        );
        assert_eq!(world.hashes_evaluated(), hashes + 1);
    }
}

spec! {
    async fn the_session_of_a_confirmed_sign_up_signs_in_without_a_password(world: World) {
        let pool = world.pool(|_| {}).await;
        for client in [world.client(&pool, |_| {}).await, world.client(&pool, with_secret).await] {
            let username = if client.secret.is_some() { "alice" } else { "bob" };
            let session = confirmed_in_chain(&world, &client, username).await;
            let hashes = world.hashes_evaluated();
            let reply = continues(&world, &client, username, &session).await.unwrap();
            let tokens = reply.authentication_result.clone().unwrap();
            assert_eq!(
                reply,
                api::InitiateAuthResponse { authentication_result: Some(tokens.clone()), ..Default::default() }
            );
            assert_eq!(claims(tokens.id_token())["cognito:username"], username);
            assert_eq!(world.hashes_evaluated(), hashes);
        }
    }
}

spec! {
    async fn a_preference_does_not_matter_beside_the_session_of_a_sign_up(world: World) {
        let client = world.app_client().await;
        let session = confirmed_in_chain(&world, &client, "alice").await;
        let parameters = [("USERNAME", "alice".to_owned()), ("PREFERRED_CHALLENGE", "PASSWORD".to_owned())];
        let request = initiate_auth(&client, AuthFlow::UserAuth, parameters);
        let request = api::InitiateAuthRequest { session: Some(session), ..request };
        assert!(world.call(request).await.unwrap().authentication_result.is_some());
    }
}

spec! {
    async fn an_alias_of_the_same_user_continues_as_well(world: World) {
        let pool = world.pool(|request| request.alias_attributes = vec![alias_attribute::Value::Email.into()]).await;
        let client = world.client(&pool, |_| {}).await;
        let session = confirmed_in_chain(&world, &client, "alice").await;
        continues(&world, &client, "alice@example.com", &session).await.unwrap();
    }
}

spec! {
    async fn the_session_of_a_sign_up_serves_once(world: World) {
        let client = world.app_client().await;
        let session = confirmed_in_chain(&world, &client, "alice").await;
        continues(&world, &client, "alice", &session).await.unwrap();
        let used = Err(not_authorized("Invalid session for the user, session can only be used once."));
        assert_eq!(continues(&world, &client, "alice", &session).await, used);
        let world = world.restarted().await;
        assert_eq!(continues(&world, &client, "alice", &session).await, used);
    }
}

spec! {
    async fn the_session_of_a_sign_up_serves_for_the_first_sign_in_alone(world: World) {
        let client = world.app_client().await;
        let elsewhere = world.client(&client.pool, |_| {}).await;
        for (username, other) in [("alice", &client), ("bob", &elsewhere)] {
            let session = confirmed_in_chain(&world, &client, username).await;
            let tokens = world.sign_in(other, username).await;
            assert_eq!(continues(&world, &client, username, &session).await, invalid_session());
            world.revoke(other, tokens.refresh_token()).await.unwrap();
            assert_eq!(continues(&world, &client, username, &session).await, invalid_session());
        }
    }
}

spec! {
    async fn of_many_uses_of_one_session_at_once_one_signs_in(world: World) {
        let client = world.app_client().await;
        let session = confirmed_in_chain(&world, &client, "alice").await;
        let (a, b, c, d) = tokio::join!(
            continues(&world, &client, "alice", &session),
            continues(&world, &client, "alice", &session),
            continues(&world, &client, "alice", &session),
            continues(&world, &client, "alice", &session),
        );
        let (signed_in, refused): (Vec<_>, Vec<_>) = [a, b, c, d].into_iter().partition(Result::is_ok);
        assert_eq!(signed_in.len(), 1);
        let used = Err(not_authorized("Invalid session for the user, session can only be used once."));
        assert_eq!(refused, vec![used; 3]);
    }
}

spec! {
    async fn the_session_of_a_sign_up_lives_as_long_as_the_client_says_to_the_millisecond(world: World) {
        let pool = world.pool(|_| {}).await;
        let default = world.client(&pool, |_| {}).await;
        let longest = world.client(&pool, |request| request.auth_session_validity = Some(15)).await;
        for (client, minutes) in [(default, 3), (longest, 15)] {
            let (in_time, late) = (format!("in-time-{minutes}"), format!("late-{minutes}"));
            let session_in_time = confirmed_in_chain(&world, &client, &in_time).await;
            let session_late = confirmed_in_chain(&world, &client, &late).await;
            world.advance(Duration::from_millis(minutes * 60 * 1000 - 1));
            continues(&world, &client, &in_time, &session_in_time).await.unwrap();
            world.advance(Duration::from_millis(1));
            assert_eq!(
                continues(&world, &client, &late, &session_late).await,
                Err(not_authorized("Invalid session for the user, session is expired."))
            );
        }
    }
}

spec! {
    async fn the_session_of_a_sign_up_serves_only_its_user_and_its_client(world: World) {
        let client = world.app_client().await;
        let of_the_same_pool = world.client(&client.pool, |_| {}).await;
        let of_another_pool = world.app_client().await;
        world.confirmed_user(&client, "bob").await;
        world.confirmed_user(&of_another_pool, "alice").await;
        let session = confirmed_in_chain(&world, &client, "alice").await;
        assert_eq!(continues(&world, &client, "bob", &session).await, invalid_session());
        assert_eq!(continues(&world, &client, "nobody", &session).await, invalid_session());
        assert_eq!(continues(&world, &of_the_same_pool, "alice", &session).await, invalid_session());
        assert_eq!(continues(&world, &of_another_pool, "alice", &session).await, invalid_session());
        continues(&world, &client, "alice", &session).await.unwrap();
    }
}

spec! {
    async fn a_session_that_was_changed_or_made_up_is_invalid(world: World) {
        let client = world.app_client().await;
        let session = confirmed_in_chain(&world, &client, "alice").await;
        let refresh_token = world.sign_in(&client, "alice").await.refresh_token.unwrap();
        let first = if session.starts_with('A') { "B" } else { "A" };
        let changed = format!("{first}{}", &session[1..]);
        for session in [&changed, &session[1..], "twenty-characters-or-more", &refresh_token] {
            assert_eq!(continues(&world, &client, "alice", session).await, invalid_session());
        }
    }
}

spec! {
    async fn the_session_of_another_step_is_invalid(world: World) {
        let client = world.app_client().await;
        let signed_up = world.sign_up(&client, "alice").await.session.unwrap();
        assert_eq!(continues(&world, &client, "alice", &signed_up).await, invalid_session());
        world.confirm_by_operator(&client.pool, "alice").await;
        let selecting = begins(&world, &client, "alice", &[]).await.unwrap().session.unwrap();
        for session in [signed_up, selecting] {
            assert_eq!(continues(&world, &client, "alice", &session).await, invalid_session());
        }
    }
}
