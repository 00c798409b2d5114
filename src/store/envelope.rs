//! What surrounds a record on disk: format, version, deadline, checksum.
//!
//! `[format: 1][version: 8][deadline: 8, 0 = none][CRC-32C of key and all else: 4][record]`, numbers big-endian. The key is
//! under the checksum too, so that a value under a wrong key is as damaged as a flipped bit.

use super::{Failure, Value};

const FORMAT: u8 = 1;
const HEADER_BYTES: usize = 1 + 8 + 8 + 4;

/// The bytes that go to disk.
pub fn wrap(key: &[u8], version: u64, deadline: Option<i64>, record: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES + record.len());
    out.push(FORMAT);
    out.extend_from_slice(&version.to_be_bytes());
    out.extend_from_slice(&deadline.unwrap_or(0).to_be_bytes());
    out.extend_from_slice(&checksum(key, &out, record).to_be_bytes());
    out.extend_from_slice(record);
    out
}

/// The record again, if not a bit of it or of its key has changed.
pub fn unwrap(key: &[u8], bytes: &[u8]) -> Result<Value, Failure> {
    let (header, record) = split(bytes).ok_or_else(|| damaged("a truncated value"))?;
    if header.format != FORMAT {
        return Err(damaged("a value of a format that this version does not know"));
    }
    if header.checksum != checksum(key, &bytes[..HEADER_BYTES - 4], record) {
        return Err(damaged("a value with a wrong checksum"));
    }
    Ok(Value { version: header.version, deadline: Some(header.deadline).filter(|at| *at != 0), bytes: record.to_vec() })
}

struct Header {
    format: u8,
    version: u64,
    deadline: i64,
    checksum: u32,
}

fn split(bytes: &[u8]) -> Option<(Header, &[u8])> {
    let (format, rest) = bytes.split_first()?;
    let (version, rest) = rest.split_first_chunk()?;
    let (deadline, rest) = rest.split_first_chunk()?;
    let (checksum, record) = rest.split_first_chunk()?;
    let header = Header {
        format: *format,
        version: u64::from_be_bytes(*version),
        deadline: i64::from_be_bytes(*deadline),
        checksum: u32::from_be_bytes(*checksum),
    };
    Some((header, record))
}

fn checksum(key: &[u8], header: &[u8], record: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(key), header), record)
}

fn damaged(what: &str) -> Failure {
    Failure::Damaged(what.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_value_comes_back_and_a_flipped_bit_does_not(record: Vec<u8>, version: u64, deadline in 1_i64.., at: usize, bit in 0_u8..8) {
            let bytes = wrap(b"key", version, Some(deadline), &record);
            prop_assert_eq!(unwrap(b"key", &bytes).unwrap(), Value { version, deadline: Some(deadline), bytes: record });
            prop_assert!(unwrap(b"kez", &bytes).is_err());
            let mut flipped = bytes.clone();
            flipped[at % bytes.len()] ^= 1 << bit;
            prop_assert!(unwrap(b"key", &flipped).is_err());
        }
    }
}
