//! One listener, one loop: accepts connections and serves both HTTP versions on each, all within bounds of time and size.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tower::{Service, ServiceExt as _};

use super::Peer;
use crate::config::Config;

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

/// Serves until `stop` changes, then lets requests in flight finish within the drain's bound.
pub async fn serve(listener: TcpListener, router: Router, bounds: Bounds, mut stop: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(bounds.connections_max));
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            _ = stop.wait_for(|stopping| *stopping) => break,
        };
        let Some((stream, address, place)) = accepted else { continue };
        let (router, watcher) = (router.clone(), graceful.watcher());
        tokio::spawn(async move {
            let _place = place;
            if let Some(stream) = greeted(stream, bounds).await {
                let peer = Peer { address, encrypted: false };
                let stream = Box::pin(bounded(stream, bounds));
                let builder = protocols(bounds);
                let service = TowerToHyperService::new(with_peer(router, peer));
                let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
                if let Err(cause) = watcher.watch(connection).await {
                    tracing::debug!(%cause, "a connection ended early");
                }
            }
        });
    }
    drop(listener);
    if timeout(bounds.drain_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still in flight when the drain timeout passed");
    }
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
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

/// The stream, once its first byte has come; a connection that stays silent is closed.
async fn greeted(stream: TcpStream, bounds: Bounds) -> Option<TcpStream> {
    match timeout(bounds.handshake_timeout, stream.peek(&mut [0])).await {
        Ok(Ok(bytes)) if bytes > 0 => Some(stream),
        _ => None,
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
        .adaptive_window(true)
        .max_concurrent_streams(bounds.concurrent_streams_max)
        .max_header_list_size(bounds.header_bytes_max)
        .keep_alive_interval(Some(bounds.idle_timeout / 3))
        .keep_alive_timeout(bounds.handshake_timeout);
    builder
}

/// The router, told for each request who is at the other end.
fn with_peer(
    router: Router,
    peer: Peer,
) -> impl Service<Request<Incoming>, Response = axum::response::Response, Error = Infallible, Future: Send + 'static>
+ Clone
+ Send
+ 'static {
    router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        request.map(Body::new)
    })
}
