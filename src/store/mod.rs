//! The store: an ordered map from typed keys to records, changed only by optimistic batches.
//!
//! It is the least that sled, a PostgreSQL-protocol engine or any transactional key-value store can all give: read a key,
//! scan a range, commit a batch. A batch is atomic, holds what must still be true ([`Batch::expect`]), and its commit
//! returns only when it is durable. An operation fills one batch, so it has no other effect.
//!
//! Everything can be read as it was at one moment while writes go on ([`Store::snapshot`]): that is what backups are made of.
//!
//! What it refuses to do: answer before the disk has it, retry a failed sync, return a record whose checksum is wrong.

mod access;
mod batch;
mod clients;
mod envelope;
mod expiry;
mod groups;
mod kept;
mod key;
mod kinds;
mod outbox;
mod pools;
mod sled;
mod space;
mod srp_verifiers;
mod users;
mod watch;
mod witness;

use std::ops::Bound;

use async_trait::async_trait;

pub use access::{AuditKey, SignatureKey};
pub use batch::{Batch, RECORD_BYTES_MAX};
pub use clients::{ClientKey, ClientOfPoolKey};
pub use expiry::{ExpiryKey, sweep_expired};
pub use groups::{GroupKey, GroupRemovalKey, MemberKey, MembershipKey, remove_membership, sweep_removed_group};
pub use kept::Kept;
pub use key::{Key, Owner};
pub use kinds::{Kind, Known, Unreadable, described};
pub use outbox::{DeadLetterKey, OutboxKey, RetryKey};
pub use pools::{PoolKey, PoolRemovalKey, SigningKeysKey, sweep_removed_pool};
pub use sled::{SledLoader, SledStore};
pub use srp_verifiers::{SrpVerifierRemovalKey, sweep_srp_verifiers};
pub use users::{
    AliasKey, AttemptsKey, CodeKey, CodePurpose, DeviceKey, FamilyKey, HOUR_MILLISECONDS, PasskeyKey, PasskeyOwnerKey,
    PasskeyRegistrationKey, SessionKey, SoftwareTokenKey, SrpVerifierKey, ThrottleKey, ThrottlePurpose, UserKey,
    UserRemovalKey, UsernameKey, WRONG_CODES_REMEMBERED_MILLISECONDS, WrongCodesKey, count_users, sweep_removed_user,
};

use crate::error::Error;

/// The records on disk, generated from `proto/storage`.
pub mod records {
    #![allow(clippy::all, clippy::pedantic, missing_docs)]
    tonic::include_proto!("cognate.storage.v1");
}

/// What an engine must give.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The value of a key, if there is one.
    async fn get(&self, key: &[u8]) -> Result<Option<Value>, Failure>;

    /// The values of many keys, in their order.
    async fn get_each(&self, keys: Vec<Vec<u8>>) -> Result<Vec<Option<Value>>, Failure>;

    /// The first `limit` entries of a range, in the order of their keys.
    async fn scan(&self, range: KeyRange, limit: usize) -> Result<Vec<(Vec<u8>, Value)>, Failure>;

    /// The same, each entry judged by itself: one that is damaged does not hide those after it.
    async fn examine(&self, range: KeyRange, limit: usize) -> Result<Vec<Examined>, Failure>;

    /// Applies a batch whole, if all its expectations hold. `Ok` means durable.
    async fn commit(&self, batch: Batch) -> Result<(), Failure>;

    /// Everything as it is at this moment. One snapshot can be open at a time.
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, Failure>;

    /// Which of its lives the store is in.
    fn epoch(&self) -> Epoch;

    /// The version up to which everything survives a power cut. What is read with a later one is being made durable, and may
    /// yet be lost: nobody outside may learn of it.
    fn durable_version(&self) -> u64;
}

/// A moment of the store, read from its first key to its last while writes go on. Dropping it ends it.
#[async_trait]
pub trait Snapshot: Send {
    /// The version of the newest commit that is in it.
    fn version(&self) -> u64;

    /// The next entries, in the order of their keys, without what the store counts for itself. None: that was all.
    async fn next(&mut self) -> Result<Vec<Entry>, Failure>;
}

/// The life of a store: it begins anew when the store comes back from a backup. What can be used up or taken back (codes,
/// sessions, token families) is good only in the life that it was made in, for what happened to it after the backup is
/// not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Epoch {
    /// How many backups it has come back from; 0 for a store that never did.
    pub number: u64,
    /// When it came back, in milliseconds since 1970.
    pub began_at: i64,
}

/// An encoded key and what it holds.
pub type Entry = (Vec<u8>, Value);

