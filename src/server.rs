//! The composition root: opens the store, builds the services, stacks the layers, serves, drains, stops.

use std::fs::{self, File};
use std::future::Future;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::access::Principals;
use crate::access::audit::trail::Trail;
use crate::api::{self, Op};
use crate::app::App;
use crate::backup::{self, BackupKey};
use crate::clock::Clock;
use crate::config::{self, Config, TlsFiles};
use crate::context::Services;
use crate::control::{Control, Desk};
use crate::crypto::keys::{KeyEncryptionKey, Purpose};
use crate::crypto::secret::Secret;
use crate::delivery::{Courier, Hook, HookSettings, Smtp, SmtpSettings, Way, Ways};
use crate::domain::forwarded::Proxies;
use crate::live::{Live, Reload, Sources, Unusable};
use crate::outbound::Trust;
use crate::rng::Rng;
use crate::store::SledStore;
use crate::tasks::{self, Reloads};
use crate::triggers::{self, Credentials, Destination, Triggers};
use crate::wire::tls::Tls;
use crate::wire::{self, Audience, Gate, Limits, Listener, Listening, connection};

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
    /// Takes the directory, made if it does not exist; refuses if another process has it, or a restore has left half of one.
    pub fn take(config: &Config) -> Result<Self, CannotServe> {
        let directory = Self::take_to_restore(config)?;
        if backup::is_unfinished(config) {
            return Err(CannotServe(format!(
                "{}: a restore was interrupted here; run `cognate restore` again",
                config.data.display()
            )));
        }
        Ok(directory)
    }

    /// The same, where a restore is to be begun, anew perhaps.
    pub fn take_to_restore(config: &Config) -> Result<Self, CannotServe> {
        let cannot = |cause: std::io::Error| CannotServe::because(&config.data.display().to_string(), cause);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.data).map_err(cannot)?;
        let lock = File::create(config.data.join("lock")).map_err(cannot)?;
        lock.try_lock().map_err(|_| {
            CannotServe(format!("{}: another process has this data directory open", config.data.display()))
        })?;
        Ok(DataDirectory { _lock: lock })
    }
}

/// Opens the store alone, made if there is none.
pub fn open_store(config: &Config) -> Result<SledStore, CannotServe> {
    let (cache_bytes, reserve_bytes) = (config.store_cache_mib * 1024 * 1024, config.disk_reserve_mib * 1024 * 1024);
    let opened = SledStore::open_with_reserve(&config.store_directory(), cache_bytes, reserve_bytes);
    opened.map_err(|cause| CannotServe(cause.to_string()))
}

/// Opens the store and puts the services together.
pub fn open(config: &Config, public_url: String, clock: Clock, rng: Rng) -> Result<App, CannotServe> {
    api::prepare();
    let key = key_encryption_key(config)?;
    let store = open_store(config)?;
    let (store, triggers) = (Arc::new(store), triggers(config)?);
    let services = Services::new(config, public_url, &key, store, triggers, clock, rng).map_err(CannotServe)?;
    Ok(App::new(Arc::new(services)))
}

/// The addresses that are served, bound but not yet served.
pub struct Bound {
    pub listener: TcpListener,
    pub operators: Option<TcpListener>,
}

impl Bound {
    /// Where users are served.
    pub fn address(&self) -> Result<SocketAddr, CannotServe> {
        address_of(&self.listener)
    }

    /// Where operators are served, if it is not where users are.
    pub fn operator_address(&self) -> Result<Option<SocketAddr>, CannotServe> {
        self.operators.as_ref().map(address_of).transpose()
    }
}

fn address_of(listener: &TcpListener) -> Result<SocketAddr, CannotServe> {
    listener.local_addr().map_err(|cause| CannotServe(cause.to_string()))
}

/// Binds the addresses, unless that would show plaintext to others without leave.
pub async fn bind(config: &Config) -> Result<Bound, CannotServe> {
    let has_tls = tls_files(config)?;
    let listener = bind_one("listen", config.listen, has_tls.0.is_some() || config.allow_plaintext).await?;
    if !config.listen.ip().is_loopback() && config.public_url.is_none() {
        return Err(CannotServe(
            "public_url: say under which URL clients reach this server; tokens name it as issuer".into(),
        ));
    }
    if !config.listen.ip().is_loopback() && config.smtp_host.is_none() && config.outbox_file.is_none() {
        return Err(CannotServe(
            "smtp_host: say which server takes mail, or by outbox_file that a file does; codes reach users by it"
                .into(),
        ));
    }
    let operators = match config.operator_listen {
        Some(address) => {
            Some(bind_one("operator_listen", address, has_tls.1.is_some() || config.allow_plaintext).await?)
        }
        None => None,
    };
    Ok(Bound { listener, operators })
}

