//! The composition root: opens the store, builds the services, stacks the layers, serves, drains, stops.

use std::fs::File;
use std::future::Future;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::access::Principals;
use crate::api::{self, Op};
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::context::Services;
use crate::crypto::keys::KeyEncryptionKey;
use crate::delivery::OutboxFile;
use crate::rng::Rng;
use crate::store::SledStore;
use crate::tasks;
use crate::wire::{self, Gate, Limits, connection};

/// Why the server cannot run, for a person to read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CannotServe(pub String);

impl CannotServe {
    fn because(what: &str, cause: impl std::fmt::Display) -> Self {
        CannotServe(format!("{what}: {cause}"))
    }
}

/// A data directory that this process alone has open.
pub struct DataDirectory {
    _lock: File,
}

impl DataDirectory {
    /// Takes the directory, made if it does not exist; refuses if another process has it.
    pub fn take(config: &Config) -> Result<Self, CannotServe> {
        let cannot = |cause: std::io::Error| CannotServe::because(&config.data.display().to_string(), cause);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.data).map_err(cannot)?;
        let lock = File::create(config.data.join("lock")).map_err(cannot)?;
        lock.try_lock().map_err(|_| {
            CannotServe(format!("{}: another process has this data directory open", config.data.display()))
        })?;
        Ok(DataDirectory { _lock: lock })
    }
}

/// Opens the store and puts the services together.
pub fn open(config: &Config, public_url: String, clock: Clock, rng: Rng) -> Result<App, CannotServe> {
    api::prepare();
    let key_file = config.key_encryption_key_file();
    let key = KeyEncryptionKey::read(&key_file).map_err(|cause| {
        let hint = if cause.kind() == std::io::ErrorKind::NotFound { "; `cognate init` makes one" } else { "" };
        CannotServe(format!("key_encryption_key_file {}: {cause}{hint}", key_file.display()))
    })?;
    let store = SledStore::open(&config.store_directory(), config.store_cache_mib * 1024 * 1024)
        .map_err(|cause| CannotServe(cause.to_string()))?;
    let services = Services::new(config, public_url, &key, Arc::new(store), clock, rng).map_err(CannotServe)?;
    Ok(App::new(Arc::new(services)))
}

/// Binds the address, unless it would show plaintext to others without leave.
pub async fn bind(config: &Config) -> Result<TcpListener, CannotServe> {
    let address = config.listen;
    if !address.ip().is_loopback() && !config.allow_plaintext {
        return Err(CannotServe(format!(
            "listen {address}: plaintext is served on loopback only; put TLS in front and say --allow-plaintext if you mean it"
        )));
    }
    if !address.ip().is_loopback() && config.public_url.is_none() {
        return Err(CannotServe(
            "public_url: say under which URL clients reach this server; tokens name it as issuer".into(),
        ));
    }
    TcpListener::bind(address).await.map_err(|cause| CannotServe::because(&format!("listen {address}"), cause))
}

/// The base of issuers: as configured, or the address itself.
pub fn public_url(config: &Config, address: SocketAddr) -> String {
    config.public_url.clone().unwrap_or_else(|| format!("http://{address}"))
}

/// Reads who the operators are.
pub fn principals(config: &Config, app: &App) -> Result<Principals, CannotServe> {
    let read = Principals::read(&config.principals_file(), &app.services.sealer);
    read.map_err(|cause| CannotServe(cause.to_string()))
}

/// Serves until `stopping` ends, then drains: no new work, then no work.
pub async fn run(
    config: &Config,
    app: App,
    principals: Principals,
    listener: TcpListener,
    stopping: impl Future<Output = ()>,
) -> Result<(), CannotServe> {
    let limits = Limits { body_bytes_max: config.body_bytes_max, request_timeout: config.request_timeout() };
    let gate = Gate { app: app.clone(), principals: Arc::new(principals), limits };
    let (health, health_service) = tonic_health::server::health_reporter();
    for service in services() {
        health.set_service_status(service, tonic_health::ServingStatus::Serving).await;
    }
    let router = wire::router(gate, health_service).map_err(|cause| CannotServe::because("reflection", cause))?;

    let (stop, stopped) = watch::channel(false);
    let mut jobs = tasks::start(&app.services, OutboxFile::new(config.outbox_file()), &stopped);
    let serving = connection::serve(listener, router, connection::Bounds::from(config), stopped);
    tokio::pin!(serving);
    tokio::select! {
        () = &mut serving => return Err(CannotServe("the listener ended by itself".into())),
        () = stopping => {}
    }
    tracing::info!("stopping: requests in flight may finish");
    for service in services() {
        health.set_service_status(service, tonic_health::ServingStatus::NotServing).await;
    }
    let _ = stop.send(true);
    serving.await;
    while jobs.join_next().await.is_some() {}
    tracing::info!("stopped");
    Ok(())
}

/// The names of the services, each once.
fn services() -> impl Iterator<Item = &'static str> {
    let mut names: Vec<_> = Op::ALL.iter().map(|op| op.service()).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter()
}
