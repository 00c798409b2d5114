//! LambdaConfig.

use cognate::api::{self, pre_token_generation_lambda_version::Value as Version};

use crate::spec;
use crate::support::functions::{FUNCTION, function};
use crate::support::{Refusal, World, refusal};

const STRANGER: &str = "arn:aws:lambda:us-east-1:123456789012:function:stranger";

async fn created(world: &World, lambda_config: api::LambdaConfig) -> Result<api::LambdaConfig, Refusal> {
    let request = api::CreateUserPoolRequest {
        pool_name: Some("people".to_owned()),
        lambda_config: Some(lambda_config),
        ..Default::default()
    };
    let pool = world.call(request).await?.user_pool.unwrap();
    let described = api::DescribeUserPoolRequest { user_pool_id: pool.id };
    let described = world.call(described).await.unwrap().user_pool.unwrap();
    assert_eq!(described.lambda_config, pool.lambda_config);
    Ok(pool.lambda_config.unwrap())
}

fn versioned(arn: &str, version: Version) -> Option<api::PreTokenGenerationVersionConfig> {
    Some(api::PreTokenGenerationVersionConfig {
        lambda_version: Some(version.into()),
        lambda_arn: Some(arn.to_owned()),
    })
}

spec! {
    async fn functions_that_the_settings_know_are_kept_and_shown(world: World) {
        for config in [
            api::LambdaConfig::default(),
            api::LambdaConfig { pre_sign_up: function(), ..Default::default() },
            api::LambdaConfig {
                post_confirmation: function(),
                pre_authentication: function(),
                post_authentication: function(),
                custom_message: function(),
                user_migration: function(),
                define_auth_challenge: function(),
                create_auth_challenge: function(),
                verify_auth_challenge_response: function(),
                pre_token_generation: function(),
                ..Default::default()
            },
            api::LambdaConfig {
                pre_token_generation_config: versioned(FUNCTION, Version::V30),
                ..Default::default()
            },
            api::LambdaConfig {
                pre_token_generation: function(),
                pre_token_generation_config: versioned(FUNCTION, Version::V10),
                ..Default::default()
            },
        ] {
            assert_eq!(created(&world, config.clone()).await, Ok(config));
        }
    }
}

spec! {
    async fn a_function_of_which_the_settings_know_nothing_is_refused(world: World) {
        let stranger = || Some(STRANGER.to_owned());
        let message = format!("The function {STRANGER} is not among the triggers that this server's settings name.");
        let unknown = Err(refusal("InvalidParameterException", &message));
        for config in [
            api::LambdaConfig { pre_sign_up: stranger(), ..Default::default() },
            api::LambdaConfig { post_confirmation: stranger(), ..Default::default() },
            api::LambdaConfig { pre_authentication: stranger(), ..Default::default() },
            api::LambdaConfig { post_authentication: stranger(), ..Default::default() },
            api::LambdaConfig { custom_message: stranger(), ..Default::default() },
            api::LambdaConfig { user_migration: stranger(), ..Default::default() },
            api::LambdaConfig { define_auth_challenge: stranger(), ..Default::default() },
            api::LambdaConfig { create_auth_challenge: stranger(), ..Default::default() },
            api::LambdaConfig { verify_auth_challenge_response: stranger(), ..Default::default() },
            api::LambdaConfig { pre_token_generation: stranger(), ..Default::default() },
            api::LambdaConfig { pre_token_generation_config: versioned(STRANGER, Version::V20), ..Default::default() },
        ] {
            assert_eq!(created(&world, config.clone()).await, unknown, "{config:?}");
            let pool = world.pool(|_| {}).await;
            let update = api::UpdateUserPoolRequest {
                user_pool_id: Some(pool),
                lambda_config: Some(config),
                ..Default::default()
            };
            assert_eq!(world.call(update).await.map(|_| ()), unknown.clone().map(|_| ()));
        }
    }
}

spec! {
    async fn both_names_of_the_function_before_tokens_mean_the_same(world: World) {
        let config = api::LambdaConfig {
            pre_token_generation: function(),
            pre_token_generation_config: versioned(STRANGER, Version::V20),
            ..Default::default()
        };
        let message = "PreTokenGeneration and LambdaArn of PreTokenGenerationConfig must be the same function.";
        assert_eq!(created(&world, config).await, Err(refusal("InvalidParameterException", message)));
    }
}

spec! {
    async fn what_is_no_arn_is_refused_as_such(world: World) {
        let config = api::LambdaConfig { pre_sign_up: Some("my-function-by-its-name".to_owned()), ..Default::default() };
        let refused = created(&world, config).await.unwrap_err();
        assert_eq!(refused.exception, "InvalidParameterException");
        assert!(refused.message.contains("'lambdaConfig.preSignUp' failed to satisfy constraint"), "{refused:?}");
    }
}
