//! `SetUserSettings`: users turn codes by text message on or off.

use super::wanted_by_options;
use crate::access::caller::SignedIn;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::Batch;

impl Operation for api::SetUserSettingsRequest {
    async fn run(&self, cx: &Cx<'_>, caller: SignedIn) -> Result<api::SetUserSettingsResponse, Error> {
        let bearer = caller.bearer();
        let wanted = wanted_by_options(&bearer.user, &self.mfa_options)?;
        let mut batch = Batch::default();
        cx.prefer_second_factors(&mut batch, &bearer.client.pool, &bearer.user, &[wanted]).await?;
        cx.commit(batch).await?;
        Ok(api::SetUserSettingsResponse {})
    }
}
