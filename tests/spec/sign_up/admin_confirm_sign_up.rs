//! `AdminConfirmSignUp`.

use cognate::api;

use crate::spec;
use crate::support::fixtures::{PASSWORD, value_of};
use crate::support::{Refusal, World, refusal};

fn request(pool: &str, username: &str) -> api::AdminConfirmSignUpRequest {
    api::AdminConfirmSignUpRequest {
        user_pool_id: Some(pool.to_owned()),
        username: Some(username.to_owned()),
        ..Default::default()
    }
}

async fn confirms(world: &World, pool: &str, username: &str) -> Result<(), Refusal> {
    world.call(request(pool, username)).await.map(|_| ())
}

spec! {
    async fn the_user_can_sign_in_but_no_address_is_verified(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        confirms(&world, &client.pool, "alice").await.unwrap();
        let alice = world.admin_get_user(&client.pool, "alice").await.unwrap();
        assert_eq!(alice.user_status(), api::user_status::Value::Confirmed);
        assert_eq!(value_of(&alice.user_attributes, "email_verified"), Some("false"));
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn the_mailed_code_is_useless_afterwards(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        confirms(&world, &client.pool, "alice").await.unwrap();
        assert_eq!(
            world.confirm(&client, "alice", &code).await.map(|_| ()),
            Err(refusal("NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED"))
        );
    }
}

spec! {
    async fn a_second_time_is_refused(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        confirms(&world, &client.pool, "alice").await.unwrap();
        assert_eq!(
            confirms(&world, &client.pool, "alice").await,
            Err(refusal("NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED"))
        );
    }
}

spec! {
    async fn the_user_is_found_by_sub_too(world: World) {
        let client = world.app_client().await;
        let signed_up = world.sign_up(&client, "alice").await;
        confirms(&world, &client.pool, &signed_up.user_sub).await.unwrap();
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn an_unknown_user_and_an_unknown_pool_are_named(world: World) {
        let pool = world.pool(|_| {}).await;
        assert_eq!(
            confirms(&world, &pool, "nobody").await,
            Err(refusal("UserNotFoundException", "User does not exist."))
        );
        assert_eq!(
            confirms(&world, "us-east-1_Nowhere12", "alice").await,
            Err(refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist."))
        );
    }
}

spec! {
    async fn a_pool_id_that_is_none_is_quoted_and_a_username_is_not(world: World) {
        assert_eq!(
            confirms(&world, "nonsense", "").await,
            Err(refusal(
                "InvalidParameterException",
                "3 validation errors detected: Value 'nonsense' at 'userPoolId' failed to satisfy constraint: Member must \
                 satisfy regular expression pattern: [\\w-]+_[0-9a-zA-Z]+; Value at 'username' failed to satisfy \
                 constraint: Member must have length greater than or equal to 1; Value at 'username' failed to satisfy \
                 constraint: Member must satisfy regular expression pattern: [\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+"
            ))
        );
    }
}
