//! Password hashing: argon2id on threads of its own, behind a bounded queue.
//!
//! As many threads as cores, each with memory that it reuses, so a storm of sign-ins costs a known amount of memory and no
//! cheap request waits behind it. A full queue, or a wait past the deadline, is refused at once.
//!
//! The hash is keyed: a pepper derived from the key-encryption key goes in as argon2's secret, so the store's files alone
//! do not allow guessing.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use tokio::sync::oneshot;

use super::secret::{Secret, same};
use crate::error::Error;
use crate::rng::Rng;

const OUTPUT_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

/// What a hash costs, and how long a queue of them may be.
#[derive(Clone, Debug)]
pub struct Settings {
    /// argon2's memory, in KiB.
    pub memory_kib: u32,
    /// argon2's passes over it.
    pub iterations: u32,
    pub threads: usize,
    /// Hashes that may wait; one more is refused.
    pub queue_max: usize,
    /// How long a hash may wait before it is refused.
    pub wait_max: Duration,
}

/// The pool of hashing threads.
pub struct PasswordHasher {
    queue: Option<SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
    params: Params,
    evaluated: Arc<std::sync::atomic::AtomicU64>,
    /// Compared against when there is no user: as costly as any other, and never right.
    decoy: String,
}

struct Job {
    password: Secret<String>,
    params: Params,
    salt: Vec<u8>,
    enqueued_at: Instant,
    answer: oneshot::Sender<Result<[u8; OUTPUT_BYTES], Error>>,
}

impl PasswordHasher {
    /// Starts the threads. Fails when the settings are beyond argon2's bounds.
    pub fn start(settings: Settings, pepper: Secret<[u8; 32]>, rng: &Rng) -> Result<Self, String> {
        let params = Params::new(settings.memory_kib, settings.iterations, 1, Some(OUTPUT_BYTES))
            .map_err(|error| format!("password_hash_memory_kib, password_hash_iterations: {error}"))?;
        let (queue, jobs) = sync_channel(settings.queue_max);
        let (jobs, pepper) = (Arc::new(Mutex::new(jobs)), Arc::new(pepper));
        let evaluated = Arc::default();
        let spawn = |number: usize| {
            let worker = Worker {
                jobs: jobs.clone(),
                pepper: pepper.clone(),
                wait_max: settings.wait_max,
                evaluated: Arc::clone(&evaluated),
            };
            std::thread::Builder::new()
                .name(format!("argon2-{number}"))
                .spawn(move || worker.run())
                .map_err(|error| error.to_string())
        };
        let threads = (0..settings.threads.max(1)).map(spawn).collect::<Result<_, _>>()?;
        let decoy = phc(&params, &rng.bytes::<SALT_BYTES>(), &rng.bytes()).map_err(|error| error.to_string())?;
        Ok(PasswordHasher { queue: Some(queue), threads, params, evaluated, decoy })
    }

    /// A PHC string for a new password.
    pub async fn hash(&self, password: &Secret<String>, rng: &Rng) -> Result<String, Error> {
        let salt = rng.bytes::<SALT_BYTES>();
        let output = self.evaluate(password, self.params.clone(), salt.to_vec()).await?;
        phc(&self.params, &salt, &output)
    }

    /// Whether the password is the one of the PHC string, compared in constant time.
    pub async fn verify(&self, password: &Secret<String>, phc: &str) -> Result<bool, Error> {
        let (params, salt, expected) = parsed(phc)?;
        let output = self.evaluate(password, params, salt).await?;
        Ok(same(&output, &expected))
    }

    /// Spends what a verification costs, for a user who does not exist.
    pub async fn verify_nobody(&self, password: &Secret<String>) -> Result<(), Error> {
        self.verify(password, &self.decoy).await.map(|_| ())
    }

    /// Whether a hash was made with less work than today's settings ask for.
    pub fn is_outdated(&self, phc: &str) -> bool {
        parsed(phc)
            .is_ok_and(|(params, ..)| params.m_cost() < self.params.m_cost() || params.t_cost() < self.params.t_cost())
    }

