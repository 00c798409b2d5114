//! Sees to it that a call is recorded, however it ends: answered, refused by another layer, timed out or abandoned.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use http::header::{HOST, USER_AGENT};

use super::trace::outcome;
use super::{Answer, Layer};
use crate::access::audit::event::Origin;
use crate::access::audit::{Audit, Event};
use crate::api::Op;
use crate::wire::{Gate, Peer, RequestId, Routed};

#[derive(Clone)]
pub struct Audited;

impl Layer for Audited {
    async fn pass(&self, gate: &Gate, mut request: Request, next: &impl Answer) -> Response {
        let op = request.extensions().get::<Routed>().and_then(|routed| routed.op).filter(|op| Event::is_due(*op));
        let Some(event) = op.and_then(|op| event(gate, &request, op)).map(Arc::new) else {
            return next.answer(gate, request).await;
        };
        request.extensions_mut().insert(event.clone());
        let pending = Pending { event, audit: &gate.app.audit };
        let response = next.answer(gate, request).await;
        let outcome = outcome(&response);
        pending.end((outcome != "OK").then_some(&outcome));
        response
    }
}

fn event(gate: &Gate, request: &Request, op: Op) -> Option<Event> {
    let (extensions, services) = (request.extensions(), &gate.app.services);
    let (RequestId(request_id), peer) = (extensions.get()?, extensions.get::<Peer>()?);
    let header = |name| request.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let host = || header(HOST).or_else(|| request.uri().authority().map(ToString::to_string));
    let tls = peer.tls.as_ref().map(|tls| (tls.version.clone(), tls.cipher_suite.clone(), host()));
    let origin = Origin {
        request_id: request_id.clone(),
        source: peer.origin.address,
        user_agent: header(USER_AGENT),
        tls,
        region: services.region.clone(),
        account: services.account.clone(),
    };
    Some(Event::new(op, origin, services.rng.uuid(), services.clock.now()))
}

/// A record that is written even if nobody waits for the answer any more.
struct Pending<'a> {
    event: Arc<Event>,
    audit: &'a Audit,
}

impl Pending<'_> {
    fn end(&self, outcome: Option<&str>) {
        if let Some(record) = self.event.finish(outcome) {
            self.audit.hand_over(record);
        } else {
            self.audit.committed.notify_one();
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.end(Some("RequestAbandoned"));
    }
}
