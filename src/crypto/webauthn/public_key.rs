//! The public key of a passkey, as authenticators write it (COSE: RFC 9052, section 7; RFC 9053, sections 2.1 and 7.1; RFC 8812
//! and RFC 8230 for RSA).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use minicbor::Decoder;
use minicbor::data::Type;
use minicbor::decode::Error as Unreadable;

use super::Refusal;

/// A key of one of [`PublicKey::ALGORITHMS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// As the authenticator wrote it.
    cose: Vec<u8>,
    key: Key,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    /// A point of P-256, uncompressed (SEC 1, section 2.3.3).
    Es256([u8; 65]),
    Rs256 {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
}

const ES256: i64 = -7;
const RS256: i64 = -257;

/// The longest key that is kept, with whatever else its authenticator has written in it: twice what the longest needs.
const KEY_BYTES_MAX: usize = 2048;

/// How long RSA moduli can be, in bytes: from 2048 to 8192 bits, in whole bytes.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

impl PublicKey {
    /// What is offered to authenticators, the best first: ECDSA on P-256 and RSASSA-PKCS1-v1_5, both with SHA-256, by their numbers
    /// in COSE.
    pub const ALGORITHMS: [i64; 2] = [ES256, RS256];

    /// A key by itself, as [`PublicKey::cose`] gave it.
    pub fn read(cose: &[u8]) -> Result<Self, Refusal> {
        let mut decoder = Decoder::new(cose);
        let key = Self::decode(&mut decoder).map_err(|_| Refusal::Malformed)??;
        if decoder.position() == cose.len() { Ok(key) } else { Err(Refusal::Malformed) }
    }

    /// As the authenticator wrote it.
    pub fn cose(&self) -> &[u8] {
        &self.cose
    }

    /// The next key. The outer error says that there is nothing that can be read; the inner one, that it is no key that was
    /// asked for.
    pub(super) fn decode(decoder: &mut Decoder<'_>) -> Result<Result<Self, Refusal>, Unreadable> {
        let start = decoder.position();
        let parameters = Parameters::decode(decoder)?;
        let cose = &decoder.input()[start..decoder.position()];
        let key = parameters.key().filter(|_| cose.len() <= KEY_BYTES_MAX);
        Ok(key.map(|key| PublicKey { cose: cose.to_vec(), key }).ok_or(Refusal::PublicKey))
    }

    /// Whether this key's owner has signed the message.
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.key {
            Key::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature).is_ok()
            }
            Key::Rs256 { modulus, exponent } => {
                let key = RsaPublicKeyComponents { n: modulus, e: exponent };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
        }
    }
}

/// The parameters of a key, by their labels. What -1, -2 and -3 stand for is for the kind of key to say.
#[derive(Default)]
struct Parameters<'a> {
    kind: Option<i64>,
    algorithm: Option<i64>,
    /// Label -1 where it is a number: the curve.
    curve: Option<i64>,
    /// Labels -1, -2 and -3 where they are bytes.
    bytes: [Option<&'a [u8]>; 3],
}

impl<'a> Parameters<'a> {
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, Unreadable> {
        let mut parameters = Parameters::default();
        let entries = decoder.map()?.ok_or_else(|| Unreadable::message("a map without its length"))?;
        for _ in 0..entries {
            let label = decoder.i64()?;
            let is_new = match (label, decoder.datatype()?) {
                (1, _) => parameters.kind.replace(decoder.i64()?).is_none(),
                (3, _) => parameters.algorithm.replace(decoder.i64()?).is_none(),
                (-1, Type::U8 | Type::U16 | Type::U32 | Type::U64) => {
                    parameters.curve.replace(decoder.i64()?).is_none()
                }
                (-3..=-1, Type::Bytes) => {
                    let at = usize::try_from(-1 - label).unwrap_or_default();
                    parameters.bytes[at].replace(decoder.bytes()?).is_none()
                }
                _ => decoder.skip().map(|()| true)?,
            };
            if !is_new {
                return Err(Unreadable::message("a parameter stands twice"));
            }
        }
        Ok(parameters)
    }

    fn key(&self) -> Option<Key> {
        const ELLIPTIC_CURVE: i64 = 2;
        const RSA: i64 = 3;
        const P256: i64 = 1;
        match (self.kind?, self.algorithm?, self.curve, self.bytes) {
            (ELLIPTIC_CURVE, ES256, Some(P256), [None, Some(x), Some(y)]) => point(x, y).map(Key::Es256),
            (RSA, RS256, None, [Some(modulus), Some(exponent), None]) => {
                let is_key = RsaPublicKeyComponents { n: modulus, e: exponent }
                    .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
                    .is_ok();
                (MODULUS_BYTES.contains(&modulus.len()) && modulus[0] >= 0x80 && is_key)
                    .then(|| Key::Rs256 { modulus: modulus.to_vec(), exponent: exponent.to_vec() })
            }
            _ => None,
        }
    }
}

/// The point of these coordinates, if it is one of the curve.
fn point(x: &[u8], y: &[u8]) -> Option<[u8; 65]> {
    const UNCOMPRESSED: u8 = 4;
    let point: [u8; 65] = [&[UNCOMPRESSED], x, y].concat().try_into().ok().filter(|_| x.len() == y.len())?;
    ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).is_ok().then_some(point)
}
