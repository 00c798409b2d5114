//! `RespondToAuthChallenge`.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cognate::api::auth_flow::Value as AuthFlow;
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::{self, alias_attribute};

use crate::spec;
use crate::support::fixtures::{
    PASSWORD, TestClient, WRONG_PASSWORD, answer, claims, hide_users, initiate_auth, with_secret,
};
use crate::support::{Refusal, World, refusal};

type Answered = Result<api::RespondToAuthChallengeResponse, Refusal>;

/// The session of a sign-in that has begun and waits for a choice or, if that is preferred, for the password.
async fn begun(world: &World, client: &TestClient, username: &str, challenge: ChallengeName) -> String {
    let mut parameters = vec![("USERNAME", username.to_owned())];
    parameters.extend(client.secret_hash(username).map(|hash| ("SECRET_HASH", hash)));
    if challenge == ChallengeName::Password {
        parameters.push(("PREFERRED_CHALLENGE", "PASSWORD".to_owned()));
    }
    let reply = world.call(initiate_auth(client, AuthFlow::UserAuth, parameters)).await.unwrap();
    assert_eq!(reply.challenge_name(), challenge);
    reply.session.unwrap()
}

async fn answers(
    world: &World,
    client: &TestClient,
    challenge: ChallengeName,
    session: &str,
    responses: &[(&'static str, &str)],
) -> Answered {
    let responses = responses.iter().map(|(name, value)| (*name, (*value).to_owned()));
    world.call(answer(client, challenge, session, responses)).await
}

async fn answers_password(
    world: &World,
    client: &TestClient,
    session: &str,
    username: &str,
    password: &str,
) -> Answered {
    let mut responses = vec![("USERNAME", username), ("PASSWORD", password)];
    let hash = client.secret_hash(username);
    responses.extend(hash.as_deref().map(|hash| ("SECRET_HASH", hash)));
    answers(world, client, ChallengeName::Password, session, &responses).await
}

fn not_authorized(message: &str) -> Answered {
    Err(refusal("NotAuthorizedException", message))
}

fn invalid_session() -> Answered {
    not_authorized("Invalid session for the user.")
}

fn used_session() -> Answered {
    not_authorized("Invalid session for the user, session can only be used once.")
}

fn missing(parameter: &str) -> Answered {
    Err(refusal("InvalidParameterException", &format!("Missing required parameter {parameter}")))
}

spec! {
    async fn the_right_password_earns_tokens(world: World) {
        let client = world.app_client().await;
        let sub = world.confirmed_user(&client, "alice").await;
        let session = begun(&world, &client, "alice", ChallengeName::Password).await;
        let reply = answers_password(&world, &client, &session, "alice", PASSWORD).await.unwrap();
        let tokens = reply.authentication_result.clone().unwrap();
        let expected = api::RespondToAuthChallengeResponse {
            authentication_result: Some(api::AuthenticationResult {
                expires_in: Some(3600),
                token_type: Some("Bearer".to_owned()),
                ..tokens.clone()
            }),
            ..Default::default()
        };
        assert_eq!(reply, expected);
        assert_eq!(claims(tokens.id_token())["sub"], sub);
        world.get_user(tokens.access_token()).await.unwrap();
        world.refresh(&client, tokens.refresh_token()).await.unwrap();
    }
}

spec! {
    async fn the_password_may_come_with_the_choice(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let session = begun(&world, &client, "alice", ChallengeName::SelectChallenge).await;
        let responses = [("USERNAME", "alice"), ("ANSWER", "PASSWORD"), ("PASSWORD", PASSWORD)];
        let reply = answers(&world, &client, ChallengeName::SelectChallenge, &session, &responses).await.unwrap();
        let tokens = reply.authentication_result.clone();
        assert!(tokens.is_some());
        assert_eq!(
            reply,
            api::RespondToAuthChallengeResponse { authentication_result: tokens, ..Default::default() }
        );
        assert_eq!(
            answers(&world, &client, ChallengeName::SelectChallenge, &session, &responses).await,
            used_session()
        );
    }
}

spec! {
    async fn the_choice_alone_leads_to_the_next_challenge_with_a_new_session(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let session = begun(&world, &client, "alice", ChallengeName::SelectChallenge).await;
        let choice = [("USERNAME", "alice"), ("ANSWER", "PASSWORD")];
        let reply = answers(&world, &client, ChallengeName::SelectChallenge, &session, &choice).await.unwrap();
        let expected = api::RespondToAuthChallengeResponse {
            challenge_name: Some(ChallengeName::Password.into()),
            session: reply.session.clone(),
            ..Default::default()
        };
        assert_eq!(reply, expected);
        assert_ne!(reply.session(), session);
        assert_eq!(
            answers(&world, &client, ChallengeName::SelectChallenge, &session, &choice).await,
            used_session()
        );
        answers_password(&world, &client, reply.session(), "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_choice_that_is_not_available_is_refused_and_another_may_be_made(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let session = begun(&world, &client, "alice", ChallengeName::SelectChallenge).await;
        for choice in ["EMAIL_OTP", "WEB_AUTHN", "password"] {
            let responses = [("USERNAME", "alice"), ("ANSWER", choice)];
            assert_eq!(
                answers(&world, &client, ChallengeName::SelectChallenge, &session, &responses).await,
                Err(refusal("InvalidParameterException", "The challenge in ANSWER is not available."))
            );
        }
        let responses = [("USERNAME", "alice"), ("ANSWER", "PASSWORD")];
        answers(&world, &client, ChallengeName::SelectChallenge, &session, &responses).await.unwrap();
    }
}

spec! {
    async fn after_a_wrong_password_the_same_session_may_be_tried_again(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let session = begun(&world, &client, "alice", ChallengeName::Password).await;
        for _ in 0..2 {
            assert_eq!(
                answers_password(&world, &client, &session, "alice", WRONG_PASSWORD).await,
                not_authorized("Incorrect username or password.")
            );
        }
        let selecting = begun(&world, &client, "alice", ChallengeName::SelectChallenge).await;
        let choice = |password| [("USERNAME", "alice"), ("ANSWER", "PASSWORD"), ("PASSWORD", password)];
        assert_eq!(
            answers(&world, &client, ChallengeName::SelectChallenge, &selecting, &choice(WRONG_PASSWORD)).await,
            not_authorized("Incorrect username or password.")
        );
        answers(&world, &client, ChallengeName::SelectChallenge, &selecting, &choice(PASSWORD)).await.unwrap();
        answers_password(&world, &client, &session, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn wrong_answers_count_towards_the_one_lock_of_the_user(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let session = begun(&world, &client, "alice", ChallengeName::Password).await;
        for _ in 0..3 {
            answers_password(&world, &client, &session, "alice", WRONG_PASSWORD).await.unwrap_err();
        }
        for _ in 0..2 {
            world.try_password(&client, "alice", WRONG_PASSWORD).await.unwrap_err();
        }
        let hashes = world.hashes_evaluated();
        assert_eq!(
            answers_password(&world, &client, &session, "alice", PASSWORD).await,
            not_authorized("Password attempts exceeded")
        );
        assert_eq!(world.hashes_evaluated(), hashes);
        // The lock does not cost the session.
        world.advance(Duration::from_secs(1));
        answers_password(&world, &client, &session, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_session_serves_once(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let session = begun(&world, &client, "alice", ChallengeName::Password).await;
        answers_password(&world, &client, &session, "alice", PASSWORD).await.unwrap();
        assert_eq!(answers_password(&world, &client, &session, "alice", PASSWORD).await, used_session());
        let world = world.restarted().await;
        assert_eq!(answers_password(&world, &client, &session, "alice", PASSWORD).await, used_session());
    }
}

spec! {
    async fn of_two_right_answers_at_once_one_signs_in(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let session = begun(&world, &client, "alice", ChallengeName::Password).await;
        let (one, other) = tokio::join!(
            answers_password(&world, &client, &session, "alice", PASSWORD),
            answers_password(&world, &client, &session, "alice", PASSWORD),
        );
        let (signed_in, refused) = if one.is_ok() { (one, other) } else { (other, one) };
        assert!(signed_in.is_ok());
        assert_eq!(refused, used_session());
        // The answer that came too late was right all the same: it locks nobody out.
        for _ in 0..4 {
            assert_eq!(
                world.try_password(&client, "alice", WRONG_PASSWORD).await,
                Err(refusal("NotAuthorizedException", "Incorrect username or password."))
            );
        }
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_session_outlives_a_restart(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let session = begun(&world, &client, "alice", ChallengeName::Password).await;
        let world = world.restarted().await;
        answers_password(&world, &client, &session, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_session_lives_as_long_as_the_client_says_to_the_millisecond(world: World) {
        let pool = world.pool(|_| {}).await;
        let default = world.client(&pool, |_| {}).await;
        let longer = world.client(&pool, |request| request.auth_session_validity = Some(7)).await;
        world.confirmed_user(&default, "alice").await;
        for (client, minutes) in [(default, 3), (longer, 7)] {
            let in_time = begun(&world, &client, "alice", ChallengeName::Password).await;
            let late = begun(&world, &client, "alice", ChallengeName::Password).await;
            world.advance(Duration::from_millis(minutes * 60 * 1000 - 1));
            answers_password(&world, &client, &in_time, "alice", PASSWORD).await.unwrap();
            world.advance(Duration::from_millis(1));
            let hashes = world.hashes_evaluated();
            assert_eq!(
                answers_password(&world, &client, &late, "alice", PASSWORD).await,
                not_authorized("Invalid session for the user, session is expired.")
            );
            assert_eq!(world.hashes_evaluated(), hashes);
        }
    }
}

spec! {
    async fn the_next_challenge_lives_anew(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let session = begun(&world, &client, "alice", ChallengeName::SelectChallenge).await;
        world.advance(Duration::from_secs(2 * 60));
        let choice = [("USERNAME", "alice"), ("ANSWER", "PASSWORD")];
        let reply = answers(&world, &client, ChallengeName::SelectChallenge, &session, &choice).await.unwrap();
        world.advance(Duration::from_secs(2 * 60));
        answers_password(&world, &client, reply.session(), "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_session_that_was_changed_or_made_up_is_invalid(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let session = begun(&world, &client, "alice", ChallengeName::Password).await;
        let refresh_token = world.sign_in(&client, "alice").await.refresh_token.unwrap();
        let first = if session.starts_with('A') { "B" } else { "A" };
        let changed = format!("{first}{}", &session[1..]);
        let hashes = world.hashes_evaluated();
        for session in [&changed, &session[1..], "twenty-characters-or-more", &refresh_token] {
            assert_eq!(answers_password(&world, &client, session, "alice", PASSWORD).await, invalid_session());
        }
        assert_eq!(world.hashes_evaluated(), hashes);
    }
}

spec! {
    async fn a_session_serves_only_its_user_and_its_client(world: World) {
        let client = world.app_client().await;
        let of_the_same_pool = world.client(&client.pool, |_| {}).await;
        let of_another_pool = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        world.confirmed_user(&client, "bob").await;
        world.confirmed_user(&of_another_pool, "alice").await;
        let session = begun(&world, &client, "alice", ChallengeName::Password).await;
        for (client, username) in
            [(&client, "bob"), (&client, "nobody"), (&of_the_same_pool, "alice"), (&of_another_pool, "alice")]
        {
            assert_eq!(answers_password(&world, client, &session, username, PASSWORD).await, invalid_session());
        }
        answers_password(&world, &client, &session, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn an_alias_and_the_username_are_the_same_user(world: World) {
        let pool = world.pool(|request| request.alias_attributes = vec![alias_attribute::Value::Email.into()]).await;
        let client = world.client(&pool, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        let session = begun(&world, &client, "alice@example.com", ChallengeName::Password).await;
        answers_password(&world, &client, &session, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_challenge_that_the_session_is_not_at_is_refused(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let at_password = begun(&world, &client, "alice", ChallengeName::Password).await;
        let at_selection = begun(&world, &client, "alice", ChallengeName::SelectChallenge).await;
        let block = BASE64_STANDARD.encode(&at_selection);
        let responses = [
            ("USERNAME", "alice"),
            ("ANSWER", "PASSWORD"),
            ("PASSWORD", PASSWORD),
            ("PASSWORD_CLAIM_SECRET_BLOCK", &block),
        ];
        for (challenge, session) in [
            (ChallengeName::SelectChallenge, &at_password),
            (ChallengeName::Password, &at_selection),
            (ChallengeName::SmsMfa, &at_password),
            (ChallengeName::NewPasswordRequired, &at_password),
            (ChallengeName::PasswordVerifier, &at_selection),
        ] {
            assert_eq!(answers(&world, &client, challenge, session, &responses).await, invalid_session());
        }
    }
}

spec! {
    async fn the_session_of_a_sign_up_answers_no_challenge(world: World) {
        let client = world.app_client().await;
        let session = world.sign_up(&client, "alice").await.session.unwrap();
        world.confirm_by_operator(&client.pool, "alice").await;
        assert_eq!(answers_password(&world, &client, &session, "alice", PASSWORD).await, invalid_session());
    }
}

spec! {
    async fn what_a_challenge_asks_for_must_be_given(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let at_password = begun(&world, &client, "alice", ChallengeName::Password).await;
        let at_selection = begun(&world, &client, "alice", ChallengeName::SelectChallenge).await;
        let (select, password) = (ChallengeName::SelectChallenge, ChallengeName::Password);
        let name = ("USERNAME", "alice");

        assert_eq!(answers(&world, &client, password, &at_password, &[("PASSWORD", PASSWORD)]).await, missing("USERNAME"));
        assert_eq!(answers(&world, &client, password, &at_password, &[name]).await, missing("PASSWORD"));
        assert_eq!(answers(&world, &client, password, &at_password, &[name, ("PASSWORD", "")]).await, missing("PASSWORD"));
        assert_eq!(answers(&world, &client, select, &at_selection, &[name]).await, missing("ANSWER"));
        assert_eq!(answers(&world, &client, select, &at_selection, &[name, ("PASSWORD", PASSWORD)]).await, missing("ANSWER"));
        for challenge in [select, password] {
            let responses = [("USERNAME", "alice".to_owned()), ("PASSWORD", PASSWORD.to_owned())];
            let request =
                api::RespondToAuthChallengeRequest { session: None, ..answer(&client, challenge, "", responses) };
            assert_eq!(world.call(request).await, missing("Session"));
        }
        // None of that cost the sessions.
        answers_password(&world, &client, &at_password, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn an_unknown_client_is_named(world: World) {
        let client = TestClient { pool: String::new(), id: "nonesuch".to_owned(), secret: None };
        assert_eq!(
            answers_password(&world, &client, "twenty-characters-or-more", "alice", PASSWORD).await,
            Err(refusal("ResourceNotFoundException", "User pool client nonesuch does not exist."))
        );
    }
}

spec! {
    async fn a_client_with_a_secret_proves_in_every_answer_that_it_has_it(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, with_secret).await;
        world.confirmed_user(&client, "alice").await;
        let session = begun(&world, &client, "alice", ChallengeName::Password).await;
        let (name, password) = (("USERNAME", "alice"), ("PASSWORD", PASSWORD));
        assert_eq!(
            answers(&world, &client, ChallengeName::Password, &session, &[name, password]).await,
            not_authorized(&format!("Client {} is configured with secret but SECRET_HASH was not received", client.id))
        );
        let of_another_name = client.secret_hash("bob").unwrap();
        let responses = [name, password, ("SECRET_HASH", of_another_name.as_str())];
        assert_eq!(
            answers(&world, &client, ChallengeName::Password, &session, &responses).await,
            not_authorized(&format!("Unable to verify secret hash for client {}", client.id))
        );
        answers_password(&world, &client, &session, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_secret_hash_for_a_client_without_a_secret_is_refused(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let session = begun(&world, &client, "alice", ChallengeName::Password).await;
        let responses = [("USERNAME", "alice"), ("PASSWORD", PASSWORD), ("SECRET_HASH", "bm9uc2Vuc2U=")];
        assert_eq!(
            answers(&world, &client, ChallengeName::Password, &session, &responses).await,
            not_authorized(&format!("Unable to verify secret hash for client {}", client.id))
        );
    }
}

spec! {
    async fn where_users_are_hidden_an_unknown_one_goes_the_whole_way_to_a_wrong_password(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, hide_users).await;
        let session = begun(&world, &client, "nobody", ChallengeName::SelectChallenge).await;
        let choice = [("USERNAME", "nobody"), ("ANSWER", "PASSWORD")];
        let reply = answers(&world, &client, ChallengeName::SelectChallenge, &session, &choice).await.unwrap();
        assert_eq!(
            answers(&world, &client, ChallengeName::SelectChallenge, &session, &choice).await,
            used_session()
        );
        assert_eq!(
            answers_password(&world, &client, reply.session(), "nobody-else", PASSWORD).await,
            invalid_session()
        );
        for _ in 0..5 {
            let hashes = world.hashes_evaluated();
            assert_eq!(
                answers_password(&world, &client, reply.session(), "nobody", PASSWORD).await,
                not_authorized("Incorrect username or password.")
            );
            assert_eq!(world.hashes_evaluated(), hashes + 1);
        }
        assert_eq!(
            answers_password(&world, &client, reply.session(), "nobody", PASSWORD).await,
            not_authorized("Password attempts exceeded")
        );
    }
}

spec! {
    async fn where_users_are_hidden_the_right_password_earns_the_news_that_the_user_is_unconfirmed(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, hide_users).await;
        world.sign_up(&client, "alice").await;
        let session = begun(&world, &client, "alice", ChallengeName::Password).await;
        assert_eq!(
            answers_password(&world, &client, &session, "alice", WRONG_PASSWORD).await,
            not_authorized("Incorrect username or password.")
        );
        assert_eq!(
            answers_password(&world, &client, &session, "alice", PASSWORD).await,
            Err(refusal("UserNotConfirmedException", "User is not confirmed."))
        );
    }
}

spec! {
    async fn a_request_without_client_and_challenge_breaks_two_bounds(world: World) {
        assert_eq!(
            world.call(api::RespondToAuthChallengeRequest::default()).await,
            Err(refusal(
                "InvalidParameterException",
                "2 validation errors detected: Value at 'clientId' failed to satisfy constraint: Member must not be null; \
                 Value null at 'challengeName' failed to satisfy constraint: Member must not be null"
            ))
        );
    }
}
