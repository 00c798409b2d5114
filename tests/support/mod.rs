//! The world of a test: the whole service on a real port, over the real store in a temporary directory, with a clock that
//! stands still, seeded chance and collected mail.
#![allow(dead_code, reason = "each test binary uses its part")]

pub mod authenticator;
pub mod certificates;
pub mod devices;
pub mod factors;
pub mod fixtures;
pub mod functions;
pub mod http;
pub mod passkeys;
pub mod process;
pub mod raw;
pub mod seed;
pub mod srp;

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use certificates::{Authority, Identity, Trust};
use cognate::access::access_keys::{KeyFile, first_operator};
use cognate::access::principals::{Arn, policies_directory, principals_file};
use cognate::api::json::{FromJson, read};
use cognate::api::{Access, Op};
use cognate::app::{App, Rpc};
use cognate::backup::{self, BackupKey};
use cognate::clock::Clock;
use cognate::config::Config;
use cognate::control;
use cognate::crypto::keys::KeyEncryptionKey;
use cognate::delivery::{Courier, Office, Ways, deliver_due};
use cognate::live::Reload;
use cognate::rng::Rng;
use cognate::server::{self, Server};
use cognate::triggers::Binding;
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
    /// Where operators are served, if it is another address.
    pub operator_address: Option<String>,
    pub config: Config,
    pub operator: AccessKey,
    /// Whom clients trust, if this world speaks TLS.
    pub authority: Option<Arc<Authority>>,
    reloads: Vec<Arc<dyn Reload>>,
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
    /// A client certificate, in a world that speaks TLS.
    Certificate(Identity),
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

