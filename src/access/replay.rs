//! Signatures of writes count once.
//!
//! Within the five minutes for which a signature is fresh, whoever captured the request could send it again. So each
//! signature is remembered until it is stale: in memory from its first arrival, and in the store together with what the
//! write changed, so that a restart forgets none that had an effect. A store that came back from a backup has forgotten those
//! that were used after the backup, so there every signature made before it came back counts as used.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::sigv4::Verified;
use crate::error::Error;
use crate::store::{Batch, SignatureKey, Store, records};

/// The signatures that have arrived.
#[derive(Default)]
pub struct Signatures {
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    until: HashMap<[u8; 32], i64>,
    ending: BTreeMap<i64, Vec<[u8; 32]>>,
}

/// A signature that nobody else may use; it rides on the commit of its request.
#[derive(Clone, Debug)]
pub struct UsedSignature {
    key: SignatureKey,
    stale_at: i64,
}

impl Signatures {
    /// Takes the signature for this request alone.
    pub async fn take(&self, store: &dyn Store, verified: &Verified, now: Timestamp) -> Result<UsedSignature, Error> {
        let stale_at = verified.stale_at.as_millisecond();
        let key = SignatureKey { signature: verified.signature.to_vec() };
        if verified.signed_at.as_millisecond() <= store.epoch().began_at {
            return Err(Error::SignatureUsed);
        }
        if !self.is_first(verified.signature, stale_at, now.as_millisecond()) || store.read(&key).await?.is_some() {
            return Err(Error::SignatureUsed);
        }
        Ok(UsedSignature { key, stale_at })
    }

    fn is_first(&self, signature: [u8; 32], stale_at: i64, now: i64) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(first) = seen.ending.first_entry().filter(|first| *first.key() < now) {
            for stale in first.remove() {
                seen.until.remove(&stale);
            }
        }
        if seen.until.insert(signature, stale_at).is_some() {
            return false;
        }
        seen.ending.entry(stale_at).or_default().push(signature);
        true
    }
}

impl UsedSignature {
    /// Lets the signature last exactly if the change does.
    pub fn ride(&self, batch: &mut Batch) {
        batch.expect_absent(&self.key);
        batch.put(&self.key, &records::UsedSignature { stale_at: self.stale_at });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_remembered_as_long_as_it_is_fresh() {
        let signatures = Signatures::default();
        assert!(signatures.is_first([1; 32], 1_000, 0));
        assert!(signatures.is_first([2; 32], 2_000, 0));
        assert!(!signatures.is_first([1; 32], 1_000, 1_000));
        assert!(!signatures.is_first([2; 32], 2_000, 1_500));
        assert_eq!(signatures.seen.lock().unwrap().until.len(), 1, "stale ones are forgotten");
    }
}
