//! The AWS wire: JSON 1.1 over `POST /`, as unmodified AWS SDKs speak it.
//!
//! The order of checks is that of the framework before Cognito: preflight, method, body, content type, JSON, target, then
//! (in the guard) the signature, and last the types of members and the bounds of the contract. Every client's error is
//! status 400; its name stands in the body and in a header, since SDKs differ in where they look.

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, CONTENT_TYPE, HOST,
    RETRY_AFTER,
};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use serde_json::{Map, Value, json};

use super::grpc::{ERROR_TYPE, retry_delay};
use super::{Gate, Peer, RequestId, Routed, for_a_header, op_named};
use crate::api::json::{FromJson, Malformed, read};
use crate::api::{self, Op};
use crate::app::{App, Call, Operation};
use crate::error::{Error, Exception};

const TARGET: &str = "x-amz-target";
const TARGET_PREFIX: &str = "AWSCognitoIdentityProviderService.";
const CONTENT_TYPES: [&str; 2] = ["application/x-amz-json-1.1", "application/x-amz-json-1.0"];

/// The operation that a request's target names, letter for letter.
pub fn target(headers: &HeaderMap) -> Option<Op> {
    let mut values = headers.get_all(TARGET).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    op_named(value.to_str().ok()?.strip_prefix(TARGET_PREFIX)?)
}

/// The members of a request's body.
#[derive(Clone)]
struct Members(Map<String, Value>);

/// Why a request got no answer of an operation.
#[derive(Debug)]
pub enum Refusal {
    Error(Error),
    /// Members of the wrong type.
    Malformed(Malformed),
    /// No JSON object.
    NotJson,
    UnknownOperation,
    /// Not a request of this wire at all.
    NotACall,
    WrongContentType,
    BodyTooLarge,
}

/// An answer before any operation: to a browser's preflight, or a refusal.
pub enum Answer {
    Preflight(HeaderMap),
    Refusal(Refusal),
}

/// Reads and checks what surrounds a request. Gives it back with its members, and the bytes that a signature covers.
pub async fn open_envelope(request: Request, body_bytes_max: usize) -> Result<(Request, Bytes), Answer> {
    let refuse = |refusal| Err(Answer::Refusal(refusal));
    if request.method() == Method::OPTIONS {
        return Err(Answer::Preflight(request.headers().clone()));
    }
    if request.method() != Method::POST {
        return refuse(Refusal::NotACall);
    }
    let (mut parts, body) = request.into_parts();
    let bytes = match Limited::new(body, body_bytes_max).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => return refuse(Refusal::BodyTooLarge),
        Err(_) => return refuse(Refusal::NotJson),
    };
    if bytes.is_empty() {
        return refuse(Refusal::NotJson);
    }
    if !has_content_type(&parts.headers) {
        let is_call = parts.headers.contains_key(TARGET);
        return refuse(if is_call { Refusal::WrongContentType } else { Refusal::NotACall });
    }
    let Ok(Value::Object(members)) = serde_json::from_slice(&bytes) else { return refuse(Refusal::NotJson) };
    if parts.extensions.get::<Routed>().and_then(|routed| routed.op).is_none() {
        return refuse(Refusal::UnknownOperation);
    }
    parts.extensions.insert(Members(members));
    Ok((Request::from_parts(parts, Body::empty()), bytes))
}

fn has_content_type(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    CONTENT_TYPES.iter().any(|known| kind.eq_ignore_ascii_case(known))
}

/// Puts the host among the headers, where a signature covers it: over HTTP/2 it stands in the authority. Where both are there
/// but differ, the request has two hosts, and was signed for one.
pub fn name_host(request: &mut Parts) {
    let authority = request.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let Some(host) = authority.filter(|authority| request.headers.get(HOST) != Some(authority)) {
        request.headers.append(HOST, host);
    }
}

/// The members of a request whose envelope has been opened.
pub fn members(extensions: &Extensions) -> Option<&Map<String, Value>> {
    extensions.get().map(|Members(members)| members)
}

