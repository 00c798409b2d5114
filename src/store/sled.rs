//! The embedded engine. Nothing outside of this module names sled.
//!
//! One committer thread owns all writes. It takes every batch that waits, checks their expectations against the tree (as the
//! only writer its check is exact), applies them as one sled batch, passes the barrier once, then answers all of them: the
//! cost of a durable write falls as load grows.
//!
//! sled's own `flush()` is not durable on Linux: what is, and what it costs, the [`Barrier`] tells.
//!
//! **An I/O error while writing is never retried**: after a failed sync nobody knows what the disk has. The process stops
//! and recovers at its next start. So that a full disk is no such error, [`Space`] refuses writes before it is full.
//!
//! **Damage** of a page is the engine's error, or its panic, when the page is read. Of a log that lost its end it says
//! nothing: that is what the [`Witness`] is for. Nor of damage in the middle of what it replays: that is found before it
//! opens, in [`log`].

mod barrier;
mod loader;
mod log;
mod snapshot;

use std::collections::HashMap;
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use super::batch::{Batch, Change};
use super::space::{Room, Space};
use super::watch::{Steps, Watch};
use super::witness::Witness;
use super::{Epoch, Examined, Failure, KeyRange, Snapshot, Store, Value, envelope};

use barrier::Barrier;
pub use loader::SledLoader;
use snapshot::{SledSnapshot, Snapshots};

/// The exit code after a failed write: `EX_IOERR` of sysexits.
const EXIT_IO_ERROR: i32 = 74;

/// Batches that share one barrier at the most.
const BATCHES_PER_GROUP_MAX: usize = 1024;

/// Bytes that share one barrier, unless one batch has more. A group that fills segments of the engine's log by itself could
/// let go of some, and write there, before its barrier; then a power cut might take what was acknowledged.
const GROUP_BYTES_MAX: usize = 512 * 1024;

/// Batches that may wait for the committer; more callers than that wait to hand theirs over.
const BATCHES_WAITING_MAX: usize = 4096;

/// Entries that are read where the caller runs: as a single read they take microseconds, and a thread's hand-over would take
/// longer. More of them are read where blocking is allowed.
const ENTRIES_INLINE_MAX: usize = 128;

/// How often the witness is written: with each group it would cost a twentieth of a lone commit.
const GROUPS_PER_NOTE: u64 = 4;

/// Where the committer keeps the last version that it gave.
const SEQUENCE_KEY: &[u8] = &[0x01, b's', b'e', b'q'];

/// Where the store's epoch stands: its number as the version, its beginning as the deadline.
const EPOCH_KEY: &[u8] = &[0x01, b'e', b'p', b'o'];

/// A store in a directory.
pub struct SledStore {
    directory: PathBuf,
    tree: ::sled::Db,
    batches: Option<mpsc::Sender<Waiting>>,
    committer: Option<JoinHandle<()>>,
    snapshots: Arc<Snapshots>,
    epoch: Epoch,
    watch: Option<Watch>,
    durable: Arc<AtomicU64>,
}

/// A batch and whom to tell.
struct Waiting {
    batch: Batch,
    answer: oneshot::Sender<Result<(), Failure>>,
}

impl SledStore {
    /// Opens or creates the store in `directory`. `cache_bytes` should fit the working set.
    pub fn open(directory: &Path, cache_bytes: u64) -> Result<Self, Failure> {
        Self::open_with_reserve(directory, cache_bytes, 0)
    }

