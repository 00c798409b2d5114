//! `GetDevice`: a user's client reads one of the user's devices.

use super::description;
use crate::access::caller::SignedIn;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;

impl Operation for api::GetDeviceRequest {
    async fn run(&self, cx: &Cx<'_>, caller: SignedIn) -> Result<api::GetDeviceResponse, Error> {
        let (pool, user) = (&caller.bearer().client.pool, &caller.bearer().user);
        let device = cx.device_of_key(pool, &user.owner, self.device_key()).await?;
        Ok(api::GetDeviceResponse { device: Some(description(cx, pool, user, &device)) })
    }
}
