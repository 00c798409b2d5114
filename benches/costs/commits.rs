//! A durable commit of one record, beside a bare append and `fdatasync` that groups its writers in the same way.

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

/// Of each pair of measurements the middle ratio is told.
const REPETITIONS: usize = 3;

pub fn section() -> String {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut page = "## Durable commits\n\nOf one record of 1 KiB, against an append and fdatasync in equal groups.\n\n\
                    | writers | commits | appends | ratio | p50 | p99 | max |\n|---|---|---|---|---|---|---|\n"
        .to_owned();
    runtime.block_on(async {
        for writers in WRITERS {
            let mut pairs = Vec::new();
            for _ in 0..REPETITIONS {
                let folder = tempfile::tempdir().unwrap();
                let appended = appends(&folder.path().join("log"), writers).await;
                let committed = commits(folder.path(), writers).await;
                pairs.push((committed, appended));
            }
            let ratio_of = |(ours, bare): &(Seen, Seen)| ours.rate() / bare.rate();
            pairs.sort_by(|a, b| ratio_of(a).total_cmp(&ratio_of(b)));
            let pair = &pairs[REPETITIONS / 2];
            let (ours, bare) = pair;
            page += &format!(
                "| {writers} | {:.0}/s | {:.0}/s | {:.2} | {} | {} | {} |\n",
                ours.rate(),
                bare.rate(),
                ratio_of(pair),
                milliseconds(ours.percentile(50)),
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

async fn commits(folder: &Path, writers: usize) -> Seen {
    const CACHE_BYTES: u64 = 512 * 1024 * 1024;
    let store: Arc<dyn Store> = Arc::new(SledStore::open(&folder.join("store"), CACHE_BYTES).unwrap());
    closed_loop(writers, move |record| {
        let store = store.clone();
        async move {
            let number = u64::from_be_bytes(*record.first_chunk().unwrap()) % KEYS;
            let key = OutboxKey { at: 0, message: uuid::Uuid::from_u64_pair(number.wrapping_mul(0x9e37_79b9), number) };
            let mut batch = Batch::default();
            batch.put(&key, &OutboxEntry { sealed_message: record, ..OutboxEntry::default() });
            store.commit(batch).await.unwrap();
        }
    })
    .await
}

async fn appends(path: &Path, writers: usize) -> Seen {
    let mut file = File::create(path).unwrap();
    let (records, mut waiting) = mpsc::channel::<(Vec<u8>, oneshot::Sender<()>)>(4096);
    let appender = std::thread::spawn(move || {
        let (mut group, mut bytes) = (Vec::new(), Vec::new());
        while waiting.blocking_recv_many(&mut group, 1024) > 0 {
            bytes.clear();
            group.iter().for_each(|(record, _)| bytes.extend_from_slice(record));
            file.write_all(&bytes).unwrap();
            file.sync_data().unwrap();
            group.drain(..).for_each(|(_, answer)| answer.send(()).unwrap());
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
    appender.join().unwrap();
    seen
}
