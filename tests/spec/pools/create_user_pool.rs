//! `CreateUserPool`.

use std::collections::BTreeSet;

use cognate::api::auth_factor::Value as AuthFactor;
use cognate::api::recovery_option_name::Value as RecoveryOptionName;
use cognate::api::{self, Op};
use serde_json::{Map, Value, json};

use super::{attribute, lengths, pool_with_defaults, standard_schema};
use crate::spec;
use crate::support::{Refusal, Wire, World, refusal};
use crate::wire::{call_json, call_written, with};

pub async fn created(world: &World, body: &Value) -> Result<api::UserPool, Refusal> {
    let response = call_written::<api::CreateUserPoolRequest>(world, body).await;
    response.map(|response| response.user_pool.unwrap())
}

pub async fn described(world: &World, id: &str) -> api::UserPool {
    let request = api::DescribeUserPoolRequest { user_pool_id: Some(id.to_owned()) };
    world.call(request).await.unwrap().user_pool.unwrap()
}

fn minimal() -> Value {
    json!({ "PoolName": "people" })
}

spec! {
    async fn a_name_is_enough_and_the_rest_takes_cognitos_defaults(world: World) {
        let pool = created(&world, &minimal()).await.unwrap();
        let id = pool.id().to_owned();
        assert_eq!(pool, pool_with_defaults(&world, &id, "people"));
        assert_eq!(described(&world, &id).await, pool);
    }
}

