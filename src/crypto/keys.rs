//! The key-encryption key: 32 bytes in a file, from which every other key of the service is derived.
//!
//! One label, one purpose: a key is never used for two things. Losing the file loses what is sealed and every password
//! hash, so it belongs in a backup of its own, apart from the data.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;

use super::secret::Secret;
use crate::rng::Rng;

/// What a derived key is for.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    /// Sealing records and access keys.
    Sealing,
    /// The keyed part of password hashes.
    Pepper,
    /// Hashes of mailed codes.
    Codes,
    /// Refresh tokens and sessions as their bearers hold them.
    OpaqueTokens,
    /// Stable answers about users who do not exist.
    Simulation,
    /// The chain of the audit trail.
    Audit,
    /// Telling that a backup was made under this key, and is as it was made.
    Backup,
}

/// The root of all keys.
pub struct KeyEncryptionKey(Secret<[u8; 32]>);

impl KeyEncryptionKey {
    pub fn generate(rng: &Rng) -> Self {
        KeyEncryptionKey(Secret::new(rng.bytes()))
    }

    /// Reads the key: 64 hexadecimal digits in a file that nobody but its owner may read.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "others may read the file; chmod it to 0400"));
        }
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let text = Secret::new(text);
        let mut key = [0; 32];
        hex::decode_to_slice(text.expose().trim(), &mut key)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the file does not hold 64 hexadecimal digits"))?;
        Ok(KeyEncryptionKey(Secret::new(key)))
    }

    /// Writes the key to a new file of mode 0400, durably, whole or not at all. An existing file is never replaced.
    pub fn write_new(&self, path: &Path) -> io::Result<()> {
        let unfinished = path.with_extension("new");
        if unfinished.exists() {
            fs::remove_file(&unfinished)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(&unfinished)?;
        let text = Secret::new(hex::encode(self.0.expose()));
        writeln!(file, "{}", text.expose())?;
        file.sync_all()?;
        let linked = fs::hard_link(&unfinished, path);
        fs::remove_file(&unfinished)?;
        linked?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }

    /// The key for one purpose.
    pub fn derive(&self, purpose: Purpose) -> Secret<[u8; 32]> {
        let label = match purpose {
            Purpose::Sealing => "cognate sealing 1",
            Purpose::Pepper => "cognate pepper 1",
            Purpose::Codes => "cognate codes 1",
            Purpose::OpaqueTokens => "cognate opaque tokens 1",
            Purpose::Simulation => "cognate simulation 1",
            Purpose::Audit => "cognate audit 1",
            Purpose::Backup => "cognate backup 1",
        };
        Secret::new(keyed_hash(self.0.expose(), &[label.as_bytes()]))
    }
}

/// A key for hashes, made ready once.
pub struct HashKey(hmac::Key);

impl HashKey {
    pub fn new(key: &[u8]) -> Self {
        HashKey(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// HMAC-SHA-256 over parts, each preceded by its length so that no two lists of parts hash alike.
    pub fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
}

/// The hash by a key that is used once.
pub fn keyed_hash(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    HashKey::new(key).hash(parts)
}

/// An id in the form of a random one, the same for the same hash.
pub fn uuid_of(hash: [u8; 32]) -> uuid::Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_for_its_owner_alone_and_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let key = KeyEncryptionKey::generate(&Rng::seeded(1));
        key.write_new(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o400);
        let again = KeyEncryptionKey::read(&path).unwrap();
        assert_eq!(key.derive(Purpose::Codes).expose(), again.derive(Purpose::Codes).expose());
        assert!(key.write_new(&path).is_err(), "an existing key is never replaced");
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        KeyEncryptionKey::generate(&Rng::seeded(1)).write_new(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
        assert!(KeyEncryptionKey::read(&path).is_err());
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(keyed_hash(b"k", &[b"ab", b"c"]), keyed_hash(b"k", &[b"a", b"bc"]));
    }
}
