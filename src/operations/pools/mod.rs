//! User pools: made, read, changed, listed and deleted by operators.

mod add_custom_attributes;
mod create_user_pool;
mod delete_user_pool;
mod describe_user_pool;
mod get_signing_certificate;
mod get_user_pool_mfa_config;
mod list_user_pools;
mod mfa;
mod set_user_pool_mfa_config;
mod settings;
mod triggers;
mod update_user_pool;

use super::timestamp;
use crate::api::json::Named;
use crate::api::{
    self, alias_attribute, attribute_data, auth_factor, default_email_option, deletion_protection,
    email_sending_account, recovery_option_name, user_pool_tier, user_verification, username_attribute,
    verified_attribute, web_authn_factor_configuration,
};
use crate::context::Cx;
use crate::context::pools::{Pool, TEMPORARY_PASSWORD_DAYS};
use crate::domain::attributes::{AttributeDefinition, AttributeRequest, DataType};
use crate::store::records;

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
        lambda_config: Some(triggers::shown(record)),
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
            email_message_by_link: record.email_message_by_link.clone(),
            email_subject_by_link: record.email_subject_by_link.clone(),
            default_email_option: Some(if record.confirms_by_link {
                default_email_option::Value::ConfirmWithLink.into()
            } else {
                default_email_option::Value::ConfirmWithCode.into()
            }),
        }),
        user_attribute_update_settings: user_attribute_update_settings(record),
        sms_authentication_message: record.mfa.as_ref().and_then(|mfa| mfa.sms_message.clone()),
        mfa_configuration: Some(mfa::shown(record).into()),
        device_configuration: record.devices.map(device_configuration),
        estimated_number_of_users: Some(i32::try_from(users).unwrap_or(i32::MAX)),
        email_configuration: Some(api::EmailConfiguration {
            email_sending_account: Some(email_sending_account::Value::CognitoDefault.into()),
            from: record.email_from.clone(),
            reply_to_email_address: record.email_reply_to.clone(),
            ..Default::default()
        }),
        user_pool_tags: record.tags.clone(),
        admin_create_user_config: Some(api::AdminCreateUserConfig {
            allow_admin_create_user_only: Some(record.admin_create_user_only),
            unused_account_validity_days: temporary_password_days(record),
            invite_message_template: invite_message_template(record),
        }),
        account_recovery_setting: account_recovery_setting(record),
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
            temporary_password_validity_days: temporary_password_days(record),
            ..Default::default()
        }),
        sign_in_policy: Some(api::SignInPolicy { allowed_first_auth_factors: first_auth_factors(record) }),
    }
}

fn first_auth_factors(record: &records::Pool) -> Vec<i32> {
    match numbers::<auth_factor::Value>(&record.first_auth_factors) {
        listed if listed.is_empty() => vec![auth_factor::Value::Password.into()],
        listed => listed,
    }
}

fn device_configuration(tracking: records::DeviceTracking) -> api::DeviceConfiguration {
    api::DeviceConfiguration {
        challenge_required_on_new_device: Some(tracking.stands_for_second_factor),
        device_only_remembered_on_user_prompt: Some(tracking.remembered_on_prompt),
    }
}

fn temporary_password_days(record: &records::Pool) -> Option<i32> {
    i32::try_from(record.temporary_password_days.unwrap_or(TEMPORARY_PASSWORD_DAYS)).ok()
}

fn user_attribute_update_settings(record: &records::Pool) -> Option<api::UserAttributeUpdateSettings> {
    let attributes = numbers::<verified_attribute::Value>(&record.verified_before_update);
    (!attributes.is_empty())
        .then_some(api::UserAttributeUpdateSettings { attributes_require_verification_before_update: attributes })
}

fn invite_message_template(record: &records::Pool) -> Option<api::MessageTemplate> {
    let template = api::MessageTemplate {
        sms_message: record.invitation_sms_message.clone(),
        email_message: record.invitation_email_message.clone(),
        email_subject: record.invitation_email_subject.clone(),
    };
    (template != api::MessageTemplate::default()).then_some(template)
}

fn account_recovery_setting(record: &records::Pool) -> Option<api::AccountRecoverySetting> {
    let names = numbers::<recovery_option_name::Value>(&record.account_recovery);
    let ranked = (1..).zip(names).map(|(rank, name)| api::RecoveryOption { priority: Some(rank), name: Some(name) });
    let recovery_mechanisms: Vec<_> = ranked.collect();
    (!recovery_mechanisms.is_empty()).then_some(api::AccountRecoverySetting { recovery_mechanisms })
}

fn web_authn_configuration(record: &records::Pool) -> Option<api::WebAuthnConfiguration> {
    let kept = record.web_authn.clone()?;
    Some(api::WebAuthnConfiguration {
        relying_party_id: kept.relying_party_id,
        user_verification: kept.user_verification.as_deref().and_then(user_verification::Value::number_of),
        factor_configuration: kept
            .factor_configuration
            .as_deref()
            .and_then(web_authn_factor_configuration::Value::number_of),
    })
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

fn attribute_request(attribute: &api::SchemaAttribute) -> AttributeRequest {
    let string = attribute.string_attribute_constraints.clone().unwrap_or_default();
    let number = attribute.number_attribute_constraints.clone().unwrap_or_default();
    let data_type = attribute.attribute_data_type.and_then(attribute_data::Value::name_of);
    AttributeRequest {
        name: attribute.name.clone(),
        data_type: data_type.map(DataType::named),
        mutable: attribute.mutable,
        required: attribute.required,
        minimum_length: string.min_length,
        maximum_length: string.max_length,
        minimum_value: number.min_value,
        maximum_value: number.max_value,
    }
}

fn definition(definition: &AttributeDefinition) -> records::AttributeDefinition {
    records::AttributeDefinition {
        name: definition.name.clone(),
        data_type: definition.data_type.name().to_owned(),
        mutable: definition.mutable,
        required: definition.required,
        minimum: definition.minimum,
        maximum: definition.maximum,
    }
}
