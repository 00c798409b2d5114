//! What is read from files and read again when they change: certificates, principals, policies.
//!
//! A change counts as a whole or not at all: while the files cannot be used, what was read before stays in force, and the
//! log says why, once for each state of the files. Contents are compared, not times: a changed symbolic link or a restored
//! file is noticed too.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use aws_lc_rs::digest;

/// What one reading has seen of the files.
pub struct Sources(digest::Context);

impl Sources {
    fn new() -> Self {
        Sources(digest::Context::new(&digest::SHA256))
    }

    /// Reads a file. That it is not there, or cannot be read, is something seen too.
    pub fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let read = std::fs::read(path);
        let (is_there, bytes) = match &read {
            Ok(bytes) => (1_u8, bytes.as_slice()),
            Err(_) => (0, [].as_slice()),
        };
        for part in [path.as_os_str().as_encoded_bytes(), &[is_there], bytes] {
            self.0.update(&(part.len() as u64).to_be_bytes());
            self.0.update(part);
        }
        read
    }

    /// The files of a directory with this extension, in the order of their names; none if there is no directory.
    pub fn list(&mut self, directory: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
        let entries = match std::fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let paths: io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
        let mut paths = paths?;
        paths.retain(|path| path.extension().is_some_and(|found| found == extension));
        paths.sort();
        Ok(paths)
    }
}

/// Why the files cannot be used: which one, where in it, and what is wrong.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{path}: {problem}", path = .path.display())]
pub struct Unusable {
    pub path: PathBuf,
    pub problem: String,
}

impl Unusable {
    pub fn because(path: &Path, problem: impl std::fmt::Display) -> Self {
        Unusable { path: path.to_owned(), problem: problem.to_string() }
    }
}

type Read<T> = Box<dyn Fn(&mut Sources) -> Result<T, Unusable> + Send + Sync>;

/// A value that follows its files.
pub struct Live<T> {
    what: &'static str,
    current: ArcSwap<T>,
    read: Read<T>,
    last_seen: Mutex<Vec<u8>>,
}

impl<T> Live<T> {
    /// Reads the files for the first time; `what` names them in the log.
    pub fn read(
        what: &'static str,
        read: impl Fn(&mut Sources) -> Result<T, Unusable> + Send + Sync + 'static,
    ) -> Result<Self, Unusable> {
        let mut sources = Sources::new();
        let current = ArcSwap::from_pointee(read(&mut sources)?);
        let last_seen = Mutex::new(sources.0.finish().as_ref().to_vec());
        Ok(Live { what, current, read: Box::new(read), last_seen })
    }

    /// The value in force.
    pub fn current(&self) -> Arc<T> {
        self.current.load_full()
    }
}

/// Something that can be looked at again.
pub trait Reload: Send + Sync {
    /// Reads the files, and takes what they say if they have changed and can be used.
    fn reload(&self);
}

impl<T: Send + Sync> Reload for Live<T> {
    fn reload(&self) {
        // One at a time: an older reading must not replace a newer one.
        let mut last_seen = self.last_seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sources = Sources::new();
        let read = (self.read)(&mut sources);
        let seen = sources.0.finish().as_ref().to_vec();
        if seen == *last_seen {
            return;
        }
        *last_seen = seen;
        match read {
            Ok(value) => {
                self.current.store(Arc::new(value));
                tracing::info!(what = self.what, "files have changed and are in force");
            }
            Err(cause) => {
                tracing::error!(what = self.what, %cause, "files have changed but cannot be used; the old ones stay in force");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number_in(path: &Path) -> Live<i32> {
        let path = path.to_owned();
        let read = move |sources: &mut Sources| {
            let bytes = sources.read(&path).map_err(|error| Unusable::because(&path, error))?;
            let number = String::from_utf8_lossy(&bytes).parse();
            number.map_err(|error| Unusable::because(&path, error))
        };
        Live::read("a number", read).unwrap()
    }

    #[test]
    fn a_change_is_taken_and_a_bad_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("number");
        std::fs::write(&path, "1").unwrap();
        let live = number_in(&path);
        for (text, expected) in [("1", 1), ("2", 2), ("two", 2), ("3", 3)] {
            std::fs::write(&path, text).unwrap();
            live.reload();
            assert_eq!(*live.current(), expected);
        }
        std::fs::remove_file(&path).unwrap();
        live.reload();
        assert_eq!(*live.current(), 3);
    }

    #[test]
    fn at_the_first_reading_there_is_no_old_value() {
        let nowhere = Path::new("/nonexistent/file");
        let read = Live::read("nothing", |sources| {
            sources.read(nowhere).map(drop).map_err(|error| Unusable::because(nowhere, error))
        });
        assert!(read.err().unwrap().to_string().starts_with("/nonexistent/file: "));
    }
}
