//! Password hashing: argon2id on threads of its own.
//!
//! As many threads as cores, each with memory that it reuses, so a storm of sign-ins costs a known amount of memory. Who may
//! hash, and who waits for it, is a matter of [`Places`]: no hash without a [`Place`]. The threads stand back for all others, so
//! no cheap request waits behind a hash.
//!
//! The hash is keyed: a pepper derived from the key-encryption key goes in as argon2's secret, so the store's files alone
//! do not allow guessing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};

use super::places::{Place, Places, Who};
use super::secret::{Secret, same};
use super::workers::{Pool, Workers};
use crate::domain::source::Source;
use crate::error::Error;
use crate::rng::Rng;

const OUTPUT_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

/// Places for each thread. While one hashes, the others count their attempts, sign their tokens and commit; on a disk that
/// needs 20 ms for a commit, so many keep the thread busy.
const PLACES_PER_THREAD: usize = 4;

/// How far the threads stand back, as `nice` has it. With both of two cores hashing, GetUser's 99th percentile was 2 to 7 times
/// that of an idle server without it and 1 to 2 times with it; more gained nothing, and left less against other processes.
const NICENESS: i32 = 10;

/// What a hash costs, and how long a queue of them may be.
#[derive(Clone, Debug)]
pub struct Settings {
    /// argon2's memory, in KiB.
    pub memory_kib: u32,
    /// argon2's passes over it.
    pub iterations: u32,
    pub threads: usize,
    /// Attempts that may wait for a place; one more is refused.
    pub queue_max: usize,
    /// How long an attempt may wait for a place before it is refused.
    pub wait_max: Duration,
}

/// The pool of hashing threads.
pub struct PasswordHasher {
    threads: Workers<Vec<Block>>,
    places: Arc<Places>,
    pepper: Arc<Secret<[u8; 32]>>,
    params: Params,
    evaluated: Arc<AtomicU64>,
    /// Compared against when there is no user: as costly as any other, and never right.
    decoy: String,
}

impl PasswordHasher {
    /// Starts the threads. Fails when the settings are beyond argon2's bounds.
    pub fn start(settings: Settings, pepper: Secret<[u8; 32]>, rng: &Rng) -> Result<Self, String> {
        let params = Params::new(settings.memory_kib, settings.iterations, 1, Some(OUTPUT_BYTES))
            .map_err(|error| format!("password_hash_memory_kib, password_hash_iterations: {error}"))?;
        let places = settings.threads.saturating_mul(PLACES_PER_THREAD);
        let pool = Pool { name: "argon2", threads: settings.threads, queue_max: places, niceness: NICENESS };
        let decoy = phc(&params, &rng.bytes::<SALT_BYTES>(), &rng.bytes()).map_err(|error| error.to_string())?;
        Ok(PasswordHasher {
            threads: Workers::start(pool).map_err(|error| error.to_string())?,
            places: Places::new(places, settings.queue_max, settings.wait_max),
            pepper: Arc::new(pepper),
            params,
            evaluated: Arc::default(),
            decoy,
        })
    }

    /// Waits for leave to hash, or is refused it.
    pub async fn place(&self, source: Source, who: Who) -> Result<Place, Error> {
        self.places.take(source, who).await
    }

    /// A PHC string for a new password.
    pub async fn hash(&self, _leave: &Place, password: &Secret<String>, rng: &Rng) -> Result<String, Error> {
        let salt = rng.bytes::<SALT_BYTES>();
        let output = self.evaluate(password, self.params.clone(), Salt::new(&salt).map_err(unusable)?).await?;
        phc(&self.params, &salt, &output)
    }

    /// Whether the password is the one of the PHC string, compared in constant time.
    pub async fn verify(&self, _leave: &Place, password: &Secret<String>, phc: &str) -> Result<bool, Error> {
        let (params, salt, expected) = parsed(phc)?;
        let output = self.evaluate(password, params, salt).await?;
        Ok(same(&output, expected.as_bytes()))
    }

    /// Spends what a verification costs, for a user who does not exist.
    pub async fn verify_nobody(&self, leave: &Place, password: &Secret<String>) -> Result<(), Error> {
        self.verify(leave, password, &self.decoy).await.map(|_| ())
    }

    /// Does what an attempt costs beside hashing, on the hashing threads: what a place is not given for is not done.
    pub async fn run<T: Send + 'static>(
        &self,
        _leave: &Place,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.threads.run(move |_| work()).await
    }

    /// Whether a hash was made with less work than today's settings ask for.
    pub fn is_outdated(&self, phc: &str) -> bool {
        parsed(phc)
            .is_ok_and(|(params, ..)| params.m_cost() < self.params.m_cost() || params.t_cost() < self.params.t_cost())
    }

    /// How many hashes were evaluated since the start.
    pub fn evaluated(&self) -> u64 {
        self.evaluated.load(Ordering::SeqCst)
    }

    /// How many attempts wait for a place.
    pub fn waiting(&self) -> usize {
        self.places.waiting()
    }

    async fn evaluate(
        &self,
        password: &Secret<String>,
        params: Params,
        salt: Salt,
    ) -> Result<[u8; OUTPUT_BYTES], Error> {
        let (password, pepper, evaluated) = (password.clone(), self.pepper.clone(), self.evaluated.clone());
        let hash = move |memory: &mut Vec<Block>| {
            let output = argon2id(pepper.expose(), params, password.expose(), &salt, memory);
            evaluated.fetch_add(1, Ordering::SeqCst);
            output
        };
        self.threads.run(hash).await?.map_err(|error| Error::internal(error.to_string()))
    }
}

/// One hash, in memory that is made at the first and kept for all that follow.
fn argon2id(
    pepper: &[u8],
    params: Params,
    password: &str,
    salt: &[u8],
    memory: &mut Vec<Block>,
) -> argon2::Result<[u8; OUTPUT_BYTES]> {
    if memory.len() < params.block_count() {
        *memory = vec![Block::new(); params.block_count()];
    }
    let argon2 = Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, params)?;
    let mut output = [0; OUTPUT_BYTES];
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut output, memory)?;
    Ok(output)
}

fn unusable(error: argon2::password_hash::phc::Error) -> Error {
    Error::internal(error.to_string())
}

fn phc(params: &Params, salt: &[u8], output: &[u8; OUTPUT_BYTES]) -> Result<String, Error> {
    let hash = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(|error| Error::internal(error.to_string()))?,
        salt: Some(Salt::new(salt).map_err(unusable)?),
        hash: Some(Output::new(output).map_err(unusable)?),
    };
    Ok(hash.to_string())
}

fn parsed(phc: &str) -> Result<(Params, Salt, Output), Error> {
    let odd = || Error::internal("a password hash is not an argon2id PHC string");
    let hash = PasswordHash::new(phc).map_err(|_| odd())?;
    let params = Params::try_from(&hash).map_err(|_| odd())?;
    let (salt, output) = (hash.salt.ok_or_else(odd)?, hash.hash.ok_or_else(odd)?);
    if hash.algorithm != ARGON2ID_IDENT || output.len() != OUTPUT_BYTES {
        return Err(odd());
    }
    Ok((params, salt, output))
}