    /// How many hashes were evaluated since the start.
    pub fn evaluated(&self) -> u64 {
        self.evaluated.load(std::sync::atomic::Ordering::SeqCst)
    }

    async fn evaluate(
        &self,
        password: &Secret<String>,
        params: Params,
        salt: Vec<u8>,
    ) -> Result<[u8; OUTPUT_BYTES], Error> {
        let (answer, answered) = oneshot::channel();
        let job = Job { password: password.clone(), params, salt, enqueued_at: now(), answer };
        let queue = self.queue.as_ref().ok_or(Error::TooManyRequests)?;
        queue.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => Error::TooManyRequests,
            TrySendError::Disconnected(_) => Error::internal("the hashing threads have ended"),
        })?;
        answered.await.map_err(|_| Error::internal("a hashing thread has ended"))?
    }
}

/// Waits for the threads to finish what they have begun.
impl Drop for PasswordHasher {
    fn drop(&mut self) {
        self.queue.take();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// One hashing thread.
struct Worker {
    jobs: Arc<Mutex<Receiver<Job>>>,
    pepper: Arc<Secret<[u8; 32]>>,
    wait_max: Duration,
    evaluated: Arc<std::sync::atomic::AtomicU64>,
}

impl Worker {
    fn run(self) {
        let mut memory: Vec<Block> = Vec::new();
        while let Some(job) = self.next() {
            if job.answer.is_closed() {
                continue; // the caller has gone; a hash would be for nobody
            }
            if now().saturating_duration_since(job.enqueued_at) > self.wait_max {
                let _ = job.answer.send(Err(Error::TooManyRequests));
                continue;
            }
            let output = self.hash(&job, &mut memory);
            let _ = job.answer.send(output);
        }
    }

    fn next(&self) -> Option<Job> {
        self.jobs.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).recv().ok()
    }

    fn hash(&self, job: &Job, memory: &mut Vec<Block>) -> Result<[u8; OUTPUT_BYTES], Error> {
        let argon2 =
            Argon2::new_with_secret(self.pepper.expose(), Algorithm::Argon2id, Version::V0x13, job.params.clone())
                .map_err(|error| Error::internal(error.to_string()))?;
        if memory.len() < job.params.block_count() {
            memory.resize(job.params.block_count(), Block::new());
        }
        let mut output = [0; OUTPUT_BYTES];
        argon2
            .hash_password_into_with_memory(job.password.expose().as_bytes(), &job.salt, &mut output, memory)
            .map_err(|error| Error::internal(error.to_string()))?;
        self.evaluated.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok(output)
    }
}

/// How long a job has waited is measured by the machine: it is a matter of load, not of any rule that a test would freeze.
#[expect(clippy::disallowed_methods, reason = "queueing time, never a rule's time")]
fn now() -> Instant {
    Instant::now()
}

fn phc(params: &Params, salt: &[u8], output: &[u8; OUTPUT_BYTES]) -> Result<String, Error> {
    let unusable = |error: argon2::password_hash::phc::Error| Error::internal(error.to_string());
    let hash = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(|error| Error::internal(error.to_string()))?,
        salt: Some(Salt::new(salt).map_err(unusable)?),
        hash: Some(Output::new(output).map_err(unusable)?),
    };
    Ok(hash.to_string())
}

fn parsed(phc: &str) -> Result<(Params, Vec<u8>, Vec<u8>), Error> {
    let odd = || Error::internal("a password hash is not an argon2id PHC string");
    let hash = PasswordHash::new(phc).map_err(|_| odd())?;
    let params = Params::try_from(&hash).map_err(|_| odd())?;
    let (salt, output) = (hash.salt.ok_or_else(odd)?, hash.hash.ok_or_else(odd)?);
    if hash.algorithm != ARGON2ID_IDENT || output.len() != OUTPUT_BYTES {
        return Err(odd());
    }
    Ok((params, salt.to_vec(), output.as_bytes().to_vec()))
}