/// An encoded key, and what it holds or why that cannot be read.
pub type Examined = (Vec<u8>, Result<Value, Failure>);

/// A range of encoded keys.
pub type KeyRange = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// What a key holds: the record's bytes and the version that a batch can expect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// Grows with every commit of the store; never given twice.
    pub version: u64,
    /// When the record ends, in milliseconds since 1970.
    pub deadline: Option<i64>,
    pub bytes: Vec<u8>,
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Something that the batch expected is no longer so; nothing was changed.
    #[error("a record changed since it was read")]
    Conflict,
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// The disk is nearly full; nothing was changed.
    #[error("the disk is nearly full")]
    Full,
    /// A record of the batch is above [`RECORD_BYTES_MAX`]; nothing was changed.
    #[error("a record is larger than the store takes")]
    TooLarge,
    #[error("the store could not be opened: {0}")]
    Open(String),
    /// Another snapshot is open.
    #[error("a snapshot is being read already")]
    Busy,
    /// More was changed during a snapshot than may be kept in memory for it.
    #[error("more was changed meanwhile than can be kept in memory for a snapshot; try again when there is less to do")]
    Outpaced,
    #[error("the store is stopping")]
    Stopped,
    #[error("the store failed: {0}")]
    Engine(String),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Conflict => Error::Conflict,
            Failure::Full => Error::StorageFull,
            Failure::TooLarge => Error::invalid_parameter("The request holds more than can be stored."),
            other => Error::internal(other),
        }
    }
}

/// A record whose life ends by itself says when. A reader judges by it; the sweeper removes what is past it.
pub trait Record: prost::Message + Default {
    fn deadline(&self) -> Option<i64> {
        None
    }
}

/// A record as it was read.
#[derive(Clone, Debug)]
pub struct Stored<R> {
    pub record: R,
    version: u64,
}

impl<R> Stored<R> {
    /// Another record in this one's place, as it will be once a batch has put it there.
    pub fn with(&self, record: R) -> Self {
        Stored { record, version: self.version }
    }

    /// Whether the record survives a power cut.
    pub fn is_durable(&self, store: &dyn Store) -> bool {
        self.version <= store.durable_version()
    }
}

impl<R> std::ops::Deref for Stored<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.record
    }
}

/// Records that a sweeper removes in one batch.
const REMOVED_PER_BATCH: usize = 256;

impl dyn Store {
    /// Reads the record of a key.
    pub async fn read<K: Key>(&self, key: &K) -> Result<Option<Stored<K::Record>>, Failure> {
        let Some(value) = self.get(&key.encoded()).await? else { return Ok(None) };
        decode::<K>(value).map(Some)
    }

    /// Reads the records of many keys, in their order.
    pub async fn read_each<K: Key>(&self, keys: &[K]) -> Result<Vec<Option<Stored<K::Record>>>, Failure> {
        let values = self.get_each(keys.iter().map(Key::encoded).collect()).await?;
        values.into_iter().map(|value| value.map(decode::<K>).transpose()).collect()
    }

    /// The entries of one kind whose encoded keys begin with `prefix`, from `after` on, at most `limit`.
    pub async fn list<K: Key>(
        &self,
        prefix: &[u8],
        after: Option<&K>,
        limit: usize,
    ) -> Result<Vec<(K, Stored<K::Record>)>, Failure> {
        let start = after.map_or_else(|| Bound::Included(prefix.to_vec()), |key| Bound::Excluded(key.encoded()));
        let entries = self.scan((start, key::end_of(prefix)), limit).await?;
        entries.into_iter().map(|(bytes, value)| Ok((key::decoded(&bytes)?, decode::<K>(value)?))).collect()
    }

    /// Removes one batch of the records whose encoded keys begin with `prefix`: for the sweepers. Gives whether there was any.
    async fn remove_some(&self, prefix: &[u8]) -> Result<bool, Failure> {
        let range = (Bound::Included(prefix.to_vec()), key::end_of(prefix));
        let entries = self.scan(range, REMOVED_PER_BATCH).await?;
        if entries.is_empty() {
            return Ok(false);
        }
        let mut batch = Batch::default();
        entries.into_iter().for_each(|(key, _)| batch.delete_encoded(key));
        self.commit(batch).await?;
        Ok(true)
    }
}

fn decode<K: Key>(value: Value) -> Result<Stored<K::Record>, Failure> {
    use prost::Message as _;
    let record = K::Record::decode(value.bytes.as_slice())
        .map_err(|error| Failure::Damaged(format!("a record of {}: {error}", std::any::type_name::<K>())))?;
    Ok(Stored { record, version: value.version })
}
