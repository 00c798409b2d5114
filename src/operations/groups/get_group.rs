//! `GetGroup`: a group with its settings.

use super::description;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;

impl Operation for api::GetGroupRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::GetGroupResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let group = cx.group(&pool, self.group_name()).await?;
        Ok(api::GetGroupResponse { group: Some(description(&group.record)) })
    }
}
