//! Reading a backup: every byte is checked, and what is wrong is said.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use aws_lc_rs::digest;
use prost::Message;

use super::files::is_permitted;
use super::format::{
    BackupKey, FORMAT_VERSION, MAGIC, MESSAGE_BYTES_MAX, PIECE_HEAD_BYTES, Piece, RecordsDigest, Summary,
};
use crate::crypto::secret::same;
use crate::store::records::{BackupEntries, BackupFile, BackupHeader, BackupTrailer};
use crate::store::{Entry, Value};

/// Why a file is no backup, or no longer the one that was made.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("{0}")]
    File(#[from] io::Error),
    #[error("is no backup of Cognate")]
    NoBackup,
    #[error("is of format version {0}; this version of Cognate reads version {FORMAT_VERSION}")]
    FormatVersion(u32),
    #[error("is cut off after {0} bytes")]
    Truncated(u64),
    #[error("is damaged between byte {from} and byte {to}")]
    Damaged { from: u64, to: u64 },
    #[error("goes on after its end, which is at byte {0}")]
    Appended(u64),
    #[error("is not as it was made: {0}")]
    Wrong(&'static str),
    #[error("was made under another key-encryption key")]
    ForeignKey,
    #[error("was changed by somebody who does not have the key-encryption key")]
    Forged,
}

/// Something that a backup holds.
#[derive(Debug)]
pub enum Part {
    File(BackupFile),
    Entries(Vec<Entry>),
}

/// A backup that is being read.
pub struct Reader<'a, R> {
    input: R,
    position: u64,
    digest: digest::Context,
    key: Option<&'a BackupKey>,
    header: BackupHeader,
    records: RecordsDigest,
    files: u64,
    last_key: Vec<u8>,
    summary: Option<Summary>,
}

impl<'a, R: Read> Reader<'a, R> {
    /// Reads the beginning. With a key, it must be the one under which the backup was made.
    pub fn open(input: R, key: Option<&'a BackupKey>) -> Result<Self, Unreadable> {
        let mut reader = Reader {
            input,
            position: 0,
            digest: digest::Context::new(&digest::SHA256),
            key,
            header: BackupHeader::default(),
            records: RecordsDigest::new(),
            files: 0,
            last_key: Vec::new(),
            summary: None,
        };
        let mut magic = [0; MAGIC.len()];
        reader.exactly(&mut magic)?;
        if magic != MAGIC {
            return Err(Unreadable::NoBackup);
        }
        let mut version = [0; 4];
        reader.exactly(&mut version)?;
        if version != FORMAT_VERSION.to_be_bytes() {
            return Err(Unreadable::FormatVersion(u32::from_be_bytes(version)));
        }
        let (kind, message) = reader.piece()?;
        if kind != Piece::Header {
            return Err(Unreadable::Wrong("it does not begin with its header"));
        }
        reader.header = decoded(&message)?;
        if key.is_some_and(|key| !same(&key.check(), &reader.header.key_check)) {
            return Err(Unreadable::ForeignKey);
        }
        Ok(reader)
    }

    pub fn header(&self) -> &BackupHeader {
        &self.header
    }

    /// The next part; none once the end was reached and everything agrees with it.
    #[expect(clippy::should_implement_trait, reason = "it fails, and ends with a summary")]
    pub fn next(&mut self) -> Result<Option<Part>, Unreadable> {
        if self.summary.is_some() {
            return Ok(None);
        }
        let before = self.digest.clone();
        let (kind, message) = self.piece()?;
        match kind {
            Piece::Header => Err(Unreadable::Wrong("it has two headers")),
            Piece::File => self.file(&message).map(Some),
            Piece::Entries => self.entries(&message).map(Some),
            Piece::Trailer => self.end(&message, before.finish().as_ref()).map(|()| None),
        }
    }

