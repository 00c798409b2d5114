//! The settings of a pool that can be changed, as both CreateUserPool and UpdateUserPool bring them.
//!
//! One mapping serves both, so that what an update leaves out falls back to just what a new pool begins with.

use super::{mfa, names, triggers};
use crate::api::{self, auth_factor, default_email_option, deletion_protection, email_sending_account};
use crate::api::{recovery_option_name, user_pool_tier, verified_attribute};
use crate::app::Tags;
use crate::context::pools::TEMPORARY_PASSWORD_DAYS;
use crate::domain::formats::{is_email, is_sender};
use crate::domain::password_policy::PasswordPolicy;
use crate::error::Error;
use crate::operations::honour;
use crate::operations::tags::check_tags;
use crate::store::records;

settings! {
    CreateUserPoolRequest, UpdateUserPoolRequest: {
        policies: Option<api::UserPoolPolicy>,
        deletion_protection: Option<i32>,
        lambda_config: Option<api::LambdaConfig>,
        auto_verified_attributes: Vec<i32>,
        sms_verification_message: Option<String>,
        email_verification_message: Option<String>,
        email_verification_subject: Option<String>,
        verification_message_template: Option<api::VerificationMessageTemplate>,
        sms_authentication_message: Option<String>,
        user_attribute_update_settings: Option<api::UserAttributeUpdateSettings>,
        mfa_configuration: Option<i32>,
        device_configuration: Option<api::DeviceConfiguration>,
        email_configuration: Option<api::EmailConfiguration>,
        user_pool_tags: Tags,
        admin_create_user_config: Option<api::AdminCreateUserConfig>,
        account_recovery_setting: Option<api::AccountRecoverySetting>,
        user_pool_tier: Option<i32>,
    }
}

impl Settings {
    /// The record of a pool with these settings, and with all else as it has it.
    pub fn of(self, pool: records::Pool) -> Result<records::Pool, Error> {
        check_tags(&self.user_pool_tags)?;
        let temporary_password_days = self.temporary_password_days()?;
        let password_policy = self.password_policy();
        let first_auth_factors = self.first_auth_factors()?;
        let account_recovery = account_recovery(&self.account_recovery_setting.unwrap_or_default())?;
        let auto_verified_attributes = names::<verified_attribute::Value>(&self.auto_verified_attributes);
        let updates = self.user_attribute_update_settings.unwrap_or_default();
        let verified_before_update =
            names::<verified_attribute::Value>(&updates.attributes_require_verification_before_update);
        if verified_before_update.iter().any(|name| !auto_verified_attributes.contains(name)) {
            return Err(Error::invalid_parameter(
                "All attributes in AttributesRequireVerificationBeforeUpdate must exist in AutoVerifiedAttributes",
            ));
        }
        let template = self.verification_message_template.unwrap_or_default();
        let by_link = template.default_email_option() == default_email_option::Value::ConfirmWithLink;
        let email = self.email_configuration.unwrap_or_default();
        check_addresses(&email)?;
        let accounts = self.admin_create_user_config.unwrap_or_default();
        let invitation = accounts.invite_message_template.clone().unwrap_or_default();
        check_invitation(&invitation)?;
        // No `..`: what is new in the record is a setting, or is kept.
        Ok(records::Pool {
            id: pool.id,
            name: pool.name,
            created_at: pool.created_at,
            modified_at: pool.modified_at,
            alias_attributes: pool.alias_attributes,
            username_attributes: pool.username_attributes,
            case_sensitive: pool.case_sensitive,
            schema: pool.schema,
            web_authn: pool.web_authn,
            keeps_srp_verifiers: pool.keeps_srp_verifiers,

            password_policy: Some(password_policy),
            temporary_password_days: Some(temporary_password_days),
            triggers: triggers::of_settings(self.lambda_config.unwrap_or_default())?,
            deletion_protection: self.deletion_protection == Some(deletion_protection::Value::Active.into()),
            auto_verified_attributes,
            verified_before_update,
            account_recovery,
            mfa: mfa::of_settings(
                pool.mfa,
                mfa::configuration(self.mfa_configuration),
                self.sms_authentication_message,
            ),
            first_auth_factors,
            devices: self.device_configuration.and_then(device_tracking),
            admin_create_user_only: accounts.allow_admin_create_user_only(),
            sms_message: template.sms_message.or(self.sms_verification_message),
            email_message: template.email_message.or(self.email_verification_message),
            email_subject: template.email_subject.or(self.email_verification_subject),
            confirms_by_link: by_link,
            email_message_by_link: template.email_message_by_link,
            email_subject_by_link: template.email_subject_by_link,
            invitation_sms_message: invitation.sms_message,
            invitation_email_message: invitation.email_message,
            invitation_email_subject: invitation.email_subject,
            email_from: email.from,
            email_reply_to: email.reply_to_email_address,
            tags: self.user_pool_tags,
        })
    }

