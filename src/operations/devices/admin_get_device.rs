//! `AdminGetDevice`: an operator reads a device of a user.

use super::description;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;

impl Operation for api::AdminGetDeviceRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminGetDeviceResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        let device = cx.device_of_key(&pool, &user.owner, self.device_key()).await?;
        Ok(api::AdminGetDeviceResponse { device: Some(description(cx, &pool, &user, &device)) })
    }
}
