//! One id, one span and one log line for each request.
//!
//! The line's fields: `request.id`, `wire`, `operation`, `outcome` (`OK`, the error's name, or
//! `RequestAbandoned`), `duration_ms`. Never a body, a name or a secret.

use std::borrow::Cow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::Request;
use axum::response::Response;
use http::{HeaderName, HeaderValue};
use tracing::Instrument as _;
use uuid::Uuid;

use super::{Answer, Layer};
use crate::wire::grpc::ERROR_TYPE;
use crate::wire::{Gate, RequestId, Routed, Wire};

/// The target under which request lines can be filtered.
const REQUEST_LINE: &str = "cognate::request";

/// How a request went whose caller left, as the audit trail has it too.
const ABANDONED: &str = "RequestAbandoned";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

const EXCEPTION: HeaderName = HeaderName::from_static(ERROR_TYPE);

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

#[derive(Clone)]
pub struct Trace;

impl Layer for Trace {
    async fn pass(&self, gate: &Gate, mut request: Request, next: &impl Answer) -> Response {
        let mut digits = Uuid::encode_buffer();
        let id: Arc<str> = Arc::from(&*gate.app.services.rng.uuid().hyphenated().encode_lower(&mut digits));
        let routed = request.extensions().get::<Routed>().copied();
        let operation = routed.and_then(|routed| routed.op).map_or("-", |op| op.name());
        let wire = routed.map_or(Wire::Document, |routed| routed.wire);
        request.extensions_mut().insert(RequestId(id.clone()));

        let mut line = Line { operation, id: id.clone(), wire, began_at: now(), outcome: None };
        let span = tracing::info_span!("request", request.id = %id, operation);
        let mut response = pin!(next.answer(gate, request)).instrument(span).await;
        line.outcome = Some(outcome(&response));
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        response
    }
}

/// A request's line. It is written even if nobody waits for the answer any more.
struct Line {
    operation: &'static str,
    id: Arc<str>,
    wire: Wire,
    began_at: Instant,
    outcome: Option<Cow<'static, str>>,
}

impl Drop for Line {
    fn drop(&mut self) {
        let Line { operation, id, wire, began_at, outcome } = self;
        let outcome = outcome.as_deref().unwrap_or(ABANDONED);
        let duration_ms = began_at.elapsed().as_secs_f64() * 1000.0;
        tracing::info!(target: REQUEST_LINE, operation, request.id = %id, ?wire, outcome, duration_ms, "request");
    }
}

/// How a request went, from the head of its answer.
pub fn outcome(response: &Response) -> Cow<'static, str> {
    let header = |name: HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
    if let Some(exception) = header(EXCEPTION) {
        return exception.trim_end_matches(':').to_owned().into();
    }
    match header(GRPC_STATUS).and_then(|status| status.parse::<i32>().ok()).filter(|status| *status != 0) {
        Some(status) => format!("{:?}", tonic::Code::from_i32(status)).into(),
        None if response.status().is_success() => "OK".into(),
        None => response.status().as_u16().to_string().into(),
    }
}

#[expect(clippy::disallowed_methods, reason = "a duration for the log, never a rule's time")]
fn now() -> Instant {
    Instant::now()
}