/// The handler of `/`: everything that passed the layers.
pub async fn answer_request(gate: &Gate, mut request: Request) -> Response {
    let extensions = request.extensions_mut();
    let op = extensions.get::<Routed>().and_then(|routed| routed.op);
    let (grant, event) = (extensions.remove(), extensions.remove());
    let source = extensions.get().map(Peer::source);
    let found = (op, source, extensions.remove(), extensions.remove());
    let (Some(op), Some(source), Some(RequestId(request_id)), Some(Members(members))) = found else {
        return refusal(&Refusal::Error(Error::internal("a request came past the layers")));
    };
    match dispatch(&gate.app, op, Call { op, request_id, source, grant, event }, members).await {
        Ok(body) => success(body),
        Err(refused) => refusal(&refused),
    }
}

include!(concat!(env!("OUT_DIR"), "/json.rs"));

/// Decoded → the one road → encoded.
async fn answer<R>(app: &App, call: Call, members: Map<String, Value>) -> Result<Option<Vec<u8>>, Refusal>
where
    R: Operation + FromJson,
    R::Response: serde::Serialize,
{
    let response = run::<R>(app, call, members).await?;
    serde_json::to_vec(&response).map(Some).map_err(|error| Refusal::Error(Error::internal(error)))
}

/// The same for operations without an output shape: their body is empty.
async fn answer_empty<R>(app: &App, call: Call, members: Map<String, Value>) -> Result<Option<Vec<u8>>, Refusal>
where
    R: Operation<Response = ()> + FromJson,
{
    run::<R>(app, call, members).await.map(|()| None)
}

async fn run<R: Operation + FromJson>(
    app: &App,
    call: Call,
    members: Map<String, Value>,
) -> Result<R::Response, Refusal> {
    let (request, unknown) = read::<R>(members).map_err(Refusal::Malformed)?;
    app.call(request, &unknown, &call).await.map_err(Refusal::Error)
}

fn success(body: Option<Vec<u8>>) -> Response {
    with_common_headers(Response::new(body.map_or_else(Body::empty, Body::from)))
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Answer::Preflight(asked) => preflight(&asked),
            Answer::Refusal(refused) => refusal(&refused),
        }
    }
}

/// A refusal as the framework or the service would word it.
pub fn refusal(refused: &Refusal) -> Response {
    let error = |status, name: &str, text: Option<(&str, String)>| {
        let mut body = Map::from_iter([("__type".to_owned(), json!(name))]);
        let mut response = with_common_headers(Response::default());
        *response.status_mut() = status;
        put(&mut response, ERROR_TYPE, &format!("{name}:"));
        if let Some((member, text)) = text {
            put(&mut response, "x-amzn-errormessage", for_a_header(&text));
            body.insert(member.to_owned(), text.into());
        }
        *response.body_mut() = Body::from(Value::Object(body).to_string());
        response
    };
    match refused {
        Refusal::Error(refused) => {
            let exception = refused.exception();
            let mut response = error(status(refused), &exception.name(), Some(("message", refused.to_string())));
            if exception == Exception::TooManyRequests {
                // The least to wait before trying again: as SDKs read it, in milliseconds, and as everybody does, in seconds.
                let milliseconds = retry_delay(refused).as_nanos().div_ceil(1_000_000);
                put(&mut response, "x-amz-retry-after", &milliseconds.to_string());
                put(&mut response, RETRY_AFTER.as_str(), &milliseconds.div_ceil(1000).to_string());
            }
            response
        }
        Refusal::Malformed(Malformed(text)) => {
            error(StatusCode::BAD_REQUEST, "SerializationException", Some(("Message", text.clone())))
        }
        Refusal::NotJson => error(StatusCode::BAD_REQUEST, "SerializationException", None),
        Refusal::UnknownOperation => error(StatusCode::BAD_REQUEST, "UnknownOperationException", None),
        Refusal::NotACall => {
            let text = "Unable to determine service/operation name to be authorized".to_owned();
            error(StatusCode::FORBIDDEN, "AccessDeniedException", Some(("Message", text)))
        }
        Refusal::WrongContentType => error(StatusCode::NOT_FOUND, "UnknownOperationException", None),
        Refusal::BodyTooLarge => {
            let mut response = with_common_headers(Response::default());
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            response
        }
    }
}