    /// The same, with `reserve_bytes` of its disk kept free, and as many in a file: see [`Space`].
    pub fn open_with_reserve(directory: &Path, cache_bytes: u64, reserve_bytes: u64) -> Result<Self, Failure> {
        let open = |error: &dyn std::fmt::Display| Failure::Open(format!("{}: {error}", directory.display()));
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|error| open(&error))?;
        let mut space = Space::before_opening(directory, reserve_bytes).map_err(|error| open(&error))?;
        let witness = Witness::open(directory).map_err(|error| open(&error))?;
        log::prepare(directory).map_err(|error| open(&error))?;
        let config = ::sled::Config::new().path(directory).cache_capacity(cache_bytes).flush_every_ms(None);
        // sled panics on some kinds of damage; a panic at start becomes a message like any other.
        let tree = catch_unwind(AssertUnwindSafe(|| config.open()))
            .map_err(|_| open(&"its files are damaged; restore a backup"))?
            .map_err(|error| open(&error))?;
        // What a killed process had written is on disk before anybody reads it.
        let barrier = Barrier::open(directory).map_err(|error| open(&error))?;
        let sequence = match undamaged(|| tree.get(SEQUENCE_KEY).map_err(engine)).map_err(|error| open(&error))? {
            Some(bytes) => envelope::unwrap(SEQUENCE_KEY, &bytes)?.version,
            None => 0,
        };
        let epoch = match undamaged(|| tree.get(EPOCH_KEY).map_err(engine)).map_err(|error| open(&error))? {
            Some(bytes) => {
                let value = envelope::unwrap(EPOCH_KEY, &bytes)?;
                Epoch { number: value.version, began_at: value.deadline.unwrap_or_default() }
            }
            None => Epoch::default(),
        };
        if sequence < witness.version() {
            let lost = format!("its log ends at version {sequence}, but {} was reached", witness.version());
            return Err(open(&format!("{lost}; restore a backup")));
        }
        space.after_opening().map_err(|error| open(&error))?;
        let (batches, waiting) = mpsc::channel(BATCHES_WAITING_MAX);
        let (steps, durable) = (Steps::default(), Arc::new(AtomicU64::new(sequence)));
        let snapshots = Arc::new(Snapshots::new(sequence));
        let committer = Committer {
            tree: tree.clone(),
            barrier,
            sequence,
            snapshots: snapshots.clone(),
            durable: durable.clone(),
            groups: 0,
            space,
            witness,
            steps: steps.clone(),
        };
        let thread = std::thread::Builder::new().name("committer".into()).spawn(move || committer.run(waiting));
        let committer = thread.map_err(|error| open(&error))?;
        let flushed = tree.clone();
        let watch = Watch::over(steps, move || {
            if let Err(error) = flushed.flush() {
                stop(&engine(error));
            }
        });
        let watch = watch.map_err(|error| open(&error))?;
        Ok(SledStore {
            directory: directory.to_owned(),
            tree,
            batches: Some(batches),
            committer: Some(committer),
            snapshots,
            epoch,
            watch: Some(watch),
            durable,
        })
    }

    /// Closes the store for good: when this returns, another can be opened in its directory.
    pub fn close(self) -> Result<(), Failure> {
        let lock = self.directory.join("db");
        drop(self);
        // The engine's own threads may be the last to let go of it.
        let freed = File::open(lock).and_then(|file| file.lock());
        freed.map_err(|cause| Failure::Engine(cause.to_string()))
    }
}

impl SledStore {
    /// Whether a thread is one of the engine's own. Nobody who waits for one would learn that it is gone.
    pub fn owns(thread: &std::thread::Thread) -> bool {
        thread.name().is_some_and(|name| name.starts_with("sled-"))
    }

    /// Ends the process as after a failed write.
    pub fn end_process() -> ! {
        std::process::exit(EXIT_IO_ERROR)
    }
}

/// Waits until every batch that was handed over is durable.
impl Drop for SledStore {
    fn drop(&mut self) {
        self.batches.take();
        if let Some(committer) = self.committer.take() {
            let _ = committer.join();
        }
        self.watch.take();
    }
}

#[async_trait]
impl Store for SledStore {
    async fn get(&self, key: &[u8]) -> Result<Option<Value>, Failure> {
        let bytes = undamaged(|| self.tree.get(key).map_err(engine))?;
        bytes.map(|bytes| envelope::unwrap(key, &bytes)).transpose()
    }

