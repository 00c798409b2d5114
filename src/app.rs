//! The one road: both wires decode, call [`App::call`], encode. What is true on one wire is true on the other.

use std::future::Future;
use std::sync::Arc;

use crate::access::Principal;
use crate::access::caller::{Anyone, Caller, Operator, SignedIn};
use crate::api::check::{self, Check};
use crate::api::json::UnknownNames;
use crate::api::{self, Op};
use crate::context::{Cx, Services};
use crate::error::Error;

/// A request of the contract: which operation it is, what it answers, and the proof of its caller. Generated.
pub trait Rpc: Check + Send + Sync + 'static {
    const OP: Op;
    type Response: Send;
    /// What `run` receives: an operation that holds a `SignedIn` has been checked.
    type Caller: Caller;

    /// The access token among the members, where the contract says that one is needed.
    fn access_token(&self) -> Option<&str> {
        None
    }

    /// The pool that the request names.
    fn user_pool_id(&self) -> Option<&str> {
        None
    }
}

include!(concat!(env!("OUT_DIR"), "/operations.rs"));

/// What an operation does. One file each, under `operations`.
///
/// `run` reads, decides, fills one batch and commits it: it has no other effect, so it can run again when something it had
/// read was changed meanwhile.
pub trait Operation: Rpc {
    fn run(&self, cx: &Cx<'_>, caller: Self::Caller) -> impl Future<Output = Result<Self::Response, Error>> + Send;
}

/// What the layers found out about a request before it was decoded.
#[derive(Clone, Debug)]
pub struct Call {
    /// The operation that was routed to; a request of another one is refused.
    pub op: Op,
    pub request_id: Arc<str>,
    /// The operator, if a credential was given and is valid.
    pub principal: Option<Arc<Principal>>,
}

/// The application: services, and the road through them.
#[derive(Clone)]
pub struct App {
    pub services: Arc<Services>,
}

/// How often an operation runs when others keep changing what it reads.
const RUNS_MAX: usize = 16;

impl App {
    pub fn new(services: Arc<Services>) -> Self {
        App { services }
    }

    /// Authorises, validates and runs.
    pub async fn call<R: Operation>(
        &self,
        request: R,
        unknown: &UnknownNames,
        call: &Call,
    ) -> Result<R::Response, Error> {
        let done = self.run(request, unknown, call).await;
        if let Err(Error::Internal(cause)) = &done {
            // The one place where the operator learns what the caller must not.
            tracing::error!(request.id = %call.request_id, operation = R::OP.name(), %cause, "an operation failed");
        }
        done
    }

    async fn run<R: Operation>(&self, request: R, unknown: &UnknownNames, call: &Call) -> Result<R::Response, Error> {
        if call.op != R::OP {
            return Err(Error::internal("a request reached an operation that it was not routed to"));
        }
        let cx = Cx::new(&self.services);
        R::Caller::authorize(&cx, call.principal.as_deref(), R::OP, request.user_pool_id())?;
        check::check(&request, unknown)?;
        for _ in 0..RUNS_MAX {
            let caller = R::Caller::admit(&cx, call.principal.as_deref(), request.access_token()).await?;
            match request.run(&cx, caller).await {
                Err(Error::Conflict) => continue,
                done => return done,
            }
        }
        Err(Error::TooManyRequests)
    }
}
