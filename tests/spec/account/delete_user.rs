//! `DeleteUser`. What is gone with a user is specified at `AdminDeleteUser`.

use std::time::Duration;

use cognate::api::{self, Op};
use serde_json::json;

use crate::spec;
use crate::support::fixtures::PASSWORD;
use crate::support::{Refusal, Wire, World, refusal};
use crate::wire::post_json;

async fn deleted(world: &World, access_token: &str) -> Result<(), Refusal> {
    world.call(api::DeleteUserRequest { access_token: Some(access_token.to_owned()) }).await
}

fn unknown_user() -> Refusal {
    refusal("UserNotFoundException", "User does not exist.")
}

fn not_authorized(message: &str) -> Refusal {
    refusal("NotAuthorizedException", message)
}

spec! {
    async fn users_go_with_every_token_of_theirs_and_the_name_is_free(world: World) {
        let client = world.app_client().await;
        let sub = world.confirmed_user(&client, "alice").await;
        let (here, there) = (world.sign_in(&client, "alice").await, world.sign_in(&client, "alice").await);
        deleted(&world, here.access_token()).await.unwrap();
        for tokens in [&here, &there] {
            assert_eq!(world.get_user(tokens.access_token()).await, Err(unknown_user()));
            assert_eq!(deleted(&world, tokens.access_token()).await, Err(unknown_user()));
            assert_eq!(
                world.refresh(&client, tokens.refresh_token()).await,
                Err(not_authorized("Invalid Refresh Token"))
            );
        }
        assert_eq!(world.try_password(&client, "alice", PASSWORD).await, Err(unknown_user()));
        assert_eq!(world.admin_get_user(&client.pool, "alice").await, Err(unknown_user()));
        assert_ne!(world.confirmed_user(&client, "alice").await, sub);
        assert_eq!(deleted(&world, here.access_token()).await, Err(unknown_user()));
        world.sign_in(&client, "alice").await;
    }
}

spec! {
    async fn only_an_access_token_that_stands_deletes(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        for token in [tokens.id_token(), tokens.refresh_token(), "nonsense"] {
            assert_eq!(deleted(&world, token).await, Err(not_authorized("Invalid Access Token")));
        }
        world.sign_out(tokens.access_token()).await.unwrap();
        assert_eq!(deleted(&world, tokens.access_token()).await, Err(not_authorized("Access Token has been revoked")));
        let tokens = world.sign_in(&client, "alice").await;
        world.disable(&client.pool, "alice").await;
        assert_eq!(deleted(&world, tokens.access_token()).await, Err(not_authorized("User is disabled.")));
        world.enable(&client.pool, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        world.advance(Duration::from_secs(3600));
        assert_eq!(deleted(&world, tokens.access_token()).await, Err(not_authorized("Access Token has expired")));
        world.sign_in(&client, "alice").await;
    }
}

spec! {
    async fn a_request_without_a_token_breaks_a_bound(world: World) {
        assert_eq!(
            world.call(api::DeleteUserRequest::default()).await,
            Err(refusal(
                "InvalidParameterException",
                "1 validation error detected: Value at 'accessToken' failed to satisfy constraint: Member must not be null"
            ))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_has_no_body_on_the_aws_wire() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    world.confirmed_user(&client, "alice").await;
    let body = json!({"AccessToken": world.sign_in(&client, "alice").await.access_token()});
    let reply = post_json(&world, Op::DeleteUser, &body).await;
    assert_eq!((reply.status, reply.body.len()), (200, 0));
}
