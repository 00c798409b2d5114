//! Pools and their signing keys.

use super::key::{self, Part as _, key};
use super::records::{Pool, PoolRemoval, SigningKeys};
use super::{Batch, Failure, Record, Store, groups, users};
use crate::domain::ids::PoolId;

key! {
    /// A pool.
    PoolKey = 0x10 { pool: PoolId } -> Pool
}

key! {
    /// The two keys with which a pool signs.
    SigningKeysKey = 0x11 { pool: PoolId } -> SigningKeys
}

key! {
    /// A pool that is gone for everybody, but whose records are still being swept.
    PoolRemovalKey = 0x12 { pool: PoolId } -> PoolRemoval
}

impl PoolKey {
    /// The prefix of all pools.
    pub const PREFIX: &'static [u8] = &[0x10];
}

impl PoolRemovalKey {
    /// The prefix of all pools that are being removed.
    pub const PREFIX: &'static [u8] = &[0x12];
}

impl Record for Pool {}
impl Record for PoolRemoval {}
impl Record for SigningKeys {}

/// Removes one batch of what a removed pool has left. Gives whether more may remain.
pub async fn sweep_removed_pool(store: &dyn Store, pool: &PoolId) -> Result<bool, Failure> {
    // Groups before their removals: once they are gone, none can be on its way to become one.
    let users = [key::USER_SPACE, users::USERNAMES, users::ALIASES, users::REMOVALS, users::PASSKEY_OWNERS];
    let groups = [groups::GROUPS, groups::MEMBERS, groups::GROUP_REMOVALS];
    for kind in users.into_iter().chain(groups) {
        let mut prefix = vec![kind];
        pool.write(&mut prefix);
        if store.remove_some(&prefix).await? {
            return Ok(true);
        }
    }
    let mut batch = Batch::default();
    batch.delete(&PoolRemovalKey { pool: pool.clone() });
    store.commit(batch).await?;
    Ok(false)
}
