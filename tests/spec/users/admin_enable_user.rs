//! `AdminEnableUser`.

use std::time::Duration;

use cognate::api::{self, Op};
use serde_json::json;

use super::refuses_what_is_unknown;
use crate::spec;
use crate::support::{Wire, World, refusal};
use crate::wire::post_json;

spec! {
    async fn an_enabled_user_signs_in_again_but_old_tokens_stay_dead(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let old = world.sign_in(&client, "alice").await;
        world.disable(&client.pool, "alice").await;
        world.enable(&client.pool, "alice").await;
        assert_eq!(
            world.get_user(old.access_token()).await,
            Err(refusal("NotAuthorizedException", "Access Token has been revoked"))
        );
        assert_eq!(
            world.refresh(&client, old.refresh_token()).await,
            Err(refusal("NotAuthorizedException", "Refresh Token has been revoked"))
        );
        let new = world.sign_in(&client, "alice").await;
        world.get_user(new.access_token()).await.unwrap();
    }
}

spec! {
    async fn the_status_stays_and_a_repeat_changes_nothing_and_ends_no_session(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "bob").await;
        world.disable(&client.pool, "bob").await;
        world.enable(&client.pool, "bob").await;
        let bob = world.admin_get_user(&client.pool, "bob").await.unwrap();
        assert_eq!(
            (bob.enabled, bob.user_status()),
            (Some(true), api::user_status::Value::Unconfirmed)
        );
        world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        let before = world.admin_get_user(&client.pool, "alice").await;
        world.advance(Duration::from_secs(1));
        world.enable(&client.pool, "alice").await;
        assert_eq!(world.admin_get_user(&client.pool, "alice").await, before);
        world.get_user(tokens.access_token()).await.unwrap();
    }
}

spec! {
    async fn what_is_unknown_is_named(world: World) {
        let request = |user_pool_id, username| api::AdminEnableUserRequest { user_pool_id, username };
        refuses_what_is_unknown(&world, request).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_an_empty_object() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    world.sign_up(&client, "alice").await;
    let body = json!({"UserPoolId": client.pool, "Username": "alice"});
    let reply = post_json(&world, Op::AdminEnableUser, &body).await;
    assert_eq!((reply.status, reply.body.as_ref()), (200, b"{}".as_slice()));
}