    async fn get_each(&self, keys: Vec<Vec<u8>>) -> Result<Vec<Option<Value>>, Failure> {
        let (tree, count) = (::sled::Tree::clone(&self.tree), keys.len());
        let value = move |key: &Vec<u8>| match tree.get(key).map_err(engine)? {
            Some(bytes) => envelope::unwrap(key, &bytes).map(Some),
            None => Ok(None),
        };
        reading(count, move || undamaged(|| keys.iter().map(value).collect())).await
    }

    async fn scan(&self, range: KeyRange, limit: usize) -> Result<Vec<(Vec<u8>, Value)>, Failure> {
        let tree = ::sled::Tree::clone(&self.tree);
        let entry = |entry: ::sled::Result<(::sled::IVec, ::sled::IVec)>| {
            entry.map_err(engine).and_then(|(key, bytes)| Ok((key.to_vec(), envelope::unwrap(&key, &bytes)?)))
        };
        reading(limit, move || undamaged(|| tree.range(range).take(limit).map(entry).collect())).await
    }

    async fn examine(&self, range: KeyRange, limit: usize) -> Result<Vec<Examined>, Failure> {
        let examined = |(key, bytes): (::sled::IVec, ::sled::IVec)| (key.to_vec(), envelope::unwrap(&key, &bytes));
        let read = || {
            let entries = self.tree.range(range).take(limit);
            entries.map(|entry| entry.map(examined).map_err(engine)).collect()
        };
        // Whoever looks for damage is told of it, also where the engine panics over it.
        catch_unwind(AssertUnwindSafe(read)).map_err(|_| Failure::Damaged("the engine panicked over it".to_owned()))?
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, Failure> {
        Ok(Box::new(SledSnapshot::open(self.tree.clone(), self.snapshots.clone())?))
    }

    fn epoch(&self) -> Epoch {
        self.epoch
    }

    async fn commit(&self, batch: Batch) -> Result<(), Failure> {
        if batch.is_oversized() {
            return Err(Failure::TooLarge);
        }
        let (answer, answered) = oneshot::channel();
        let batches = self.batches.as_ref().ok_or(Failure::Stopped)?;
        batches.send(Waiting { batch, answer }).await.map_err(|_| Failure::Stopped)?;
        answered.await.map_err(|_| Failure::Stopped)?
    }

    fn durable_version(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }
}

/// Reads so many entries at most: where the caller runs, or where blocking is allowed.
async fn reading<T: Send + 'static>(
    entries: usize,
    read: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    if entries <= ENTRIES_INLINE_MAX {
        return read();
    }
    tokio::task::spawn_blocking(read).await.map_err(|cause| Failure::Engine(cause.to_string()))?
}

/// Reads. The engine panics on some kinds of damage.
fn undamaged<T>(read: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let read = catch_unwind(AssertUnwindSafe(read));
    read.unwrap_or_else(|_| Err(Failure::Damaged("the engine could not make sense of a page".to_owned())))
}

fn engine(error: ::sled::Error) -> Failure {
    match error {
        ::sled::Error::Corruption { .. } => Failure::Damaged(error.to_string()),
        other => Failure::Engine(other.to_string()),
    }
}

/// The one writer.
struct Committer {
    tree: ::sled::Db,
    barrier: Barrier,
    /// The last version that was given.
    sequence: u64,
    snapshots: Arc<Snapshots>,
    /// The last version that survives a power cut.
    durable: Arc<AtomicU64>,
    /// Groups that were made durable.
    groups: u64,
    space: Space,
    witness: Witness,
    steps: Steps,
}

impl Committer {
    fn run(mut self, mut waiting: mpsc::Receiver<Waiting>) {
        let mut waited = Vec::new();
        while waiting.blocking_recv_many(&mut waited, BATCHES_PER_GROUP_MAX) > 0 {
            while !waited.is_empty() {
                let rest = waited.split_off(group_length(&waited));
                let group = std::mem::replace(&mut waited, rest);
                match catch_unwind(AssertUnwindSafe(|| self.commit(group))) {
                    Ok(Ok(answers)) => answers.into_iter().for_each(|answer| drop(answer.send(Ok(())))),
                    Ok(Err(failure)) => stop(&failure),
                    Err(_) => stop(&"the engine panicked"),
                }
            }
        }
        if let Err(cause) = self.witness.conclude(self.durable.load(Ordering::Acquire)) {
            stop(&cause);
        }
    }

