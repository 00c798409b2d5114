//! The page to which the link of a verification mail leads: a click on it is a `ConfirmSignUp`.
//!
//! It takes the same road as any caller's, with the same limits. The page says nothing of what the link held, runs no script,
//! is kept nowhere and tells no other site where it was come from.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{Method, StatusCode};

use super::{Gate, Peer, RequestId};
use crate::api::json::UnknownNames;
use crate::api::{self, Op};
use crate::app::Call;
use crate::context::Cx;
use crate::crypto::secret_hash::secret_hash;
use crate::error::{Error, Exception};

pub fn router(gate: Arc<Gate>) -> Router {
    Router::new().route("/{pool}/confirmUser", get(confirm)).with_state(gate)
}

/// Whether the page stands at this path.
pub fn is_at(path: &str) -> bool {
    path.ends_with("/confirmUser")
}

async fn confirm(State(gate): State<Arc<Gate>>, Path(pool): Path<String>, request: Request) -> Response {
    // What only looks at the link, as mail filters do, must not use it up.
    if request.method() != Method::GET {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let extensions = request.extensions();
    let (Some(RequestId(request_id)), Some(peer)) = (extensions.get(), extensions.get::<Peer>()) else {
        return page(StatusCode::INTERNAL_SERVER_ERROR, FAILED);
    };
    let call =
        Call { op: Op::ConfirmSignUp, request_id: request_id.clone(), source: peer.source(), grant: None, event: None };
    match confirmed(&gate, &pool, request.uri().query().unwrap_or_default(), &call).await {
        Ok(()) => page(StatusCode::OK, "You are confirmed. You can sign in now."),
        Err(error) => refusal(&error),
    }
}

async fn confirmed(gate: &Gate, pool: &str, query: &str, call: &Call) -> Result<(), Error> {
    let parameter = |name: &str| parameter(query, name).unwrap_or_default();
    let [client_id, username, code] = ["client_id", "user_name", "confirmation_code"].map(parameter);
    let cx = Cx::new(&gate.app.services);
    let client = cx.client(&client_id).await?;
    if client.pool.id.0 != pool {
        return Err(Error::UserPoolClientDoesNotExist(client_id));
    }
    // The link comes from us: that it holds no secret of the client is no reason to refuse it.
    let secret_hash = cx.a_client_secret(&client)?.map(|secret| secret_hash(&secret, &username, &client_id));
    let request = api::ConfirmSignUpRequest {
        client_id: Some(client_id),
        username: Some(username),
        confirmation_code: Some(code),
        secret_hash,
        ..Default::default()
    };
    gate.app.call(request, &UnknownNames::default(), call).await.map(drop)
}

/// The value of a query's parameter, if it is there once and can be read.
fn parameter(query: &str, name: &str) -> Option<String> {
    let mut values = query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(found, _)| *found == name);
    let (_, value) = values.next()?;
    if values.next().is_some() {
        return None;
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                hex::decode(digits).ok()?.first().copied()?
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

const FAILED: &str = "Something went wrong. Please try again later.";

fn refusal(error: &Error) -> Response {
    match error.exception() {
        Exception::InternalError => page(StatusCode::INTERNAL_SERVER_ERROR, FAILED),
        Exception::TooManyRequests => page(StatusCode::SERVICE_UNAVAILABLE, FAILED),
        Exception::LimitExceeded => {
            page(StatusCode::TOO_MANY_REQUESTS, "There were too many tries. Please try again later.")
        }
        Exception::NotAuthorized => {
            page(StatusCode::BAD_REQUEST, "This link has been used, or cannot be used any more.")
        }
        Exception::AliasExists => page(StatusCode::BAD_REQUEST, "Another account has this address already."),
        _ => page(StatusCode::BAD_REQUEST, "This link is not valid, or has expired. Please ask for a new one."),
    }
}

/// A page that says one thing, which is none of the visitor's words.
fn page(status: StatusCode, says: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Confirmation</title></head>\n\
         <body><p>{says}</p></body>\n</html>\n"
    );
    (status, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_read_as_it_was_written() {
        let query = "client_id=c&user_name=a%20b%2Bc%40d%26e%3D%C3%A9+f&confirmation_code=&x";
        assert_eq!(parameter(query, "user_name").as_deref(), Some("a b+c@d&e=é f"));
        assert_eq!(parameter(query, "confirmation_code").as_deref(), Some(""));
        for (query, why) in
            [("", "absent"), ("a=1&a=2", "twice"), ("a=%4", "cut off"), ("a=%zz", "no hex"), ("a=%ff", "no text")]
        {
            assert_eq!(parameter(query, "a"), None, "{why}");
        }
    }
}
