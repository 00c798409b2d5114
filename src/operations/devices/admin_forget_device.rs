//! `AdminForgetDevice`: an operator forgets a user's device, as when it was lost.

use super::forget;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;

impl Operation for api::AdminForgetDeviceRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<(), Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        forget(cx, &pool, &user, self.device_key()).await
    }
}
