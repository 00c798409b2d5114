//! `DeleteUserPool`.

use std::ops::Bound;

use cognate::api::{self, Op};
use cognate::domain::ids::PoolId;
use cognate::store::sweep_removed_pool;
use serde_json::json;

use crate::support::fixtures::PASSWORD;
use crate::support::{Refusal, Wire, World, http, refusal};
use crate::wire::post_json;
use crate::{groups, passkeys, spec};

async fn deleted(world: &World, pool: &str) -> Result<(), Refusal> {
    world.call(api::DeleteUserPoolRequest { user_pool_id: Some(pool.to_owned()) }).await
}

/// How many entries of the store have this text in their key.
async fn keys_with(world: &World, text: &str) -> usize {
    let all = world.app.services.store.scan((Bound::Unbounded, Bound::Unbounded), usize::MAX).await.unwrap();
    all.iter().filter(|(key, _)| key.windows(text.len()).any(|part| part == text.as_bytes())).count()
}

spec! {
    async fn the_pool_is_gone_at_once_for_everybody(world: World) {
        let (client, other) = (world.app_client().await, world.app_client().await);
        world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        let pool = &client.pool;
        deleted(&world, pool).await.unwrap();

        let no_pool = refusal("ResourceNotFoundException", &format!("User pool {pool} does not exist."));
        let no_client = refusal("ResourceNotFoundException", &format!("User pool client {} does not exist.", client.id));
        assert_eq!(deleted(&world, pool).await, Err(no_pool.clone()));
        assert_eq!(
            world.call(api::DescribeUserPoolRequest { user_pool_id: Some(pool.clone()) }).await,
            Err(no_pool.clone())
        );
        assert_eq!(world.admin_get_user(pool, "alice").await, Err(no_pool));
        assert_eq!(world.try_password(&client, "alice", PASSWORD).await, Err(no_client.clone()));
        assert_eq!(world.refresh(&client, tokens.refresh_token()).await, Err(no_client.clone()));
        assert_eq!(world.call(world.sign_up_request(&client, "bob")).await, Err(no_client));
        assert_eq!(
            world.get_user(tokens.access_token()).await,
            Err(refusal("NotAuthorizedException", "Invalid Access Token"))
        );
        for document in ["jwks.json", "openid-configuration"] {
            assert_eq!(http::get(&world.address, &format!("/{pool}/.well-known/{document}")).await.status, 404);
        }
        let listed = world.call(api::ListUserPoolsRequest { max_results: Some(60), next_token: None }).await.unwrap();
        let ids: Vec<&str> = listed.user_pools.iter().map(api::UserPoolDescription::id).collect();
        assert_eq!(ids, [other.pool]);
    }
}

spec! {
    async fn nothing_of_the_pool_remains_once_it_is_swept(world: World) {
        let with_aliases = |request: &mut api::CreateUserPoolRequest| {
            request.alias_attributes = vec![api::alias_attribute::Value::Email.into()];
        };
        let client = world.client(&world.pool(with_aliases).await, |_| {}).await;
        let kept = world.client(&world.pool(with_aliases).await, |_| {}).await;
        for client in [&client, &kept] {
            world.confirmed_user(client, "alice").await;
            let token = world.sign_in(client, "alice").await.access_token.unwrap();
            passkeys::allow(&world, &client.pool, &["PASSWORD", "WEB_AUTHN"]).await;
            let relying_party = serde_json::json!({"RelyingPartyId": passkeys::RELYING_PARTY});
            passkeys::configure(&world, &client.pool, serde_json::json!({"WebAuthnConfiguration": relying_party})).await;
            passkeys::registered(&world, &token).await;
            world.sign_up(client, "bob").await;
            world.try_password(client, "alice", "Wr0ngPassw0rd!").await.unwrap_err();
            for group in ["staff", "admins"] {
                groups::create(&world, &client.pool, group).await;
                groups::add(&world, &client.pool, "alice", group).await.unwrap();
            }
        }
        world.mail().await;
        let kept_before = (keys_with(&world, &kept.pool).await, keys_with(&world, &kept.id).await);
        assert!(keys_with(&world, &client.pool).await > 8 && keys_with(&world, &client.id).await > 1);

        deleted(&world, &client.pool).await.unwrap();
        assert_eq!(keys_with(&world, &client.id).await, 0, "clients are gone with the pool");
        let pool = PoolId(client.pool.clone());
        while sweep_removed_pool(&*world.app.services.store, &pool).await.unwrap() {}

        // The index of deadlines is swept by time, and what it points at is gone.
        world.advance(std::time::Duration::from_secs(11 * 365 * 24 * 60 * 60));
        let remaining: Vec<Vec<u8>> = world
            .app
            .services
            .store
            .scan((Bound::Unbounded, Bound::Excluded(vec![0x50])), usize::MAX)
            .await
            .unwrap()
            .into_iter()
            .map(|(key, _)| key)
            .filter(|key| key.windows(pool.0.len()).any(|part| part == pool.0.as_bytes()))
            .collect();
        assert_eq!(remaining, Vec::<Vec<u8>>::new());
        let now = world.now().as_millisecond();
        assert_eq!((keys_with(&world, &kept.pool).await, keys_with(&world, &kept.id).await), kept_before);
        while cognate::store::sweep_expired(&*world.app.services.store, now).await.unwrap() {}
        assert_eq!(keys_with(&world, &client.pool).await, 0);
    }
}

spec! {
    async fn deletion_protection_keeps_the_pool(world: World) {
        let active = Some(api::deletion_protection::Value::Active.into());
        let pool = world.pool(|request| request.deletion_protection = active).await;
        assert_eq!(
            deleted(&world, &pool).await,
            Err(refusal(
                "InvalidParameterException",
                "The user pool cannot be deleted because deletion protection is activated. Deletion protection must be \
                 inactivated first."
            ))
        );
        world.call(api::DescribeUserPoolRequest { user_pool_id: Some(pool) }).await.unwrap();
    }
}

spec! {
    async fn an_unknown_pool_is_named(world: World) {
        assert_eq!(
            deleted(&world, "us-east-1_Nowhere12").await,
            Err(refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist."))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_has_no_body_on_the_aws_wire() {
    let world = World::new(Wire::Json).await;
    let pool = world.pool(|_| {}).await;
    let reply = post_json(&world, Op::DeleteUserPool, &json!({ "UserPoolId": pool })).await;
    assert_eq!((reply.status, reply.body.len(), reply.header("content-length")), (200, 0, Some("0")));
    assert_eq!(reply.header("content-type"), Some("application/x-amz-json-1.1"));
}
