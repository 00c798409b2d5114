//! The form of the files: one JSON object a line, each with the link that chains it to the line before.
//!
//! A line is a record followed by its link, `"chain":{"sequence":N,"previous":"…","hash":"…"}`. The hash is keyed
//! (HMAC-SHA-256) and covers the hash before, the sequence number and the record's bytes as they stand, so without the key
//! nobody can make or change a line. The file `head` says, under a seal of the same key, where the trail ends.
//!
//! What the chain cannot tell: that the whole directory was put back to an older state. Who must know that as well notes the
//! head elsewhere; `cognate audit verify` prints it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::crypto::keys::HashKey;

/// What stands where a line before the first would have its hash.
pub const NO_HASH: [u8; 32] = [0; 32];

/// A line's place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// From 1, over all files.
    pub sequence: u64,
    pub previous: [u8; 32],
    pub hash: [u8; 32],
}

const MARK: &str = ",\"chain\":{\"sequence\":";

/// What a link adds to a record: its mark and names, two hashes, a sequence number of at most 20 digits.
pub const LINK_BYTES_MAX: usize = 256;

impl Link {
    /// The link of a record that follows a hash.
    pub fn of(key: &HashKey, record: &[u8], previous: [u8; 32], sequence: u64) -> Self {
        let hash = key.hash(&[b"line", &previous, &sequence.to_be_bytes(), record]);
        Link { sequence, previous, hash }
    }

    /// Writes the record with this link, as a line.
    pub fn write(&self, record: &[u8], lines: &mut Vec<u8>) {
        let open = record.strip_suffix(b"}").unwrap_or(record);
        let hash = |lines: &mut Vec<u8>, hash: &[u8; 32]| {
            let mut digits = [0; 64];
            let _ = hex::encode_to_slice(hash, &mut digits); // has room for them
            lines.extend_from_slice(&digits);
        };
        let sequence = self.sequence.to_string();
        for text in [open, MARK.as_bytes(), sequence.as_bytes(), b",\"previous\":\""] {
            lines.extend_from_slice(text);
        }
        hash(lines, &self.previous);
        lines.extend_from_slice(b"\",\"hash\":\"");
        hash(lines, &self.hash);
        lines.extend_from_slice(b"\"}}\n");
    }

    /// The record and the link of a line without its line break, or nothing if it is no line of ours.
    pub fn read(line: &[u8]) -> Option<(Vec<u8>, Link)> {
        let text = std::str::from_utf8(line).ok()?;
        let (open, link) = text.rsplit_once(MARK)?;
        let (sequence, rest) = link.split_once(",\"previous\":\"")?;
        let (previous, rest) = rest.split_once("\",\"hash\":\"")?;
        let hash = rest.strip_suffix("\"}}")?;
        let link = Link { sequence: sequence.parse().ok()?, previous: hash_of(previous)?, hash: hash_of(hash)? };
        let record = [open.as_bytes(), b"}"].concat();
        // Numbers and digits have more spellings than one; a line has one.
        let mut written = Vec::with_capacity(line.len() + 1);
        link.write(&record, &mut written);
        (written.strip_suffix(b"\n") == Some(line)).then_some((record, link))
    }
}

fn hash_of(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    hex::decode_to_slice(text, &mut hash).ok()?;
    Some(hash)
}

/// Where the trail ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of the newest file.
    pub file: u64,
    /// Its length.
    pub bytes: u64,
    /// The last line's sequence number; 0 if there is none.
    pub sequence: u64,
    /// The last line's hash.
    pub hash: [u8; 32],
}

impl Head {
    /// The head of a trail without lines.
    pub const START: Head = Head { file: 1, bytes: 0, sequence: 0, hash: NO_HASH };

    fn seal(&self, key: &HashKey) -> [u8; 32] {
        let numbers = [self.file, self.bytes, self.sequence].map(u64::to_be_bytes);
        key.hash(&[b"head", &numbers[0], &numbers[1], &numbers[2], &self.hash])
    }

    /// As it stands in its file.
    pub fn sealed(&self, key: &HashKey) -> serde_json::Result<Vec<u8>> {
        let mut text = serde_json::to_vec(&SealedHead {
            file: self.file,
            bytes: self.bytes,
            sequence: self.sequence,
            hash: hex::encode(self.hash),
            seal: hex::encode(self.seal(key)),
        })?;
        text.push(b'\n');
        Ok(text)
    }

    /// The head again, or nothing if its seal is not ours.
    pub fn opened(text: &[u8], key: &HashKey) -> Option<Self> {
        let read: SealedHead = serde_json::from_slice(text).ok()?;
        let head = Head { file: read.file, bytes: read.bytes, sequence: read.sequence, hash: hash_of(&read.hash)? };
        let seal = hash_of(&read.seal)?;
        aws_lc_rs::constant_time::verify_slices_are_equal(&seal, &head.seal(key)).ok().map(|()| head)
    }
}

/// The head's file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedHead {
    file: u64,
    bytes: u64,
    sequence: u64,
    hash: String,
    seal: String,
}

/// Where the head stands.
pub fn head_file(directory: &Path) -> PathBuf {
    directory.join("head")
}

/// The name of a file of lines.
pub fn file_name(number: u64) -> String {
    format!("{number:08}.jsonl")
}

/// The numbers of the files that are there, in order.
pub fn file_numbers(directory: &Path) -> std::io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".jsonl")).and_then(|digits| digits.parse().ok());
        numbers.extend(number.filter(|number| name.to_str() == Some(&file_name(*number))));
    }
    numbers.sort_unstable();
    Ok(numbers)
}
