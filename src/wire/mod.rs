//! The two wires and the well-known documents, on one port.
//!
//! A request passes the layers (see [`router`]), is decoded, goes the one road ([`crate::app::App::call`]) and is encoded.
//! Nothing here knows an operation by name; what does is generated.

pub mod codec;
mod confirm_user;
pub mod connection;
pub mod grpc;
pub mod json;
mod layers;
pub mod scope;
pub mod tls;
mod well_known;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{Extensions, Method, Request, StatusCode};
use tonic_health::pb::health_server::{Health, HealthServer};
use tower::{Service as _, ServiceBuilder};

use connection::Conversation;
use layers::admit::Admit;
use layers::audit::Audited;
use layers::authenticate::Authenticate;
use layers::authorize::Authorize;
use layers::limit::Limit;
use layers::resolve::Resolve;
use layers::trace::Trace;
use layers::{Answer, Served, Through};
use tls::Tls;
use tokio::net::TcpListener;

use crate::access::Principals;
use crate::access::audit::Event;
use crate::access::certificate::ClientCertificate;
use crate::access::replay::Signatures;
use crate::api::{self, Op};
use crate::app::App;
use crate::domain::forwarded::{Origin, Proxies};
use crate::domain::source::Source;
use crate::error::Error;
use crate::live::Live;

/// What the layers and handlers share.
pub struct Gate {
    pub app: App,
    pub principals: Arc<Live<Principals>>,
    /// The signatures of writes that have arrived.
    pub signatures: Arc<Signatures>,
    pub limits: Limits,
    pub proxies: Proxies,
}

/// What a request may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub body_bytes_max: usize,
    pub request_timeout: Duration,
}

/// Which form an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    Grpc,
    Json,
    /// Plain documents over HTTP.
    Document,
}

/// Where a request goes: read off its head alone, before anything is believed.
#[derive(Clone, Copy, Debug)]
pub struct Routed {
    pub wire: Wire,
    pub op: Option<Op>,
}

/// The id under which a request is logged and answered.
#[derive(Clone, Debug)]
pub struct RequestId(pub Arc<str>);

/// An address that is served.
pub struct Listener {
    pub socket: TcpListener,
    pub service: Arc<Listening>,
}

/// What is served at an address, and how.
pub struct Listening {
    pub audience: Audience,
    pub tls: Option<Arc<Live<Tls>>>,
}

/// Whose operations are served at an address. Those of others do not exist there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Everybody,
    /// UserService, the well-known documents and the page of confirmation.
    Users,
    /// AdminService and PoolService.
    Operators,
}

impl Audience {
    fn has(self, op: Op) -> bool {
        match self {
            Audience::Everybody => true,
            Audience::Users => is_users(op),
            Audience::Operators => !is_users(op),
        }
    }
}

fn is_users(op: Op) -> bool {
    op.service() == api::user_service_server::SERVICE_NAME
}

/// The other end of a connection.
#[derive(Clone)]
pub struct Peer {
    pub address: SocketAddr,
    /// Where what is asked comes from, if the other end is a proxy that is believed. Here alone it is decided: for the limits,
    /// the audit trail and policies.
    pub origin: Origin,
    pub listener: Arc<Listening>,
    pub tls: Option<Arc<TlsConnection>>,
    /// What the client proved to hold, where certificates are asked for.
    pub certificate: Option<Arc<ClientCertificate>>,
}

/// What a handshake agreed on.
#[derive(Debug)]
pub struct TlsConnection {
    /// Such as `TLSv1.3`.
    pub version: String,
    pub cipher_suite: String,
}

impl Peer {
    /// Whether nobody between could read what is said.
    pub fn is_private(&self) -> bool {
        self.tls.is_some() || self.address.ip().is_loopback()
    }

    /// Who shares with whom what is shared out between callers.
    pub fn source(&self) -> Source {
        Source::of(self.origin.address)
    }
}

/// What the audit trail will say of a request, if it says anything.
fn event_of(extensions: &Extensions) -> Option<&Arc<Event>> {
    extensions.get()
}

/// Everything that is served. Layers read top to bottom, outermost first.
pub fn service<H: Health>(
    gate: Gate,
    health: HealthServer<H>,
) -> Result<impl Conversation<Body>, tonic_reflection::server::Error> {
    let gate = Arc::new(gate);
    let answer = ServiceBuilder::new()
        // Which operation, by the head alone: everything below speaks of it.
        .layer(Through(Resolve))
        // One id, one span, one line a request, whatever happens below.
        .layer(Through(Trace))
        // A flood ends here.
        .layer(Through(Admit))
        // However it ends, it is written down.
        .layer(Through(Audited))
        // Nothing is read, hashed or waited for without bound.
        .layer(Through(Limit))
        // Operators prove who they are,
        .layer(Through(Authenticate))
        // and policy decides, before their request is decoded.
        .layer(Through(Authorize))
        .service(Routes::new(&gate, health)?);
    Ok(Served::new(gate, answer))
}

