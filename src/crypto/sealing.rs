//! Sealing: what must be readable again stands on disk only encrypted and bound to its place.
//!
//! AES-256-GCM-SIV: a repeated nonce, of which nobody need then be afraid, reveals only that two texts are equal.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::secret::Secret;
use crate::rng::Rng;

/// Seals and opens under one key.
pub struct Sealer(LessSafeKey);

/// The bytes are not what was sealed for this place.
#[derive(Debug, thiserror::Error)]
#[error("sealed data cannot be opened: the key-encryption key is another one, or the data was changed")]
pub struct CannotOpen;

impl Sealer {
    pub fn new(key: &Secret<[u8; 32]>) -> Self {
        let key = UnboundKey::new(&AES_256_GCM_SIV, key.expose()).expect("the key has the algorithm's length");
        Sealer(LessSafeKey::new(key))
    }

    /// Encrypts `secret` for `place`: it opens nowhere else.
    pub fn seal(&self, place: &[u8], secret: &[u8], rng: &Rng) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = rng.bytes();
        let mut text = secret.to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut text)
            .expect("what is sealed is far below the algorithm's limit");
        [nonce.as_slice(), &text].concat()
    }

    /// Decrypts what was sealed for `place`.
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Secret<Vec<u8>>, CannotOpen> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(CannotOpen)?;
        let mut text = text.to_vec();
        let opened = self.0.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(place), &mut text);
        let length = opened.map_err(|_| CannotOpen)?.len();
        text.truncate(length);
        Ok(Secret::new(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_place_alone() {
        let (rng, sealer) = (Rng::seeded(1), Sealer::new(&Secret::new([7; 32])));
        let sealed = sealer.seal(b"here", b"secret", &rng);
        assert_eq!(sealer.open(b"here", &sealed).unwrap().expose(), b"secret");
        assert!(sealer.open(b"there", &sealed).is_err());
        assert!(Sealer::new(&Secret::new([8; 32])).open(b"here", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(sealer.open(b"here", &changed).is_err());
            assert!(sealer.open(b"here", &sealed[..at]).is_err());
        }
    }
}
