//! One moment of the tree, read page by page while the committer goes on.
//!
//! sled itself has none. But there is one writer, and every value carries the version at which it was written. While a
//! snapshot is open, the committer keeps what each key held before it changes it for the first time, if the reader has not
//! passed the key yet. The reader then takes of the tree what is not newer than its moment, and of what was kept the rest.
//!
//! The two meet at one lock: the committer holds it while it keeps and applies, the reader while it takes over what was
//! kept for a page that it has read. Nobody holds it over the barrier.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ::sled::{Db, IVec};

use super::{engine, envelope};
use crate::store::{Entry, Failure, Snapshot};

/// Entries read at one time.
const PAGE: usize = 512;

/// What may be kept in memory for a snapshot that is outpaced by writers.
const KEPT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a kept value costs beside its bytes: its place in the map.
const KEPT_BYTES_EACH: usize = 128;

/// The first key that is no counter of the store itself.
const FIRST_KEY: &[u8] = &[0x02];

/// Where the committer and the reader of a snapshot meet.
pub struct Snapshots {
    state: Mutex<State>,
    kept_bytes_max: usize,
}

struct State {
    /// The version of the newest batch in the tree.
    applied: u64,
    open: Option<Open>,
}

/// A snapshot that is being read.
struct Open {
    version: u64,
    /// The first key that has not been read, unless all have.
    unread: Option<Vec<u8>>,
    /// What keys held at the moment of the snapshot that hold something else now.
    kept: BTreeMap<Vec<u8>, Option<IVec>>,
    kept_bytes: usize,
    outpaced: bool,
}

impl Snapshots {
    pub fn new(applied: u64) -> Self {
        Snapshots { state: Mutex::new(State { applied, open: None }), kept_bytes_max: KEPT_BYTES_MAX }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the committer: applies changes to these keys, up to `sequence`, once an open snapshot has what it needs of them.
    pub fn keep_before<'a>(
        &self,
        apply: impl FnOnce() -> Result<(), Failure>,
        tree: &Db,
        keys: impl Iterator<Item = &'a Vec<u8>>,
        sequence: u64,
    ) -> Result<(), Failure> {
        let mut state = self.state();
        if let Some(open) = &mut state.open {
            for key in keys {
                open.keep(tree, key, self.kept_bytes_max)?;
            }
        }
        apply()?;
        state.applied = sequence;
        Ok(())
    }
}

impl Open {
    fn keep(&mut self, tree: &Db, key: &[u8], kept_bytes_max: usize) -> Result<(), Failure> {
        let is_unread = self.unread.as_deref().is_some_and(|unread| key >= unread);
        if self.outpaced || !is_unread || self.kept.contains_key(key) {
            return Ok(());
        }
        let value = tree.get(key).map_err(engine)?;
        self.kept_bytes += KEPT_BYTES_EACH + key.len() + value.as_ref().map_or(0, |value| value.len());
        self.kept.insert(key.to_vec(), value);
        if self.kept_bytes > kept_bytes_max {
            (self.kept, self.kept_bytes, self.outpaced) = (BTreeMap::new(), 0, true);
        }
        Ok(())
    }

    /// Passes all keys below `unread`, or all there are, and gives what was kept of them.
    fn pass(&mut self, unread: Option<Vec<u8>>) -> BTreeMap<Vec<u8>, Option<IVec>> {
        let rest = unread.as_ref().map_or_else(BTreeMap::new, |unread| self.kept.split_off(unread));
        let passed = std::mem::replace(&mut self.kept, rest);
        for (key, value) in &passed {
            self.kept_bytes -= KEPT_BYTES_EACH + key.len() + value.as_ref().map_or(0, |value| value.len());
        }
        self.unread = unread;
        passed
    }
}

/// The reader of a snapshot.
pub struct SledSnapshot {
    tree: Db,
    snapshots: Arc<Snapshots>,
    version: u64,
    is_at_end: bool,
}

impl SledSnapshot {
    pub fn open(tree: Db, snapshots: Arc<Snapshots>) -> Result<Self, Failure> {
        let version = {
            let mut state = snapshots.state();
            if state.open.is_some() {
                return Err(Failure::Busy);
            }
            let version = state.applied;
            let (unread, kept) = (Some(FIRST_KEY.to_vec()), BTreeMap::new());
            state.open = Some(Open { version, unread, kept, kept_bytes: 0, outpaced: false });
            version
        };
        Ok(SledSnapshot { tree, snapshots, version, is_at_end: false })
    }
}

/// Nothing is kept for it any more.
impl Drop for SledSnapshot {
    fn drop(&mut self) {
        self.snapshots.state().open = None;
    }
}

#[async_trait]
impl Snapshot for SledSnapshot {
    fn version(&self) -> u64 {
        self.version
    }

    async fn next(&mut self) -> Result<Vec<Entry>, Failure> {
        while !self.is_at_end {
            let (tree, snapshots) = (self.tree.clone(), self.snapshots.clone());
            // The disk is read there, so not on a thread that serves requests.
            let read = tokio::task::spawn_blocking(move || page(&tree, &snapshots)).await;
            let page = read.map_err(|_| Failure::Damaged("the engine panicked while it was read".to_owned()))??;
            self.is_at_end = page.is_last;
            if !page.entries.is_empty() {
                return Ok(page.entries);
            }
        }
        Ok(Vec::new())
    }
}

struct Page {
    entries: Vec<Entry>,
    is_last: bool,
}

/// Reads the next page of the open snapshot.
fn page(tree: &Db, snapshots: &Snapshots) -> Result<Page, Failure> {
    let unread = snapshots.state().open.as_ref().and_then(|open| open.unread.clone()).ok_or(Failure::Stopped)?;
    let read: Vec<(IVec, IVec)> = tree.range(unread..).take(PAGE).collect::<Result<_, _>>().map_err(engine)?;
    let is_last = read.len() < PAGE;
    let behind = read.last().filter(|_| !is_last).map(|(key, _)| [key.as_ref(), &[0]].concat());
    let (version, mut kept) = {
        let mut state = snapshots.state();
        let open = state.open.as_mut().ok_or(Failure::Stopped)?;
        if open.outpaced {
            return Err(Failure::Outpaced);
        }
        (open.version, open.pass(behind))
    };
    let mut entries = BTreeMap::new();
    for (key, bytes) in read {
        let value = envelope::unwrap(&key, &bytes)?;
        if value.version <= version {
            entries.insert(key.to_vec(), value);
        } else if !kept.contains_key(key.as_ref()) {
            return Err(Failure::Engine("a change went past a snapshot".to_owned()));
        }
    }
    while let Some((key, bytes)) = kept.pop_first() {
        if let Some(bytes) = bytes {
            let value = envelope::unwrap(&key, &bytes)?;
            entries.insert(key, value);
        }
    }
    Ok(Page { entries: entries.into_iter().collect(), is_last })
}
