//! `SetUserMFAPreference`: users turn their second factors on and off.

use super::wanted;
use crate::access::caller::SignedIn;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::Batch;

impl Operation for api::SetUserMfaPreferenceRequest {
    async fn run(&self, cx: &Cx<'_>, caller: SignedIn) -> Result<api::SetUserMfaPreferenceResponse, Error> {
        let wanted = wanted(
            self.sms_mfa_settings,
            self.software_token_mfa_settings,
            self.email_mfa_settings,
            self.web_authn_mfa_settings,
        )?;
        let bearer = caller.bearer();
        let mut batch = Batch::default();
        cx.prefer_second_factors(&mut batch, &bearer.client.pool, &bearer.user, &wanted).await?;
        cx.commit(batch).await?;
        Ok(api::SetUserMfaPreferenceResponse {})
    }
}
