//! `ListUserPools`.

use cognate::api;

use super::timestamp;
use crate::spec;
use crate::support::{Refusal, World, refusal};

async fn page(world: &World, size: i32, token: Option<String>) -> Result<api::ListUserPoolsResponse, Refusal> {
    world.call(api::ListUserPoolsRequest { max_results: Some(size), next_token: token }).await
}

fn ids(pools: &[api::UserPoolDescription]) -> Vec<String> {
    pools.iter().map(|pool| pool.id().to_owned()).collect()
}

spec! {
    async fn a_server_without_pools_lists_none(world: World) {
        assert_eq!(page(&world, 60, None).await, Ok(api::ListUserPoolsResponse::default()));
    }
}

spec! {
    async fn each_pool_is_recognisable(world: World) {
        let id = world.pool(|request| request.pool_name = Some("people".to_owned())).await;
        let description = api::UserPoolDescription {
            lambda_config: Some(Default::default()),
            id: Some(id),
            name: Some("people".to_owned()),
            creation_date: timestamp(world.now()),
            last_modified_date: timestamp(world.now()),
        };
        assert_eq!(
            page(&world, 60, None).await,
            Ok(api::ListUserPoolsResponse { user_pools: vec![description], next_token: None })
        );
    }
}

spec! {
    async fn pages_of_every_size_give_each_pool_once_and_the_last_has_no_token(world: World) {
        let mut all = Vec::new();
        for _ in 0..4 {
            all.push(world.pool(|_| {}).await);
        }
        all.sort();
        for size in 1..=5 {
            let (mut seen, mut sizes, mut token) = (Vec::new(), Vec::new(), None);
            loop {
                let listed = page(&world, size, token).await.unwrap();
                sizes.push(listed.user_pools.len());
                seen.extend(ids(&listed.user_pools));
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
    async fn a_token_keeps_its_place_when_pools_come_and_go(world: World) {
        let mut all = [world.pool(|_| {}).await, world.pool(|_| {}).await, world.pool(|_| {}).await];
        all.sort();
        let first = page(&world, 1, None).await.unwrap();
        assert_eq!(ids(&first.user_pools), all[..1]);
        world.call(api::DeleteUserPoolRequest { user_pool_id: Some(all[0].clone()) }).await.unwrap();
        let rest = page(&world, 60, first.next_token).await.unwrap();
        assert_eq!(ids(&rest.user_pools), all[1..]);
    }
}

spec! {
    async fn a_token_that_was_never_given_is_refused(world: World) {
        for token in ["!", "a", "\u{e9}", "____"] {
            assert_eq!(
                page(&world, 1, Some(token.to_owned())).await,
                Err(refusal("InvalidParameterException", "Invalid pagination token given.")),
                "{token}"
            );
        }
    }
}

spec! {
    async fn a_page_has_one_to_sixty_pools(world: World) {
        let refused = |value: &str, constraint: &str| {
            Err(refusal(
                "InvalidParameterException",
                &format!(
                    "1 validation error detected: Value {value} at 'maxResults' failed to satisfy \
                     constraint: {constraint}"
                ),
            ))
        };
        assert_eq!(page(&world, 0, None).await, refused("'0'", "Member must have value greater than or equal to 1"));
        assert_eq!(page(&world, 61, None).await, refused("'61'", "Member must have value less than or equal to 60"));
        assert_eq!(
            world.call(api::ListUserPoolsRequest::default()).await,
            refused("null", "Member must not be null")
        );
    }
}