    /// What the backup holds, once all of it was read.
    pub fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    fn file(&mut self, message: &[u8]) -> Result<Part, Unreadable> {
        let file: BackupFile = decoded(message)?;
        if self.records.count > 0 {
            return Err(Unreadable::Wrong("a file stands among its records"));
        }
        if !is_permitted(&file.path) {
            return Err(Unreadable::Wrong("it has a file that does not belong to an access directory"));
        }
        self.files += 1;
        Ok(Part::File(file))
    }

    fn entries(&mut self, message: &[u8]) -> Result<Part, Unreadable> {
        let entries: BackupEntries = decoded(message)?;
        let mut read = Vec::with_capacity(entries.entries.len());
        for entry in entries.entries {
            // What begins with 1 or less the store counts for itself.
            if entry.key <= self.last_key || entry.key.first().is_none_or(|kind| *kind <= 1) {
                return Err(Unreadable::Wrong("its records are out of order"));
            }
            if entry.version > self.header.sequence {
                return Err(Unreadable::Wrong("it has a record that is newer than itself"));
            }
            self.last_key.clone_from(&entry.key);
            let deadline = Some(entry.deadline).filter(|at| *at != 0);
            let value = Value { version: entry.version, deadline, bytes: entry.record };
            self.records.add(&entry.key, &value);
            read.push((entry.key, value));
        }
        Ok(Part::Entries(read))
    }

    fn end(&mut self, message: &[u8], file_digest: &[u8]) -> Result<(), Unreadable> {
        let trailer: BackupTrailer = decoded(message)?;
        let records = std::mem::replace(&mut self.records, RecordsDigest::new());
        if (trailer.records, trailer.files) != (records.count, self.files) {
            return Err(Unreadable::Wrong("it has not as many records and files as its end says"));
        }
        if trailer.file_digest != file_digest || trailer.records_digest != records.finish() {
            return Err(Unreadable::Wrong("its digest is another one"));
        }
        if self.key.is_some_and(|key| !same(&key.authentication(file_digest), &trailer.authentication)) {
            return Err(Unreadable::Forged);
        }
        let end = self.position;
        if self.input.read(&mut [0])? > 0 {
            return Err(Unreadable::Appended(end));
        }
        self.summary = Some(Summary::of(&self.header, &trailer));
        Ok(())
    }

    fn piece(&mut self) -> Result<(Piece, Vec<u8>), Unreadable> {
        let from = self.position;
        let mut head = [0; PIECE_HEAD_BYTES];
        self.exactly(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_be_bytes(length) as usize;
        if length > MESSAGE_BYTES_MAX {
            return Err(Unreadable::Damaged { from, to: self.position });
        }
        let mut message = vec![0; length];
        self.exactly(&mut message)?;
        let mut checksum = [0; 4];
        self.exactly(&mut checksum)?;
        if crc32c::crc32c_append(crc32c::crc32c(&head), &message) != u32::from_be_bytes(checksum) {
            return Err(Unreadable::Damaged { from, to: self.position });
        }
        let kind = Piece::of(kind).ok_or(Unreadable::Wrong("it has a piece of a kind that there is not"))?;
        Ok((kind, message))
    }

    fn exactly(&mut self, bytes: &mut [u8]) -> Result<(), Unreadable> {
        self.input.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof if self.position == 0 => Unreadable::NoBackup,
            io::ErrorKind::UnexpectedEof => Unreadable::Truncated(self.position),
            _ => Unreadable::File(error),
        })?;
        self.position += bytes.len() as u64;
        self.digest.update(bytes);
        Ok(())
    }
}

fn decoded<M: Message + Default>(message: &[u8]) -> Result<M, Unreadable> {
    M::decode(message).map_err(|_| Unreadable::Wrong("it has a piece that does not say what its kind says"))
}

