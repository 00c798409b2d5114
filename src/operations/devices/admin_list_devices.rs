//! `AdminListDevices`: an operator lists the devices of a user, page by page.

use super::Page;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;

impl Operation for api::AdminListDevicesRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminListDevicesResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        let page = Page::of(cx, &pool, &user, self.limit, self.pagination_token.as_deref()).await?;
        Ok(api::AdminListDevicesResponse { devices: page.devices, pagination_token: page.token })
    }
}
