//! The barrier: what was applied before it survives a power cut.
//!
//! The engine writes in two places. Its log is the file `db`. A page that is too large for the log goes to a file of its own
//! in `blobs`, and the log refers to it. sled's own `flush()` brings neither to the disk for certain: of the log it leaves
//! out the file's length and the disk's cache (it uses `sync_file_range`), the files of pages it does not sync at all. In
//! simulated power cuts it lost acknowledged writes.
//!
//! While no page was written beside the log, `fdatasync` of the log makes up for that. Otherwise `syncfs` does, which costs
//! more: it waits for all files of the file system, those of others too. Which of them it must be is nothing to be guessed
//! from the sizes of records, since a page holds many, long keys make large pages as well, and readers too write pages, when
//! they split one. The kernel tells: it counts each file in `blobs` that was closed after writing. Where it does not, it is
//! always `syncfs`.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use ::sled::Db;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

use super::engine;
use crate::store::Failure;

/// What stands between a batch and its answer.
pub struct Barrier {
    folder: File,
    log: File,
    /// Nothing if the kernel does not tell of pages beside the log.
    pages: Option<Pages>,
}

impl Barrier {
    /// For the store that is open in this directory. All that was written there so far, by a killed process perhaps, is on
    /// disk when this returns.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let pages = Pages::watch(&directory.join("blobs"))
            .inspect_err(|cause| tracing::warn!(%cause, "files cannot be watched: commits sync the whole file system"));
        let (folder, log) = (File::open(directory)?, File::open(directory.join("db"))?);
        let barrier = Barrier { folder, log, pages: pages.ok() };
        rustix::fs::syncfs(&barrier.folder)?;
        Ok(barrier)
    }

    /// Returns when everything applied so far survives a power cut.
    pub fn pass(&self, tree: &Db) -> Result<(), Failure> {
        let Some(pages) = &self.pages else {
            tree.flush().map_err(engine)?;
            return self.sync_everything();
        };
        // These come first, so that the log does not refer to a page that a power cut takes away.
        if pages.were_written() {
            self.sync_everything()?;
        }
        tree.flush().map_err(engine)?;
        self.log.sync_data().map_err(|error| Failure::Engine(format!("fdatasync: {error}")))?;
        // A reader may have written one meanwhile.
        if pages.were_written() { self.sync_everything() } else { Ok(()) }
    }

    fn sync_everything(&self) -> Result<(), Failure> {
        rustix::fs::syncfs(&self.folder).map_err(|error| Failure::Engine(format!("syncfs: {error}")))
    }
}

/// What the kernel tells of pages beside the log.
struct Pages(OwnedFd);

impl Pages {
    /// Watches their directory, if that is seen to work.
    fn watch(directory: &Path) -> io::Result<Self> {
        let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        inotify::add_watch(&events, directory, WatchFlags::CLOSE_WRITE | WatchFlags::MOVE_SELF)?;
        let pages = Pages(events);
        let probe = directory.join("probe");
        fs::write(&probe, [])?;
        fs::remove_file(&probe)?;
        if pages.were_written() { Ok(pages) } else { Err(io::Error::other("no event came of a file that was written")) }
    }

    /// Whether any was written since this was asked last. The engine writes, and closes, a page before the log's record of
    /// it, so one to which the flushed log refers has been told of.
    fn were_written(&self) -> bool {
        const EVENTS_BYTES: usize = 4096;
        let mut seen = false;
        loop {
            match rustix::io::read(&self.0, &mut [0; EVENTS_BYTES]) {
                Ok(1..) => seen = true,
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => return seen,
                // In doubt, yes.
                Ok(0) | Err(_) => return true,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_that_was_written_is_told_of_once() {
        let folder = tempfile::tempdir().unwrap();
        let pages = Pages::watch(folder.path()).unwrap();
        assert!(!pages.were_written());
        let written = (0..1000).map(|number| fs::write(folder.path().join(number.to_string()), "a page"));
        assert!(written.collect::<Result<Vec<_>, _>>().is_ok());
        assert!(pages.were_written());
        assert!(!pages.were_written());
        fs::remove_file(folder.path().join("7")).unwrap();
        assert!(!pages.were_written(), "what is gone need not last");
    }

    #[test]
    fn large_records_are_pages_beside_the_log_and_small_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let tree = ::sled::Config::new().path(folder.path()).flush_every_ms(None).open().unwrap();
        let barrier = Barrier::open(folder.path()).unwrap();
        let write = |bytes: usize| {
            for number in 0..200_u8 {
                tree.insert([number], vec![number; bytes]).unwrap();
            }
            let were_written = barrier.pages.as_ref().unwrap().were_written();
            barrier.pass(&tree).unwrap();
            (were_written, barrier.pages.as_ref().unwrap().were_written())
        };
        assert_eq!(write(100), (false, false));
        assert_eq!(write(60_000), (true, false));
        // Small records between large ones share their pages.
        write(100);
        assert_eq!(write(100), (false, false));
    }
}
