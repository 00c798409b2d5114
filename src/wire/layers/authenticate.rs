//! Lets no request for an operator's operation pass without a valid credential.
//!
//! Which credentials count: an AWS signature (SigV4) on the JSON wire; an access key as HTTP Basic over gRPC, where nobody
//! between can read it. Other operations carry their authority in their body: a credential there is ignored.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::access::{Principal, credentials};
use crate::api::{Access, Op};
use crate::error::Error;
use crate::wire::{Credential, Gate, Peer, Routed, Wire, json, refuse};

pub async fn authenticate(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let Some(routed) = request.extensions().get::<Routed>().copied() else {
        return refuse(Routed { wire: Wire::Document, op: None }, Error::MissingAuthenticationToken);
    };
    let proved = match (routed.wire, routed.op) {
        (Wire::Grpc, Some(op)) => by_metadata(&gate, &request, op),
        (Wire::Json, _) => match json::open_envelope(request, gate.limits.body_bytes_max).await {
            Ok((opened, body)) => {
                request = opened;
                match routed.op {
                    Some(op) => by_signature(&gate, &request, &body, op),
                    None => Ok(None),
                }
            }
            Err(answer) => return answer.into_response(),
        },
        (Wire::Grpc | Wire::Document, _) => Ok(None),
    };
    match proved {
        Ok(principal) => {
            request.extensions_mut().insert(Credential(principal));
            next.run(request).await
        }
        Err(error) => refuse(routed, error),
    }
}

/// Whether the operation asks for an operator's credential. Any class but the two that need none does.
fn needs_operator(op: Op) -> bool {
    !matches!(op.access(), Access::Anyone | Access::SignedIn)
}

fn by_metadata(gate: &Gate, request: &Request, op: Op) -> Result<Option<Arc<Principal>>, Error> {
    if !needs_operator(op) {
        return Ok(None);
    }
    let private = request.extensions().get::<Peer>().is_some_and(|peer| peer.is_private());
    credentials::by_basic(&gate.principals, request.headers(), private).map(Some)
}

fn by_signature(gate: &Gate, request: &Request, body: &[u8], op: Op) -> Result<Option<Arc<Principal>>, Error> {
    if !needs_operator(op) {
        return Ok(None);
    }
    let services = &gate.app.services;
    let headers = json::signable_headers(request);
    let signed = crate::access::sigv4::SignedRequest {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers: &headers,
        body,
    };
    credentials::by_signature(&gate.principals, &signed, services.clock.now(), &services.region).map(Some)
}
