//! Room on the disk. Writes are refused before the engine meets a full disk, of which it does not recover while it runs;
//! and a file that can be given up keeps the room that it needs to open on a disk that others have filled.
//!
//! What it refuses to do: let a write take the room without which the store would not open again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, fstatvfs};

/// The file that keeps room, in the store's directory.
const RESERVE_FILE: &str = "reserve";

/// Bytes that the engine may write for each byte of a group: pages are written anew as they grow and as segments are freed.
const WRITTEN_FOR_EACH_BYTE: u64 = 8;

/// Opening writes where each page stands; with the room for that comes what a large store needs: a part of its size.
const STORE_BYTES_FOR_EACH_OF_RESERVE: u64 = 16;

/// What is left to others, such as the audit trail, when the reserve is taken on a full disk.
const LEFT_BYTES: u64 = 512 * 1024;

/// What may be written now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    Ample,
    /// Only what makes records fewer.
    ForRemovals,
    None,
}

/// The room around a store.
pub struct Space {
    folder: File,
    reserve: PathBuf,
    /// What is to be kept: as much in the file, and as much free beside it.
    wanted: u64,
    /// What the file keeps.
    held: u64,
    /// Writes are being refused.
    is_short: bool,
}

impl Space {
    /// Looks at the store in `directory` before it is opened, and gives the reserve up if there is no other room. With
    /// `wanted_bytes` of 0 nothing is kept and nothing is refused.
    pub fn before_opening(directory: &Path, wanted_bytes: u64) -> io::Result<Self> {
        let engine_file = fs::metadata(directory.join("db")).map_or(0, |file| file.len());
        let least = if wanted_bytes == 0 { 0 } else { engine_file / STORE_BYTES_FOR_EACH_OF_RESERVE };
        let reserve = directory.join(RESERVE_FILE);
        // Blocks rather than length: a copy of the file may have holes.
        let held = fs::metadata(&reserve).map_or(0, |file| file.len().min(file.blocks() * 512));
        let folder = File::open(directory)?;
        let disk = fstatvfs(&folder)?;
        if wanted_bytes > disk.f_blocks.saturating_mul(disk.f_frsize) / 4 {
            return Err(io::Error::other("disk_reserve_mib: is more than a quarter of the disk"));
        }
        let mut space = Space { folder, reserve, wanted: wanted_bytes.max(least), held, is_short: false };
        if space.reserve.exists() && space.free()? < space.wanted {
            space.give_up()?;
        }
        Ok(space)
    }

    /// Keeps room again, as much as there is, once the store is open.
    pub fn after_opening(&mut self) -> io::Result<()> {
        let free = self.free()?;
        // Room for both; or on a full disk whatever there is, so that nobody else takes what the next opening needs.
        let mut to_hold = if free + self.held >= 2 * self.wanted {
            self.wanted
        } else {
            (self.held + free).saturating_sub(LEFT_BYTES).min(self.wanted)
        };
        // What is said to be free is not always to be had at once, or others are faster.
        while !self.hold(to_hold)? && to_hold > LEFT_BYTES {
            to_hold /= 2;
        }
        Ok(())
    }

    /// What may be written, if `bytes` are to be. Says in the log when that changes.
    pub fn for_writing(&mut self, bytes: u64) -> io::Result<Room> {
        if self.wanted == 0 {
            return Ok(Room::Ample);
        }
        let free = self.free()?;
        let missing = self.wanted.saturating_sub(self.held);
        // Somewhat more than what was too little, or the least change would end it and begin it anew.
        let more = if self.is_short { self.wanted / 4 } else { 0 };
        if free >= self.wanted + missing + more + WRITTEN_FOR_EACH_BYTE.saturating_mul(bytes) {
            if self.is_short {
                self.is_short = false;
                tracing::info!(free_mib = mib(free), "the disk has room again: writes are accepted");
            }
            if missing > 0 {
                self.hold(self.wanted)?;
            }
            return Ok(Room::Ample);
        }
        if !self.is_short {
            self.is_short = true;
            tracing::error!(
                free_mib = mib(free),
                reserve_mib = mib(self.wanted),
                "the disk is nearly full: writes are refused until there is room"
            );
        }
        // The file itself is not touched: what it gave up now would be gone to others before the next opening.
        let needed = (self.wanted / 4).saturating_add(WRITTEN_FOR_EACH_BYTE.saturating_mul(bytes));
        Ok(if free >= needed { Room::ForRemovals } else { Room::None })
    }

    fn free(&self) -> io::Result<u64> {
        let disk = fstatvfs(&self.folder)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    fn give_up(&mut self) -> io::Result<()> {
        tracing::warn!(reserve_mib = mib(self.held), "the disk is full: the reserve is given up");
        fs::remove_file(&self.reserve)?;
        self.held = 0;
        // A file system with a journal gives blocks out again only once it has noted that they were given back.
        rustix::fs::syncfs(&self.folder)?;
        Ok(())
    }

    /// Makes the file as large as that, if there is room.
    fn hold(&mut self, bytes: u64) -> io::Result<bool> {
        if bytes == self.held {
            return Ok(true);
        }
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&self.reserve)?;
        if bytes > self.held {
            match fallocate(&file, FallocateFlags::empty(), 0, bytes) {
                Ok(()) => {}
                // A file system that cannot set room aside gets it written.
                Err(rustix::io::Errno::OPNOTSUPP) => write_zeros(&mut file, bytes)?,
                Err(rustix::io::Errno::NOSPC) => {
                    file.set_len(self.held)?;
                    return Ok(false);
                }
                Err(cause) => return Err(cause.into()),
            }
        } else {
            file.set_len(bytes)?;
        }
        self.held = bytes;
        Ok(true)
    }
}

fn write_zeros(file: &mut File, bytes: u64) -> io::Result<()> {
    let zeros = [0; 64 * 1024];
    let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
    while left > 0 {
        let part = &zeros[..left.min(zeros.len())];
        file.write_all(part)?;
        left -= part.len();
    }
    Ok(())
}

fn mib(bytes: u64) -> u64 {
    bytes / (1024 * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: u64 = 1024 * 1024;

    fn opened(directory: &Path) -> Space {
        let mut space = Space::before_opening(directory, WANTED).unwrap();
        space.after_opening().unwrap();
        space
    }

    #[test]
    fn the_reserve_is_made_and_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = folder.path().join(RESERVE_FILE);
        let mut space = opened(folder.path());
        assert_eq!(fs::metadata(&reserve).unwrap().len(), WANTED);
        space.give_up().unwrap();
        assert!(!reserve.exists());
        assert_eq!(space.for_writing(0).unwrap(), Room::Ample);
        assert_eq!(fs::metadata(&reserve).unwrap().len(), WANTED);
    }

    #[test]
    fn what_does_not_fit_beside_the_reserve_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut space = opened(folder.path());
        let free = space.free().unwrap();
        assert_eq!(space.for_writing(free).unwrap(), Room::None);
        assert_eq!(space.for_writing(1).unwrap(), Room::Ample);
    }

    #[test]
    fn a_reserve_that_is_the_whole_disk_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Space::before_opening(folder.path(), u64::MAX).is_err());
        let mut unlimited = Space::before_opening(folder.path(), 0).unwrap();
        assert_eq!(unlimited.for_writing(u64::MAX).unwrap(), Room::Ample);
    }
}
