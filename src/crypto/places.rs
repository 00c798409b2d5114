//! Places at the hashing threads: who may hash, how many at once, and who waits for it.
//!
//! A place comes before everything that an attempt costs: who gets none has written nothing. A few more places are given than
//! there are threads, so that no thread waits while an attempt is counted or tokens are signed. The others wait in a
//! [`FairQueue`] between sources and users, and of one user one at a time has a place: what is counted and forgiven for a user
//! is then in order, and the user who signs in five times at once is spared a lock that is meant for guessers.
//!
//! Refused, all with the same error: who comes when the queue is full, who gives way in it to somebody else, and who has
//! waited too long, as soon as that is so. Whoever goes away leaves no gap.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::fair_queue::FairQueue;
use crate::domain::source::Source;
use crate::error::Error;
use crate::store::Owner;

/// The places, and the queue before them.
pub struct Places {
    room: Mutex<Room>,
    wait_max: Duration,
}

/// Whose attempt it is: a user's (or, for a name that nobody has, whoever it would be), or a password's that is nobody's yet.
pub type Who = Option<Owner>;

/// Leave to hash, from when it is given until it is dropped.
pub struct Place {
    places: Arc<Places>,
    source: Source,
    who: Who,
    number: u64,
}

struct Room {
    waiting: FairQueue<Source, Who, Waiting>,
    taken: Vec<(u64, Who)>,
    taken_max: usize,
    numbers: u64,
    refusals: Refusals,
}

/// One who waits. Told when there is a place; not told, it has lost its own.
struct Waiting {
    number: u64,
    go: oneshot::Sender<()>,
}

impl Places {
    /// `places` at once, `waiting_max` waiting for at most `wait_max`.
    pub fn new(places: usize, waiting_max: usize, wait_max: Duration) -> Arc<Self> {
        let waiting = FairQueue::new(waiting_max);
        let refusals = Refusals::default();
        let room = Room { waiting, taken: Vec::new(), taken_max: places, numbers: 0, refusals };
        Arc::new(Places { room: Mutex::new(room), wait_max })
    }

    /// How many wait for a place.
    pub fn waiting(&self) -> usize {
        self.room().waiting.waiting()
    }

    /// Waits for a place.
    pub async fn take(self: &Arc<Self>, source: Source, who: Who) -> Result<Place, Error> {
        let taken = match self.line_up(source, who) {
            Some((place, go)) => timeout(self.wait_max, go).await.is_ok_and(|told| told.is_ok()).then_some(place),
            None => None,
        };
        taken.ok_or_else(|| {
            self.room().refusals.count();
            Error::TooManyRequests
        })
    }

    /// A place that is not given yet, unless the queue is full. Dropped before, it is one less who waits.
    fn line_up(self: &Arc<Self>, source: Source, who: Who) -> Option<(Place, oneshot::Receiver<()>)> {
        let (go, told) = oneshot::channel();
        let mut room = self.room();
        room.numbers += 1;
        let number = room.numbers;
        if room.has_place_for(&who) {
            // Nobody waits who could have it instead.
            room.taken.push((number, who.clone()));
            let _ = go.send(());
        } else {
            room.waiting.push(source, who.clone(), Waiting { number, go }).ok()?;
        }
        Some((Place { places: self.clone(), source, who, number }, told))
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut room = self.places.room();
        match room.taken.iter().position(|(number, _)| *number == self.number) {
            Some(at) => {
                room.taken.swap_remove(at);
                room.fill();
            }
            None => drop(room.waiting.remove(&self.source, &self.who, |waiting| waiting.number == self.number)),
        }
    }
}

impl Room {
    fn has_place_for(&self, who: &Who) -> bool {
        self.taken.len() < self.taken_max && is_free(&self.taken, who)
    }

    /// Gives every place that can be given.
    fn fill(&mut self) {
        while self.taken.len() < self.taken_max {
            let Some((who, Waiting { number, go })) = self.waiting.pop(|who| is_free(&self.taken, who)) else { break };
            self.taken.push((number, who));
            // Who has just gone gives the place back, as anybody does.
            let _ = go.send(());
        }
    }
}

/// Whether nobody holds a place for the same user.
fn is_free(taken: &[(u64, Who)], who: &Who) -> bool {
    who.is_none() || taken.iter().all(|(_, other)| other != who)
}

/// Refusals, told at most once a second.
#[derive(Default)]
struct Refusals {
    untold: u64,
    told_at: Option<Instant>,
}

