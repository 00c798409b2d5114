//! `DescribeUserPoolClient`. That it shows every setting is specified with `CreateUserPoolClient`.

use cognate::api;

use crate::spec;
use crate::support::{Refusal, World, refusal};

async fn described(world: &World, pool: &str, id: &str) -> Result<api::UserPoolClient, Refusal> {
    let (user_pool_id, client_id) = (Some(pool.to_owned()), Some(id.to_owned()));
    let request = api::DescribeUserPoolClientRequest { user_pool_id, client_id };
    world.call(request).await.map(|response| response.user_pool_client.unwrap())
}

fn no_client(id: &str) -> Refusal {
    refusal("ResourceNotFoundException", &format!("User pool client {id} does not exist."))
}

spec! {
    async fn the_secret_is_shown_again_to_operators_and_is_absent_where_there_is_none(world: World) {
        let pool = world.pool(|_| {}).await;
        let public = world.client(&pool, |_| {}).await;
        let confidential = world.client(&pool, |request| request.generate_secret = Some(true)).await;
        assert!(confidential.secret.is_some());
        assert_eq!(described(&world, &pool, &confidential.id).await.unwrap().client_secret, confidential.secret);
        assert_eq!(described(&world, &pool, &public.id).await.unwrap().client_secret, None);
    }
}

spec! {
    async fn a_client_of_another_pool_does_not_exist_here(world: World) {
        let (client, other) = (world.app_client().await, world.pool(|_| {}).await);
        assert_eq!(described(&world, &other, &client.id).await, Err(no_client(&client.id)));
    }
}

spec! {
    async fn an_unknown_client_and_an_unknown_pool_are_named_the_pool_first(world: World) {
        let client = world.app_client().await;
        assert_eq!(described(&world, &client.pool, "nobody").await, Err(no_client("nobody")));
        for id in [client.id.as_str(), "nobody"] {
            assert_eq!(
                described(&world, "us-east-1_Nowhere12", id).await,
                Err(refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist."))
            );
        }
    }
}

spec! {
    async fn both_ids_are_needed_and_the_clients_is_never_quoted(world: World) {
        assert_eq!(
            world.call(api::DescribeUserPoolClientRequest::default()).await,
            Err(refusal(
                "InvalidParameterException",
                "2 validation errors detected: Value null at 'userPoolId' failed to satisfy constraint: Member must \
                 not be null; Value at 'clientId' failed to satisfy constraint: Member must not be null"
            ))
        );
        assert_eq!(
            described(&world, "us-east-1_Nowhere12", "no-client").await,
            Err(refusal(
                "InvalidParameterException",
                "1 validation error detected: Value at 'clientId' failed to satisfy constraint: Member must satisfy \
                 regular expression pattern: [\\w+]+"
            ))
        );
    }
}
