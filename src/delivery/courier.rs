//! Carries messages out of the outbox: new ones when they are durable, failed ones when they are due again, several at
//! once, those of one recipient one after the other. What cannot be delivered becomes a dead letter.
//!
//! | outcome | what follows |
//! |---|---|
//! | delivered | the entry is removed |
//! | postponed | another try, after a pause that doubles up to five minutes |
//! | refused | a dead letter at once |
//! | unreachable | nothing of this medium is tried until a pause is over; no try is counted |
//! | its code has expired, or it is too old | a dead letter |

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::{self, JoinSet};

use super::queue::{Place, Queue, Waiting};
use super::{Letter, Outcome, Unreadable, Ways};
use crate::clock::after;
use crate::crypto::keys::sha256;
use crate::crypto::sealing::Sealer;
use crate::domain::destinations::{mask_email, mask_phone_number};
use crate::domain::messages::{Medium, Purpose};
use crate::rng::Rng;
use crate::store::records::{DeadLetter, OutboxEntry};
use crate::store::{Batch, DeadLetterKey, Failure, OutboxKey, RetryKey, Store, Stored};

/// Entries read at one time.
const PAGE: usize = 256;

/// The pause before the second try; it doubles up to the longest. Each is a quarter shorter or longer, as chance has it.
const RETRY_FIRST_MILLISECONDS: i64 = 1_000;
const RETRY_LONGEST_MILLISECONDS: i64 = 5 * 60 * 1_000;

/// When to give up, and what is kept then.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Deliveries under way at one time.
    pub at_once: usize,
    /// How long a message is tried.
    pub give_up_after: Duration,
    /// How long a dead letter is kept.
    pub dead_letter_life: Duration,
    /// Dead letters kept; the oldest make room.
    pub dead_letters_max: usize,
}

/// What the courier works with.
pub struct Office<'a> {
    pub store: &'a dyn Store,
    pub sealer: &'a Sealer,
    pub rng: &'a Rng,
    pub now: Timestamp,
}

/// Where a message stands, and what stood there when it was taken.
struct Taken {
    is_new: bool,
    entry: Stored<OutboxEntry>,
    medium: Medium,
    masked_address: String,
}

/// The one who carries. There is one for a store.
pub struct Courier {
    ways: Arc<Ways>,
    policy: Policy,
    queue: Queue,
    taken: HashMap<Place, Taken>,
    deliveries: JoinSet<Outcome>,
    on_the_way: HashMap<task::Id, Place>,
    /// How often in a row nothing could be reached.
    unreached: HashMap<Medium, u32>,
    /// Dead letters at most in the store; none before the store was read.
    dead_letters: Option<usize>,
}

impl Courier {
    pub fn new(ways: Arc<Ways>, policy: Policy) -> Self {
        Courier {
            ways,
            policy,
            queue: Queue::default(),
            taken: HashMap::new(),
            deliveries: JoinSet::new(),
            on_the_way: HashMap::new(),
            unreached: HashMap::new(),
            dead_letters: None,
        }
    }

    /// Sends what is due on its way, as much as may be at once.
    pub async fn send_due(&mut self, office: &Office<'_>) -> Result<(), Failure> {
        if self.dead_letters.is_none() {
            self.read_what_waits(office).await?;
        }
        let now = office.now.as_millisecond();
        while let Some(place) = self.queue.take_ended(now) {
            if let Some((taken, letter)) = self.find(office, place).await? {
                or_no_room(self.end(office, place, taken, letter).await)?;
            }
        }
        self.fill(office).await?;
        while self.take_in_new(office).await? {
            self.fill(office).await?;
        }
        Ok(())
    }

    /// The next delivery that ended; none if none is under way. Nothing is lost when the wait is broken off.
    pub async fn delivered(&mut self) -> Option<(Place, Outcome)> {
        loop {
            let (id, outcome) = match self.deliveries.join_next_with_id().await? {
                Ok(delivered) => delivered,
                Err(cause) => {
                    tracing::error!(%cause, "a delivery broke down");
                    (cause.id(), Outcome::Postponed("the delivery broke down".to_owned()))
                }
            };
            if let Some(place) = self.on_the_way.remove(&id) {
                return Some((place, outcome));
            }
        }
    }

