//! How often those who bring no credential may call: from one address, for one client, for one pool.
//!
//! Each process counts for itself, in memory. Addresses are counted before anything of a request is read
//! ([`crate::wire`]), clients and pools as soon as it is known which they are. What comes from this very machine is not counted
//! unless the settings ask for it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::Cx;
use crate::config::Config;
use crate::domain::ids::{ClientId, PoolId};
use crate::domain::rate::Rate;
use crate::domain::source::Source;
use crate::error::Error;

/// Those of one kind that are counted each for itself. Those above it share one count, so that an attacker with many addresses
/// fills no memory and wins nothing.
const COUNTED_MAX: usize = 64 * 1024;

/// How often it is looked, at most, who of them has their whole burst again and need not be remembered.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The limits, and what of them is used up.
pub struct RateLimits {
    counts_loopback: bool,
    addresses: Limited<Source>,
    clients: Limited<ClientId>,
    pools: Limited<PoolId>,
}

impl RateLimits {
    pub fn new(config: &Config) -> Self {
        let rate = Rate::per_minute;
        RateLimits {
            counts_loopback: config.limit_loopback,
            addresses: Limited::new(rate(config.address_requests_per_minute, config.address_requests_burst)),
            clients: Limited::new(rate(config.client_requests_per_minute, config.client_requests_burst)),
            pools: Limited::new(rate(config.pool_requests_per_minute, config.pool_requests_burst)),
        }
    }

    /// Counts a request from there, or refuses it.
    pub fn admit_from(&self, source: Source, now: Timestamp) -> Result<(), Error> {
        if self.counts(source) { self.addresses.admit(&source, now) } else { Ok(()) }
    }

    fn counts(&self, source: Source) -> bool {
        source != Source::Process && (self.counts_loopback || !source.is_loopback())
    }
}

impl Cx<'_> {
    /// Counts a request for this client and for its pool, or refuses it. Of a client that does not exist there is nothing to
    /// count: the operation will say so, and the address has been counted.
    pub async fn admit_for_client(&self, client: Option<&str>) -> Result<(), Error> {
        let limits = &self.rate_limits;
        let is_limited = limits.clients.rate.is_some() || limits.pools.rate.is_some();
        let Some(client) = client.filter(|_| is_limited && limits.counts(self.source)) else { return Ok(()) };
        let client = match self.client(client).await {
            Err(Error::UserPoolClientDoesNotExist(_)) => return Ok(()),
            client => client?,
        };
        limits.clients.admit(&client.id, self.now())?;
        limits.pools.admit(&client.pool.id, self.now())
    }
}

/// Those of one kind, and the rate that holds for each.
struct Limited<K> {
    rate: Option<Rate>,
    counts: Mutex<Counts<K>>,
}

struct Counts<K> {
    /// When each has the whole burst again.
    whole_at: HashMap<K, Timestamp>,
    /// The same of all who came when there was no room for more.
    others_whole_at: Option<Timestamp>,
    swept_at: Option<Timestamp>,
}

impl<K: Clone + Eq + Hash> Limited<K> {
    fn new(rate: Option<Rate>) -> Self {
        let counts = Counts { whole_at: HashMap::new(), others_whole_at: None, swept_at: None };
        Limited { rate, counts: Mutex::new(counts) }
    }

    fn admit(&self, who: &K, now: Timestamp) -> Result<(), Error> {
        let Some(rate) = self.rate else { return Ok(()) };
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = &mut *counts;
        if let Some(whole_at) = counts.whole_at.get_mut(who) {
            *whole_at = rate.admit(Some(*whole_at), now).map_err(Error::RateExceeded)?;
            return Ok(());
        }
        counts.make_room(now);
        let has_room = counts.whole_at.len() < COUNTED_MAX;
        let before = counts.others_whole_at.filter(|_| !has_room);
        let whole_at = rate.admit(before, now).map_err(Error::RateExceeded)?;
        match has_room {
            true => drop(counts.whole_at.insert(who.clone(), whole_at)),
            false => counts.others_whole_at = Some(whole_at),
        }
        Ok(())
    }
}

impl<K: Eq + Hash> Counts<K> {
    /// Forgets those who have used nothing up, if that is needed and was not done just now.
    fn make_room(&mut self, now: Timestamp) {
        let is_due = self.swept_at.is_none_or(|swept_at| now.duration_since(swept_at).unsigned_abs() >= SWEEP_INTERVAL);
        if self.whole_at.len() >= COUNTED_MAX && is_due {
            self.whole_at.retain(|_, whole_at| *whole_at > now);
            self.swept_at = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{after, from_milliseconds};

    fn limited() -> (Limited<u32>, Timestamp) {
        (Limited::new(Rate::per_minute(60, 2)), from_milliseconds(1_000_000))
    }

    fn passed(limited: &Limited<u32>, who: impl IntoIterator<Item = u32>, now: Timestamp) -> usize {
        who.into_iter().filter(|who| limited.admit(who, now).is_ok()).count()
    }

    #[test]
    fn each_is_counted_for_itself() {
        let (limited, now) = limited();
        assert_eq!(passed(&limited, [1; 5], now), 2);
        assert_eq!(passed(&limited, [2; 5], now), 2);
        let later = after(now, Duration::from_secs(1));
        assert_eq!(passed(&limited, [1; 5], later), 1);
        assert!(matches!(limited.admit(&1, later), Err(Error::RateExceeded(wait)) if wait == Duration::from_secs(1)));
    }

    #[test]
    fn without_a_rate_nobody_is_counted() {
        let (limited, now) = (Limited::new(None), limited().1);
        assert_eq!(passed(&limited, [1; 1000], now), 1000);
        assert!(limited.counts.lock().unwrap().whole_at.is_empty());
    }

    #[test]
    fn those_for_whom_there_is_no_room_share_one_count_and_those_who_have_rested_make_room() {
        let (limited, now) = limited();
        let all = u32::try_from(COUNTED_MAX).unwrap();
        assert_eq!(passed(&limited, 0..all, now), COUNTED_MAX);
        assert_eq!(passed(&limited, all..all + 100, now), 2);
        assert_eq!(limited.counts.lock().unwrap().whole_at.len(), COUNTED_MAX);
        // Whoever is counted already is not affected.
        assert_eq!(passed(&limited, [0; 5], now), 1);
        let later = after(now, Duration::from_secs(1));
        assert_eq!(passed(&limited, all..all + 100, later), 100);
        // Of those before, all but the one who came twice have been forgotten.
        assert_eq!(limited.counts.lock().unwrap().whole_at.len(), 101);
    }
}
