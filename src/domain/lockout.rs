//! How failed attempts to prove oneself lock a user out: the fifth in a row for one second, each further one for twice as long,
//! as in Cognito; and the hundredth within a day until that day is over.
//!
//! One count covers every proof of a user: password, SRP, codes, software tokens. An attempt is counted before the proof is
//! looked at and forgiven when it was right, so parallel guesses cannot outrun the count. While locked, every attempt is
//! refused and none is counted.
//!
//! A pause forgets the failures that make locks longer, but not those of the day: who guesses patiently has a hundred guesses.
//! What was no failure, and no end of a sign-in either, is [taken back](take_back) by itself: a right password must not forgive
//! the guesses at the code that follows it.

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::after;

/// Failures in a row that are only counted.
const FREE_FAILURES: u32 = 4;

/// A pause after which failures make locks no longer, and the longest such lock.
pub const REMEMBERED: Duration = Duration::from_secs(15 * 60);

/// From the first failure of a day to its end.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Failures in a row within a day; there is no further one.
const DAY_FAILURES_MAX: u32 = 100;

/// What is known of a user's failed attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// In a row without a long pause.
    pub failures: u32,
    pub last_at: Timestamp,
    pub locked_until: Timestamp,
    /// In a row within the day.
    pub day_failures: u32,
    pub day_began_at: Timestamp,
}

/// Attempts are refused for now.
#[derive(Debug, PartialEq, Eq)]
pub struct Locked;

/// Counts one more attempt as if it failed.
pub fn count(before: Option<Attempts>, now: Timestamp) -> Result<Attempts, Locked> {
    let day = before.filter(|attempts| attempts.day_failures > 0 && now < after(attempts.day_began_at, DAY));
    // A day that begins in the future was begun by a clock that ran ahead and has been put right: it begins now.
    if day.is_some_and(|attempts| attempts.day_failures >= DAY_FAILURES_MAX && attempts.day_began_at <= now) {
        return Err(Locked);
    }
    let remembered = before.filter(|attempts| now < after(attempts.last_at, REMEMBERED).max(attempts.locked_until));
    // A lock that ends later than any can was set by such a clock.
    let can_last_until = after(now, REMEMBERED);
    if remembered.is_some_and(|attempts| now < attempts.locked_until && attempts.locked_until <= can_last_until) {
        return Err(Locked);
    }
    let failures = remembered.map_or(0, |attempts| attempts.failures).saturating_add(1);
    Ok(Attempts {
        failures,
        last_at: now,
        locked_until: after(now, lock(failures)),
        day_failures: day.map_or(0, |attempts| attempts.day_failures).saturating_add(1),
        day_began_at: day.map_or(now, |attempts| attempts.day_began_at.min(now)),
    })
}

