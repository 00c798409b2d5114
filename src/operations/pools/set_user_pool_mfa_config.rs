//! `SetUserPoolMfaConfig`: which factors beside the password a pool has; what is left out is turned off.
//!
//! No sign-in asks for a second factor yet. A pool that is told to ask for one would let its users in without: so it is not
//! told, and a request for one is refused by name. How passkeys are made is kept, as there is no sign-in by one to be lax.

use super::web_authn_configuration;
use crate::access::caller::Operator;
use crate::api::json::Named as _;
use crate::api::{self, user_pool_mfa, user_verification, web_authn_factor_configuration};
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::operations::honour;
use crate::store::{Batch, records};

impl Operation for api::SetUserPoolMfaConfigRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::SetUserPoolMfaConfigResponse, Error> {
        let off = matches!(self.mfa_configuration(), user_pool_mfa::Value::Off | user_pool_mfa::Value::Unspecified);
        if off && self.configures_a_factor() {
            let message = "Invalid MFA configuration given, can't turn off MFA and configure an MFA together.";
            return Err(Error::invalid_parameter(message));
        }
        honour("MfaConfiguration", !off)?;
        let pool = cx.pool(self.user_pool_id()).await?;
        let changed = records::Pool {
            web_authn: self.web_authn(),
            modified_at: cx.now().as_millisecond(),
            ..pool.record.record.clone()
        };
        let mut batch = Batch::default();
        pool.replace(&mut batch, &changed);
        cx.commit(batch).await?;
        Ok(api::SetUserPoolMfaConfigResponse {
            mfa_configuration: Some(user_pool_mfa::Value::Off.into()),
            web_authn_configuration: web_authn_configuration(&changed),
        })
    }
}

impl api::SetUserPoolMfaConfigRequest {
    fn configures_a_factor(&self) -> bool {
        self.sms_mfa_configuration.is_some()
            || self.software_token_mfa_configuration.is_some()
            || self.email_mfa_configuration.is_some()
    }

    fn web_authn(&self) -> Option<records::WebAuthn> {
        let given = self.web_authn_configuration.clone()?;
        let verification = given.user_verification.and_then(user_verification::Value::name_of);
        let factors = given.factor_configuration.and_then(web_authn_factor_configuration::Value::name_of);
        let kept = records::WebAuthn {
            relying_party_id: given.relying_party_id,
            user_verification: verification.map(str::to_owned),
            factor_configuration: factors.map(str::to_owned),
        };
        (kept != records::WebAuthn::default()).then_some(kept)
    }
}
