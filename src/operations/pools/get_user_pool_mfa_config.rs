//! `GetUserPoolMfaConfig`: which factors beside the password a pool has.

use super::mfa;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;

impl Operation for api::GetUserPoolMfaConfigRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::GetUserPoolMfaConfigResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        Ok(mfa::factors(&pool.record))
    }
}
