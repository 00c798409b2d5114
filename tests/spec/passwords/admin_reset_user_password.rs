//! `AdminResetUserPassword`.

use cognate::api::recovery_option_name::Value::{AdminOnly, VerifiedEmail, VerifiedPhoneNumber};
use cognate::api::{self, Op, auth_flow, user_status};
use serde_json::json;

use super::*;
use crate::spec;
use crate::support::Wire;
use crate::support::fixtures::{PASSWORD, WRONG_PASSWORD, initiate_auth};
use crate::users::refuses_what_is_unknown;
use crate::wire::post_json;

spec! {
    async fn the_password_serves_no_longer_and_a_code_sets_another_while_sessions_go_on(world: World) {
        use user_status::Value::{Confirmed, ResetRequired};
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        world.advance(MILLISECOND);
        world.reset_password(&client.pool, "alice").await.unwrap();
        assert_eq!(status_of(&world, &client.pool, "alice").await, ResetRequired);
        let mail = world.mail().await;
        assert_eq!(mail.len(), 2);
        assert_eq!((mail[1].to.as_str(), mail[1].purpose.as_str()), ("alice@example.com", "forgot_password"));
        for password in [PASSWORD, WRONG_PASSWORD] {
            assert_eq!(world.try_password(&client, "alice", password).await, Err(reset_required()));
        }
        world.get_user(tokens.access_token()).await.unwrap();
        world.refresh(&client, tokens.refresh_token()).await.unwrap();
        world.confirm_forgot(&client, "alice", &mail[1].code, NEW_PASSWORD).await.unwrap();
        assert_eq!(status_of(&world, &client.pool, "alice").await, Confirmed);
        assert_eq!(world.try_password(&client, "alice", PASSWORD).await, Err(incorrect()));
        world.try_password(&client, "alice", NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn where_users_are_hidden_only_the_old_password_earns_the_news(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = hiding(&world, &pool).await;
        world.confirmed_user(&client, "alice").await;
        world.reset_password(&pool, "alice").await.unwrap();
        for _ in 0..4 {
            assert_eq!(world.try_password(&client, "alice", WRONG_PASSWORD).await, Err(incorrect()));
        }
        assert_eq!(world.try_password(&client, "alice", PASSWORD).await, Err(reset_required()));
        assert_eq!(world.try_password(&client, "alice", WRONG_PASSWORD).await, Err(incorrect()));
        let code = world.code_for("alice").await;
        world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await.unwrap();
        world.try_password(&client, "alice", NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn every_flow_asks_for_the_reset(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        world.reset_password(&client.pool, "alice").await.unwrap();
        let flows: [&[(&'static str, &str)]; 3] = [
            &[("PREFERRED_CHALLENGE", "PASSWORD"), ("PASSWORD", PASSWORD)],
            &[("PREFERRED_CHALLENGE", "PASSWORD")],
            &[],
        ];
        for parameters in flows {
            let parameters = parameters.iter().copied().chain([("USERNAME", "alice")]);
            let parameters = parameters.map(|(name, value)| (name, value.to_owned()));
            let reply = world.call(initiate_auth(&client, auth_flow::Value::UserAuth, parameters)).await;
            assert_eq!(reply.map(|_| ()), Err(reset_required()));
        }
    }
}

spec! {
    async fn repeated_it_sends_another_code(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        world.reset_password(&client.pool, "alice").await.unwrap();
        let first = world.code_for("alice").await;
        world.advance(MILLISECOND);
        world.reset_password(&client.pool, "alice").await.unwrap();
        let second = world.code_for("alice").await;
        assert_eq!(world.confirm_forgot(&client, "alice", &first, NEW_PASSWORD).await, Err(mismatch()));
        world.confirm_forgot(&client, "alice", &second, NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn an_operator_may_set_the_password_instead(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        world.reset_password(&client.pool, "alice").await.unwrap();
        let code = world.code_for("alice").await;
        world.set_password(&client.pool, "alice", NEW_PASSWORD).await.unwrap();
        assert_eq!(world.confirm_forgot(&client, "alice", &code, WRONG_PASSWORD).await, Err(expired()));
        world.try_password(&client, "alice", NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn whoever_has_no_password_to_lose_or_no_address_is_left_as_they_are(world: World) {
        use user_status::Value::{Confirmed, Unconfirmed};
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let state = not_authorized("User password cannot be reset in the current state.");
        assert_eq!(world.reset_password(&client.pool, "alice").await, Err(state));
        assert_eq!(status_of(&world, &client.pool, "alice").await, Unconfirmed);
        world.confirm_by_operator(&client.pool, "alice").await;
        assert_eq!(world.reset_password(&client.pool, "alice").await, Err(no_address()));
        assert_eq!(status_of(&world, &client.pool, "alice").await, Confirmed);
        world.confirmed_user(&client, "bob").await;
        world.disable(&client.pool, "bob").await;
        assert_eq!(world.reset_password(&client.pool, "bob").await, Err(not_authorized("User is disabled.")));
        world.enable(&client.pool, "bob").await;
        world.sign_in(&client, "alice").await;
        world.sign_in(&client, "bob").await;
    }
}

spec! {
    async fn the_code_goes_where_the_pool_says_and_to_any_verified_address_where_operators_alone_reset(world: World) {
        for (names, medium) in [
            (vec![VerifiedEmail, VerifiedPhoneNumber], "EMAIL"),
            (vec![VerifiedPhoneNumber], "SMS"),
            (vec![AdminOnly], "SMS"),
        ] {
            let pool = world.pool(recovers_by(&names)).await;
            let client = world.client(&pool, |_| {}).await;
            reachable_both_ways(&world, &client, "alice").await;
            world.advance(MILLISECOND);
            world.reset_password(&pool, "alice").await.unwrap();
            let mail = world.mail().await;
            assert_eq!(mail.last().unwrap().medium, medium, "{names:?}");
            let code = world.code_for("alice").await;
            world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await.unwrap();
        }
    }
}

spec! {
    async fn what_is_unknown_is_named(world: World) {
        let request = |user_pool_id, username| {
            api::AdminResetUserPasswordRequest { user_pool_id, username, client_metadata: Default::default() }
        };
        refuses_what_is_unknown(&world, request).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_an_empty_object_and_the_audit_trail_has_the_user_but_no_name() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    let sub = world.confirmed_user(&client, "alice").await;
    let body = json!({"UserPoolId": client.pool, "Username": "alice"});
    let reply = post_json(&world, Op::AdminResetUserPassword, &body).await;
    assert_eq!((reply.status, reply.body.as_ref()), (200, b"{}".as_slice()));
    let trail = world.audit().await;
    let line = trail.iter().find(|line| line["eventName"] == "AdminResetUserPassword").unwrap();
    assert_eq!(line["requestParameters"]["username"], "HIDDEN_DUE_TO_SECURITY_REASONS");
    assert_eq!(line["additionalEventData"]["sub"], sub.as_str());
}
