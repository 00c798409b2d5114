//! What every request passes, in the order in which [`super::service`] lists it. One file each.

pub mod admit;
pub mod audit;
pub mod authenticate;
pub mod authorize;
pub mod limit;
pub mod resolve;
pub mod trace;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::Response;
use tower::Service;

use super::Gate;

/// What answers requests: the routes, or a layer around what answers.
///
/// All layers together are one future, in one allocation: as middleware of the router each would put several in boxes of
/// their own, for every request.
pub trait Answer: Send + Sync + 'static {
    fn answer(&self, gate: &Gate, request: Request) -> impl Future<Output = Response> + Send;
}

/// What a request passes on its way to what answers, and the answer on its way back.
pub trait Layer: Send + Sync + 'static {
    fn pass(&self, gate: &Gate, request: Request, next: &impl Answer) -> impl Future<Output = Response> + Send;
}

/// A layer around what answers.
pub struct Around<L, A>(L, A);

impl<L: Layer, A: Answer> Answer for Around<L, A> {
    // Not an `async fn`, which would keep the request beside the layer that has it already.
    fn answer(&self, gate: &Gate, request: Request) -> impl Future<Output = Response> + Send {
        self.0.pass(gate, request, &self.1)
    }
}

/// A layer as [`tower::ServiceBuilder`] takes it.
pub struct Through<L>(pub L);

impl<L: Clone, A> tower::Layer<A> for Through<L> {
    type Service = Around<L, A>;

    fn layer(&self, inner: A) -> Around<L, A> {
        Around(self.0.clone(), inner)
    }
}

/// The layers with what they stand around, as a service.
pub struct Served<A> {
    gate: Arc<Gate>,
    answer: Arc<A>,
}

impl<A> Served<A> {
    pub fn new(gate: Arc<Gate>, answer: A) -> Self {
        Served { gate, answer: Arc::new(answer) }
    }
}

impl<A> Clone for Served<A> {
    fn clone(&self) -> Self {
        Served { gate: self.gate.clone(), answer: self.answer.clone() }
    }
}

impl<A: Answer> Service<Request> for Served<A> {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Served { gate, answer } = self.clone();
        Box::pin(async move { Ok(answer.answer(&gate, request).await) })
    }
}
