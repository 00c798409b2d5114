//! `AdminSetUserMFAPreference`: an operator turns second factors of a user on and off.

use super::wanted;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::Batch;

impl Operation for api::AdminSetUserMfaPreferenceRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminSetUserMfaPreferenceResponse, Error> {
        let wanted = wanted(
            self.sms_mfa_settings,
            self.software_token_mfa_settings,
            self.email_mfa_settings,
            self.web_authn_mfa_settings,
        )?;
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        let mut batch = Batch::default();
        cx.prefer_second_factors(&mut batch, &pool, &user, &wanted).await?;
        cx.commit(batch).await?;
        Ok(api::AdminSetUserMfaPreferenceResponse {})
    }
}
