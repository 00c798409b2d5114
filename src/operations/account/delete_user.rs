//! `DeleteUser`: users delete their own account, and are gone at once.

use crate::access::caller::SignedIn;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::Batch;

impl Operation for api::DeleteUserRequest {
    async fn run(&self, cx: &Cx<'_>, caller: SignedIn) -> Result<(), Error> {
        let bearer = caller.bearer();
        let mut batch = Batch::default();
        cx.delete_user(&mut batch, &bearer.client.pool, &bearer.user).await?;
        cx.commit(batch).await?;
        cx.removal_begun.notify_one();
        Ok(())
    }
}
