//! Keys: typed, order-preserving, each kind under bytes that are never given to another.
//!
//! | first byte | what stands there |
//! |---|---|
//! | `0x01` | the store's own counters |
//! | `0x10`…`0x13` | pools, their signing keys, pools being removed, pools whose SRP verifiers are being removed |
//! | `0x18`, `0x19` | clients, clients by pool |
//! | `0x1A`…`0x1C` | groups, users by group, groups being removed |
//! | `0x20` | everything of one user under (pool, sub), then a byte for the kind: a partitioned engine keeps a sign-in on one shard |
//! | `0x30`…`0x33` | owners of usernames and of aliases, users being removed, owners of passkeys |
//! | `0x40`…`0x42` | the outbox: new messages, those to be tried again, dead letters |
//! | `0x50` | what ends when |
//! | `0x60`, `0x61` | used signatures, lines of the audit trail that wait |

use std::ops::Bound;

use uuid::Uuid;

use super::{Failure, Kind, Record};
use crate::domain::ids::{ClientId, DeviceId, GroupId, PoolId, Sub};

/// Where a record stands.
pub trait Key: Sized {
    type Record: Record;

    const KIND: Kind;

    fn encoded(&self) -> Vec<u8>;

    /// What of the key may be named to an operator: pool, sub, client, ids.
    fn place(&self) -> Vec<String>;

    /// The key again, if the bytes are of this kind.
    fn decode(bytes: &mut &[u8]) -> Option<Self>;
}

/// A field of a key: its bytes sort as its values do.
pub trait Part: Sized {
    fn write(&self, out: &mut Vec<u8>);
    fn read(bytes: &mut &[u8]) -> Option<Self>;

    /// What of it may be named to an operator. A name or an address is not.
    fn place(&self) -> Option<String> {
        None
    }
}

/// A byte that says which kind of key this is.
pub struct Tag<const BYTE: u8>;

/// Whose a record is: the shared prefix of all keys of one user.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    pub pool: PoolId,
    pub sub: Sub,
}

impl Owner {
    /// The prefix of every key of one user.
    pub fn prefix(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(USUAL_BYTES);
        out.push(USER_SPACE);
        self.write(&mut out);
        out
    }
}

pub const USER_SPACE: u8 = 0x20;

/// Most keys are no longer, so that writing one takes one allocation.
pub const USUAL_BYTES: usize = 96;

/// Declares a key: its kind byte, its fields in order, and the record that stands under it.
macro_rules! key {
    ($(#[$doc:meta])* $name:ident = $kind:literal { $($field:ident: $part:ty),* } -> $record:ty) => {
        key!(@struct $(#[$doc])* $name { $($field: $part),* });
        key!(@impl $name { key::Tag::<$kind>, $($field: $part),* } -> $record);
    };
    ($(#[$doc:meta])* $name:ident = user $kind:literal { $($field:ident: $part:ty),* } -> $record:ty) => {
        key!(@struct $(#[$doc])* $name { owner: key::Owner $(, $field: $part)* });
        key!(@user $name $kind { $($field: $part),* } -> $record);
    };
    (@struct $(#[$doc:meta])* $name:ident { $($field:ident: $part:ty),* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name { $(pub $field: $part),* }
    };
    (@impl $name:ident { key::Tag::<$kind:literal>, $($field:ident: $part:ty),* } -> $record:ty) => {
        impl key::Key for $name {
            type Record = $record;

            const KIND: crate::store::Kind = crate::store::Kind::$name;

            fn encoded(&self) -> Vec<u8> {
                let mut out = Vec::with_capacity(key::USUAL_BYTES);
                out.push($kind);
                $(key::Part::write(&self.$field, &mut out);)*
                out
            }

            fn place(&self) -> Vec<String> {
                [$(key::Part::place(&self.$field)),*].into_iter().flatten().collect()
            }

            fn decode(bytes: &mut &[u8]) -> Option<Self> {
                <key::Tag<$kind> as key::Part>::read(bytes)?;
                Some($name { $($field: key::Part::read(bytes)?),* })
            }
        }
    };
    (@user $name:ident $kind:literal { $($field:ident: $part:ty),* } -> $record:ty) => {
        impl key::Key for $name {
            type Record = $record;

            const KIND: crate::store::Kind = crate::store::Kind::$name;

            fn encoded(&self) -> Vec<u8> {
                let mut out = self.owner.prefix();
                out.push($kind);
                $(key::Part::write(&self.$field, &mut out);)*
                out
            }

            fn place(&self) -> Vec<String> {
                [key::Part::place(&self.owner) $(, key::Part::place(&self.$field))*].into_iter().flatten().collect()
            }

            fn decode(bytes: &mut &[u8]) -> Option<Self> {
                <key::Tag<{ key::USER_SPACE }> as key::Part>::read(bytes)?;
                let owner = key::Part::read(bytes)?;
                <key::Tag<$kind> as key::Part>::read(bytes)?;
                Some($name { owner $(, $field: <$part as key::Part>::read(bytes)?)* })
            }
        }
    };
}
pub(super) use key;

/// The whole key, or the news that the store holds bytes that are none.
pub fn decoded<K: Key>(mut bytes: &[u8]) -> Result<K, Failure> {
    let key = K::decode(&mut bytes).filter(|_| bytes.is_empty());
    key.ok_or_else(|| Failure::Damaged(format!("a key of {}", std::any::type_name::<K>())))
}

/// The first key after all that begin with `prefix`.
pub fn end_of(prefix: &[u8]) -> Bound<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Bound::Excluded(end);
        }
    }
    Bound::Unbounded
}

impl<const BYTE: u8> Part for Tag<BYTE> {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(BYTE);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        (u8::read(bytes)? == BYTE).then_some(Tag)
    }
}

impl Part for u8 {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        bytes.split_off_first().copied()
    }
}

impl Part for i64 {
    fn write(&self, out: &mut Vec<u8>) {
        // With the sign bit flipped, negative numbers sort before positive ones.
        out.extend_from_slice(&(self.cast_unsigned() ^ (1 << 63)).to_be_bytes());
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let taken = bytes.split_off(..8)?.try_into().ok()?;
        Some((u64::from_be_bytes(taken) ^ (1 << 63)).cast_signed())
    }
}

/// Text ends with a zero byte; a zero byte inside is followed by `0xFF`, so no text is a prefix of another's bytes.
impl Part for String {
    fn write(&self, out: &mut Vec<u8>) {
        // Hardly any text holds a zero byte, so mostly it is copied whole.
        for piece in self.as_bytes().split_inclusive(|byte| *byte == 0) {
            out.extend_from_slice(piece);
            if piece.ends_with(&[0]) {
                out.push(0xFF);
            }
        }
        out.extend_from_slice(&[0, 0]);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let mut text = Vec::new();
        loop {
            match u8::read(bytes)? {
                0 => match u8::read(bytes)? {
                    0 => return String::from_utf8(text).ok(),
                    0xFF => text.push(0),
                    _ => return None,
                },
                byte => text.push(byte),
            }
        }
    }
}

/// All the rest, unescaped: only as the last field of a key.
impl Part for Vec<u8> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(std::mem::take(bytes).to_vec())
    }
}

