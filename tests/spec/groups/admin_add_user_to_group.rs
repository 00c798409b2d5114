//! `AdminAddUserToGroup`.

use cognate::api::{Op, alias_attribute};
use serde_json::json;

use super::{NOWHERE, add, create, delete, groups_of, members, no_group, no_pool, no_user};
use crate::spec;
use crate::support::{Wire, World, at_once, refusal};
use crate::wire::post_json;

spec! {
    async fn the_user_is_in_the_group_once_however_often_and_by_whichever_name(world: World) {
        let pool = world.pool(|request| request.alias_attributes = vec![alias_attribute::Value::Email.into()]).await;
        let client = world.client(&pool, |_| {}).await;
        let sub = world.confirmed_user(&client, "alice").await;
        create(&world, &pool, "staff").await;
        let before = world.admin_get_user(&pool, "alice").await.unwrap();
        for name in ["alice", "alice", "alice@example.com", &sub] {
            assert_eq!(add(&world, &pool, name, "staff").await, Ok(()), "{name}");
            assert_eq!(groups_of(&world, &pool, "alice").await, ["staff"]);
            assert_eq!(members(&world, &pool, "staff").await, ["alice"]);
        }
        assert_eq!(world.admin_get_user(&pool, "alice").await, Ok(before), "nothing else of the user has changed");
    }
}

spec! {
    async fn a_user_who_is_not_confirmed_can_be_put_in_a_group(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        create(&world, &client.pool, "staff").await;
        add(&world, &client.pool, "alice", "staff").await.unwrap();
        assert_eq!(members(&world, &client.pool, "staff").await, ["alice"]);
    }
}

spec! {
    async fn a_user_comes_into_many_groups_at_once(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let groups = ["a", "b", "c", "d", "e", "f"];
        for name in groups {
            create(&world, &client.pool, name).await;
        }
        for outcome in at_once(groups.map(|name| add(&world, &client.pool, "alice", name))).await {
            outcome.unwrap();
        }
        assert_eq!(groups_of(&world, &client.pool, "alice").await, groups);
    }
}

spec! {
    async fn a_user_is_in_a_hundred_groups_at_most_and_deleted_ones_do_not_count(world: World) {
        let client = world.app_client().await;
        let pool = &client.pool;
        world.sign_up(&client, "alice").await;
        for number in 0..101 {
            create(&world, pool, &format!("group-{number:03}")).await;
        }
        for number in 0..100 {
            add(&world, pool, "alice", &format!("group-{number:03}")).await.unwrap();
        }
        let full = refusal("LimitExceededException", "A user cannot be in more than 100 groups.");
        assert_eq!(add(&world, pool, "alice", "group-100").await, Err(full.clone()));
        assert_eq!(add(&world, pool, "alice", "group-007").await, Ok(()), "in it already");
        delete(&world, pool, "group-007").await.unwrap();
        create(&world, pool, "group-007").await;
        assert_eq!(add(&world, pool, "alice", "group-100").await, Ok(()));
        assert_eq!(add(&world, pool, "alice", "group-007").await, Err(full));
    }
}

spec! {
    async fn the_group_is_looked_for_before_the_user_and_the_pool_before_both(world: World) {
        let (client, other) = (world.app_client().await, world.app_client().await);
        world.sign_up(&client, "alice").await;
        world.sign_up(&other, "bob").await;
        create(&world, &client.pool, "staff").await;
        create(&world, &other.pool, "others").await;
        let pool = &client.pool;
        assert_eq!(add(&world, NOWHERE, "nobody", "nothing").await, Err(no_pool()));
        for username in ["nobody", "alice"] {
            assert_eq!(add(&world, pool, username, "others").await, Err(no_group()), "{username}");
        }
        for username in ["nobody", "bob"] {
            assert_eq!(add(&world, pool, username, "staff").await, Err(no_user()), "{username}");
        }
        assert_eq!(members(&world, pool, "staff").await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_has_no_body_on_the_aws_wire() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    world.sign_up(&client, "alice").await;
    create(&world, &client.pool, "staff").await;
    let body = json!({ "UserPoolId": client.pool, "Username": "alice", "GroupName": "staff" });
    let reply = post_json(&world, Op::AdminAddUserToGroup, &body).await;
    assert_eq!((reply.status, reply.body.len(), reply.header("content-length")), (200, 0, Some("0")));
    assert_eq!(reply.header("content-type"), Some("application/x-amz-json-1.1"));
}
