//! Finds out which operation a request is for, from its path or target exactly as written: a path that merely looks like
//! one reaches nothing.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

use crate::wire::route;

pub async fn resolve(mut request: Request, next: Next) -> Response {
    let routed = route(&request);
    request.extensions_mut().insert(routed);
    next.run(request).await
}
