//! Messages to users: an entry of the durable outbox in the batch of what caused them, delivered later by a task.
//!
//! Delivery is at least once: after a crash between delivery and the entry's removal a message comes again, with the same
//! id and time. The ways out are a mail server, an HTTP hook for text messages and, for development, a file ([`Ways`]); who
//! goes when is the [`Courier`]'s to say; what operators see of it is in [`desk`].
//!
//! What it refuses to do: hold up a reply, send what may yet be lost, tell a log or a list of a code or an address.

mod courier;
pub mod desk;
mod file;
mod hook;
mod mime;
mod queue;
mod smtp;
mod ways;

use jiff::Timestamp;
use prost::Message as _;
use uuid::Uuid;

pub use courier::{Courier, Office, Policy, deliver_due};
pub use hook::{Hook, HookSettings};
pub use smtp::{Security, Smtp, SmtpSettings};
pub use ways::{Outcome, Way, Ways};

use crate::clock::from_milliseconds;
use crate::crypto::sealing::{CannotOpen, Sealer};
use crate::domain::messages::Medium;
use crate::rng::Rng;
use crate::store::records::{OutboxEntry, OutboxMessage};
use crate::store::{Batch, Key as _, OutboxKey};

/// Puts a message in the outbox, sealed.
pub fn enqueue(batch: &mut Batch, message: &OutboxMessage, sealer: &Sealer, rng: &Rng, now: Timestamp) {
    let created_at = now.as_millisecond();
    let key = OutboxKey { at: created_at, message: rng.uuid() };
    let sealed_message = sealer.seal(&key.encoded(), &message.encode_to_vec(), rng);
    batch.put(&key, &OutboxEntry { sealed_message, created_at, due_at: created_at, ..OutboxEntry::default() });
}

/// A message on its way out.
pub struct Letter {
    /// Lets a receiver know a second delivery.
    pub id: Uuid,
    pub written_at: Timestamp,
    pub message: OutboxMessage,
}

/// What is sealed in an entry is no message of this place.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error(transparent)]
    Sealed(#[from] CannotOpen),
    #[error("what is sealed is no message: {0}")]
    Decode(#[from] prost::DecodeError),
}

impl Letter {
    /// Opens what was sealed when the message was written.
    pub fn open(sealer: &Sealer, id: Uuid, created_at: i64, sealed: &[u8]) -> Result<Letter, Unreadable> {
        let opened = sealer.open(&OutboxKey { at: created_at, message: id }.encoded(), sealed)?;
        let message = OutboxMessage::decode(opened.expose().as_slice())?;
        Ok(Letter { id, written_at: from_milliseconds(created_at), message })
    }

    pub fn medium(&self) -> Medium {
        if self.message.medium == Medium::Sms.name() { Medium::Sms } else { Medium::Email }
    }
}
