//! `AdminAddUserToGroup`: a user comes into a group, or is in it already.

use super::GROUPS_PER_USER_MAX;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::{Batch, MemberKey, MembershipKey, records};

impl Operation for api::AdminAddUserToGroupRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<(), Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let group = cx.group(&pool, self.group_name()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        let key = MembershipKey { owner: user.owner.clone(), group: group.key.name.clone() };
        let found = cx.store.read(&key).await?;
        if found.as_ref().is_some_and(|membership| membership.is_in(group.id)) {
            return Ok(());
        }
        let before = user.record.memberships;
        // Memberships of deleted groups are among the number until they are swept, so the groups themselves decide.
        if usize::try_from(before).unwrap_or(usize::MAX) >= GROUPS_PER_USER_MAX
            && cx.groups_of(&user).await?.len() >= GROUPS_PER_USER_MAX
        {
            return Err(Error::LimitExceeded("A user cannot be in more than 100 groups."));
        }
        // One that a deleted group of this name has left makes room for the new one.
        let memberships = if found.is_some() { before } else { before + 1 };
        let mut batch = Batch::default();
        group.expect_unchanged(&mut batch);
        user.replace(&mut batch, &records::User { memberships, ..user.record.record.clone() });
        batch.put(&key, &records::Membership { group: group.id.0.as_bytes().to_vec() });
        batch.put(&MemberKey { pool: pool.id, group: group.id, sub: user.owner.sub }, &records::Member {});
        cx.commit(batch).await
    }
}
