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

use ::sled::{Db, IVec};
use async_trait::async_trait;

use super::{engine, envelope};
use crate::store::{Entry, Failure, Snapshot};

/// Entries read at one time.
const PAGE_ENTRIES: usize = 512;

/// What may be kept in memory for a snapshot that is outpaced by writers.
const KEPT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a kept value costs beside its bytes: its place in the map.
const KEPT_BYTES_EACH: usize = 128;

/// The first key that is no counter of the store itself.
const FIRST_KEY: &[u8] = &[0x02];

/// Where the committer and the reader of a snapshot meet.
pub struct Snapshots {
    state: Mutex<State>,
    page_entries: usize,
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
    /// `applied` is the version of the newest batch in the tree.
    pub fn new(applied: u64) -> Self {
        Self::with(applied, PAGE_ENTRIES, KEPT_BYTES_MAX)
    }

    fn with(applied: u64, page_entries: usize, kept_bytes_max: usize) -> Self {
        Snapshots { state: Mutex::new(State { applied, open: None }), page_entries, kept_bytes_max }
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
    let read: Vec<(IVec, IVec)> = {
        let entries = tree.range(unread..).take(snapshots.page_entries);
        entries.collect::<Result<_, _>>().map_err(engine)?
    };
    let is_last = read.len() < snapshots.page_entries;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a writer or the reader does next.
    #[derive(Clone, Debug)]
    enum Step {
        Put(u8),
        Delete(u8),
        ReadPage,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![any::<u8>().prop_map(Step::Put), any::<u8>().prop_map(Step::Delete), Just(Step::ReadPage)]
    }

    /// A tree, what it should hold, and its one writer.
    struct Written {
        tree: Db,
        snapshots: Arc<Snapshots>,
        model: BTreeMap<Vec<u8>, u64>,
        sequence: u64,
    }

    impl Written {
        fn new(page_entries: usize, kept_bytes_max: usize) -> Self {
            let tree = ::sled::Config::new().temporary(true).flush_every_ms(None).open().unwrap();
            let snapshots = Arc::new(Snapshots::with(0, page_entries, kept_bytes_max));
            Written { tree, snapshots, model: BTreeMap::new(), sequence: 0 }
        }

        /// A batch of one change. Keys sit close together, so that pages end between changed ones.
        fn commit(&mut self, number: u8, is_there: bool) {
            let (key, mut batch) = (vec![0x20, number], ::sled::Batch::default());
            self.sequence += 1;
            if is_there {
                batch.insert(key.as_slice(), envelope::wrap(&key, self.sequence, None, &self.sequence.to_be_bytes()));
                self.model.insert(key.clone(), self.sequence);
            } else {
                batch.remove(key.as_slice());
                self.model.remove(&key);
            }
            let apply = || self.tree.apply_batch(batch).map_err(engine);
            self.snapshots.keep_before(apply, &self.tree, [key.clone()].iter(), self.sequence).unwrap();
        }

        fn read_page(&self, read: &mut Vec<(Vec<u8>, u64)>) -> bool {
            let page = page(&self.tree, &self.snapshots).unwrap();
            read.extend(page.entries.into_iter().map(|(key, value)| (key, value.version)));
            page.is_last
        }
    }

    proptest! {
        #[test]
        fn a_snapshot_is_the_store_as_it_was(
            before in proptest::collection::vec(any::<u8>(), 0..200),
            steps in proptest::collection::vec(step(), 0..400),
            page_entries in 1_usize..40,
        ) {
            let mut written = Written::new(page_entries, usize::MAX);
            before.into_iter().for_each(|number| written.commit(number, true));
            let expected: Vec<_> = written.model.clone().into_iter().collect();
            let snapshot = SledSnapshot::open(written.tree.clone(), written.snapshots.clone()).unwrap();
            prop_assert_eq!(snapshot.version(), written.sequence);
            let (mut read, mut is_at_end) = (Vec::new(), false);
            for step in steps {
                match step {
                    Step::Put(number) => written.commit(number, true),
                    Step::Delete(number) => written.commit(number, false),
                    Step::ReadPage if is_at_end => {}
                    Step::ReadPage => is_at_end = written.read_page(&mut read),
                }
            }
            while !is_at_end {
                is_at_end = written.read_page(&mut read);
            }
            prop_assert_eq!(read, expected);
            let state = written.snapshots.state();
            prop_assert_eq!(state.open.as_ref().map(|open| (open.kept.len(), open.kept_bytes)), Some((0, 0)));
        }
    }

    #[tokio::test]
    async fn a_snapshot_that_is_outpaced_is_given_up_and_the_store_goes_on() {
        let mut written = Written::new(8, 10 * (KEPT_BYTES_EACH + 2 + 29));
        (0..=255).for_each(|number| written.commit(number, true));
        let mut snapshot = SledSnapshot::open(written.tree.clone(), written.snapshots.clone()).unwrap();
        assert_eq!(snapshot.next().await.unwrap().len(), 8);
        (0..18).for_each(|number| written.commit(number, true));
        assert_eq!(snapshot.next().await.unwrap().len(), 8, "ten values can be kept");
        (0..27).for_each(|number| written.commit(number, true));
        assert!(matches!(snapshot.next().await, Err(Failure::Outpaced)));
        written.commit(0, false);
        drop(snapshot);
        let mut snapshot = SledSnapshot::open(written.tree.clone(), written.snapshots.clone()).unwrap();
        assert_eq!(snapshot.next().await.unwrap()[0].0, [0x20, 1]);
    }

    #[tokio::test]
    async fn one_snapshot_is_open_at_a_time_and_holds_nothing_up() {
        let mut written = Written::new(8, usize::MAX);
        let first = SledSnapshot::open(written.tree.clone(), written.snapshots.clone()).unwrap();
        let second = SledSnapshot::open(written.tree.clone(), written.snapshots.clone());
        assert!(matches!(second.err(), Some(Failure::Busy)));
        written.commit(1, true);
        drop(first);
        let mut second = SledSnapshot::open(written.tree.clone(), written.snapshots.clone()).unwrap();
        assert_eq!(second.next().await.unwrap().len(), 1);
        assert_eq!(second.next().await.unwrap().len(), 0);
    }
}
