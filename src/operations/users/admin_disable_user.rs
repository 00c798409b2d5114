//! `AdminDisableUser`: an operator keeps a user from signing in. Every token issued so far is refused for good.

use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::{Batch, records};

impl Operation for api::AdminDisableUserRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminDisableUserResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        let mut batch = Batch::default();
        // What is so already is not written again, but the call has its line in the audit trail all the same.
        if user.record.enabled {
            let (generation, modified_at) = (user.record.generation + 1, cx.now().as_millisecond());
            let disabled = records::User { enabled: false, generation, modified_at, ..user.record.record.clone() };
            user.replace(&mut batch, &disabled);
        }
        cx.commit(batch).await?;
        Ok(api::AdminDisableUserResponse {})
    }
}