/// Reads a whole backup. Without a key it cannot be told who made it.
pub fn verify(path: &Path, key: Option<&BackupKey>) -> Result<Summary, Unreadable> {
    let mut reader = Reader::open(BufReader::new(File::open(path)?), key)?;
    while reader.next()?.is_some() {}
    reader.summary().cloned().ok_or(Unreadable::Wrong("it has no end"))
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use prost::Message as _;

    use super::super::format::piece;
    use super::super::write::{Source, write};
    use super::*;
    use crate::clock::from_milliseconds;
    use crate::crypto::keys::KeyEncryptionKey;
    use crate::domain::ids::PoolId;
    use crate::rng::Rng;
    use crate::store::records::{BackupEntry, NameOwner};
    use crate::store::{Batch, SledStore, Store as _, UsernameKey};

    fn key(seed: u64) -> BackupKey {
        BackupKey::new(&KeyEncryptionKey::generate(&Rng::seeded(seed)))
    }

    /// A small backup: three records, a principals file and a policy.
    fn backup() -> &'static [u8] {
        static BACKUP: OnceLock<Vec<u8>> = OnceLock::new();
        BACKUP.get_or_init(|| tokio::runtime::Runtime::new().unwrap().block_on(taken()))
    }

    async fn taken() -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let access = folder.path().join("access");
        std::fs::create_dir_all(access.join("policies")).unwrap();
        std::fs::write(access.join("principals.toml"), "# nobody\n").unwrap();
        std::fs::write(access.join("policies/read-only.json"), "{}").unwrap();
        let store = SledStore::open(&folder.path().join("store"), 8 * 1024 * 1024).unwrap();
        let mut batch = Batch::default();
        for name in ["alice", "bob", "carol"] {
            let key = UsernameKey { pool: PoolId("us-east-1_Example12".into()), name: name.into() };
            batch.put(&key, &NameOwner { sub: name.into() });
        }
        store.commit(batch).await.unwrap();
        let source = Source {
            store: &store,
            access_directory: &access,
            key: &key(1),
            region: "us-east-1",
            account: "000000000000",
            now: from_milliseconds(1),
        };
        let mut output = Vec::new();
        write(&source, &mut output).await.unwrap();
        output
    }

    fn read(bytes: &[u8], key: Option<&BackupKey>) -> Result<(Vec<Part>, Summary), Unreadable> {
        let (mut reader, mut parts) = (Reader::open(bytes, key)?, Vec::new());
        while let Some(part) = reader.next()? {
            parts.push(part);
        }
        Ok((parts, reader.summary().unwrap().clone()))
    }

    /// The pieces of a backup, each with its message.
    fn pieces(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let (mut rest, mut pieces) = (&bytes[MAGIC.len() + 4..], Vec::new());
        while let [kind, a, b, c, d, more @ ..] = rest {
            let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
            pieces.push((*kind, more[..length].to_vec()));
            rest = &more[length + 4..];
        }
        pieces
    }

    /// A file of these pieces, with checksums that are right.
    fn file_of(pieces: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let mut file = [MAGIC, &FORMAT_VERSION.to_be_bytes()].concat();
        for (kind, message) in pieces {
            let start = file.len();
            file.push(*kind);
            file.extend((message.len() as u32).to_be_bytes());
            file.extend(message);
            file.extend(crc32c::crc32c(&file[start..]).to_be_bytes());
        }
        file
    }

    #[test]
    fn a_backup_holds_what_was_there() {
        let (parts, summary) = read(backup(), Some(&key(1))).unwrap();
        let [Part::File(policy), Part::File(principals), Part::Entries(entries)] = parts.as_slice() else {
            panic!("{parts:?}")
        };
        assert_eq!((policy.path.as_str(), policy.contents.as_slice()), ("policies/read-only.json", b"{}".as_slice()));
        assert_eq!(principals.path, "principals.toml");
        assert_eq!(entries.len(), 3);
        assert_eq!((summary.records, summary.files, summary.sequence, summary.epoch), (3, 2, 1, 0));
        assert_eq!(summary.created_at, 1);
        assert_eq!(file_of(&pieces(backup())), backup(), "the format is what its description says");
    }

    #[test]
    fn a_flipped_bit_anywhere_is_refused() {
        for at in 0..backup().len() {
            for bit in 0..8 {
                let mut flipped = backup().to_vec();
                flipped[at] ^= 1 << bit;
                assert!(read(&flipped, None).is_err(), "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn what_is_cut_off_or_goes_on_is_refused_by_name() {
        for length in 1..backup().len() {
            let refused = read(&backup()[..length], None).unwrap_err();
            let is_named = matches!(refused, Unreadable::Truncated(_)) || length < MAGIC.len();
            assert!(is_named, "{length} bytes: {refused}");
        }
        assert!(matches!(read(&[], None), Err(Unreadable::NoBackup)));
        let longer = [backup(), &[0]].concat();
        assert!(matches!(read(&longer, None), Err(Unreadable::Appended(end)) if end == backup().len() as u64));
        let twice = [backup(), backup()].concat();
        assert!(matches!(read(&twice, None), Err(Unreadable::Appended(_))));
        assert!(matches!(read(b"{\"a\": \"file of another kind\"}", None), Err(Unreadable::NoBackup)));
        let mut newer = backup().to_vec();
        newer[MAGIC.len() + 3] = 2;
        assert!(matches!(read(&newer, None), Err(Unreadable::FormatVersion(2))));
    }

    #[test]
    fn pieces_dropped_moved_or_repeated_are_refused() {
        let whole = pieces(backup());
        assert_eq!(whole.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), *b"HFFET");
        for at in 0..whole.len() {
            let mut dropped = whole.clone();
            dropped.remove(at);
            assert!(read(&file_of(&dropped), None).is_err(), "without piece {at}");
            let mut repeated = whole.clone();
            repeated.insert(at, whole[at].clone());
            assert!(read(&file_of(&repeated), None).is_err(), "piece {at} twice");
            for other in 0..at {
                let mut moved = whole.clone();
                moved.swap(at, other);
                assert!(read(&file_of(&moved), None).is_err(), "{other} in the place of {at}");
            }
        }
    }

    #[test]
    fn another_key_is_told_and_so_is_a_change_by_somebody_without_it() {
        assert!(matches!(read(backup(), Some(&key(2))), Err(Unreadable::ForeignKey)));
        // Somebody who can calculate every checksum gives Alice's name to another user.
        let mut pieces = pieces(backup());
        let mut entries = BackupEntries::decode(pieces[3].1.as_slice()).unwrap();
        entries.entries[0].record = NameOwner { sub: "mallory".into() }.encode_to_vec();
        let mut digest = RecordsDigest::new();
        for BackupEntry { key, version, record, .. } in &entries.entries {
            digest.add(key, &Value { version: *version, deadline: None, bytes: record.clone() });
        }
        pieces[3].1 = entries.encode_to_vec();
        let body = file_of(&pieces[..4]);
        let mut trailer = BackupTrailer::decode(pieces[4].1.as_slice()).unwrap();
        trailer.records_digest = digest.finish();
        trailer.file_digest = digest::digest(&digest::SHA256, &body).as_ref().to_vec();
        let forged = [body, piece(Piece::Trailer, &trailer)].concat();
        assert!(read(&forged, None).is_ok(), "without the key nobody can tell");
        assert!(matches!(read(&forged, Some(&key(1))), Err(Unreadable::Forged)));
    }

    #[test]
    fn a_file_can_be_put_nowhere_but_in_the_access_directory() {
        for path in ["principals.toml", "policies/read-only.json"] {
            assert!(is_permitted(path), "{path}");
        }
        for path in
            ["", "key", "../key", "policies/../../key.json", "policies/a/b.json", "policies/.json", "/etc/x.json"]
        {
            assert!(!is_permitted(path), "{path}");
        }
    }
}
