//! What time it is. No other file may ask the machine, so "expires after five minutes" is a test that takes a millisecond.

use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;

/// The source of time that a process was given.
#[derive(Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands still until it is told to move: for tests.
    Manual(Mutex<Timestamp>),
}

impl Clock {
    /// A clock that stands at `start`.
    pub fn manual(start: Timestamp) -> Self {
        Clock::Manual(Mutex::new(start))
    }

    /// The present moment, in whole milliseconds: all that records and tokens keep.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
    pub fn now(&self) -> Timestamp {
        let now = match self {
            Clock::System => Timestamp::now(),
            Clock::Manual(time) => *time.lock().unwrap_or_else(|poisoned| poisoned.into_inner()),
        };
        from_milliseconds(now.as_millisecond())
    }

    /// Moves a manual clock forward; the machine's clock cannot be moved.
    pub fn advance(&self, step: Duration) {
        if let Clock::Manual(time) = self {
            let mut time = time.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            *time = time.saturating_add(step).unwrap_or(Timestamp::MAX);
        }
    }
}

/// The moment that many milliseconds after 1970; far out of range becomes the end of time.
pub fn from_milliseconds(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}

/// `start + step`, at most the end of time.
pub fn after(start: Timestamp, step: Duration) -> Timestamp {
    start.saturating_add(step).unwrap_or(Timestamp::MAX)
}