    pub fn refuse_what_is_not_honoured(&self) -> Result<(), Error> {
        let policies = self.policies.clone().unwrap_or_default();
        let passwords = policies.password_policy.unwrap_or_default();
        let email = self.email_configuration.clone().unwrap_or_default();
        let other = |value: Option<i32>, honoured: i32| value.is_some_and(|value| value != honoured);

        honour("PasswordHistorySize", other(passwords.password_history_size, 0))?;
        honour("SourceArn", email.source_arn.is_some())?;
        let sender = email_sending_account::Value::CognitoDefault;
        honour("EmailSendingAccount", other(email.email_sending_account, sender.into()))?;
        honour("ConfigurationSet", email.configuration_set.is_some())?;
        honour("UserPoolTier", other(self.user_pool_tier, user_pool_tier::Value::Essentials.into()))
    }

    /// How users may begin to sign in by choice. A pool in which nobody could begin by password would shut out whoever has
    /// nothing else.
    fn first_auth_factors(&self) -> Result<Vec<String>, Error> {
        let policy = self.policies.clone().unwrap_or_default().sign_in_policy.unwrap_or_default();
        let factors = policy.allowed_first_auth_factors;
        if factors.contains(&auth_factor::Value::SoftwareToken.into()) {
            return Err(Error::invalid_parameter("SOFTWARE_TOKEN cannot be among AllowedFirstAuthFactors."));
        }
        if !factors.is_empty() && !factors.contains(&auth_factor::Value::Password.into()) {
            return Err(Error::invalid_parameter("PASSWORD must be among AllowedFirstAuthFactors."));
        }
        let mut each_once = Vec::new();
        for factor in factors {
            if !each_once.contains(&factor) {
                each_once.push(factor);
            }
        }
        Ok(names::<auth_factor::Value>(&each_once))
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

    /// The life of temporary passwords. The older member may repeat the newer one, but not contradict it (reference 7.3). Zero
    /// days are as good as none given.
    fn temporary_password_days(&self) -> Result<u32, Error> {
        let policy = self.policies.as_ref().and_then(|policies| policies.password_policy).unwrap_or_default();
        let accounts = self.admin_create_user_config.clone().unwrap_or_default();
        let given = |days: Option<i32>| days.and_then(|days| u32::try_from(days).ok()).filter(|days| *days > 0);
        match (given(policy.temporary_password_validity_days), given(accounts.unused_account_validity_days)) {
            (Some(newer), Some(older)) if newer != older => Err(Error::invalid_parameter(
                "Please use TemporaryPasswordValidityDays in PasswordPolicy instead of UnusedAccountValidityDays",
            )),
            (newer, older) => Ok(newer.or(older).unwrap_or(TEMPORARY_PASSWORD_DAYS)),
        }
    }
}

/// How devices are tracked. With neither flag, as without the member, they are not.
fn device_tracking(configuration: api::DeviceConfiguration) -> Option<records::DeviceTracking> {
    (configuration != api::DeviceConfiguration::default()).then_some(records::DeviceTracking {
        stands_for_second_factor: configuration.challenge_required_on_new_device(),
        remembered_on_prompt: configuration.device_only_remembered_on_user_prompt(),
    })
}

/// The names of the means to reset a forgotten password, best first.
fn account_recovery(setting: &api::AccountRecoverySetting) -> Result<Vec<String>, Error> {
    let invalid =
        |problem: &str| Err(Error::invalid_parameter(format!("Invalid account recovery setting parameter. {problem}")));
    let mut mechanisms = setting.recovery_mechanisms.clone();
    mechanisms.sort_by_key(api::RecoveryOption::priority);
    let alone = recovery_option_name::Value::AdminOnly;
    if mechanisms.len() > 1 && mechanisms.iter().any(|mechanism| mechanism.name() == alone) {
        return invalid("Account Recovery Setting cannot use admin_only setting with any other recovery mechanisms.");
    }
    for pair in mechanisms.windows(2) {
        if pair[0].priority == pair[1].priority || pair[0].name == pair[1].name {
            return invalid("Recovery mechanisms must differ in name and in priority.");
        }
    }
    let numbers: Vec<i32> = mechanisms.iter().filter_map(|mechanism| mechanism.name).collect();
    Ok(names::<recovery_option_name::Value>(&numbers))
}

/// Whatever stands in the head of a mail is one address, and cannot become more of it.
fn check_addresses(email: &api::EmailConfiguration) -> Result<(), Error> {
    if email.from.as_deref().is_some_and(|from| !is_sender(from)) {
        return Err(Error::invalid_parameter("From must be an address, or a name and an address in angle brackets."));
    }
    if email.reply_to_email_address.as_deref().is_some_and(|address| !is_email(address)) {
        return Err(Error::invalid_parameter("ReplyToEmailAddress must be an e-mail address."));
    }
    Ok(())
}

/// An invitation that does not tell its reader the user name and the password invites nobody.
fn check_invitation(template: &api::MessageTemplate) -> Result<(), Error> {
    for (member, message) in [("SMSMessage", &template.sms_message), ("EmailMessage", &template.email_message)] {
        let lacks = |place: &str| message.as_ref().is_some_and(|message| !message.contains(place));
        if lacks("{username}") || lacks("{####}") {
            let problem = format!("{member} of InviteMessageTemplate must contain {{username}} and {{####}}.");
            return Err(Error::invalid_parameter(problem));
        }
    }
    Ok(())
}
