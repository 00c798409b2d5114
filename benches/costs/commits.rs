//! A durable commit of one record, beside two bare committers that group their writers in the same way: one over the engine,
//! without versions, expectations, checksums and witness, for records that never become pages beside its log; and one that
//! appends and syncs.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cognate::rng::Rng;
use cognate::store::records::OutboxEntry;
use cognate::store::{Batch, OutboxKey, SledStore, Store};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::now;
use super::report::milliseconds;

const WRITERS: [usize; 4] = [1, 8, 64, 256];

/// The bytes of a record: chance, since constant ones make the engine look twice as fast.
const RECORD_BYTES: usize = 1024;

/// Records are written over each other: so many keys there are.
const KEYS: u64 = 100_000;

const SECONDS: f64 = 2.0;

/// Of these the one with the middle ratio is told.
const REPETITIONS: usize = 3;

pub fn section() -> String {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut page =
        "## Durable commits\n\nOf one record of 1 KiB, against the bare engine with fdatasync and an append with \
                    fdatasync, in equal groups.\n\n\
                    | writers | commits | bare engine | appends | commits ÷ appends | bare engine ÷ appends | p50 | \
                    append's p50 | p99 | max |\n|---|---|---|---|---|---|---|---|---|---|\n"
            .to_owned();
    runtime.block_on(async {
        for writers in WRITERS {
            let mut runs = Vec::new();
            for _ in 0..REPETITIONS {
                let folder = tempfile::tempdir().unwrap();
                let appended = appends(&folder.path().join("log"), writers).await;
                let engine = engine_commits(&folder.path().join("engine"), writers).await;
                let committed = commits(&folder.path().join("store"), writers).await;
                runs.push((committed, engine, appended));
            }
            let ratio_of = |(ours, _, bare): &(Seen, Seen, Seen)| ours.rate() / bare.rate();
            runs.sort_by(|a, b| ratio_of(a).total_cmp(&ratio_of(b)));
            let run = &runs[REPETITIONS / 2];
            let (ours, engine, bare) = run;
            page += &format!(
                "| {writers} | {:.0}/s | {:.0}/s | {:.0}/s | {:.2} | {:.2} | {} | {} | {} | {} |\n",
                ours.rate(),
                engine.rate(),
                bare.rate(),
                ratio_of(run),
                engine.rate() / bare.rate(),
                milliseconds(ours.percentile(50)),
                milliseconds(bare.percentile(50)),
                milliseconds(ours.percentile(99)),
                milliseconds(ours.percentile(100)),
            );
        }
    });
    page + "\n"
}

/// The latencies of what was done in the time, in order.
struct Seen(Vec<Duration>);

impl Seen {
    fn rate(&self) -> f64 {
        self.0.len() as f64 / SECONDS
    }

    fn percentile(&self, hundredths: usize) -> Duration {
        self.0[(self.0.len() - 1) * hundredths / 100]
    }
}

/// Writers that each write again when they are told that it lasts.
async fn closed_loop<F: Future<Output = ()> + Send>(
    writers: usize,
    write: impl Fn(Vec<u8>) -> F + Clone + Send + 'static,
) -> Seen {
    let (began, mut running) = (now(), JoinSet::new());
    for writer in 0..writers {
        let (write, chance) = (write.clone(), Rng::seeded(writer as u64));
        running.spawn(async move {
            let mut latencies = Vec::new();
            while began.elapsed().as_secs_f64() < SECONDS {
                let record = chance.bytes::<RECORD_BYTES>().to_vec();
                let written_at = now();
                write(record).await;
                latencies.push(written_at.elapsed());
            }
            latencies
        });
    }
    let mut latencies: Vec<Duration> = running.join_all().await.into_iter().flatten().collect();
    latencies.sort_unstable();
    Seen(latencies)
}

/// A key of those that there are, spread over the tree.
fn key_of(record: &[u8]) -> uuid::Uuid {
    let number = u64::from_be_bytes(*record.first_chunk().unwrap()) % KEYS;
    uuid::Uuid::from_u64_pair(number.wrapping_mul(0x9e37_79b9), number)
}

const CACHE_BYTES: u64 = 512 * 1024 * 1024;

async fn commits(folder: &Path, writers: usize) -> Seen {
    let store: Arc<dyn Store> = Arc::new(SledStore::open(folder, CACHE_BYTES).unwrap());
    closed_loop(writers, move |record| {
        let store = store.clone();
        async move {
            let key = OutboxKey { at: 0, message: key_of(&record) };
            let mut batch = Batch::default();
            batch.put(&key, &OutboxEntry { sealed_message: record, ..OutboxEntry::default() });
            store.commit(batch).await.unwrap();
        }
    })
    .await
}

async fn engine_commits(folder: &Path, writers: usize) -> Seen {
    let tree = sled::Config::new().path(folder).cache_capacity(CACHE_BYTES).flush_every_ms(None).open().unwrap();
    let log = File::open(folder.join("db")).unwrap();
    grouped(writers, move |group| {
        let mut batch = sled::Batch::default();
        group.iter().for_each(|record| batch.insert(key_of(record).as_bytes(), record.as_slice()));
        tree.apply_batch(batch).unwrap();
        tree.flush().unwrap();
        log.sync_data().unwrap();
    })
    .await
}

async fn appends(path: &Path, writers: usize) -> Seen {
    let (mut file, mut bytes) = (File::create(path).unwrap(), Vec::new());
    grouped(writers, move |group| {
        bytes.clear();
        group.iter().for_each(|record| bytes.extend_from_slice(record));
        file.write_all(&bytes).unwrap();
        file.sync_data().unwrap();
    })
    .await
}

/// Writers whose records one thread makes durable, all that wait at once.
async fn grouped(writers: usize, mut write: impl FnMut(&[Vec<u8>]) + Send + 'static) -> Seen {
    let (records, mut waiting) = mpsc::channel::<(Vec<u8>, oneshot::Sender<()>)>(4096);
    let writer = std::thread::spawn(move || {
        let mut group = Vec::new();
        while waiting.blocking_recv_many(&mut group, 1024) > 0 {
            let (written, answers): (Vec<_>, Vec<_>) = group.drain(..).unzip();
            write(&written);
            answers.into_iter().for_each(|answer| answer.send(()).unwrap());
        }
    });
    let seen = closed_loop(writers, move |record| {
        let records = records.clone();
        async move {
            let (answer, answered) = oneshot::channel();
            records.send((record, answer)).await.unwrap();
            answered.await.unwrap();
        }
    })
    .await;
    writer.join().unwrap();
    seen
}
