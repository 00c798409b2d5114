//! JSON web tokens (RFC 7519) by RS256, with exactly Cognito's header: `{"kid":…,"alg":"RS256"}`.
//!
//! Signing is ours, because jsonwebtoken parses the RSA key on every call; reading what strangers send is jsonwebtoken's.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use jsonwebtoken::{Algorithm, Validation};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::signing::{SigningKey, Unusable};

#[derive(Serialize)]
struct Header<'a> {
    kid: &'a str,
    alg: &'static str,
}

/// The header of every token that the key of this id signs, as it stands in them.
pub fn header(key_id: &str) -> Result<String, Unusable> {
    let json = serde_json::to_vec(&Header { kid: key_id, alg: "RS256" }).map_err(|_| Unusable::Key)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(json))
}

/// What most tokens take, so that writing one takes one allocation.
const USUAL_BYTES: usize = 2048;

/// A signed token in compact form.
pub fn sign(claims: &impl Serialize, key: &SigningKey) -> Result<String, Unusable> {
    let claims = serde_json::to_vec(claims).map_err(|_| Unusable::Key)?;
    let mut token = String::with_capacity(USUAL_BYTES);
    token.push_str(&key.header);
    token.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

/// Why a token is not believed.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not a token, or not one of ours.
    Malformed,
    /// Its header names our key, but the signature is not by it.
    Signature,
}

/// The claims of a token, **unverified**: only to learn whose keys to verify with.
pub fn unverified<C: DeserializeOwned>(token: &str) -> Option<C> {
    jsonwebtoken::dangerous::insecure_decode::<C>(token).ok().map(|data| data.claims)
}

/// The claims of a token that `key` has signed. Lifetime and audience are the caller's to judge, by its own clock.
pub fn verify<C: DeserializeOwned + Clone>(token: &str, key: &SigningKey) -> Result<C, Refusal> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| Refusal::Malformed)?;
    if header.kid.as_deref() != Some(&key.key_id) || header.alg != Algorithm::RS256 {
        return Err(Refusal::Malformed);
    }
    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_aud) = (false, false);
    jsonwebtoken::decode::<C>(token, &key.verifying, &validation).map(|data| data.claims).map_err(|error| {
        match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => Refusal::Signature,
            _ => Refusal::Malformed,
        }
    })
}
