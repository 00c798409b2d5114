//! `cognate serve`.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use super::{Serve, quickstart, runtime};
use crate::clock::Clock;
use crate::config::{Config, Flags};
use crate::rng::Rng;
use crate::server::{self, CannotServe, DataDirectory, Server};
use crate::telemetry;

pub(super) fn serve(arguments: &Serve) -> Result<(), CannotServe> {
    let allow_plaintext = arguments.allow_plaintext.then_some(true);
    let config = arguments.common.config(Flags { listen: arguments.listen, allow_plaintext, ..Flags::default() })?;
    telemetry::start(&config).map_err(CannotServe)?;
    raise_file_limit();
    runtime()?.block_on(run(&config))
}

async fn run(config: &Config) -> Result<(), CannotServe> {
    let _directory = DataDirectory::take(config)?;
    let bound = server::bind(config).await?;
    let (address, operator_address) = (bound.address()?, bound.operator_address()?);
    let public_url = server::public_url(config, address);
    // An address such as 0.0.0.0 is nowhere that a client could go.
    let endpoint = if address.ip().is_loopback() { server::endpoint(config, address) } else { public_url.clone() };
    let is_new = quickstart::is_due(config);
    if is_new && address.ip().is_loopback() {
        quickstart::begin(config)?;
    }
    let app = server::open(config, public_url, Clock::System, Rng::system())?;
    if is_new && address.ip().is_loopback() {
        quickstart::create(config, &app, &endpoint).await?.print(config);
    } else {
        quickstart::tell_endpoint(config, &app, &endpoint)?;
    }
    let server = Server::prepare(config, app, bound)?;
    let stopping = stop_signal()?;
    println!("Cognate listens on {}", server::endpoint(config, address));
    if let Some(address) = operator_address {
        println!("Cognate serves operators on {}", server::endpoint(config, address));
    }
    server.run(stopping).await
}

/// A connection is an open file, and the soft limit is often 1024: it is there for programs that use `select`.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(cause) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%cause, "the limit of open files stays as it is: connections may find no place");
    }
}

/// Ends at SIGTERM or SIGINT.
fn stop_signal() -> Result<impl Future<Output = ()>, CannotServe> {
    let listen = |kind| signal(kind).map_err(|cause| CannotServe(format!("signals: {cause}")));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
