//! What was revoked or used up does not come back to life with a backup from before; users and passwords do.

use std::time::Duration;

use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::{self, auth_flow};
use serde_json::json;

use crate::mfa;
use crate::spec;
use crate::support::fixtures::{PASSWORD, SecondFactor, TestClient, WRONG_PASSWORD, answer, initiate_auth};
use crate::support::{World, refusal};

/// The session of a sign-in that waits for the password.
async fn challenge(world: &World, client: &TestClient, username: &str) -> String {
    let parameters = [("USERNAME", username.to_owned()), ("PREFERRED_CHALLENGE", "PASSWORD".to_owned())];
    let begun = world.call(initiate_auth(client, auth_flow::Value::UserAuth, parameters)).await.unwrap();
    begun.session.unwrap()
}

fn password_answer(client: &TestClient, username: &str, session: &str) -> api::RespondToAuthChallengeRequest {
    let responses = [("USERNAME", username.to_owned()), ("PASSWORD", PASSWORD.to_owned())];
    answer(client, ChallengeName::Password, session, responses)
}

spec! {
    async fn a_refresh_token_from_before_is_none_whether_it_was_revoked_or_not(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let (revoked, kept) = (world.sign_in(&client, "alice").await, world.sign_in(&client, "alice").await);
        let backup = world.back_up().await;
        world.revoke(&client, revoked.refresh_token()).await.unwrap();
        let world = world.restored(&backup).await;
        for tokens in [revoked, kept] {
            let invalid = refusal("NotAuthorizedException", "Invalid Refresh Token");
            assert_eq!(world.refresh(&client, tokens.refresh_token()).await, Err(invalid));
            let ended = refusal("NotAuthorizedException", "Access Token has been revoked");
            assert_eq!(world.get_user(tokens.access_token()).await, Err(ended.clone()));
            assert_eq!(world.sign_out(tokens.access_token()).await, Err(ended));
            // As of any token that nobody has.
            world.revoke(&client, tokens.refresh_token()).await.unwrap();
        }
    }
}

spec! {
    async fn no_refresh_token_of_a_rotation_serves_whether_it_was_in_the_backup_or_not(world: World) {
        let client = world.app_client().await;
        world.rotate(&client, Some(60)).await;
        world.confirmed_user(&client, "alice").await;
        let first = world.sign_in(&client, "alice").await;
        let second = world.exchange(&client, first.refresh_token()).await.unwrap();
        let backup = world.back_up().await;
        let third = world.exchange(&client, second.refresh_token()).await.unwrap();
        let world = world.restored(&backup).await;
        for tokens in [first, second, third] {
            let invalid = refusal("NotAuthorizedException", "Invalid Refresh Token");
            assert_eq!(world.exchange(&client, tokens.refresh_token()).await, Err(invalid));
            let ended = refusal("NotAuthorizedException", "Access Token has been revoked");
            assert_eq!(world.get_user(tokens.access_token()).await, Err(ended));
        }
        let tokens = world.sign_in(&client, "alice").await;
        world.exchange(&client, tokens.refresh_token()).await.unwrap();
    }
}

spec! {
    async fn users_sign_in_with_their_passwords_and_what_they_get_is_good(world: World) {
        let client = world.app_client().await;
        let sub = world.confirmed_user(&client, "alice").await;
        let backup = world.back_up().await;
        world.confirmed_user(&client, "bob").await;
        let world = world.restored(&backup).await;
        let tokens = world.sign_in(&client, "alice").await;
        world.refresh(&client, tokens.refresh_token()).await.unwrap();
        assert_eq!(world.get_user(tokens.access_token()).await.unwrap().username, "alice");
        let pool = client.pool.clone();
        let found = world.admin_get_user(&pool, "alice").await.unwrap();
        assert_eq!(crate::support::fixtures::value_of(&found.user_attributes, "sub"), Some(sub.as_str()));
        let unknown = world.admin_get_user(&pool, "bob").await.unwrap_err();
        assert_eq!(unknown.exception, "UserNotFoundException");
        world.confirmed_user(&client, "bob").await;
        let again = world.back_up().await;
        let world = world.restored(&again).await;
        world.sign_in(&client, "bob").await;
        let invalid = refusal("NotAuthorizedException", "Invalid Refresh Token");
        assert_eq!(world.refresh(&client, tokens.refresh_token()).await, Err(invalid));
    }
}

