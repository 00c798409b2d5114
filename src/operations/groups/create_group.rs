//! `CreateGroup`: a new group of a pool.

use super::{GROUPS_PER_POOL_MAX, description};
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::{Batch, GroupKey, records};

impl Operation for api::CreateGroupRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::CreateGroupResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let key = GroupKey { pool: pool.id.clone(), name: self.group_name().to_owned() };
        if cx.store.read(&key).await?.is_some() {
            return Err(Error::GroupExists);
        }
        let groups = cx.store.list::<GroupKey>(&GroupKey::prefix(&pool.id), None, GROUPS_PER_POOL_MAX).await?;
        if groups.len() >= GROUPS_PER_POOL_MAX {
            return Err(Error::LimitExceeded("A user pool cannot have more than 10000 groups."));
        }
        let now = cx.now().as_millisecond();
        let group = records::Group {
            id: cx.rng.uuid().as_bytes().to_vec(),
            pool: pool.id.0.clone(),
            name: self.group_name().to_owned(),
            description: self.description.clone(),
            role_arn: self.role_arn.clone(),
            precedence: self.precedence,
            created_at: now,
            modified_at: now,
        };
        let mut batch = Batch::default();
        // Writing the pool, unchanged, makes groups that are created at once wait for each other: the limit holds.
        batch.expect(&pool.key(), Some(&pool.record));
        batch.put(&pool.key(), &pool.record);
        batch.expect_absent(&key);
        batch.put(&key, &group);
        cx.commit(batch).await?;
        Ok(api::CreateGroupResponse { group: Some(description(&group)) })
    }
}
