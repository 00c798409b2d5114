//! Lets those who bring no credential call only so often from one address, before anything of their request is read.
//!
//! What is refused here is logged but does not stand in the audit trail: a flood must not fill the disk.

use axum::extract::Request;
use axum::response::Response;

use super::{Answer, Layer};
use crate::wire::{Gate, Peer, Routed, Wire, confirm_user, refuse};

#[derive(Clone)]
pub struct Admit;

impl Layer for Admit {
    async fn pass(&self, gate: &Gate, request: Request, next: &impl Answer) -> Response {
        let found = (request.extensions().get::<Routed>().copied(), request.extensions().get::<Peer>());
        if let (Some(routed), Some(peer)) = found {
            let services = &gate.app.services;
            let is_counted = match routed.op {
                Some(op) => op.access().is_open(),
                None => routed.wire == Wire::Document && confirm_user::is_at(request.uri().path()),
            };
            if is_counted && let Err(error) = services.rate_limits.admit_from(peer.source(), services.clock.now()) {
                return refuse(routed, error);
            }
        }
        next.answer(gate, request).await
    }
}
