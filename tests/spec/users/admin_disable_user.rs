//! `AdminDisableUser`.

use std::time::Duration;

use cognate::api::{self, Op, auth_flow, challenge_name};
use serde_json::json;

use super::refuses_what_is_unknown;
use crate::spec;
use crate::support::fixtures::{PASSWORD, WRONG_PASSWORD, answer, hide_users, initiate_auth};
use crate::support::{Refusal, Wire, World, refusal};
use crate::wire::post_json;

fn disabled() -> Refusal {
    refusal("NotAuthorizedException", "User is disabled.")
}

spec! {
    async fn a_disabled_user_can_do_nothing(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        world.confirmed_user(&client, "bob").await;
        let (tokens, bobs) = (world.sign_in(&client, "alice").await, world.sign_in(&client, "bob").await);
        let asked = initiate_auth(&client, auth_flow::Value::UserAuth, [("USERNAME", "alice".to_owned())]);
        let session = world.call(asked.clone()).await.unwrap().session.unwrap();
        world.disable(&client.pool, "alice").await;
        assert_eq!(world.get_user(tokens.access_token()).await, Err(disabled()));
        assert_eq!(world.refresh(&client, tokens.refresh_token()).await, Err(disabled()));
        assert_eq!(world.try_password(&client, "alice", PASSWORD).await, Err(disabled()));
        assert_eq!(world.call(asked).await.map(|_| ()), Err(disabled()));
        let proof = [("USERNAME", "alice"), ("ANSWER", "PASSWORD"), ("PASSWORD", PASSWORD)];
        let proof = proof.map(|(name, value)| (name, value.to_owned()));
        assert_eq!(
            world.call(answer(&client, challenge_name::Value::SelectChallenge, &session, proof)).await.map(|_| ()),
            Err(disabled())
        );
        world.get_user(bobs.access_token()).await.unwrap();
        world.sign_in(&client, "bob").await;
    }
}

spec! {
    async fn where_existence_is_hidden_only_the_right_password_earns_the_news(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, hide_users).await;
        world.confirmed_user(&client, "alice").await;
        world.disable(&pool, "alice").await;
        assert_eq!(world.try_password(&client, "alice", PASSWORD).await, Err(disabled()));
        assert_eq!(
            world.try_password(&client, "alice", WRONG_PASSWORD).await,
            Err(refusal("NotAuthorizedException", "Incorrect username or password."))
        );
    }
}

spec! {
    async fn the_session_of_a_sign_up_signs_no_disabled_user_in(world: World) {
        let client = world.app_client().await;
        let session = world.sign_up(&client, "alice").await.session;
        let code = world.code_for("alice").await;
        let confirm = api::ConfirmSignUpRequest { session, ..world.confirm_request(&client, "alice", &code) };
        let session = world.call(confirm).await.unwrap().session;
        world.disable(&client.pool, "alice").await;
        let asked = initiate_auth(&client, auth_flow::Value::UserAuth, [("USERNAME", "alice".to_owned())]);
        let request = api::InitiateAuthRequest { session, ..asked };
        assert_eq!(world.call(request).await.map(|_| ()), Err(disabled()));
    }
}

spec! {
    async fn the_status_stays_in_every_state_and_a_repeat_changes_nothing(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "unconfirmed").await;
        world.confirmed_user(&client, "confirmed").await;
        for name in ["unconfirmed", "confirmed"] {
            let before = world.admin_get_user(&client.pool, name).await.unwrap();
            world.advance(Duration::from_secs(1));
            world.disable(&client.pool, name).await;
            let after = world.admin_get_user(&client.pool, name).await.unwrap();
            assert_ne!(after.user_last_modified_date, before.user_last_modified_date);
            let expected = api::AdminGetUserResponse {
                enabled: Some(false),
                user_last_modified_date: after.user_last_modified_date,
                ..before
            };
            assert_eq!(after, expected);
            world.advance(Duration::from_secs(1));
            world.disable(&client.pool, name).await;
            assert_eq!(world.admin_get_user(&client.pool, name).await, Ok(after));
        }
    }
}

spec! {
    async fn operators_still_change_a_disabled_user(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        world.disable(&client.pool, "alice").await;
        world.confirm_by_operator(&client.pool, "alice").await;
        world.update_attributes(&client.pool, "alice", &[("name", "Alice")]).await.unwrap();
        world.set_password(&client.pool, "alice", "An0ther-one!").await.unwrap();
        assert_eq!(world.admin_get_user(&client.pool, "alice").await.unwrap().enabled, Some(false));
        assert_eq!(world.try_password(&client, "alice", "An0ther-one!").await, Err(disabled()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_has_its_line_in_the_audit_trail_also_one_that_changes_nothing() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    let sub = world.sign_up(&client, "alice").await.user_sub;
    world.disable(&client.pool, "alice").await;
    world.disable(&client.pool, "alice").await;
    let trail = world.audit().await;
    let lines: Vec<_> = trail.iter().filter(|line| line["eventName"] == "AdminDisableUser").collect();
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert_eq!(line["additionalEventData"]["sub"], json!(sub));
        assert_eq!(line["requestParameters"]["username"], "HIDDEN_DUE_TO_SECURITY_REASONS");
    }
}

spec! {
    async fn what_is_unknown_is_named(world: World) {
        let request = |user_pool_id, username| api::AdminDisableUserRequest { user_pool_id, username };
        refuses_what_is_unknown(&world, request).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_an_empty_object() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    world.sign_up(&client, "alice").await;
    let body = json!({"UserPoolId": client.pool, "Username": "alice"});
    let reply = post_json(&world, Op::AdminDisableUser, &body).await;
    assert_eq!((reply.status, reply.body.as_ref()), (200, b"{}".as_slice()));
}
