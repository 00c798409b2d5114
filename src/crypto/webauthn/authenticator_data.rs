//! What an authenticator says, and signs (Web Authentication Level 3, section 6.1).
//!
//! `[SHA-256 of the relying party's id: 32][flags: 1][signature counter: 4][the passkey, where one was made][extensions]`,
//! numbers big-endian. A passkey is `[AAGUID: 16][length of its id: 2][its id][its public key, in CBOR]`.

use minicbor::Decoder;
use uuid::Uuid;

use super::{PublicKey, Refusal};

/// Authenticator data, read to its last byte.
pub struct AuthenticatorData {
    pub relying_party_hash: [u8; 32],
    pub user_present: bool,
    pub user_verified: bool,
    pub is_backup_eligible: bool,
    pub is_backed_up: bool,
    pub signatures: u32,
    pub made: Option<Made>,
}

/// The passkey that was made.
pub struct Made {
    pub aaguid: Uuid,
    pub credential_id: Vec<u8>,
    /// Its key, or why it is none that serves.
    pub public_key: Result<PublicKey, Refusal>,
}

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const HAS_MADE: u8 = 1 << 6;
const HAS_EXTENSIONS: u8 = 1 << 7;

/// The longest id that a passkey may have (section 7.1).
const CREDENTIAL_ID_BYTES_MAX: usize = 1023;

impl AuthenticatorData {
    /// What stands in an attestation object (section 6.5): beside it is a statement of who made the authenticator, in whatever
    /// format, which is not asked for and so not looked at.
    pub fn of_attestation(object: &[u8]) -> Result<Self, Refusal> {
        let mut decoder = Decoder::new(object);
        let data = member_of_attestation(&mut decoder).ok().flatten().ok_or(Refusal::Malformed)?;
        if decoder.position() == object.len() { Self::read(data) } else { Err(Refusal::Malformed) }
    }

    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        Self::split(bytes).ok_or(Refusal::Malformed)
    }

    fn split(bytes: &[u8]) -> Option<Self> {
        let (relying_party_hash, rest) = bytes.split_first_chunk()?;
        let (flags, rest) = rest.split_first()?;
        let (signatures, rest) = rest.split_first_chunk()?;
        let has = |flag: u8| flags & flag != 0;
        let (made, rest) = match has(HAS_MADE) {
            true => Made::split(rest).map(|(made, rest)| (Some(made), rest))?,
            false => (None, rest),
        };
        let rest = if has(HAS_EXTENSIONS) { behind_a_map(rest)? } else { rest };
        rest.is_empty().then(|| AuthenticatorData {
            relying_party_hash: *relying_party_hash,
            user_present: has(USER_PRESENT),
            user_verified: has(USER_VERIFIED),
            is_backup_eligible: has(BACKUP_ELIGIBLE),
            is_backed_up: has(BACKED_UP),
            signatures: u32::from_be_bytes(*signatures),
            made,
        })
    }
}

impl Made {
    /// The passkey, and what follows it.
    fn split(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (aaguid, rest) = bytes.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (credential_id, rest) = rest.split_at_checked(length)?;
        let mut decoder = Decoder::new(rest);
        let public_key = PublicKey::decode(&mut decoder).ok()?;
        let is_id = (1..=CREDENTIAL_ID_BYTES_MAX).contains(&length);
        let made = Made { aaguid: Uuid::from_bytes(*aaguid), credential_id: credential_id.to_vec(), public_key };
        is_id.then(|| (made, &rest[decoder.position()..]))
    }
}

/// The authenticator data of an attestation object.
fn member_of_attestation<'a>(decoder: &mut Decoder<'a>) -> Result<Option<&'a [u8]>, minicbor::decode::Error> {
    let mut data = None;
    for _ in 0..decoder.map()?.unwrap_or_default() {
        match decoder.str()? {
            "authData" if data.is_none() => data = Some(decoder.bytes()?),
            "authData" => return Ok(None),
            _ => decoder.skip()?,
        }
    }
    Ok(data)
}

/// What follows a map in CBOR.
fn behind_a_map(bytes: &[u8]) -> Option<&[u8]> {
    let mut decoder = Decoder::new(bytes);
    let is_map = matches!(decoder.datatype().ok()?, minicbor::data::Type::Map);
    decoder.skip().ok()?;
    is_map.then(|| &bytes[decoder.position()..])
}
