//! One listener, one loop: accepts connections, over TLS where there are certificates, and serves both HTTP versions on
//! each, all within bounds of time and size.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Version};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConnection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::{Service, ServiceExt as _};

use super::{Listener, Listening, Peer, TlsConnection};
use crate::access::certificate::ClientCertificate;
use crate::config::Config;
use crate::domain::forwarded::Origin;

/// The bounds of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub connections_max: usize,
    pub concurrent_streams_max: u32,
    pub header_bytes_max: u32,
    pub handshake_timeout: Duration,
    pub header_timeout: Duration,
    pub idle_timeout: Duration,
    pub drain_timeout: Duration,
}

impl From<&Config> for Bounds {
    fn from(config: &Config) -> Self {
        Bounds {
            connections_max: config.connections_max,
            concurrent_streams_max: config.concurrent_streams_max,
            header_bytes_max: config.header_bytes_max,
            handshake_timeout: Duration::from_secs(config.handshake_timeout_seconds),
            header_timeout: Duration::from_secs(config.header_timeout_seconds),
            idle_timeout: Duration::from_secs(config.idle_timeout_seconds),
            drain_timeout: Duration::from_secs(config.drain_timeout_seconds),
        }
    }
}

/// How long a connection of HTTP/1.1 is kept for a last request once the server stops: one may be on its way, and only an
/// answer can say that it is the last.
const LAST_REQUEST_WAIT: Duration = Duration::from_secs(1);

/// Serves until `stop` changes, then lets requests in flight finish within the drain's bound.
pub async fn serve(listener: Listener, service: impl Conversation<Body>, bounds: Bounds, stop: watch::Receiver<bool>) {
    let Listener { socket: listener, service: listening } = listener;
    let places_max = u32::try_from(bounds.connections_max).unwrap_or(u32::MAX);
    let places = Arc::new(Semaphore::new(places_max as usize));
    let take = |(stream, address, place): (TcpStream, SocketAddr, OwnedSemaphorePermit)| {
        let (service, stream, listener) = (service.clone(), Box::pin(bounded(stream, bounds)), listening.clone());
        let farewell = Farewell { stop: stop.clone(), is_http2: Arc::default() };
        match listener.tls.as_ref().map(|tls| tls.current()) {
            None => {
                let origin = Origin::of(address.ip());
                let peer = Peer { address, origin, listener, tls: None, certificate: None };
                tokio::spawn(in_its_place(place, converse(stream, service, peer, bounds, farewell)));
            }
            Some(tls) => {
                let handshake = TlsAcceptor::from(tls.server.clone()).accept(stream);
                let handshake = Box::pin(timeout(bounds.handshake_timeout, handshake));
                let conversation = move |stream: TlsStream<_>| {
                    let peer = greeted(address, listener, stream.get_ref().1);
                    converse(stream, service, peer, bounds, farewell)
                };
                tokio::spawn(in_its_place(place, async move {
                    let greeted = handshake.await;
                    match greeted {
                        Ok(Ok(stream)) => conversation(stream).await,
                        Ok(Err(cause)) => tracing::debug!(%cause, "a TLS handshake failed"),
                        Err(_) => tracing::debug!("a TLS handshake took too long"),
                    }
                }));
            }
        }
    };
    let mut stopping = stop.clone();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => break,
        };
        accepted.into_iter().for_each(&take);
    }
    // Who has connected already is served: the kernel would reset what waits to be accepted.
    while let Ok(accepted) = timeout(Duration::ZERO, accept(&listener, &places)).await {
        accepted.into_iter().for_each(&take);
    }
    drop(listener);
    if timeout(bounds.drain_timeout, places.acquire_many(places_max)).await.is_err() {
        tracing::warn!("requests were still in flight when the drain timeout passed");
    }
}

/// How a connection is ended when the server stops.
#[derive(Clone)]
struct Farewell {
    stop: watch::Receiver<bool>,
    /// Whether a request has come that was of HTTP/2.
    is_http2: Arc<AtomicBool>,
}

impl Farewell {
    /// Waits until the connection may be told that there is no more. HTTP/2 has words for that which no request can cross.
    async fn falls_due(mut self) {
        let _ = self.stop.wait_for(|stopping| *stopping).await;
        if !self.is_http2.load(Ordering::Relaxed) {
            tokio::time::sleep(LAST_REQUEST_WAIT).await;
        }
    }

    /// Whether the answer that leaves now is the last.
    fn is_last(&self) -> bool {
        !self.is_http2.load(Ordering::Relaxed) && *self.stop.borrow()
    }
}

/// Keeps a connection's place for as long as it lasts.
async fn in_its_place(_place: OwnedSemaphorePermit, conversation: impl Future<Output = ()>) {
    conversation.await;
}

