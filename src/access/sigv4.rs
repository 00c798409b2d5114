//! AWS Signature Version 4, by which operators prove that they hold a secret access key.
//!
//! Only the `Authorization` header counts. Signatures in the query string, session tokens and unsigned bodies are
//! refused: nothing here issues or needs them, and each would widen what a stolen request can do. What decides the
//! meaning of a request (its target, its content type, its date, its body) must be under the signature.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use aws_lc_rs::hmac;
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};

use crate::crypto::secret::Secret;
pub use crate::crypto::sigv4::SignedRequest;
use crate::crypto::sigv4::{
    ALGORITHM, Canonical, HexHash, SigningScope, TERMINATOR, basic_format, canonical_value, day_of, hex_sha256,
    signing_key, string_to_sign,
};
use crate::error::Error;

/// What a valid signature proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The id of the access key that signed.
    pub access_key: String,
    pub signature: [u8; 32],
    /// The date of the request, in whole seconds.
    pub signed_at: Timestamp,
    /// Until when the signature is fresh.
    pub stale_at: Timestamp,
}

/// A secret access key, with the signing key that was last derived from it: deriving takes longer than all else that a
/// signature asks for, and requests of one day and region have the same one. It goes when the secret goes, and whoever reads
/// it learns nothing but its day and region.
pub struct SecretAccessKey {
    secret: Secret<Vec<u8>>,
    derived: ArcSwapOption<SigningKey>,
}

/// What signs for one day, region and service. The library zeroes it when it is dropped.
struct SigningKey {
    day: String,
    region: String,
    key: hmac::Key,
}

impl SecretAccessKey {
    pub fn new(secret: Secret<Vec<u8>>) -> Self {
        SecretAccessKey { secret, derived: ArcSwapOption::empty() }
    }

    /// The secret itself, as HTTP Basic carries it.
    pub fn secret(&self) -> &Secret<Vec<u8>> {
        &self.secret
    }

    /// The signing key of a day that has been found to be today.
    fn signing_key(&self, day: &str, region: &str) -> Arc<SigningKey> {
        let kept = self.derived.load_full().filter(|kept| kept.day == day && kept.region == region);
        kept.unwrap_or_else(|| {
            let key = signing_key(self.secret.expose(), scope_of(day, region));
            let derived = Arc::new(SigningKey { day: day.to_owned(), region: region.to_owned(), key });
            self.derived.store(Some(derived.clone()));
            derived
        })
    }
}

impl fmt::Debug for SecretAccessKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.secret.fmt(out)
    }
}

/// Verifies a request: who signed it, and by which signature.
///
/// `secret_of` yields the secret access key of an *active* key id. The region is ours: a signature for another one is
/// refused, so that a request cannot be replayed elsewhere.
pub fn verify<'a>(
    request: &SignedRequest<'_>,
    now: Timestamp,
    region: &str,
    secret_of: impl FnOnce(&str) -> Option<&'a SecretAccessKey>,
) -> Result<Verified, Error> {
    let header = authorization_header(request)?;
    let credentials = Credentials::parse(header, request.headers)?;
    let scope = Scope::parse(credentials.credential)?;
    // No session tokens are issued here, so every one of them is forged.
    if request.headers.contains_key("x-amz-security-token") {
        return Err(Error::UnrecognizedClient);
    }
    let secret = secret_of(scope.access_key_id).ok_or(Error::UnrecognizedClient)?;
    scope.check(region, credentials.date)?;
    let (signed_at, stale_at) = check_clock(credentials.date, now)?;
    let signed_headers: Vec<&str> = credentials.signed_headers.split(';').collect();
    check_signed_headers(&signed_headers, request.headers)?;
    let canonical = canonical_request(request, credentials.signed_headers, &signed_headers).ok_or_else(mismatch)?;
    let mut signature = [0; 32];
    hex::decode_to_slice(credentials.signature, &mut signature).map_err(|_| mismatch())?;
    let key = secret.signing_key(scope.date, region);
    let message = string_to_sign(credentials.date, scope_of(scope.date, region), &canonical);
    // Compares in constant time.
    hmac::verify(&key.key, message.as_bytes(), &signature).map_err(|_| mismatch())?;
    Ok(Verified { access_key: scope.access_key_id.to_owned(), signature, signed_at, stale_at })
}

