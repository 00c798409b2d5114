//! A new store that takes entries as they were in another one, with their versions.

use std::path::Path;

use super::barrier::Barrier;
use super::{EPOCH_KEY, SEQUENCE_KEY, SledStore, engine};
use crate::store::{Entry, Epoch, Failure, envelope};

/// A store that is being filled. Until it is finished it is worth nothing.
pub struct SledLoader {
    store: SledStore,
}

impl SledLoader {
    /// Begins a store in a directory where there is none.
    pub fn begin(directory: &Path, cache_bytes: u64) -> Result<Self, Failure> {
        if directory.exists() {
            return Err(Failure::Open(format!("{}: there is a store already", directory.display())));
        }
        Ok(SledLoader { store: SledStore::open(directory, cache_bytes)? })
    }

    pub fn load(&mut self, entries: &[Entry]) -> Result<(), Failure> {
        let mut batch = ::sled::Batch::default();
        for (key, value) in entries {
            batch.insert(key.as_slice(), envelope::wrap(key, value.version, value.deadline, &value.bytes));
        }
        self.store.tree.apply_batch(batch).map_err(engine)
    }

    /// Says where the store stands, makes all of it durable, and closes it for good.
    pub fn finish(self, sequence: u64, epoch: Epoch) -> Result<(), Failure> {
        let SledLoader { store } = self;
        let mut batch = ::sled::Batch::default();
        batch.insert(SEQUENCE_KEY, envelope::wrap(SEQUENCE_KEY, sequence, None, &[]));
        batch.insert(EPOCH_KEY, envelope::wrap(EPOCH_KEY, epoch.number, Some(epoch.began_at), &[]));
        store.tree.apply_batch(batch).map_err(engine)?;
        store.tree.flush().map_err(engine)?;
        // Beginning one syncs all that was written before it.
        Barrier::open(&store.directory).map_err(|cause| Failure::Engine(cause.to_string()))?;
        store.close()
    }
}