    /// Whether a delivery is under way.
    pub fn is_busy(&self) -> bool {
        !self.deliveries.is_empty()
    }

    /// When to look again, as far as time brings something to do.
    pub fn next_at(&self) -> Option<i64> {
        self.queue.next_at()
    }

    /// Writes down what became of a delivery.
    pub async fn conclude(&mut self, office: &Office<'_>, place: Place, outcome: Outcome) -> Result<(), Failure> {
        let Some(taken) = self.taken.remove(&place) else { return Ok(()) };
        let now = office.now.as_millisecond();
        let tell = |problem: &str| {
            let (id, to) = (place.1, &taken.masked_address);
            tracing::warn!(message.id = %id, to, failed_tries = taken.entry.failed_tries, problem, "a message was not delivered");
        };
        let concluded = match outcome {
            Outcome::Delivered => {
                self.unreached.remove(&taken.medium);
                self.remove(office, place, &taken).await.map(|()| self.queue.forget(&place))
            }
            Outcome::Postponed(problem) => {
                tell(&problem);
                self.unreached.remove(&taken.medium);
                let due_at = now + retry_pause(taken.entry.failed_tries, office.rng);
                let failed_tries = taken.entry.failed_tries.saturating_add(1);
                let entry = OutboxEntry { due_at, failed_tries, problem, ..taken.entry.record.clone() };
                self.put_off(office, place, &taken, entry).await
            }
            Outcome::Unreachable(problem) => {
                if !self.queue.is_paused(taken.medium, now) {
                    tell(&problem);
                    let count = self.unreached.entry(taken.medium).or_default();
                    self.queue.pause(taken.medium, now + retry_pause(*count, office.rng));
                    *count = count.saturating_add(1);
                }
                let entry = OutboxEntry { problem, ..taken.entry.record.clone() };
                self.put_off(office, place, &taken, entry).await
            }
            Outcome::Refused(problem) => self.bury(office, place, &taken, problem).await,
        };
        match concluded {
            Ok(()) => Ok(()),
            // An operator had it moved or removed meanwhile. If it is still there, it is found again.
            Err(Failure::Conflict) => {
                self.queue.forget(&place);
                Ok(())
            }
            Err(cause) => {
                self.queue.leave_alone(&place, now + RETRY_LONGEST_MILLISECONDS);
                Err(cause)
            }
        }
    }

    /// After a start: what is to be tried again, and how many are dead.
    async fn read_what_waits(&mut self, office: &Office<'_>) -> Result<(), Failure> {
        let mut last = None;
        loop {
            let page = office.store.list::<RetryKey>(RetryKey::PREFIX, last.as_ref(), PAGE).await?;
            for (key, entry) in &page {
                self.take_in(office, (key.at, key.message), &entry.record);
            }
            if page.len() < PAGE {
                break;
            }
            last = page.into_iter().next_back().map(|(key, _)| key);
        }
        self.dead_letters = Some(dead_letters(office.store).await?.len());
        Ok(())
    }

    /// Takes in some of the messages that were not tried yet. Gives whether there may be more.
    async fn take_in_new(&mut self, office: &Office<'_>) -> Result<bool, Failure> {
        // Those on their way stand there too.
        let limit = self.policy.at_once + self.queue.on_the_way();
        let mut last: Option<OutboxKey> = None;
        loop {
            let page = office.store.list::<OutboxKey>(OutboxKey::PREFIX, last.as_ref(), limit).await?;
            // What may yet be lost is not sent; whoever waits for its commit will have us look again.
            let is_new = |(key, entry): &&(OutboxKey, Stored<OutboxEntry>)| {
                entry.is_durable(office.store) && !self.queue.is_on_the_way(&(key.at, key.message))
            };
            let new: Vec<_> = page.iter().filter(is_new).map(|(key, entry)| (key.clone(), entry.clone())).collect();
            if !new.is_empty() {
                return self.take_in_or_shelve(office, new).await;
            }
            if page.len() < limit {
                return Ok(false);
            }
            last = page.into_iter().next_back().map(|(key, _)| key);
        }
    }

