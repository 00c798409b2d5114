//! One function that can be asked, over HTTP.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use uuid::Uuid;

use super::answer::{UNRECOGNIZABLE, thrown};
use super::lambda::Signer;
use super::{Destination, Failure, Limits};
use crate::domain::reach::{Reach, reach};
use crate::outbound::{Client, Rule, Trust, bearer, client, is_this_machine, literal};

/// The largest answer, in bytes. It holds the event, which holds little more than what one request brought.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Lambda's word that the function has failed, though the call of it has not.
const FUNCTION_ERROR: &str = "x-amz-function-error";

/// Where a function is, and how one proves oneself there.
pub struct Target {
    url: Uri,
    proof: Proof,
    client: Client,
    timeout: Duration,
    calls: Semaphore,
}

enum Proof {
    None,
    Bearer(HeaderValue),
    Signature(Box<Signer>),
}

/// A try without an answer.
pub struct Missed {
    pub failure: Failure,
    /// Whether the function certainly has not run, so that it can be asked again.
    pub again: bool,
}

impl Target {
    pub fn new(arn: &str, destination: Destination, limits: &Limits, trust: Trust) -> Result<Self, String> {
        let (url, proof) = match destination {
            Destination::Endpoint { url, secret } => {
                let unspeakable = || "secret_file: holds what cannot stand in a header".to_owned();
                let bearer = secret.map(|secret| bearer(&secret).ok_or_else(unspeakable)).transpose()?;
                (url, bearer.map_or(Proof::None, Proof::Bearer))
            }
            Destination::Lambda { api, region, credentials } => {
                let signer = Signer::new(&api, arn, region, credentials)?;
                (signer.url(), Proof::Signature(Box::new(signer)))
            }
        };
        let url: Uri = url.parse().map_err(|cause| format!("{url}: {cause}"))?;
        let rule = rule_for(&url, limits.allows_private_addresses).ok_or("must not be asked at this address")?;
        let (timeout, calls) = (limits.timeout, Semaphore::new(limits.calls_max));
        Ok(Target { url, proof, client: client(rule, trust), timeout, calls })
    }

    /// Leave to call, until it is dropped.
    pub fn begin_call(&self) -> Result<SemaphorePermit<'_>, Failure> {
        self.calls.try_acquire().map_err(|_| Failure::TooMany)
    }

    /// Asks once.
    pub async fn one_try(&self, event: &Bytes, key: Uuid, now: Timestamp) -> Result<Bytes, Missed> {
        let request = self.request(event, key, now).map_err(|_| missed("InvalidRequestException"))?;
        let asked = timeout(self.timeout, self.exchange(request));
        asked.await.unwrap_or_else(|_| Err(missed("Socket timeout while invoking Lambda function")))
    }

    fn request(&self, event: &Bytes, key: Uuid, now: Timestamp) -> Result<Request<Full<Bytes>>, http::Error> {
        let request = Request::post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", key.to_string());
        let mut request = request.body(Full::from(event.clone()))?;
        match &self.proof {
            Proof::None => {}
            Proof::Bearer(value) => drop(request.headers_mut().insert(AUTHORIZATION, value.clone())),
            Proof::Signature(signer) => signer.sign(request.headers_mut(), event, now)?,
        }
        Ok(request)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Bytes, Missed> {
        let answer = match self.client.request(request).await {
            Ok(answer) => answer,
            Err(error) if error.is_connect() => {
                return Err(Missed { again: true, ..missed("the function cannot be reached") });
            }
            Err(_) => return Err(missed("the function broke off")),
        };
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = match Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Err(Missed { failure: Failure::Unusable(UNRECOGNIZABLE), again: false });
            }
            Err(_) => return Err(missed("the function broke off")),
        };
        judge(status, &headers, body)
    }
}

/// Where the client of a URL may connect to; nothing, if the URL may not be asked at all. Whoever means this machine says so,
/// and gets no other. In the clear only to where nobody of the Internet listens.
pub fn rule_for(url: &Uri, allows_private: bool) -> Option<Rule> {
    let rule = match url.scheme_str() {
        Some("http" | "https") if is_this_machine(url) => Rule::ThisMachine,
        Some("https") if allows_private => Rule::PublicOrPrivate,
        Some("https") => Rule::Public,
        Some("http") if allows_private => Rule::Private,
        _ => return None,
    };
    let has_host = url.host().is_some_and(|host| !host.is_empty());
    let is_allowed = literal(url).is_none_or(|address| reach(address) != Reach::Nowhere && rule.allows(address));
    (has_host && is_allowed).then_some(rule)
}

