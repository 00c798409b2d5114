//! `ListUserPoolClientSecrets`.

use std::time::Duration;

use cognate::api::{self, Op};
use serde_json::json;

use super::secrets::{add, confidential, first_id, invalid, list, odd, strangers};
use crate::pools::timestamp;
use crate::spec;
use crate::support::{Wire, World};
use crate::wire::call_json;

spec! {
    async fn no_page_follows_so_no_token_is_right(world: World) {
        let client = confidential(&world).await;
        let request = api::ListUserPoolClientSecretsRequest {
            user_pool_id: Some(client.pool.clone()),
            client_id: Some(client.id.clone()),
            next_token: Some("x".to_owned()),
        };
        assert_eq!(world.call(request).await.map(drop), Err(invalid("Invalid pagination token given.")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_aws_wire_tells_dates_in_seconds_and_no_value_in_a_list() {
    let world = World::new(Wire::Json).await;
    let client = confidential(&world).await;
    let body = json!({ "UserPoolId": client.pool, "ClientId": client.id });
    let listed = call_json(&world, Op::ListUserPoolClientSecrets, &body).await.unwrap();
    let created = world.now().as_second();
    assert_eq!(
        json!(listed),
        json!({ "ClientSecrets": [{
            "ClientSecretId": first_id(&client, world.now()),
            "ClientSecretCreateDate": created,
        }] })
    );
}

spec! {
    async fn secrets_are_listed_without_their_values_the_oldest_first(world: World) {
        let client = confidential(&world).await;
        let made = world.now();
        world.advance(Duration::from_secs(5));
        let added = add(&world, &client, None).await.unwrap();
        let first = api::ClientSecretDescriptor {
            client_secret_id: Some(first_id(&client, made)),
            client_secret_value: None,
            client_secret_create_date: timestamp(made),
        };
        let second = api::ClientSecretDescriptor { client_secret_value: None, ..added };
        assert_eq!(list(&world, &client).await, Ok(vec![first, second]));
    }
}

spec! {
    async fn a_public_client_has_none(world: World) {
        let client = world.app_client().await;
        assert_eq!(list(&world, &client).await, Ok(Vec::new()));
    }
}

spec! {
    async fn unknown_pools_and_foreign_clients_are_named(world: World) {
        for (client, refused) in strangers(&world).await {
            assert_eq!(list(&world, &client).await, Err(refused));
        }
    }
}

spec! {
    async fn members_out_of_bounds_are_named(world: World) {
        let (odd, refused) = odd();
        assert_eq!(list(&world, &odd).await, Err(refused));
    }
}