async fn bind_one(setting: &str, address: SocketAddr, may_be_seen: bool) -> Result<TcpListener, CannotServe> {
    if !address.ip().is_loopback() && !may_be_seen {
        return Err(CannotServe(format!(
            "{setting} {address}: plaintext is served on loopback only; give tls_certificate_file and tls_key_file, \
             or put TLS in front and say --allow-plaintext if you mean it"
        )));
    }
    TcpListener::bind(address).await.map_err(|cause| CannotServe::because(&format!("{setting} {address}"), cause))
}

/// The certificates of users' and of operators' listener.
fn tls_files(config: &Config) -> Result<(Option<TlsFiles>, Option<TlsFiles>), CannotServe> {
    let refuse = |invalid: config::Invalid| CannotServe(invalid.to_string());
    Ok((config.tls().map_err(refuse)?, config.operator_tls().map_err(refuse)?))
}

/// The base of issuers: as configured, or the address itself.
pub fn public_url(config: &Config, address: SocketAddr) -> String {
    config.public_url.clone().unwrap_or_else(|| endpoint(config, address))
}

/// An address as clients name it.
pub fn endpoint(config: &Config, address: SocketAddr) -> String {
    let scheme = if config.tls_certificate_file.is_some() { "https" } else { "http" };
    format!("{scheme}://{address}")
}

/// Everything that is needed to serve.
pub struct Server {
    app: App,
    principals: Arc<Live<Principals>>,
    listeners: Vec<Listener>,
    courier: Courier,
    trail: Trail,
    control: Option<(Control, Arc<Desk>)>,
    reloads: Reloads,
    limits: Limits,
    proxies: Proxies,
    bounds: connection::Bounds,
}

impl Server {
    /// Reads who the operators are and what the listeners need, and opens the audit trail.
    pub fn prepare(config: &Config, app: App, bound: Bound) -> Result<Self, CannotServe> {
        let refuse = |cause: Unusable| CannotServe(cause.to_string());
        let (services, directory) = (app.services.clone(), config.access_directory());
        let read = move |sources: &mut Sources| Principals::read(&directory, &services.sealer, sources);
        let principals = Arc::new(Live::read("principals and policies", read).map_err(refuse)?);
        let listen = |socket, audience, files: Option<TlsFiles>| {
            let tls = files.map(|files| Tls::live(files, app.services.clone())).transpose().map_err(refuse)?;
            Ok(Listener { socket, service: Arc::new(Listening { audience, tls: tls.map(Arc::new) }) })
        };
        let (tls, operator_tls) = tls_files(config)?;
        let mut listeners = Vec::new();
        match bound.operators {
            None => listeners.push(listen(bound.listener, Audience::Everybody, tls)?),
            Some(operators) => {
                listeners.push(listen(bound.listener, Audience::Users, tls)?);
                listeners.push(listen(operators, Audience::Operators, operator_tls)?);
            }
        }
        let trail = open_trail(config)?;
        let mut files: Vec<Arc<dyn Reload>> = vec![principals.clone()];
        files.extend(app.services.triggers.files());
        for listener in &listeners {
            files.extend(listener.service.tls.clone().map(|tls| tls as Arc<dyn Reload>));
        }
        let reloads = Reloads::new(files, Duration::from_secs(config.reload_seconds));
        Ok(Server {
            principals,
            listeners,
            trail,
            control: control(config, &app)?,
            courier: Courier::new(Arc::new(ways(config, &app.services.public_url)?), config.outbox_policy()),
            reloads: reloads.map_err(|cause| CannotServe::because("signals", cause))?,
            limits: Limits { body_bytes_max: config.body_bytes_max, request_timeout: config.request_timeout() },
            proxies: Proxies { trusted: config.trusted_proxies.clone(), header: config.forwarded_header },
            bounds: connection::Bounds::from(config),
            app,
        })
    }

    /// What is read again when it changes.
    pub fn reloads(&self) -> Vec<Arc<dyn Reload>> {
        self.reloads.files()
    }