/// What an answer says by its status, before its body is looked into.
fn judge(status: StatusCode, headers: &HeaderMap, body: Bytes) -> Result<Bytes, Missed> {
    let says_failed = headers.contains_key(FUNCTION_ERROR);
    if status.is_success() && !says_failed {
        return Ok(body);
    }
    let members: Map<String, Value> = serde_json::from_slice(&body).unwrap_or_default();
    let is_throttle = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    if says_failed || status.is_client_error() && !is_throttle && status != StatusCode::REQUEST_TIMEOUT {
        let thrown = thrown(&members);
        let thrown = thrown.or_else(|| says_failed.then(|| "the function has failed".to_owned()));
        if let Some(message) = thrown {
            return Err(Missed { failure: Failure::Thrown(message), again: false });
        }
    }
    let error = named_error(headers, &members).unwrap_or_else(|| format!("HTTP {}", status.as_u16()).into());
    Err(Missed { again: is_throttle || error.contains("Throttl"), ..missed(&error) })
}

/// The error that AWS names in a header or in the body, such as `AccessDeniedException`.
fn named_error<'a>(headers: &'a HeaderMap, members: &'a Map<String, Value>) -> Option<Cow<'a, str>> {
    let header = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let name = header.or_else(|| members.get("__type")?.as_str())?;
    let name = name.split(':').next()?.rsplit('#').next()?;
    let is_name = !name.is_empty() && name.len() <= 100 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then_some(Cow::Borrowed(name))
}

fn missed(cause: &str) -> Missed {
    Missed { failure: Failure::NotInvoked(cause.to_owned()), again: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, header: Option<(&'static str, &str)>, body: &str) -> Result<Bytes, (Failure, bool)> {
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.insert(name, value.parse().unwrap());
        }
        let judged = judge(StatusCode::from_u16(status).unwrap(), &headers, Bytes::from(body.to_owned()));
        judged.map_err(|missed| (missed.failure, missed.again))
    }

    #[test]
    fn an_answer_is_judged_by_its_status() {
        let thrown = |text: &str, again| Err((Failure::Thrown(text.to_owned()), again));
        let not_invoked = |text: &str, again| Err((Failure::NotInvoked(text.to_owned()), again));
        let error = r#"{"errorMessage":"no","errorType":"Error"}"#;
        let function_error = Some((FUNCTION_ERROR, "Unhandled"));
        for (status, header, body, expected) in [
            (200, None, "{}", Ok(Bytes::from("{}"))),
            (200, function_error, error, thrown("no", false)),
            (200, function_error, "", thrown("the function has failed", false)),
            (400, None, error, thrown("no", false)),
            (422, None, error, thrown("no", false)),
            (404, None, "not found", not_invoked("HTTP 404", false)),
            (301, None, "", not_invoked("HTTP 301", false)),
            (307, None, error, not_invoked("HTTP 307", false)),
            (408, None, error, not_invoked("HTTP 408", false)),
            (500, None, error, not_invoked("HTTP 500", false)),
            (429, None, error, not_invoked("HTTP 429", true)),
            (503, None, "", not_invoked("HTTP 503", true)),
            (
                403,
                Some(("x-amzn-errortype", "AccessDeniedException:http://internal")),
                "",
                not_invoked("AccessDeniedException", false),
            ),
            (502, Some(("x-amzn-errortype", "EC2ThrottledException")), "", not_invoked("EC2ThrottledException", true)),
            (400, None, r#"{"__type":"a.b#ExpiredTokenException"}"#, not_invoked("ExpiredTokenException", false)),
            (400, None, r#"{"__type":"<b>"}"#, not_invoked("HTTP 400", false)),
        ] {
            assert_eq!(judged(status, header, body), expected, "{status} {header:?} {body}");
        }
    }

    #[test]
    fn a_rule_follows_from_the_url() {
        for (url, allows_private, expected) in [
            ("https://hooks.example.com/", false, Some(Rule::Public)),
            ("https://hooks.example.com/", true, Some(Rule::PublicOrPrivate)),
            ("http://hooks.example.com/", false, None),
            ("http://hooks.example.com/", true, Some(Rule::Private)),
            ("http://localhost:1/", true, Some(Rule::ThisMachine)),
            ("https://127.0.0.1/", false, Some(Rule::ThisMachine)),
            ("https://[::1]/", false, Some(Rule::ThisMachine)),
            ("https://10.0.0.1/", false, None),
            ("http://10.0.0.1/", true, Some(Rule::Private)),
            ("http://1.1.1.1/", true, None),
            ("https://169.254.169.254/", true, None),
            ("ftp://hooks.example.com/", true, None),
        ] {
            assert_eq!(rule_for(&url.parse().unwrap(), allows_private), expected, "{url}");
        }
    }
}
