//! The format of a backup, which is also the export.
//!
//! ```text
//! backup = "COGNATE\n", format version (4 bytes), pieces
//! piece  = kind (1 byte), length (4 bytes), message (that many bytes), CRC-32C of the three (4 bytes)
//! ```
//!
//! Numbers are big-endian; messages are those of `proto/storage/v1/backup.proto`. The pieces are, in this order: one header
//! (`H`), files (`F`), entries (`E`), one trailer (`T`). Entries stand in the order of their keys, each key once, so two
//! backups can be compared. Nothing follows the trailer.
//!
//! **The digest of records** is a SHA-256 over every entry in order: key, version, deadline (0 for none) and record, each
//! preceded by its length in 8 bytes, numbers in 8 bytes. It depends on nothing but the records: a restored store has it too.

use std::fmt;

use aws_lc_rs::digest;

use crate::clock::from_milliseconds;
use crate::crypto::keys::{KeyEncryptionKey, Purpose, keyed_hash};
use crate::crypto::secret::Secret;
use crate::store::Value;
use crate::store::records::{BackupHeader, BackupTrailer};

pub(super) const MAGIC: &[u8] = b"COGNATE\n";

/// What this version writes, and the only one that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// The largest message of a piece.
pub(super) const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes of a piece before its message.
pub(super) const PIECE_HEAD_BYTES: usize = 1 + 4;

/// What a piece holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Piece {
    Header = b'H',
    File = b'F',
    Entries = b'E',
    Trailer = b'T',
}

impl Piece {
    pub fn of(byte: u8) -> Option<Self> {
        [Piece::Header, Piece::File, Piece::Entries, Piece::Trailer].into_iter().find(|piece| *piece as u8 == byte)
    }
}

/// A piece, ready to be written.
pub(super) fn piece(kind: Piece, message: &impl prost::Message) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(PIECE_HEAD_BYTES + message.encoded_len() + 4);
    bytes.push(kind as u8);
    // Whoever writes pieces keeps them far below 4 GiB.
    bytes.extend_from_slice(&u32::try_from(message.encoded_len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(&message.encode_to_vec());
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_be_bytes());
    bytes
}

/// The digest of records, as far as they have come.
pub(super) struct RecordsDigest {
    context: digest::Context,
    pub count: u64,
}

impl RecordsDigest {
    pub fn new() -> Self {
        RecordsDigest { context: digest::Context::new(&digest::SHA256), count: 0 }
    }

    pub fn add(&mut self, key: &[u8], value: &Value) {
        let (version, deadline) = (value.version.to_be_bytes(), value.deadline.unwrap_or(0).to_be_bytes());
        for part in [key, &version, &deadline, &value.bytes] {
            self.context.update(&(part.len() as u64).to_be_bytes());
            self.context.update(part);
        }
        self.count += 1;
    }

    pub fn finish(self) -> Vec<u8> {
        self.context.finish().as_ref().to_vec()
    }
}

/// Proves that a backup was made under a key-encryption key, and that nobody without it has changed a byte.
pub struct BackupKey(Secret<[u8; 32]>);

impl BackupKey {
    pub fn new(key: &KeyEncryptionKey) -> Self {
        BackupKey(key.derive(Purpose::Backup))
    }

    /// What the header of every backup under this key has.
    pub(super) fn check(&self) -> [u8; 32] {
        keyed_hash(self.0.expose(), &[b"key check"])
    }

    /// What the trailer of a backup with this digest has.
    pub(super) fn authentication(&self, file_digest: &[u8]) -> [u8; 32] {
        keyed_hash(self.0.expose(), &[b"file digest", file_digest])
    }
}

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Milliseconds since 1970.
    pub created_at: i64,
    pub sequence: u64,
    pub epoch: u64,
    pub records: u64,
    pub files: u64,
    pub records_digest: Vec<u8>,
}

impl Summary {
    pub(super) fn of(header: &BackupHeader, trailer: &BackupTrailer) -> Self {
        Summary {
            created_at: header.created_at,
            sequence: header.sequence,
            epoch: header.epoch,
            records: trailer.records,
            files: trailer.files,
            records_digest: trailer.records_digest.clone(),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { created_at, sequence, records, files, records_digest, .. } = self;
        let (at, digest) = (from_milliseconds(*created_at), hex::encode(records_digest));
        write!(out, "{records} records at sequence {sequence} and {files} access files, of {at}, digest {digest}")
    }
}