/// Signs a request to this service, for clients and tests: [`crate::crypto::sigv4::authorization`].
pub fn authorization(
    request: &SignedRequest<'_>,
    date: &str,
    region: &str,
    access_key_id: &str,
    secret: &[u8],
    signed_headers: &[&str],
) -> String {
    let scope = scope_of(day_of(date), region);
    crate::crypto::sigv4::authorization(request, date, scope, access_key_id, secret, signed_headers)
}

/// What signatures for this service are made for.
fn scope_of<'a>(day: &'a str, region: &'a str) -> SigningScope<'a> {
    SigningScope { day, region, service: SERVICE }
}

/// The one `Authorization` header. Without one that begins with our algorithm, a request carries no credentials we know.
fn authorization_header<'a>(request: &SignedRequest<'a>) -> Result<&'a str, Error> {
    let mut values = request.headers.get_all("authorization").iter();
    let first = values.next().ok_or(Error::MissingAuthenticationToken)?;
    let value = first.to_str().map_err(|_| Error::MissingAuthenticationToken)?;
    if !value.strip_prefix(ALGORITHM).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')) {
        return Err(Error::MissingAuthenticationToken);
    }
    if request.query.contains("X-Amz-Algorithm") {
        return Err(Error::InvalidSignature(
            "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.".into(),
        ));
    }
    // Which of two headers counts is a question two readers might answer differently.
    if values.next().is_some() { Err(mismatch()) } else { Ok(value) }
}

/// What the headers say about the signature.
struct Credentials<'a> {
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
    date: &'a str,
}

impl<'a> Credentials<'a> {
    fn parse(header: &'a str, headers: &'a HeaderMap) -> Result<Self, Error> {
        let parameters = header.strip_prefix(ALGORITHM).unwrap_or(header);
        let found = (
            parameter(parameters, "Credential"),
            parameter(parameters, "Signature"),
            parameter(parameters, "SignedHeaders"),
            date_header(headers),
        );
        if let (Some(credential), Some(signature), Some(signed_headers), Some(date)) = found {
            check_date_form(date)?;
            return Ok(Credentials { credential, signed_headers, signature, date });
        }
        let complaints = [
            (found.0, "Authorization header requires 'Credential' parameter. "),
            (found.1, "Authorization header requires 'Signature' parameter. "),
            (found.2, "Authorization header requires 'SignedHeaders' parameter. "),
            (found.3, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "),
        ];
        let complaints: String =
            complaints.into_iter().filter(|(part, _)| part.is_none()).map(|(_, complaint)| complaint).collect();
        Err(Error::IncompleteSignature(format!("{complaints}Authorization={header}")))
    }
}

/// The value of a parameter that is there once and not empty. Given twice, it is as good as absent.
fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    let pairs = parameters.split(',').filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    let value = values.next().filter(|value| !value.is_empty())?;
    values.next().is_none().then_some(value)
}

/// The date that was signed: `X-Amz-Date`, and only in its absence `Date`.
fn date_header(headers: &HeaderMap) -> Option<&str> {
    let name = if headers.contains_key("x-amz-date") { "x-amz-date" } else { "date" };
    let mut values = headers.get_all(name).iter();
    let date = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(date)
}

fn check_date_form(date: &str) -> Result<(), Error> {
    match parse_date(date) {
        Some(_) => Ok(()),
        None => Err(Error::IncompleteSignature(format!("Date must be in ISO-8601 'basic format'. Got '{date}'."))),
    }
}

/// For which key, day, region and service the signature was made.
struct Scope<'a> {
    access_key_id: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    terminator: &'a str,
}

