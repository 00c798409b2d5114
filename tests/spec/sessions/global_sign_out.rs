//! `GlobalSignOut`.

use std::collections::HashSet;

use cognate::api;
use serde_json::json;

use crate::spec;
use crate::support::fixtures::claims;
use crate::support::{Credential, Refusal, Wire, World, refusal};

fn access_revoked() -> Refusal {
    refusal("NotAuthorizedException", "Access Token has been revoked")
}

fn refresh_revoked() -> Refusal {
    refusal("NotAuthorizedException", "Refresh Token has been revoked")
}

spec! {
    async fn every_sign_in_of_the_user_ends_through_whichever_client(world: World) {
        let client = world.app_client().await;
        let other_client = world.client(&client.pool, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        let sign_ins = [
            (&client, world.sign_in(&client, "alice").await),
            (&client, world.sign_in(&client, "alice").await),
            (&other_client, world.sign_in(&other_client, "alice").await),
        ];
        let refreshed = world.refresh(&client, sign_ins[0].1.refresh_token()).await.unwrap();
        world.sign_out(sign_ins[0].1.access_token()).await.unwrap();
        for (client, tokens) in sign_ins {
            assert_eq!(world.get_user(tokens.access_token()).await, Err(access_revoked()));
            assert_eq!(world.refresh(client, tokens.refresh_token()).await, Err(refresh_revoked()));
        }
        assert_eq!(world.get_user(refreshed.access_token()).await, Err(access_revoked()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_an_empty_object() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    world.confirmed_user(&client, "alice").await;
    let body = json!({"AccessToken": world.sign_in(&client, "alice").await.access_token()}).to_string();
    let reply = world.post(api::Op::GlobalSignOut, &Credential::None, body.into_bytes()).await;
    assert_eq!((reply.status, reply.body.as_ref()), (200, b"{}".as_slice()));
}

spec! {
    async fn a_new_sign_in_works_in_the_same_millisecond(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let mut event_ids = HashSet::new();
        for _ in 0..3 {
            let tokens = world.sign_in(&client, "alice").await;
            world.get_user(tokens.access_token()).await.unwrap();
            world.refresh(&client, tokens.refresh_token()).await.unwrap();
            world.sign_out(tokens.access_token()).await.unwrap();
            assert_eq!(world.get_user(tokens.access_token()).await, Err(access_revoked()));
            event_ids.insert(claims(tokens.access_token())["event_id"].to_string());
        }
        assert_eq!(event_ids.len(), 3);
    }
}

spec! {
    async fn other_users_stay_signed_in(world: World) {
        let client = world.app_client().await;
        let mut signed_in = Vec::new();
        for name in ["alice", "bob"] {
            world.confirmed_user(&client, name).await;
            signed_in.push(world.sign_in(&client, name).await);
        }
        world.sign_out(signed_in[0].access_token()).await.unwrap();
        world.get_user(signed_in[1].access_token()).await.unwrap();
        world.refresh(&client, signed_in[1].refresh_token()).await.unwrap();
    }
}

spec! {
    async fn a_token_that_was_signed_out_signs_nobody_out(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let old = world.sign_in(&client, "alice").await;
        world.sign_out(old.access_token()).await.unwrap();
        let new = world.sign_in(&client, "alice").await;
        assert_eq!(world.sign_out(old.access_token()).await, Err(access_revoked()));
        world.get_user(new.access_token()).await.unwrap();
    }
}

spec! {
    async fn a_sign_out_outlives_a_restart(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        world.sign_out(tokens.access_token()).await.unwrap();
        let world = world.restarted().await;
        assert_eq!(world.get_user(tokens.access_token()).await, Err(access_revoked()));
        assert_eq!(world.refresh(&client, tokens.refresh_token()).await, Err(refresh_revoked()));
    }
}

spec! {
    async fn it_works_though_the_client_has_token_revocation_off(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, |request| request.enable_token_revocation = Some(false)).await;
        world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        world.sign_out(tokens.access_token()).await.unwrap();
        assert_eq!(world.get_user(tokens.access_token()).await, Err(access_revoked()));
        assert_eq!(world.refresh(&client, tokens.refresh_token()).await, Err(refresh_revoked()));
    }
}

spec! {
    async fn only_an_access_token_signs_out(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        for token in [tokens.id_token(), tokens.refresh_token(), "nonsense"] {
            assert_eq!(
                world.sign_out(token).await,
                Err(refusal("NotAuthorizedException", "Invalid Access Token"))
            );
        }
        world.get_user(tokens.access_token()).await.unwrap();
    }
}
