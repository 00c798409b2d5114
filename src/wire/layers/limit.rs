//! Bounds what a request may cost: its time, by the server's limit and the caller's own deadline.
//!
//! Sizes are bounded where bytes are read: headers by the connection, messages by each wire.

use std::pin::pin;
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use http::HeaderMap;

use super::{Answer, Layer};
use crate::error::Error;
use crate::wire::{Gate, Routed, Wire, refuse};

#[derive(Clone)]
pub struct Limit;

impl Layer for Limit {
    async fn pass(&self, gate: &Gate, request: Request, next: &impl Answer) -> Response {
        let routed = request.extensions().get::<Routed>().copied();
        let asked = routed.filter(|routed| routed.wire == Wire::Grpc).and_then(|_| grpc_timeout(request.headers()));
        let limit = asked.map_or(gate.limits.request_timeout, |asked| asked.min(gate.limits.request_timeout));
        // Pinned where it is: handed over by value, all that is below would be copied.
        match tokio::time::timeout(limit, pin!(next.answer(gate, request))).await {
            Ok(response) => response,
            Err(_) => refuse(routed.unwrap_or(Routed { wire: Wire::Document, op: None }), Error::TimedOut),
        }
    }
}

/// A gRPC caller's deadline: at most eight digits and a unit, in `grpc-timeout`.
fn grpc_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 60 * 60)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_read_as_the_protocol_writes_them() {
        let read = |text: &str| {
            grpc_timeout(&[("grpc-timeout".parse().unwrap(), text.parse().unwrap())].into_iter().collect())
        };
        assert_eq!(read("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        assert_eq!(read("250m"), Some(Duration::from_millis(250)));
        assert_eq!(read("1u"), Some(Duration::from_micros(1)));
        for odd in ["", "m", "1", "-1S", "1 S", "123456789S", "1x"] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