    /// Sends what can go at once; the rest goes to where those to be tried again stand. Gives whether it found room there.
    async fn take_in_or_shelve(
        &mut self,
        office: &Office<'_>,
        new: Vec<(OutboxKey, Stored<OutboxEntry>)>,
    ) -> Result<bool, Failure> {
        for (key, entry) in &new {
            self.take_in(office, (key.at, key.message), &entry.record);
        }
        self.fill(office).await?;
        let mut batch = Batch::default();
        for (key, entry) in &new {
            if !self.queue.is_on_the_way(&(key.at, key.message)) {
                batch.expect(key, Some(entry));
                batch.delete(key);
                batch.put(&RetryKey { at: key.at, message: key.message }, &entry.record);
            }
        }
        match if batch.is_empty() { Ok(()) } else { office.store.commit(batch).await } {
            // An operator was quicker, and all is found anew.
            Ok(()) | Err(Failure::Conflict) => Ok(true),
            // They wait where they are.
            Err(Failure::Full) => Ok(false),
            Err(cause) => Err(cause),
        }
    }

    /// Puts a message in its line.
    fn take_in(&mut self, office: &Office<'_>, place: Place, entry: &OutboxEntry) {
        let waiting = match Letter::open(office.sealer, place.1, place.0, &entry.sealed_message) {
            Ok(letter) => Waiting {
                recipient: sha256(format!("{} {}", letter.message.medium, letter.message.to.to_lowercase()).as_bytes()),
                medium: letter.medium(),
                due_at: entry.due_at,
                ends_at: self.ends_at(entry, &letter),
            },
            // Nobody can read it: it ends at once, in a line of its own.
            Err(_) => Waiting {
                recipient: sha256(place.1.as_bytes()),
                medium: Medium::Email,
                due_at: i64::MAX,
                ends_at: i64::MIN,
            },
        };
        self.queue.put(place, waiting);
    }

    /// When it is too late for a message.
    fn ends_at(&self, entry: &OutboxEntry, letter: &Letter) -> i64 {
        let since = crate::clock::from_milliseconds(entry.taken_up_at.unwrap_or(entry.created_at));
        let too_old_at = after(since, self.policy.give_up_after).as_millisecond();
        letter.message.expires_at.map_or(too_old_at, |expires_at| expires_at.min(too_old_at))
    }

    /// Starts deliveries until there are as many as may be, or no more to start.
    async fn fill(&mut self, office: &Office<'_>) -> Result<(), Failure> {
        let now = office.now.as_millisecond();
        while self.queue.on_the_way() < self.policy.at_once {
            let Some(place) = self.queue.take(now) else { return Ok(()) };
            let Some((taken, letter)) = self.find(office, place).await? else { continue };
            match letter {
                Ok(letter) if self.ends_at(&taken.entry, &letter) > now => {
                    self.taken.insert(place, taken);
                    let ways = self.ways.clone();
                    let delivery = self.deliveries.spawn(async move { ways.deliver(&letter).await });
                    self.on_the_way.insert(delivery.id(), place);
                }
                letter => or_no_room(self.end(office, place, taken, letter).await)?,
            }
        }
        Ok(())
    }

