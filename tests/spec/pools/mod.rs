mod add_custom_attributes;
mod create_user_pool;
mod delete_user_pool;
mod describe_user_pool;
mod get_signing_certificate;
mod get_user_pool_mfa_config;
mod list_user_pools;
mod set_user_pool_mfa_config;
mod update_user_pool;

use cognate::api::{self, attribute_data};
use jiff::Timestamp;

use crate::support::World;

pub fn timestamp(time: Timestamp) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() })
}

/// A pool as Cognito describes one that was made with a name and nothing else.
fn pool_with_defaults(world: &World, id: &str, name: &str) -> api::UserPool {
    api::UserPool {
        lambda_config: Some(Default::default()),
        id: Some(id.to_owned()),
        name: Some(name.to_owned()),
        arn: Some(format!("arn:aws:cognito-idp:us-east-1:000000000000:userpool/{id}")),
        creation_date: timestamp(world.now()),
        last_modified_date: timestamp(world.now()),
        policies: Some(api::UserPoolPolicy {
            password_policy: Some(api::PasswordPolicy {
                minimum_length: Some(8),
                require_uppercase: Some(true),
                require_lowercase: Some(true),
                require_numbers: Some(true),
                require_symbols: Some(true),
                password_history_size: None,
                temporary_password_validity_days: Some(7),
            }),
            sign_in_policy: Some(api::SignInPolicy {
                allowed_first_auth_factors: vec![api::auth_factor::Value::Password.into()],
            }),
        }),
        deletion_protection: Some(api::deletion_protection::Value::Inactive.into()),
        mfa_configuration: Some(api::user_pool_mfa::Value::Off.into()),
        estimated_number_of_users: Some(0),
        email_configuration: Some(api::EmailConfiguration {
            email_sending_account: Some(api::email_sending_account::Value::CognitoDefault.into()),
            ..Default::default()
        }),
        admin_create_user_config: Some(api::AdminCreateUserConfig {
            allow_admin_create_user_only: Some(false),
            unused_account_validity_days: Some(7),
            invite_message_template: None,
        }),
        verification_message_template: Some(api::VerificationMessageTemplate {
            default_email_option: Some(api::default_email_option::Value::ConfirmWithCode.into()),
            ..Default::default()
        }),
        user_pool_tier: Some(api::user_pool_tier::Value::Essentials.into()),
        schema_attributes: standard_schema(),
        ..Default::default()
    }
}

fn standard_schema() -> Vec<api::SchemaAttribute> {
    let string = |name| api::SchemaAttribute {
        string_attribute_constraints: lengths("0", "2048"),
        ..attribute(name, attribute_data::Value::String)
    };
    let boolean = |name| attribute(name, attribute_data::Value::Boolean);
    let mut sub = api::SchemaAttribute { required: Some(true), mutable: Some(false), ..string("sub") };
    sub.string_attribute_constraints = lengths("1", "2048");
    let mut birthdate = string("birthdate");
    birthdate.string_attribute_constraints = lengths("10", "10");
    let mut updated_at = attribute("updated_at", attribute_data::Value::Number);
    updated_at.number_attribute_constraints =
        Some(api::NumberAttributeConstraints { min_value: Some("0".to_owned()), max_value: None });
    vec![
        sub,
        string("name"),
        string("given_name"),
        string("family_name"),
        string("middle_name"),
        string("nickname"),
        string("preferred_username"),
        string("profile"),
        string("picture"),
        string("website"),
        string("email"),
        boolean("email_verified"),
        string("gender"),
        birthdate,
        string("zoneinfo"),
        string("locale"),
        string("phone_number"),
        boolean("phone_number_verified"),
        string("address"),
        updated_at,
    ]
}

/// An optional attribute of a type, without bounds.
fn attribute(name: &str, data_type: attribute_data::Value) -> api::SchemaAttribute {
    api::SchemaAttribute {
        name: Some(name.to_owned()),
        attribute_data_type: Some(data_type.into()),
        developer_only_attribute: Some(false),
        mutable: Some(true),
        required: Some(false),
        ..Default::default()
    }
}

fn lengths(min: &str, max: &str) -> Option<api::StringAttributeConstraints> {
    Some(api::StringAttributeConstraints { min_length: Some(min.to_owned()), max_length: Some(max.to_owned()) })
}
