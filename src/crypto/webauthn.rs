//! Passkeys: whether what a browser brings proves a new one, or the use of one that is known (Web Authentication Level 3,
//! sections 7.1 and 7.2).
//!
//! Every check of the standard that is a relying party's stands here, in its order, and each refusal has its name. What the
//! standard leaves to policy is decided so: a page that shows another's in a frame is refused; who made an authenticator is not
//! asked (the attestation is not looked at), so a new passkey is believed on the word of whoever is signed in; extensions are
//! passed over.
//!
//! Signatures are aws-lc's to verify, and CBOR is minicbor's to read. Of the algorithms that a passkey can have, the two are
//! taken that Cognito offers. A library for the whole would bring OpenSSL, or the `rsa` crate (RUSTSEC-2023-0071), for the sake
//! of attestations that are not asked for.

mod authenticator_data;
mod public_key;
mod response;

use aws_lc_rs::constant_time::verify_slices_are_equal;

use self::authenticator_data::AuthenticatorData;
pub use self::public_key::PublicKey;
use self::response::ClientData;
pub use self::response::{Assertion, Registration};
use crate::crypto::keys::sha256;
use crate::domain::passkeys::RelyingPartyId;
use crate::rng::Rng;

/// What a response must answer.
pub struct Ceremony<'a> {
    pub relying_party: &'a RelyingPartyId,
    /// What was drawn for this one time.
    pub challenge: &'a [u8],
    /// Whether the authenticator must have made sure of who uses it.
    pub requires_user_verification: bool,
}

/// A challenge: what no response can have been made for before.
pub fn challenge(rng: &Rng) -> [u8; CHALLENGE_BYTES] {
    rng.bytes()
}

/// The standard asks for sixteen at least (section 13.4.3).
const CHALLENGE_BYTES: usize = 32;

/// A new passkey, as its authenticator tells of it.
#[derive(Debug, PartialEq, Eq)]
pub struct NewPasskey {
    pub credential_id: Vec<u8>,
    pub public_key: PublicKey,
    /// How often its authenticator says that it has signed.
    pub signatures: u32,
    pub is_backup_eligible: bool,
    /// Of which make the authenticator is; nil if it does not say.
    pub aaguid: uuid::Uuid,
}

/// What is known of a passkey that is used.
pub struct KnownPasskey<'a> {
    pub public_key: &'a PublicKey,
    pub signatures: u32,
    pub is_backup_eligible: bool,
    /// Whose it is, as it was told to the authenticator when the passkey was made.
    pub user_handle: &'a [u8],
}

/// That a passkey was used.
#[derive(Debug, PartialEq, Eq)]
pub struct Used {
    /// How often it has signed by now.
    pub signatures: u32,
    /// Whether the authenticator has made sure of who uses it.
    pub user_verified: bool,
}

/// Why a response proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("it cannot be read")]
    Malformed,
    #[error("it is of another ceremony")]
    Ceremony,
    #[error("it answers another challenge")]
    Challenge,
    #[error("its page may not use passkeys of this relying party")]
    Origin,
    #[error("it is for another relying party")]
    RelyingParty,
    #[error("nobody was present")]
    UserNotPresent,
    #[error("the authenticator has not made sure of who uses it")]
    UserNotVerified,
    #[error("its key is of no algorithm that was offered, or none at all")]
    PublicKey,
    #[error("what it says of backups contradicts itself, or what it said before")]
    Backup,
    #[error("it is another user's")]
    User,
    #[error("its signature is wrong")]
    Signature,
    /// The standard's sign of a cloned authenticator (section 6.1.1).
    #[error("its signature counter has not grown")]
    Counter,
}

/// The kinds of ceremony, as client data names them.
const CREATE: &str = "webauthn.create";
const GET: &str = "webauthn.get";

