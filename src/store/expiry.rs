//! What ends when: an index in the order of time, so that the sweeper reads only what is due.

use super::key::{self, Key as _, key};
use super::records::Expiry;
use super::{Batch, Failure, Record, Store};

key! {
    /// That a record had this deadline when it was written. It may have been written anew since.
    ExpiryKey = 0x50 { at: i64, target: Vec<u8> } -> Expiry
}

impl Record for Expiry {}

/// Index entries taken in one batch.
const SWEPT_PER_BATCH: usize = 256;

/// Removes records whose deadline is past, one batch of them. Gives whether more may be due.
pub async fn sweep_expired(store: &dyn Store, now: i64) -> Result<bool, Failure> {
    use std::ops::Bound::{Excluded, Included};
    let due = store
        .scan((Included(vec![0x50]), Excluded(ExpiryKey { at: now, target: Vec::new() }.encoded())), SWEPT_PER_BATCH)
        .await?;
    let more = due.len() == SWEPT_PER_BATCH;
    let mut batch = Batch::default();
    for (entry, _) in due {
        let ExpiryKey { target, .. } = key::decoded(&entry)?;
        // Written anew with a later deadline, it has another entry here; only this one is past.
        if let Some(value) =
            store.get(&target).await?.filter(|value| value.deadline.is_some_and(|deadline| deadline < now))
        {
            batch.expect_encoded(target.clone(), value.version);
            batch.delete_encoded(target);
        }
        batch.delete_encoded(entry);
    }
    if !batch.is_empty() {
        store.commit(batch).await?;
    }
    Ok(more)
}
