//! The RSA keys with which a pool signs its tokens: one for ID tokens, one for access tokens, as Cognito has.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use bytes::Bytes;
use jsonwebtoken::DecodingKey;
use serde::Serialize;

use super::jwt;
use super::keys::sha256;
use super::sealing::{CannotOpen, Sealer};
use crate::rng::Rng;
use crate::store::records;

/// A key pair, parsed once.
pub struct SigningKey {
    pub key_id: String,
    /// What its tokens begin with.
    pub header: String,
    pair: KeyPair,
    pub verifying: DecodingKey,
}

/// The two keys of a pool.
pub struct SigningKeys {
    pub id: SigningKey,
    pub access: SigningKey,
    /// Their public halves as a JWK set (RFC 7517, section 5): the one for ID tokens, then the one for access tokens.
    pub published: Bytes,
}

/// Why a key is not usable.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error(transparent)]
    Sealed(#[from] CannotOpen),
    #[error("an RSA key could not be made or parsed")]
    Key,
}

impl SigningKey {
    /// Signs with RSASSA-PKCS1-v1_5 over SHA-256 (RS256).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unusable> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let random = aws_lc_rs::rand::SystemRandom::new();
        self.pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(|_| Unusable::Key)?;
        Ok(signature)
    }

    /// The public key in DER (RFC 8017, A.1.1).
    pub fn public_key(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    fn open(sealer: &Sealer, place: &[u8], record: &records::SigningKey) -> Result<Self, Unusable> {
        let pkcs8 = sealer.open(place, &record.sealed_private_key)?;
        let pair = KeyPair::from_pkcs8(pkcs8.expose()).map_err(|_| Unusable::Key)?;
        let verifying = DecodingKey::from_rsa_raw_components(&record.modulus, &record.exponent);
        let header = jwt::header(&record.key_id)?;
        Ok(SigningKey { key_id: record.key_id.clone(), header, pair, verifying })
    }
}

impl SigningKeys {
    /// The keys that [`NewKeys`] made, ready to sign.
    pub fn open(sealer: &Sealer, place: &[u8], record: &records::SigningKeys) -> Result<Self, Unusable> {
        let (Some(id), Some(access)) = (&record.id, &record.access) else { return Err(Unusable::Key) };
        let published = [id, access].map(JsonWebKey::from);
        let published = serde_json::json!({ "keys": published }).to_string();
        Ok(SigningKeys {
            id: SigningKey::open(sealer, place, id)?,
            access: SigningKey::open(sealer, place, access)?,
            published: published.into(),
        })
    }
}

/// Two new keys of a pool, not yet sealed.
pub struct NewKeys {
    id: KeyPair,
    access: KeyPair,
}

impl NewKeys {
    /// Makes two keys of 2048 bits. Takes some tenths of a second of a core.
    pub fn generate() -> Result<Self, Unusable> {
        let one = || KeyPair::generate(KeySize::Rsa2048).map_err(|_| Unusable::Key);
        Ok(NewKeys { id: one()?, access: one()? })
    }

    /// The keys as they are kept, sealed for `place`.
    pub fn sealed(&self, sealer: &Sealer, place: &[u8], rng: &Rng) -> Result<records::SigningKeys, Unusable> {
        let one = |pair: &KeyPair| {
            let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(pair).map_err(|_| Unusable::Key)?;
            let public = PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
            let key_id = BASE64_STANDARD.encode(sha256(&public.n));
            let sealed_private_key = sealer.seal(place, pkcs8.as_ref(), rng);
            Ok::<_, Unusable>(records::SigningKey { key_id, sealed_private_key, modulus: public.n, exponent: public.e })
        };
        Ok(records::SigningKeys { id: Some(one(&self.id)?), access: Some(one(&self.access)?) })
    }
}

/// A public key as RFC 7517 prints it, with the members that Cognito gives.
#[derive(Serialize)]
struct JsonWebKey {
    alg: &'static str,
    e: String,
    kid: String,
    kty: &'static str,
    n: String,
    r#use: &'static str,
}

impl From<&records::SigningKey> for JsonWebKey {
    fn from(key: &records::SigningKey) -> Self {
        let (e, n) = (BASE64_URL_SAFE_NO_PAD.encode(&key.exponent), BASE64_URL_SAFE_NO_PAD.encode(&key.modulus));
        JsonWebKey { alg: "RS256", e, kid: key.key_id.clone(), kty: "RSA", n, r#use: "sig" }
    }
}
