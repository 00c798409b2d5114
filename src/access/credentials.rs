//! Credentials as they arrive: from a request's headers to the principal they prove, or to nobody.

use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;

use super::sigv4::{self, SignedRequest};
use super::{Principal, Principals};
use crate::crypto::secret::Secret;
use crate::error::Error;

/// The principal whose access key signed an AWS request.
pub fn by_signature(
    principals: &Principals,
    request: &SignedRequest<'_>,
    now: Timestamp,
    region: &str,
) -> Result<Arc<Principal>, Error> {
    let secret_of = |id: &str| principals.key(id).map(|(_, secret)| secret.expose().as_slice());
    let id = sigv4::verify(request, now, region, secret_of)?;
    principals.key(&id).map(|(principal, _)| principal.clone()).ok_or(Error::UnrecognizedClient)
}

/// The principal whose access key stands in HTTP Basic metadata (RFC 7617). `private` says that nobody between could read
/// it: TLS, or an address of this machine.
pub fn by_basic(principals: &Principals, headers: &HeaderMap, private: bool) -> Result<Arc<Principal>, Error> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(Error::MissingAuthenticationToken) };
    let encoded = value.to_str().ok().and_then(|value| value.split_once(' '));
    let Some((scheme, encoded)) = encoded else { return Err(Error::MissingAuthenticationToken) };
    if !scheme.eq_ignore_ascii_case("basic") || !private {
        return Err(Error::MissingAuthenticationToken);
    }
    let decoded = Secret::new(BASE64_STANDARD.decode(encoded.trim()).map_err(|_| Error::UnrecognizedClient)?);
    let text = std::str::from_utf8(decoded.expose()).map_err(|_| Error::UnrecognizedClient)?;
    let (id, given) = text.split_once(':').ok_or(Error::UnrecognizedClient)?;
    match principals.key(id) {
        Some((principal, secret)) if secret.equals(given.as_bytes()) => Ok(principal.clone()),
        _ => Err(Error::UnrecognizedClient),
    }
}
