//! `SetUserPoolMfaConfig`.

use std::time::Duration;

use cognate::api;
use cognate::api::user_verification::Value as UserVerification;
use cognate::api::web_authn_factor_configuration::Value as FactorConfiguration;
use serde_json::{Value, json};

use super::create_user_pool::{created, described};
use super::get_user_pool_mfa_config::{config, get};
use super::timestamp;
use crate::spec;
use crate::support::fixtures::PASSWORD;
use crate::support::{Refusal, World, refusal};
use crate::wire::{call_written, with};

async fn set(world: &World, pool: &str, members: Value) -> Result<api::SetUserPoolMfaConfigResponse, Refusal> {
    call_written::<api::SetUserPoolMfaConfigRequest>(world, &with(&members, "UserPoolId", json!(pool))).await
}

fn invalid(message: &str) -> Refusal {
    refusal("InvalidParameterException", message)
}

spec! {
    async fn what_is_set_is_kept_and_what_is_left_out_is_not(world: World) {
        let pool = world.pool(|_| {}).await;
        let passkeys = |id: Option<&str>, verification: Option<UserVerification>, factors: Option<FactorConfiguration>| {
            Some(api::WebAuthnConfiguration {
                relying_party_id: id.map(str::to_owned),
                user_verification: verification.map(i32::from),
                factor_configuration: factors.map(i32::from),
            })
        };
        for (members, kept) in [
            (
                json!({ "MfaConfiguration": "OFF", "WebAuthnConfiguration": {
                    "RelyingPartyId": "example.com",
                    "UserVerification": "required",
                    "FactorConfiguration": "MULTI_FACTOR_WITH_USER_VERIFICATION",
                } }),
                passkeys(
                    Some("example.com"),
                    Some(UserVerification::Required),
                    Some(FactorConfiguration::MultiFactorWithUserVerification),
                ),
            ),
            (
                json!({ "WebAuthnConfiguration": {
                    "UserVerification": "preferred",
                    "FactorConfiguration": "SINGLE_FACTOR",
                } }),
                passkeys(None, Some(UserVerification::Preferred), Some(FactorConfiguration::SingleFactor)),
            ),
            (json!({ "MfaConfiguration": "OFF" }), None),
            (
                json!({ "WebAuthnConfiguration": { "RelyingPartyId": "r".repeat(127) } }),
                passkeys(Some(&"r".repeat(127)), None, None),
            ),
            (json!({}), None),
        ] {
            let expected = config(kept);
            let answer = set(&world, &pool, members.clone()).await.unwrap();
            assert_eq!(answer.mfa_configuration, expected.mfa_configuration);
            assert_eq!(answer.web_authn_configuration, expected.web_authn_configuration, "{members}");
            assert_eq!(get(&world, &pool).await, Ok(expected), "{members}");
        }
    }
}

spec! {
    async fn the_pools_other_settings_stay_and_an_update_of_them_leaves_this_one(world: World) {
        let made = created(&world, &json!({ "PoolName": "people", "UserPoolTags": { "team": "desk" } })).await.unwrap();
        world.advance(Duration::from_secs(1));
        let passkeys = json!({ "WebAuthnConfiguration": { "RelyingPartyId": "example.com" } });
        set(&world, made.id(), passkeys).await.unwrap();
        let expected = api::UserPool { last_modified_date: timestamp(world.now()), ..made.clone() };
        assert_eq!(described(&world, made.id()).await, expected);

        let before = get(&world, made.id()).await;
        let update = api::UpdateUserPoolRequest { user_pool_id: made.id.clone(), ..Default::default() };
        world.call(update).await.unwrap();
        assert_eq!(get(&world, made.id()).await, before);
        let world = world.restarted().await;
        assert_eq!(get(&world, made.id()).await, before);
    }
}

spec! {
    async fn a_factor_that_no_sign_in_would_ask_for_is_refused(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        for value in ["ON", "OPTIONAL"] {
            for factor in [
                json!({}),
                json!({ "SoftwareTokenMfaConfiguration": { "Enabled": true } }),
                json!({ "EmailMfaConfiguration": { "Message": "Type {####}", "Subject": "Code" } }),
                json!({ "SmsMfaConfiguration": { "SmsAuthenticationMessage": "Type {####}" } }),
            ] {
                assert_eq!(
                    set(&world, &client.pool, with(&factor, "MfaConfiguration", json!(value))).await,
                    Err(invalid("MfaConfiguration is not supported by this server."))
                );
            }
        }
        assert_eq!(get(&world, &client.pool).await, Ok(config(None)), "it does not say that it asks");
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_factor_is_not_configured_while_all_are_turned_off(world: World) {
        let pool = world.pool(|_| {}).await;
        for factor in [
            json!({ "SoftwareTokenMfaConfiguration": { "Enabled": true } }),
            json!({ "EmailMfaConfiguration": { "Subject": "Code" } }),
            json!({ "SmsMfaConfiguration": { "SmsAuthenticationMessage": "Type {####}" } }),
        ] {
            for members in [factor.clone(), with(&factor, "MfaConfiguration", json!("OFF"))] {
                assert_eq!(
                    set(&world, &pool, members.clone()).await,
                    Err(invalid("Invalid MFA configuration given, can't turn off MFA and configure an MFA together.")),
                    "{members}"
                );
            }
        }
        let sender = json!({ "SnsCallerArn": "arn:aws:iam::123456789012:role/sms" });
        assert_eq!(
            set(&world, &pool, json!({ "SmsMfaConfiguration": { "SmsConfiguration": sender } })).await,
            Err(invalid("SmsConfiguration is not supported by this server."))
        );
    }
}

spec! {
    async fn an_unknown_pool_is_named(world: World) {
        assert_eq!(
            set(&world, "us-east-1_Nowhere12", json!({})).await,
            Err(refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist."))
        );
    }
}

spec! {
    async fn members_out_of_bounds_are_named_with_their_paths(world: World) {
        let long = "r".repeat(128);
        assert_eq!(
            set(&world, "nonsense", json!({ "WebAuthnConfiguration": { "RelyingPartyId": long } })).await,
            Err(invalid(&format!(
                "2 validation errors detected: Value 'nonsense' at 'userPoolId' failed to satisfy constraint: Member must \
                 satisfy regular expression pattern: [\\w-]+_[0-9a-zA-Z]+; Value '{long}' at \
                 'webAuthnConfiguration.relyingPartyId' failed to satisfy constraint: Member must have length less than or \
                 equal to 127"
            )))
        );
    }
}
