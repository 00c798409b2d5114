//! AWS Signature Version 4 as both sides write it down: the canonical request, the text that is signed, and the key that signs.
//!
//! By it operators prove themselves to this service (`access::sigv4` judges that), and this service proves itself to AWS Lambda.

use std::borrow::Cow;

use aws_lc_rs::{digest, hmac};
use http::HeaderMap;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::keys::sha256;

/// The name of the algorithm, with which the `Authorization` header begins.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
pub const TERMINATOR: &str = "aws4_request";
const BASIC_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// The parts of an HTTP request that a signature covers.
///
/// HTTP/2 has no `host` header; whoever builds this for such a request puts the authority there.
#[derive(Clone, Copy)]
pub struct SignedRequest<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// What a signature is good for.
#[derive(Clone, Copy)]
pub struct SigningScope<'a> {
    /// Such as `20260107`.
    pub day: &'a str,
    pub region: &'a str,
    pub service: &'a str,
}

/// Signs a request: the value of its `Authorization` header over the named headers.
///
/// The date is that of the request's `x-amz-date` header, such as `20260107T050609Z`. The path is the canonical one, which for
/// every service but S3 is the path as sent with its percent signs encoded once more.
pub fn authorization(
    request: &SignedRequest<'_>,
    date: &str,
    scope: SigningScope<'_>,
    access_key_id: &str,
    secret: &[u8],
    signed_headers: &[&str],
) -> String {
    let mut names: Vec<String> = signed_headers.iter().map(|name| name.to_ascii_lowercase()).collect();
    names.sort();
    names.dedup();
    let list = names.join(";");
    let mut canonical = Canonical::begin(request);
    for name in &names {
        // A named header that is absent signs as empty: the verifier, not the signer, is the place to refuse it.
        canonical.header(name, &canonical_value(request.headers, name).unwrap_or_default());
    }
    let message = string_to_sign(date, scope, &canonical.end(&list, &hex_sha256(request.body)));
    let signature = hmac::sign(&signing_key(secret, scope), message.as_bytes());
    let SigningScope { day, region, service } = scope;
    format!(
        "{ALGORITHM} Credential={access_key_id}/{day}/{region}/{service}/{TERMINATOR}, SignedHeaders={list}, \
         Signature={}",
        hex::encode(signature)
    )
}

/// The canonical form of a request, hashed as it is written.
pub struct Canonical(digest::Context);

impl Canonical {
    pub fn begin(request: &SignedRequest<'_>) -> Self {
        let mut canonical = Canonical(digest::Context::new(&digest::SHA256));
        canonical.write(&[request.method, "\n", request.path, "\n", request.query, "\n"]);
        canonical
    }

    pub fn header(&mut self, name: &str, value: &str) {
        self.write(&[name, ":", value, "\n"]);
    }

    /// Ends with the list of the headers' names and the hash of the body.
    pub fn end(mut self, list: &str, body: &HexHash) -> HexHash {
        self.write(&["\n", list, "\n", body.as_str()]);
        HexHash::of(self.0.finish().as_ref())
    }

    fn write(&mut self, texts: &[&str]) {
        texts.iter().for_each(|text| self.0.update(text.as_bytes()));
    }
}

/// All values of a header, trimmed, with one space for each run of white space.
pub fn canonical_value<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, str>> {
    let mut values = headers.get_all(name).iter().map(|value| value.to_str().ok().map(collapsed));
    let first = values.next()??;
    values.try_fold(first, |joined, value| value.map(|value| Cow::Owned([&*joined, ",", &*value].concat())))
}

fn collapsed(value: &str) -> Cow<'_, str> {
    let is_other_space = |byte: u8| byte != b' ' && byte.is_ascii_whitespace();
    match value.trim_ascii() == value && !value.contains("  ") && !value.bytes().any(is_other_space) {
        true => Cow::Borrowed(value),
        false => Cow::Owned(value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")),
    }
}

/// What is signed: the date, what it is signed for, and the request.
pub fn string_to_sign(date: &str, scope: SigningScope<'_>, canonical_request: &HexHash) -> String {
    let (SigningScope { day, region, service }, hash) = (scope, canonical_request.as_str());
    [ALGORITHM, "\n", date, "\n", day, "/", region, "/", service, "/", TERMINATOR, "\n", hash].concat()
}

/// The key that signs for one day, region and service, derived from the secret link by link.
pub fn signing_key(secret: &[u8], scope: SigningScope<'_>) -> hmac::Key {
    let first = Zeroizing::new([b"AWS4", secret].concat());
    let key = hmac::Key::new(hmac::HMAC_SHA256, &first);
    [scope.day, scope.region, scope.service, TERMINATOR].iter().fold(key, |key, link| {
        let next = hmac::sign(&key, link.as_bytes());
        hmac::Key::new(hmac::HMAC_SHA256, next.as_ref())
    })
}

/// A SHA-256 hash in hexadecimal digits.
pub struct HexHash([u8; 64]);

impl HexHash {
    fn of(hash: &[u8]) -> Self {
        let mut digits = [b'0'; 64];
        // A hash of another length would stay as zeros, which no request has.
        let _ = hex::encode_to_slice(hash, &mut digits);
        HexHash(digits)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

pub fn hex_sha256(bytes: &[u8]) -> HexHash {
    HexHash::of(&sha256(bytes))
}

/// A time as signatures have it, such as `20260107T050609Z`.
pub fn basic_format(time: Timestamp) -> String {
    time.strftime(BASIC_FORMAT).to_string()
}

/// The day of such a time.
pub fn day_of(date: &str) -> &str {
    date.get(..8).unwrap_or(date)
}
