//! Messages to users: an entry of the durable outbox in the batch of what caused it, delivered later by a task.
//!
//! Delivery is at least once: after a crash between delivery and the entry's removal a message comes again. For now there
//! is one way out, a file of JSON lines for development; mail servers will stand beside it.

mod file;

use jiff::Timestamp;
use prost::Message as _;
use uuid::Uuid;

pub use file::OutboxFile;

use crate::clock::from_milliseconds;
use crate::crypto::sealing::Sealer;
use crate::rng::Rng;
use crate::store::records::{OutboxEntry, OutboxMessage};
use crate::store::{Batch, Failure, Key as _, OutboxKey, Store};

/// Puts a message in the outbox, sealed.
pub fn enqueue(batch: &mut Batch, message: &OutboxMessage, sealer: &Sealer, rng: &Rng, now: Timestamp) {
    let key = OutboxKey { at: now.as_millisecond(), message: rng.uuid() };
    let sealed_message = sealer.seal(&key.encoded(), &message.encode_to_vec(), rng);
    let created_at = now.as_millisecond();
    batch.put(&key, &OutboxEntry { sealed_message, created_at, due_at: created_at, failed_tries: 0 });
}

/// Messages read at one time.
const PAGE: usize = 100;

/// The pause before the second try; it doubles up to the longest.
const RETRY_FIRST_MILLISECONDS: i64 = 1_000;
const RETRY_LONGEST_MILLISECONDS: i64 = 5 * 60 * 1_000;

/// What a pass over the outbox did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pass {
    pub delivered: usize,
    pub failed: usize,
    /// When to look again, if something waits.
    pub next_due_at: Option<i64>,
}

/// Delivers everything that is due.
pub async fn deliver_due(
    store: &dyn Store,
    sealer: &Sealer,
    outbox: &OutboxFile,
    now: Timestamp,
) -> Result<Pass, Failure> {
    let mut pass = Pass::default();
    let mut last: Option<OutboxKey> = None;
    loop {
        let page = store.list::<OutboxKey>(OutboxKey::PREFIX, last.as_ref(), PAGE).await?;
        for (key, entry) in &page {
            // A code that may yet be lost is not sent; whoever waits for the commit will have us look again.
            if !entry.is_durable(store) {
                continue;
            }
            if entry.due_at > now.as_millisecond() {
                pass.wait_until(entry.due_at);
                continue;
            }
            let mut batch = Batch::default();
            match deliver(key, entry, sealer, outbox).await {
                Ok(()) => {
                    pass.delivered += 1;
                    batch.delete(key);
                }
                Err(cause) => {
                    tracing::warn!(message.id = %key.message, failed_tries = entry.failed_tries + 1, %cause, "a message was not delivered");
                    pass.failed += 1;
                    let due_at = now.as_millisecond() + retry_pause(entry.failed_tries);
                    pass.wait_until(due_at);
                    let failed_tries = entry.failed_tries.saturating_add(1);
                    batch.put(key, &OutboxEntry { due_at, failed_tries, ..entry.record.clone() });
                }
            }
            store.commit(batch).await?;
        }
        if page.len() < PAGE {
            return Ok(pass);
        }
        last = page.into_iter().next_back().map(|(key, _)| key);
    }
}

impl Pass {
    fn wait_until(&mut self, due_at: i64) {
        self.next_due_at = Some(self.next_due_at.map_or(due_at, |next| next.min(due_at)));
    }
}

fn retry_pause(failed_tries: u32) -> i64 {
    let doubled = 1_i64.checked_shl(failed_tries).and_then(|factor| RETRY_FIRST_MILLISECONDS.checked_mul(factor));
    doubled
        .map_or(RETRY_LONGEST_MILLISECONDS, |pause| pause.clamp(RETRY_FIRST_MILLISECONDS, RETRY_LONGEST_MILLISECONDS))
}

async fn deliver(key: &OutboxKey, entry: &OutboxEntry, sealer: &Sealer, outbox: &OutboxFile) -> Result<(), Cause> {
    let opened = sealer.open(&key.encoded(), &entry.sealed_message)?;
    let message = OutboxMessage::decode(opened.expose().as_slice())?;
    outbox
        .append(&Letter { id: key.message, written_at: from_milliseconds(entry.created_at), message: &message })
        .await?;
    Ok(())
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A message on its way out. Its id lets a receiver know a second delivery.
pub struct Letter<'a> {
    pub id: Uuid,
    pub written_at: Timestamp,
    pub message: &'a OutboxMessage,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes() {
        assert_eq!(
            [0, 1, 2, 8, 9, 62, 63, 64, u32::MAX].map(retry_pause).map(|pause| pause / 1000),
            [1, 2, 4, 256, 300, 300, 300, 300, 300]
        );
    }
}
