//! `DescribeUserPoolClient`: a client with its settings and its secret.

use super::description;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;

impl Operation for api::DescribeUserPoolClientRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::DescribeUserPoolClientResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let client = cx.client_of_pool(&pool.id, self.client_id()).await?;
        Ok(api::DescribeUserPoolClientResponse { user_pool_client: Some(description(cx, &client)?) })
    }
}
