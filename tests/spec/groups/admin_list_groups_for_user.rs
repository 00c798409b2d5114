//! `AdminListGroupsForUser`.

use cognate::api;

use super::{NOWHERE, add, create, names, no_pool, no_user, remove, some};
use crate::spec;
use crate::support::{Refusal, World, refusal};

async fn page(
    world: &World,
    pool: &str,
    username: &str,
    limit: Option<i32>,
    next_token: Option<String>,
) -> Result<api::AdminListGroupsForUserResponse, Refusal> {
    let (user_pool_id, username) = (some(pool), some(username));
    world.call(api::AdminListGroupsForUserRequest { user_pool_id, username, limit, next_token }).await
}

spec! {
    async fn the_groups_of_that_user_are_listed_with_every_setting(world: World) {
        let client = world.app_client().await;
        let sub = world.sign_up(&client, "alice").await.user_sub;
        world.sign_up(&client, "bob").await;
        assert_eq!(page(&world, &client.pool, "alice", None, None).await, Ok(Default::default()));
        let groups = vec![create(&world, &client.pool, "admins").await, create(&world, &client.pool, "staff").await];
        create(&world, &client.pool, "others").await;
        for (username, group) in [("alice", "staff"), ("alice", "admins"), ("bob", "others")] {
            add(&world, &client.pool, username, group).await.unwrap();
        }
        let expected = api::AdminListGroupsForUserResponse { groups, next_token: None };
        for name in ["alice", &sub] {
            assert_eq!(page(&world, &client.pool, name, None, None).await.as_ref(), Ok(&expected));
        }
    }
}

spec! {
    async fn pages_of_every_size_give_each_group_once_in_order(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let all = ["B", "a", "aa", "b", "ä"];
        for name in all {
            create(&world, &client.pool, name).await;
            add(&world, &client.pool, "alice", name).await.unwrap();
        }
        for size in 1..=6 {
            let (mut seen, mut sizes, mut token) = (Vec::new(), Vec::new(), None);
            loop {
                let listed = page(&world, &client.pool, "alice", Some(size), token).await.unwrap();
                sizes.push(listed.groups.len());
                seen.extend(names(&listed.groups));
                token = listed.next_token;
                if token.is_none() {
                    break;
                }
            }
            assert_eq!(seen, all, "in pages of {size}");
            let expected: Vec<usize> = all.chunks(usize::try_from(size).unwrap()).map(<[_]>::len).collect();
            assert_eq!(sizes, expected, "in pages of {size}");
        }
    }
}

spec! {
    async fn a_page_holds_sixty_groups_unless_the_caller_wants_fewer(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        for number in 0..61 {
            let name = format!("group-{number}");
            create(&world, &client.pool, &name).await;
            add(&world, &client.pool, "alice", &name).await.unwrap();
        }
        for limit in [None, Some(0), Some(60)] {
            let first = page(&world, &client.pool, "alice", limit, None).await.unwrap();
            assert_eq!(first.groups.len(), 60, "{limit:?}");
            let second = page(&world, &client.pool, "alice", limit, first.next_token).await.unwrap();
            assert_eq!((second.groups.len(), second.next_token), (1, None), "{limit:?}");
        }
    }
}

spec! {
    async fn a_token_keeps_its_place_when_the_user_leaves_and_joins(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        for name in ["a", "b", "c", "cc", "d"] {
            create(&world, &client.pool, name).await;
        }
        for name in ["b", "c", "d"] {
            add(&world, &client.pool, "alice", name).await.unwrap();
        }
        let first = page(&world, &client.pool, "alice", Some(1), None).await.unwrap();
        assert_eq!(names(&first.groups), ["b"]);
        remove(&world, &client.pool, "alice", "b").await.unwrap();
        add(&world, &client.pool, "alice", "a").await.unwrap();
        add(&world, &client.pool, "alice", "cc").await.unwrap();
        let rest = page(&world, &client.pool, "alice", None, first.next_token).await.unwrap();
        assert_eq!(names(&rest.groups), ["c", "cc", "d"]);
    }
}

spec! {
    async fn a_token_that_was_never_given_is_refused(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        assert_eq!(
            page(&world, &client.pool, "alice", None, some("!")).await,
            Err(refusal("InvalidParameterException", "Invalid pagination token given."))
        );
    }
}

spec! {
    async fn an_unknown_user_and_an_unknown_pool_are_named(world: World) {
        let pool = world.pool(|_| {}).await;
        assert_eq!(page(&world, &pool, "nobody", None, None).await, Err(no_user()));
        assert_eq!(page(&world, NOWHERE, "nobody", None, None).await, Err(no_pool()));
    }
}
