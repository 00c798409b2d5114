//! `ListUserPoolClientSecrets`: which secrets a client has, without their values.

use super::secrets::{Secret, of_client};
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::operations::invalid_page_token;

impl Operation for api::ListUserPoolClientSecretsRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::ListUserPoolClientSecretsResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let client = cx.client_of_pool(&pool.id, self.client_id()).await?;
        // All of them make one page, so no token was ever given.
        if self.next_token.is_some() {
            return Err(invalid_page_token());
        }
        let client_secrets = of_client(&client).iter().map(Secret::descriptor).collect();
        Ok(api::ListUserPoolClientSecretsResponse { client_secrets })
    }
}