spec! {
    async fn a_code_from_before_is_void_used_or_not_and_a_new_one_is_good(world: World) {
        let client = world.app_client().await;
        for name in ["used", "superseded", "waiting"] {
            world.sign_up(&client, name).await;
        }
        let [used, superseded, waiting] =
            [world.code_for("used").await, world.code_for("superseded").await, world.code_for("waiting").await];
        let backup = world.back_up().await;
        world.confirm(&client, "used", &used).await.unwrap();
        world.resend(&client, "superseded").await.unwrap();
        let newer = world.code_for("superseded").await;
        let world = world.restored(&backup).await;
        let expired = refusal("ExpiredCodeException", "Invalid code provided, please request a code again.");
        for (name, code) in [("used", used), ("superseded", superseded), ("superseded", newer), ("waiting", waiting)] {
            assert_eq!(world.confirm(&client, name, &code).await, Err(expired.clone()), "{name}");
            assert_eq!(world.confirm(&client, name, "000000").await, Err(expired.clone()), "{name}");
        }
        for name in ["used", "superseded", "waiting"] {
            world.resend(&client, name).await.unwrap();
            let code = world.code_for(name).await;
            world.confirm(&client, name, &code).await.unwrap();
        }
    }
}

spec! {
    async fn a_session_from_before_is_none_used_or_not(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let (used, waiting) = (challenge(&world, &client, "alice").await, challenge(&world, &client, "alice").await);
        let backup = world.back_up().await;
        world.call(password_answer(&client, "alice", &used)).await.unwrap();
        let world = world.restored(&backup).await;
        for session in [used, waiting] {
            let invalid = refusal("NotAuthorizedException", "Invalid session for the user.");
            assert_eq!(world.call(password_answer(&client, "alice", &session)).await, Err(invalid));
        }
        let session = challenge(&world, &client, "alice").await;
        world.call(password_answer(&client, "alice", &session)).await.unwrap();
    }
}

spec! {
    async fn no_code_of_an_app_from_before_serves_used_or_not_and_a_later_one_does(world: World) {
        let client = mfa::client_asking_for(&world, &[SecondFactor::SoftwareToken]).await;
        world.confirmed_user(&client, "alice").await;
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        let app = mfa::registered(&world, &token).await;
        mfa::prefer(&world, &token, json!({ "SoftwareTokenMfaSettings": mfa::on(true) })).await.unwrap();
        world.advance(Duration::from_secs(60));
        let backup = world.back_up().await;
        let [now, next] = [0, 1].map(|steps| app.code_in(world.now(), steps));
        mfa::sign_in_by_app(&world, &client, "alice", &now).await.unwrap();
        let world = world.restored(&backup).await;
        let used = refusal("ExpiredCodeException", "Your software token has already been used once.");
        for code in [now, next] {
            assert_eq!(mfa::sign_in_by_app(&world, &client, "alice", &code).await.map(drop), Err(used.clone()));
        }
        world.advance(Duration::from_secs(60));
        mfa::sign_in_by_app(&world, &client, "alice", &app.code(world.now())).await.unwrap();
    }
}

spec! {
    async fn failed_attempts_are_counted_on(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        for _ in 0..4 {
            world.try_password(&client, "alice", WRONG_PASSWORD).await.unwrap_err();
        }
        let backup = world.back_up().await;
        world.sign_in(&client, "alice").await;
        let world = world.restored(&backup).await;
        world.try_password(&client, "alice", WRONG_PASSWORD).await.unwrap_err();
        let locked = refusal("NotAuthorizedException", "Password attempts exceeded");
        assert_eq!(world.try_password(&client, "alice", PASSWORD).await, Err(locked));
    }
}
