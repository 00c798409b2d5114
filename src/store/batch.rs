//! What one operation changes: all of it or nothing.

use prost::Message as _;

use super::expiry::ExpiryKey;
use super::records::Expiry;
use super::{Key, Record, Stored};

/// The largest encoded record.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;

/// Changes, and what must still be true when they are applied.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) expectations: Vec<(Vec<u8>, Option<u64>)>,
    pub(super) changes: Vec<(Vec<u8>, Change)>,
}

#[derive(Debug)]
pub(super) enum Change {
    Put { deadline: Option<i64>, bytes: Vec<u8> },
    Delete,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The record is still as it was read, or still absent.
    pub fn expect<K: Key>(&mut self, key: &K, as_read: Option<&Stored<K::Record>>) {
        self.expectations.push((key.encoded(), as_read.map(|stored| stored.version)));
    }

    /// No such record exists.
    pub fn expect_absent<K: Key>(&mut self, key: &K) {
        self.expect(key, None);
    }

    /// Writes a record; if it has a deadline, the sweeper will know. A record above [`RECORD_BYTES_MAX`] fails the commit.
    pub fn put<K: Key>(&mut self, key: &K, record: &K::Record) {
        let (encoded, deadline) = (key.encoded(), record.deadline());
        let bytes = record.encode_to_vec();
        if let Some(at) = deadline {
            let expiry = ExpiryKey { at, target: encoded.clone() };
            self.changes.push((expiry.encoded(), Change::Put { deadline: None, bytes: Expiry {}.encode_to_vec() }));
        }
        self.changes.push((encoded, Change::Put { deadline, bytes }));
    }

    /// What another batch expects and changes is expected and changed by this one too.
    pub fn append(&mut self, other: Batch) {
        self.expectations.extend(other.expectations);
        self.changes.extend(other.changes);
    }

    pub fn delete<K: Key>(&mut self, key: &K) {
        self.changes.push((key.encoded(), Change::Delete));
    }

    /// Removes a key known only as bytes: for the sweepers.
    pub(super) fn delete_encoded(&mut self, key: Vec<u8>) {
        self.changes.push((key, Change::Delete));
    }

    pub(super) fn expect_encoded(&mut self, key: Vec<u8>, version: u64) {
        self.expectations.push((key, Some(version)));
    }

    /// Whether it only makes records fewer.
    pub(super) fn only_removes(&self) -> bool {
        self.changes.iter().all(|(_, change)| matches!(change, Change::Delete))
    }

    /// The bytes of its keys and records.
    pub(super) fn size(&self) -> usize {
        let size = |(key, change): &(Vec<u8>, Change)| match change {
            Change::Put { bytes, .. } => key.len() + bytes.len(),
            Change::Delete => key.len(),
        };
        self.changes.iter().map(size).sum()
    }

    pub(super) fn is_oversized(&self) -> bool {
        self.changes
            .iter()
            .any(|(_, change)| matches!(change, Change::Put { bytes, .. } if bytes.len() > RECORD_BYTES_MAX))
    }
}