    /// Serves until `stopping` ends, then drains: no new work, then no work.
    pub async fn run(self, stopping: impl Future<Output = ()>) -> Result<(), CannotServe> {
        let Server { app, principals, listeners, courier, trail, control, reloads, limits, proxies, bounds } = self;
        let gate = Gate { app: app.clone(), principals, signatures: Arc::default(), limits, proxies };
        let (mut health, health_service) = tonic_health::server::health_reporter();
        for service in services() {
            health.set_service_status(service, tonic_health::ServingStatus::Serving).await;
        }
        let service = wire::service(gate, health_service).map_err(|cause| CannotServe::because("reflection", cause))?;

        let (stop, stopped) = watch::channel(false);
        let mut jobs = tasks::start(&app.services, courier, reloads, &stopped);
        if let Some((control, desk)) = control {
            jobs.spawn(control.run(desk, stopped.clone()));
        }
        let (drained, all_is_done) = watch::channel(false);
        let auditor = tokio::spawn(tasks::audit(app.clone(), trail, all_is_done));
        let mut serving = JoinSet::new();
        for listener in listeners {
            serving.spawn(connection::serve(listener, service.clone(), bounds, stopped.clone()));
        }
        tokio::select! {
            _ = serving.join_next() => return Err(CannotServe("a listener ended by itself".into())),
            () = stopping => {}
        }
        tracing::info!("stopping: requests in flight may finish");
        for service in services().chain([THE_SERVER]) {
            health.set_service_status(service, tonic_health::ServingStatus::NotServing).await;
            // Who watches is told so, and let go: a watch is a request that would never finish.
            health.clear_service_status(service).await;
        }
        let _ = stop.send(true);
        while serving.join_next().await.is_some() {}
        while jobs.join_next().await.is_some() {}
        // Last of all: the records of the last requests.
        let _ = drained.send(true);
        let _ = auditor.await;
        tracing::info!("stopped");
        Ok(())
    }
}

/// How messages leave: by the mail server and the hook that the settings name, or else into the outbox file.
fn ways(config: &Config, public_url: &str) -> Result<Ways, CannotServe> {
    let timeout = Duration::from_secs(config.delivery_timeout_seconds);
    let secret = |setting: &str, path: &Option<PathBuf>| path.as_ref().map(|path| secret_of(setting, path)).transpose();
    let hook = |url: &String| {
        let secret = secret("sms_secret_file", &config.sms_secret_file)?;
        let hook = Hook::new(HookSettings { url: url.clone(), secret, timeout }).map_err(CannotServe)?;
        Ok::<_, CannotServe>(Way::Hook(Box::new(hook)))
    };
    let hook = config.sms_url.as_ref().map(hook).transpose()?;
    let text_messages = if hook.is_some() { "by the hook" } else { "not at all" };
    let Some(host) = &config.smtp_host else {
        let file = config.outbox_file();
        let text_messages = if hook.is_some() { text_messages } else { "into the outbox file" };
        tracing::info!(file = %file.display(), text_messages, "mail goes into the outbox file");
        let ways = Ways::file(file);
        return Ok(if hook.is_some() { Ways { sms: hook, ..ways } } else { ways });
    };
    tracing::info!(host, text_messages, "mail goes by SMTP");
    let read = |path: &PathBuf| {
        fs::read(path).map_err(|cause| CannotServe::because(&format!("smtp_ca_file {}", path.display()), cause))
    };
    let smtp = Smtp::new(SmtpSettings {
        host: host.clone(),
        port: if config.smtp_port == 0 { config.smtp_security.port() } else { config.smtp_port },
        security: config.smtp_security,
        login: config.smtp_username.clone().zip(secret("smtp_password_file", &config.smtp_password_file)?),
        authorities: config.smtp_ca_file.as_ref().map(read).transpose()?,
        timeout,
        from: config.mail_from.clone().unwrap_or_default(),
        hello: public_url.parse::<http::Uri>().ok().and_then(|url| url.host().map(str::to_owned)).unwrap_or_default(),
        connections_max: config.deliveries_max,
    });
    Ok(Ways { email: Way::Smtp(Box::new(smtp.map_err(CannotServe)?)), sms: hook })
}

