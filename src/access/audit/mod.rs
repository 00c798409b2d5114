//! The audit trail: one record for every call of an operator, allowed or denied, and for every decision about a user's
//! sign-in; in files whose lines are chained ([`trail`]), so that a change of what was written is noticed ([`verify`]).
//!
//! The record of an operator's write is committed with the write: one is never there without the other. All others are
//! handed over in memory and are written within moments. While the files cannot be written, operators cannot write either.

pub mod event;
pub mod line;
mod record;
pub mod trail;
pub mod verify;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use tokio::sync::{Mutex, Notify, mpsc};

pub use event::Event;

/// Records that may wait in memory.
const WAITING_MAX: usize = 16 * 1024;

/// The bytes that those may have together: callers choose a part of each.
const WAITING_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Where records are handed over to be written.
pub struct Audit {
    sender: mpsc::Sender<Vec<u8>>,
    receiver: Mutex<mpsc::Receiver<Vec<u8>>>,
    waiting_bytes: AtomicUsize,
    /// Told when a write was committed together with its record.
    pub committed: Notify,
    is_failing: AtomicBool,
    lost: AtomicU64,
}

impl Default for Audit {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        Audit {
            sender,
            receiver: Mutex::new(receiver),
            waiting_bytes: AtomicUsize::new(0),
            committed: Notify::new(),
            is_failing: AtomicBool::new(false),
            lost: AtomicU64::new(0),
        }
    }
}

impl Audit {
    /// Hands a record over. When too many wait, because the files cannot be written, it is lost, and the log says so.
    pub fn hand_over(&self, record: Vec<u8>) {
        let length = record.len();
        let has_room = self.waiting_bytes.fetch_add(length, Ordering::Relaxed) + length <= WAITING_BYTES_MAX;
        if !has_room || self.sender.try_send(record).is_err() {
            self.waiting_bytes.fetch_sub(length, Ordering::Relaxed);
            let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::error!(lost, "records of the audit trail are being lost");
        }
    }

    /// Whether the files cannot be written at present.
    pub fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Acquire)
    }

    pub fn set_failing(&self, is_failing: bool) {
        self.is_failing.store(is_failing, Ordering::Release);
    }

    /// Waits for records, and takes what is there, at most `limit`: for whoever writes the files.
    pub async fn wait(&self, records: &mut Vec<Vec<u8>>, limit: usize) {
        let before = records.len();
        self.receiver.lock().await.recv_many(records, limit).await;
        self.taken(&records[before..]);
    }

    /// Takes what is there without waiting.
    pub fn take(&self, records: &mut Vec<Vec<u8>>, limit: usize) {
        let Ok(mut receiver) = self.receiver.try_lock() else { return };
        let before = records.len();
        while records.len() < limit
            && let Ok(record) = receiver.try_recv()
        {
            records.push(record);
        }
        self.taken(&records[before..]);
    }

    fn taken(&self, records: &[Vec<u8>]) {
        self.waiting_bytes.fetch_sub(records.iter().map(Vec::len).sum(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_waits_is_bounded_in_number_and_in_bytes() {
        let audit = Audit::default();
        let waiting = |length: usize, handed_over: usize| {
            (0..handed_over).for_each(|_| audit.hand_over(vec![0; length]));
            let mut records = Vec::new();
            audit.take(&mut records, usize::MAX);
            records.len()
        };
        assert_eq!(waiting(1, WAITING_MAX + 1), WAITING_MAX);
        assert_eq!(waiting(1024 * 1024, 40), 32);
        assert_eq!(waiting(1024 * 1024, 40), 32, "there is room again");
        audit.hand_over(vec![0; WAITING_BYTES_MAX]);
        audit.wait(&mut Vec::new(), 1).await;
        assert_eq!(waiting(WAITING_BYTES_MAX, 1), 1);
    }
}
