//! `AdminUserGlobalSignOut`.

use cognate::api::{self, Op};
use serde_json::json;

use crate::spec;
use crate::support::fixtures::named;
use crate::support::{Refusal, Wire, World, refusal};
use crate::users::refuses_what_is_unknown;
use crate::wire::post_json;

async fn signed_out(world: &World, pool: &str, username: &str) -> Result<(), Refusal> {
    let (user_pool_id, username) = named(pool, username);
    world.call(api::AdminUserGlobalSignOutRequest { user_pool_id, username }).await.map(|_| ())
}

spec! {
    async fn every_sign_in_of_the_user_ends_and_of_nobody_else(world: World) {
        let client = world.app_client().await;
        let other_client = world.client(&client.pool, |_| {}).await;
        for name in ["alice", "bob"] {
            world.confirmed_user(&client, name).await;
        }
        let sign_ins = [
            (&client, world.sign_in(&client, "alice").await),
            (&other_client, world.sign_in(&other_client, "alice").await),
        ];
        let bobs = world.sign_in(&client, "bob").await;
        // Unlike the user's own sign-out, the operator's can be repeated.
        for _ in 0..2 {
            signed_out(&world, &client.pool, "alice").await.unwrap();
        }
        for (client, tokens) in &sign_ins {
            assert_eq!(
                world.get_user(tokens.access_token()).await,
                Err(refusal("NotAuthorizedException", "Access Token has been revoked"))
            );
            assert_eq!(
                world.refresh(client, tokens.refresh_token()).await,
                Err(refusal("NotAuthorizedException", "Refresh Token has been revoked"))
            );
        }
        world.get_user(bobs.access_token()).await.unwrap();
        let new = world.sign_in(&client, "alice").await;
        world.get_user(new.access_token()).await.unwrap();
    }
}

spec! {
    async fn the_user_may_be_in_any_state(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "unconfirmed").await;
        world.confirmed_user(&client, "disabled").await;
        world.disable(&client.pool, "disabled").await;
        for name in ["unconfirmed", "disabled"] {
            let before = world.admin_get_user(&client.pool, name).await;
            signed_out(&world, &client.pool, name).await.unwrap();
            assert_eq!(world.admin_get_user(&client.pool, name).await, before, "{name}");
        }
    }
}

spec! {
    async fn what_is_unknown_is_named(world: World) {
        let request = |user_pool_id, username| api::AdminUserGlobalSignOutRequest { user_pool_id, username };
        refuses_what_is_unknown(&world, request).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_an_empty_object() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    world.sign_up(&client, "alice").await;
    let body = json!({"UserPoolId": client.pool, "Username": "alice"});
    let reply = post_json(&world, Op::AdminUserGlobalSignOut, &body).await;
    assert_eq!((reply.status, reply.body.as_ref()), (200, b"{}".as_slice()));
}