/// Speaks HTTP on one connection until either end has enough. There may be ten thousand of these at once, so what is large
/// in it stands once, in a box: what an `async fn` is given it keeps beside what it makes of it.
fn converse<S>(
    stream: S,
    service: impl Conversation<Body>,
    peer: Peer,
    bounds: Bounds,
    farewell: Farewell,
) -> impl Future<Output = ()>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (stream, greeting) = Greeted::new(stream);
    let service = TowerToHyperService::new(with_peer(service, peer, farewell.clone()));
    let mut connection = Box::pin(protocols(bounds).serve_connection(TokioIo::new(stream), service).into_owned());
    let greeted_within = bounds.handshake_timeout;
    async move {
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = greeting.is_overdue(greeted_within) => return,
            () = farewell.falls_due() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(cause) = ended {
            tracing::debug!(%cause, "a connection ended early");
        }
    }
}

/// Who is at the other end of a TLS connection.
fn greeted(address: SocketAddr, listener: Arc<Listening>, tls: &ServerConnection) -> Peer {
    let name = |name: Option<String>| name.unwrap_or_default();
    let connection = TlsConnection {
        version: name(tls.protocol_version().and_then(|it| it.as_str()).map(|it| it.replace('_', "."))),
        cipher_suite: name(tls.negotiated_cipher_suite().and_then(|it| it.suite().as_str()).map(str::to_owned)),
    };
    let certificate = tls.peer_certificates().and_then(ClientCertificate::verified).map(Arc::new);
    let origin = Origin::of(address.ip());
    Peer { address, origin, listener, tls: Some(Arc::new(connection)), certificate }
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, address)) => {
            let _ = stream.set_nodelay(true);
            Some((stream, address, place))
        }
        Err(cause) => {
            // Mostly "too many open files": without a pause this loop would spin until some are closed.
            tracing::warn!(%cause, "a connection could not be accepted");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

/// A stream that fails when its other end is silent, or takes nothing, for too long.
fn bounded(stream: TcpStream, bounds: Bounds) -> TimeoutStream<TcpStream> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_read_timeout(Some(bounds.idle_timeout));
    stream.set_write_timeout(Some(bounds.idle_timeout));
    stream
}

fn protocols(bounds: Bounds) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.header_timeout)
        .max_buf_size(usize::try_from(bounds.header_bytes_max).unwrap_or(usize::MAX).max(8192));
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_connection_window_size(window_bytes(bounds))
        .initial_stream_window_size(window_bytes(bounds))
        .max_concurrent_streams(bounds.concurrent_streams_max)
        .max_header_list_size(bounds.header_bytes_max)
        .keep_alive_interval(Some(bounds.idle_timeout / 3))
        .keep_alive_timeout(bounds.handshake_timeout);
    builder
}

/// How much a client may send ahead of what is read. From it the library takes how many small frames may wait, and closes a
/// connection that sends more: requests are small, and there may come as many at once as a connection may carry.
fn window_bytes(bounds: Bounds) -> u32 {
    const BYTES_PER_STREAM: u32 = 2048;
    const BYTES_MAX: u32 = (1 << 31) - 1;
    bounds.concurrent_streams_max.saturating_mul(BYTES_PER_STREAM).clamp(64 * 1024, BYTES_MAX)
}

/// What answers requests with bodies of this kind.
pub trait Conversation<B>:
    Service<Request<B>, Response = Response, Error = Infallible, Future: Send + 'static> + Clone + Send + Sync + 'static
{
}

impl<B, S> Conversation<B> for S where
    S: Service<Request<B>, Response = Response, Error = Infallible, Future: Send + 'static>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// The service, told for each request who is at the other end.
fn with_peer(service: impl Conversation<Body>, peer: Peer, farewell: Farewell) -> impl Conversation<Incoming> {
    let spoken = farewell.is_http2.clone();
    let request = move |mut request: Request<Incoming>| {
        if request.version() == Version::HTTP_2 {
            spoken.store(true, Ordering::Relaxed);
        }
        request.extensions_mut().insert(peer.clone());
        request.map(Body::new)
    };
    let response = move |mut response: Response| {
        if farewell.is_last() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    };
    service.map_request(request).map_response(response)
}

/// How much of a connection has come, as long as it is little.
struct Greeting(Arc<AtomicUsize>);

/// The length of HTTP/2's preface and of the head of the frame that must follow. Until so much has come, no other timeout
/// need run. No request over HTTP/1.1 that means anything here is shorter.
const GREETING_BYTES: usize = 24 + 9;

impl Greeting {
    /// Waits until the time for it has passed without it; for ever if it came.
    async fn is_overdue(&self, limit: Duration) {
        tokio::time::sleep(limit).await;
        if self.0.load(Ordering::Relaxed) >= GREETING_BYTES {
            std::future::pending().await
        }
    }
}

/// A stream that counts what comes, so that one whose greeting never does can be closed.
struct Greeted<S> {
    stream: Pin<Box<S>>,
    came: Arc<AtomicUsize>,
}

impl<S> Greeted<S> {
    fn new(stream: S) -> (Self, Greeting) {
        let came = Arc::<AtomicUsize>::default();
        (Greeted { stream: Box::pin(stream), came: came.clone() }, Greeting(came))
    }
}

impl<S: AsyncRead> AsyncRead for Greeted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = self.stream.as_mut().poll_read(cx, buffer);
        self.came.fetch_add(buffer.filled().len() - before, Ordering::Relaxed);
        polled
    }
}

impl<S: AsyncWrite> AsyncWrite for Greeted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
