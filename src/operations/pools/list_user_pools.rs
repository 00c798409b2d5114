//! `ListUserPools`: the pools of this installation, page by page, in the order of their ids.

use super::triggers;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::domain::ids::PoolId;
use crate::error::Error;
use crate::operations::{page_after, page_token, timestamp};
use crate::store::PoolKey;

impl Operation for api::ListUserPoolsRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::ListUserPoolsResponse, Error> {
        let limit = usize::try_from(self.max_results()).unwrap_or_default();
        let after = self.next_token.as_deref().map(page_after).transpose()?.map(|id| PoolKey { pool: PoolId(id) });
        let mut page = cx.store.list::<PoolKey>(PoolKey::PREFIX, after.as_ref(), limit + 1).await?;
        let more = page.len() > limit;
        page.truncate(limit);
        let next_token = page.last().filter(|_| more).map(|(key, _)| page_token(&key.pool.0));
        let user_pools = page.into_iter().map(|(_, pool)| api::UserPoolDescription {
            id: Some(pool.id.clone()),
            name: Some(pool.name.clone()),
            lambda_config: Some(triggers::shown(&pool)),
            last_modified_date: timestamp(pool.modified_at),
            creation_date: timestamp(pool.created_at),
        });
        Ok(api::ListUserPoolsResponse { user_pools: user_pools.collect(), next_token })
    }
}
