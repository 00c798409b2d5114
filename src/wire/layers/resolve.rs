//! Finds out which operation a request is for, from its path or target exactly as written: a path that merely looks like
//! one reaches nothing, and so does one that is served at another address.

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;

use super::{Answer, Layer};
use crate::wire::{Audience, Gate, Peer, Wire, route};

#[derive(Clone)]
pub struct Resolve;

impl Layer for Resolve {
    async fn pass(&self, gate: &Gate, mut request: Request, next: &impl Answer) -> Response {
        // Who came past the listener, as nobody can, is served nothing.
        let Some(audience) = request.extensions().get::<Peer>().map(|peer| peer.listener.audience) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let mut routed = route(&request);
        if routed.wire == Wire::Document && audience == Audience::Operators {
            return StatusCode::NOT_FOUND.into_response();
        }
        routed.op = routed.op.filter(|op| audience.has(*op));
        request.extensions_mut().insert(routed);
        next.answer(gate, request).await
    }
}