impl<'a> Scope<'a> {
    fn parse(credential: &'a str) -> Result<Self, Error> {
        let parts: Vec<&str> = credential.split('/').collect();
        match parts[..] {
            [access_key_id, date, region, service, terminator] => {
                Ok(Scope { access_key_id, date, region, service, terminator })
            }
            _ => Err(Error::IncompleteSignature(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, \
                 got '{credential}'"
            ))),
        }
    }

    fn check(&self, region: &str, date: &str) -> Result<(), Error> {
        let mut complaints = String::new();
        if self.region != region {
            complaints.push_str(&format!("Credential should be scoped to a valid region, not '{}'. ", self.region));
        }
        if self.service != SERVICE {
            complaints.push_str(&format!("Credential should be scoped to correct service: '{SERVICE}'. "));
        }
        if self.terminator != TERMINATOR {
            complaints.push_str(&format!(
                "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{}'. ",
                self.terminator
            ));
        }
        if self.date != day_of(date) {
            complaints.push_str(&format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{}' != '{}', from '{date}'. ",
                self.date,
                day_of(date)
            ));
        }
        if complaints.is_empty() { Ok(()) } else { Err(Error::InvalidSignature(complaints.into())) }
    }
}

/// A captured request is good for replay only while its date is near ours. Gives the end of that time.
fn check_clock(date: &str, now: Timestamp) -> Result<(Timestamp, Timestamp), Error> {
    let signed_at = parse_date(date).ok_or_else(mismatch)?;
    // Requests are dated in whole seconds; with our fractions the limits would lie within a second.
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let earliest = now.checked_sub(CLOCK_SKEW_MAX).unwrap_or(Timestamp::MIN);
    let latest = now.checked_add(CLOCK_SKEW_MAX).unwrap_or(Timestamp::MAX);
    if signed_at < earliest {
        return Err(Error::InvalidSignature(
            format!(
                "Signature expired: {date} is now earlier than {} ({} - 5 min.)",
                basic_format(earliest),
                basic_format(now)
            )
            .into(),
        ));
    }
    if signed_at > latest {
        return Err(Error::InvalidSignature(
            format!(
                "Signature not yet current: {date} is still later than {} ({} + 5 min.)",
                basic_format(latest),
                basic_format(now)
            )
            .into(),
        ));
    }
    // A second more: dates are whole seconds, and the limit itself is still fresh.
    let stale_at = signed_at.checked_add(CLOCK_SKEW_MAX + SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX);
    Ok((signed_at, stale_at))
}

/// Headers that decide what a request means: unsigned, anybody on the way could change or add them.
fn must_be_signed(name: &str) -> bool {
    name == "content-type" || name.starts_with("x-amz-")
}

