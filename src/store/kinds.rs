//! Every kind of entry in one table: for whoever reads the store without knowing what comes next.
//!
//! A key that is declared names its kind, so one without a row here does not build.

use super::Record as _;
use super::key::{self, Key};
use super::{
    AliasKey, AttemptsKey, AuditKey, ClientKey, ClientOfPoolKey, CodeKey, DeadLetterKey, DeviceKey, ExpiryKey,
    FamilyKey, GroupKey, GroupRemovalKey, MemberKey, MembershipKey, OutboxKey, PasskeyKey, PasskeyOwnerKey,
    PasskeyRegistrationKey, PoolKey, PoolRemovalKey, RetryKey, SessionKey, SignatureKey, SigningKeysKey,
    SoftwareTokenKey, SrpVerifierKey, SrpVerifierRemovalKey, ThrottleKey, UserKey, UserRemovalKey, UsernameKey,
    WrongCodesKey,
};

macro_rules! kinds {
    ($($key:ident => $name:literal),* $(,)?) => {
        /// What a key is of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind { $($key),* }

        impl Kind {
            pub const ALL: &[Kind] = &[$(Kind::$key),*];

            /// How an operator is told of it.
            pub fn name(self) -> &'static str {
                match self { $(Kind::$key => $name),* }
            }
        }

        /// An entry of some kind.
        #[derive(Clone, Debug)]
        #[expect(clippy::large_enum_variant, reason = "entries are looked at one by one and not kept")]
        pub enum Known { $($key($key, <$key as Key>::Record)),* }

        impl Known {
            /// Reads an entry whole: its key to the last byte, and its record.
            pub fn decode(key: &[u8], record: &[u8]) -> Result<Self, Unreadable> {
                $(if let Ok(key) = key::decoded::<$key>(key) {
                    let record = <<$key as Key>::Record as prost::Message>::decode(record);
                    return record.map(|record| Known::$key(key, record)).map_err(|_| Unreadable::Record);
                })*
                Err(Unreadable::Key)
            }

            /// When the record ends by itself, as the record says.
            pub fn deadline(&self) -> Option<i64> {
                match self { $(Known::$key(_, record) => record.deadline()),* }
            }
        }

        /// The kind of a key and what of it may be named; nothing for bytes that are no key.
        fn place(key: &[u8]) -> Option<(Kind, Vec<String>)> {
            $(if let Ok(key) = key::decoded::<$key>(key) {
                return Some((Kind::$key, key.place()));
            })*
            None
        }
    };
}

kinds! {
    PoolKey => "pool",
    SigningKeysKey => "signing keys",
    PoolRemovalKey => "removal of a pool",
    SrpVerifierRemovalKey => "removal of the SRP verifiers of a pool",
    ClientKey => "client",
    ClientOfPoolKey => "client in the list of its pool",
    GroupKey => "group",
    MemberKey => "user in the list of a group",
    GroupRemovalKey => "removal of a group",
    UserKey => "user",
    CodeKey => "code",
    AttemptsKey => "failed attempts",
    ThrottleKey => "throttle",
    WrongCodesKey => "refused codes",
    SrpVerifierKey => "SRP verifier",
    SoftwareTokenKey => "software token",
    PasskeyKey => "passkey",
    PasskeyRegistrationKey => "passkey that is being made",
    DeviceKey => "device",
    FamilyKey => "token family",
    SessionKey => "session",
    MembershipKey => "membership in a group",
    UsernameKey => "username",
    AliasKey => "alias",
    PasskeyOwnerKey => "owner of a passkey",
    UserRemovalKey => "removal of a user",
    OutboxKey => "waiting message",
    RetryKey => "message to be tried again",
    DeadLetterKey => "dead letter",
    ExpiryKey => "entry of what ends when",
    SignatureKey => "used signature",
    AuditKey => "waiting line of the audit trail",
}

/// Why an entry is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The key is of no kind, or does not end where it should.
    Key,
    /// The record is not of the key's kind.
    Record,
}

impl Kind {
    /// The kind of a key.
    pub fn of(key: &[u8]) -> Option<Self> {
        place(key).map(|(kind, _)| kind)
    }
}

