//! The functions that a pool asks, its LambdaConfig: taken from requests, kept, and shown.

use crate::api::json::Named as _;
use crate::api::{self, pre_token_generation_lambda_version as version};
use crate::context::Cx;
use crate::error::Error;
use crate::store::records;

/// The functions that were asked for.
pub fn of_settings(config: api::LambdaConfig) -> Result<Option<records::PoolTriggers>, Error> {
    let versioned = config.pre_token_generation_config.map(|config| records::PreTokenGenerationTrigger {
        version: config.lambda_version.and_then(version::Value::name_of).unwrap_or_default().to_owned(),
        arn: config.lambda_arn.unwrap_or_default(),
    });
    let plain = &config.pre_token_generation;
    if let (Some(versioned), Some(plain)) = (&versioned, plain)
        && versioned.arn != *plain
    {
        let message = "PreTokenGeneration and LambdaArn of PreTokenGenerationConfig must be the same function.";
        return Err(Error::invalid_parameter(message));
    }
    let triggers = records::PoolTriggers {
        pre_sign_up: config.pre_sign_up,
        custom_message: config.custom_message,
        post_confirmation: config.post_confirmation,
        pre_authentication: config.pre_authentication,
        post_authentication: config.post_authentication,
        define_auth_challenge: config.define_auth_challenge,
        create_auth_challenge: config.create_auth_challenge,
        verify_auth_challenge_response: config.verify_auth_challenge_response,
        pre_token_generation: config.pre_token_generation,
        user_migration: config.user_migration,
        pre_token_generation_config: versioned,
    };
    Ok(Some(triggers).filter(|triggers| *triggers != records::PoolTriggers::default()))
}

/// Refuses a pool with a function of which the settings do not say where it is: each of its sign-ins would fail.
pub fn check_bindings(cx: &Cx<'_>, record: &records::Pool) -> Result<(), Error> {
    let triggers = record.triggers.clone().unwrap_or_default();
    let arns = [
        triggers.pre_sign_up,
        triggers.custom_message,
        triggers.post_confirmation,
        triggers.pre_authentication,
        triggers.post_authentication,
        triggers.define_auth_challenge,
        triggers.create_auth_challenge,
        triggers.verify_auth_challenge_response,
        triggers.pre_token_generation,
        triggers.user_migration,
        triggers.pre_token_generation_config.map(|config| config.arn),
    ];
    match arns.into_iter().flatten().find(|arn| !cx.triggers.are_bound(arn)) {
        Some(arn) => {
            let message = format!("The function {arn} is not among the triggers that this server's settings name.");
            Err(Error::invalid_parameter(message))
        }
        None => Ok(()),
    }
}

/// As operators see them.
pub fn shown(record: &records::Pool) -> api::LambdaConfig {
    let triggers = record.triggers.clone().unwrap_or_default();
    let versioned = |config: records::PreTokenGenerationTrigger| api::PreTokenGenerationVersionConfig {
        lambda_version: version::Value::number_of(&config.version),
        lambda_arn: Some(config.arn),
    };
    api::LambdaConfig {
        pre_sign_up: triggers.pre_sign_up,
        custom_message: triggers.custom_message,
        post_confirmation: triggers.post_confirmation,
        pre_authentication: triggers.pre_authentication,
        post_authentication: triggers.post_authentication,
        define_auth_challenge: triggers.define_auth_challenge,
        create_auth_challenge: triggers.create_auth_challenge,
        verify_auth_challenge_response: triggers.verify_auth_challenge_response,
        pre_token_generation: triggers.pre_token_generation,
        user_migration: triggers.user_migration,
        pre_token_generation_config: triggers.pre_token_generation_config.map(versioned),
        ..Default::default()
    }
}
