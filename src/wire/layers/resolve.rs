//! Finds out which operation a request is for, from its path or target exactly as written: a path that merely looks like
//! one reaches nothing, and so does one that is served at another address.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;

use crate::wire::{Audience, Peer, Wire, route};

pub async fn resolve(mut request: Request, next: Next) -> Response {
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
    next.run(request).await
}
