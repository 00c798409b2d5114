//! `DeleteGroup`.

use cognate::api::Op;
use cognate::context::Cx;
use cognate::store::{GroupRemovalKey, MemberKey, MembershipKey};
use serde_json::json;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::{NOWHERE, add, create, delete, get, groups_of, members, no_group, no_pool, remove, sweep};
use crate::spec;
use crate::support::process::eventually;
use crate::support::{Wire, World, at_once};
use crate::wire::post_json;

spec! {
    async fn the_group_is_gone_at_once_for_its_users_and_they_stay(world: World) {
        let client = world.app_client().await;
        let pool = &client.pool;
        world.sign_up(&client, "alice").await;
        for name in ["admins", "staff"] {
            create(&world, pool, name).await;
            add(&world, pool, "alice", name).await.unwrap();
        }
        delete(&world, pool, "admins").await.unwrap();
        assert_eq!(get(&world, pool, "admins").await, Err(no_group()));
        assert_eq!(delete(&world, pool, "admins").await, Err(no_group()));
        assert_eq!(add(&world, pool, "alice", "admins").await, Err(no_group()));
        assert_eq!(remove(&world, pool, "alice", "admins").await, Err(no_group()));
        assert_eq!(groups_of(&world, pool, "alice").await, ["staff"]);
        assert_eq!(members(&world, pool, "staff").await, ["alice"]);
    }
}

spec! {
    async fn a_later_group_of_the_same_name_begins_empty_and_keeps_whom_it_gets(world: World) {
        let client = world.app_client().await;
        let pool = &client.pool;
        for username in ["alice", "bob"] {
            world.sign_up(&client, username).await;
        }
        create(&world, pool, "staff").await;
        for username in ["alice", "bob"] {
            add(&world, pool, username, "staff").await.unwrap();
        }
        delete(&world, pool, "staff").await.unwrap();
        create(&world, pool, "staff").await;
        assert_eq!(members(&world, pool, "staff").await, Vec::<String>::new());
        assert_eq!(groups_of(&world, pool, "alice").await, Vec::<String>::new());
        // Whether or not the sweeper has been there.
        add(&world, pool, "alice", "staff").await.unwrap();
        sweep(&world).await;
        assert_eq!(members(&world, pool, "staff").await, ["alice"]);
        assert_eq!(groups_of(&world, pool, "alice").await, ["staff"]);
        assert_eq!(groups_of(&world, pool, "bob").await, Vec::<String>::new());
        assert_eq!(remove(&world, pool, "bob", "staff").await, Ok(()));
    }
}

spec! {
    async fn what_its_memberships_leave_is_swept_without_being_asked_for(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        create(&world, &client.pool, "staff").await;
        add(&world, &client.pool, "alice", "staff").await.unwrap();
        delete(&world, &client.pool, "staff").await.unwrap();
        let (store, cx) = (&*world.app.services.store, Cx::new(&world.app.services));
        let swept = || {
            let removals = async { store.list::<GroupRemovalKey>(GroupRemovalKey::PREFIX, None, 1).await.unwrap() };
            let removals = block_in_place(|| Handle::current().block_on(removals));
            removals.is_empty().then_some(())
        };
        eventually("the end of the sweep", swept).await;
        let pool = cx.pool(&client.pool).await.unwrap();
        let alice = cx.user_named(&pool, "alice").await.unwrap().unwrap();
        assert_eq!(alice.record.memberships, 0);
        assert!(store.list::<MembershipKey>(&MembershipKey::prefix(&alice.owner), None, 1).await.unwrap().is_empty());
        assert!(store.list::<MemberKey>(&[0x1B], None, 1).await.unwrap().is_empty());
    }
}

spec! {
    async fn of_many_who_delete_at_once_one_does(world: World) {
        let pool = world.pool(|_| {}).await;
        create(&world, &pool, "staff").await;
        let outcomes = at_once((0..6).map(|_| delete(&world, &pool, "staff"))).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        assert!(outcomes.into_iter().filter_map(Result::err).all(|refused| refused == no_group()));
    }
}

spec! {
    async fn an_unknown_pool_is_named_and_another_pools_group_stays(world: World) {
        let (pool, other) = (world.pool(|_| {}).await, world.pool(|_| {}).await);
        create(&world, &pool, "staff").await;
        assert_eq!(delete(&world, &other, "staff").await, Err(no_group()));
        assert_eq!(delete(&world, NOWHERE, "staff").await, Err(no_pool()));
        get(&world, &pool, "staff").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_has_no_body_on_the_aws_wire() {
    let world = World::new(Wire::Json).await;
    let pool = world.pool(|_| {}).await;
    create(&world, &pool, "staff").await;
    let body = json!({ "UserPoolId": pool, "GroupName": "staff" });
    let reply = post_json(&world, Op::DeleteGroup, &body).await;
    assert_eq!((reply.status, reply.body.len(), reply.header("content-length")), (200, 0, Some("0")));
    assert_eq!(reply.header("content-type"), Some("application/x-amz-json-1.1"));
}
