//! What operators see of the outbox, and do about it: who waits, who was given up, and why; never a code, a body or an address.
//!
//! It works on the store alone. A courier finds out by itself: what was taken up again stands where new messages do, and what
//! was discarded is gone when its turn comes.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Letter;
use super::courier::masked_address;
use crate::clock::from_milliseconds;
use crate::crypto::sealing::Sealer;
use crate::store::records::OutboxEntry;
use crate::store::{Batch, DeadLetterKey, Failure, Key, OutboxKey, RetryKey, Store, Stored};

/// Entries read at one time.
const PAGE: usize = 256;

/// Whether a message will be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Waiting,
    Dead,
}

/// A message as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub id: Uuid,
    pub state: State,
    /// `EMAIL` or `SMS`; empty if the message cannot be read.
    pub medium: String,
    pub purpose: String,
    pub pool: String,
    /// The address, masked.
    pub to: String,
    pub written_at: String,
    pub failed_tries: u32,
    /// When it is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at: Option<String>,
    /// When it was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_up_at: Option<String>,
    /// Why it was not delivered so far, or will not be.
    pub problem: String,
}

/// Why an operator's wish was not met.
#[derive(Debug, thiserror::Error)]
pub enum Unmet {
    #[error("there is no message {0} in the outbox")]
    NoSuchMessage(Uuid),
    #[error("what message {0} brings has expired")]
    Expired(Uuid),
    #[error("message {0} has moved meanwhile; look again")]
    Moved(Uuid),
    #[error(transparent)]
    Store(Failure),
}

impl From<Failure> for Unmet {
    fn from(failure: Failure) -> Self {
        Unmet::Store(failure)
    }
}

/// The outbox as it stands in the store.
pub struct Desk<'a> {
    pub store: &'a dyn Store,
    pub sealer: &'a Sealer,
    pub now: Timestamp,
}

/// What an operator wants of a message.
#[derive(Clone, Copy)]
enum Wish {
    Retry,
    Discard,
}

/// A message that was looked for.
enum Found {
    New(OutboxKey, Stored<OutboxEntry>),
    Shelved(RetryKey, Stored<OutboxEntry>),
    Dead(DeadLetterKey, Stored<crate::store::records::DeadLetter>),
}