impl Part for Uuid {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Uuid::from_slice(bytes.split_off(..16)?).ok()
    }

    fn place(&self) -> Option<String> {
        Some(format!("id {self}"))
    }
}

impl Part for Sub {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Uuid::read(bytes).map(Sub)
    }

    fn place(&self) -> Option<String> {
        Some(format!("sub {self}"))
    }
}

impl Part for GroupId {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Uuid::read(bytes).map(GroupId)
    }

    fn place(&self) -> Option<String> {
        Some(format!("group {self}"))
    }
}

impl Part for DeviceId {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Uuid::read(bytes).map(DeviceId)
    }

    fn place(&self) -> Option<String> {
        Some(format!("device {}", self.0))
    }
}

impl Part for PoolId {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        String::read(bytes).map(PoolId)
    }

    fn place(&self) -> Option<String> {
        Some(format!("pool {self}"))
    }
}

impl Part for ClientId {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        String::read(bytes).map(ClientId)
    }

    fn place(&self) -> Option<String> {
        Some(format!("client {}", self.0))
    }
}

impl Part for Owner {
    fn write(&self, out: &mut Vec<u8>) {
        self.pool.write(out);
        self.sub.write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Owner { pool: PoolId::read(bytes)?, sub: Sub::read(bytes)? })
    }

    fn place(&self) -> Option<String> {
        Some(format!("pool {}, sub {}", self.pool, self.sub))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(part: &impl Part) -> Vec<u8> {
        let mut out = Vec::new();
        part.write(&mut out);
        out
    }

    proptest! {
        #[test]
        fn text_keeps_its_order_and_comes_back(a in ".*", b in "[\0a-c]*") {
            let (first, second) = (written(&a), written(&b));
            prop_assert_eq!(a.as_bytes().cmp(b.as_bytes()), first.cmp(&second));
            prop_assert_eq!(String::read(&mut second.as_slice()), Some(b));
        }

        #[test]
        fn numbers_keep_their_order_and_come_back(a: i64, b: i64) {
            prop_assert_eq!(a.cmp(&b), written(&a).cmp(&written(&b)));
            prop_assert_eq!(i64::read(&mut written(&a).as_slice()), Some(a));
        }

        #[test]
        fn reading_any_bytes_never_panics(bytes: Vec<u8>) {
            let _ = (Owner::read(&mut bytes.as_slice()), i64::read(&mut bytes.as_slice()), Uuid::read(&mut bytes.as_slice()));
        }
    }

    #[test]
    fn the_end_of_a_prefix_is_past_all_that_begin_with_it() {
        assert_eq!(end_of(&[1, 2]), Bound::Excluded(vec![1, 3]));
        assert_eq!(end_of(&[1, 0xFF]), Bound::Excluded(vec![2]));
        assert_eq!(end_of(&[0xFF]), Bound::Unbounded);
    }
}
