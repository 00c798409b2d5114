//! Credentials as they arrive: from a request to the principal that they prove, or to nobody.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use rustls::server::danger::ClientCertVerifier;

use super::certificate::ClientCertificate;
use super::sigv4::{self, SignedRequest};
use super::{Authenticated, Principals, Proof};
use crate::crypto::secret::Secret;
use crate::error::Error;

/// The principal whose access key signed an AWS request, and the signature.
pub fn by_signature(
    principals: &Principals,
    request: &SignedRequest<'_>,
    now: Timestamp,
    region: &str,
) -> Result<(Authenticated, sigv4::Verified), Error> {
    let secret_of = |id: &str| principals.key(id).map(|(_, secret)| secret);
    let verified = sigv4::verify(request, now, region, secret_of)?;
    let (principal, _) = principals.key(&verified.access_key).ok_or(Error::UnrecognizedClient)?;
    let proof = Proof::Signature { access_key: verified.access_key.clone() };
    Ok((Authenticated { principal: principal.clone(), proof }, verified))
}

/// The principal whose access key stands in HTTP Basic metadata (RFC 7617). `private` says that nobody between could read
/// it: TLS, or an address of this machine.
pub fn by_basic(principals: &Principals, headers: &HeaderMap, private: bool) -> Result<Authenticated, Error> {
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
        Some((principal, secret)) if secret.secret().equals(given.as_bytes()) => {
            let proof = Proof::AccessKey { access_key: id.to_owned() };
            Ok(Authenticated { principal: principal.clone(), proof })
        }
        _ => Err(Error::UnrecognizedClient),
    }
}

/// The principal whom a client certificate identifies, if it is valid now: by the first of its names that is known.
pub fn by_certificate(
    principals: &Principals,
    certificate: &ClientCertificate,
    verifier: &dyn ClientCertVerifier,
    now: Timestamp,
) -> Result<Authenticated, Error> {
    if !certificate.is_valid(verifier, now) {
        return Err(Error::UnrecognizedClient);
    }
    let mut known = certificate.identities().iter().filter_map(|name| Some((name, principals.identified(name)?)));
    let (identity, principal) = known.next().ok_or(Error::UnrecognizedClient)?;
    let fingerprint = certificate.fingerprint().to_owned();
    let proof = Proof::Certificate { identity: identity.clone(), fingerprint };
    Ok(Authenticated { principal: principal.clone(), proof })
}