    /// Makes a dead letter of a message that cannot be read, or whose time is over.
    async fn end(
        &mut self,
        office: &Office<'_>,
        place: Place,
        taken: Taken,
        letter: Result<Letter, Unreadable>,
    ) -> Result<(), Failure> {
        let reason = match letter {
            Err(cause) => cause.to_string(),
            Ok(letter) if letter.message.decoy => {
                self.taken.insert(place, taken);
                return self.conclude(office, place, Outcome::Delivered).await;
            }
            Ok(letter) if !is_past(letter.message.expires_at, office.now) => {
                format!("it could not be delivered in time: {}", last_problem(&taken.entry))
            }
            Ok(letter) if letter.message.purpose == Purpose::Invitation.name() => {
                "its temporary password has expired".to_owned()
            }
            Ok(_) => "its code has expired".to_owned(),
        };
        self.taken.insert(place, taken);
        self.conclude(office, place, Outcome::Refused(reason)).await
    }

    /// What a message taken from the queue is; one that is gone is forgotten.
    async fn find(
        &mut self,
        office: &Office<'_>,
        place: Place,
    ) -> Result<Option<(Taken, Result<Letter, Unreadable>)>, Failure> {
        let (at, message) = place;
        let new = office.store.read(&OutboxKey { at, message }).await;
        let found = match new {
            Ok(Some(entry)) => Ok(Some((true, entry))),
            Ok(None) => {
                let shelved = office.store.read(&RetryKey { at, message }).await;
                shelved.map(|entry| entry.map(|entry| (false, entry)))
            }
            Err(cause) => Err(cause),
        };
        let found = match found {
            Ok(found) => found,
            Err(cause) => {
                self.queue.leave_alone(&place, office.now.as_millisecond() + RETRY_LONGEST_MILLISECONDS);
                return Err(cause);
            }
        };
        let Some((is_new, entry)) = found else {
            self.queue.forget(&place);
            return Ok(None);
        };
        let letter = Letter::open(office.sealer, message, at, &entry.sealed_message);
        let (medium, masked_address) = match &letter {
            Ok(letter) => (letter.medium(), masked_address(letter)),
            Err(_) => (Medium::Email, String::new()),
        };
        Ok(Some((Taken { is_new, entry, medium, masked_address }, letter)))
    }

    async fn remove(&self, office: &Office<'_>, place: Place, taken: &Taken) -> Result<(), Failure> {
        let mut batch = Batch::default();
        take_away(&mut batch, place, taken);
        office.store.commit(batch).await
    }

    async fn put_off(
        &mut self,
        office: &Office<'_>,
        place: Place,
        taken: &Taken,
        entry: OutboxEntry,
    ) -> Result<(), Failure> {
        let mut batch = Batch::default();
        take_away(&mut batch, place, taken);
        batch.put(&RetryKey { at: place.0, message: place.1 }, &entry);
        office.store.commit(batch).await?;
        self.queue.put_back(&place, entry.due_at);
        Ok(())
    }

    async fn bury(&mut self, office: &Office<'_>, place: Place, taken: &Taken, reason: String) -> Result<(), Failure> {
        let mut batch = Batch::default();
        self.make_room(office, &mut batch).await?;
        take_away(&mut batch, place, taken);
        let letter = DeadLetter {
            sealed_message: taken.entry.sealed_message.clone(),
            created_at: taken.entry.created_at,
            failed_tries: taken.entry.failed_tries,
            reason: reason.clone(),
            forgotten_at: after(office.now, self.policy.dead_letter_life).as_millisecond(),
        };
        batch.put(&DeadLetterKey { at: office.now.as_millisecond(), message: place.1 }, &letter);
        office.store.commit(batch).await?;
        let (id, to) = (place.1, &taken.masked_address);
        tracing::error!(message.id = %id, to, failed_tries = taken.entry.failed_tries, reason, "a message was given up");
        self.dead_letters = self.dead_letters.map(|count| count + 1);
        self.queue.forget(&place);
        Ok(())
    }

