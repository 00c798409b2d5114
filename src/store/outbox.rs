//! Messages that wait for delivery: written in the batch of what caused them, so they share its fate.

use uuid::Uuid;

use super::Record;
use super::key::{self, key};
use super::records::OutboxEntry;

key! {
    /// A message, in the order of its writing.
    OutboxKey = 0x40 { at: i64, message: Uuid } -> OutboxEntry
}

impl Record for OutboxEntry {}

impl OutboxKey {
    /// The prefix of the whole outbox.
    pub const PREFIX: &'static [u8] = &[0x40];
}