/// Every record of an audit trail.
pub fn audit_trail(directory: &std::path::Path) -> Vec<serde_json::Value> {
    let mut files: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let text: String = files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Who the operator of every world is.
pub const OPERATOR: &str = "arn:aws:iam::000000000000:user/operator";

/// A policy of one statement.
pub fn policy(effect: &str, action: &str, resource: &str) -> String {
    let statement = serde_json::json!({"Effect": effect, "Action": action, "Resource": resource});
    serde_json::json!({"Version": "2012-10-17", "Statement": statement}).to_string()
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
        let nowhere = Binding { url: Some("http://127.0.0.1:9/".to_owned()), ..Binding::default() };
        let mut config = Config {
            data: directory.path().to_owned(),
            listen: "127.0.0.1:0".parse().unwrap(),
            password_hash_memory_kib: 64,
            password_hash_iterations: 1,
            store_cache_mib: 8,
            disk_reserve_mib: 1,
            triggers: [(functions::FUNCTION.to_owned(), nowhere)].into(),
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
        let bound = server::bind(&config).await.unwrap();
        let (address, operator_address) = (bound.address().unwrap(), bound.operator_address().unwrap());
        // The issuer must outlive a restart on another port.
        let public_url = "http://cognate.test".to_owned();
        let app = server::open(&config, public_url, clock, rng).unwrap();
        let operator = operator.unwrap_or_else(|| {
            let (services, arn) = (&app.services, Arn::parse(OPERATOR).unwrap());
            let now = services.clock.now();
            let key = first_operator(&config.access_directory(), &arn, &services.sealer, &services.rng, now).unwrap();
            AccessKey { id: key.id, secret: key.secret.expose().clone() }
        });
        let server = Server::prepare(&config, app.clone(), bound).unwrap();
        let reloads = server.reloads();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            let stopping = async { drop(stopped.await) };
            server.run(stopping).await.unwrap();
        });
        let (stop, server) = (Some(stop), Some(server));
        let (address, operator_address) = (address.to_string(), operator_address.map(|address| address.to_string()));
        let authority = None;
        World { app, wire, address, operator_address, config, operator, authority, reloads, directory, stop, server }
    }

    /// A world that speaks TLS and asks for client certificates. The certificate of [`certificates::CLIENT`] is the
    /// operator's.
    pub async fn with_tls(wire: Wire, configure: impl FnOnce(&mut Config, &Authority)) -> Self {
        let authority = Arc::new(Authority::new());
        let world = Self::at(wire, START.parse().unwrap(), |config| {
            let file = |name: &str| config.data.join(name);
            let (certificate, key, authorities) = (file("server.pem"), file("server.key"), file("authorities.pem"));
            authority.server().write(&certificate, &key);
            std::fs::write(&authorities, authority.pem()).unwrap();
            config.tls_certificate_file = Some(certificate);
            config.tls_key_file = Some(key);
            config.client_ca_file = Some(authorities);
            configure(config, &authority);
        });
        let world = World { authority: Some(authority.clone()), ..world.await };
        world.certify(OPERATOR, certificates::CLIENT);
        world
    }

    /// Gives a principal a certificate's name.
    pub fn certify(&self, arn: &str, identity: &str) {
        let path = principals_file(&self.config.access_directory());
        let line = format!("arn = {arn:?}\n");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(&line), "{text}");
        std::fs::write(&path, text.replace(&line, &format!("{line}certificates = [{identity:?}]\n"))).unwrap();
        self.reload();
    }

    /// How a client with this credential trusts this world.
    pub fn trust(&self, credential: &Credential) -> Option<Trust> {
        let identity = match credential {
            Credential::Certificate(identity) => Some(identity.clone()),
            _ => None,
        };
        self.authority.as_ref().map(|authority| Trust { authority: authority.pem(), identity })
    }

    /// Where an operation is served.
    pub fn address_of(&self, op: Op) -> &str {
        match &self.operator_address {
            Some(address) if op.access() == Access::Operator => address,
            _ => &self.address,
        }
    }

    /// Calls an rpc with a message of any type.
    pub async fn grpc<Q, A>(&self, op: Op, credential: &Credential, message: Q) -> Result<A, tonic::Status>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        match self.trust(credential) {
            None => raw::grpc(self.address_of(op), op, credential, message).await,
            Some(trust) => {
                let unavailable = |error: tonic::transport::Error| tonic::Status::unavailable(format!("{error:?}"));
                let channel = trust.channel(self.address_of(op)).await.map_err(unavailable)?;
                raw::grpc_on(channel, op, credential, message).await
            }
        }
    }

    /// Adds a principal with one policy, written as JSON, and gives it an access key.
    pub fn principal(&self, name: &str, policy: &str) -> AccessKey {
        let policies = policies_directory(&self.config.access_directory());
        std::fs::write(policies.join(format!("{name}.json")), policy).unwrap();
        let arn = format!("arn:aws:iam::000000000000:user/{name}");
        let services = &self.app.services;
        let mut file = KeyFile::open(&self.config.access_directory()).unwrap();
        file.add_principal(&Arn::parse(&arn).unwrap(), &[name]);
        let key = file.create(&arn, &services.sealer, &services.rng, services.clock.now()).unwrap();
        file.save().unwrap();
        self.reload();
        AccessKey { id: key.id, secret: key.secret.expose().clone() }
    }

    /// Looks whether files have changed, as the service does every few seconds.
    pub fn reload(&self) {
        self.reloads.iter().for_each(|each| each.reload());
    }

    /// Every record of the audit trail, once all that was handed over is written. Stops the service.
    pub async fn audit(mut self) -> Vec<serde_json::Value> {
        self.stop.take().map(|stop| stop.send(()));
        self.server.take().unwrap().await.unwrap();
        audit_trail(&self.config.audit_directory())
    }

    /// Takes a backup of the running service, as `cognate backup` does.
    pub async fn back_up(&self) -> Vec<u8> {
        let server = control::server_of(&self.config.data).await.unwrap();
        let mut backup = Vec::new();
        control::ask(server, "backup", &mut backup).await.unwrap();
        backup
    }

    /// Stops the service, and starts another one on what a backup holds, a second later.
    pub async fn restored(self, taken: &[u8]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let config = Config { data: data.clone(), ..self.config.clone() };
        std::fs::create_dir(&data).unwrap();
        std::fs::copy(self.config.key_encryption_key_file(), config.key_encryption_key_file()).unwrap();
        let file = directory.path().join("backup");
        std::fs::write(&file, taken).unwrap();
        let (wire, operator, now) = (self.wire, self.operator.clone(), self.now());
        self.stopped().await;
        let key = BackupKey::new(&KeyEncryptionKey::read(&config.key_encryption_key_file()).unwrap());
        backup::restore(&config, &file, &key, now).await.unwrap();
        let clock = Clock::manual(now + Duration::from_secs(1));
        Self::open(wire, config, Arc::new(directory), clock, Rng::seeded(20_260_109), Some(operator)).await
    }

    /// Stops the service.
    pub async fn stopped(mut self) {
        self.stop.take().map(|stop| stop.send(()));
        self.server.take().unwrap().await.unwrap();
    }

    /// Stops the service and starts it again on the same data, at the same moment.
    pub async fn restarted(mut self) -> Self {
        let now = self.app.services.clock.now();
        let (wire, config, directory, operator) =
            (self.wire, self.config.clone(), self.directory.clone(), self.operator.clone());
        let authority = self.authority.take();
        self.stopped().await;
        // Whoever still holds the store locks its file until it is closed for good.
        let file = std::fs::File::open(config.store_directory().join("db")).unwrap();
        tokio::task::spawn_blocking(move || file.lock().unwrap()).await.unwrap();
        let again = Self::open(wire, config, directory, Clock::manual(now), Rng::seeded(20_260_108), Some(operator));
        World { authority, ..again.await }
    }

    pub fn now(&self) -> Timestamp {
        self.app.services.clock.now()
    }

    /// Lets time pass.
    pub fn advance(&self, step: Duration) {
        self.app.services.clock.advance(step);
    }

    /// Sets the clock, be it back.
    pub fn set_clock(&self, now: Timestamp) {
        if let Clock::Manual(time) = &self.app.services.clock {
            *time.lock().unwrap() = now;
        }
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
        self.call_over(self.wire, credential, request).await
    }

    /// Calls an operation over either wire, whichever the test speaks.
    pub async fn call_over<R>(&self, wire: Wire, credential: &Credential, request: R) -> Result<R::Response, Refusal>
    where
        R: Rpc + prost::Message + Default + Serialize,
        R::Response: prost::Message + Default + FromJson + 'static,
    {
        match wire {
            Wire::Grpc => {
                let reply = self.grpc(R::OP, credential, request).await;
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
            // As SDKs do; without it two equal writes within a second would have one signature.
            ("amz-sdk-invocation-id".to_owned(), self.app.services.rng.uuid().to_string()),
            ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target".to_owned(), target),
        ];
        let address = self.address_of(op);
        headers.extend(raw::aws_headers(address, &headers, &body, credential, self.now(), &self.config.region));
        match self.trust(credential) {
            None => http::post(address, "/", &headers, body).await,
            Some(trust) => http::post_over_tls(&trust, address, &headers, body).await.unwrap(),
        }
    }

    /// Every message sent so far, oldest first.
    pub async fn mail(&self) -> Vec<Mail> {
        self.mail_since(&mut 0).await
    }

    /// Every message that has been written to the outbox file behind this place, oldest first. The place is then behind them.
    pub async fn mail_since(&self, place: &mut usize) -> Vec<Mail> {
        let services = &self.app.services;
        let (store, now) = (&*services.store, services.clock.now());
        let office = Office { store, sealer: &services.sealer, rng: &services.rng, now };
        let ways = Arc::new(Ways::file(self.config.outbox_file()));
        // The service's own task may be before us with one, or have it in hand.
        for _ in 0..1_000 {
            let mut courier = Courier::new(ways.clone(), self.config.outbox_policy());
            deliver_due(&mut courier, &office).await.unwrap();
            let new =
                store.list::<cognate::store::OutboxKey>(cognate::store::OutboxKey::PREFIX, None, 1).await.unwrap();
            let shelved =
                store.list::<cognate::store::RetryKey>(cognate::store::RetryKey::PREFIX, None, 1).await.unwrap();
            if new.is_empty() && shelved.is_empty() {
                break;
            }
            process::pause().await;
        }
        let text = std::fs::read_to_string(self.config.outbox_file()).unwrap_or_default();
        let mut mail: Vec<Mail> = Vec::new();
        for line in text[*place..].lines() {
            let message: Mail = serde_json::from_str(line).unwrap();
            if !mail.iter().any(|known| known.id == message.id) {
                mail.push(message);
            }
        }
        *place = text.len();
        // The service's own task may have written an older one after a newer one of ours.
        mail.sort_by_key(|message| message.time.parse::<jiff::Timestamp>().unwrap());
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
    pub pool: String,
    /// What readers of HTML see; none in a text message.
    pub html: Option<String>,
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