/// The list of signed headers has exactly one spelling, and leaves out nothing that decides what the request means.
fn check_signed_headers(names: &[&str], headers: &HeaderMap) -> Result<(), Error> {
    let is_lower_case = |name: &&str| !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_uppercase());
    if !names.iter().all(is_lower_case) || !names.is_sorted_by(|one, next| one < next) {
        return Err(mismatch());
    }
    if !names.contains(&"host") {
        return Err(Error::InvalidSignature(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".into(),
        ));
    }
    match headers.keys().map(http::HeaderName::as_str).find(|name| must_be_signed(name) && !names.contains(name)) {
        Some(name) => {
            Err(Error::InvalidSignature(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.").into()))
        }
        None => Ok(()),
    }
}

/// The hash of the request as both sides write it down, or nothing if what it says of itself is not so: a header is signed
/// that is not there or not readable, there is a query (no operation has one), or the body is not the one announced.
fn canonical_request(request: &SignedRequest<'_>, list: &str, names: &[&str]) -> Option<HexHash> {
    let body = hex_sha256(request.body);
    if !request.query.is_empty() || !announces_its_body(request, &body) {
        return None;
    }
    let mut canonical = Canonical::begin(request);
    for name in names {
        canonical.header(name, &canonical_value(request.headers, name)?);
    }
    Some(canonical.end(list, &body))
}

/// Whether `x-amz-content-sha256`, if there, is the hash of the body. `UNSIGNED-PAYLOAD` is not.
fn announces_its_body(request: &SignedRequest<'_>, hash: &HexHash) -> bool {
    request.headers.get_all("x-amz-content-sha256").iter().all(|announced| announced.as_bytes() == hash.as_bytes())
}

/// Reads `20260107T050609Z` and nothing else.
fn parse_date(date: &str) -> Option<Timestamp> {
    let has_form = date.len() == 16
        && date.bytes().enumerate().all(|(index, byte)| match index {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    if !has_form {
        return None;
    }
    let (year, two) = (date[..4].parse().ok()?, |at: usize| date[at..at + 2].parse::<i8>().ok());
    let civil = jiff::civil::DateTime::new(year, two(4)?, two(6)?, two(9)?, two(11)?, two(13)?, 0).ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()
}

fn mismatch() -> Error {
    Error::InvalidSignature(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details."
            .into(),
    )
}

const CLOCK_SKEW_MAX: SignedDuration = SignedDuration::from_mins(5);
const SERVICE: &str = "cognito-idp";

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    // A request signed by AWS's own Python library.
    const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 \
        Credential=AKIDEXAMPLE/20260107/us-east-1/cognito-idp/aws4_request, \
        SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
        Signature=f662b35a958455cdc7966291581f3ef0184bc0c234eb82ca2c3fcaf4bbaa4ff0";
    const BODY: &[u8] = br#"{"UserPoolId":"us-east-1_Example12","Username":"alice"}"#;
    const DATE: &str = "20260107T050609Z";
    const KEY: &str = "AKIDEXAMPLE";
    const NAMES: [&str; 4] = ["content-type", "host", "x-amz-date", "x-amz-target"];
    const REGION: &str = "us-east-1";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    /// A request that can be spoilt in one way per test.
    #[derive(Clone)]
    struct Sent {
        method: &'static str,
        path: &'static str,
        query: &'static str,
        headers: HeaderMap,
        body: Vec<u8>,
    }

    impl Sent {
        fn new() -> Self {
            let mut sent =
                Sent { method: "POST", path: "/", query: "", headers: HeaderMap::new(), body: BODY.to_vec() };
            sent.set("content-type", "application/x-amz-json-1.1");
            sent.set("host", "cognito-idp.us-east-1.amazonaws.com");
            sent.set("x-amz-date", DATE);
            sent.set("x-amz-target", "AWSCognitoIdentityProviderService.AdminConfirmSignUp");
            sent.set("authorization", AUTHORIZATION);
            sent
        }

        fn set(&mut self, name: &'static str, value: &str) {
            self.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }

        fn add(&mut self, name: &'static str, value: &str) {
            self.headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }

        fn edit_authorization(&mut self, from: &str, to: &str) {
            let edited = self.headers["authorization"].to_str().unwrap().replace(from, to);
            self.set("authorization", &edited);
        }

        fn request(&self) -> SignedRequest<'_> {
            let Sent { method, path, query, headers, body } = self;
            SignedRequest { method, path, query, headers, body }
        }

        /// Signs anew, as a client that knows the secret would.
        fn sign(&mut self, date: &str, names: &[&str]) {
            let value = authorization(&self.request(), date, REGION, KEY, SECRET.as_bytes(), names);
            self.set("authorization", &value);
        }

        /// Signs anew over a list of headers exactly as given, in order or not.
        fn sign_over_list(&mut self, names: &[&str]) {
            let mut canonical = Canonical::begin(&self.request());
            for name in names {
                canonical.header(name, &canonical_value(&self.headers, name).unwrap_or_default());
            }
            let canonical = canonical.end(&names.join(";"), &hex_sha256(&self.body));
            let scope = scope_of(day_of(DATE), REGION);
            let message = string_to_sign(DATE, scope, &canonical);
            let signature = hmac::sign(&signing_key(SECRET.as_bytes(), scope), message.as_bytes());
            let value = format!(
                "{ALGORITHM} Credential={KEY}/20260107/us-east-1/cognito-idp/aws4_request, \
                 SignedHeaders={}, Signature={}",
                names.join(";"),
                hex::encode(signature)
            );
            self.set("authorization", &value);
        }

        fn verify_at(&self, now: &str) -> Result<String, Error> {
            let secret = secret(SECRET);
            let secret_of = |key: &str| (key == KEY).then_some(&secret);
            verify(&self.request(), now.parse().unwrap(), REGION, secret_of).map(|verified| verified.access_key)
        }

        fn verify(&self) -> Result<String, Error> {
            self.verify_at("2026-01-07T05:06:09Z")
        }

        fn refusal(&self) -> (String, String) {
            let error = self.verify().unwrap_err();
            (error.exception().name(), error.to_string())
        }
    }

    fn secret(text: &str) -> SecretAccessKey {
        SecretAccessKey::new(Secret::new(text.as_bytes().to_vec()))
    }

    fn a_request(spoil: impl FnOnce(&mut Sent)) -> Sent {
        let mut sent = Sent::new();
        spoil(&mut sent);
        sent
    }

    fn assert_mismatch(sent: &Sent) {
        assert_eq!(sent.refusal(), ("InvalidSignatureException".to_owned(), mismatch().to_string()));
    }

    #[test]
    fn a_request_signed_by_aws_is_accepted() {
        assert_eq!(Sent::new().verify().unwrap(), KEY);
    }

    #[test]
    fn our_signature_is_the_one_aws_makes() {
        let sent = Sent::new();
        let names = ["X-Amz-Target", "host", "content-type", "x-amz-date", "host"];
        for names in [&NAMES[..], &names[..]] {
            assert_eq!(authorization(&sent.request(), DATE, REGION, KEY, SECRET.as_bytes(), names), AUTHORIZATION);
        }
    }

    #[test]
    fn commas_need_no_space_and_further_headers_no_signature() {
        let sent = a_request(|sent| {
            sent.edit_authorization(", ", ",");
            sent.set("user-agent", "anything");
        });
        assert_eq!(sent.verify().unwrap(), KEY);
    }

    #[test]
    fn white_space_and_repetition_of_headers_have_one_form() {
        let mut sent = Sent::new();
        sent.set("x-amz-meta", "  a   b ");
        sent.add("x-amz-meta", "c");
        sent.sign(DATE, &["content-type", "host", "x-amz-date", "x-amz-meta", "x-amz-target"]);
        sent.set("x-amz-meta", "a b,c");
        assert_eq!(sent.verify().unwrap(), KEY);
        sent.set("x-amz-meta", "a bc");
        assert_mismatch(&sent);
    }

    #[test]
    fn whatever_is_changed_on_the_way_is_noticed() {
        assert_mismatch(&a_request(|sent| sent.body.push(b' ')));
        assert_mismatch(&a_request(|sent| sent.body.clear()));
        assert_mismatch(&a_request(|sent| sent.method = "PUT"));
        assert_mismatch(&a_request(|sent| sent.path = "/other"));
        assert_mismatch(&a_request(|sent| sent.query = "a=b"));
        assert_mismatch(&a_request(|sent| sent.set("host", "elsewhere")));
        assert_mismatch(&a_request(|sent| sent.set("content-type", "application/json")));
        assert_mismatch(&a_request(|sent| {
            sent.set("x-amz-target", "AWSCognitoIdentityProviderService.AdminDeleteUser");
        }));
        assert_mismatch(&a_request(|sent| {
            sent.add("x-amz-target", "AWSCognitoIdentityProviderService.AdminDeleteUser");
        }));
        assert_mismatch(&a_request(|sent| sent.set("x-amz-date", "20260107T050610Z")));
    }

    #[test]
    fn a_wrong_signature_or_secret_is_refused() {
        assert_mismatch(&a_request(|sent| sent.edit_authorization("Signature=f6", "Signature=f7")));
        assert_mismatch(&a_request(|sent| sent.edit_authorization("Signature=f6", "Signature=")));
        assert_mismatch(&a_request(|sent| sent.edit_authorization("Signature=f6", "Signature=zz")));
        let other = secret("other");
        let refused = verify(&Sent::new().request(), "2026-01-07T05:06:09Z".parse().unwrap(), REGION, |_| Some(&other));
        assert_eq!(refused.unwrap_err().to_string(), mismatch().to_string());
    }

    #[test]
    fn a_kept_signing_key_is_of_its_day_and_region_and_is_not_shown() {
        let secret = secret(SECRET);
        let mut sent = Sent::new();
        for (date, day, region) in [
            (DATE, "20260107", REGION),
            ("20260107T235959Z", "20260107", REGION),
            ("20260108T000000Z", "20260108", REGION),
            ("20260108T000000Z", "20260108", "eu-west-1"),
            (DATE, "20260107", REGION),
        ] {
            sent.set("x-amz-date", date);
            let value = authorization(&sent.request(), date, region, KEY, SECRET.as_bytes(), &NAMES);
            sent.set("authorization", &value);
            let now = parse_date(date).unwrap();
            for _ in 0..2 {
                assert_eq!(verify(&sent.request(), now, region, |_| Some(&secret)).unwrap().access_key, KEY);
                let kept = secret.derived.load_full().unwrap();
                assert_eq!((kept.day.as_str(), kept.region.as_str()), (day, region));
            }
            sent.edit_authorization(&format!("/{day}/"), "/20260106/");
            assert!(verify(&sent.request(), now, region, |_| Some(&secret)).is_err());
            assert_eq!(secret.derived.load_full().unwrap().day, day, "nothing is derived for a day that is not today");
        }
        assert_eq!(format!("{secret:?}"), "<secret>");
    }

    #[test]
    fn a_request_without_our_kind_of_credentials_lacks_them() {
        let missing = ("MissingAuthenticationTokenException".to_owned(), "Missing Authentication Token".to_owned());
        assert_eq!(a_request(|sent| drop(sent.headers.remove("authorization"))).refusal(), missing);
        for value in ["", "Bearer token", "AWS4-HMAC-SHA512 x", "AWS4-HMAC-SHA256X Credential=a", "aws4-hmac-sha256 x"]
        {
            assert_eq!(a_request(|sent| sent.set("authorization", value)).refusal(), missing, "{value}");
        }
        let unreadable = a_request(|sent| {
            sent.headers.insert("authorization", HeaderValue::from_bytes(b"AWS4-HMAC-SHA256 \xff").unwrap());
        });
        assert_eq!(unreadable.refusal(), missing);
    }

    #[test]
    fn missing_parts_are_told_by_name() {
        let told = |sent: &Sent| {
            let (exception, message) = sent.refusal();
            assert_eq!(exception, "IncompleteSignatureException");
            let (told, header) = message.split_once("Authorization=").unwrap();
            assert_eq!(header, sent.headers["authorization"].to_str().unwrap());
            told.to_owned()
        };
        let lacks = |name: &'static str| format!("Authorization header requires '{name}' parameter. ");
        for name in ["Credential", "SignedHeaders", "Signature"] {
            let renamed = a_request(|sent| sent.edit_authorization(&format!("{name}="), "Other="));
            assert_eq!(told(&renamed), lacks(name));
        }
        let empty = a_request(|sent| sent.set("authorization", "AWS4-HMAC-SHA256 Credential=, Signature=a, ,"));
        assert_eq!(told(&empty), lacks("Credential") + &lacks("SignedHeaders"));
        let twice = a_request(|sent| sent.edit_authorization("Signature=", "Signature=a, Signature="));
        assert_eq!(told(&twice), lacks("Signature"));
        let no_date = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
        let nothing = a_request(|sent| {
            sent.set("authorization", "AWS4-HMAC-SHA256");
            sent.headers.remove("x-amz-date");
        });
        assert_eq!(told(&nothing), lacks("Credential") + &lacks("Signature") + &lacks("SignedHeaders") + no_date);
        assert_eq!(told(&a_request(|sent| drop(sent.headers.remove("x-amz-date")))), no_date);
        assert_eq!(told(&a_request(|sent| sent.add("x-amz-date", DATE))), no_date);
    }

    #[test]
    fn a_second_authorization_header_is_refused() {
        assert_mismatch(&a_request(|sent| sent.add("authorization", AUTHORIZATION)));
    }

    #[test]
    fn a_signature_in_the_query_as_well_is_refused() {
        assert_eq!(
            a_request(|sent| sent.query = "X-Amz-Algorithm=AWS4-HMAC-SHA256").refusal().1,
            "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
        );
    }

    #[test]
    fn unknown_keys_and_session_tokens_are_not_recognised() {
        let unknown = (
            "UnrecognizedClientException".to_owned(),
            "The security token included in the request is invalid.".to_owned(),
        );
        assert_eq!(a_request(|sent| sent.edit_authorization("AKIDEXAMPLE", "AKIDOTHER")).refusal(), unknown);
        assert_eq!(a_request(|sent| sent.edit_authorization("AKIDEXAMPLE", "")).refusal(), unknown);
        assert_eq!(a_request(|sent| sent.set("x-amz-security-token", "token")).refusal(), unknown);
    }

    #[test]
    fn a_credential_has_five_parts() {
        for credential in
            ["AKIDEXAMPLE/20260107/us-east-1/cognito-idp", "a/AKIDEXAMPLE/20260107/us-east-1/cognito-idp/aws4_request"]
        {
            let sent = a_request(|sent| {
                sent.edit_authorization("AKIDEXAMPLE/20260107/us-east-1/cognito-idp/aws4_request", credential);
            });
            assert_eq!(
                sent.refusal(),
                (
                    "IncompleteSignatureException".to_owned(),
                    format!(
                        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, \
                         got '{credential}'"
                    )
                )
            );
        }
    }

    #[test]
    fn a_signature_for_elsewhere_is_refused() {
        let region = "Credential should be scoped to a valid region, not 'eu-west-1'. ";
        let service = "Credential should be scoped to correct service: 'cognito-idp'. ";
        let told = |from, to| a_request(|sent| sent.edit_authorization(from, to)).refusal();
        let invalid = |message: &str| ("InvalidSignatureException".to_owned(), message.to_owned());
        assert_eq!(told("us-east-1", "eu-west-1"), invalid(region));
        assert_eq!(told("cognito-idp", "iam"), invalid(service));
        assert_eq!(told("us-east-1/cognito-idp", "eu-west-1/iam"), invalid(&format!("{region}{service}")));
        assert_eq!(
            told("aws4_request", "aws5_request"),
            invalid("Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. ")
        );
        assert_eq!(
            told("20260107", "20260106"),
            invalid(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '20260106' != '20260107', from '20260107T050609Z'. "
            )
        );
    }

    #[test]
    fn a_signature_lives_five_minutes_in_both_directions() {
        let sent = Sent::new();
        let secret = secret(SECRET);
        let secret_of = |_: &str| Some(&secret);
        let verified = verify(&sent.request(), "2026-01-07T05:06:09Z".parse().unwrap(), REGION, secret_of).unwrap();
        assert_eq!(verified.stale_at.to_string(), "2026-01-07T05:11:10Z");
        for now in ["2026-01-07T05:11:09Z", "2026-01-07T05:11:09.999Z", "2026-01-07T05:01:09Z"] {
            assert!(sent.verify_at(now).is_ok(), "{now}");
        }
        assert_eq!(
            sent.verify_at("2026-01-07T05:11:10Z").unwrap_err().to_string(),
            "Signature expired: 20260107T050609Z is now earlier than 20260107T050610Z (20260107T051110Z - 5 min.)"
        );
        assert_eq!(
            sent.verify_at("2026-01-07T05:01:08.999Z").unwrap_err().to_string(),
            "Signature not yet current: 20260107T050609Z is still later than 20260107T050608Z \
             (20260107T050108Z + 5 min.)"
        );
    }

    #[test]
    fn the_date_header_serves_in_absence_of_the_other() {
        let mut sent = Sent::new();
        sent.headers.remove("x-amz-date");
        sent.set("date", DATE);
        sent.sign(DATE, &["content-type", "date", "host", "x-amz-target"]);
        assert_eq!(sent.verify().unwrap(), KEY);
    }

    #[test]
    fn a_date_has_one_form() {
        for date in [
            "Wed, 07 Jan 2026 05:06:09 GMT",
            "2026-01-07T05:06:09Z",
            "20260107T050609",
            "20261307T050609Z",
            "+0260107T050609Z",
            "",
        ] {
            let (exception, message) = a_request(|sent| sent.set("x-amz-date", date)).refusal();
            assert_eq!(exception, "IncompleteSignatureException");
            assert_eq!(message, format!("Date must be in ISO-8601 'basic format'. Got '{date}'."));
        }
    }

    #[test]
    fn the_list_of_signed_headers_has_one_spelling() {
        for names in [
            ["host", "content-type", "x-amz-date", "x-amz-target"].as_slice(),
            &["content-type", "host", "host", "x-amz-date", "x-amz-target"],
            &["Content-Type", "host", "x-amz-date", "x-amz-target"],
            &["", "content-type", "host", "x-amz-date", "x-amz-target"],
        ] {
            assert_mismatch(&a_request(|sent| sent.sign_over_list(names)));
        }
        assert!(a_request(|sent| sent.sign_over_list(&NAMES)).verify().is_ok());
    }

    #[test]
    fn every_signed_header_must_be_there() {
        let absent = ["content-type", "host", "x-amz-date", "x-amz-missing", "x-amz-target"];
        assert_mismatch(&a_request(|sent| sent.sign(DATE, &absent)));
        let impossible = ["b@d name", "content-type", "host", "x-amz-date", "x-amz-target"];
        assert_mismatch(&a_request(|sent| sent.sign(DATE, &impossible)));
    }

    #[test]
    fn what_decides_the_meaning_must_be_signed() {
        for (left_out, told) in [
            ("host", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."),
            ("x-amz-target", "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."),
            ("x-amz-date", "'x-amz-date' must be a 'SignedHeader' in the AWS Authorization."),
            ("content-type", "'content-type' must be a 'SignedHeader' in the AWS Authorization."),
            ("x-amz-anything", "'x-amz-anything' must be a 'SignedHeader' in the AWS Authorization."),
        ] {
            let names: Vec<&str> = NAMES.into_iter().filter(|name| *name != left_out).collect();
            let sent = a_request(|sent| {
                sent.sign(DATE, &names);
                if left_out == "x-amz-anything" {
                    sent.set(left_out, "added on the way");
                }
            });
            assert_eq!(sent.refusal(), ("InvalidSignatureException".to_owned(), told.to_owned()));
        }
    }

    #[test]
    fn an_announced_body_is_the_one_that_came() {
        let names = ["content-type", "host", "x-amz-content-sha256", "x-amz-date", "x-amz-target"];
        let announcing = |hash: &str| {
            a_request(|sent| {
                sent.set("x-amz-content-sha256", hash);
                sent.sign(DATE, &names);
            })
        };
        let hash = "beeb8514500e53a879231cfc99bc8476df6032333b89baa24ab3a55be6e0dfcb";
        assert_eq!(announcing(hash).verify().unwrap(), KEY);
        assert_mismatch(&announcing("UNSIGNED-PAYLOAD"));
        assert_mismatch(&announcing(&hash.replace('b', "c")));
    }

    #[test]
    fn an_unreadable_signed_header_is_refused() {
        let sent = a_request(|sent| {
            sent.headers.insert("x-amz-target", HeaderValue::from_bytes(b"caf\xe9").unwrap());
        });
        assert_mismatch(&sent);
    }
}
