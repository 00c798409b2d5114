//! `ListDevices`: a user's client lists the user's devices, page by page.

use super::Page;
use crate::access::caller::SignedIn;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;

impl Operation for api::ListDevicesRequest {
    async fn run(&self, cx: &Cx<'_>, caller: SignedIn) -> Result<api::ListDevicesResponse, Error> {
        let (pool, user) = (&caller.bearer().client.pool, &caller.bearer().user);
        let page = Page::of(cx, pool, user, self.limit, self.pagination_token.as_deref()).await?;
        Ok(api::ListDevicesResponse { devices: page.devices, pagination_token: page.token })
    }
}
