//! `AdminDeleteUser`.

use std::ops::Bound;

use cognate::api::{self, Op, alias_attribute, auth_flow, challenge_name, username_attribute};
use cognate::domain::ids::{PoolId, Sub};
use cognate::store::{Batch, FamilyKey, Owner, UserRemovalKey, records, sweep_removed_user};
use serde_json::json;

use super::{refuses_what_is_unknown, unknown_user};
use crate::spec;
use crate::support::fixtures::{PASSWORD, answer, hide_users, initiate_auth};
use crate::support::process::eventually;
use crate::support::{Wire, World, at_once, refusal};
use crate::wire::post_json;
use crate::{groups, passkeys};

/// How many entries of the store, of those that do not end by themselves, have this `sub` in their key.
async fn keys_of(world: &World, sub: &str) -> usize {
    let sub: uuid::Uuid = sub.parse().unwrap();
    let range = (Bound::Unbounded, Bound::Excluded(vec![0x50]));
    let all = world.app.services.store.scan(range, usize::MAX).await.unwrap();
    all.iter().filter(|(key, _)| key.windows(16).any(|part| part == sub.as_bytes())).count()
}

spec! {
    async fn the_user_is_gone_at_once_and_the_name_is_free(world: World) {
        let client = world.app_client().await;
        let sub = world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        let asked = initiate_auth(&client, auth_flow::Value::UserAuth, [("USERNAME", "alice".to_owned())]);
        let session = world.call(asked).await.unwrap().session.unwrap();
        world.confirmed_user(&client, "bob").await;

        world.delete_user(&client.pool, "alice").await.unwrap();
        let refused = async |world: &World| {
            assert_eq!(world.get_user(tokens.access_token()).await, Err(unknown_user()));
            assert_eq!(
                world.refresh(&client, tokens.refresh_token()).await,
                Err(refusal("NotAuthorizedException", "Invalid Refresh Token"))
            );
            let proof = [("USERNAME", "alice".to_owned()), ("ANSWER", "PASSWORD".to_owned()), ("PASSWORD", PASSWORD.to_owned())];
            assert_eq!(
                world.call(answer(&client, challenge_name::Value::SelectChallenge, &session, proof)).await,
                Err(refusal("NotAuthorizedException", "Invalid session for the user."))
            );
            assert_eq!(world.admin_get_user(&client.pool, &sub).await, Err(unknown_user()));
        };
        refused(&world).await;
        assert_eq!(world.admin_get_user(&client.pool, "alice").await, Err(unknown_user()));
        assert_eq!(world.try_password(&client, "alice", PASSWORD).await, Err(unknown_user()));
        assert_eq!(world.delete_user(&client.pool, "alice").await, Err(unknown_user()));

        // Whoever takes the name is somebody else.
        let second = world.confirmed_user(&client, "alice").await;
        assert_ne!(second, sub);
        refused(&world).await;
        let again = world.sign_in(&client, "alice").await;
        world.get_user(again.access_token()).await.unwrap();
        world.sign_in(&client, "bob").await;
    }
}

spec! {
    async fn where_existence_is_hidden_the_deleted_are_as_those_who_never_were(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, hide_users).await;
        world.confirmed_user(&client, "alice").await;
        world.delete_user(&pool, "alice").await.unwrap();
        assert_eq!(
            world.try_password(&client, "alice", PASSWORD).await,
            world.try_password(&client, "nobody", PASSWORD).await
        );
    }
}

spec! {
    async fn a_code_that_waits_confirms_nobody(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        world.delete_user(&client.pool, "alice").await.unwrap();
        assert_eq!(
            world.confirm(&client, "alice", &code).await,
            Err(refusal("UserNotFoundException", "Username/client id combination not found."))
        );
        world.sign_up(&client, "alice").await;
        assert!(world.code_for("alice").await != code, "the seed gives two codes that differ");
        assert_eq!(
            world.confirm(&client, "alice", &code).await,
            Err(refusal("CodeMismatchException", "Invalid verification code provided, please try again."))
        );
    }
}