impl Desk<'_> {
    /// Tells of every message: those that wait, in the order of writing, then the dead. One that moves meanwhile, which is
    /// from a place that is read earlier to one that is read later, is told of once.
    pub async fn list(&self, mut tell: impl FnMut(Line)) -> Result<(), Failure> {
        let mut told = HashSet::new();
        let mut tell = |line: Option<Line>| {
            if let Some(line) = line.filter(|line| told.insert(line.id)) {
                tell(line);
            }
        };
        self.each::<OutboxKey>(OutboxKey::PREFIX, |key, entry| tell(self.waiting(key.message, entry))).await?;
        self.each::<RetryKey>(RetryKey::PREFIX, |key, entry| tell(self.waiting(key.message, entry))).await?;
        self.each::<DeadLetterKey>(DeadLetterKey::PREFIX, |key, letter| {
            let line = self.line(key.message, letter.created_at, &letter.sealed_message);
            tell(line.map(|line| Line {
                state: State::Dead,
                failed_tries: letter.failed_tries,
                given_up_at: Some(from_milliseconds(key.at).to_string()),
                problem: letter.reason.clone(),
                ..line
            }));
        })
        .await
    }

    /// Has a message tried at once, be it dead.
    pub async fn retry(&self, id: Uuid) -> Result<(), Unmet> {
        self.meet(Wish::Retry, id).await
    }

    /// Removes a message for good.
    pub async fn discard(&self, id: Uuid) -> Result<(), Unmet> {
        self.meet(Wish::Discard, id).await
    }

    /// Tries again what a courier came in between of: a message moves as it is tried, and may be seen at neither place.
    async fn meet(&self, wish: Wish, id: Uuid) -> Result<(), Unmet> {
        const TRIES_MAX: usize = 8;
        let mut tries = 0;
        loop {
            tries += 1;
            let done = match wish {
                Wish::Retry => self.try_retry(id).await,
                Wish::Discard => self.try_discard(id).await,
            };
            match done {
                Err(Unmet::Moved(_) | Unmet::NoSuchMessage(_)) if tries < TRIES_MAX => {}
                done => return done,
            }
        }
    }

    async fn try_retry(&self, id: Uuid) -> Result<(), Unmet> {
        let mut batch = Batch::default();
        let entry = match self.find(id).await? {
            // It is tried as soon as may be.
            Found::New(..) => return Ok(()),
            Found::Shelved(key, entry) => {
                batch.expect(&key, Some(&entry));
                batch.delete(&key);
                entry.record
            }
            Found::Dead(key, letter) => {
                batch.expect(&key, Some(&letter));
                batch.delete(&key);
                let (sealed_message, created_at) = (letter.record.sealed_message, letter.record.created_at);
                OutboxEntry { sealed_message, created_at, ..OutboxEntry::default() }
            }
        };
        let now = self.now.as_millisecond();
        let letter = Letter::open(self.sealer, id, entry.created_at, &entry.sealed_message);
        if letter.is_ok_and(|letter| letter.message.expires_at.is_some_and(|expires_at| expires_at <= now)) {
            return Err(Unmet::Expired(id));
        }
        let key = OutboxKey { at: entry.created_at, message: id };
        batch.expect_absent(&key);
        batch.put(&key, &OutboxEntry { due_at: now, failed_tries: 0, taken_up_at: Some(now), ..entry });
        self.commit(batch, id).await
    }

    async fn try_discard(&self, id: Uuid) -> Result<(), Unmet> {
        let mut batch = Batch::default();
        match self.find(id).await? {
            Found::New(key, entry) => remove(&mut batch, &key, &entry),
            Found::Shelved(key, entry) => remove(&mut batch, &key, &entry),
            Found::Dead(key, letter) => remove(&mut batch, &key, &letter),
        }
        self.commit(batch, id).await
    }

    async fn commit(&self, batch: Batch, id: Uuid) -> Result<(), Unmet> {
        match self.store.commit(batch).await {
            Err(Failure::Conflict) => Err(Unmet::Moved(id)),
            done => Ok(done?),
        }
    }

    async fn find(&self, id: Uuid) -> Result<Found, Unmet> {
        let mut found = None;
        self.each::<OutboxKey>(OutboxKey::PREFIX, |key, entry| {
            if key.message == id {
                found = Some(Found::New(key.clone(), entry.clone()));
            }
        })
        .await?;
        self.each::<RetryKey>(RetryKey::PREFIX, |key, entry| {
            if key.message == id {
                found = Some(Found::Shelved(key.clone(), entry.clone()));
            }
        })
        .await?;
        self.each::<DeadLetterKey>(DeadLetterKey::PREFIX, |key, letter| {
            if key.message == id {
                found = Some(Found::Dead(key.clone(), letter.clone()));
            }
        })
        .await?;
        found.ok_or(Unmet::NoSuchMessage(id))
    }

    async fn each<K: Key>(&self, prefix: &[u8], mut look: impl FnMut(&K, &Stored<K::Record>)) -> Result<(), Failure> {
        let mut last: Option<K> = None;
        loop {
            let page = self.store.list::<K>(prefix, last.as_ref(), PAGE).await?;
            page.iter().for_each(|(key, record)| look(key, record));
            if page.len() < PAGE {
                return Ok(());
            }
            last = page.into_iter().next_back().map(|(key, _)| key);
        }
    }

    fn waiting(&self, id: Uuid, entry: &OutboxEntry) -> Option<Line> {
        let line = self.line(id, entry.created_at, &entry.sealed_message)?;
        Some(Line {
            failed_tries: entry.failed_tries,
            due_at: Some(from_milliseconds(entry.due_at).to_string()),
            problem: entry.problem.clone(),
            ..line
        })
    }

    /// What is to be told of a message; of a decoy, nothing.
    fn line(&self, id: Uuid, created_at: i64, sealed: &[u8]) -> Option<Line> {
        let letter = Letter::open(self.sealer, id, created_at, sealed).ok();
        let to = letter.as_ref().map(masked_address).unwrap_or_default();
        let message = letter.map(|letter| letter.message).unwrap_or_default();
        (!message.decoy).then(|| Line {
            id,
            state: State::Waiting,
            medium: message.medium,
            purpose: message.purpose,
            pool: message.pool,
            to,
            written_at: from_milliseconds(created_at).to_string(),
            failed_tries: 0,
            due_at: None,
            given_up_at: None,
            problem: String::new(),
        })
    }
}

fn remove<K: Key>(batch: &mut Batch, key: &K, record: &Stored<K::Record>) {
    batch.expect(key, Some(record));
    batch.delete(key);
}
