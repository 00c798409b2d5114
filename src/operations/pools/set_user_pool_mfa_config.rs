//! `SetUserPoolMfaConfig`: which factors beside the password a pool has; what is left out is turned off.
//!
//! Users keep what they have set up: a factor that the pool turns off is not asked for, and is asked for again once the pool
//! turns it on. So it is with passkeys: those for another relying party than the pool's sign nobody in.

use super::mfa;
use crate::access::caller::Operator;
use crate::api::json::Named as _;
use crate::api::{self, user_verification, web_authn_factor_configuration};
use crate::app::Operation;
use crate::context::Cx;
use crate::domain::passkeys::RelyingPartyId;
use crate::error::Error;
use crate::store::records::MfaConfiguration;
use crate::store::{Batch, records};

impl Operation for api::SetUserPoolMfaConfigRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::SetUserPoolMfaConfigResponse, Error> {
        let mfa = self.mfa()?;
        let pool = cx.pool(self.user_pool_id()).await?;
        let changed = records::Pool {
            mfa,
            web_authn: self.web_authn()?,
            modified_at: cx.now().as_millisecond(),
            ..pool.record.record.clone()
        };
        mfa::check_factors(cx, &changed)?;
        let mut batch = Batch::default();
        pool.replace(&mut batch, &changed);
        cx.commit(batch).await?;
        let now = mfa::factors(&changed);
        Ok(api::SetUserPoolMfaConfigResponse {
            sms_mfa_configuration: now.sms_mfa_configuration,
            software_token_mfa_configuration: now.software_token_mfa_configuration,
            email_mfa_configuration: now.email_mfa_configuration,
            mfa_configuration: now.mfa_configuration,
            web_authn_configuration: now.web_authn_configuration,
        })
    }
}

impl api::SetUserPoolMfaConfigRequest {
    /// The second factors that are asked for; nothing where they are turned off.
    fn mfa(&self) -> Result<Option<records::PoolMfa>, Error> {
        let configuration = mfa::configuration(self.mfa_configuration);
        let (sms, email) = (self.sms_mfa_configuration.as_ref(), self.email_mfa_configuration.as_ref());
        if configuration == MfaConfiguration::MfaOff {
            if sms.is_some() || email.is_some() || self.software_token_mfa_configuration.is_some() {
                let message = "Invalid MFA configuration given, can't turn off MFA and configure an MFA together.";
                return Err(Error::invalid_parameter(message));
            }
            return Ok(None);
        }
        let software_token = self.software_token_mfa_configuration.unwrap_or_default().enabled();
        if sms.is_none() && email.is_none() && !software_token {
            let message = "At least one of [SmsMfaConfiguration] or [SoftwareTokenMfaConfiguration] must be provided.";
            return Err(Error::invalid_parameter(message));
        }
        Ok(Some(records::PoolMfa {
            configuration: configuration.into(),
            sms: sms.is_some(),
            software_token,
            email: email.is_some(),
            sms_message: sms.and_then(|sms| sms.sms_authentication_message.clone()),
            email_message: email.and_then(|email| email.message.clone()),
            email_subject: email.and_then(|email| email.subject.clone()),
        }))
    }

    fn web_authn(&self) -> Result<Option<records::WebAuthn>, Error> {
        let Some(given) = self.web_authn_configuration.clone() else { return Ok(None) };
        if given.relying_party_id.as_deref().is_some_and(|id| RelyingPartyId::parse(id).is_none()) {
            let message = "RelyingPartyId must be a domain in lower case, such as auth.example.com, or localhost.";
            return Err(Error::invalid_parameter(message));
        }
        let verification = given.user_verification.and_then(user_verification::Value::name_of);
        let factors = given.factor_configuration.and_then(web_authn_factor_configuration::Value::name_of);
        let kept = records::WebAuthn {
            relying_party_id: given.relying_party_id,
            user_verification: verification.map(str::to_owned),
            factor_configuration: factors.map(str::to_owned),
        };
        Ok((kept != records::WebAuthn::default()).then_some(kept))
    }
}
