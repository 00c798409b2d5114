//! `DescribeUserPool`: a pool with every setting as it took effect.

use super::description;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::count_users;

impl Operation for api::DescribeUserPoolRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::DescribeUserPoolResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let users = count_users(&*cx.store, &pool.id).await?;
        Ok(api::DescribeUserPoolResponse { user_pool: Some(description(cx, &pool, users)) })
    }
}
