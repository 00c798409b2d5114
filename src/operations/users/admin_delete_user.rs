//! `AdminDeleteUser`: an operator deletes a user, who is gone at once.

use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::Batch;

impl Operation for api::AdminDeleteUserRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<(), Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        let mut batch = Batch::default();
        cx.delete_user(&mut batch, &pool, &user).await?;
        cx.commit(batch).await?;
        cx.removal_begun.notify_one();
        Ok(())
    }
}