/// Where each path leads.
struct Routes {
    servers: grpc::Servers,
    router: Router,
}

impl Routes {
    fn new<H: Health>(gate: &Arc<Gate>, health: HealthServer<H>) -> Result<Self, tonic_reflection::server::Error> {
        let servers = grpc::Servers::new(&grpc::Grpc::new(gate));
        let router = servers
            .routes()
            .add_service(health)
            .add_service(reflection()?.build_v1()?)
            .add_service(reflection()?.build_v1alpha()?)
            .into_axum_router()
            .merge(well_known::router(gate.clone()))
            .merge(confirm_user::router(gate.clone()))
            .fallback(unknown_path);
        Ok(Routes { servers, router })
    }
}

impl Answer for Routes {
    async fn answer(&self, gate: &Gate, request: Request<Body>) -> Response {
        match request.extensions().get() {
            // What is routed already needs no router.
            Some(Routed { wire: Wire::Grpc, op: Some(op) }) => self.servers.call(*op, request).await.map(Body::new),
            Some(Routed { wire: Wire::Json, .. }) => json::answer_request(gate, request).await,
            _ => {
                let Ok(response) = self.router.clone().call(request).await;
                response
            }
        }
    }
}

fn reflection<'a>() -> Result<tonic_reflection::server::Builder<'a>, tonic_reflection::server::Error> {
    Ok(tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(api::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        // So that clients can print the details of errors.
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET))
}

/// Which wire and operation the head of a request names.
fn route<B>(request: &Request<B>) -> Routed {
    // Nothing else stands at this path, whatever a request calls its body.
    if request.uri().path() == "/" {
        return Routed { wire: Wire::Json, op: json::target(request.headers()) };
    }
    let is_grpc =
        request.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    if is_grpc {
        let is_call = *request.method() == Method::POST && request.uri().query().is_none();
        let path = request.uri().path();
        let named = path.rsplit_once('/').and_then(|(_, name)| op_named(name));
        return Routed { wire: Wire::Grpc, op: named.filter(|op| is_call && op.path() == path) };
    }
    Routed { wire: Wire::Document, op: None }
}

/// The operation of this name, letter for letter.
fn op_named(name: &str) -> Option<Op> {
    // The contract lists them by name.
    Op::ALL.binary_search_by(|op| op.name().cmp(name)).ok().map(|index| Op::ALL[index])
}

/// As much of a text as may stand in the headers of an answer. Clients take some 16 KiB of them; over gRPC a sentence stands
/// there twice, once with three bytes for each that is not plain ASCII.
fn for_a_header(text: &str) -> &str {
    const BYTES_MAX: usize = 5 * 1024;
    let is_plain = |character: char| character.is_ascii_alphanumeric() || character == ' ';
    let size = |character: char| if is_plain(character) { 1 } else { 3 * character.len_utf8() };
    let mut left = BYTES_MAX;
    let end = text.char_indices().find(|(_, character)| match left.checked_sub(size(*character)) {
        Some(rest) => {
            left = rest;
            false
        }
        None => true,
    });
    end.map_or(text, |(at, _)| &text[..at])
}

/// The answer of a layer that lets a request go no further.
fn refuse(routed: Routed, error: Error) -> Response {
    match routed.wire {
        Wire::Grpc => grpc::status(error).into_http(),
        Wire::Json => json::refusal(&json::Refusal::Error(error)),
        Wire::Document => {
            let mut response = Response::new(Body::from(error.to_string()));
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            response
        }
    }
}

async fn unknown_path(request: Request<Body>) -> Response {
    match route(&request).wire {
        Wire::Grpc => grpc::no_such_operation().into_http(),
        Wire::Json | Wire::Document => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_found_by_its_name_and_its_path_and_nothing_else_is() {
        let by_path = |path: &str| {
            let request = Request::post(path).header(CONTENT_TYPE, "application/grpc").body(());
            route(&request.unwrap()).op
        };
        for op in Op::ALL.iter().copied() {
            assert_eq!((op_named(op.name()), by_path(op.path())), (Some(op), Some(op)));
            assert_eq!(by_path(&format!("/other{}", op.path())), None);
            assert_eq!(by_path(&format!("{}?query", op.path())), None);
            assert_eq!(op_named(&op.name().to_lowercase()), None);
        }
        assert_eq!((op_named(""), by_path("/")), (None, None));
    }
}
