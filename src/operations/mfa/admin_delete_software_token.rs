//! `AdminDeleteSoftwareToken`: an operator forgets a user's authenticator app, which the user may have lost.

use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::Batch;

impl Operation for api::AdminDeleteSoftwareTokenRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminDeleteSoftwareTokenResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        let mut batch = Batch::default();
        cx.forget_software_token(&mut batch, &user).await?;
        cx.commit(batch).await?;
        Ok(api::AdminDeleteSoftwareTokenResponse {})
    }
}
