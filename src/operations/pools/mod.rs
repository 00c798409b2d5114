//! User pools: made, read, listed and deleted by operators.

mod create_user_pool;
mod delete_user_pool;
mod describe_user_pool;
mod list_user_pools;

use super::timestamp;
use crate::api::json::Named;
use crate::api::{
    self, alias_attribute, attribute_data, auth_factor, default_email_option, deletion_protection,
    email_sending_account, user_pool_mfa, user_pool_tier, username_attribute, verified_attribute,
};
use crate::context::Cx;
use crate::context::pools::Pool;
use crate::store::records;

/// How long a temporary password and an unused account are good: the one value that is honoured.
const VALIDITY_DAYS: i32 = 7;

/// A pool with every setting as it took effect.
fn description(cx: &Cx<'_>, pool: &Pool, users: usize) -> api::UserPool {
    let record = &pool.record;
    let email_message = record.email_message.clone();
    api::UserPool {
        id: Some(record.id.clone()),
        name: Some(record.name.clone()),
        policies: Some(policies(record)),
        deletion_protection: Some(if record.deletion_protection {
            deletion_protection::Value::Active.into()
        } else {
            deletion_protection::Value::Inactive.into()
        }),
        lambda_config: Some(api::NotHonoured {}),
        last_modified_date: timestamp(record.modified_at),
        creation_date: timestamp(record.created_at),
        schema_attributes: record.schema.iter().map(schema_attribute).collect(),
        auto_verified_attributes: numbers::<verified_attribute::Value>(&record.auto_verified_attributes),
        alias_attributes: numbers::<alias_attribute::Value>(&record.alias_attributes),
        username_attributes: numbers::<username_attribute::Value>(&record.username_attributes),
        sms_verification_message: record.sms_message.clone(),
        email_verification_message: email_message.clone(),
        email_verification_subject: record.email_subject.clone(),
        verification_message_template: Some(api::VerificationMessageTemplate {
            sms_message: record.sms_message.clone(),
            email_message,
            email_subject: record.email_subject.clone(),
            default_email_option: Some(default_email_option::Value::ConfirmWithCode.into()),
            ..Default::default()
        }),
        mfa_configuration: Some(user_pool_mfa::Value::Off.into()),
        estimated_number_of_users: Some(i32::try_from(users).unwrap_or(i32::MAX)),
        email_configuration: Some(api::EmailConfiguration {
            email_sending_account: Some(email_sending_account::Value::CognitoDefault.into()),
            ..Default::default()
        }),
        user_pool_tags: record.tags.clone(),
        admin_create_user_config: Some(api::AdminCreateUserConfig {
            allow_admin_create_user_only: Some(record.admin_create_user_only),
            unused_account_validity_days: Some(VALIDITY_DAYS),
            ..Default::default()
        }),
        username_configuration: record
            .case_sensitive
            .map(|case_sensitive| api::UsernameConfiguration { case_sensitive: Some(case_sensitive) }),
        arn: Some(pool.id.arn(&cx.region, &cx.account)),
        user_pool_tier: Some(user_pool_tier::Value::Essentials.into()),
    }
}

fn policies(record: &records::Pool) -> api::UserPoolPolicy {
    let policy = record.password_policy.unwrap_or_default();
    api::UserPoolPolicy {
        password_policy: Some(api::PasswordPolicy {
            minimum_length: i32::try_from(policy.minimum_length).ok(),
            require_uppercase: Some(policy.require_uppercase),
            require_lowercase: Some(policy.require_lowercase),
            require_numbers: Some(policy.require_numbers),
            require_symbols: Some(policy.require_symbols),
            temporary_password_validity_days: Some(VALIDITY_DAYS),
            ..Default::default()
        }),
        sign_in_policy: Some(api::SignInPolicy {
            allowed_first_auth_factors: vec![auth_factor::Value::Password.into()],
        }),
    }
}

fn schema_attribute(record: &records::AttributeDefinition) -> api::SchemaAttribute {
    let bounds = (record.minimum.map(|bound| bound.to_string()), record.maximum.map(|bound| bound.to_string()));
    let (minimum, maximum) = bounds;
    let (mut number, mut string) = (None, None);
    match record.data_type.as_str() {
        "Number" => number = Some(api::NumberAttributeConstraints { min_value: minimum, max_value: maximum }),
        "String" => string = Some(api::StringAttributeConstraints { min_length: minimum, max_length: maximum }),
        _ => {}
    }
    api::SchemaAttribute {
        name: Some(record.name.clone()),
        attribute_data_type: attribute_data::Value::number_of(&record.data_type),
        developer_only_attribute: Some(false),
        mutable: Some(record.mutable),
        required: Some(record.required),
        number_attribute_constraints: number,
        string_attribute_constraints: string,
    }
}

/// The names of enum values, as records keep them.
fn names<E: Named>(numbers: &[i32]) -> Vec<String> {
    numbers.iter().filter_map(|number| E::name_of(*number)).map(str::to_owned).collect()
}

fn numbers<E: Named>(names: &[String]) -> Vec<i32> {
    names.iter().filter_map(|name| E::number_of(name)).collect()
}