spec! {
    async fn an_id_is_the_region_and_nine_letters_or_digits(world: World) {
        let (one, other) = (created(&world, &minimal()).await.unwrap(), created(&world, &minimal()).await.unwrap());
        for pool in [&one, &other] {
            let unique = pool.id().strip_prefix("us-east-1_").unwrap();
            assert!(unique.len() == 9 && unique.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{unique}");
        }
        assert_ne!(one.id, other.id, "names need not be unique, ids are");
    }
}

spec! {
    async fn every_setting_that_is_honoured_shows_in_the_answer_and_in_describe(world: World) {
        let body = json!({
            "PoolName": "people, +=.@- everywhere",
            "Policies": {
                "PasswordPolicy": {
                    "MinimumLength": 12,
                    "RequireUppercase": false,
                    "RequireLowercase": true,
                    "RequireNumbers": false,
                    "RequireSymbols": true,
                    "PasswordHistorySize": 0,
                    "TemporaryPasswordValidityDays": 30,
                },
                "SignInPolicy": { "AllowedFirstAuthFactors": ["EMAIL_OTP", "PASSWORD", "EMAIL_OTP", "SMS_OTP", "WEB_AUTHN"] },
            },
            "DeletionProtection": "ACTIVE",
            "AutoVerifiedAttributes": ["email", "phone_number"],
            "AliasAttributes": ["preferred_username", "email", "phone_number"],
            "VerificationMessageTemplate": {
                "SmsMessage": "Type {####}",
                "EmailMessage": "Your code: {####}",
                "EmailSubject": "Your code",
                "EmailMessageByLink": "Confirm {##here##}",
                "EmailSubjectByLink": "Your link",
                "DefaultEmailOption": "CONFIRM_WITH_LINK",
            },
            "UserAttributeUpdateSettings": { "AttributesRequireVerificationBeforeUpdate": ["phone_number"] },
            "SmsAuthenticationMessage": "Enter {####}",
            "MfaConfiguration": "OPTIONAL",
            "DeviceConfiguration": { "ChallengeRequiredOnNewDevice": true },
            "EmailConfiguration": {
                "EmailSendingAccount": "COGNITO_DEFAULT",
                "From": "People <people@example.com>",
                "ReplyToEmailAddress": "desk@example.com",
            },
            "AccountRecoverySetting": {
                "RecoveryMechanisms": [
                    { "Priority": 2, "Name": "verified_phone_number" },
                    { "Priority": 1, "Name": "verified_email" },
                ],
            },
            "UserPoolTags": { "team": "identity", "empty": "" },
            "AdminCreateUserConfig": {
                "AllowAdminCreateUserOnly": true,
                "UnusedAccountValidityDays": 30,
                "InviteMessageTemplate": {
                    "SMSMessage": "{username}: {####}",
                    "EmailMessage": "You are {username}, and your password is {####}.",
                    "EmailSubject": "Welcome",
                },
            },
            "Schema": [
                { "Name": "email", "AttributeDataType": "String", "Required": true, "Mutable": true },
                {
                    "Name": "team",
                    "AttributeDataType": "String",
                    "Mutable": true,
                    "DeveloperOnlyAttribute": false,
                    "StringAttributeConstraints": { "MinLength": "1", "MaxLength": "16" },
                },
                { "Name": "age", "AttributeDataType": "Number", "NumberAttributeConstraints": { "MinValue": "-1" } },
            ],
            "UsernameConfiguration": { "CaseSensitive": false },
            "UserPoolTier": "ESSENTIALS",
        });
        let pool = created(&world, &body).await.unwrap();

        let id = pool.id().to_owned();
        let mut expected = pool_with_defaults(&world, &id, "people, +=.@- everywhere");
        let policy = expected.policies.as_mut().unwrap().password_policy.as_mut().unwrap();
        policy.minimum_length = Some(12);
        policy.require_uppercase = Some(false);
        policy.require_numbers = Some(false);
        policy.temporary_password_validity_days = Some(30);
        expected.policies.as_mut().unwrap().sign_in_policy = Some(api::SignInPolicy {
            allowed_first_auth_factors: [AuthFactor::EmailOtp, AuthFactor::Password, AuthFactor::SmsOtp, AuthFactor::WebAuthn]
                .map(i32::from)
                .to_vec(),
        });
        expected.sms_authentication_message = Some("Enter {####}".to_owned());
        expected.mfa_configuration = Some(api::user_pool_mfa::Value::Optional.into());
        expected.device_configuration = Some(api::DeviceConfiguration {
            challenge_required_on_new_device: Some(true),
            device_only_remembered_on_user_prompt: Some(false),
        });
        expected.deletion_protection = Some(api::deletion_protection::Value::Active.into());
        expected.auto_verified_attributes =
            [api::verified_attribute::Value::Email, api::verified_attribute::Value::PhoneNumber].map(i32::from).to_vec();
        expected.alias_attributes = [
            api::alias_attribute::Value::PreferredUsername,
            api::alias_attribute::Value::Email,
            api::alias_attribute::Value::PhoneNumber,
        ]
        .map(i32::from)
        .to_vec();
        let (sms, email, subject) = ("Type {####}", "Your code: {####}", "Your code");
        expected.sms_verification_message = Some(sms.to_owned());
        expected.email_verification_message = Some(email.to_owned());
        expected.email_verification_subject = Some(subject.to_owned());
        let template = expected.verification_message_template.as_mut().unwrap();
        template.sms_message = Some(sms.to_owned());
        template.email_message = Some(email.to_owned());
        template.email_subject = Some(subject.to_owned());
        template.email_message_by_link = Some("Confirm {##here##}".to_owned());
        template.email_subject_by_link = Some("Your link".to_owned());
        template.default_email_option = Some(api::default_email_option::Value::ConfirmWithLink.into());
        expected.user_attribute_update_settings = Some(api::UserAttributeUpdateSettings {
            attributes_require_verification_before_update: vec![api::verified_attribute::Value::PhoneNumber.into()],
        });
        let mail = expected.email_configuration.as_mut().unwrap();
        mail.from = Some("People <people@example.com>".to_owned());
        mail.reply_to_email_address = Some("desk@example.com".to_owned());
        expected.account_recovery_setting = Some(api::AccountRecoverySetting {
            recovery_mechanisms: vec![
                mechanism(1, RecoveryOptionName::VerifiedEmail),
                mechanism(2, RecoveryOptionName::VerifiedPhoneNumber),
            ],
        });
        expected.user_pool_tags =
            [("team", "identity"), ("empty", "")].map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        expected.admin_create_user_config = Some(api::AdminCreateUserConfig {
            allow_admin_create_user_only: Some(true),
            unused_account_validity_days: Some(30),
            invite_message_template: Some(api::MessageTemplate {
                sms_message: Some("{username}: {####}".to_owned()),
                email_message: Some("You are {username}, and your password is {####}.".to_owned()),
                email_subject: Some("Welcome".to_owned()),
            }),
        });
        expected.username_configuration = Some(api::UsernameConfiguration { case_sensitive: Some(false) });
        let mut schema = standard_schema();
        schema.iter_mut().find(|attribute| attribute.name() == "email").unwrap().required = Some(true);
        schema.push(api::SchemaAttribute {
            string_attribute_constraints: lengths("1", "16"),
            ..attribute("custom:team", api::attribute_data::Value::String)
        });
        schema.push(api::SchemaAttribute {
            mutable: Some(false),
            number_attribute_constraints: Some(api::NumberAttributeConstraints {
                min_value: Some("-1".to_owned()),
                max_value: None,
            }),
            ..attribute("custom:age", api::attribute_data::Value::Number)
        });
        expected.schema_attributes = schema;
        assert_eq!(pool, expected);
        assert_eq!(described(&world, &id).await, expected);
    }
}

spec! {
    async fn the_older_members_for_wording_fill_the_template_unless_it_says_otherwise(world: World) {
        let older = json!({
            "PoolName": "people",
            "SmsVerificationMessage": "old sms {####}",
            "EmailVerificationMessage": "old mail {####}",
            "EmailVerificationSubject": "old subject",
        });
        let pool = created(&world, &older).await.unwrap();
        let template = pool.verification_message_template.unwrap();
        assert_eq!(
            (template.sms_message(), template.email_message(), template.email_subject()),
            ("old sms {####}", "old mail {####}", "old subject")
        );
        let both = with(&older, "VerificationMessageTemplate", json!({ "EmailSubject": "new subject" }));
        let pool = created(&world, &both).await.unwrap();
        assert_eq!(pool.email_verification_subject(), "new subject");
        assert_eq!(pool.email_verification_message(), "old mail {####}");
    }
}

spec! {
    async fn username_attributes_show_in_describe(world: World) {
        let body = with(&minimal(), "UsernameAttributes", json!(["email", "phone_number"]));
        let pool = created(&world, &body).await.unwrap();
        let expected = [api::username_attribute::Value::Email, api::username_attribute::Value::PhoneNumber];
        assert_eq!(described(&world, pool.id()).await.username_attributes, expected.map(i32::from));
    }
}

spec! {
    async fn a_password_policy_asks_only_for_what_it_names(world: World) {
        let body = with(&minimal(), "Policies", json!({ "PasswordPolicy": { "RequireNumbers": true } }));
        let policy = created(&world, &body).await.unwrap().policies.unwrap().password_policy.unwrap();
        assert_eq!(
            policy,
            api::PasswordPolicy {
                minimum_length: Some(8),
                require_uppercase: Some(false),
                require_lowercase: Some(false),
                require_numbers: Some(true),
                require_symbols: Some(false),
                password_history_size: None,
                temporary_password_validity_days: Some(7),
            }
        );
    }
}

fn mechanism(priority: i32, name: RecoveryOptionName) -> api::RecoveryOption {
    api::RecoveryOption { priority: Some(priority), name: Some(name.into()) }
}

spec! {
    async fn temporary_passwords_live_as_the_policy_says_or_else_as_the_older_member_does(world: World) {
        for (newer, older, days) in [
            (None, None, 7),
            (Some(0), None, 7),
            (Some(1), None, 1),
            (Some(365), None, 365),
            (None, Some(0), 7),
            (None, Some(90), 90),
            (Some(90), Some(90), 90),
            (Some(90), Some(0), 90),
            (Some(0), Some(90), 90),
        ] {
            let mut body = minimal();
            if let Some(days) = newer {
                body = with(&body, "Policies", json!({ "PasswordPolicy": { "TemporaryPasswordValidityDays": days } }));
            }
            if let Some(days) = older {
                body = with(&body, "AdminCreateUserConfig", json!({ "UnusedAccountValidityDays": days }));
            }
            let pool = created(&world, &body).await.unwrap();
            let policy = pool.policies.unwrap().password_policy.unwrap();
            let accounts = pool.admin_create_user_config.unwrap();
            assert_eq!(
                (policy.temporary_password_validity_days, accounts.unused_account_validity_days),
                (Some(days), Some(days)),
                "{body}"
            );
        }
    }
}

spec! {
    async fn operators_alone_reset_passwords_where_they_are_the_only_means(world: World) {
        let alone = json!({ "RecoveryMechanisms": [{ "Priority": 1, "Name": "admin_only" }] });
        let pool = created(&world, &with(&minimal(), "AccountRecoverySetting", alone)).await.unwrap();
        assert_eq!(
            described(&world, pool.id()).await.account_recovery_setting.unwrap().recovery_mechanisms,
            [mechanism(1, RecoveryOptionName::AdminOnly)]
        );
    }
}

spec! {
    async fn settings_that_contradict_each_other_are_refused(world: World) {
        let recovery = |mechanisms: Value| json!({ "AccountRecoverySetting": { "RecoveryMechanisms": mechanisms } });
        let invitation = |template: Value| json!({ "AdminCreateUserConfig": { "InviteMessageTemplate": template } });
        let alone = "Invalid account recovery setting parameter. Account Recovery Setting cannot use admin_only setting \
                     with any other recovery mechanisms.";
        let distinct = "Invalid account recovery setting parameter. Recovery mechanisms must differ in name and in priority.";
        let verified = "All attributes in AttributesRequireVerificationBeforeUpdate must exist in AutoVerifiedAttributes";
        let first = |factors: Value| json!({ "Policies": { "SignInPolicy": { "AllowedFirstAuthFactors": factors } } });
        let sender = "From must be an address, or a name and an address in angle brackets.";
        for (members, message) in [
            (
                json!({
                    "Policies": { "PasswordPolicy": { "TemporaryPasswordValidityDays": 7 } },
                    "AdminCreateUserConfig": { "UnusedAccountValidityDays": 8 },
                }),
                "Please use TemporaryPasswordValidityDays in PasswordPolicy instead of UnusedAccountValidityDays",
            ),
            (
                recovery(json!([{ "Priority": 1, "Name": "verified_email" }, { "Priority": 2, "Name": "admin_only" }])),
                alone,
            ),
            (
                recovery(json!([
                    { "Priority": 1, "Name": "verified_email" },
                    { "Priority": 1, "Name": "verified_phone_number" },
                ])),
                distinct,
            ),
            (
                recovery(json!([{ "Priority": 1, "Name": "verified_email" }, { "Priority": 2, "Name": "verified_email" }])),
                distinct,
            ),
            (
                json!({
                    "AutoVerifiedAttributes": ["phone_number"],
                    "UserAttributeUpdateSettings": { "AttributesRequireVerificationBeforeUpdate": ["email"] },
                }),
                verified,
            ),
            (
                json!({ "UserAttributeUpdateSettings": { "AttributesRequireVerificationBeforeUpdate": ["email"] } }),
                verified,
            ),
            (
                invitation(json!({ "EmailMessage": "Welcome, {username}" })),
                "EmailMessage of InviteMessageTemplate must contain {username} and {####}.",
            ),
            (
                invitation(json!({ "EmailMessage": "Your password: {####}" })),
                "EmailMessage of InviteMessageTemplate must contain {username} and {####}.",
            ),
            (
                invitation(json!({ "SMSMessage": "Welcome" })),
                "SMSMessage of InviteMessageTemplate must contain {username} and {####}.",
            ),
            (first(json!(["EMAIL_OTP", "SMS_OTP"])), "PASSWORD must be among AllowedFirstAuthFactors."),
            (
                first(json!(["PASSWORD", "SOFTWARE_TOKEN"])),
                "SOFTWARE_TOKEN cannot be among AllowedFirstAuthFactors.",
            ),
            (json!({ "EmailConfiguration": { "From": "people" } }), sender),
            (json!({ "EmailConfiguration": { "From": "A\r\nBcc: b@example.com <a@example.com>" } }), sender),
            (
                json!({ "EmailConfiguration": { "ReplyToEmailAddress": "a@example.com,b@example.com" } }),
                "ReplyToEmailAddress must be an e-mail address.",
            ),
        ] {
            let body = with(&members, "PoolName", json!("people"));
            assert_eq!(created(&world, &body).await, Err(refusal("InvalidParameterException", message)), "{body}");
        }
    }
}

spec! {
    async fn fifty_tags_fit_on_a_pool_and_no_more(world: World) {
        let tags = |count| -> Value { (0..count).map(|n| (format!("t{n}"), json!(""))).collect::<Map<_, _>>().into() };
        let pool = created(&world, &with(&minimal(), "UserPoolTags", tags(50))).await.unwrap();
        assert_eq!(pool.user_pool_tags.len(), 50);
        assert_eq!(
            created(&world, &with(&minimal(), "UserPoolTags", tags(51))).await,
            Err(refusal("InvalidParameterException", "A user pool cannot have more than 50 tags."))
        );
    }
}

/// Every member and value that Cognito has and this server does not: the member's name, and a body that carries it.
pub fn not_honoured() -> Vec<(&'static str, Value)> {
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:x";
    let role = "arn:aws:iam::123456789012:role/sms";
    let members = [
        (
            "CustomSMSSender",
            json!({ "LambdaConfig": { "CustomSMSSender": { "LambdaArn": arn, "LambdaVersion": "V1_0" } } }),
        ),
        (
            "CustomEmailSender",
            json!({ "LambdaConfig": { "CustomEmailSender": { "LambdaArn": arn, "LambdaVersion": "V1_0" } } }),
        ),
        ("KMSKeyID", json!({ "LambdaConfig": { "KMSKeyID": arn } })),
        (
            "InboundFederation",
            json!({ "LambdaConfig": { "InboundFederation": { "LambdaArn": arn, "LambdaVersion": "V1_0" } } }),
        ),
        ("SmsConfiguration", json!({ "SmsConfiguration": { "SnsCallerArn": role } })),
        ("UserPoolAddOns", json!({ "UserPoolAddOns": { "AdvancedSecurityMode": "ENFORCED" } })),
        ("DcrConfiguration", json!({ "DcrConfiguration": { "Enabled": true } })),
        ("KeyConfiguration", json!({ "KeyConfiguration": { "KeyType": "CUSTOMER" } })),
        ("IssuerConfiguration", json!({ "IssuerConfiguration": { "Type": "REGIONAL" } })),
        ("AcrConfiguration", json!({ "AcrConfiguration": { "1": { "Level": 1 } } })),
        ("PasswordHistorySize", json!({ "Policies": { "PasswordPolicy": { "PasswordHistorySize": 1 } } })),
        (
            "SourceArn",
            json!({ "EmailConfiguration": { "SourceArn": "arn:aws:ses:us-east-1:123456789012:identity/a" } }),
        ),
        ("EmailSendingAccount", json!({ "EmailConfiguration": { "EmailSendingAccount": "DEVELOPER" } })),
        ("ConfigurationSet", json!({ "EmailConfiguration": { "ConfigurationSet": "set" } })),
        ("UserPoolTier", json!({ "UserPoolTier": "LITE" })),
        ("UserPoolTier", json!({ "UserPoolTier": "PLUS" })),
        (
            "DeveloperOnlyAttribute",
            json!({ "Schema": [{ "Name": "x", "AttributeDataType": "String", "DeveloperOnlyAttribute": true }] }),
        ),
    ];
    members.into_iter().map(|(name, body)| (name, with(&body, "PoolName", json!("people")))).collect()
}

spec! {
    async fn what_is_not_honoured_is_refused_by_name(world: World) {
        for (member, body) in not_honoured() {
            assert_eq!(
                created(&world, &body).await,
                Err(refusal("InvalidParameterException", &format!("{member} is not supported by this server."))),
                "{body}"
            );
        }
        let request = api::ListUserPoolsRequest { max_results: Some(60), next_token: None };
        assert_eq!(world.call(request).await.unwrap().user_pools, [], "a refused request leaves no pool");
    }
}

#[test]
fn the_table_of_what_is_not_honoured_has_every_such_member_of_the_contract() {
    let proto = include_str!("../../../proto/cognate/v1/pools.proto").to_owned()
        + include_str!("../../../proto/cognate/v1/types/pool.proto")
        + include_str!("../../../proto/cognate/v1/types/triggers.proto");
    let declared: BTreeSet<&str> = proto
        .lines()
        .filter(|line| line.trim_start().starts_with("NotHonoured "))
        .map(|line| line.split('"').nth(1).unwrap())
        .collect();
    let listed: BTreeSet<&str> = not_honoured().into_iter().map(|(member, _)| member).collect();
    assert!(!declared.is_empty());
    assert_eq!(declared.difference(&listed).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_asks_for_nothing_is_no_reason_to_refuse() {
    let world = World::new(Wire::Json).await;
    let mut body = minimal();
    for (member, empty) in [
        ("LambdaConfig", json!({})),
        ("UserAttributeUpdateSettings", json!({})),
        ("DeviceConfiguration", json!({})),
        ("SmsConfiguration", json!({})),
        ("UserPoolAddOns", Value::Null),
        ("DcrConfiguration", json!({})),
        ("AccountRecoverySetting", json!({})),
        ("KeyConfiguration", json!({})),
        ("IssuerConfiguration", json!([])),
        ("AcrConfiguration", json!({})),
        ("AdminCreateUserConfig", json!({ "InviteMessageTemplate": {} })),
        ("EmailConfiguration", json!({})),
        ("Policies", json!({})),
        ("Schema", json!([])),
    ] {
        body = with(&body, member, empty);
    }
    let pool = created(&world, &body).await.unwrap();
    let id = pool.id().to_owned();
    assert_eq!(pool, pool_with_defaults(&world, &id, "people"));
}

spec! {
    async fn alias_and_username_attributes_exclude_each_other(world: World) {
        let body = json!({ "PoolName": "people", "AliasAttributes": ["email"], "UsernameAttributes": ["email"] });
        assert_eq!(
            created(&world, &body).await,
            Err(refusal(
                "InvalidParameterException",
                "Only one of the aliasAttributes or usernameAttributes can be set in a user pool."
            ))
        );
    }
}

spec! {
    async fn a_schema_that_cannot_be_is_refused_in_cognitos_words(world: World) {
        let string = |constraints: Value| json!({
            "Name": "team", "AttributeDataType": "String", "StringAttributeConstraints": constraints,
        });
        let number = |constraints: Value| json!({
            "Name": "team", "AttributeDataType": "Number", "NumberAttributeConstraints": constraints,
        });
        for (schema, message) in [
            (
                json!([{ "Name": "team", "AttributeDataType": "String", "Required": true }]),
                "Required custom attributes are not supported currently.",
            ),
            (
                json!([{ "Name": "email", "AttributeDataType": "Number" }]),
                "You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute email",
            ),
            (
                json!([{ "Name": "email_verified", "Required": true }]),
                "You can not change Required or Mutable for standard schema attribute email_verified",
            ),
            (
                json!([{ "Name": "team" }]),
                "Invalid AttributeDataType input, consider using the provided AttributeDataType enum.",
            ),
            (
                json!([{
                    "Name": "team",
                    "AttributeDataType": "Number",
                    "StringAttributeConstraints": { "MinLength": "1" },
                }]),
                "Invalid StringAttributeConstraints for schema attribute custom:team",
            ),
            (
                json!([{
                    "Name": "team",
                    "AttributeDataType": "String",
                    "NumberAttributeConstraints": { "MinValue": "1" },
                }]),
                "Invalid NumberAttributeConstraints for schema attribute custom:team",
            ),
            (
                json!([string(json!({ "MinLength": "one" }))]),
                "Invalid StringAttributeConstraints for schema attribute custom:team",
            ),
            (
                json!([string(json!({ "MinLength": "-1" }))]),
                "Invalid StringAttributeConstraints for schema attribute custom:team",
            ),
            (
                json!([string(json!({ "MaxLength": "2049" }))]),
                "user.custom:team: String attributes cannot have a length of more than 2048",
            ),
            (
                json!([string(json!({ "MinLength": "5", "MaxLength": "4" }))]),
                "user.custom:team: Max length cannot be less than min length.",
            ),
            (
                json!([number(json!({ "MinValue": "5", "MaxValue": "4" }))]),
                "user.custom:team: Max value cannot be less than min value.",
            ),
            (
                json!([string(json!({})), string(json!({}))]),
                "team: Existing attribute already has name team.",
            ),
            (json!([{ "AttributeDataType": "String" }]), "Missing required parameter Name"),
        ] {
            assert_eq!(
                created(&world, &with(&minimal(), "Schema", schema.clone())).await,
                Err(refusal("InvalidParameterException", message)),
                "{schema}"
            );
        }
    }
}

spec! {
    async fn fifty_attributes_fit_into_a_schema_and_no_more(world: World) {
        let attributes = |count| -> Value {
            (0..count).map(|n| json!({ "Name": format!("a{n}"), "AttributeDataType": "Boolean" })).collect()
        };
        let pool = created(&world, &with(&minimal(), "Schema", attributes(50))).await.unwrap();
        assert_eq!(pool.schema_attributes.len(), 70);
        assert_eq!(
            created(&world, &with(&minimal(), "Schema", attributes(51))).await,
            Err(refusal(
                "InvalidParameterException",
                "1 validation error detected: Value at 'schema' failed to satisfy constraint: Member must have length \
                 less than or equal to 50"
            ))
        );
    }
}

spec! {
    async fn members_out_of_bounds_are_named_with_their_paths(world: World) {
        let body = json!({
            "PoolName": "",
            "Policies": { "PasswordPolicy": { "MinimumLength": 5, "TemporaryPasswordValidityDays": 366 } },
            "AdminCreateUserConfig": { "InviteMessageTemplate": { "SMSMessage": "short" } },
            "AccountRecoverySetting": { "RecoveryMechanisms": [{ "Priority": 3 }] },
            "Schema": [{ "Name": "a_name_of_21_letters_", "AttributeDataType": "String" }],
            "UsernameConfiguration": {},
        });
        assert_eq!(
            created(&world, &body).await,
            Err(refusal(
                "InvalidParameterException",
                "9 validation errors detected: Value '' at 'poolName' failed to satisfy constraint: Member must have \
                 length greater than or equal to 1; Value '' at 'poolName' failed to satisfy constraint: Member must \
                 satisfy regular expression pattern: [\\w\\s+=,.@-]+; Value '5' at \
                 'policies.passwordPolicy.minimumLength' failed to satisfy constraint: Member must have value greater \
                 than or equal to 6; Value '366' at 'policies.passwordPolicy.temporaryPasswordValidityDays' failed to \
                 satisfy constraint: Member must have value less than or equal to 365; Value 'short' at \
                 'adminCreateUserConfig.inviteMessageTemplate.sMSMessage' failed to satisfy constraint: Member must have \
                 length greater than or equal to 6; Value 'a_name_of_21_letters_' at 'schema.1.member.name' failed to satisfy \
                 constraint: Member must have length less than or equal to 20; \
                 Value null at 'usernameConfiguration.caseSensitive' failed to satisfy constraint: Member must not be \
                 null; Value '3' at 'accountRecoverySetting.recoveryMechanisms.1.member.priority' failed to satisfy \
                 constraint: Member must have value less than or equal to 2; Value null at \
                 'accountRecoverySetting.recoveryMechanisms.1.member.name' failed to satisfy constraint: Member must not \
                 be null"
            ))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_type_that_is_none_is_quoted() {
    let world = World::new(Wire::Json).await;
    let body = with(&minimal(), "Schema", json!([{ "Name": "team", "AttributeDataType": "Banana" }]));
    assert_eq!(
        call_json(&world, Op::CreateUserPool, &body).await,
        Err(refusal(
            "InvalidParameterException",
            "1 validation error detected: Value 'Banana' at 'schema.1.member.attributeDataType' failed to satisfy \
             constraint: Member must satisfy enum value set: [String, Number, DateTime, Boolean]"
        ))
    );
}

spec! {
    async fn a_new_pool_outlives_a_restart(world: World) {
        let pool = created(&world, &minimal()).await.unwrap();
        let world = world.restarted().await;
        assert_eq!(described(&world, pool.id()).await, pool);
    }
}
