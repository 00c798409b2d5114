//! `AdminUpdateDeviceStatus`: an operator has a user's device remembered, or not.

use super::set_status;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;

impl Operation for api::AdminUpdateDeviceStatusRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminUpdateDeviceStatusResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        set_status(cx, &pool, &user, self.device_key(), self.device_remembered_status).await?;
        Ok(api::AdminUpdateDeviceStatusResponse {})
    }
}