    /// Makes a group durable. Gives back those who are to be told so; those in conflict have been told.
    fn commit(&mut self, group: Vec<Waiting>) -> Result<Vec<oneshot::Sender<Result<(), Failure>>>, Failure> {
        let mut merged = ::sled::Batch::default();
        let mut versions: HashMap<Vec<u8>, Option<u64>> = HashMap::new();
        let mut answers = Vec::with_capacity(group.len());
        let bytes = group.iter().map(|waiting| waiting.batch.size() as u64).sum();
        let room = self.space.for_writing(bytes).map_err(|error| Failure::Engine(format!("free space: {error}")))?;
        for Waiting { batch, answer } in group {
            if !(room == Room::Ample || room == Room::ForRemovals && batch.only_removes()) {
                let _ = answer.send(Err(Failure::Full));
                continue;
            }
            if !self.holds(&batch, &versions)? {
                let _ = answer.send(Err(Failure::Conflict));
                continue;
            }
            self.sequence += 1;
            for (key, change) in batch.changes {
                match change {
                    Change::Put { deadline, bytes } => {
                        merged.insert(key.as_slice(), envelope::wrap(&key, self.sequence, deadline, &bytes));
                        versions.insert(key, Some(self.sequence));
                    }
                    Change::Delete => {
                        merged.remove(key.as_slice());
                        versions.insert(key, None);
                    }
                }
            }
            answers.push(answer);
        }
        if !answers.is_empty() {
            merged.insert(SEQUENCE_KEY, envelope::wrap(SEQUENCE_KEY, self.sequence, None, &[]));
            let apply = || self.tree.apply_batch(merged).map_err(engine);
            self.snapshots.keep_before(apply, &self.tree, versions.keys(), self.sequence)?;
            if self.groups.is_multiple_of(GROUPS_PER_NOTE) {
                let durable = self.durable.load(Ordering::Acquire);
                self.witness.note(durable).map_err(|error| Failure::Engine(format!("witness: {error}")))?;
            }
            self.steps.waiting(|| self.barrier.pass(&self.tree))?;
            self.durable.store(self.sequence, Ordering::Release);
            self.groups += 1;
        }
        Ok(answers)
    }