/// What an operator may be told of where an entry stands: its kind, pool, sub, client and ids; never a name.
pub fn described(key: &[u8]) -> String {
    match place(key) {
        Some((kind, place)) if place.is_empty() => kind.name().to_owned(),
        Some((kind, place)) => format!("{} ({})", kind.name(), place.join(", ")),
        None => format!("{} bytes that are no key, the first of them {:#04x}", key.len(), key.first().unwrap_or(&0)),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::ids::{ClientId, DeviceId, GroupId, PoolId, Sub};
    use crate::store::Owner;

    fn sample(kind: Kind) -> Vec<u8> {
        let (id, name) = (Uuid::from_u128(7), "alice".to_owned());
        let pool = PoolId("us-east-1_Example12".into());
        let client = ClientId("client".into());
        let group = GroupId(id);
        let owner = Owner { pool: pool.clone(), sub: Sub(Uuid::from_u128(1)) };
        match kind {
            Kind::PoolKey => PoolKey { pool }.encoded(),
            Kind::SigningKeysKey => SigningKeysKey { pool }.encoded(),
            Kind::PoolRemovalKey => PoolRemovalKey { pool }.encoded(),
            Kind::SrpVerifierRemovalKey => SrpVerifierRemovalKey { pool }.encoded(),
            Kind::ClientKey => ClientKey { client }.encoded(),
            Kind::ClientOfPoolKey => ClientOfPoolKey { pool, client }.encoded(),
            Kind::GroupKey => GroupKey { pool, name }.encoded(),
            Kind::MemberKey => MemberKey { pool, group, sub: owner.sub }.encoded(),
            Kind::GroupRemovalKey => GroupRemovalKey { pool, group }.encoded(),
            Kind::UserKey => UserKey { owner }.encoded(),
            Kind::CodeKey => CodeKey { owner, purpose: 1 }.encoded(),
            Kind::AttemptsKey => AttemptsKey { owner }.encoded(),
            Kind::ThrottleKey => ThrottleKey { owner, purpose: 1 }.encoded(),
            Kind::WrongCodesKey => WrongCodesKey { owner }.encoded(),
            Kind::SrpVerifierKey => SrpVerifierKey { owner }.encoded(),
            Kind::SoftwareTokenKey => SoftwareTokenKey { owner }.encoded(),
            Kind::PasskeyKey => PasskeyKey { owner, credential: vec![7; 32] }.encoded(),
            Kind::PasskeyRegistrationKey => PasskeyRegistrationKey { owner }.encoded(),
            Kind::PasskeyOwnerKey => PasskeyOwnerKey { pool, credential: vec![7; 32] }.encoded(),
            Kind::DeviceKey => DeviceKey { owner, device: DeviceId(id) }.encoded(),
            Kind::FamilyKey => FamilyKey { owner, event: id }.encoded(),
            Kind::SessionKey => SessionKey { owner, session: id }.encoded(),
            Kind::MembershipKey => MembershipKey { owner, group: name }.encoded(),
            Kind::UsernameKey => UsernameKey { pool, name }.encoded(),
            Kind::AliasKey => AliasKey { pool, attribute: "email".into(), value: name }.encoded(),
            Kind::UserRemovalKey => UserRemovalKey { owner }.encoded(),
            Kind::OutboxKey => OutboxKey { at: 1, message: id }.encoded(),
            Kind::RetryKey => RetryKey { at: 1, message: id }.encoded(),
            Kind::DeadLetterKey => DeadLetterKey { at: 1, message: id }.encoded(),
            Kind::ExpiryKey => ExpiryKey { at: 1, target: vec![1, 2, 3] }.encoded(),
            Kind::SignatureKey => SignatureKey { signature: vec![7; 32] }.encoded(),
            Kind::AuditKey => AuditKey { at: 1, event: id }.encoded(),
        }
    }

    #[test]
    fn every_key_is_of_its_kind_and_of_no_other() {
        for kind in Kind::ALL {
            let key = sample(*kind);
            assert_eq!(Kind::of(&key), Some(*kind));
            assert!(Known::decode(&key, &[]).is_ok(), "{kind:?}");
            let of_all_the_rest =
                [Kind::ExpiryKey, Kind::PasskeyKey, Kind::PasskeyOwnerKey, Kind::SignatureKey].contains(kind);
            assert_eq!(Kind::of(&[key, vec![0]].concat()).is_none(), !of_all_the_rest, "{kind:?} with a byte more");
        }
    }

    #[test]
    fn a_description_names_ids_and_no_names() {
        assert_eq!(
            described(&sample(Kind::CodeKey)),
            "code (pool us-east-1_Example12, sub 00000000-0000-0000-0000-000000000001)"
        );
        assert_eq!(described(&sample(Kind::UsernameKey)), "username (pool us-east-1_Example12)");
        assert_eq!(described(&sample(Kind::GroupKey)), "group (pool us-east-1_Example12)");
        assert_eq!(
            described(&sample(Kind::GroupRemovalKey)),
            "removal of a group (pool us-east-1_Example12, group 00000000-0000-0000-0000-000000000007)"
        );
        assert_eq!(described(&sample(Kind::SignatureKey)), "used signature");
        assert_eq!(described(&[0xEE, 1]), "2 bytes that are no key, the first of them 0xee");
    }
}
