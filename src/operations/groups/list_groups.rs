//! `ListGroups`: the groups of a pool, page by page, in the order of their names.

use super::{description, page_size};
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::operations::{page_after, page_token};
use crate::store::GroupKey;

impl Operation for api::ListGroupsRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::ListGroupsResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let limit = page_size(self.limit);
        let after = self.next_token.as_deref().map(page_after).transpose()?;
        let after = after.map(|name| GroupKey { pool: pool.id.clone(), name });
        let mut page = cx.store.list(&GroupKey::prefix(&pool.id), after.as_ref(), limit + 1).await?;
        let more = page.len() > limit;
        page.truncate(limit);
        let next_token = page.last().filter(|_| more).map(|(key, _)| page_token(&key.name));
        let groups = page.iter().map(|(_, group)| description(group)).collect();
        Ok(api::ListGroupsResponse { groups, next_token })
    }
}
