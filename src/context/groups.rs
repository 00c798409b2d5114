//! Groups, and which of them a user is in.

use uuid::Uuid;

use super::Cx;
use super::pools::Pool;
use super::users::User;
use crate::domain::groups::Standing;
use crate::domain::ids::{GroupId, PoolId};
use crate::error::Error;
use crate::store::{Batch, GroupKey, MembershipKey, Stored, records};

/// A group of a pool.
pub struct Group {
    pub id: GroupId,
    pub key: GroupKey,
    pub record: Stored<records::Group>,
}

impl Cx<'_> {
    /// The group of this name.
    pub async fn group(&self, pool: &Pool, name: &str) -> Result<Group, Error> {
        self.group_named(&pool.id, name).await?.ok_or(Error::GroupNotFound)
    }

    /// The groups that a user is in, in the order of their names. They hold for as long as neither the user nor one of the
    /// groups has changed.
    pub async fn groups_of(&self, user: &User) -> Result<Vec<Group>, Error> {
        let mut groups = Vec::new();
        // Whoever is in no group costs no read.
        if user.record.memberships == 0 {
            return Ok(groups);
        }
        let count = usize::try_from(user.record.memberships).unwrap_or(usize::MAX);
        let memberships = self.store.list(&MembershipKey::prefix(&user.owner), None, count).await?;
        for (MembershipKey { owner, group }, membership) in memberships {
            let group = self.group_named(&owner.pool, &group).await?;
            groups.extend(group.filter(|group| membership.is_in(group.id)));
        }
        Ok(groups)
    }

    async fn group_named(&self, pool: &PoolId, name: &str) -> Result<Option<Group>, Error> {
        let key = GroupKey { pool: pool.clone(), name: name.to_owned() };
        let Some(record) = self.store.read(&key).await? else { return Ok(None) };
        let id = Uuid::from_slice(&record.id).map_err(Error::internal)?;
        Ok(Some(Group { id: GroupId(id), key, record }))
    }
}

impl Group {
    /// The batch fails if the group has changed since this read, or is gone.
    pub fn expect_unchanged(&self, batch: &mut Batch) {
        batch.expect(&self.key, Some(&self.record));
    }

    /// What the group brings its members.
    pub fn standing(&self) -> Standing<'_> {
        let record = &self.record;
        Standing { name: &record.name, precedence: record.precedence, role: record.role_arn.as_deref() }
    }
}
