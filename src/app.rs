//! The one road: both wires decode, call [`App::call`], encode. What is true on one wire is true on the other.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use serde::Serialize;

use crate::access::Grant;
use crate::access::audit::{Audit, Event};
use crate::access::caller::{Anyone, Brought, Caller, Operator, SignedIn, SignedInOrInChallenge};
use crate::api::check::{self, Check};
use crate::api::json::{Told, UnknownNames};
use crate::api::{self, Access, Op};
use crate::context::{self, Cx, Services, Witness};
use crate::domain::ids::pool_of_arn;
use crate::domain::source::Source;
use crate::error::Error;

/// A request of the contract: which operation it is, what it answers, and the proof of its caller. Generated.
pub trait Rpc: Check + Serialize + Told + Send + Sync + 'static {
    const OP: Op;
    type Response: Send;
    /// What `run` receives: an operation that holds a `SignedIn` has been checked.
    type Caller: Caller;

    /// The access token among the members, where the contract says that one is needed.
    fn access_token(&self) -> Option<&str> {
        None
    }

    /// The client that the request names.
    fn client_id(&self) -> Option<&str> {
        None
    }

    /// The session of a sign-in under way, where the contract says that it may stand in for the access token.
    fn session(&self) -> Option<&str> {
        None
    }

    /// The pool that the request names.
    fn user_pool_id(&self) -> Option<&str> {
        None
    }

    /// What the client sends along for the pool's triggers, where it can.
    fn client_metadata(&self) -> Option<&Metadata> {
        None
    }

    /// The tags that the request would set, where it can set any.
    fn tags(&self) -> Option<&Tags> {
        None
    }

    /// The keys of the tags that the request would take away.
    fn tag_keys(&self) -> &[String] {
        &[]
    }
}

/// Tags, by their keys.
pub type Tags = HashMap<String, String>;

/// A client's words to triggers, by their keys.
pub type Metadata = HashMap<String, String>;

include!(concat!(env!("OUT_DIR"), "/operations.rs"));

/// What an operation does. One file each, under `operations`.
///
/// `run` reads, decides, fills one batch and commits it: it has no other effect but to ask the pool's triggers, whose answers are
/// remembered. So it can run again when something it had read was changed meanwhile.
pub trait Operation: Rpc {
    fn run(&self, cx: &Cx<'_>, caller: Self::Caller) -> impl Future<Output = Result<Self::Response, Error>> + Send;
}

/// What the layers found out about a request before it was decoded.
#[derive(Clone, Debug)]
pub struct Call {
    /// The operation that was routed to; a request of another one is refused.
    pub op: Op,
    pub request_id: Arc<str>,
    /// Where it comes from.
    pub source: Source,
    /// What the guard allows, where the operation is an operator's.
    pub grant: Option<Grant>,
    /// What the audit trail will say of the call, if it says anything.
    pub event: Option<Arc<Event>>,
}

/// The application: services, the audit trail, and the road through them.
#[derive(Clone)]
pub struct App {
    pub services: Arc<Services>,
    pub audit: Arc<Audit>,
}

/// How often an operation runs when others keep changing what it reads.
const RUNS_MAX: usize = 16;

impl App {
    pub fn new(services: Arc<Services>) -> Self {
        App { services, audit: Arc::default() }
    }

    /// Checks that the call was granted, validates and runs.
    pub async fn call<R: Operation>(
        &self,
        request: R,
        unknown: &UnknownNames,
        call: &Call,
    ) -> Result<R::Response, Error> {
        let done = self.run(&request, unknown, call).await;
        if let Err(error) = &done {
            if let Some(event) = &call.event {
                event.failed(error);
            }
            if let Error::Internal(cause) = error {
                // The one place where the operator learns what the caller must not.
                tracing::error!(request.id = %call.request_id, operation = R::OP.name(), %cause, "an operation failed");
            }
        }
        done
    }

    async fn run<R: Operation>(&self, request: &R, unknown: &UnknownNames, call: &Call) -> Result<R::Response, Error> {
        if call.op != R::OP {
            return Err(Error::internal("a request reached an operation that it was not routed to"));
        }
        let witness = call.event.as_deref().map(|event| event as &dyn Witness);
        let cx = Cx::of_request(&self.services, call.source, witness, routed(R::OP, request.client_metadata()));
        let brought = Brought {
            op: R::OP,
            pool: request.user_pool_id(),
            tags: request.tags(),
            tag_keys: request.tag_keys(),
            access_token: request.access_token(),
            session: request.session(),
            grant: call.grant.as_ref(),
        };
        R::Caller::is_granted(&brought)?;
        if let Some(event) = &call.event {
            event.requested(request);
        }
        check::check(request, unknown)?;
        if R::OP.access().is_open() {
            cx.admit_for_client(request.client_id()).await?;
        }
        if R::OP.access() == Access::Operator && !R::OP.is_read_only() && self.audit.is_failing() {
            return Err(Error::internal("an operator's write was refused, because the audit trail cannot be written"));
        }
        for _ in 0..RUNS_MAX {
            let caller = R::Caller::admit(&cx, &brought).await?;
            match request.run(&cx, caller).await {
                Err(Error::Conflict) => continue,
                done => return done,
            }
        }
        Err(Error::TooManyRequests)
    }
}

/// To which triggers a client's words go. Those at the beginning of a sign-in reach only the triggers before it (reference 8.2).
fn routed(op: Op, metadata: Option<&Metadata>) -> context::Metadata<'_> {
    match (metadata.filter(|metadata| !metadata.is_empty()), op) {
        (None, _) => context::Metadata::None,
        (Some(metadata), Op::InitiateAuth | Op::AdminInitiateAuth) => context::Metadata::ForTheBeginning(metadata),
        (Some(metadata), _) => context::Metadata::ForTriggers(metadata),
    }
}
