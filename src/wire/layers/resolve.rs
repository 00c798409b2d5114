//! Finds out which operation a request is for, from its path or target exactly as written: a path that merely looks like
//! one reaches nothing, and so does one that is served at another address. And who asks, where a proxy asks for them.

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode};

use super::{Answer, Layer};
use crate::wire::{Audience, Gate, Peer, Wire, route};

#[derive(Clone)]
pub struct Resolve;

impl Layer for Resolve {
    async fn pass(&self, gate: &Gate, mut request: Request, next: &impl Answer) -> Response {
        // Who came past the listener, as nobody can, is served nothing.
        let Some(peer) = request.extensions().get::<Peer>() else { return StatusCode::NOT_FOUND.into_response() };
        let audience = peer.listener.audience;
        let lines = request.headers().get_all(gate.proxies.header.name()).iter().map(HeaderValue::as_bytes);
        let origin = gate.proxies.origin(peer.address.ip(), lines);
        let mut routed = route(&request);
        if routed.wire == Wire::Document && audience == Audience::Operators {
            return StatusCode::NOT_FOUND.into_response();
        }
        routed.op = routed.op.filter(|op| audience.has(*op));
        let extensions = request.extensions_mut();
        extensions.insert(routed);
        if let Some(peer) = extensions.get_mut::<Peer>() {
            peer.origin = origin;
        }
        next.answer(gate, request).await
    }
}
