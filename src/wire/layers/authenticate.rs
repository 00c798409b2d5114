//! Finds out which principal calls an operator's operation. Without a valid credential the request ends here.
//!
//! Which credentials count: a client certificate on either wire; an AWS signature (SigV4) on the JSON wire; an access key
//! as HTTP Basic over gRPC, where nobody between can read it. An `authorization` header that is there decides: a
//! certificate does not make up for a wrong one. Other operations carry their authority in their body: a credential there
//! is ignored.

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::{Answer, Layer};
use crate::access::replay::UsedSignature;
use crate::access::sigv4::SignedRequest;
use crate::access::{Authenticated, credentials};
use crate::api::Op;
use crate::error::Error;
use crate::wire::{Gate, Peer, Routed, Wire, event_of, json, refuse};

/// A principal, and the signature that it used up.
type Proved = (Authenticated, Option<UsedSignature>);

#[derive(Clone)]
pub struct Authenticate;

impl Layer for Authenticate {
    async fn pass(&self, gate: &Gate, mut request: Request, next: &impl Answer) -> Response {
        let Some(routed) = request.extensions().get::<Routed>().copied() else {
            return refuse(Routed { wire: Wire::Document, op: None }, Error::MissingAuthenticationToken);
        };
        let mut body = None;
        if routed.wire == Wire::Json {
            // In a box, so that a request over gRPC keeps no room for it.
            match Box::pin(json::open_envelope(request, gate.limits.body_bytes_max)).await {
                Ok((opened, bytes)) => (request, body) = (opened, Some(bytes)),
                Err(answer) => return answer.into_response(),
            }
        }
        let Some(op) = routed.op.filter(|op| needs_operator(*op)) else { return next.answer(gate, request).await };
        let (mut parts, rest) = request.into_parts();
        match prove(gate, &mut parts, body.as_deref(), op).await {
            Ok((authenticated, signature)) => {
                if let Some(event) = event_of(&parts.extensions) {
                    event.authenticated(authenticated.clone(), signature);
                }
                parts.extensions.insert(authenticated);
                next.answer(gate, Request::from_parts(parts, rest)).await
            }
            Err(error) => {
                if let Some(event) = event_of(&parts.extensions) {
                    event.failed(&error);
                }
                refuse(routed, error)
            }
        }
    }
}

pub fn needs_operator(op: Op) -> bool {
    op.access().needs_operator()
}

async fn prove(gate: &Gate, request: &mut Parts, body: Option<&[u8]>, op: Op) -> Result<Proved, Error> {
    let has_header = request.headers.contains_key(AUTHORIZATION);
    match body {
        Some(body) if has_header => Box::pin(by_signature(gate, request, body, op)).await,
        None if has_header => {
            let private = request.extensions.get::<Peer>().is_some_and(Peer::is_private);
            let principals = gate.principals.current();
            Ok((credentials::by_basic(&principals, &request.headers, private)?, None))
        }
        _ => Ok((by_certificate(gate, request)?, None)),
    }
}

async fn by_signature(gate: &Gate, request: &mut Parts, body: &[u8], op: Op) -> Result<Proved, Error> {
    let services = &gate.app.services;
    json::name_host(request);
    let signed = SignedRequest {
        method: request.method.as_str(),
        path: request.uri.path(),
        query: request.uri.query().unwrap_or_default(),
        headers: &request.headers,
        body,
    };
    let now = services.clock.now();
    let (authenticated, verified) =
        credentials::by_signature(&gate.principals.current(), &signed, now, &services.region)?;
    if op.is_read_only() {
        return Ok((authenticated, None));
    }
    let used = gate.signatures.take(&*services.store, &verified, now).await?;
    Ok((authenticated, Some(used)))
}

fn by_certificate(gate: &Gate, request: &Parts) -> Result<Authenticated, Error> {
    let peer = request.extensions.get::<Peer>().ok_or(Error::MissingAuthenticationToken)?;
    let certificate = peer.certificate.as_deref().ok_or(Error::MissingAuthenticationToken)?;
    // By the authorities now in force, not those of the handshake.
    let tls = peer.listener.tls.as_ref().map(|tls| tls.current());
    let verifier = tls.as_ref().and_then(|tls| tls.clients.as_deref()).ok_or(Error::UnrecognizedClient)?;
    credentials::by_certificate(&gate.principals.current(), certificate, verifier, gate.app.services.clock.now())
}