impl Ceremony<'_> {
    /// The passkey that a registration makes. Whether it is known already is for the caller to ask.
    pub fn register(&self, response: &Registration) -> Result<NewPasskey, Refusal> {
        self.check_client_data(CREATE, &response.client_data)?;
        let data = AuthenticatorData::of_attestation(&response.attestation_object)?;
        self.check_authenticator_data(&data)?;
        let made = data.made.ok_or(Refusal::Malformed)?;
        if made.credential_id != response.credential_id {
            return Err(Refusal::Malformed);
        }
        Ok(NewPasskey {
            credential_id: made.credential_id,
            public_key: made.public_key?,
            signatures: data.signatures,
            is_backup_eligible: data.is_backup_eligible,
            aaguid: made.aaguid,
        })
    }

    /// What the use of a passkey proves. Which one is meant, the caller has found by its id among those of the user.
    pub fn judge(&self, passkey: &KnownPasskey<'_>, response: &Assertion) -> Result<Used, Refusal> {
        if response.user_handle.as_deref().is_some_and(|handle| handle != passkey.user_handle) {
            return Err(Refusal::User);
        }
        self.check_client_data(GET, &response.client_data)?;
        let data = AuthenticatorData::read(&response.authenticator_data)?;
        self.check_authenticator_data(&data)?;
        if data.is_backup_eligible != passkey.is_backup_eligible {
            return Err(Refusal::Backup);
        }
        let signed = [&response.authenticator_data[..], &sha256(&response.client_data)].concat();
        if !passkey.public_key.has_signed(&signed, &response.signature) {
            return Err(Refusal::Signature);
        }
        // Zero says that the authenticator does not count. One that has counted does not cease to.
        let counts = data.signatures != 0 || passkey.signatures != 0;
        if counts && data.signatures <= passkey.signatures {
            return Err(Refusal::Counter);
        }
        Ok(Used { signatures: data.signatures, user_verified: data.user_verified })
    }

    fn check_client_data(&self, ceremony: &str, client_data: &[u8]) -> Result<(), Refusal> {
        let data = ClientData::read(client_data)?;
        if data.ceremony != ceremony {
            return Err(Refusal::Ceremony);
        }
        verify_slices_are_equal(&data.challenge, self.challenge).map_err(|_| Refusal::Challenge)?;
        match self.relying_party.allows_origin(&data.origin) && !data.is_in_a_frame() {
            true => Ok(()),
            false => Err(Refusal::Origin),
        }
    }

    fn check_authenticator_data(&self, data: &AuthenticatorData) -> Result<(), Refusal> {
        if data.relying_party_hash != sha256(self.relying_party.as_str().as_bytes()) {
            return Err(Refusal::RelyingParty);
        }
        if !data.user_present {
            return Err(Refusal::UserNotPresent);
        }
        if self.requires_user_verification && !data.user_verified {
            return Err(Refusal::UserNotVerified);
        }
        match data.is_backed_up && !data.is_backup_eligible {
            true => Err(Refusal::Backup),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn reading_any_bytes_never_panics(bytes: Vec<u8>, flags: u8) {
            let _ = (PublicKey::read(&bytes), AuthenticatorData::of_attestation(&bytes), ClientData::read(&bytes));
            let head = [&[0; 32][..], &[flags, 0, 0, 0, 1], &bytes].concat();
            let _ = (AuthenticatorData::read(&bytes), AuthenticatorData::read(&head));
            let wrapped = [&[0xa1, 0x68][..], b"authData", &[0x59, 0, 200], &head].concat();
            let _ = AuthenticatorData::of_attestation(&wrapped);
        }

        #[test]
        fn reading_any_text_never_panics(text: String) {
            let _ = (Assertion::read(&text), ClientData::read(text.as_bytes()), Registration::read(text.into()));
        }
    }

    /// A key of P-256 in COSE: the generator of the curve.
    fn cose() -> Vec<u8> {
        let x = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
        let y = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
        hex::decode(format!("a5010203262001215820{x}225820{y}")).unwrap()
    }

    #[test]
    fn a_key_is_read_whole_and_only_if_it_is_one() {
        let right = cose();
        assert_eq!(PublicKey::read(&right).unwrap().cose(), right);
        let changed = |at: usize, byte: u8| {
            let mut changed = right.clone();
            changed[at] = byte;
            PublicKey::read(&changed)
        };
        assert_eq!(changed(0, 0xa4), Err(Refusal::PublicKey), "half a point");
        assert_eq!(changed(0, 0xa6), Err(Refusal::Malformed), "a parameter that is not there");
        assert_eq!(changed(0, 0xbf), Err(Refusal::Malformed), "of no length");
        assert_eq!(changed(1, 0x03), Err(Refusal::Malformed), "the algorithm stands twice");
        assert_eq!(changed(2, 0x03), Err(Refusal::PublicKey), "of another kind");
        assert_eq!(changed(4, 0x27), Err(Refusal::PublicKey), "of another algorithm");
        assert_eq!(changed(6, 0x02), Err(Refusal::PublicKey), "on another curve");
        assert_eq!(changed(right.len() - 1, 0xf4), Err(Refusal::PublicKey), "beside the curve");
        assert_eq!(PublicKey::read(&[right.clone(), vec![0]].concat()), Err(Refusal::Malformed));
        assert_eq!(PublicKey::read(&[0xa0]), Err(Refusal::PublicKey), "nothing");
        // What the standard does not know is passed over.
        let more = [&[0xa6], &right[1..], &[0x38, 0x63, 0x81, 0x80]].concat();
        assert!(PublicKey::read(&more).is_ok());
        // Within bounds.
        let with_bytes = |count: u16| {
            let head = [&[0xa6], &right[1..], &[0x38, 0x63, 0x59]].concat();
            let length = usize::from(count) - head.len() - 2;
            [head, (length as u16).to_be_bytes().to_vec(), vec![0; length]].concat()
        };
        assert!(PublicKey::read(&with_bytes(2048)).is_ok());
        assert_eq!(PublicKey::read(&with_bytes(2049)), Err(Refusal::PublicKey));
    }

    #[test]
    fn authenticator_data_is_read_to_its_last_byte() {
        let key = cose();
        let head = |flags: u8| [&[9; 32][..], &[flags, 0, 0, 1, 2]].concat();
        let used = AuthenticatorData::read(&head(0b0000_0101)).unwrap();
        assert_eq!((used.relying_party_hash, used.signatures), ([9; 32], 258));
        assert!(used.user_present && used.user_verified && !used.is_backup_eligible && !used.is_backed_up);
        assert!(used.made.is_none());
        let made = [&[5; 16][..], &[0, 2, 7, 8], &key].concat();
        let with_passkey = [&head(0b0101_1001)[..], &made].concat();
        let read = AuthenticatorData::read(&with_passkey).unwrap();
        assert!(read.user_present && !read.user_verified && read.is_backup_eligible && read.is_backed_up);
        let passkey = read.made.unwrap();
        assert_eq!((passkey.aaguid.into_bytes(), passkey.credential_id), ([5; 16], vec![7, 8]));
        assert_eq!(passkey.public_key.unwrap().cose(), key);
        let refused = |bytes: &[u8]| assert!(AuthenticatorData::read(bytes).is_err(), "{bytes:?}");
        for length in 0..with_passkey.len() {
            refused(&with_passkey[..length]);
        }
        refused(&[&with_passkey[..], &[0xa0]].concat());
        refused(&[&head(1)[..], &[0xa0]].concat());
        // Extensions are one map, and nothing else.
        assert!(AuthenticatorData::read(&[&head(0x81)[..], &[0xa1, 0x61, b'a', 0xf5]].concat()).is_ok());
        for other in [&[][..], &[0xa1, 0x61, b'a'], &[0x80], &[0xf5], &[0xa0, 0xa0]] {
            refused(&[&head(0x81)[..], other].concat());
        }
    }

    #[test]
    fn the_standards_own_example_is_registered_and_used() {
        // Section 16.1 of the standard: ES256, without attestation.
        let bytes = |text: &str| hex::decode(text).unwrap();
        let relying_party = &RelyingPartyId::parse("example.org").unwrap();
        let ceremony = |challenge| Ceremony { relying_party, challenge, requires_user_verification: false };
        let registration = Registration {
            credential_id: bytes(CREDENTIAL_ID),
            client_data: bytes(REGISTRATION_CLIENT_DATA),
            attestation_object: bytes(ATTESTATION_OBJECT),
            transports: Vec::new(),
            attachment: None,
        };
        let challenge = bytes(REGISTRATION_CHALLENGE);
        let made = ceremony(&challenge).register(&registration).unwrap();
        assert_eq!(made.aaguid.to_string(), "8446ccb9-ab1d-b374-750b-2367ff6f3a1f");
        assert_eq!((&made.credential_id, made.signatures), (&bytes(CREDENTIAL_ID), 0));
        let known = KnownPasskey {
            public_key: &made.public_key,
            signatures: made.signatures,
            is_backup_eligible: made.is_backup_eligible,
            user_handle: b"alice",
        };
        let assertion = Assertion {
            credential_id: bytes(CREDENTIAL_ID),
            client_data: bytes(CLIENT_DATA),
            authenticator_data: bytes(AUTHENTICATOR_DATA),
            signature: bytes(SIGNATURE),
            user_handle: None,
        };
        let challenge = bytes(CHALLENGE);
        let used = ceremony(&challenge).judge(&known, &assertion);
        assert_eq!(used, Ok(Used { signatures: 0, user_verified: false }));
        let verified = Ceremony { requires_user_verification: true, ..ceremony(&challenge) };
        assert_eq!(verified.judge(&known, &assertion), Err(Refusal::UserNotVerified));
        let mut forged = bytes(SIGNATURE);
        forged[40] ^= 1;
        let forged = Assertion { signature: forged, ..assertion };
        assert_eq!(ceremony(&challenge).judge(&known, &forged), Err(Refusal::Signature));
    }

    const REGISTRATION_CHALLENGE: &str = "00c30fb78531c464d2b6771dab8d7b603c01162f2fa486bea70f283ae556e130";
    const CREDENTIAL_ID: &str = "f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4";
    const REGISTRATION_CLIENT_DATA: &str = concat!(
        "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a22414d4d5074345578784754",
        "53746e63647134313759447742466938767049612d7077386f4f755657345441222c226f726967696e223a2268747470733a",
        "2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c",
        "69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c64",
        "7320696e20746865206675747572652c207375636820617320746869733a20426b5165446a646354427258426941774a544c",
        "453551227d",
    );
    const ATTESTATION_OBJECT: &str = concat!(
        "a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8",
        "edd46592a5e0f01452b2e4b559000000008446ccb9ab1db374750b2367ff6f3a1f0020f91f391db4c9b2fde0ea70189cba3f",
        "b63f579ba6122b33ad94ff3ec330084be4a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb2",
        "49c33a9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220",
    );
    const CHALLENGE: &str = "39c0e7521417ba54d43e8dc95174f423dee9bf3cd804ff6d65c857c9abf4d408";
    const CLIENT_DATA: &str = concat!(
        "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a224f63446e55685158756c5455506f",
        "334a5558543049393770767a7a59425039745a63685879617630314167222c226f726967696e223a2268747470733a2f2f65",
        "78616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
    );
    const AUTHENTICATOR_DATA: &str = "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000";
    const SIGNATURE: &str = concat!(
        "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b93538174f5",
        "75bf11a1dd5d78c6e486013f937295ea13653e331e87",
    );
}