    /// If there may be as many dead letters as are kept, removes the oldest: a tenth of them, so that it is seldom done.
    async fn make_room(&mut self, office: &Office<'_>, batch: &mut Batch) -> Result<(), Failure> {
        let max = self.policy.dead_letters_max;
        if self.dead_letters.is_some_and(|count| count < max) {
            return Ok(());
        }
        // Fewer than were counted: some ended by themselves, or were taken up again.
        let dead = dead_letters(office.store).await?;
        let excess = if dead.len() < max { 0 } else { dead.len() + 1 - (max - max / 10) };
        dead.iter().take(excess).for_each(|key| batch.delete(key));
        self.dead_letters = Some(dead.len() - excess.min(dead.len()));
        Ok(())
    }
}

/// Delivers everything that is due, and waits until it is done.
pub async fn deliver_due(courier: &mut Courier, office: &Office<'_>) -> Result<(), Failure> {
    loop {
        courier.send_due(office).await?;
        let Some((place, outcome)) = courier.delivered().await else { return Ok(()) };
        courier.conclude(office, place, outcome).await?;
    }
}

/// The address as a log may have it.
pub fn masked_address(letter: &Letter) -> String {
    match letter.medium() {
        Medium::Sms => mask_phone_number(&letter.message.to),
        Medium::Email => mask_email(&letter.message.to),
    }
}

/// The keys of all dead letters, oldest first.
async fn dead_letters(store: &dyn Store) -> Result<Vec<DeadLetterKey>, Failure> {
    let mut keys: Vec<DeadLetterKey> = Vec::new();
    loop {
        let page = store.list::<DeadLetterKey>(DeadLetterKey::PREFIX, keys.last(), PAGE).await?;
        let is_last = page.len() < PAGE;
        keys.extend(page.into_iter().map(|(key, _)| key));
        if is_last {
            return Ok(keys);
        }
    }
}

fn take_away(batch: &mut Batch, (at, message): Place, taken: &Taken) {
    if taken.is_new {
        let key = OutboxKey { at, message };
        batch.expect(&key, Some(&taken.entry));
        batch.delete(&key);
    } else {
        let key = RetryKey { at, message };
        batch.expect(&key, Some(&taken.entry));
        batch.delete(&key);
    }
}

/// On a full disk nothing can be given up; what can be delivered still goes.
fn or_no_room(done: Result<(), Failure>) -> Result<(), Failure> {
    match done {
        Err(Failure::Full) => Ok(()),
        done => done,
    }
}

fn is_past(deadline: Option<i64>, now: Timestamp) -> bool {
    deadline.is_some_and(|deadline| deadline <= now.as_millisecond())
}

fn last_problem(entry: &OutboxEntry) -> &str {
    if entry.problem.is_empty() { "it was never tried" } else { &entry.problem }
}

/// How long to wait after so many failures.
fn retry_pause(failures: u32, rng: &Rng) -> i64 {
    let pause = doubled_pause(failures);
    let [chance] = rng.bytes::<1>();
    pause * 3 / 4 + pause / 2 * i64::from(chance) / 255
}

fn doubled_pause(failures: u32) -> i64 {
    let doubled = 1_i64.checked_shl(failures).and_then(|factor| RETRY_FIRST_MILLISECONDS.checked_mul(factor));
    doubled
        .map_or(RETRY_LONGEST_MILLISECONDS, |pause| pause.clamp(RETRY_FIRST_MILLISECONDS, RETRY_LONGEST_MILLISECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes() {
        assert_eq!(
            [0, 1, 2, 8, 9, 62, 63, 64, u32::MAX].map(doubled_pause).map(|pause| pause / 1000),
            [1, 2, 4, 256, 300, 300, 300, 300, 300]
        );
    }

    #[test]
    fn chance_keeps_pauses_apart_by_no_more_than_a_quarter() {
        let rng = Rng::seeded(1);
        let pauses: Vec<i64> = (0..1000).map(|_| retry_pause(2, &rng)).collect();
        assert!(pauses.iter().all(|pause| (3000..=5000).contains(pause)), "{pauses:?}");
        assert!(pauses.iter().any(|pause| *pause < 3200) && pauses.iter().any(|pause| *pause > 4800));
    }
}
