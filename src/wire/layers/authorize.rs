//! Asks policy whether the principal may call the routed operation on what the request names, before the request is
//! decoded: what is denied learns nothing, in bytes or in the order of errors.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::USER_AGENT;
use http::request::Parts;
use http_body_util::{BodyExt as _, Limited};

use super::authenticate::needs_operator;
use super::{Answer, Layer};
use crate::access::authorization::{Asked, authorize as decide};
use crate::access::{Authenticated, Grant};
use crate::api::Op;
use crate::error::Error;
use crate::wire::scope::{self, Scope};
use crate::wire::{Gate, Peer, Routed, Wire, event_of, json, refuse};

#[derive(Clone)]
pub struct Authorize;

impl Layer for Authorize {
    async fn pass(&self, gate: &Gate, request: Request, next: &impl Answer) -> Response {
        let routed = request.extensions().get::<Routed>().copied().unwrap_or(Routed { wire: Wire::Document, op: None });
        if !routed.op.is_some_and(needs_operator) {
            return next.answer(gate, request).await;
        }
        let event = event_of(request.extensions()).cloned();
        // In a box, so that a user's request keeps no room for it.
        match Box::pin(granted(gate, routed, request)).await {
            Ok(request) => next.answer(gate, request).await,
            Err(error) => {
                if let Some(event) = event {
                    event.failed(&error);
                }
                refuse(routed, error)
            }
        }
    }
}

/// The request again, with what was granted.
async fn granted(gate: &Gate, routed: Routed, request: Request) -> Result<Request, Error> {
    let op = routed.op.ok_or(Error::MissingAuthenticationToken)?;
    let (mut parts, mut body) = request.into_parts();
    let mut goes_on = false;
    let scope = match routed.wire {
        Wire::Json => json::members(&parts.extensions).map(|members| Scope::of_members(op, members)),
        Wire::Grpc | Wire::Document => {
            // Whatever the message may have, and its five bytes.
            let whole = Limited::new(body, gate.limits.body_bytes_max.saturating_add(5)).collect().await;
            let whole = whole.map_err(|_| Error::RequestTooLarge)?.to_bytes();
            let scope = Scope::of_body(op, &whole);
            goes_on = scope::goes_on(&whole);
            body = Body::from(whole);
            Some(scope)
        }
    };
    let grant = grant(gate, &parts, op, scope.unwrap_or_default()).await?;
    if goes_on {
        return Err(Error::invalid_parameter("A call has one message."));
    }
    parts.extensions.insert(grant);
    Ok(Request::from_parts(parts, body))
}

async fn grant(gate: &Gate, request: &Parts, op: Op, scope: Scope) -> Result<Grant, Error> {
    if let Some(event) = event_of(&request.extensions) {
        event.names_pool(scope.pool.as_deref());
    }
    let found = (request.extensions.get::<Authenticated>(), request.extensions.get::<Peer>());
    let (Some(authenticated), Some(peer)) = found else { return Err(Error::MissingAuthenticationToken) };
    let asked = Asked {
        op,
        pool: scope.pool,
        tags: scope.tags,
        tag_keys: scope.tag_keys,
        source: peer.origin.is_callers.then_some(peer.origin.address),
        encrypted: peer.tls.is_some(),
        user_agent: request.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()),
    };
    decide(&gate.app.services, &authenticated.principal, asked).await
}