/// Every error's status: 400, unless the fault is ours, or trying again is what SDKs should do: two equal calls within one
/// second have one signature, and every SDK signs anew after a 503.
fn status(error: &Error) -> StatusCode {
    match error.exception() {
        Exception::InvalidSignature if matches!(error, Error::SignatureUsed) => StatusCode::SERVICE_UNAVAILABLE,
        Exception::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
        Exception::AccessDenied
        | Exception::AliasExists
        | Exception::CodeDeliveryFailure
        | Exception::CodeMismatch
        | Exception::DeviceKeyExists
        | Exception::EnableSoftwareTokenMFA
        | Exception::ExpiredCode
        | Exception::GroupExists
        | Exception::IncompleteSignature
        | Exception::InvalidLambdaResponse
        | Exception::InvalidParameter
        | Exception::InvalidPassword
        | Exception::InvalidSignature
        | Exception::InvalidUserPoolConfiguration
        | Exception::LimitExceeded
        | Exception::MissingAuthenticationToken
        | Exception::NotAuthorized
        | Exception::RefreshTokenReuse
        | Exception::ResourceNotFound
        | Exception::SoftwareTokenMFANotFound
        | Exception::TooManyRequests
        | Exception::Unauthorized
        | Exception::UnexpectedLambda
        | Exception::UnrecognizedClient
        | Exception::UnsupportedOperation
        | Exception::UnsupportedTokenType
        | Exception::UnsupportedUserState
        | Exception::PasswordResetRequired
        | Exception::UserLambdaValidation
        | Exception::UserNotConfirmed
        | Exception::UserNotFound
        | Exception::UsernameExists
        | Exception::WebAuthnChallengeNotFound
        | Exception::WebAuthnClientMismatch
        | Exception::WebAuthnConfigurationMissing
        | Exception::WebAuthnCredentialNotSupported
        | Exception::WebAuthnNotEnabled
        | Exception::WebAuthnOriginNotAllowed
        | Exception::WebAuthnRelyingPartyMismatch => StatusCode::BAD_REQUEST,
    }
}

fn preflight(asked: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    put(&mut response, ACCESS_CONTROL_ALLOW_ORIGIN.as_str(), "*");
    put(&mut response, ACCESS_CONTROL_ALLOW_METHODS.as_str(), "POST");
    put(&mut response, ACCESS_CONTROL_MAX_AGE.as_str(), "172800");
    if let Some(names) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    response
}

fn with_common_headers(mut response: Response) -> Response {
    put(&mut response, CONTENT_TYPE.as_str(), CONTENT_TYPES[0]);
    put(&mut response, ACCESS_CONTROL_ALLOW_ORIGIN.as_str(), "*");
    let exposed = "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date,Retry-After";
    put(&mut response, ACCESS_CONTROL_EXPOSE_HEADERS.as_str(), exposed);
    response
}

/// Sets a header, unless the text cannot stand in one.
fn put(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_request_carries_the_futures_of_all_operations() {
        fn bytes<F>(_: impl Fn(&'static App, Op, Call, Map<String, Value>) -> F) -> usize {
            size_of::<F>()
        }
        let bytes = bytes(dispatch);
        assert!(bytes <= 1024, "{bytes}");
    }

    #[test]
    fn a_host_counts_once_wherever_it_stands() {
        let hosts = |uri: &str, host: Option<&str>| {
            let mut request = http::Request::builder().uri(uri);
            if let Some(host) = host {
                request = request.header(HOST, host);
            }
            let (mut parts, ()) = request.body(()).unwrap().into_parts();
            name_host(&mut parts);
            parts.headers.get_all(HOST).iter().map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(hosts("/", Some("a:1")), ["a:1"]);
        assert_eq!(hosts("http://a:1/", None), ["a:1"]);
        assert_eq!(hosts("http://a:1/", Some("a:1")), ["a:1"]);
        assert_eq!(hosts("http://b:1/", Some("a:1")), ["a:1", "b:1"], "no signature is over both");
    }
}