impl Refusals {
    fn count(&mut self) {
        const TOLD_EVERY: Duration = Duration::from_secs(1);
        self.untold += 1;
        let now = now();
        if self.told_at.is_none_or(|told_at| now.saturating_duration_since(told_at) >= TOLD_EVERY) {
            tracing::warn!(refused = self.untold, "more passwords come than can be hashed: some are refused");
            (self.untold, self.told_at) = (0, Some(now));
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "how often the log is written to, never a rule's time")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::Poll;

    use uuid::Uuid;

    use super::*;
    use crate::domain::ids::{PoolId, Sub};

    const LONG: Duration = Duration::from_secs(3600);

    fn source(number: u8) -> Source {
        Source::of([192, 0, 2, number].into())
    }

    fn user(number: u128) -> Who {
        Some(Owner { pool: PoolId("us-east-1_Example12".into()), sub: Sub(Uuid::from_u128(number)) })
    }

    type Taking<'a> = Pin<Box<dyn Future<Output = Result<Place, Error>> + 'a>>;

    /// Comes for a place, and waits for it as long as the value lives.
    async fn comes(places: &Arc<Places>, from: u8, who: Who) -> Taking<'_> {
        let mut taking: Taking<'_> = Box::pin(places.take(source(from), who));
        assert!(answer(&mut taking).await.is_none());
        taking
    }

    /// The answer, if there is one by now.
    async fn answer(taking: &mut Taking<'_>) -> Option<Result<Place, Error>> {
        std::future::poll_fn(|context| {
            Poll::Ready(match taking.as_mut().poll(context) {
                Poll::Ready(answer) => Some(answer),
                Poll::Pending => None,
            })
        })
        .await
    }

    #[tokio::test]
    async fn places_are_given_at_once_while_there_are_any_even_without_a_queue() {
        let places = Places::new(2, 0, LONG);
        let first = places.take(source(1), None).await.unwrap();
        let _second = places.take(source(1), None).await.unwrap();
        assert!(matches!(places.take(source(1), None).await, Err(Error::TooManyRequests)));
        drop(first);
        places.take(source(1), None).await.unwrap();
    }

    #[tokio::test]
    async fn of_one_user_one_at_a_time_has_a_place_and_others_do_not_wait_for_that() {
        let places = Places::new(2, 9, LONG);
        let first = places.take(source(1), user(1)).await.unwrap();
        let mut second = comes(&places, 2, user(1)).await;
        let other = places.take(source(1), user(2)).await.unwrap();
        drop(other);
        assert!(answer(&mut second).await.is_none());
        drop(first);
        assert!(answer(&mut second).await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_source_that_filled_the_queue_gives_way_to_another() {
        let places = Places::new(1, 2, LONG);
        let held = places.take(source(1), None).await.unwrap();
        let (mut first, mut second) = (comes(&places, 1, None).await, comes(&places, 1, None).await);
        assert!(matches!(places.take(source(1), None).await, Err(Error::TooManyRequests)));
        let mut other = comes(&places, 2, None).await;
        assert!(matches!(answer(&mut second).await, Some(Err(Error::TooManyRequests))));
        drop(held);
        drop(answer(&mut first).await.unwrap().unwrap());
        assert!(answer(&mut other).await.unwrap().is_ok());
        assert_eq!(places.waiting(), 0);
    }

    #[tokio::test]
    async fn who_goes_away_leaves_no_gap_before_or_after_the_place_was_given() {
        let places = Places::new(1, 9, LONG);
        let held = places.take(source(1), None).await.unwrap();
        let (first, mut second) = (comes(&places, 1, user(1)).await, comes(&places, 1, user(1)).await);
        let third = comes(&places, 1, user(2)).await;
        drop(first);
        assert_eq!(places.waiting(), 2);
        drop(held);
        assert!(answer(&mut second).await.unwrap().is_ok());
        // That place is the third one's now, who never looks.
        assert_eq!(places.waiting(), 0);
        drop(third);
        places.take(source(1), user(1)).await.unwrap();
    }

    #[tokio::test]
    async fn who_has_waited_too_long_is_refused_and_does_not_wait_any_more() {
        let places = Places::new(1, 9, Duration::ZERO);
        let _held = places.take(source(1), None).await.unwrap();
        assert!(matches!(places.take(source(1), None).await, Err(Error::TooManyRequests)));
        assert_eq!(places.waiting(), 0);
    }
}