spec! {
    async fn every_name_of_the_user_is_free(world: World) {
        let aliases = [alias_attribute::Value::Email, alias_attribute::Value::PreferredUsername].map(i32::from).to_vec();
        let pool = world.pool(|request| request.alias_attributes = aliases).await;
        let client = world.client(&pool, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        world.update_attributes(&pool, "alice", &[("preferred_username", "queen")]).await.unwrap();
        world.delete_user(&pool, "queen").await.unwrap();
        for name in ["alice", "alice@example.com", "queen"] {
            assert_eq!(world.admin_get_user(&pool, name).await, Err(unknown_user()), "{name}");
        }
        world.confirmed_user(&client, "queen").await;
        let taken = [("email", "alice@example.com"), ("email_verified", "true")];
        world.update_attributes(&pool, "queen", &taken).await.unwrap();
        assert_eq!(world.admin_get_user(&pool, "alice@example.com").await.unwrap().username, "queen");

        let attributes = vec![username_attribute::Value::Email.into()];
        let pool = world.pool(|request| request.username_attributes = attributes).await;
        let client = world.client(&pool, |_| {}).await;
        let request = || api::SignUpRequest { user_attributes: vec![], ..world.sign_up_request(&client, "a@example.com") };
        let first = world.call(request()).await.unwrap().user_sub;
        world.delete_user(&pool, "a@example.com").await.unwrap();
        let second = world.call(request()).await.unwrap().user_sub;
        assert_ne!(first, second);
        assert_eq!(world.admin_get_user(&pool, "a@example.com").await.unwrap().username, second);
    }
}

spec! {
    async fn nothing_of_the_user_remains_once_it_is_swept(world: World) {
        let client = passkeys::client_with_passkeys(&world).await;
        let (alice, bob) = (world.confirmed_user(&client, "alice").await, world.confirmed_user(&client, "bob").await);
        groups::create(&world, &client.pool, "staff").await;
        for name in ["alice", "bob"] {
            groups::add(&world, &client.pool, name, "staff").await.unwrap();
            let token = world.sign_in(&client, name).await.access_token.unwrap();
            passkeys::registered(&world, &token).await;
            passkeys::start(&world, &token).await.unwrap();
            world.try_password(&client, name, "Wr0ngPassw0rd!").await.unwrap_err();
        }
        // More sign-ins than are swept at a time.
        let owner = Owner { pool: PoolId(client.pool.clone()), sub: Sub::parse(&alice).unwrap() };
        let mut batch = Batch::default();
        for number in 0..600 {
            let key = FamilyKey { owner: owner.clone(), event: uuid::Uuid::from_u128(number) };
            let expires_at = world.now().as_millisecond() + 1_000_000;
            batch.put(&key, &records::TokenFamily { expires_at, ..Default::default() });
        }
        let store = &*world.app.services.store;
        store.commit(batch).await.unwrap();
        let bobs = keys_of(&world, &bob).await;
        assert!(keys_of(&world, &alice).await > 600 && bobs > 2);

        world.delete_user(&client.pool, "alice").await.unwrap();
        while sweep_removed_user(store, &owner).await.unwrap() {}
        assert_eq!((keys_of(&world, &alice).await, keys_of(&world, &bob).await), (0, bobs));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_sweeps_by_itself_and_after_a_restart_what_it_had_not_come_to() {
    let world = World::new(Wire::Grpc).await;
    let client = world.app_client().await;
    let (alice, bob) = (world.confirmed_user(&client, "alice").await, world.confirmed_user(&client, "bob").await);
    let is_swept = |world: &World, sub: &str| {
        let keys = keys_of(world, sub);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(keys) == 0).then_some(())
    };
    world.sign_in(&client, "alice").await;
    world.delete_user(&client.pool, "alice").await.unwrap();
    eventually("the sweep of a deleted user", || is_swept(&world, &alice)).await;

    let owner = Owner { pool: PoolId(client.pool.clone()), sub: Sub::parse(&bob).unwrap() };
    let mut batch = Batch::default();
    batch.put(&UserRemovalKey { owner }, &records::UserRemoval { requested_at: world.now().as_millisecond() });
    world.app.services.store.commit(batch).await.unwrap();
    let world = world.restarted().await;
    eventually("the sweep of a deleted user", || is_swept(&world, &bob)).await;
}

spec! {
    async fn a_user_is_deleted_in_every_state(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "unconfirmed").await;
        world.confirmed_user(&client, "confirmed").await;
        world.confirmed_user(&client, "disabled").await;
        world.disable(&client.pool, "disabled").await;
        for name in ["unconfirmed", "confirmed", "disabled"] {
            world.delete_user(&client.pool, name).await.unwrap();
            assert_eq!(world.admin_get_user(&client.pool, name).await, Err(unknown_user()), "{name}");
        }
    }
}

spec! {
    async fn of_many_deletions_at_once_one_succeeds_and_a_sign_in_beside_them_gives_nothing_that_serves(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let deletions = at_once((0..4).map(|_| world.delete_user(&client.pool, "alice")));
        let (deletions, sign_in) =
            tokio::join!(deletions, world.call(world.password_request(&client, "alice", PASSWORD)));
        assert_eq!(deletions.iter().filter(|done| done.is_ok()).count(), 1, "{deletions:?}");
        assert!(deletions.into_iter().filter_map(Result::err).all(|refused| refused == unknown_user()));
        match sign_in {
            Ok(response) => {
                let tokens = response.authentication_result.unwrap();
                assert_eq!(world.get_user(tokens.access_token()).await, Err(unknown_user()));
                world.refresh(&client, tokens.refresh_token()).await.unwrap_err();
            }
            Err(refused) => assert_eq!(refused, unknown_user()),
        }
    }
}

spec! {
    async fn what_is_unknown_is_named(world: World) {
        let request = |user_pool_id, username| api::AdminDeleteUserRequest { user_pool_id, username };
        refuses_what_is_unknown(&world, request).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_has_no_body_on_the_aws_wire() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    world.sign_up(&client, "alice").await;
    let body = json!({"UserPoolId": client.pool, "Username": "alice"});
    let reply = post_json(&world, Op::AdminDeleteUser, &body).await;
    assert_eq!((reply.status, reply.body.len()), (200, 0));
}
