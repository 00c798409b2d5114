//! Writing the trail: lines first, durably, then the head.
//!
//! A crash between the two leaves lines behind the head, whose records their sender still has: they are cut off at the next
//! opening. Everything else that does not agree with the head was done by somebody, and opening refuses it.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::line::{Head, Link, file_name, file_numbers, head_file};
use crate::crypto::secret::Secret;

/// Why the trail cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {cause}", path.display())]
    File { path: PathBuf, cause: io::Error },
    #[error("{}: {problem}", path.display())]
    Tampered { path: PathBuf, problem: &'static str },
}

/// The files of the trail, open for writing.
pub struct Trail {
    directory: PathBuf,
    key: Secret<[u8; 32]>,
    file_bytes_max: u64,
    head: Head,
}

impl Trail {
    /// Opens the directory, made if there is none. When a file has `file_bytes_max`, the next one is begun.
    pub fn open(directory: &Path, key: Secret<[u8; 32]>, file_bytes_max: u64) -> Result<Self, Error> {
        let failed = |cause| Error::File { path: directory.to_owned(), cause };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        let path = head_file(directory);
        let head = match fs::read(&path) {
            Ok(text) => Head::opened(&text, &key)
                .ok_or_else(|| Error::Tampered { path: path.clone(), problem: "its seal is not this trail's" })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let has_lines = |number: &u64| {
                    *number > 1 || fs::metadata(directory.join(file_name(*number))).is_ok_and(|file| file.len() > 0)
                };
                if file_numbers(directory).map_err(failed)?.iter().any(has_lines) {
                    return Err(Error::Tampered { path, problem: "it is gone, but there are lines" });
                }
                Head::START
            }
            Err(cause) => return Err(Error::File { path, cause }),
        };
        let mut trail = Trail { directory: directory.to_owned(), key, file_bytes_max, head };
        trail.check_end()?;
        trail.restore()?;
        // From now on a trail without a head is one that was tampered with.
        trail.write_head(&trail.head.clone())?;
        Ok(trail)
    }

    /// Appends records, each a JSON object, and waits for the disk: all of them or none.
    pub fn append(&mut self, records: &[Vec<u8>]) -> Result<(), Error> {
        self.restore()?;
        let mut head = self.head.clone();
        if head.bytes >= self.file_bytes_max {
            head = Head { file: head.file + 1, bytes: 0, ..head };
        }
        let mut lines = Vec::new();
        for record in records {
            let link = Link::of(&self.key, record, head.hash, head.sequence + 1);
            lines.extend(link.line(record));
            (head.sequence, head.hash) = (link.sequence, link.hash);
        }
        let path = self.path(head.file);
        let written = self.file(head.file).and_then(|mut file| {
            file.seek(SeekFrom::Start(head.bytes))?;
            file.write_all(&lines)?;
            file.sync_data()?;
            // That the file is there must last as long as its lines.
            File::open(&self.directory)?.sync_all()
        });
        written.map_err(|cause| Error::File { path, cause })?;
        head.bytes += lines.len() as u64;
        self.write_head(&head)?;
        self.head = head;
        Ok(())
    }

    /// The `eventID` of every record in the newest two files.
    pub fn recent_event_ids(&self) -> Result<HashSet<String>, Error> {
        let mut ids = HashSet::new();
        for number in [self.head.file.saturating_sub(1), self.head.file] {
            let path = self.path(number);
            let file = match File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                file => file.map_err(|cause| Error::File { path: path.clone(), cause })?,
            };
            for line in BufReader::new(file).split(b'\n') {
                let line = line.map_err(|cause| Error::File { path: path.clone(), cause })?;
                let record: serde_json::Value = serde_json::from_slice(&line).unwrap_or_default();
                ids.extend(record["eventID"].as_str().map(str::to_owned));
            }
        }
        Ok(ids)
    }

    /// The files hold at least what the head says, and end with its line.
    fn check_end(&self) -> Result<(), Error> {
        let Head { file, bytes, sequence, hash } = self.head;
        if sequence == 0 || bytes == 0 {
            return Ok(());
        }
        let path = self.path(file);
        let tampered = |problem| Error::Tampered { path: path.clone(), problem };
        let failed = |cause| Error::File { path: path.clone(), cause };
        let mut opened = File::open(&path).map_err(failed)?;
        if opened.metadata().map_err(failed)?.len() < bytes {
            return Err(tampered("it is shorter than the head says"));
        }
        // The last line is no longer than a record may be, and the rest is not needed.
        const LINE_BYTES_MAX: u64 = 128 * 1024;
        let start = bytes.saturating_sub(LINE_BYTES_MAX);
        let mut end = vec![0; usize::try_from(bytes - start).unwrap_or_default()];
        opened.seek(SeekFrom::Start(start)).and_then(|_| opened.read_exact(&mut end)).map_err(failed)?;
        let line = end.strip_suffix(b"\n").and_then(|lines| lines.rsplit(|byte| *byte == b'\n').next());
        match line.and_then(Link::read) {
            Some((_, link)) if (link.sequence, link.hash) == (sequence, hash) => Ok(()),
            _ => Err(tampered("it does not end with the line that the head names")),
        }
    }

    /// Cuts off what stands behind the head.
    fn restore(&mut self) -> Result<(), Error> {
        let Head { file, bytes, .. } = self.head;
        let path = self.path(file);
        let cut = self
            .file(file)
            .and_then(|opened| if opened.metadata()?.len() > bytes { opened.set_len(bytes) } else { Ok(()) });
        cut.map_err(|cause| Error::File { path, cause })?;
        let later = file_numbers(&self.directory).map_err(|cause| self.failed(cause))?;
        for number in later.into_iter().filter(|number| *number > file) {
            let path = self.path(number);
            fs::remove_file(&path).map_err(|cause| Error::File { path, cause })?;
        }
        Ok(())
    }

    /// Puts a head in the place of the old one, whole.
    fn write_head(&self, head: &Head) -> Result<(), Error> {
        let path = head_file(&self.directory);
        let write = || {
            let unfinished = path.with_extension("new");
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
            file.write_all(&head.sealed(&self.key)?)?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)?;
            File::open(&self.directory)?.sync_all()
        };
        write().map_err(|cause| Error::File { path: path.clone(), cause })
    }

    fn file(&self, number: u64) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(self.path(number))
    }

    fn path(&self, number: u64) -> PathBuf {
        self.directory.join(file_name(number))
    }

    fn failed(&self, cause: io::Error) -> Error {
        Error::File { path: self.directory.clone(), cause }
    }
}
