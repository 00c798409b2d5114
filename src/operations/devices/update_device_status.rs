//! `UpdateDeviceStatus`: a user's device is remembered from now on, or is not.

use super::set_status;
use crate::access::caller::SignedIn;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;

impl Operation for api::UpdateDeviceStatusRequest {
    async fn run(&self, cx: &Cx<'_>, caller: SignedIn) -> Result<api::UpdateDeviceStatusResponse, Error> {
        let (pool, user) = (&caller.bearer().client.pool, &caller.bearer().user);
        set_status(cx, pool, user, self.device_key(), self.device_remembered_status).await?;
        Ok(api::UpdateDeviceStatusResponse {})
    }
}
