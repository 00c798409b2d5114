//! `CreateUserPool`: a new pool with its settings and its two signing keys.

use super::{VALIDITY_DAYS, description, names};
use crate::access::caller::Operator;
use crate::api::json::Named as _;
use crate::api::{
    self, alias_attribute, attribute_data, auth_factor, default_email_option, deletion_protection,
    email_sending_account, user_pool_mfa, user_pool_tier, username_attribute, verified_attribute,
};
use crate::app::Operation;
use crate::context::Cx;
use crate::crypto::signing::NewKeys;
use crate::domain::attributes::{AttributeDefinition, AttributeRequest, DataType, Schema};
use crate::domain::ids::PoolId;
use crate::domain::password_policy::PasswordPolicy;
use crate::error::Error;
use crate::operations::honour;
use crate::store::{Batch, Key as _, PoolKey, SigningKeysKey, records};

/// As many as Cognito allows.
const TAGS_MAX: usize = 50;

impl Operation for api::CreateUserPoolRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::CreateUserPoolResponse, Error> {
        self.refuse_what_is_not_honoured()?;
        if !self.alias_attributes.is_empty() && !self.username_attributes.is_empty() {
            let message = "Only one of the aliasAttributes or usernameAttributes can be set in a user pool.";
            return Err(Error::invalid_parameter(message));
        }
        if self.user_pool_tags.len() > TAGS_MAX {
            return Err(Error::invalid_parameter("A user pool cannot have more than 50 tags."));
        }
        let id = cx.mint_pool_id();
        let record = self.record(&id, cx.now().as_millisecond())?;
        let keys_key = SigningKeysKey { pool: id.clone() };
        let keys = cx.signers.run(|_| NewKeys::generate()).await?.map_err(Error::internal)?;
        let keys = keys.sealed(&cx.sealer, &keys_key.encoded(), &cx.rng).map_err(Error::internal)?;

        let mut batch = Batch::default();
        let key = PoolKey { pool: id.clone() };
        batch.expect_absent(&key);
        batch.put(&key, &record);
        batch.put(&keys_key, &keys);
        cx.commit(batch).await?;
        let pool = cx.pool(&id.0).await?;
        Ok(api::CreateUserPoolResponse { user_pool: Some(description(cx, &pool, 0)) })
    }
}

impl api::CreateUserPoolRequest {
    fn refuse_what_is_not_honoured(&self) -> Result<(), Error> {
        let policies = self.policies.clone().unwrap_or_default();
        let passwords = policies.password_policy.unwrap_or_default();
        let factors = policies.sign_in_policy.unwrap_or_default().allowed_first_auth_factors;
        let email = self.email_configuration.clone().unwrap_or_default();
        let template = self.verification_message_template.clone().unwrap_or_default();
        let invitations = self.admin_create_user_config.unwrap_or_default();
        let other = |value: Option<i32>, honoured: i32| value.is_some_and(|value| value != honoured);

        honour("PasswordHistorySize", other(passwords.password_history_size, 0))?;
        honour("TemporaryPasswordValidityDays", other(passwords.temporary_password_validity_days, VALIDITY_DAYS))?;
        honour("AllowedFirstAuthFactors", factors.iter().any(|factor| *factor != auth_factor::Value::Password as i32))?;
        honour("SmsAuthenticationMessage", self.sms_authentication_message.is_some())?;
        honour("MfaConfiguration", other(self.mfa_configuration, user_pool_mfa::Value::Off.into()))?;
        honour("SourceArn", email.source_arn.is_some())?;
        honour("ReplyToEmailAddress", email.reply_to_email_address.is_some())?;
        let sender = email_sending_account::Value::CognitoDefault;
        honour("EmailSendingAccount", other(email.email_sending_account, sender.into()))?;
        honour("From", email.from.is_some())?;
        honour("ConfigurationSet", email.configuration_set.is_some())?;
        honour("EmailMessageByLink", template.email_message_by_link.is_some())?;
        honour("EmailSubjectByLink", template.email_subject_by_link.is_some())?;
        let by_code = default_email_option::Value::ConfirmWithCode;
        honour("DefaultEmailOption", other(template.default_email_option, by_code.into()))?;
        honour("UnusedAccountValidityDays", other(invitations.unused_account_validity_days, VALIDITY_DAYS))?;
        honour("UserPoolTier", other(self.user_pool_tier, user_pool_tier::Value::Essentials.into()))?;
        honour("DeveloperOnlyAttribute", self.schema.iter().any(api::SchemaAttribute::developer_only_attribute))
    }

    fn record(&self, id: &PoolId, now: i64) -> Result<records::Pool, Error> {
        let template = self.verification_message_template.clone().unwrap_or_default();
        let config = self.admin_create_user_config.unwrap_or_default();
        let schema = Schema::with(self.schema.iter().map(attribute_request).collect())?;
        Ok(records::Pool {
            id: id.0.clone(),
            name: self.pool_name().to_owned(),
            created_at: now,
            modified_at: now,
            password_policy: Some(self.password_policy()),
            deletion_protection: self.deletion_protection() == deletion_protection::Value::Active,
            auto_verified_attributes: names::<verified_attribute::Value>(&self.auto_verified_attributes),
            alias_attributes: names::<alias_attribute::Value>(&self.alias_attributes),
            username_attributes: names::<username_attribute::Value>(&self.username_attributes),
            case_sensitive: self.username_configuration.and_then(|configuration| configuration.case_sensitive),
            admin_create_user_only: config.allow_admin_create_user_only(),
            schema: schema.definitions().map(definition).collect(),
            email_message: template.email_message.or_else(|| self.email_verification_message.clone()),
            email_subject: template.email_subject.or_else(|| self.email_verification_subject.clone()),
            sms_message: template.sms_message.or_else(|| self.sms_verification_message.clone()),
            tags: self.user_pool_tags.clone(),
            ..records::Pool::default()
        })
    }

    /// The policy, with Cognito's default for all of it or, once some of it is given, for each absent member.
    fn password_policy(&self) -> records::PasswordPolicy {
        let default = PasswordPolicy::default();
        let given = self.policies.clone().unwrap_or_default().password_policy;
        let demands =
            |member: Option<bool>, default: bool| member.unwrap_or(if given.is_some() { false } else { default });
        let policy = given.unwrap_or_default();
        records::PasswordPolicy {
            minimum_length: policy
                .minimum_length
                .and_then(|length| u32::try_from(length).ok())
                .unwrap_or(default.minimum_length),
            require_lowercase: demands(policy.require_lowercase, default.require_lowercase),
            require_numbers: demands(policy.require_numbers, default.require_numbers),
            require_symbols: demands(policy.require_symbols, default.require_symbols),
            require_uppercase: demands(policy.require_uppercase, default.require_uppercase),
        }
    }
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
