//! `AdminRemoveUserFromGroup`.

use cognate::api::Op;
use serde_json::json;

use super::{NOWHERE, add, create, groups_of, members, no_group, no_pool, no_user, remove};
use crate::spec;
use crate::support::{Wire, World, at_once};
use crate::wire::post_json;

spec! {
    async fn the_user_leaves_that_group_alone_and_can_come_back(world: World) {
        let client = world.app_client().await;
        let pool = &client.pool;
        for username in ["alice", "bob"] {
            world.sign_up(&client, username).await;
        }
        for name in ["admins", "staff"] {
            create(&world, pool, name).await;
            add(&world, pool, "alice", name).await.unwrap();
            add(&world, pool, "bob", name).await.unwrap();
        }
        for _ in 0..2 {
            assert_eq!(remove(&world, pool, "alice", "staff").await, Ok(()));
            assert_eq!(groups_of(&world, pool, "alice").await, ["admins"]);
            assert_eq!(members(&world, pool, "staff").await, ["bob"]);
        }
        assert_eq!(members(&world, pool, "admins").await, ["alice", "bob"]);
        add(&world, pool, "alice", "staff").await.unwrap();
        assert_eq!(groups_of(&world, pool, "alice").await, ["admins", "staff"]);
    }
}

spec! {
    async fn whoever_was_never_in_the_group_is_out_of_it(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        create(&world, &client.pool, "staff").await;
        assert_eq!(remove(&world, &client.pool, "alice", "staff").await, Ok(()));
    }
}

spec! {
    async fn leaving_one_group_many_times_at_once_succeeds_each_time(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        for name in ["admins", "staff"] {
            create(&world, &client.pool, name).await;
            add(&world, &client.pool, "alice", name).await.unwrap();
        }
        let outcomes = at_once((0..20).map(|_| remove(&world, &client.pool, "alice", "staff"))).await;
        assert!(outcomes.into_iter().all(|outcome| outcome == Ok(())));
        assert_eq!(groups_of(&world, &client.pool, "alice").await, ["admins"]);
    }
}

spec! {
    async fn the_group_is_looked_for_before_the_user_and_the_pool_before_both(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        create(&world, &client.pool, "staff").await;
        assert_eq!(remove(&world, NOWHERE, "nobody", "nothing").await, Err(no_pool()));
        for username in ["nobody", "alice"] {
            assert_eq!(remove(&world, &client.pool, username, "nothing").await, Err(no_group()), "{username}");
        }
        assert_eq!(remove(&world, &client.pool, "nobody", "staff").await, Err(no_user()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_has_no_body_on_the_aws_wire() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    world.sign_up(&client, "alice").await;
    create(&world, &client.pool, "staff").await;
    let body = json!({ "UserPoolId": client.pool, "Username": "alice", "GroupName": "staff" });
    let reply = post_json(&world, Op::AdminRemoveUserFromGroup, &body).await;
    assert_eq!((reply.status, reply.body.len(), reply.header("content-length")), (200, 0, Some("0")));
    assert_eq!(reply.header("content-type"), Some("application/x-amz-json-1.1"));
}
