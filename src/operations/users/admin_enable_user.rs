//! `AdminEnableUser`: an operator lets a disabled user sign in again. Tokens from before stay refused.

use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::{Batch, records};

impl Operation for api::AdminEnableUserRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminEnableUserResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        let mut batch = Batch::default();
        // What is so already is not written again, but the call has its line in the audit trail all the same.
        if !user.record.enabled {
            let modified_at = cx.now().as_millisecond();
            user.replace(&mut batch, &records::User { enabled: true, modified_at, ..user.record.record.clone() });
        }
        cx.commit(batch).await?;
        Ok(api::AdminEnableUserResponse {})
    }
}
