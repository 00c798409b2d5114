//! `AdminSetUserSettings`: an operator turns codes by text message on or off for a user.

use super::wanted_by_options;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::Batch;

impl Operation for api::AdminSetUserSettingsRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminSetUserSettingsResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        let wanted = wanted_by_options(&user, &self.mfa_options)?;
        let mut batch = Batch::default();
        cx.prefer_second_factors(&mut batch, &pool, &user, &[wanted]).await?;
        cx.commit(batch).await?;
        Ok(api::AdminSetUserSettingsResponse {})
    }
}
