//! How often something may happen: evenly at a rate, with a burst before it (the generic cell rate algorithm, as ITU-T I.371
//! has it).
//!
//! All that is kept of whoever is limited is one moment: when what they have used up of their burst is theirs again.

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::after;

const MINUTE: Duration = Duration::from_secs(60);

/// A rate with its burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// After how long one more is theirs.
    interval: Duration,
    /// How many may come at once.
    burst: u32,
}

impl Rate {
    /// So many a minute, and as many as the burst at once. None a minute stands for no limit.
    pub fn per_minute(requests: u32, burst: u32) -> Option<Self> {
        let interval = MINUTE.checked_div(requests)?;
        Some(Rate { interval, burst: burst.max(1) })
    }

    /// Counts one more, or says how long to wait for it. `whole_at` is when the whole burst is theirs; without it, it is now.
    pub fn admit(&self, whole_at: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, Duration> {
        let all = self.interval.saturating_mul(self.burst);
        // What is later than any burst lasts was set by a clock that ran ahead and has been put right.
        let used_until = whole_at.filter(|moment| (now..=after(now, all)).contains(moment)).unwrap_or(now);
        let whole_at = after(used_until, self.interval);
        match whole_at.duration_since(now).unsigned_abs().checked_sub(all) {
            None | Some(Duration::ZERO) => Ok(whole_at),
            Some(wait) => Err(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::from_milliseconds;

    fn moment(milliseconds: u64) -> Timestamp {
        after(from_milliseconds(1_000_000), Duration::from_millis(milliseconds))
    }

    #[test]
    fn a_burst_comes_at_once_and_then_one_at_a_time() {
        let rate = Rate::per_minute(60, 3).unwrap();
        let mut whole_at = None;
        for _ in 0..3 {
            whole_at = Some(rate.admit(whole_at, moment(0)).unwrap());
        }
        assert_eq!(rate.admit(whole_at, moment(0)), Err(Duration::from_secs(1)));
        assert_eq!(rate.admit(whole_at, moment(999)), Err(Duration::from_millis(1)));
        whole_at = Some(rate.admit(whole_at, moment(1000)).unwrap());
        assert_eq!(rate.admit(whole_at, moment(1000)), Err(Duration::from_secs(1)));
        // After the burst's time, all of it is there again, and not more.
        for _ in 0..3 {
            whole_at = Some(rate.admit(whole_at, moment(60_000)).unwrap());
        }
        assert!(rate.admit(whole_at, moment(60_000)).is_err());
    }

    #[test]
    fn none_a_minute_is_no_limit_and_no_burst_is_one() {
        assert_eq!(Rate::per_minute(0, 5), None);
        let rate = Rate::per_minute(60, 0).unwrap();
        let whole_at = rate.admit(None, moment(0)).unwrap();
        assert_eq!(rate.admit(Some(whole_at), moment(999)), Err(Duration::from_millis(1)));
        assert!(rate.admit(Some(whole_at), moment(1000)).is_ok());
    }

    #[test]
    fn a_clock_that_ran_ahead_and_was_put_right_makes_nobody_wait_for_it() {
        let rate = Rate::per_minute(60, 2).unwrap();
        let ahead = rate.admit(None, moment(365 * 24 * 60 * 60 * 1000)).unwrap();
        assert_eq!(rate.admit(Some(ahead), moment(0)), rate.admit(None, moment(0)));
    }

    proptest! {
        /// In any stretch of time there pass no more than the burst and what the rate gives for its length.
        #[test]
        fn never_more_than_the_rate_gives(
            requests in 1..10_000_u32,
            burst in 1..50_u32,
            pauses in proptest::collection::vec(0..500_u64, 1..300),
        ) {
            let rate = Rate::per_minute(requests, burst).unwrap();
            let (mut now, mut whole_at, mut passed) = (0, None, Vec::new());
            for pause in pauses {
                now += pause;
                if let Ok(next) = rate.admit(whole_at, moment(now)) {
                    whole_at = Some(next);
                    passed.push(now);
                }
            }
            for (first, start) in passed.iter().enumerate() {
                for (last, end) in passed.iter().enumerate().skip(first) {
                    // An interval may be cut by less than a nanosecond.
                    let given = (end - start) as f64 * f64::from(requests) / 60_000.0 + 0.001;
                    prop_assert!((last - first + 1) as f64 <= f64::from(burst) + given);
                }
            }
        }
    }
}
