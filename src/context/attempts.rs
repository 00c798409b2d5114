//! Password attempts: counted durably before anything is evaluated, forgiven when they were right.
//!
//! First of all an attempt needs a place to hash: what is refused for want of one has written nothing. The place lasts as long
//! as the attempt, and no other of the same user is given meanwhile.

use super::Cx;
use crate::clock::from_milliseconds;
use crate::crypto::places::Place;
use crate::domain::lockout::{self, Locked};
use crate::error::Error;
use crate::store::{AttemptsKey, Batch, Failure, Owner, records};

/// An attempt that has been counted as failed.
pub struct Attempt {
    /// Leave to hash what the attempt needs.
    pub place: Place,
    key: AttemptsKey,
    before: Option<records::Attempts>,
}

/// How often a count that lost a race is taken again.
const RACES_MAX: usize = 16;

impl Attempt {
    /// Counts an attempt once there is a place for it, or refuses it because the owner is locked out.
    pub async fn begin(cx: &Cx<'_>, owner: &Owner) -> Result<Self, Error> {
        let key = AttemptsKey { owner: owner.clone() };
        let place = cx.hashing_place(Some(owner)).await?;
        for _ in 0..RACES_MAX {
            let before = cx.store.read(&key).await?;
            let counted = lockout::count(before.as_deref().map(known), cx.now())
                .map_err(|Locked| Error::PasswordAttemptsExceeded)?;
            let mut batch = Batch::default();
            batch.expect(&key, before.as_ref());
            batch.put(&key, &kept(counted));
            match cx.store.commit(batch).await {
                Ok(()) => {
                    let before = before.map(|stored| stored.record);
                    return Ok(Attempt { place, key, before });
                }
                Err(Failure::Conflict) => continue,
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::TooManyRequests)
    }

    /// Awaits the evaluation of the proof, or what a right one leads to. If it never came to that, because the server has too
    /// much to do or something changed meanwhile, the attempt was none and is taken back.
    pub async fn evaluate<T>(&self, cx: &Cx<'_>, proof: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let evaluated = proof.await;
        if evaluated.is_err() {
            let mut batch = Batch::default();
            match &self.before {
                Some(before) => batch.put(&self.key, before),
                None => batch.delete(&self.key),
            }
            // Not what the request is for, so nothing rides on it.
            cx.store.commit(batch).await?;
        }
        evaluated
    }

    /// The attempt was right: with `batch`, all failures in a row are forgotten.
    pub fn forgive(&self, batch: &mut Batch) {
        batch.delete(&self.key);
    }
}

fn known(record: &records::Attempts) -> lockout::Attempts {
    lockout::Attempts {
        failures: record.failures,
        last_at: from_milliseconds(record.last_at),
        locked_until: from_milliseconds(record.locked_until),
    }
}

fn kept(attempts: lockout::Attempts) -> records::Attempts {
    records::Attempts {
        failures: attempts.failures,
        last_at: attempts.last_at.as_millisecond(),
        locked_until: attempts.locked_until.as_millisecond(),
        ..Default::default()
    }
}
