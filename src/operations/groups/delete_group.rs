//! `DeleteGroup`: a group ends at once for everybody who is in it; what its memberships leave is swept in the background.

use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::{Batch, GroupRemovalKey, records};

impl Operation for api::DeleteGroupRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<(), Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let group = cx.group(&pool, self.group_name()).await?;
        let removal = GroupRemovalKey { pool: pool.id, group: group.id };
        let requested_at = cx.now().as_millisecond();
        let mut batch = Batch::default();
        group.expect_unchanged(&mut batch);
        batch.delete(&group.key);
        batch.put(&removal, &records::GroupRemoval { name: group.key.name, requested_at });
        cx.commit(batch).await?;
        cx.removal_begun.notify_one();
        Ok(())
    }
}
