//! How far the store had come, beside the store: so that a log which has lost its end is not taken for a shorter one.
//!
//! With every few groups the committer writes down the version that the group before had made durable; so the witness is
//! never ahead of what a crash leaves, and only a few groups behind; after a power cut some more, since it is synced with
//! every few notes only. At an orderly end it is exact. The engine itself takes a log whose end cannot be read for one that
//! ends there.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

const FILE: &str = "witness";

/// Where the two entries stand, in sectors of their own: while one is written, the other is whole.
const ENTRIES_AT: [u64; 2] = [0, 4096];

/// `[version: 8][CRC-32C of it: 4]`, big-endian.
const ENTRY_BYTES: usize = 12;

/// How often what was noted is synced: each time would cost as much as a commit.
const NOTES_PER_SYNC: u64 = 16;

/// The file, open for writing.
pub struct Witness {
    file: File,
    /// The version that was written last.
    version: u64,
    next: usize,
    /// Versions that were written.
    notes: u64,
}

impl Witness {
    /// Opens the file in `directory`, made if there is none; a store that was made before there were witnesses has none.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let path = directory.join(FILE);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let read = ENTRIES_AT.map(|at| entry(&file, at));
        let entries = read.map(|entry| entry.unwrap_or_default());
        if entries == [None, None] && read.iter().any(Result::is_err) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the file `witness` is damaged"));
        }
        let next = usize::from(entries[0] >= entries[1]);
        Ok(Witness { file, version: entries.into_iter().flatten().max().unwrap_or(0), next, notes: 0 })
    }

    /// The version that the store has at least.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Writes a version down.
    pub fn note(&mut self, version: u64) -> io::Result<()> {
        if version == self.version {
            return Ok(());
        }
        let mut bytes = [0; ENTRY_BYTES];
        let number = version.to_be_bytes();
        bytes[..8].copy_from_slice(&number);
        bytes[8..].copy_from_slice(&crc32c::crc32c(&number).to_be_bytes());
        self.file.write_all_at(&bytes, ENTRIES_AT[self.next])?;
        (self.version, self.next, self.notes) = (version, 1 - self.next, self.notes + 1);
        if self.notes.is_multiple_of(NOTES_PER_SYNC) { self.file.sync_data() } else { Ok(()) }
    }

    /// Writes the last version down, and waits for the disk.
    pub fn conclude(&mut self, version: u64) -> io::Result<()> {
        self.note(version)?;
        self.file.sync_all()
    }
}

/// An entry, if it has been written; an error if it is not as it was written.
fn entry(file: &File, at: u64) -> Result<Option<u64>, ()> {
    let mut bytes = [0; ENTRY_BYTES];
    let length = file.read_at(&mut bytes, at).map_err(|_| ())?;
    if bytes == [0; ENTRY_BYTES] || length == 0 {
        return Ok(None);
    }
    let (number, checksum) = bytes.split_first_chunk::<8>().ok_or(())?;
    if crc32c::crc32c(number).to_be_bytes() == checksum { Ok(Some(u64::from_be_bytes(*number))) } else { Err(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        for version in [0, 1, 2, 3, 7, 7, 8] {
            let mut witness = Witness::open(folder.path()).unwrap();
            witness.note(version).unwrap();
            assert_eq!(Witness::open(folder.path()).unwrap().version(), version);
        }
    }

    #[test]
    fn a_flipped_bit_leaves_the_entry_before_or_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let flipped = |good: &[u8], at: u64, bit: usize| {
            let mut bytes = good.to_vec();
            bytes[usize::try_from(at).unwrap() + bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, bytes).unwrap();
            Witness::open(folder.path()).map(|witness| witness.version()).ok()
        };
        let mut witness = Witness::open(folder.path()).unwrap();
        witness.note(1).unwrap();
        let one = std::fs::read(&path).unwrap();
        witness.note(2).unwrap();
        let two = std::fs::read(&path).unwrap();
        for bit in 0..8 * ENTRY_BYTES {
            assert_eq!(flipped(&one, ENTRIES_AT[1], bit), None);
            assert_eq!(flipped(&two, ENTRIES_AT[0], bit), Some(1));
            assert_eq!(flipped(&two, ENTRIES_AT[1], bit), Some(2));
        }
    }
}
