//! What operators' writes leave beside their effect: their signature, and their line of the audit trail.

use uuid::Uuid;

use super::Record;
use super::key::{self, key};
use super::records::{AuditEntry, UsedSignature};

key! {
    /// The bytes of a signature.
    SignatureKey = 0x60 { signature: Vec<u8> } -> UsedSignature
}

key! {
    /// A record of the audit trail, in the order of the requests' arrival.
    AuditKey = 0x61 { at: i64, event: Uuid } -> AuditEntry
}

impl Record for UsedSignature {
    fn deadline(&self) -> Option<i64> {
        Some(self.stale_at)
    }
}

impl Record for AuditEntry {}

impl AuditKey {
    /// The prefix of all records that wait.
    pub const PREFIX: &'static [u8] = &[0x61];
}
