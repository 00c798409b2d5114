//! Reading the trail again: that every line is as it was written, in its order, and that none is missing.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use super::line::{Head, Link, NO_HASH, file_name, file_numbers, head_file};
use crate::crypto::keys::HashKey;
use crate::crypto::secret::Secret;

/// A trail in which nothing was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub files: usize,
    pub lines: u64,
    pub first_sequence: u64,
    pub last_sequence: u64,
    pub hash: [u8; 32],
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { files, lines, first_sequence, last_sequence, hash } = self;
        let hash = hex::encode(hash);
        write!(out, "{lines} lines in {files} files are whole: {first_sequence} to {last_sequence}, head {hash}")
    }
}

/// The first thing that is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Finding {
    #[error("{file}: {cause}")]
    Unreadable { file: String, cause: io::Error },
    #[error("head: it is gone, or its seal is not this trail's")]
    Head,
    #[error("{file} line {line}: is no whole line of the trail")]
    NoLine { file: String, line: u64 },
    #[error("{file} line {line} (sequence {sequence}): was changed")]
    Changed { file: String, line: u64, sequence: u64 },
    #[error("{file} line {line}: sequence {expected} is missing; {found} stands in its place")]
    Missing { file: String, line: u64, expected: u64, found: u64 },
    #[error("{file} line {line}: sequence {found} stands where {expected} belongs")]
    OutOfOrder { file: String, line: u64, expected: u64, found: u64 },
    #[error("{file} line {line} (sequence {sequence}): does not follow the line before")]
    Unchained { file: String, line: u64, sequence: u64 },
    #[error("{file}: ends after sequence {last}; the head says {expected}")]
    Cut { file: String, last: u64, expected: u64 },
    #[error(
        "{file} line 1: begins with sequence {sequence}; if the files before were put elsewhere, say --since {sequence}"
    )]
    Begins { file: String, sequence: u64 },
}

/// Reads all files. `since` is the sequence number of the first line, if earlier files were put elsewhere.
///
/// The server may be writing at the same time: whole lines behind the head are counted, one that is being written is not.
pub fn verify(directory: &Path, key: &Secret<[u8; 32]>, since: Option<u64>) -> Result<Summary, Finding> {
    let unreadable = |file: &str, cause| Finding::Unreadable { file: file.to_owned(), cause };
    let key = &HashKey::new(key.expose());
    // First the head: what is written meanwhile stands behind it.
    let head =
        std::fs::read(head_file(directory)).ok().and_then(|text| Head::opened(&text, key)).ok_or(Finding::Head)?;
    let numbers = file_numbers(directory).map_err(|cause| unreadable("audit", cause))?;
    let mut walk = Walk { key, head, last: None, lines: 0, since };
    for number in &numbers {
        walk.file(directory, *number)?;
    }
    let file = || numbers.last().map_or_else(|| file_name(1), |number| file_name(*number));
    let (last, hash) = walk.last.unwrap_or((0, NO_HASH));
    if last < walk.head.sequence {
        return Err(Finding::Cut { file: file(), last, expected: walk.head.sequence });
    }
    let first_sequence = if walk.lines == 0 { 0 } else { last + 1 - walk.lines };
    Ok(Summary { files: numbers.len(), lines: walk.lines, first_sequence, last_sequence: last, hash })
}

struct Walk<'a> {
    key: &'a HashKey,
    head: Head,
    /// The sequence number and the hash of the line before.
    last: Option<(u64, [u8; 32])>,
    lines: u64,
    since: Option<u64>,
}

impl Walk<'_> {
    fn file(&mut self, directory: &Path, number: u64) -> Result<(), Finding> {
        let name = file_name(number);
        let unreadable = |cause| Finding::Unreadable { file: name.clone(), cause };
        let mut reader = BufReader::new(File::open(directory.join(&name)).map_err(unreadable)?);
        let (mut line, mut bytes) = (0, Vec::new());
        loop {
            bytes.clear();
            if reader.read_until(b'\n', &mut bytes).map_err(unreadable)? == 0 {
                return Ok(());
            }
            line += 1;
            let is_being_written = !bytes.ends_with(b"\n")
                && number >= self.head.file
                && self.last.map_or(0, |(sequence, _)| sequence) >= self.head.sequence;
            if is_being_written {
                return Ok(());
            }
            let whole = bytes.strip_suffix(b"\n").and_then(Link::read);
            let (record, link) = whole.ok_or_else(|| Finding::NoLine { file: name.clone(), line })?;
            let expected = self.expected();
            self.line(&name, line, &record, link, || is_later(directory, number, line, expected))?;
            self.last = Some((link.sequence, link.hash));
            self.lines += 1;
        }
    }

    fn expected(&self) -> u64 {
        self.last.map_or(self.since.unwrap_or(1), |(sequence, _)| sequence + 1)
    }

    fn line(
        &self,
        file: &str,
        line: u64,
        record: &[u8],
        link: Link,
        expected_is_later: impl Fn() -> bool,
    ) -> Result<(), Finding> {
        let (file, expected, found) = (file.to_owned(), self.expected(), link.sequence);
        if Link::of(self.key, record, link.previous, link.sequence) != link {
            return Err(Finding::Changed { file, line, sequence: found });
        }
        if found != expected {
            return Err(match () {
                () if self.last.is_none() && found > expected && !expected_is_later() => {
                    Finding::Begins { file, sequence: found }
                }
                () if found < expected || expected_is_later() => Finding::OutOfOrder { file, line, expected, found },
                () => Finding::Missing { file, line, expected, found },
            });
        }
        let follows = match self.last {
            Some((_, hash)) => hash == link.previous,
            None => found > 1 || link.previous == NO_HASH,
        };
        // The line that the head names must be that very line.
        let agrees = found != self.head.sequence || link.hash == self.head.hash;
        if follows && agrees { Ok(()) } else { Err(Finding::Unchained { file, line, sequence: found }) }
    }
}

/// Whether a line with this sequence number stands further on.
fn is_later(directory: &Path, number: u64, after: u64, sequence: u64) -> bool {
    let files = file_numbers(directory).unwrap_or_default();
    files.into_iter().filter(|other| *other >= number).any(|other| {
        let Ok(file) = File::open(directory.join(file_name(other))) else { return false };
        let skip = if other == number { usize::try_from(after).unwrap_or(usize::MAX) } else { 0 };
        let mut lines = BufReader::new(file).split(b'\n').skip(skip).map_while(Result::ok);
        lines.any(|line| Link::read(&line).is_some_and(|(_, link)| link.sequence == sequence))
    })
}
