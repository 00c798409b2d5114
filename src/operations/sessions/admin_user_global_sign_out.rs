//! `AdminUserGlobalSignOut`: an operator signs a user out everywhere. Every token issued so far is refused from then on.

use super::end_every_sign_in;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::Batch;

impl Operation for api::AdminUserGlobalSignOutRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminUserGlobalSignOutResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        let mut batch = Batch::default();
        end_every_sign_in(&mut batch, &user);
        cx.commit(batch).await?;
        Ok(api::AdminUserGlobalSignOutResponse {})
    }
}
