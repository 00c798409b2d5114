//! How failed password attempts lock a user out: the fifth in a row for one second, each further one for twice as long.
//!
//! An attempt is counted before the password is looked at and forgiven when it was right, so parallel guesses cannot
//! outrun the count. While locked, every attempt is refused and none is counted.

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::after;

/// Wrong passwords in a row that are only counted.
const FREE_FAILURES: u32 = 4;

/// A pause after which failures are forgotten, and the longest lock.
pub const REMEMBERED: Duration = Duration::from_secs(15 * 60);

/// What is known of a user's failed attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    pub failures: u32,
    pub last_at: Timestamp,
    pub locked_until: Timestamp,
}

/// Attempts are refused for now.
#[derive(Debug, PartialEq, Eq)]
pub struct Locked;

/// Counts one more attempt as if it failed.
pub fn count(before: Option<Attempts>, now: Timestamp) -> Result<Attempts, Locked> {
    let remembered = before.filter(|attempts| now < after(attempts.last_at, REMEMBERED).max(attempts.locked_until));
    // A lock that ends later than any can was set by a clock that ran ahead and has been put right.
    let can_last_until = after(now, REMEMBERED);
    if remembered.is_some_and(|attempts| now < attempts.locked_until && attempts.locked_until <= can_last_until) {
        return Err(Locked);
    }
    let failures = remembered.map_or(0, |attempts| attempts.failures).saturating_add(1);
    Ok(Attempts { failures, last_at: now, locked_until: after(now, lock(failures)) })
}

/// How long the lock after that many failures holds.
fn lock(failures: u32) -> Duration {
    match failures.checked_sub(FREE_FAILURES + 1) {
        None => Duration::ZERO,
        Some(doublings) => Duration::from_secs(1_u64.checked_shl(doublings).unwrap_or(u64::MAX)).min(REMEMBERED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_milliseconds;

    #[test]
    fn the_fifth_failure_locks_for_a_second_and_each_further_one_for_twice_as_long_up_to_the_forgetting() {
        let mut now = from_milliseconds(1_000_000);
        let mut attempts = None;
        for expected in [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 0] {
            let counted = count(attempts, now).unwrap();
            assert_eq!(counted.locked_until, after(now, Duration::from_secs(expected)));
            if expected > 0 {
                assert_eq!(count(Some(counted), now), Err(Locked));
                assert_eq!(count(Some(counted), after(now, Duration::from_millis(expected * 1000 - 1))), Err(Locked));
            }
            now = counted.locked_until;
            attempts = Some(counted);
        }
    }

    #[test]
    fn fifteen_minutes_without_a_failure_forget_the_earlier_ones() {
        let now = from_milliseconds(1_000_000);
        let four = Attempts { failures: 4, last_at: now, locked_until: now };
        assert_eq!(count(Some(four), after(now, REMEMBERED - Duration::from_millis(1))).unwrap().failures, 5);
        assert_eq!(count(Some(four), after(now, REMEMBERED)).unwrap().failures, 1);
    }

    #[test]
    fn a_lock_set_by_a_clock_that_ran_ahead_holds_nobody_until_then() {
        let now = from_milliseconds(1_000_000);
        let ahead = after(now, Duration::from_secs(365 * 24 * 60 * 60));
        let locked = Attempts { failures: 6, last_at: ahead, locked_until: after(ahead, Duration::from_secs(2)) };
        let counted = count(Some(locked), now).unwrap();
        let expected = Attempts { failures: 7, last_at: now, locked_until: after(now, Duration::from_secs(4)) };
        assert_eq!(counted, expected);
        assert_eq!(count(Some(counted), now), Err(Locked));
    }

    #[test]
    fn no_number_of_failures_overflows() {
        let now = from_milliseconds(1_000_000);
        let many = Attempts { failures: u32::MAX, last_at: now, locked_until: now };
        assert_eq!(count(Some(many), now).unwrap().locked_until, after(now, REMEMBERED));
    }
}
