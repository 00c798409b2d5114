//! How many messages with codes may be caused in an hour: for one user, over all purposes, and for all users of a pool.
//!
//! What is counted for a user is durable and exact. The count of a pool would make every sender wait for every other, so each
//! process keeps its own, in memory; a message that had to be written twice, because something changed meanwhile, counts
//! twice.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::Cx;
use crate::domain::ids::PoolId;
use crate::error::Error;
use crate::store::{Batch, HOUR_MILLISECONDS, Owner, ThrottlePurpose};

/// The limits, and what pools have sent.
pub struct SendingLimits {
    pub(super) per_user: u32,
    per_pool: u32,
    pools: Mutex<HashMap<PoolId, Hour>>,
}

/// What was sent since a moment less than an hour ago.
struct Hour {
    began_at: i64,
    sent: u32,
}

impl SendingLimits {
    pub fn new(per_user: u32, per_pool: u32) -> Self {
        SendingLimits { per_user, per_pool, pools: Mutex::default() }
    }

    /// Counts `more` messages of a pool, or refuses because it has sent as many as it may.
    fn count(&self, pool: &PoolId, more: u32, now: i64) -> Result<(), Error> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        // An hour that began later than now was begun by a clock that ran ahead and has been put right.
        pools.retain(|_, hour| (hour.began_at..hour.began_at + HOUR_MILLISECONDS).contains(&now));
        let sent = pools.get(pool).map_or(0, |hour| hour.sent);
        if sent >= self.per_pool {
            return Err(Error::AttemptLimitExceeded);
        }
        if more > 0 {
            pools.entry(pool.clone()).or_insert(Hour { began_at: now, sent: 0 }).sent += more;
        }
        Ok(())
    }
}

impl Cx<'_> {
    /// Counts a message to a user, or refuses it.
    pub async fn count_message(&self, batch: &mut Batch, owner: &Owner) -> Result<(), Error> {
        self.count_messages(batch, owner, 1).await
    }

    /// The same for a message that only seems to be sent: it takes nothing of what the pool may send.
    pub async fn count_simulated_message(&self, batch: &mut Batch, owner: &Owner) -> Result<(), Error> {
        self.count_messages(batch, owner, 0).await
    }

    async fn count_messages(&self, batch: &mut Batch, owner: &Owner, sent: u32) -> Result<(), Error> {
        let now = self.now().as_millisecond();
        // Whoever has been sent enough takes nothing of what others of the pool may be sent.
        self.sending.count(&owner.pool, 0, now)?;
        self.throttle(batch, owner, ThrottlePurpose::Message).await?;
        self.sending.count(&owner.pool, sent, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_sends_so_many_an_hour_and_others_have_hours_of_their_own() {
        let (limits, pool, other) = (SendingLimits::new(1, 2), PoolId("one".into()), PoolId("two".into()));
        let may = |pool: &PoolId, more, now| limits.count(pool, more, now).is_ok();
        assert!(may(&pool, 1, 0) && may(&pool, 1, 5));
        assert!(!may(&pool, 1, HOUR_MILLISECONDS - 1) && !may(&pool, 0, HOUR_MILLISECONDS - 1));
        assert!(may(&other, 1, HOUR_MILLISECONDS - 1));
        assert!(may(&pool, 1, HOUR_MILLISECONDS) && may(&pool, 1, HOUR_MILLISECONDS));
        assert!(!may(&pool, 1, HOUR_MILLISECONDS));
        // The clock is put right.
        assert!(may(&pool, 1, HOUR_MILLISECONDS - 1));
    }

    #[test]
    fn what_is_not_sent_is_not_counted() {
        let (limits, pool) = (SendingLimits::new(1, 1), PoolId("one".into()));
        assert!((0..9).all(|now| limits.count(&pool, 0, now).is_ok()));
        assert!(limits.count(&pool, 1, 9).is_ok());
        assert!(limits.count(&pool, 0, 9).is_err());
    }
}
