//! Mailed codes: six digits, of which the store holds only a keyed hash bound to user and purpose.

use super::keys::keyed_hash;
use super::secret::{Secret, same};
use crate::domain::ids::{PoolId, Sub};

/// Hashes and compares codes.
pub struct CodeHasher(Secret<[u8; 32]>);

impl CodeHasher {
    pub fn new(key: Secret<[u8; 32]>) -> Self {
        CodeHasher(key)
    }

    /// The hash to keep. Without the key, a million guesses would tell the code.
    pub fn hash(&self, pool: &PoolId, sub: Sub, purpose: u8, code: &str) -> [u8; 32] {
        keyed_hash(self.0.expose(), &[pool.0.as_bytes(), sub.0.as_bytes(), &[purpose], code.as_bytes()])
    }

    /// Whether `code` is the one whose hash was kept, in constant time.
    pub fn matches(&self, kept: &[u8], pool: &PoolId, sub: Sub, purpose: u8, code: &str) -> bool {
        same(kept, &self.hash(pool, sub, purpose, code))
    }
}
