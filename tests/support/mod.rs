//! The world of a test: the whole service on a real port, over the real store in a temporary directory, with a clock that
//! stands still, seeded chance and collected mail.
#![allow(dead_code, reason = "each test binary uses its part")]

pub mod fixtures;
pub mod http;
pub mod process;
pub mod raw;

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use cognate::access::policy::Policy;
use cognate::access::principals;
use cognate::api::json::{FromJson, read};
use cognate::api::{Access, Op};
use cognate::app::{App, Rpc};
use cognate::clock::Clock;
use cognate::config::Config;
use cognate::crypto::keys::KeyEncryptionKey;
use cognate::delivery::{OutboxFile, deliver_due};
use cognate::rng::Rng;
use cognate::server;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::oneshot;
use tonic_types::StatusExt as _;

/// Declares a specification: one body, run over gRPC and over the AWS wire.
#[macro_export]
macro_rules! spec {
    ($(#[$meta:meta])* async fn $name:ident($world:ident: World) $body:block) => {
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn specification($world: World) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn over_grpc() {
                specification(World::new($crate::support::Wire::Grpc).await).await
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn over_json() {
                specification(World::new($crate::support::Wire::Json).await).await
            }
        }
    };
}

/// Which wire the test speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    Grpc,
    Json,
}

/// A running service.
pub struct World {
    pub app: App,
    pub wire: Wire,
    pub address: String,
    pub config: Config,
    pub operator: AccessKey,
    directory: Arc<tempfile::TempDir>,
    stop: Option<oneshot::Sender<()>>,
    server: Option<tokio::task::JoinHandle<()>>,
}

/// An operator's access key.
#[derive(Clone, Debug)]
pub struct AccessKey {
    pub id: String,
    pub secret: String,
}

/// How a call proves who makes it.
#[derive(Clone, Debug)]
pub enum Credential {
    None,
    AccessKey(AccessKey),
    /// Something that is no access key, such as a user's token, as `authorization: Bearer`.
    Bearer(String),
}

/// An error as a client sees it, the same on both wires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub exception: String,
    pub message: String,
}

/// The refusal with this name and message.
pub fn refusal(exception: &str, message: &str) -> Refusal {
    Refusal { exception: exception.to_owned(), message: message.to_owned() }
}

/// Runs all of them at once. Gives their outcomes, in order.
pub async fn at_once<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, outcome) in running.iter_mut().filter(|(_, outcome)| outcome.is_none()) {
            if let Poll::Ready(done) = future.as_mut().poll(context) {
                *outcome = Some(done);
            }
        }
        if running.iter().all(|(_, outcome)| outcome.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    running.into_iter().map(|(_, outcome)| outcome.unwrap()).collect()
}

/// The moment at which every world begins.
pub const START: &str = "2026-01-07T05:06:09Z";

impl World {
    pub async fn new(wire: Wire) -> Self {
        Self::at(wire, START.parse().unwrap(), |_| {}).await
    }

    /// A world at another time, or with other settings.
    pub async fn at(wire: Wire, start: Timestamp, configure: impl FnOnce(&mut Config)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config {
            data: directory.path().to_owned(),
            listen: "127.0.0.1:0".parse().unwrap(),
            password_hash_memory_kib: 64,
            password_hash_iterations: 1,
            store_cache_mib: 8,
            ..Config::default()
        };
        configure(&mut config);
        let rng = Rng::seeded(20_260_107);
        KeyEncryptionKey::generate(&rng).write_new(&config.key_encryption_key_file()).unwrap();
        Self::open(wire, config, Arc::new(directory), Clock::manual(start), rng, None).await
    }

    async fn open(
        wire: Wire,
        config: Config,
        directory: Arc<tempfile::TempDir>,
        clock: Clock,
        rng: Rng,
        operator: Option<AccessKey>,
    ) -> Self {
        let listener = server::bind(&config).await.unwrap();
        let address = listener.local_addr().unwrap();
        // The issuer must outlive a restart on another port.
        let public_url = "http://cognate.test".to_owned();
        let app = server::open(&config, public_url, clock, rng).unwrap();
        let operator = operator.unwrap_or_else(|| {
            let (sealer, rng) = (&app.services.sealer, &app.services.rng);
            let arn = "arn:aws:iam::000000000000:user/operator";
            let key = principals::create(&config.principals_file(), arn, Policy::Everything, sealer, rng).unwrap();
            AccessKey { id: key.id, secret: key.secret.expose().clone() }
        });
        let principals = server::principals(&config, &app).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let (running, settings) = (app.clone(), config.clone());
        let server = tokio::spawn(async move {
            let stopping = async { drop(stopped.await) };
            server::run(&settings, running, principals, listener, stopping).await.unwrap();
        });
        let (stop, server) = (Some(stop), Some(server));
        World { app, wire, address: address.to_string(), config, operator, directory, stop, server }
    }

