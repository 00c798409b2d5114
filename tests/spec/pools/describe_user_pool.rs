//! `DescribeUserPool`. That it shows every setting is specified with `CreateUserPool`.

use cognate::api;

use super::pool_with_defaults;
use crate::spec;
use crate::support::{Refusal, World, refusal};

async fn described(world: &World, id: Option<&str>) -> Result<api::UserPool, Refusal> {
    let request = api::DescribeUserPoolRequest { user_pool_id: id.map(str::to_owned) };
    world.call(request).await.map(|response| response.user_pool.unwrap())
}

spec! {
    async fn the_users_of_this_pool_alone_are_counted(world: World) {
        let pool = world.pool(|_| {}).await;
        let (client, other) = (world.client(&pool, |_| {}).await, world.app_client().await);
        let mut expected = pool_with_defaults(&world, &pool, "pool");
        expected.auto_verified_attributes = vec![api::verified_attribute::Value::Email.into()];
        assert_eq!(described(&world, Some(&pool)).await, Ok(expected.clone()));

        world.sign_up(&other, "carol").await;
        world.sign_up(&client, "alice").await;
        world.confirmed_user(&client, "bob").await;
        expected.estimated_number_of_users = Some(2);
        assert_eq!(described(&world, Some(&pool)).await, Ok(expected));
    }
}

spec! {
    async fn an_unknown_pool_is_named(world: World) {
        assert_eq!(
            described(&world, Some("us-east-1_Nowhere12")).await,
            Err(refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist."))
        );
    }
}

spec! {
    async fn an_id_is_needed_and_must_look_like_one(world: World) {
        assert_eq!(
            described(&world, None).await,
            Err(refusal(
                "InvalidParameterException",
                "1 validation error detected: Value null at 'userPoolId' failed to satisfy constraint: Member must not \
                 be null"
            ))
        );
        assert_eq!(
            described(&world, Some("us east")).await,
            Err(refusal(
                "InvalidParameterException",
                "1 validation error detected: Value 'us east' at 'userPoolId' failed to satisfy constraint: Member \
                 must satisfy regular expression pattern: [\\w-]+_[0-9a-zA-Z]+"
            ))
        );
    }
}
