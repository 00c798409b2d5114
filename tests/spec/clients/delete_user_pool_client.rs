//! `DeleteUserPoolClient`.

use cognate::api::{self, Op};
use serde_json::json;

use crate::spec;
use crate::support::fixtures::PASSWORD;
use crate::support::{Refusal, Wire, World, refusal};
use crate::wire::post_json;

async fn deleted(world: &World, pool: &str, id: &str) -> Result<(), Refusal> {
    let (user_pool_id, client_id) = (Some(pool.to_owned()), Some(id.to_owned()));
    world.call(api::DeleteUserPoolClientRequest { user_pool_id, client_id }).await
}

fn no_client(id: &str) -> Refusal {
    refusal("ResourceNotFoundException", &format!("User pool client {id} does not exist."))
}

spec! {
    async fn the_client_is_gone_at_once_with_its_tokens_and_its_users_stay(world: World) {
        let client = world.app_client().await;
        let other = world.client(&client.pool, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        deleted(&world, &client.pool, &client.id).await.unwrap();

        assert_eq!(deleted(&world, &client.pool, &client.id).await, Err(no_client(&client.id)));
        assert_eq!(world.try_password(&client, "alice", PASSWORD).await, Err(no_client(&client.id)));
        assert_eq!(world.refresh(&client, tokens.refresh_token()).await, Err(no_client(&client.id)));
        assert_eq!(
            world.get_user(tokens.access_token()).await,
            Err(refusal("NotAuthorizedException", "Invalid Access Token"))
        );
        let request = api::ListUserPoolClientsRequest { user_pool_id: Some(client.pool.clone()), ..Default::default() };
        let listed = world.call(request).await.unwrap().user_pool_clients;
        assert_eq!(listed.iter().map(api::UserPoolClientDescription::client_id).collect::<Vec<_>>(), [&other.id]);
        world.try_password(&other, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_client_of_another_pool_does_not_exist_here_and_stays(world: World) {
        let (client, other) = (world.app_client().await, world.pool(|_| {}).await);
        assert_eq!(deleted(&world, &other, &client.id).await, Err(no_client(&client.id)));
        world.sign_up(&client, "alice").await;
    }
}

spec! {
    async fn an_unknown_client_and_an_unknown_pool_are_named(world: World) {
        let pool = world.pool(|_| {}).await;
        assert_eq!(deleted(&world, &pool, "nobody").await, Err(no_client("nobody")));
        assert_eq!(
            deleted(&world, "us-east-1_Nowhere12", "nobody").await,
            Err(refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist."))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_has_no_body_on_the_aws_wire() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    let body = json!({ "UserPoolId": client.pool, "ClientId": client.id });
    let reply = post_json(&world, Op::DeleteUserPoolClient, &body).await;
    assert_eq!((reply.status, reply.body.len(), reply.header("content-length")), (200, 0, Some("0")));
    assert_eq!(reply.header("content-type"), Some("application/x-amz-json-1.1"));
}
