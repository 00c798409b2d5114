//! Where chance comes from. No other file may ask the machine, so a seeded test sees the same ids and codes each time.

use std::sync::Mutex;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

/// The source of chance that a process was given.
pub enum Rng {
    /// The operating system's generator, by aws-lc.
    System(SystemRandom, Mutex<Ahead>),
    /// A generator whose whole output follows from its seed: for tests.
    Seeded(Box<Mutex<ChaCha20Rng>>),
}

impl Rng {
    pub fn system() -> Self {
        Rng::System(SystemRandom::new(), Mutex::default())
    }

    pub fn seeded(seed: u64) -> Self {
        Rng::Seeded(Box::new(Mutex::new(ChaCha20Rng::seed_from_u64(seed))))
    }

    /// Fills `bytes` with chance.
    ///
    /// # Panics
    /// When the operating system has no randomness to give: nothing secure could follow.
    pub fn fill(&self, bytes: &mut [u8]) {
        match self {
            Rng::System(system, _) => system.fill(bytes).expect("the operating system gives randomness"),
            Rng::Seeded(seeded) => seeded.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).fill_bytes(bytes),
        }
    }

    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A random UUID (version 4): an id, never a secret.
    pub fn uuid(&self) -> uuid::Uuid {
        let bytes = match self {
            Rng::System(_, ahead) => {
                ahead.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).next(|bytes| self.fill(bytes))
            }
            Rng::Seeded(_) => self.bytes(),
        };
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// A text of `length` characters, each drawn evenly from `alphabet` (at most 256 ASCII characters).
    pub fn text(&self, length: usize, alphabet: &[u8]) -> String {
        // Bytes past the last whole multiple of the alphabet are drawn again, or the first characters would come more often.
        let even = 256 - 256 % alphabet.len();
        let mut text = String::with_capacity(length);
        while text.len() < length {
            let byte = usize::from(self.bytes::<1>()[0]);
            if byte < even {
                text.push(char::from(alphabet[byte % alphabet.len()]));
            }
        }
        text
    }

    /// A code of `length` decimal digits.
    pub fn digits(&self, length: usize) -> String {
        self.text(length, b"0123456789")
    }
}

/// Chance for ids, drawn for many at a time: for sixteen bytes the system's generator takes as long as for a thousand, and a
/// request has an id, and its record another.
#[derive(Default)]
pub struct Ahead {
    ids: Vec<[u8; 16]>,
}

/// Ids for which chance is drawn at a time.
const IDS_AHEAD: usize = 64;

impl Ahead {
    /// The chance of one id; each is given once.
    fn next(&mut self, fill: impl FnOnce(&mut [u8])) -> [u8; 16] {
        if let Some(next) = self.ids.pop() {
            return next;
        }
        let mut drawn = [[0; 16]; IDS_AHEAD];
        fill(drawn.as_flattened_mut());
        let [next, ahead @ ..] = drawn;
        self.ids.extend(ahead);
        next
    }
}
