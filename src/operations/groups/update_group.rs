//! `UpdateGroup`: a group takes new settings; what is left out stays as it is.

use super::description;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::{Batch, records};

impl Operation for api::UpdateGroupRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::UpdateGroupResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let group = cx.group(&pool, self.group_name()).await?;
        let before = group.record.record.clone();
        let changed = records::Group {
            description: self.description.clone().or(before.description),
            role_arn: self.role_arn.clone().or(before.role_arn),
            precedence: self.precedence.or(before.precedence),
            modified_at: cx.now().as_millisecond(),
            ..before
        };
        let mut batch = Batch::default();
        group.expect_unchanged(&mut batch);
        batch.put(&group.key, &changed);
        cx.commit(batch).await?;
        Ok(api::UpdateGroupResponse { group: Some(description(&changed)) })
    }
}
