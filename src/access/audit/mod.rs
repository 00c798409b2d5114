//! The audit trail: one record for every call of an operator, allowed or denied, and for every decision about a user's
//! sign-in; in files whose lines are chained ([`trail`]), so that a change of what was written is noticed ([`verify`]).
//!
//! The record of an operator's write is committed with the write: one is never there without the other. All others are
//! handed over in memory and are written within moments. While the files cannot be written, operators cannot write either.

pub mod event;
pub mod line;
pub mod trail;
pub mod verify;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::{Mutex, Notify, mpsc};

pub use event::Event;

/// Records that may wait in memory.
const WAITING_MAX: usize = 16 * 1024;

/// Where records are handed over to be written.
pub struct Audit {
    sender: mpsc::Sender<Vec<u8>>,
    receiver: Mutex<mpsc::Receiver<Vec<u8>>>,
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
            committed: Notify::new(),
            is_failing: AtomicBool::new(false),
            lost: AtomicU64::new(0),
        }
    }
}

impl Audit {
    /// Hands a record over. When too many wait, because the files cannot be written, it is lost, and the log says so.
    pub fn hand_over(&self, record: Vec<u8>) {
        if self.sender.try_send(record).is_err() {
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
        self.receiver.lock().await.recv_many(records, limit).await;
    }

    /// Takes what is there without waiting.
    pub fn take(&self, records: &mut Vec<Vec<u8>>, limit: usize) {
        let Ok(mut receiver) = self.receiver.try_lock() else { return };
        while records.len() < limit {
            match receiver.try_recv() {
                Ok(record) => records.push(record),
                Err(_) => return,
            }
        }
    }
}