    /// Whether all that a batch expects is so, counting what earlier batches of the group have changed.
    fn holds(&self, batch: &Batch, versions: &HashMap<Vec<u8>, Option<u64>>) -> Result<bool, Failure> {
        for (key, expected) in &batch.expectations {
            let version = match versions.get(key) {
                Some(version) => *version,
                None => match self.tree.get(key).map_err(engine)? {
                    Some(bytes) => Some(envelope::unwrap(key, &bytes)?.version),
                    None => None,
                },
            };
            if version != *expected {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// How many of those who wait share the next barrier.
fn group_length(waited: &[Waiting]) -> usize {
    let mut bytes = 0;
    let fitting = waited.iter().take_while(|waiting| {
        bytes += waiting.batch.size();
        bytes <= GROUP_BYTES_MAX
    });
    fitting.count().max(1)
}

/// Ends the process before anybody is told that a write succeeded.
fn stop(cause: &dyn std::fmt::Display) -> ! {
    tracing::error!(%cause, "a write failed; stopping, since what the disk has is unknown");
    SledStore::end_process()
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::domain::ids::{PoolId, Sub};
    use crate::store::records::{NameOwner, Session, Throttle};
    use crate::store::{Key as _, Kind, Owner, RECORD_BYTES_MAX, SessionKey, ThrottleKey, UsernameKey, sweep_expired};

    const CACHE_BYTES: u64 = 8 * 1024 * 1024;

    /// Opens the store, once whoever had it has closed it for good: the engine's own threads may be the last to let go.
    fn open(folder: &tempfile::TempDir) -> Arc<dyn Store> {
        if let Ok(file) = File::open(folder.path().join("db")) {
            file.lock().unwrap();
        }
        Arc::new(SledStore::open(folder.path(), CACHE_BYTES).unwrap())
    }

    fn owner() -> Owner {
        Owner { pool: PoolId("us-east-1_Example12".into()), sub: Sub(uuid::Uuid::from_u128(1)) }
    }

    fn name(name: &str) -> UsernameKey {
        UsernameKey { pool: owner().pool, name: name.into() }
    }

    fn belongs_to(sub: &str) -> NameOwner {
        NameOwner { sub: sub.into() }
    }

    async fn put(store: &dyn Store, key: &UsernameKey, record: &NameOwner) {
        let mut batch = Batch::default();
        batch.put(key, record);
        store.commit(batch).await.unwrap();
    }

    #[tokio::test]
    async fn what_was_committed_is_there_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        put(&*store, &name("alice"), &belongs_to("a")).await;
        drop(store);
        let store = open(&folder);
        assert_eq!(store.read(&name("alice")).await.unwrap().unwrap().record, belongs_to("a"));
    }

    #[tokio::test]
    async fn many_keys_are_read_in_their_order_whether_they_are_there_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        for count in [ENTRIES_INLINE_MAX, ENTRIES_INLINE_MAX + 1] {
            let keys: Vec<_> = (0..count).rev().map(|number| name(&format!("{count}-{number}"))).collect();
            let mut batch = Batch::default();
            keys.iter().step_by(2).for_each(|key| batch.put(key, &belongs_to(&key.name)));
            store.commit(batch).await.unwrap();
            let read = store.read_each(&keys).await.unwrap();
            let read: Vec<_> = read.into_iter().map(|stored| stored.map(|stored| stored.record.sub)).collect();
            let expected: Vec<_> = (0..).zip(&keys).map(|(at, key)| (at % 2 == 0).then(|| key.name.clone())).collect();
            assert_eq!(read, expected);
        }
    }

    #[tokio::test]
    async fn a_batch_in_conflict_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        put(&*store, &name("alice"), &belongs_to("a")).await;
        let mut batch = Batch::default();
        batch.put(&name("bob"), &belongs_to("b"));
        batch.expect_absent(&name("alice"));
        assert!(matches!(store.commit(batch).await, Err(Failure::Conflict)));
        assert!(store.read(&name("bob")).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_record_made_anew_is_not_the_one_that_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        put(&*store, &name("alice"), &belongs_to("a")).await;
        let as_read = store.read(&name("alice")).await.unwrap();
        let mut batch = Batch::default();
        batch.delete(&name("alice"));
        store.commit(batch).await.unwrap();
        drop(store);
        let store = open(&folder);
        put(&*store, &name("alice"), &belongs_to("a")).await;
        let mut batch = Batch::default();
        batch.expect(&name("alice"), as_read.as_ref());
        assert!(matches!(store.commit(batch).await, Err(Failure::Conflict)));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn writers_at_once_count_each_of_theirs() {
        const WRITERS: u32 = 32;
        let folder = tempfile::tempdir().unwrap();
        let (store, key) = (open(&folder), ThrottleKey { owner: owner(), purpose: 1 });
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..WRITERS {
            let (store, key) = (store.clone(), key.clone());
            writers.spawn(async move {
                loop {
                    let before = store.read(&key).await.unwrap();
                    let count = before.as_ref().map_or(0, |throttle| throttle.count) + 1;
                    let mut batch = Batch::default();
                    batch.expect(&key, before.as_ref());
                    batch.put(&key, &Throttle { count, hour_began_at: 1 });
                    match store.commit(batch).await {
                        Ok(()) => return,
                        Err(Failure::Conflict) => continue,
                        Err(other) => panic!("{other}"),
                    }
                }
            });
        }
        writers.join_all().await;
        assert_eq!(store.read(&key).await.unwrap().unwrap().count, WRITERS);
    }

    #[tokio::test]
    async fn a_changed_byte_is_an_error_and_never_wrong_data() {
        let folder = tempfile::tempdir().unwrap();
        let store = SledStore::open(folder.path(), CACHE_BYTES).unwrap();
        let key = name("alice").encoded();
        put(&store, &name("alice"), &belongs_to("a")).await;
        let mut bytes = store.tree.get(&key).unwrap().unwrap().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        store.tree.insert(&key, bytes).unwrap();
        assert!(matches!(store.get(&key).await, Err(Failure::Damaged(_))));
        let mut batch = Batch::default();
        batch.put(&name("bob"), &belongs_to("b"));
        store.commit(batch).await.unwrap();
        let everything = (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
        assert!(matches!(store.scan(everything, 100).await, Err(Failure::Damaged(_))));
    }

    #[tokio::test]
    async fn a_store_has_one_owner() {
        let folder = tempfile::tempdir().unwrap();
        let _store = open(&folder);
        assert!(matches!(SledStore::open(folder.path(), CACHE_BYTES), Err(Failure::Open(_))));
    }

    #[tokio::test]
    async fn a_record_above_the_limit_is_refused_and_one_at_it_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let framing =
            prost::Message::encoded_len(&belongs_to(&"x".repeat(RECORD_BYTES_MAX - 100))) - (RECORD_BYTES_MAX - 100);
        put(&*store, &name("alice"), &belongs_to(&"x".repeat(RECORD_BYTES_MAX - framing))).await;
        let mut batch = Batch::default();
        batch.put(&name("alice"), &belongs_to(&"x".repeat(RECORD_BYTES_MAX - framing + 1)));
        assert!(matches!(store.commit(batch).await, Err(Failure::TooLarge)));
    }

    #[tokio::test]
    async fn what_has_ended_is_swept_and_what_was_prolonged_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let session = |number: u128| SessionKey { owner: owner(), session: uuid::Uuid::from_u128(number) };
        for (number, ends) in [(1, vec![100]), (2, vec![100, 300]), (3, vec![300])] {
            for expires_at in ends {
                let mut batch = Batch::default();
                batch.put(&session(number), &Session { expires_at, ..Session::default() });
                store.commit(batch).await.unwrap();
            }
        }
        assert!(!sweep_expired(&*store, 200).await.unwrap());
        let mut left = Vec::new();
        for number in 1..=3 {
            left.push(store.read(&session(number)).await.unwrap().is_some());
        }
        assert_eq!(left, [false, true, true]);
        assert!(!sweep_expired(&*store, 301).await.unwrap());
        assert!(store.read(&session(2)).await.unwrap().is_none());
    }

    /// The balances of all accounts: each is the count of a throttle.
    async fn balances(snapshot: &mut Box<dyn Snapshot>) -> Vec<u32> {
        let mut balances = Vec::new();
        loop {
            let page = snapshot.next().await.unwrap();
            if page.is_empty() {
                return balances;
            }
            let throttles = page.into_iter().filter_map(|(key, value)| {
                (Kind::of(&key) == Some(Kind::ThrottleKey)).then(|| Throttle::decode(value.bytes.as_slice()).unwrap())
            });
            balances.extend(throttles.map(|throttle| throttle.count));
        }
    }

    /// Moves one coin from an account to another, or all of it to one that does not exist.
    async fn transfer(store: &dyn Store, from: u128, to: u128) {
        let account =
            |number| ThrottleKey { owner: Owner { sub: Sub(uuid::Uuid::from_u128(number)), ..owner() }, purpose: 1 };
        let (from, to) = (account(from), account(to));
        let (payer, payee) = (store.read(&from).await.unwrap(), store.read(&to).await.unwrap());
        let Some(coins) = payer.as_ref().map(|payer| payer.count).filter(|coins| *coins > 0 && from != to) else {
            return;
        };
        let moved = if payee.is_some() { 1 } else { coins };
        let mut batch = Batch::default();
        batch.expect(&from, payer.as_ref());
        batch.expect(&to, payee.as_ref());
        match coins - moved {
            0 => batch.delete(&from),
            left => batch.put(&from, &Throttle { count: left, hour_began_at: 1 }),
        }
        let count = payee.as_ref().map_or(0, |payee| payee.count) + moved;
        batch.put(&to, &Throttle { count, hour_began_at: 1 });
        match store.commit(batch).await {
            Ok(()) | Err(Failure::Conflict) => {}
            Err(other) => panic!("{other}"),
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_coin_is_in_two_places_however_writers_move_them_during_a_snapshot() {
        const ACCOUNTS: u128 = 3_000;
        const COINS: u32 = 10;
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let mut batch = Batch::default();
        for number in 0..ACCOUNTS {
            let owner = Owner { sub: Sub(uuid::Uuid::from_u128(number)), ..owner() };
            batch.put(&ThrottleKey { owner, purpose: 1 }, &Throttle { count: COINS, hour_began_at: 1 });
        }
        store.commit(batch).await.unwrap();
        let mut writers = tokio::task::JoinSet::new();
        for seed in 0..8 {
            let (store, chance) = (store.clone(), crate::rng::Rng::seeded(seed));
            writers.spawn(async move {
                loop {
                    // Half of the payees do not exist at first.
                    let [from, to] = [(); 2].map(|()| u128::from(u16::from_be_bytes(chance.bytes())) % (2 * ACCOUNTS));
                    transfer(&*store, from, to).await;
                }
            });
        }
        let (mut last, mut overtaken) = (0, 0);
        while overtaken < 5 {
            let mut snapshot = store.snapshot().await.unwrap();
            let balances = balances(&mut snapshot).await;
            assert_eq!(balances.iter().map(|coins| u64::from(*coins)).sum::<u64>(), ACCOUNTS as u64 * u64::from(COINS));
            overtaken += u32::from(snapshot.version() > last);
            last = snapshot.version();
        }
        writers.shutdown().await;
    }

    #[tokio::test]
    async fn a_damaged_entry_does_not_hide_those_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = SledStore::open(folder.path(), CACHE_BYTES).unwrap();
        for each in ["alice", "bob", "carol"] {
            put(&store, &name(each), &belongs_to(each)).await;
        }
        let key = name("bob").encoded();
        let mut bytes = store.tree.get(&key).unwrap().unwrap().to_vec();
        bytes[3] ^= 1;
        store.tree.insert(&key, bytes).unwrap();
        let range = (std::ops::Bound::Included(vec![0x30]), std::ops::Bound::Unbounded);
        let examined = store.examine(range, 10).await.unwrap();
        assert_eq!(examined.iter().map(|(_, value)| value.is_ok()).collect::<Vec<_>>(), [true, false, true]);
        assert!(store.snapshot().await.unwrap().next().await.is_err(), "a backup is not made of it");
    }

    #[tokio::test]
    async fn a_loaded_store_goes_on_where_the_other_stood_in_a_new_epoch() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        let store = SledStore::open(&first, CACHE_BYTES).unwrap();
        put(&store, &name("alice"), &belongs_to("a")).await;
        put(&store, &name("bob"), &belongs_to("b")).await;
        assert_eq!(store.epoch(), Epoch::default());
        let mut snapshot = store.snapshot().await.unwrap();
        let entries = snapshot.next().await.unwrap();
        let epoch = Epoch { number: 1, began_at: 7 };
        let mut loader = SledLoader::begin(&second, CACHE_BYTES).unwrap();
        loader.load(&entries).unwrap();
        loader.finish(snapshot.version(), epoch).unwrap();
        assert!(SledLoader::begin(&second, CACHE_BYTES).is_err(), "there is a store now");
        let loaded = SledStore::open(&second, CACHE_BYTES).unwrap();
        assert_eq!(loaded.epoch(), epoch);
        let mut again = loaded.snapshot().await.unwrap();
        assert_eq!((again.version(), again.next().await.unwrap()), (2, entries));
        put(&loaded, &name("carol"), &belongs_to("c")).await;
        let carol = loaded.get(&name("carol").encoded()).await.unwrap().unwrap();
        assert_eq!(carol.version, 3, "no version is given twice");
    }
}
