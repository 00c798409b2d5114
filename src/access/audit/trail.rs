//! Writing the trail: lines first, durably, then the head.
//!
//! A crash between the two leaves lines behind the head, whose records their sender still has: they are cut off at the next
//! opening. Everything else that does not agree with the head was done by somebody, and opening refuses it.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::line::{Head, LINK_BYTES_MAX, Link, file_name, file_numbers, head_file};
use crate::crypto::keys::HashKey;
use crate::crypto::secret::Secret;

/// Why the trail cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {cause}", path.display())]
    File { path: PathBuf, cause: io::Error },
    #[error("{}: {problem}", path.display())]
    Tampered { path: PathBuf, problem: &'static str },
}

/// What of a line tells whether its record was written before.
#[derive(Default, Deserialize)]
struct Call<'a> {
    #[serde(rename = "eventID")]
    id: Option<&'a str>,
    #[serde(rename = "errorCode")]
    error_code: Option<&'a str>,
}

/// The files of the trail, open for writing.
pub struct Trail {
    directory: PathBuf,
    key: HashKey,
    file_bytes_max: u64,
    head: Head,
}

impl Trail {
    /// Opens the directory, made if there is none. When a file has `file_bytes_max`, the next one is begun.
    pub fn open(directory: &Path, key: Secret<[u8; 32]>, file_bytes_max: u64) -> Result<Self, Error> {
        let failed = |cause| Error::File { path: directory.to_owned(), cause };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        let (path, key) = (head_file(directory), HashKey::new(key.expose()));
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
    pub fn append(&mut self, records: &[impl AsRef<[u8]>]) -> Result<(), Error> {
        self.restore()?;
        let mut head = self.head.clone();
        if head.bytes >= self.file_bytes_max {
            head = Head { file: head.file + 1, bytes: 0, ..head };
        }
        let records = records.iter().map(AsRef::as_ref);
        let mut lines = Vec::with_capacity(records.clone().map(|record| record.len() + LINK_BYTES_MAX).sum());
        for record in records {
            let link = Link::of(&self.key, record, head.hash, head.sequence + 1);
            link.write(record, &mut lines);
            (head.sequence, head.hash) = (link.sequence, link.hash);
        }
        let path = self.path(head.file);
        let written = self.file(head.file).and_then(|mut file| {
            file.seek(SeekFrom::Start(head.bytes))?;
            file.write_all(&lines)?;
            file.sync_data()?;
            if head.file == self.head.file {
                // It was there when the head that names it was written.
                return Ok(());
            }
            // That the file is there must last as long as its lines.
            File::open(&self.directory)?.sync_all()
        });
        written.map_err(|cause| Error::File { path, cause })?;
        head.bytes += lines.len() as u64;
        self.write_head(&head)?;
        self.head = head;
        Ok(())
    }

    /// The `eventID` of every call in the newest two files that went well. That of one whose caller gave up says nothing: its
    /// write may have been committed all the same, with a record of its own.
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
                let call: Call<'_> = serde_json::from_slice(&line).unwrap_or_default();
                ids.extend(call.id.filter(|_| call.error_code.is_none()).map(str::to_owned));
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

    /// Cuts off what stands behind the head. Behind lines that are gone nothing is written.
    fn restore(&mut self) -> Result<(), Error> {
        let Head { file, bytes, .. } = self.head;
        let path = self.path(file);
        let failed = |cause| Error::File { path: path.clone(), cause };
        let opened = self.file(file).map_err(failed)?;
        let length = opened.metadata().map_err(failed)?.len();
        if length < bytes {
            return Err(Error::Tampered { path, problem: "it is shorter than the head says" });
        }
        if length > bytes {
            opened.set_len(bytes).map_err(failed)?;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::audit::verify::{Finding, Summary, verify};

    /// A trail in a directory of its own.
    struct Given {
        folder: tempfile::TempDir,
    }

    impl Given {
        fn new() -> Self {
            Given { folder: tempfile::tempdir().unwrap() }
        }

        fn key() -> Secret<[u8; 32]> {
            Secret::new([7; 32])
        }

        fn directory(&self) -> PathBuf {
            self.folder.path().join("audit")
        }

        fn open(&self, file_bytes_max: u64) -> Result<Trail, Error> {
            Trail::open(&self.directory(), Self::key(), file_bytes_max)
        }

        /// Lines of the numbers given, one append each.
        fn written(file_bytes_max: u64, numbers: std::ops::Range<u32>) -> Self {
            let given = Given::new();
            let mut trail = given.open(file_bytes_max).unwrap();
            for number in numbers {
                trail.append(&[record(number)]).unwrap();
            }
            given
        }

        fn file(&self, number: u64) -> PathBuf {
            self.directory().join(file_name(number))
        }

        fn lines(&self, number: u64) -> Vec<String> {
            let text = fs::read_to_string(self.file(number)).unwrap();
            text.split_inclusive('\n').map(str::to_owned).collect()
        }

        fn rewrite(&self, number: u64, lines: &[String]) {
            fs::write(self.file(number), lines.concat()).unwrap();
        }

        fn verify(&self) -> Result<Summary, Finding> {
            verify(&self.directory(), &Self::key(), None)
        }

        #[track_caller]
        fn finds(&self, expected: &str) {
            assert_eq!(self.verify().unwrap_err().to_string(), expected);
        }
    }

    fn record(number: u32) -> Vec<u8> {
        format!("{{\"eventID\":\"event-{number}\",\"text\":\"„{number}“\"}}").into_bytes()
    }

    /// A limit that no test reaches.
    const ONE_FILE: u64 = u64::MAX;

    #[test]
    fn what_is_written_is_verified_and_each_line_is_json() {
        let given = Given::written(ONE_FILE, 0..5);
        let summary = given.verify().unwrap();
        assert_eq!((summary.files, summary.lines, summary.first_sequence, summary.last_sequence), (1, 5, 1, 5));
        let line: serde_json::Value = serde_json::from_str(&given.lines(1)[2]).unwrap();
        assert_eq!(line["text"], "„2“");
        assert_eq!(line["chain"]["sequence"], 3);
        let ids = given.open(ONE_FILE).unwrap().recent_event_ids().unwrap();
        assert_eq!(ids.len(), 5);
        assert!(ids.contains("event-4"));
    }

    #[test]
    fn an_empty_trail_is_whole() {
        let given = Given::written(ONE_FILE, 0..0);
        assert_eq!(given.verify().unwrap().lines, 0);
        assert!(given.open(ONE_FILE).is_ok());
    }

    #[test]
    fn a_full_file_is_followed_by_the_next() {
        let given = Given::written(1, 0..4);
        assert_eq!(given.verify().unwrap().files, 4);
        given.open(1).unwrap().append(&[record(4), record(5)]).unwrap();
        let summary = given.verify().unwrap();
        assert_eq!((summary.files, summary.lines), (5, 6));
    }

    #[test]
    fn every_flipped_bit_is_found_in_its_line() {
        let given = Given::written(ONE_FILE, 0..3);
        let good = fs::read(given.file(1)).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(given.file(1), &bad).unwrap();
            let line = 1 + good[..at].iter().filter(|byte| **byte == b'\n').count();
            let found = given.verify().unwrap_err().to_string();
            assert!(found.starts_with(&format!("00000001.jsonl line {line}")), "{at}: {found}");
        }
    }

    #[test]
    fn a_changed_line_is_named() {
        let given = Given::written(ONE_FILE, 0..5);
        let mut lines = given.lines(1);
        lines[2] = lines[2].replace("event-2", "event-9");
        given.rewrite(1, &lines);
        given.finds("00000001.jsonl line 3 (sequence 3): was changed");
    }

    #[test]
    fn a_dropped_line_is_named() {
        for dropped in 1..4 {
            let given = Given::written(ONE_FILE, 0..5);
            let mut lines = given.lines(1);
            lines.remove(dropped);
            given.rewrite(1, &lines);
            let (line, next) = (dropped + 1, dropped + 2);
            given.finds(&format!("00000001.jsonl line {line}: sequence {line} is missing; {next} stands in its place"));
        }
    }

    #[test]
    fn swapped_and_repeated_lines_are_named() {
        for first in 0..4 {
            let given = Given::written(ONE_FILE, 0..5);
            let mut lines = given.lines(1);
            lines.swap(first, first + 1);
            given.rewrite(1, &lines);
            let (expected, found) = (first + 1, first + 2);
            given.finds(&format!("00000001.jsonl line {expected}: sequence {found} stands where {expected} belongs"));
        }
        let given = Given::written(ONE_FILE, 0..3);
        let mut lines = given.lines(1);
        lines.insert(1, lines[0].clone());
        given.rewrite(1, &lines);
        given.finds("00000001.jsonl line 2: sequence 1 stands where 2 belongs");
    }

    #[test]
    fn a_cut_is_found_wherever_it_is_and_not_papered_over() {
        let given = Given::written(ONE_FILE, 0..3);
        let good = fs::read(given.file(1)).unwrap();
        for length in 0..good.len() {
            fs::write(given.file(1), &good[..length]).unwrap();
            assert!(given.verify().is_err(), "{length}");
            assert!(given.open(ONE_FILE).is_err(), "{length}");
        }
        given.rewrite(1, &[]);
        given.finds("00000001.jsonl: ends after sequence 0; the head says 3");
        fs::write(given.file(1), &good).unwrap();
        given.rewrite(1, &given.lines(1)[..2]);
        given.finds("00000001.jsonl: ends after sequence 2; the head says 3");
    }

    #[test]
    fn a_file_that_is_gone_is_found() {
        let without = |number: u64| {
            let given = Given::written(1, 0..4);
            fs::remove_file(given.file(number)).unwrap();
            given
        };
        without(2).finds("00000003.jsonl line 1: sequence 2 is missing; 3 stands in its place");
        without(4).finds("00000003.jsonl: ends after sequence 3; the head says 4");
        let given = without(1);
        given.finds(
            "00000002.jsonl line 1: begins with sequence 2; if the files before were put elsewhere, say --since 2",
        );
        let summary = verify(&given.directory(), &Given::key(), Some(2)).unwrap();
        assert_eq!((summary.lines, summary.first_sequence, summary.last_sequence), (3, 2, 4));
    }

    #[test]
    fn another_keys_trail_is_not_this_one() {
        let given = Given::written(ONE_FILE, 0..3);
        let other = Secret::new([8; 32]);
        assert_eq!(verify(&given.directory(), &other, None).unwrap_err().to_string(), Finding::Head.to_string());
        assert!(Trail::open(&given.directory(), other, ONE_FILE).is_err());
    }

    #[test]
    fn a_head_that_is_gone_or_changed_is_noticed() {
        let given = Given::written(ONE_FILE, 0..3);
        let head = head_file(&given.directory());
        let text = fs::read_to_string(&head).unwrap();
        fs::write(&head, text.replace("\"sequence\":3", "\"sequence\":2")).unwrap();
        assert!(matches!(given.verify(), Err(Finding::Head)));
        assert!(given.open(ONE_FILE).is_err());
        fs::remove_file(&head).unwrap();
        assert!(matches!(given.verify(), Err(Finding::Head)));
        assert!(given.open(ONE_FILE).is_err());
    }

    #[test]
    fn what_a_crash_left_behind_the_head_is_cut_off() {
        let given = Given::written(1, 0..2);
        let head = fs::read(head_file(&given.directory())).unwrap();
        let newest = fs::read(given.file(2)).unwrap();
        // Each state in which an append that begins a new file can stop.
        let states: [&dyn Fn(); 4] = [
            &|| fs::write(given.file(3), "").unwrap(),
            &|| fs::write(given.file(3), "{\"eventID\":\"half").unwrap(),
            &|| drop(given.open(1).unwrap().append(&[record(2)])),
            &|| fs::write(head_file(&given.directory()).with_extension("new"), "{\"file\":").unwrap(),
        ];
        for state in states {
            state();
            fs::write(head_file(&given.directory()), &head).unwrap();
            let mut trail = given.open(1).unwrap();
            assert_eq!(trail.recent_event_ids().unwrap().len(), 2);
            trail.append(&[record(9)]).unwrap();
            assert_eq!(given.verify().unwrap().lines, 3);
            drop(trail);
            fs::remove_file(given.file(3)).unwrap();
            fs::write(head_file(&given.directory()), &head).unwrap();
        }
        // And one that goes on in the same file.
        fs::write(given.file(2), [newest.as_slice(), b"{\"eventID\":"].concat()).unwrap();
        assert!(given.verify().is_ok(), "what is being written is no finding");
        given.open(ONE_FILE).unwrap().append(&[record(3)]).unwrap();
        assert_eq!(given.verify().unwrap().lines, 3);
    }

    #[test]
    fn who_gave_up_on_a_write_does_not_stand_for_it() {
        let given = Given::new();
        let mut trail = given.open(ONE_FILE).unwrap();
        let given_up = br#"{"errorCode":"RequestAbandoned","eventID":"event-1"}"#;
        trail.append(&[record(0), given_up.to_vec()]).unwrap();
        assert_eq!(trail.recent_event_ids().unwrap(), HashSet::from(["event-0".to_owned()]));
    }

    #[test]
    fn nothing_is_written_behind_lines_that_are_gone() {
        let given = Given::written(ONE_FILE, 0..2);
        let mut trail = given.open(ONE_FILE).unwrap();
        let good = fs::read(given.file(1)).unwrap();
        let harm: [&dyn Fn(); 2] = [&|| fs::write(given.file(1), &good[..good.len() - 1]).unwrap(), &|| {
            fs::remove_file(given.file(1)).unwrap()
        }];
        for harm in harm {
            harm();
            let refused = trail.append(&[record(2)]).unwrap_err().to_string();
            assert!(refused.ends_with("00000001.jsonl: it is shorter than the head says"), "{refused}");
            fs::write(given.file(1), &good).unwrap();
        }
        trail.append(&[record(2)]).unwrap();
        assert_eq!(given.verify().unwrap().lines, 3);
    }

    #[test]
    fn an_append_that_fails_leaves_no_trace() {
        let given = Given::written(1, 0..1);
        let mut trail = given.open(1).unwrap();
        fs::create_dir(given.file(2)).unwrap();
        assert!(trail.append(&[record(1)]).is_err());
        assert_eq!(verify(&given.directory(), &Given::key(), None).map(|it| it.lines).unwrap_or(1), 1);
        fs::remove_dir(given.file(2)).unwrap();
        trail.append(&[record(1), record(2)]).unwrap();
        let summary = given.verify().unwrap();
        assert_eq!((summary.lines, summary.last_sequence), (3, 3));
    }
}
