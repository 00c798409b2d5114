//! `AdminRemoveUserFromGroup`: a user leaves a group, or is not in it anyhow.

use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::{Batch, MembershipKey, remove_membership};

impl Operation for api::AdminRemoveUserFromGroupRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<(), Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let group = cx.group(&pool, self.group_name()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        let key = MembershipKey { owner: user.owner.clone(), group: group.key.name.clone() };
        let found = cx.store.read(&key).await?;
        if !found.is_some_and(|membership| membership.is_in(group.id)) {
            return Ok(());
        }
        let mut batch = Batch::default();
        remove_membership(&mut batch, &user.record, &key, group.id);
        cx.commit(batch).await
    }
}