    /// Stops the service and starts it again on the same data, at the same moment.
    pub async fn restarted(mut self) -> Self {
        let now = self.app.services.clock.now();
        let (wire, config, directory, operator) =
            (self.wire, self.config.clone(), self.directory.clone(), self.operator.clone());
        self.stop.take().map(|stop| stop.send(()));
        self.server.take().unwrap().await.unwrap();
        drop(self);
        // Whoever still holds the store locks its file until it is closed for good.
        let file = std::fs::File::open(config.store_directory().join("db")).unwrap();
        tokio::task::spawn_blocking(move || file.lock().unwrap()).await.unwrap();
        Self::open(wire, config, directory, Clock::manual(now), Rng::seeded(20_260_108), Some(operator)).await
    }

    pub fn now(&self) -> Timestamp {
        self.app.services.clock.now()
    }

    /// Lets time pass.
    pub fn advance(&self, step: Duration) {
        self.app.services.clock.advance(step);
    }

    /// How many password hashes have been evaluated.
    pub fn hashes_evaluated(&self) -> u64 {
        self.app.services.passwords.evaluated()
    }

    /// Calls an operation, as the operator where one is asked for.
    pub async fn call<R>(&self, request: R) -> Result<R::Response, Refusal>
    where
        R: Rpc + prost::Message + Default + Serialize,
        R::Response: prost::Message + Default + FromJson + 'static,
    {
        let credential = match R::OP.access() {
            Access::Operator => Credential::AccessKey(self.operator.clone()),
            _ => Credential::None,
        };
        self.call_as(&credential, request).await
    }

    /// Calls an operation with a credential of one's own.
    pub async fn call_as<R>(&self, credential: &Credential, request: R) -> Result<R::Response, Refusal>
    where
        R: Rpc + prost::Message + Default + Serialize,
        R::Response: prost::Message + Default + FromJson + 'static,
    {
        match self.wire {
            Wire::Grpc => {
                let reply = raw::grpc(&self.address, R::OP, credential, request).await;
                reply.map_err(|status| refusal_of(&status))
            }
            Wire::Json => {
                let body = serde_json::to_vec(&request).unwrap();
                let reply = self.post(R::OP, credential, body).await;
                let members = match reply.body.is_empty() {
                    true => serde_json::Map::new(),
                    false => reply.json().as_object().unwrap().clone(),
                };
                match reply.status {
                    200 => Ok(read::<R::Response>(members).unwrap().0),
                    _ => Err(reply.refusal()),
                }
            }
        }
    }

    /// Posts a body of any kind to an operation of the AWS wire.
    pub async fn post(&self, op: Op, credential: &Credential, body: Vec<u8>) -> http::Reply {
        let target = format!("AWSCognitoIdentityProviderService.{}", op.name());
        let mut headers = vec![
            ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target".to_owned(), target),
        ];
        headers.extend(raw::aws_headers(&self.address, &headers, &body, credential, self.now(), &self.config.region));
        http::post(&self.address, "/", &headers, body).await
    }

    /// Every message sent so far, oldest first.
    pub async fn mail(&self) -> Vec<Mail> {
        let services = &self.app.services;
        let outbox = OutboxFile::new(self.config.outbox_file());
        // The service's own task may deliver at the same time; at least once is what it promises.
        let _ = deliver_due(&*services.store, &services.sealer, &outbox, services.clock.now()).await;
        let text = std::fs::read_to_string(self.config.outbox_file()).unwrap_or_default();
        let mut mail: Vec<Mail> = Vec::new();
        for line in text.lines() {
            let message: Mail = serde_json::from_str(line).unwrap();
            if !mail.iter().any(|known| known.id == message.id) {
                mail.push(message);
            }
        }
        mail
    }

    /// The newest code sent to the user of this name.
    pub async fn code_for(&self, username: &str) -> String {
        let mail = self.mail().await;
        let newest = mail.iter().rfind(|message| message.username == username);
        newest.unwrap_or_else(|| panic!("no mail for {username}")).code.clone()
    }
}

/// A message as it was delivered.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Mail {
    pub id: String,
    pub time: String,
    pub medium: String,
    pub to: String,
    pub subject: String,
    pub body: String,
    pub code: String,
    pub purpose: String,
    pub username: String,
}

/// The refusal that a status carries in its details.
pub fn refusal_of(status: &tonic::Status) -> Refusal {
    let details = status.get_error_details();
    let exception = details.error_info().and_then(|info| info.metadata.get("exception").cloned());
    Refusal {
        exception: exception.unwrap_or_else(|| format!("{:?}", status.code())),
        message: status.message().to_owned(),
    }
}
