//! AWS Lambda's Invoke API: `POST /2015-03-31/functions/<ARN>/invocations`, signed with Signature Version 4.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Uri};
use jiff::Timestamp;

use crate::crypto::secret::Secret;
use crate::crypto::sigv4::{SignedRequest, SigningScope, authorization, basic_format, day_of};
use crate::live::{Live, Sources, Unusable};

const SERVICE: &str = "lambda";

/// An access key, as AWS's own tools keep it.
pub struct Credentials {
    access_key_id: String,
    secret_access_key: Secret<String>,
    /// Of a key that was lent for a while.
    session_token: Option<Secret<String>>,
}

impl Credentials {
    /// Reads the profile `default` of a credentials file.
    pub fn read(path: &Path, sources: &mut Sources) -> Result<Self, Unusable> {
        let bytes = Secret::new(sources.read(path).map_err(|cause| Unusable::because(path, cause))?);
        let text = std::str::from_utf8(bytes.expose()).map_err(|_| Unusable::because(path, "is no text"))?;
        Self::parse(text).map_err(|problem| Unusable::because(path, problem))
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let mut in_default = false;
        let [mut id, mut secret, mut token] = [None, None, None];
        for line in text.lines().map(str::trim) {
            if let Some(profile) = line.strip_prefix('[') {
                in_default = profile.trim_end_matches(']').trim() == "default";
                continue;
            }
            let Some((name, value)) = line.split_once('=').filter(|_| in_default && !line.starts_with(['#', ';']))
            else {
                continue;
            };
            let value = Some(value.trim()).filter(|value| !value.is_empty());
            match name.trim() {
                "aws_access_key_id" => id = value,
                "aws_secret_access_key" => secret = value,
                "aws_session_token" => token = value,
                _ => {}
            }
        }
        let (Some(id), Some(secret)) = (id, secret) else {
            return Err("has no profile [default] with aws_access_key_id and aws_secret_access_key");
        };
        let is_header = |value: &str| value.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_header(id) || !token.is_none_or(is_header) {
            return Err("holds what cannot stand in a header");
        }
        Ok(Credentials {
            access_key_id: id.to_owned(),
            secret_access_key: Secret::new(secret.to_owned()),
            session_token: token.map(|token| Secret::new(token.to_owned())),
        })
    }
}

/// Calls one function by its ARN, and signs that.
pub struct Signer {
    api: String,
    host: HeaderValue,
    function: String,
    region: String,
    credentials: Arc<Live<Credentials>>,
}

impl Signer {
    pub fn new(api: &str, arn: &str, region: String, credentials: Arc<Live<Credentials>>) -> Result<Self, String> {
        let uri: Uri = api.parse().map_err(|cause| format!("lambda: {cause}"))?;
        let host = uri.authority().ok_or("lambda: names no host")?.as_str();
        let host = HeaderValue::from_str(host).map_err(|cause| format!("lambda: {cause}"))?;
        let api = api.trim_end_matches('/').to_owned();
        Ok(Signer { api, host, function: percent_encoded(arn), region, credentials })
    }

    /// Where the function is invoked.
    pub fn url(&self) -> String {
        format!("{}{}", self.api, path_of(&self.function))
    }

    /// Adds what Lambda wants to know, and the signature over it.
    pub fn sign(&self, headers: &mut HeaderMap, body: &[u8], now: Timestamp) -> Result<(), http::Error> {
        let credentials = self.credentials.current();
        let date = basic_format(now);
        headers.insert(HOST, self.host.clone());
        headers.insert("x-amz-date", HeaderValue::from_str(&date)?);
        headers.insert("x-amz-invocation-type", HeaderValue::from_static("RequestResponse"));
        if let Some(token) = &credentials.session_token {
            let mut token = HeaderValue::from_str(token.expose())?;
            token.set_sensitive(true);
            headers.insert("x-amz-security-token", token);
        }
        let mut names = vec![CONTENT_TYPE.as_str(), HOST.as_str(), "x-amz-date", "x-amz-invocation-type"];
        names.extend(credentials.session_token.as_ref().map(|_| "x-amz-security-token"));
        // What is in the path already encoded is encoded once more where it is signed.
        let path = path_of(&percent_encoded(&self.function));
        let request = SignedRequest { method: "POST", path: &path, query: "", headers, body };
        let scope = SigningScope { day: day_of(&date), region: &self.region, service: SERVICE };
        let secret = credentials.secret_access_key.expose().as_bytes();
        let value = authorization(&request, &date, scope, &credentials.access_key_id, secret, &names);
        let mut value = HeaderValue::from_str(&value)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        Ok(())
    }
}

fn path_of(function: &str) -> String {
    format!("/2015-03-31/functions/{function}/invocations")
}

/// A text as one segment of a path (RFC 3986, 2.3).
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "[other]\naws_access_key_id = AKIDOTHER\n\n[default]\n# the server's own\n\
        aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n";

    fn signer(file: &str) -> (tempfile::TempDir, Signer) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        std::fs::write(&path, file).unwrap();
        let read = move |sources: &mut Sources| Credentials::read(&path, sources);
        let credentials = Arc::new(Live::read("credentials", read).unwrap());
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:f";
        let api = "https://lambda.us-east-1.amazonaws.com/";
        (folder, Signer::new(api, arn, "us-east-1".to_owned(), credentials).unwrap())
    }

    fn signed(signer: &Signer) -> HeaderMap {
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        signer.sign(&mut headers, b"{\"a\":1}", "2026-01-07T05:06:09Z".parse().unwrap()).unwrap();
        headers
    }

    #[test]
    fn the_profile_of_a_file_is_read() {
        let read = Credentials::parse(FILE).unwrap();
        assert_eq!(read.access_key_id, "AKIDEXAMPLE");
        assert_eq!(read.secret_access_key.expose(), "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        assert!(read.session_token.is_none());
        let lent = Credentials::parse(&format!("{FILE}aws_session_token = abc=\n")).unwrap();
        assert_eq!(lent.session_token.unwrap().expose(), "abc=");
        for odd in ["", "[default]\naws_access_key_id = a", "[other]\naws_access_key_id=a\naws_secret_access_key=b"] {
            assert!(Credentials::parse(odd).is_err(), "{odd}");
        }
        assert!(Credentials::parse(&format!("{FILE}aws_session_token = a b\n")).is_err());
    }

    #[test]
    fn a_function_is_a_segment_of_the_path() {
        let (_folder, signer) = signer(FILE);
        assert_eq!(
            signer.url(),
            "https://lambda.us-east-1.amazonaws.com/2015-03-31/functions/\
             arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af/invocations"
        );
    }

    #[test]
    fn a_call_is_signed_as_awss_own_library_signs_it() {
        let (_folder, plain) = signer(FILE);
        let expected = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260107/us-east-1/lambda/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-invocation-type, Signature=035bba174b65d5cad9547d6e4b2b9889016da87be918f6651261b51217fc0ae3";
        assert_eq!(signed(&plain)[AUTHORIZATION], expected);
        let (_folder, lent) = signer(&format!("{FILE}aws_session_token = token\n"));
        let headers = signed(&lent);
        let expected = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260107/us-east-1/lambda/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-invocation-type;x-amz-security-token, \
             Signature=5a99d631c0ce5038335e24b6ee1c42ab2303fd73f044dd52890c2dab98860c00";
        assert_eq!(
            (&headers[AUTHORIZATION], &headers["x-amz-security-token"]),
            (&expected.parse().unwrap(), &"token".parse().unwrap())
        );
    }
}