/// What is left of `present` without one attempt, which found `before` and made it `counted`; `None`: nothing is.
///
/// Others may have been counted since, and taken back: all failures stay. What has been forgiven since, or is so old that the
/// count may have begun anew, is not taken back.
pub fn take_back(present: Attempts, before: Option<Attempts>, counted: Attempts, now: Timestamp) -> Option<Attempts> {
    let is_of_this_count = present.day_began_at == counted.day_began_at && now < after(counted.last_at, REMEMBERED);
    if !is_of_this_count {
        return Some(present);
    }
    let left = Attempts {
        failures: present.failures.saturating_sub(1),
        day_failures: present.day_failures.saturating_sub(1),
        locked_until: match before {
            Some(before) if present.locked_until == counted.locked_until => before.locked_until,
            // A later failure has set another lock; and the first failure of all sets none.
            _ => present.locked_until,
        },
        // The pause that forgets begins with the last attempt, right or wrong.
        ..present
    };
    (left.failures > 0 || left.day_failures > 0).then_some(left)
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
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::clock::from_milliseconds;

    const MILLISECOND: Duration = Duration::from_millis(1);

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

    /// The failures in a row at `now`, without a lock.
    fn failed(failures: u32, now: Timestamp) -> Attempts {
        Attempts { failures, last_at: now, locked_until: now, day_failures: failures, day_began_at: now }
    }

    #[test]
    fn fifteen_minutes_without_a_failure_forget_the_earlier_ones_but_not_those_of_the_day() {
        let now = from_milliseconds(1_000_000);
        let counted = |later| count(Some(failed(4, now)), after(now, later)).unwrap();
        assert_eq!(counted(REMEMBERED - MILLISECOND).failures, 5);
        assert_eq!(counted(REMEMBERED).failures, 1);
        assert_eq!(counted(REMEMBERED).day_failures, 5);
        assert_eq!(counted(DAY - MILLISECOND).day_failures, 5);
        assert_eq!(counted(DAY).day_failures, 1);
    }

    #[test]
    fn the_hundredth_failure_of_a_day_is_the_last_until_a_day_after_the_first() {
        let start = from_milliseconds(1_000_000);
        let (mut now, mut attempts) = (start, None);
        for _ in 0..DAY_FAILURES_MAX {
            let counted = count(attempts, now).unwrap();
            attempts = Some(counted);
            // Patient: no lock is ever met.
            now = after(now, Duration::from_secs(10 * 60)).max(counted.locked_until);
        }
        let (end, stopped) = (after(start, DAY), attempts.unwrap());
        assert!(now < end);
        assert_eq!((stopped.day_failures, stopped.day_began_at), (100, start));
        for moment in [now, after(now, REMEMBERED), after(start, DAY - MILLISECOND)] {
            assert_eq!(count(attempts, moment), Err(Locked));
        }
        let next_day = count(attempts, end).unwrap();
        assert_eq!((next_day.failures, next_day.day_failures, next_day.day_began_at), (1, 1, end));
    }

    #[test]
    fn an_attempt_that_is_taken_back_opens_the_stop_that_it_closed() {
        let now = from_milliseconds(1_000_000);
        let before = Attempts { failures: 1, ..failed(99, now) };
        let counted = count(Some(before), now).unwrap();
        assert_eq!(count(Some(counted), now), Err(Locked));
        assert_eq!(take_back(counted, Some(before), counted, now), Some(before));
    }

    #[test]
    fn a_lock_set_by_a_clock_that_ran_ahead_holds_nobody_until_then() {
        let now = from_milliseconds(1_000_000);
        let ahead = after(now, Duration::from_secs(365 * 24 * 60 * 60));
        let locked = Attempts { locked_until: after(ahead, Duration::from_secs(2)), ..failed(6, ahead) };
        let counted = count(Some(locked), now).unwrap();
        let expected = Attempts { locked_until: after(now, Duration::from_secs(4)), ..failed(7, now) };
        assert_eq!(counted, expected);
        assert_eq!(count(Some(counted), now), Err(Locked));
    }

    #[test]
    fn a_stop_set_by_a_clock_that_ran_ahead_ends_within_a_day_of_its_being_put_right() {
        let now = from_milliseconds(1_000_000);
        let ahead = after(now, Duration::from_secs(365 * 24 * 60 * 60));
        let stopped = Attempts { failures: 1, ..failed(100, ahead) };
        assert_eq!(count(Some(stopped), ahead), Err(Locked));
        let counted = count(Some(stopped), now).unwrap();
        assert_eq!((counted.day_failures, counted.day_began_at), (101, now));
        assert_eq!(count(Some(counted), after(now, DAY - MILLISECOND)), Err(Locked));
        assert_eq!(count(Some(counted), after(now, DAY)).unwrap().day_failures, 1);
    }

    #[test]
    fn a_count_that_knows_no_days_yet_begins_one() {
        let now = from_milliseconds(100 * 24 * 60 * 60 * 1000);
        let before = Attempts { day_failures: 0, day_began_at: from_milliseconds(0), ..failed(3, now) };
        let counted = count(Some(before), now).unwrap();
        assert_eq!((counted.failures, counted.day_failures, counted.day_began_at), (4, 1, now));
        assert_eq!(take_back(counted, Some(before), counted, now).unwrap().failures, 3);
    }

    #[test]
    fn a_lock_is_lifted_with_the_attempt_that_set_it_and_with_no_other() {
        let now = from_milliseconds(1_000_000);
        let four = failed(4, now);
        let fifth = count(Some(four), now).unwrap();
        assert_eq!(take_back(fifth, Some(four), fifth, now), Some(four));
        let later = fifth.locked_until;
        let sixth = count(Some(fifth), later).unwrap();
        let left = take_back(sixth, Some(four), fifth, later).unwrap();
        assert_eq!(left, Attempts { failures: 5, day_failures: 5, ..sixth });
    }

    #[test]
    fn what_was_forgiven_or_is_long_past_is_not_taken_back() {
        let now = from_milliseconds(1_000_000);
        let counted = count(None, now).unwrap();
        let anew = count(None, after(now, MILLISECOND)).unwrap();
        assert_eq!(take_back(anew, None, counted, after(now, MILLISECOND)), Some(anew));
        assert_eq!(take_back(counted, None, counted, after(now, REMEMBERED - MILLISECOND)), None);
        assert_eq!(take_back(counted, None, counted, after(now, REMEMBERED)), Some(counted));
    }

    #[test]
    fn no_number_of_failures_overflows() {
        let now = from_milliseconds(1_000_000);
        let many = Attempts { day_failures: 0, ..failed(u32::MAX, now) };
        assert_eq!(count(Some(many), now).unwrap().locked_until, after(now, REMEMBERED));
    }

    /// What may happen to the attempts of one user.
    #[derive(Clone, Debug)]
    enum Step {
        Begin,
        /// Of all attempts so far, the one at this place turns out to be none.
        TakeBack(Index),
        Succeed,
        Wait(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            10 => Just(Step::Begin),
            5 => any::<Index>().prop_map(Step::TakeBack),
            1 => Just(Step::Succeed),
            5 => prop_oneof![0..2000_u64, 0..20 * 60 * 1000_u64].prop_map(Step::Wait),
        ];
        proptest::collection::vec(step, 0..200)
    }

    /// An attempt as a request holds it, and whether it counts.
    struct Begun {
        before: Option<Attempts>,
        counted: Attempts,
        is_taken_back: bool,
        counts: bool,
        counts_today: bool,
    }

    proptest! {
        /// Whatever is begun, taken back, forgiven and forgotten in between: what counts is exactly what was begun since and
        /// neither taken back in time nor forgiven.
        #[test]
        fn no_failure_is_lost_or_counted_twice(steps in steps()) {
            let mut now = from_milliseconds(1_000_000);
            let (mut present, mut all): (Option<Attempts>, Vec<Begun>) = (None, Vec::new());
            for step in steps {
                match step {
                    Step::Begin => {
                        let Ok(counted) = count(present, now) else { continue };
                        let goes_on = all.last().is_some_and(|last| now < after(last.counted.last_at, REMEMBERED));
                        let is_same_day = present.is_some_and(|present| now < after(present.day_began_at, DAY));
                        for begun in &mut all {
                            begun.counts &= goes_on;
                            begun.counts_today &= is_same_day;
                        }
                        let before = present.replace(counted);
                        all.push(Begun { before, counted, is_taken_back: false, counts: true, counts_today: true });
                    }
                    Step::TakeBack(index) if !all.is_empty() => {
                        let at = index.index(all.len());
                        let begun = &mut all[at];
                        if let Some(found) = present.filter(|_| !begun.is_taken_back) {
                            present = take_back(found, begun.before, begun.counted, now);
                            let is_in_time = now < after(begun.counted.last_at, REMEMBERED);
                            if begun.counts && begun.counts_today && is_in_time {
                                (begun.is_taken_back, begun.counts, begun.counts_today) = (true, false, false);
                            }
                        }
                    }
                    Step::TakeBack(_) => {}
                    Step::Succeed => {
                        present = None;
                        all.iter_mut().for_each(|begun| (begun.counts, begun.counts_today) = (false, false));
                        now = after(now, MILLISECOND);
                    }
                    Step::Wait(milliseconds) => now = after(now, Duration::from_millis(milliseconds)),
                }
                let counting = |counts: fn(&Begun) -> bool| all.iter().filter(|begun| counts(begun)).count();
                let found = present.map_or((0, 0), |present| (present.failures, present.day_failures));
                prop_assert_eq!(found.0 as usize, counting(|begun| begun.counts));
                prop_assert_eq!(found.1 as usize, counting(|begun| begun.counts_today));
            }
        }
    }
}
