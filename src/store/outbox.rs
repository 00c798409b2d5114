//! Messages that wait for delivery: written in the batch of what caused them, so they share its fate. Only new ones stand in
//! the outbox itself, so that looking for them costs no more when many wait for another try.

use uuid::Uuid;

use super::Record;
use super::key::{self, key};
use super::records::{DeadLetter, OutboxEntry};

key! {
    /// A message that has not been tried, in the order of writing.
    OutboxKey = 0x40 { at: i64, message: Uuid } -> OutboxEntry
}

key! {
    /// A message that is to be tried again, or waits behind one; in the order of writing.
    RetryKey = 0x41 { at: i64, message: Uuid } -> OutboxEntry
}

key! {
    /// A message that was given up, in the order of giving up.
    DeadLetterKey = 0x42 { at: i64, message: Uuid } -> DeadLetter
}

impl Record for OutboxEntry {}

impl Record for DeadLetter {
    fn deadline(&self) -> Option<i64> {
        Some(self.forgotten_at)
    }
}

impl OutboxKey {
    /// The prefix of all messages that have not been tried.
    pub const PREFIX: &'static [u8] = &[0x40];
}

impl RetryKey {
    /// The prefix of all messages that are to be tried again.
    pub const PREFIX: &'static [u8] = &[0x41];
}

impl DeadLetterKey {
    /// The prefix of all messages that were given up.
    pub const PREFIX: &'static [u8] = &[0x42];
}
