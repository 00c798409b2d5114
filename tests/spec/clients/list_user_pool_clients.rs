//! `ListUserPoolClients`.

use cognate::api::{self, client_type};

use crate::spec;
use crate::support::{Refusal, World, refusal};

async fn page(
    world: &World,
    pool: &str,
    size: Option<i32>,
    token: Option<String>,
) -> Result<api::ListUserPoolClientsResponse, Refusal> {
    let request = api::ListUserPoolClientsRequest {
        user_pool_id: Some(pool.to_owned()),
        max_results: size,
        next_token: token,
        client_type: None,
    };
    world.call(request).await
}

fn ids(clients: &[api::UserPoolClientDescription]) -> Vec<String> {
    clients.iter().map(|client| client.client_id().to_owned()).collect()
}

spec! {
    async fn each_client_of_the_pool_is_recognisable_and_no_secret_is_among_it(world: World) {
        let (pool, other) = (world.pool(|_| {}).await, world.app_client().await);
        assert_eq!(page(&world, &pool, None, None).await, Ok(api::ListUserPoolClientsResponse::default()));
        let client = world.client(&pool, |request| request.generate_secret = Some(true)).await;
        let description = |pool: &str, id: &str| api::UserPoolClientDescription {
            client_id: Some(id.to_owned()),
            user_pool_id: Some(pool.to_owned()),
            client_name: Some("client".to_owned()),
        };
        for (pool, id) in [(&pool, &client.id), (&other.pool, &other.id)] {
            assert_eq!(
                page(&world, pool, None, None).await,
                Ok(api::ListUserPoolClientsResponse { user_pool_clients: vec![description(pool, id)], next_token: None })
            );
        }
    }
}

spec! {
    async fn pages_of_every_size_give_each_client_once_and_the_last_has_no_token(world: World) {
        let (pool, mut all) = (world.pool(|_| {}).await, Vec::new());
        for _ in 0..5 {
            all.push(world.client(&pool, |_| {}).await.id);
        }
        all.sort();
        for size in 1..=6 {
            let (mut seen, mut sizes, mut token) = (Vec::new(), Vec::new(), None);
            loop {
                let listed = page(&world, &pool, Some(size), token).await.unwrap();
                sizes.push(listed.user_pool_clients.len());
                seen.extend(ids(&listed.user_pool_clients));
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
    async fn a_page_holds_sixty_clients_unless_the_caller_wants_fewer(world: World) {
        let pool = world.pool(|_| {}).await;
        for _ in 0..61 {
            world.client(&pool, |_| {}).await;
        }
        let first = page(&world, &pool, None, None).await.unwrap();
        assert_eq!(first.user_pool_clients.len(), 60);
        let second = page(&world, &pool, None, first.next_token).await.unwrap();
        assert_eq!((second.user_pool_clients.len(), second.next_token), (1, None));
    }
}

spec! {
    async fn a_token_keeps_its_place_when_clients_come_and_go(world: World) {
        let (pool, mut all) = (world.pool(|_| {}).await, Vec::new());
        for _ in 0..3 {
            all.push(world.client(&pool, |_| {}).await.id);
        }
        all.sort();
        let first = page(&world, &pool, Some(1), None).await.unwrap();
        assert_eq!(ids(&first.user_pool_clients), all[..1]);
        let (user_pool_id, client_id) = (Some(pool.clone()), Some(all[0].clone()));
        world.call(api::DeleteUserPoolClientRequest { user_pool_id, client_id }).await.unwrap();
        let rest = page(&world, &pool, None, first.next_token).await.unwrap();
        assert_eq!(ids(&rest.user_pool_clients), all[1..]);
    }
}

spec! {
    async fn a_token_that_was_never_given_is_refused(world: World) {
        let pool = world.pool(|_| {}).await;
        for token in ["!", "a", "____"] {
            assert_eq!(
                page(&world, &pool, Some(1), Some(token.to_owned())).await,
                Err(refusal("InvalidParameterException", "Invalid pagination token given.")),
                "{token}"
            );
        }
    }
}

spec! {
    async fn a_page_has_one_to_sixty_clients(world: World) {
        let pool = world.pool(|_| {}).await;
        for (size, constraint) in [
            (0, "Member must have value greater than or equal to 1"),
            (61, "Member must have value less than or equal to 60"),
        ] {
            assert_eq!(
                page(&world, &pool, Some(size), None).await,
                Err(refusal(
                    "InvalidParameterException",
                    &format!(
                        "1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy \
                         constraint: {constraint}"
                    )
                ))
            );
        }
    }
}

spec! {
    async fn only_clients_that_operators_made_can_be_listed(world: World) {
        let client = world.app_client().await;
        let request = |kind: client_type::Value| api::ListUserPoolClientsRequest {
            user_pool_id: Some(client.pool.clone()),
            client_type: Some(kind.into()),
            ..Default::default()
        };
        let listed = world.call(request(client_type::Value::Regular)).await.unwrap();
        assert_eq!(ids(&listed.user_pool_clients), std::slice::from_ref(&client.id));
        assert_eq!(
            world.call(request(client_type::Value::Dcr)).await,
            Err(refusal("InvalidParameterException", "ClientType DCR is not supported by this server."))
        );
    }
}

spec! {
    async fn an_unknown_pool_is_named(world: World) {
        assert_eq!(
            page(&world, "us-east-1_Nowhere12", None, None).await,
            Err(refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist."))
        );
    }
}
