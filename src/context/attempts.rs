//! Attempts of users to prove themselves, by whatever proof: counted durably before anything is evaluated, forgiven when they
//! were right.
//!
//! An attempt that needs a hash needs a place for it first of all: what is refused for want of one has written nothing. The
//! place lasts as long as the attempt, and no other of the same user is given meanwhile. Attempts without a hash are counted at
//! once, as many as there are at one time.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Cx;
use super::pools::Pool;
use crate::clock::from_milliseconds;
use crate::crypto::places::Place;
use crate::domain::lockout::{self, Locked};
use crate::error::Error;
use crate::store::{AttemptsKey, Batch, Failure, Owner, records};

/// An attempt that has been counted as failed; with [`Place`], one that may hash.
pub struct Attempt<P = Place> {
    /// Leave to hash what the attempt needs.
    place: P,
    key: AttemptsKey,
    before: Option<lockout::Attempts>,
    counted: lockout::Attempts,
    is_taken_back: AtomicBool,
}

/// How often a count that lost a race is taken again.
const RACES_MAX: usize = 16;

impl Attempt {
    /// Counts an attempt once there is a place for it, or refuses it because the owner is locked out.
    pub async fn begin(cx: &Cx<'_>, owner: &Owner) -> Result<Self, Error> {
        let place = cx.hashing_place(Some(owner)).await?;
        Self::count(cx, owner, place).await
    }

    pub fn place(&self) -> &Place {
        &self.place
    }
}

impl Attempt<()> {
    /// Counts an attempt by a proof that costs no hash, or refuses it because the owner is locked out.
    pub async fn begin_without_hash(cx: &Cx<'_>, owner: &Owner) -> Result<Self, Error> {
        Self::count(cx, owner, ()).await
    }
}

impl<P> Attempt<P> {
    async fn count(cx: &Cx<'_>, owner: &Owner, place: P) -> Result<Self, Error> {
        let key = AttemptsKey { owner: owner.clone() };
        for _ in 0..RACES_MAX {
            let found = cx.store.read(&key).await?;
            let before = found.as_deref().map(known);
            let counted = lockout::count(before, cx.now()).map_err(|Locked| Error::PasswordAttemptsExceeded)?;
            let mut batch = Batch::default();
            batch.expect(&key, found.as_ref());
            batch.put(&key, &kept(counted));
            match cx.store.commit(batch).await {
                Ok(()) => return Ok(Attempt { place, key, before, counted, is_taken_back: AtomicBool::new(false) }),
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
            self.take_back(cx).await?;
        }
        evaluated
    }

    /// The proof was right, and needs its place no longer. Where a trigger may take its time before there are tokens, the place
    /// is given back now, and the attempt counts no longer: others of the same user's are not to wait for it, nor to be locked
    /// out by it.
    pub async fn proved(self, cx: &Cx<'_>, pool: &Pool) -> Result<Attempt<Option<P>>, Error> {
        let waits = pool.asks_before_tokens();
        if waits {
            self.take_back(cx).await?;
        }
        let Attempt { place, key, before, counted, is_taken_back } = self;
        Ok(Attempt { place: Some(place).filter(|_| !waits), key, before, counted, is_taken_back })
    }

    /// The attempt was right, and nothing is left to be proved: with `batch`, all failures in a row are forgotten.
    pub fn forgive(&self, batch: &mut Batch) {
        batch.delete(&self.key);
    }

    /// The attempt was no failure, but no end either: another proof has to follow, or it came to no verdict. It alone is not
    /// counted, and that durably: earlier failures stay, or whoever knows the password could forget their guesses at the code
    /// that follows it. What is taken back already stays so.
    pub async fn take_back(&self, cx: &Cx<'_>) -> Result<(), Error> {
        if self.is_taken_back.load(Ordering::Relaxed) {
            return Ok(());
        }
        for _ in 0..RACES_MAX {
            let Some(present) = cx.store.read(&self.key).await? else { return Ok(()) };
            let before = known(&present);
            let left = lockout::take_back(before, self.before, self.counted, cx.now());
            if left == Some(before) {
                return Ok(());
            }
            let mut batch = Batch::default();
            batch.expect(&self.key, Some(&present));
            match left {
                Some(left) => batch.put(&self.key, &kept(left)),
                None => batch.delete(&self.key),
            }
            // Not what the request is for, so nothing rides on it.
            match cx.store.commit(batch).await {
                Ok(()) => {
                    self.is_taken_back.store(true, Ordering::Relaxed);
                    return Ok(());
                }
                Err(Failure::Conflict) => continue,
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::TooManyRequests)
    }
}

impl Cx<'_> {
    /// A new password, by a code or by an administrator: with `batch`, the user's failures are forgotten, for they were guesses
    /// at the old one. It is the way out for users whom somebody's guesses have locked out, so neither path to it counts
    /// attempts.
    pub fn forget_attempts(&self, batch: &mut Batch, owner: &Owner) {
        batch.delete(&AttemptsKey { owner: owner.clone() });
    }
}

fn known(record: &records::Attempts) -> lockout::Attempts {
    lockout::Attempts {
        failures: record.failures,
        last_at: from_milliseconds(record.last_at),
        locked_until: from_milliseconds(record.locked_until),
        day_failures: record.day_failures,
        day_began_at: from_milliseconds(record.day_began_at),
    }
}

fn kept(attempts: lockout::Attempts) -> records::Attempts {
    records::Attempts {
        failures: attempts.failures,
        last_at: attempts.last_at.as_millisecond(),
        locked_until: attempts.locked_until.as_millisecond(),
        day_failures: attempts.day_failures,
        day_began_at: attempts.day_began_at.as_millisecond(),
    }
}