/// The functions that pools' triggers can name.
fn triggers(config: &Config) -> Result<Triggers, CannotServe> {
    let mut destinations = Vec::new();
    for (arn, binding) in &config.triggers {
        let refuse = |problem: &str| CannotServe(format!("triggers.\"{arn}\": {problem}"));
        let destination = match (&binding.url, &binding.lambda, &binding.credentials_file) {
            (Some(url), ..) => {
                let secret = binding.secret_file.as_ref().map(|path| secret_of("secret_file", path));
                let secret = secret.transpose().map_err(|cause| refuse(&cause.0))?;
                Destination::Endpoint { url: url.clone(), secret }
            }
            (None, Some(api), Some(file)) => {
                let region = binding.region_for(arn).ok_or_else(|| refuse("region: is needed"))?;
                let file = file.clone();
                let read = move |sources: &mut Sources| Credentials::read(&file, sources);
                let credentials = Live::read("credentials of a trigger", read);
                let credentials = credentials.map_err(|cause| refuse(&format!("credentials_file: {cause}")))?;
                Destination::Lambda { api: api.clone(), region, credentials: Arc::new(credentials) }
            }
            _ => return Err(refuse("needs url or lambda")),
        };
        destinations.push((arn.clone(), destination));
    }
    let read = |path: &PathBuf| {
        fs::read(path).map_err(|cause| CannotServe::because(&format!("trigger_ca_file {}", path.display()), cause))
    };
    let authorities = config.trigger_ca_file.as_ref().map(read).transpose()?;
    let trust = Trust::new(authorities.as_deref());
    Triggers::new(triggers::Settings {
        destinations,
        limits: triggers::Limits {
            timeout: Duration::from_millis(config.trigger_timeout_milliseconds),
            calls_max: config.trigger_calls_max,
            allows_private_addresses: config.trigger_allow_private_addresses,
        },
        trust: trust.map_err(|cause| CannotServe::because("trigger_ca_file", cause))?,
    })
    .map_err(CannotServe)
}

/// What stands in a secret's file, without the line's end.
fn secret_of(setting: &str, path: &Path) -> Result<Secret<String>, CannotServe> {
    let place = format!("{setting} {}", path.display());
    let text = Secret::new(fs::read_to_string(path).map_err(|cause| CannotServe::because(&place, cause))?);
    match text.expose().trim_end_matches(['\r', '\n']) {
        "" => Err(CannotServe(format!("{place}: is empty"))),
        secret => Ok(Secret::new(secret.to_owned())),
    }
}

/// The socket for commands. A server serves without it too.
fn control(config: &Config, app: &App) -> Result<Option<(Control, Arc<Desk>)>, CannotServe> {
    let desk = Desk {
        services: app.services.clone(),
        access_directory: config.access_directory(),
        backup_key: BackupKey::new(&key_encryption_key(config)?),
    };
    match Control::bind(&config.data) {
        Ok(control) => Ok(Some((control, Arc::new(desk)))),
        Err(cause) => {
            tracing::warn!(%cause, "there is no control socket: backups can be taken only while the server is stopped");
            Ok(None)
        }
    }
}

/// Opens the audit trail for writing.
fn open_trail(config: &Config) -> Result<Trail, CannotServe> {
    let key = audit_key(config)?;
    let trail = Trail::open(&config.audit_directory(), key, config.audit_file_bytes());
    trail.map_err(|cause| CannotServe(format!("audit trail: {cause}; `cognate audit verify` tells more")))
}

/// The key of the audit trail's chain.
pub fn audit_key(config: &Config) -> Result<Secret<[u8; 32]>, CannotServe> {
    key_encryption_key(config).map(|key| key.derive(Purpose::Audit))
}

/// Reads the key-encryption key.
pub fn key_encryption_key(config: &Config) -> Result<KeyEncryptionKey, CannotServe> {
    let key_file = config.key_encryption_key_file();
    KeyEncryptionKey::read(&key_file).map_err(|cause| {
        let hint = if cause.kind() == std::io::ErrorKind::NotFound { "; `cognate init` makes one" } else { "" };
        CannotServe(format!("key_encryption_key_file {}: {cause}{hint}", key_file.display()))
    })
}

/// The name under which the health of the whole server is asked for.
const THE_SERVER: &str = "";

/// The names of the services, each once.
fn services() -> impl Iterator<Item = &'static str> {
    let mut names: Vec<_> = Op::ALL.iter().map(|op| op.service()).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter()
}
