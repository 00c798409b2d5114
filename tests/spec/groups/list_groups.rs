//! `ListGroups`.

use cognate::api;

use super::{NOWHERE, create, delete, names, no_pool, some};
use crate::spec;
use crate::support::{Refusal, World, refusal};

async fn page(
    world: &World,
    pool: &str,
    limit: Option<i32>,
    next_token: Option<String>,
) -> Result<api::ListGroupsResponse, Refusal> {
    world.call(api::ListGroupsRequest { user_pool_id: some(pool), limit, next_token }).await
}

spec! {
    async fn each_group_of_the_pool_is_listed_with_every_setting(world: World) {
        let (pool, other) = (world.pool(|_| {}).await, world.pool(|_| {}).await);
        assert_eq!(page(&world, &pool, None, None).await, Ok(api::ListGroupsResponse::default()));
        let groups = vec![create(&world, &pool, "admins").await, create(&world, &pool, "staff").await];
        let others = vec![create(&world, &other, "others").await];
        assert_eq!(page(&world, &pool, None, None).await, Ok(api::ListGroupsResponse { groups, next_token: None }));
        assert_eq!(
            page(&world, &other, None, None).await,
            Ok(api::ListGroupsResponse { groups: others, next_token: None })
        );
    }
}

spec! {
    async fn pages_of_every_size_give_each_group_once_and_the_last_has_no_token(world: World) {
        let pool = world.pool(|_| {}).await;
        let all = ["B", "a", "aa", "b", "ä"];
        for name in all {
            create(&world, &pool, name).await;
        }
        for size in 1..=6 {
            let (mut seen, mut sizes, mut token) = (Vec::new(), Vec::new(), None);
            loop {
                let listed = page(&world, &pool, Some(size), token).await.unwrap();
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
        let pool = world.pool(|_| {}).await;
        for number in 0..61 {
            create(&world, &pool, &format!("group-{number}")).await;
        }
        for limit in [None, Some(0), Some(60)] {
            let first = page(&world, &pool, limit, None).await.unwrap();
            assert_eq!(first.groups.len(), 60, "{limit:?}");
            let second = page(&world, &pool, limit, first.next_token).await.unwrap();
            assert_eq!((second.groups.len(), second.next_token), (1, None), "{limit:?}");
        }
    }
}

spec! {
    async fn a_token_keeps_its_place_when_groups_come_and_go(world: World) {
        let pool = world.pool(|_| {}).await;
        for name in ["b", "c", "d"] {
            create(&world, &pool, name).await;
        }
        let first = page(&world, &pool, Some(1), None).await.unwrap();
        assert_eq!(names(&first.groups), ["b"]);
        delete(&world, &pool, "b").await.unwrap();
        create(&world, &pool, "a").await;
        create(&world, &pool, "cc").await;
        let rest = page(&world, &pool, None, first.next_token).await.unwrap();
        assert_eq!(names(&rest.groups), ["c", "cc", "d"]);
    }
}

spec! {
    async fn a_token_that_was_never_given_and_a_limit_out_of_bounds_are_refused(world: World) {
        let pool = world.pool(|_| {}).await;
        for token in ["!", "a", "____"] {
            assert_eq!(
                page(&world, &pool, Some(1), some(token)).await,
                Err(refusal("InvalidParameterException", "Invalid pagination token given.")),
                "{token}"
            );
        }
        for (limit, constraint) in [
            (-1, "Member must have value greater than or equal to 0"),
            (61, "Member must have value less than or equal to 60"),
        ] {
            let message = format!(
                "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: {constraint}"
            );
            assert_eq!(
                page(&world, &pool, Some(limit), None).await,
                Err(refusal("InvalidParameterException", &message))
            );
        }
    }
}

spec! {
    async fn an_unknown_pool_is_named(world: World) {
        assert_eq!(page(&world, NOWHERE, None, None).await, Err(no_pool()));
    }
}
