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
        let longest = format!("{label}.{label}", label = "r".repeat(63));
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
                json!({ "WebAuthnConfiguration": { "RelyingPartyId": longest } }),
                passkeys(Some(&longest), None, None),
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

/// What is answered to a request, in JSON's words.
async fn answered(world: &World, pool: &str, members: Value) -> Result<Value, Refusal> {
    let answer = set(world, pool, members).await?;
    let kept = get(world, pool).await.unwrap();
    let written = serde_json::to_value(&answer).unwrap();
    assert_eq!(written, serde_json::to_value(&kept).unwrap(), "what is kept is what was answered");
    Ok(written)
}

spec! {
    async fn a_pool_has_the_factors_that_are_named_and_no_others(world: World) {
        let pool = world.pool(|_| {}).await;
        for members in [
            json!({ "MfaConfiguration": "ON", "SoftwareTokenMfaConfiguration": { "Enabled": true } }),
            json!({
                "MfaConfiguration": "OPTIONAL",
                "SmsMfaConfiguration": { "SmsAuthenticationMessage": "Enter {####}" },
                "SoftwareTokenMfaConfiguration": { "Enabled": true },
                "EmailMfaConfiguration": { "Message": "Type {####}", "Subject": "Code" },
            }),
            json!({ "MfaConfiguration": "ON", "EmailMfaConfiguration": { "Message": "Type {####}" } }),
            json!({ "MfaConfiguration": "OPTIONAL", "SmsMfaConfiguration": { "SmsAuthenticationMessage": "{####} it is" } }),
            json!({ "MfaConfiguration": "OFF" }),
        ] {
            assert_eq!(answered(&world, &pool, members.clone()).await, Ok(members.clone()));
            let described = serde_json::to_value(described(&world, &pool).await).unwrap();
            assert_eq!(described["MfaConfiguration"], members["MfaConfiguration"]);
            assert_eq!(
                described.get("SmsAuthenticationMessage"),
                members.pointer("/SmsMfaConfiguration/SmsAuthenticationMessage")
            );
        }
    }
}

spec! {
    async fn a_factor_need_not_have_a_text_of_its_own(world: World) {
        let pool = world.pool(|_| {}).await;
        let members = json!({ "MfaConfiguration": "ON", "SmsMfaConfiguration": {}, "EmailMfaConfiguration": {} });
        let off = with(&members, "SoftwareTokenMfaConfiguration", json!({ "Enabled": false }));
        assert_eq!(answered(&world, &pool, off).await, Ok(members));
    }
}

spec! {
    async fn without_a_factor_there_is_none_to_ask_for(world: World) {
        let pool = world.pool(|_| {}).await;
        for value in ["ON", "OPTIONAL"] {
            for factors in [json!({}), json!({ "SoftwareTokenMfaConfiguration": { "Enabled": false } })] {
                assert_eq!(
                    set(&world, &pool, with(&factors, "MfaConfiguration", json!(value))).await,
                    Err(invalid(
                        "At least one of [SmsMfaConfiguration] or [SoftwareTokenMfaConfiguration] must be provided."
                    ))
                );
            }
        }
        assert_eq!(get(&world, &pool).await, Ok(config(None)), "it does not say that it asks");
    }
}

spec! {
    async fn an_update_that_names_no_factor_keeps_those_there_are_or_takes_text_messages(world: World) {
        let pool = world.pool(|_| {}).await;
        let update = async |members: Value| {
            let body = with(&members, "UserPoolId", json!(pool));
            call_written::<api::UpdateUserPoolRequest>(&world, &body).await.unwrap();
            serde_json::to_value(get(&world, &pool).await.unwrap()).unwrap()
        };
        let message = json!({ "SmsAuthenticationMessage": "Enter {####}" });
        assert_eq!(
            update(with(&message, "MfaConfiguration", json!("OPTIONAL"))).await,
            json!({ "MfaConfiguration": "OPTIONAL", "SmsMfaConfiguration": message })
        );
        let token = json!({ "Enabled": true });
        let set_to = json!({ "MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": token });
        set(&world, &pool, set_to).await.unwrap();
        assert_eq!(
            update(json!({ "MfaConfiguration": "ON" })).await,
            json!({ "MfaConfiguration": "ON", "SoftwareTokenMfaConfiguration": token })
        );
        assert_eq!(update(json!({})).await, json!({ "MfaConfiguration": "OFF" }));
        let body = json!({ "PoolName": "people", "MfaConfiguration": "ON", "SmsAuthenticationMessage": "Enter {####}" });
        let made = created(&world, &body).await.unwrap();
        let written = serde_json::to_value(get(&world, made.id()).await.unwrap()).unwrap();
        assert_eq!(written, json!({ "MfaConfiguration": "ON", "SmsMfaConfiguration": message }));
    }
}

spec! {
    async fn mail_is_no_second_factor_where_a_lost_password_is_reset_by_mail_alone(world: World) {
        let by = |names: &[&str]| {
            let ranked = (1..).zip(names).map(|(rank, name)| json!({ "Priority": rank, "Name": name }));
            json!({ "AccountRecoverySetting": { "RecoveryMechanisms": ranked.collect::<Vec<_>>() } })
        };
        let refused = || invalid("E-mail cannot be a second factor where it is the only means of account recovery.");
        let mail = json!({ "MfaConfiguration": "OPTIONAL", "EmailMfaConfiguration": { "Subject": "Code" } });
        let made = created(&world, &with(&by(&["verified_email"]), "PoolName", json!("people"))).await.unwrap();
        assert_eq!(set(&world, made.id(), mail.clone()).await, Err(refused()));
        for names in [["verified_email", "verified_phone_number"].as_slice(), &["verified_phone_number"], &["admin_only"]] {
            let made = created(&world, &with(&by(names), "PoolName", json!("people"))).await.unwrap();
            set(&world, made.id(), mail.clone()).await.unwrap();
            let body = with(&by(&["verified_email"]), "UserPoolId", json!(made.id()));
            let body = with(&body, "MfaConfiguration", json!("OPTIONAL"));
            assert_eq!(
                call_written::<api::UpdateUserPoolRequest>(&world, &body).await.map(drop),
                Err(refused())
            );
        }
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
    async fn a_relying_party_must_be_a_domain(world: World) {
        let pool = world.pool(|_| {}).await;
        for other in ["com", "Example.com", "https://example.com", "example.com:443", "127.0.0.1", "ex ample.com"] {
            assert_eq!(
                set(&world, &pool, json!({ "WebAuthnConfiguration": { "RelyingPartyId": other } })).await,
                Err(invalid("RelyingPartyId must be a domain in lower case, such as auth.example.com, or localhost."))
            );
        }
        assert_eq!(get(&world, &pool).await, Ok(config(None)));
        set(&world, &pool, json!({ "WebAuthnConfiguration": { "RelyingPartyId": "localhost" } })).await.unwrap();
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
