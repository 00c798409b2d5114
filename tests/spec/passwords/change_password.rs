//! `ChangePassword`.

use cognate::api::{self, Op};
use serde_json::json;

use super::*;
use crate::spec;
use crate::support::fixtures::{PASSWORD, WRONG_PASSWORD};
use crate::support::{Wire, at_once};
use crate::wire::post_json;

/// A confirmed user's access token.
async fn token_of(world: &World, client: &TestClient, username: &str) -> String {
    world.confirmed_user(client, username).await;
    world.sign_in(client, username).await.access_token.unwrap()
}

spec! {
    async fn the_proposed_password_serves_and_the_previous_one_no_longer_while_sessions_go_on(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        let before = world.admin_get_user(&client.pool, "alice").await.unwrap();
        world.advance(MILLISECOND);
        world.change_password(tokens.access_token(), PASSWORD, NEW_PASSWORD).await.unwrap();
        let after = world.admin_get_user(&client.pool, "alice").await.unwrap();
        assert_ne!(after.user_last_modified_date, before.user_last_modified_date);
        assert_eq!((after.user_status, after.user_attributes), (before.user_status, before.user_attributes));
        assert_eq!(world.try_password(&client, "alice", PASSWORD).await, Err(incorrect()));
        world.try_password(&client, "alice", NEW_PASSWORD).await.unwrap();
        world.get_user(tokens.access_token()).await.unwrap();
        world.refresh(&client, tokens.refresh_token()).await.unwrap();
        assert_eq!(world.mail().await.len(), 1);
        world.change_password(tokens.access_token(), NEW_PASSWORD, PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_wrong_previous_password_counts_like_a_failed_sign_in(world: World) {
        let client = world.app_client().await;
        let token = token_of(&world, &client, "alice").await;
        for _ in 0..2 {
            assert_eq!(world.change_password(&token, WRONG_PASSWORD, NEW_PASSWORD).await, Err(incorrect()));
            assert_eq!(world.try_password(&client, "alice", WRONG_PASSWORD).await, Err(incorrect()));
        }
        assert_eq!(world.change_password(&token, WRONG_PASSWORD, NEW_PASSWORD).await, Err(incorrect()));
        let (locked, evaluated) = (not_authorized("Password attempts exceeded"), world.hashes_evaluated());
        assert_eq!(world.change_password(&token, PASSWORD, NEW_PASSWORD).await, Err(locked.clone()));
        assert_eq!(world.try_password(&client, "alice", PASSWORD).await, Err(locked));
        assert_eq!(world.hashes_evaluated(), evaluated);
        world.advance(Duration::from_secs(1));
        // The right one forgives them all.
        world.change_password(&token, PASSWORD, NEW_PASSWORD).await.unwrap();
        for _ in 0..4 {
            assert_eq!(world.try_password(&client, "alice", WRONG_PASSWORD).await, Err(incorrect()));
        }
        world.try_password(&client, "alice", NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn five_calls_an_hour_are_enough_and_of_many_at_once_no_more_are_looked_at(world: World) {
        let client = world.app_client().await;
        let token = token_of(&world, &client, "alice").await;
        let evaluated = world.hashes_evaluated();
        let replies = at_once((0..12).map(|_| world.change_password(&token, PASSWORD, PASSWORD))).await;
        assert_eq!(replies.iter().filter(|reply| reply.is_ok()).count(), 5);
        assert_eq!(replies.iter().filter(|reply| **reply == Err(too_often())).count(), 7);
        assert_eq!(world.hashes_evaluated(), evaluated + 10, "five looked at, and five made");
        // What is refused so is no failed attempt.
        world.sign_in(&client, "alice").await;
        world.advance(HOUR - MILLISECOND);
        let world = world.restarted().await;
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        assert_eq!(world.change_password(&token, PASSWORD, NEW_PASSWORD).await, Err(too_often()));
        world.advance(MILLISECOND);
        world.change_password(&token, PASSWORD, NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn of_two_changes_at_once_the_second_finds_another_password(world: World) {
        let client = world.app_client().await;
        let token = token_of(&world, &client, "alice").await;
        let replies = at_once((0..2).map(|_| world.change_password(&token, PASSWORD, NEW_PASSWORD))).await;
        assert_eq!(replies.iter().filter(|reply| reply.is_ok()).count(), 1);
        assert_eq!(replies.iter().filter(|reply| **reply == Err(incorrect())).count(), 1);
    }
}

spec! {
    async fn the_proposed_password_must_conform_to_the_policy_whatever_the_previous_one(world: World) {
        let client = world.app_client().await;
        let token = token_of(&world, &client, "alice").await;
        for (password, reason) in BREACHES {
            for previous in [PASSWORD, WRONG_PASSWORD] {
                assert_eq!(world.change_password(&token, previous, password).await, Err(breach(reason)));
            }
        }
        // None of these was an attempt, nor a call of the five.
        for _ in 0..2 {
            world.change_password(&token, PASSWORD, PASSWORD).await.unwrap();
        }
    }
}

spec! {
    async fn members_that_are_needed_or_out_of_bounds_are_named(world: World) {
        let client = world.app_client().await;
        let token = token_of(&world, &client, "alice").await;
        let absent = |path: &str| {
            let constraint = "failed to satisfy constraint: Member must not be null";
            let message = format!("1 validation error detected: Value at '{path}' {constraint}");
            Err(refusal("InvalidParameterException", &message))
        };
        let request = api::ChangePasswordRequest {
            access_token: Some(token.clone()),
            previous_password: None,
            proposed_password: Some(NEW_PASSWORD.to_owned()),
        };
        assert_eq!(world.call(request.clone()).await.map(|_| ()), absent("previousPassword"));
        let request = api::ChangePasswordRequest {
            previous_password: Some(PASSWORD.to_owned()),
            proposed_password: None,
            ..request
        };
        assert_eq!(world.call(request).await.map(|_| ()), absent("proposedPassword"));
        let pattern = "failed to satisfy constraint: Member must satisfy regular expression pattern: ^[\\S]+.*[\\S]+$";
        assert_eq!(
            world.change_password(&token, "x", " spaces ").await,
            Err(refusal(
                "InvalidParameterException",
                &format!(
                    "2 validation errors detected: Value at 'previousPassword' {pattern}; Value at 'proposedPassword' {pattern}"
                )
            ))
        );
        world.sign_in(&client, "alice").await;
    }
}

spec! {
    async fn a_token_that_does_not_serve_changes_nothing(world: World) {
        let client = world.app_client().await;
        let token = token_of(&world, &client, "alice").await;
        let change = async |token: &str| world.change_password(token, PASSWORD, NEW_PASSWORD).await;
        assert_eq!(change("nonsense").await, Err(not_authorized("Invalid Access Token")));
        world.disable(&client.pool, "alice").await;
        assert_eq!(change(&token).await, Err(not_authorized("User is disabled.")));
        world.enable(&client.pool, "alice").await;
        assert_eq!(change(&token).await, Err(not_authorized("Access Token has been revoked")));
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        world.advance(2 * HOUR);
        assert_eq!(change(&token).await, Err(not_authorized("Access Token has expired")));
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        world.delete_user(&client.pool, "alice").await.unwrap();
        assert_eq!(change(&token).await, Err(refusal("UserNotFoundException", "User does not exist.")));
    }
}

spec! {
    async fn a_password_that_an_operator_has_voided_is_not_the_previous_one(world: World) {
        let client = world.app_client().await;
        let token = token_of(&world, &client, "alice").await;
        world.reset_password(&client.pool, "alice").await.unwrap();
        assert_eq!(world.change_password(&token, PASSWORD, NEW_PASSWORD).await, Err(reset_required()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_an_empty_object_and_the_audit_trail_hides_both_passwords() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    let token = token_of(&world, &client, "alice").await;
    let body = json!({"AccessToken": token, "PreviousPassword": PASSWORD, "ProposedPassword": NEW_PASSWORD});
    let reply = post_json(&world, Op::ChangePassword, &body).await;
    assert_eq!((reply.status, reply.body.as_ref()), (200, b"{}".as_slice()));
    let trail = world.audit().await;
    let line = trail.iter().find(|line| line["eventName"] == "ChangePassword").unwrap();
    for member in ["previousPassword", "proposedPassword", "accessToken"] {
        assert_eq!(line["requestParameters"][member], "HIDDEN_DUE_TO_SECURITY_REASONS");
    }
    assert!(!trail.iter().any(|line| line.to_string().contains(NEW_PASSWORD)));
}
