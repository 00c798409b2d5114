//! Every setting, read once: from a TOML file, then from `COGNATE_…` environment variables, then from flags. Nothing else
//! reads the environment. An unknown setting is an error that names the nearest known one.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::providers::{Env, Format as _, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::delivery::{Policy, Security};
use crate::domain::forwarded::ForwardedHeader;
use crate::outbound::is_private;
use crate::triggers::Binding;

/// The settings of a server. Field names are the names in the file; in the environment they are upper case after
/// `COGNATE_`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The directory of everything that must last.
    pub data: PathBuf,
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The base of every pool's issuer, as clients see it; by default `http://` and the address listened on.
    pub public_url: Option<String>,
    /// The first part of new pools' ids and the region of signatures.
    pub region: String,
    /// The twelve digits in Amazon resource names.
    pub account: String,
    /// Serve plaintext on an address that is not loopback.
    pub allow_plaintext: bool,
    /// The server's certificate and its chain, PEM; with it and its key, TLS is served and nothing else.
    pub tls_certificate_file: Option<PathBuf>,
    /// The private key of `tls_certificate_file`, PEM.
    pub tls_key_file: Option<PathBuf>,
    /// The authorities of client certificates, PEM; with them clients are asked for one.
    pub client_ca_file: Option<PathBuf>,
    /// Revocation lists of `client_ca_file`, PEM; what no list in force speaks of is refused.
    pub client_crl_file: Option<PathBuf>,
    /// Refuse clients without a certificate in the handshake.
    pub client_certificate_required: bool,
    /// Where operators are served, and nobody else; `listen` is then for users alone.
    pub operator_listen: Option<SocketAddr>,
    /// The certificate of `operator_listen`; by default that of `listen`.
    pub operator_tls_certificate_file: Option<PathBuf>,
    /// The private key of `operator_tls_certificate_file`.
    pub operator_tls_key_file: Option<PathBuf>,
    /// As `client_ca_file`, for `operator_listen`.
    pub operator_client_ca_file: Option<PathBuf>,
    /// As `client_crl_file`, for `operator_listen`.
    pub operator_client_crl_file: Option<PathBuf>,
    /// As `client_certificate_required`, for `operator_listen`.
    pub operator_client_certificate_required: bool,
    /// How often certificates, principals and policies are looked at for changes, in seconds; SIGHUP does it at once.
    pub reload_seconds: u64,
    /// The key-encryption key; by default `key-encryption-key` in `data`.
    pub key_encryption_key_file: Option<PathBuf>,
    /// The principals and their policies; by default `access` in `data`.
    pub access_directory: Option<PathBuf>,
    /// The audit trail; by default `audit` in `data`.
    pub audit_directory: Option<PathBuf>,
    /// When a file of the audit trail is as large, the next one is begun, in MiB.
    pub audit_file_mib: u64,
    /// Where messages are delivered as JSON lines, without `smtp_host`; by default `outbox.jsonl` in `data`.
    pub outbox_file: Option<PathBuf>,
    /// The mail server; with it, mail goes there and to no file.
    pub smtp_host: Option<String>,
    /// Its port; 0 means 587, 465 or 25, as `smtp_security` says.
    pub smtp_port: u16,
    /// `starttls`, `tls` or `none`.
    pub smtp_security: Security,
    /// Speak to a mail server on another machine in the clear.
    pub smtp_allow_plaintext: bool,
    /// The name with which to log in there.
    pub smtp_username: Option<String>,
    /// The file that holds the password of `smtp_username`.
    pub smtp_password_file: Option<PathBuf>,
    /// The authorities of the mail server's certificate, PEM; by default those that browsers trust.
    pub smtp_ca_file: Option<PathBuf>,
    /// From whom mail comes, if the pool does not say.
    pub mail_from: Option<String>,
    /// Where text messages are posted.
    pub sms_url: Option<String>,
    /// The file that holds the bearer secret for `sms_url`.
    pub sms_secret_file: Option<PathBuf>,
    /// Deliveries under way at one time.
    pub deliveries_max: usize,
    /// How long a delivery may take, in seconds; connecting comes on top.
    pub delivery_timeout_seconds: u64,
    /// How long a message is tried, in hours.
    pub delivery_give_up_hours: u64,
    /// How long a message that was given up is kept, in days.
    pub dead_letter_days: u64,
    /// Messages that were given up and are kept.
    pub dead_letters_max: usize,
    /// Where the functions are that pools ask, by their ARNs.
    pub triggers: BTreeMap<String, Binding>,
    /// How long one try of a function may take, in milliseconds.
    pub trigger_timeout_milliseconds: u64,
    /// Calls of one function under way at one time; more are refused with TooManyRequestsException.
    pub trigger_calls_max: usize,
    /// Ask functions on private networks too, there also in the clear.
    pub trigger_allow_private_addresses: bool,
    /// The authorities of the functions' certificates, PEM; by default those that browsers trust.
    pub trigger_ca_file: Option<PathBuf>,
    /// The store's cache, in MiB; it should fit the users who are active.
    pub store_cache_mib: u64,
    /// What of the store's disk is kept free, in MiB, and as much in the file `reserve`; below it, writes are refused.
    pub disk_reserve_mib: u64,
    /// argon2id's memory for one hash, in KiB.
    pub password_hash_memory_kib: u32,
    /// argon2id's passes over its memory.
    pub password_hash_iterations: u32,
    /// Hashing threads; 0 means one for each core.
    pub password_hash_threads: usize,
    /// Sign-ins and sign-ups that may wait to hash; more are refused with TooManyRequestsException.
    pub password_hash_queue_max: usize,
    /// How long one may wait before it is refused, in seconds.
    pub password_hash_wait_seconds: u64,
    /// Messages with codes that one user may be sent in an hour, for whatever purpose.
    pub messages_per_user_hour_max: u32,
    /// Messages with codes that the users of one pool together may be sent in an hour.
    pub messages_per_pool_hour_max: u32,
    /// The networks of the proxies that are believed when they say for whom they ask.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they say so: `x-forwarded-for`, or `forwarded` as in RFC 7239.
    pub forwarded_header: ForwardedHeader,
    /// Requests without a credential that one address (of IPv6, 64 bits of it) may make in a minute; 0 for any number.
    pub address_requests_per_minute: u32,
    /// How many of them it may make at once.
    pub address_requests_burst: u32,
    /// Requests without a credential that one client's users may make in a minute; 0 for any number.
    pub client_requests_per_minute: u32,
    /// How many of them they may make at once.
    pub client_requests_burst: u32,
    /// Requests without a credential that one pool's users may make in a minute; 0 for any number.
    pub pool_requests_per_minute: u32,
    /// How many of them they may make at once.
    pub pool_requests_burst: u32,
    /// Count such requests from this machine too.
    pub limit_loopback: bool,
    /// The largest request body, in bytes.
    pub body_bytes_max: usize,
    /// The largest set of request headers, in bytes.
    pub header_bytes_max: u32,
    /// Requests in flight on one HTTP/2 connection.
    pub concurrent_streams_max: u32,
    /// Connections at one time; further ones wait.
    pub connections_max: usize,
    /// How long a connection may take to say which HTTP it speaks, in seconds.
    pub handshake_timeout_seconds: u64,
    /// How long a request's headers may take, and over HTTP/1.1 a connection's wait for the next request, in seconds.
    pub header_timeout_seconds: u64,
    /// How long a request may take, in seconds.
    pub request_timeout_seconds: u64,
    /// How long a connection may be silent, in seconds; more than `request_timeout_seconds`.
    pub idle_timeout_seconds: u64,
    /// How long requests in flight may take when the server stops, in seconds.
    pub drain_timeout_seconds: u64,
    /// What to log: `error`, `warn`, `info` or `debug` of the server itself, or a filter such as `info,cognate=debug`.
    pub log: String,
    /// `auto`, `text` or `json`; `auto` is text on a terminal.
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Auto,
    Text,
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            data: "cognate-data".into(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9229)),
            public_url: None,
            region: "us-east-1".into(),
            account: "000000000000".into(),
            allow_plaintext: false,
            tls_certificate_file: None,
            tls_key_file: None,
            client_ca_file: None,
            client_crl_file: None,
            client_certificate_required: false,
            operator_listen: None,
            operator_tls_certificate_file: None,
            operator_tls_key_file: None,
            operator_client_ca_file: None,
            operator_client_crl_file: None,
            operator_client_certificate_required: false,
            reload_seconds: 2,
            key_encryption_key_file: None,
            access_directory: None,
            audit_directory: None,
            audit_file_mib: 64,
            outbox_file: None,
            smtp_host: None,
            smtp_port: 0,
            smtp_security: Security::Starttls,
            smtp_allow_plaintext: false,
            smtp_username: None,
            smtp_password_file: None,
            smtp_ca_file: None,
            mail_from: None,
            sms_url: None,
            sms_secret_file: None,
            deliveries_max: 8,
            delivery_timeout_seconds: 30,
            delivery_give_up_hours: 24,
            dead_letter_days: 30,
            dead_letters_max: 10_000,
            triggers: BTreeMap::new(),
            trigger_timeout_milliseconds: 5_000,
            trigger_calls_max: 256,
            trigger_allow_private_addresses: false,
            trigger_ca_file: None,
            store_cache_mib: 256,
            disk_reserve_mib: 16,
            password_hash_memory_kib: 19 * 1024,
            password_hash_iterations: 2,
            password_hash_threads: 0,
            password_hash_queue_max: 512,
            password_hash_wait_seconds: 5,
            messages_per_user_hour_max: 20,
            messages_per_pool_hour_max: 10_000,
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::XForwardedFor,
            address_requests_per_minute: 3_000,
            address_requests_burst: 1_000,
            client_requests_per_minute: 60_000,
            client_requests_burst: 10_000,
            pool_requests_per_minute: 120_000,
            pool_requests_burst: 20_000,
            limit_loopback: false,
            body_bytes_max: 1024 * 1024,
            header_bytes_max: 16 * 1024,
            concurrent_streams_max: 256,
            connections_max: 10_000,
            handshake_timeout_seconds: 10,
            header_timeout_seconds: 10,
            request_timeout_seconds: 30,
            idle_timeout_seconds: 90,
            drain_timeout_seconds: 30,
            log: "info".into(),
            log_format: LogFormat::Auto,
        }
    }
}

/// What the command line says about settings.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Flags {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_plaintext: Option<bool>,
}

/// Why the settings cannot be used, naming the setting.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(String);

const PREFIX: &str = "COGNATE_";

impl Config {
    /// Reads the settings; later sources win over earlier ones.
    pub fn read(file: Option<&Path>, flags: &Flags) -> Result<Self, Invalid> {
        let mut figment = Figment::new();
        if let Some(path) = file {
            if !path.is_file() {
                return Err(Invalid(format!("the configuration file {} does not exist", path.display())));
            }
            figment = figment.merge(Toml::file_exact(path));
        }
        let figment = figment.merge(Environment(Env::prefixed(PREFIX))).merge(Serialized::defaults(flags));
        refuse_unknown(&figment)?;
        let figment = Figment::from(Serialized::defaults(Config::default())).merge(figment);
        let config: Config = figment.extract().map_err(|error| Invalid(error.to_string()))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), Invalid> {
        let refuse = |condition: bool, message: &str| if condition { Err(Invalid(message.to_owned())) } else { Ok(()) };
        let is_region = !self.region.is_empty()
            && self.region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        refuse(!is_region, "region: must be lower-case letters, digits and dashes, such as us-east-1")?;
        let is_account = self.account.len() == 12 && self.account.bytes().all(|byte| byte.is_ascii_digit());
        refuse(!is_account, "account: must be twelve digits")?;
        refuse(self.data.as_os_str().is_empty(), "data: must name a directory")?;
        refuse(
            self.public_url.as_deref().is_some_and(|url| !is_base_url(url)),
            "public_url: must begin with http:// or https:// and a host, and not end with a slash",
        )?;
        self.refuse_numbers_out_of_bounds()?;
        refuse(
            self.idle_timeout_seconds <= self.request_timeout_seconds,
            "idle_timeout_seconds: must be more than request_timeout_seconds, or slow requests lose their connection",
        )?;
        refuse(
            self.operator_listen.is_none() && self.says_something_of_operators(),
            "operator_listen: is needed by the other settings that begin with operator_",
        )?;
        self.tls()?;
        self.operator_tls()?;
        for (arn, binding) in &self.triggers {
            let checked = binding.check(arn, self.trigger_allow_private_addresses);
            checked.map_err(|problem| Invalid(format!("triggers.\"{arn}\": {problem}")))?;
        }
        self.check_ways_out()
    }

    /// One way out for mail, and what it needs.
    fn check_ways_out(&self) -> Result<(), Invalid> {
        let needs = |holds: bool, message: &str| if holds { Ok(()) } else { Err(Invalid(message.to_owned())) };
        let Some(host) = &self.smtp_host else {
            let smtp = [
                ("smtp_port", self.smtp_port != 0),
                ("smtp_username", self.smtp_username.is_some()),
                ("smtp_password_file", self.smtp_password_file.is_some()),
                ("smtp_ca_file", self.smtp_ca_file.is_some()),
                ("mail_from", self.mail_from.is_some()),
            ];
            if let Some((name, _)) = smtp.into_iter().find(|(_, is_said)| *is_said) {
                return Err(Invalid(format!("{name}: needs smtp_host")));
            }
            return self.check_hook();
        };
        needs(!host.is_empty(), "smtp_host: must name a server")?;
        needs(self.outbox_file.is_none(), "outbox_file: mail goes to smtp_host already; say one of them")?;
        needs(self.mail_from.is_some(), "smtp_host: needs mail_from")?;
        let is_local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        needs(
            self.smtp_security != Security::None || is_local || self.smtp_allow_plaintext,
            "smtp_security: none is for a mail server on this machine; say smtp_allow_plaintext if you mean it",
        )?;
        match (&self.smtp_username, &self.smtp_password_file) {
            (Some(_), None) => return Err(Invalid("smtp_username: needs smtp_password_file".to_owned())),
            (None, Some(_)) => return Err(Invalid("smtp_password_file: needs smtp_username".to_owned())),
            _ => {}
        }
        self.check_hook()
    }

    fn check_hook(&self) -> Result<(), Invalid> {
        match &self.sms_url {
            None if self.sms_secret_file.is_some() => Err(Invalid("sms_secret_file: needs sms_url".to_owned())),
            Some(url) if !is_private(url) => {
                Err(Invalid("sms_url: must begin with https://, or with http:// and name this machine".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Beyond these bounds a number is a slip: a server with it would serve nobody, or not even start.
    fn refuse_numbers_out_of_bounds(&self) -> Result<(), Invalid> {
        const DAY_SECONDS: u64 = 24 * 60 * 60;
        const TEBIBYTE_MIB: u64 = 1024 * 1024;
        const RATE_MAX: u64 = 1_000_000_000;
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let settings = [
            ("reload_seconds", self.reload_seconds, 1..=DAY_SECONDS),
            ("audit_file_mib", self.audit_file_mib, 1..=TEBIBYTE_MIB),
            ("deliveries_max", count(self.deliveries_max), 1..=1000),
            ("delivery_timeout_seconds", self.delivery_timeout_seconds, 1..=DAY_SECONDS),
            ("delivery_give_up_hours", self.delivery_give_up_hours, 1..=24 * 365),
            ("dead_letter_days", self.dead_letter_days, 1..=3650),
            ("dead_letters_max", count(self.dead_letters_max), 1..=1_000_000),
            ("trigger_timeout_milliseconds", self.trigger_timeout_milliseconds, 100..=60_000),
            ("trigger_calls_max", count(self.trigger_calls_max), 1..=100_000),
            ("store_cache_mib", self.store_cache_mib, 1..=TEBIBYTE_MIB),
            ("disk_reserve_mib", self.disk_reserve_mib, 1..=TEBIBYTE_MIB),
            ("password_hash_memory_kib", self.password_hash_memory_kib.into(), 8..=4 * 1024 * 1024),
            ("password_hash_iterations", self.password_hash_iterations.into(), 1..=1000),
            ("password_hash_threads", count(self.password_hash_threads), 0..=1024),
            ("password_hash_queue_max", count(self.password_hash_queue_max), 1..=1_000_000),
            ("password_hash_wait_seconds", self.password_hash_wait_seconds, 1..=DAY_SECONDS),
            ("messages_per_user_hour_max", self.messages_per_user_hour_max.into(), 1..=1_000_000),
            ("messages_per_pool_hour_max", self.messages_per_pool_hour_max.into(), 1..=1_000_000_000),
            ("address_requests_per_minute", self.address_requests_per_minute.into(), 0..=RATE_MAX),
            ("address_requests_burst", self.address_requests_burst.into(), 1..=RATE_MAX),
            ("client_requests_per_minute", self.client_requests_per_minute.into(), 0..=RATE_MAX),
            ("client_requests_burst", self.client_requests_burst.into(), 1..=RATE_MAX),
            ("pool_requests_per_minute", self.pool_requests_per_minute.into(), 0..=RATE_MAX),
            ("pool_requests_burst", self.pool_requests_burst.into(), 1..=RATE_MAX),
            ("body_bytes_max", count(self.body_bytes_max), 1024..=1024 * 1024 * 1024),
            ("header_bytes_max", self.header_bytes_max.into(), 8 * 1024..=1024 * 1024),
            ("concurrent_streams_max", self.concurrent_streams_max.into(), 1..=1_000_000),
            ("connections_max", count(self.connections_max), 1..=1_000_000),
            ("handshake_timeout_seconds", self.handshake_timeout_seconds, 1..=DAY_SECONDS),
            ("header_timeout_seconds", self.header_timeout_seconds, 1..=DAY_SECONDS),
            ("request_timeout_seconds", self.request_timeout_seconds, 1..=DAY_SECONDS),
            ("idle_timeout_seconds", self.idle_timeout_seconds, 1..=DAY_SECONDS),
            ("drain_timeout_seconds", self.drain_timeout_seconds, 0..=DAY_SECONDS),
        ];
        match settings.into_iter().find(|(_, number, bounds)| !bounds.contains(number)) {
            Some((name, _, bounds)) => {
                Err(Invalid(format!("{name}: must be from {} to {}", bounds.start(), bounds.end())))
            }
            None => Ok(()),
        }
    }

    pub fn key_encryption_key_file(&self) -> PathBuf {
        self.key_encryption_key_file.clone().unwrap_or_else(|| self.data.join("key-encryption-key"))
    }

    fn says_something_of_operators(&self) -> bool {
        let files = [
            &self.operator_tls_certificate_file,
            &self.operator_tls_key_file,
            &self.operator_client_ca_file,
            &self.operator_client_crl_file,
        ];
        files.iter().any(|file| file.is_some()) || self.operator_client_certificate_required
    }

    /// How `listen` speaks TLS, if it does.
    pub fn tls(&self) -> Result<Option<TlsFiles>, Invalid> {
        let own = (&self.tls_certificate_file, &self.tls_key_file);
        let clients = (&self.client_ca_file, &self.client_crl_file, self.client_certificate_required);
        tls_files("", own, clients)
    }

    /// How `operator_listen` speaks TLS, if it does.
    pub fn operator_tls(&self) -> Result<Option<TlsFiles>, Invalid> {
        let has_own = self.operator_tls_certificate_file.is_some() || self.operator_tls_key_file.is_some();
        let own = match has_own {
            true => (&self.operator_tls_certificate_file, &self.operator_tls_key_file),
            false => (&self.tls_certificate_file, &self.tls_key_file),
        };
        let required = self.operator_client_certificate_required;
        tls_files("operator_", own, (&self.operator_client_ca_file, &self.operator_client_crl_file, required))
    }

    pub fn access_directory(&self) -> PathBuf {
        self.access_directory.clone().unwrap_or_else(|| self.data.join("access"))
    }

    pub fn audit_directory(&self) -> PathBuf {
        self.audit_directory.clone().unwrap_or_else(|| self.data.join("audit"))
    }

    pub fn audit_file_bytes(&self) -> u64 {
        self.audit_file_mib * 1024 * 1024
    }

    pub fn outbox_file(&self) -> PathBuf {
        self.outbox_file.clone().unwrap_or_else(|| self.data.join("outbox.jsonl"))
    }

    /// Whether there is a way out for text messages. A mail server takes none; the outbox file does.
    pub fn takes_text_messages(&self) -> bool {
        self.sms_url.is_some() || self.smtp_host.is_none()
    }

    /// When to give a message up, and what is kept then.
    pub fn outbox_policy(&self) -> Policy {
        Policy {
            at_once: self.deliveries_max,
            give_up_after: Duration::from_secs(self.delivery_give_up_hours * 60 * 60),
            dead_letter_life: Duration::from_secs(self.dead_letter_days * 24 * 60 * 60),
            dead_letters_max: self.dead_letters_max,
        }
    }

    pub fn store_directory(&self) -> PathBuf {
        self.data.join("store")
    }

    pub fn quickstart_file(&self) -> PathBuf {
        self.data.join("quickstart.json")
    }

    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_seconds)
    }
}

/// The environment's settings.
struct Environment(Env);

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        self.0.metadata()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let settings = self.0.iter().map(|(name, text)| (name.into_string(), text));
        Ok(Map::from([(Profile::Default, typed(settings))]))
    }
}

/// Settings as what they are. By its looks alone an account would be taken for a number.
fn typed(settings: impl Iterator<Item = (String, String)>) -> Dict {
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    let read = |(name, text): (String, String)| {
        let name = name.to_ascii_lowercase();
        let is_text = defaults.get(&name).is_none_or(|default| default.is_string() || default.is_null());
        let Ok(parsed) = text.parse::<Value>();
        (name, if is_text { Value::from(text) } else { parsed })
    };
    settings.map(read).collect()
}

/// The names of all settings.
fn known() -> Vec<String> {
    match serde_json::to_value(Config::default()) {
        Ok(serde_json::Value::Object(settings)) => settings.into_iter().map(|(name, _)| name).collect(),
        _ => Vec::new(),
    }
}

/// Where a listener's certificates stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, followed by the chain to its authority; PEM.
    pub certificate: PathBuf,
    /// The server's private key; PEM.
    pub key: PathBuf,
    /// The authorities that sign client certificates; PEM. Without them no client is asked for one.
    pub client_authorities: Option<PathBuf>,
    /// Revocation lists of those authorities; PEM.
    pub client_revocations: Option<PathBuf>,
    /// Whether a client without a certificate is refused in the handshake.
    pub client_certificate_required: bool,
}

type File<'a> = &'a Option<PathBuf>;

/// The files that a listener's settings name, or which setting is missing.
fn tls_files(
    prefix: &str,
    (certificate, key): (File<'_>, File<'_>),
    (authorities, revocations, required): (File<'_>, File<'_>, bool),
) -> Result<Option<TlsFiles>, Invalid> {
    let needs = |setting: &str, other: &str| Err(Invalid(format!("{prefix}{setting}: needs {prefix}{other}")));
    let (certificate, key) = match (certificate, key) {
        (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
        (Some(_), None) => return needs("tls_certificate_file", "tls_key_file"),
        (None, Some(_)) => return needs("tls_key_file", "tls_certificate_file"),
        (None, None) if authorities.is_some() => return needs("client_ca_file", "tls_certificate_file"),
        (None, None) if revocations.is_some() => return needs("client_crl_file", "client_ca_file"),
        (None, None) if required => return needs("client_certificate_required", "client_ca_file"),
        (None, None) => return Ok(None),
    };
    match authorities {
        None if revocations.is_some() => return needs("client_crl_file", "client_ca_file"),
        None if required => return needs("client_certificate_required", "client_ca_file"),
        _ => {}
    }
    Ok(Some(TlsFiles {
        certificate,
        key,
        client_authorities: authorities.clone(),
        client_revocations: revocations.clone(),
        client_certificate_required: required,
    }))
}

/// Whether a path can be put behind it as it is.
fn is_base_url(url: &str) -> bool {
    let is_plain = !url.ends_with('/') && !url.contains(['?', '#']);
    is_plain
        && url.parse::<http::Uri>().is_ok_and(|url| {
            matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some_and(|host| !host.is_empty())
        })
}

fn refuse_unknown(figment: &Figment) -> Result<(), Invalid> {
    let data = figment.data().map_err(|error| Invalid(error.to_string()))?;
    let known = known();
    for name in data.into_values().flat_map(|settings| settings.into_keys()) {
        if !known.contains(&name) {
            let source = figment.find_metadata(&name).map(|metadata| metadata.name.clone()).unwrap_or_default();
            let nearest =
                known.iter().max_by(|a, b| strsim::jaro_winkler(a, &name).total_cmp(&strsim::jaro_winkler(b, &name)));
            let hint = nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
            return Err(Invalid(format!("unknown setting `{name}` in {source}{hint}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Result<Config, Invalid> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cognate.toml");
        std::fs::write(&path, toml).unwrap();
        Config::read(Some(&path), &Flags::default())
    }

    #[test]
    fn an_unknown_setting_is_refused_with_the_nearest_known_one() {
        let message = read("listn = '127.0.0.1:1'").unwrap_err().to_string();
        assert!(message.contains("`listn`") && message.contains("did you mean `listen`?"), "{message}");
    }

    #[test]
    fn a_value_of_the_wrong_kind_names_its_setting() {
        let message = read("connections_max = 'many'").unwrap_err().to_string();
        assert!(message.contains("connections_max"), "{message}");
    }

    #[test]
    fn flags_win_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cognate.toml");
        std::fs::write(&path, "data = 'from-file'\nregion = 'eu-central-1'").unwrap();
        let flags = Flags { data: Some("from-flag".into()), ..Flags::default() };
        let config = Config::read(Some(&path), &flags).unwrap();
        assert_eq!((config.data, config.region), ("from-flag".into(), "eu-central-1".into()));
    }

    #[test]
    fn the_environment_is_read_as_what_each_setting_is() {
        let given = [("ACCOUNT", "000000000001"), ("LOG_FORMAT", "json"), ("CONNECTIONS_MAX", "7"), ("LISTN", "1")];
        let read = typed(given.map(|(name, text)| (name.to_owned(), text.to_owned())).into_iter());
        let expected = [
            ("account", Value::from("000000000001")),
            ("connections_max", Value::from(7_usize)),
            ("listn", Value::from("1")),
            ("log_format", Value::from("json")),
        ];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value)).into());
    }

    #[test]
    fn proxies_are_networks_and_a_header() {
        let config = read("trusted_proxies = ['10.0.0.0/8', '::1/128']\nforwarded_header = 'forwarded'").unwrap();
        assert_eq!(config.trusted_proxies, ["10.0.0.0/8", "::1/128"].map(|network| network.parse().unwrap()));
        assert_eq!(config.forwarded_header, ForwardedHeader::Forwarded);
        for odd in ["trusted_proxies = ['proxy.example.com']", "forwarded_header = 'x-real-ip'"] {
            let message = read(odd).unwrap_err().to_string();
            assert!(message.contains(odd.split_once(' ').unwrap().0), "{message}");
        }
        let given = [("TRUSTED_PROXIES".to_owned(), "[10.0.0.0/8,\"2001:db8::/32\"]".to_owned())];
        let read = typed(given.into_iter());
        assert_eq!(read["trusted_proxies"], Value::from(vec!["10.0.0.0/8", "2001:db8::/32"]));
    }

    #[test]
    fn settings_that_need_each_other_name_each_other() {
        for (toml, told) in [
            ("tls_certificate_file = 'c'", "tls_certificate_file: needs tls_key_file"),
            ("tls_key_file = 'k'", "tls_key_file: needs tls_certificate_file"),
            ("client_ca_file = 'a'", "client_ca_file: needs tls_certificate_file"),
            (
                "tls_certificate_file = 'c'\ntls_key_file = 'k'\nclient_crl_file = 'r'",
                "client_crl_file: needs client_ca_file",
            ),
            ("client_certificate_required = true", "client_certificate_required: needs client_ca_file"),
            (
                "operator_client_ca_file = 'a'",
                "operator_listen: is needed by the other settings that begin with operator_",
            ),
            (
                "operator_listen = '127.0.0.1:0'\noperator_client_ca_file = 'a'",
                "operator_client_ca_file: needs operator_tls_certificate_file",
            ),
        ] {
            assert_eq!(read(toml).unwrap_err().to_string(), told);
        }
    }

    #[test]
    fn the_listener_of_operators_shares_the_certificate_but_not_the_authorities() {
        let config = read(
            "operator_listen = '127.0.0.1:0'\ntls_certificate_file = 'c'\ntls_key_file = 'k'\nclient_ca_file = 'a'",
        );
        let (users, operators) =
            config.map(|it| (it.tls().unwrap().unwrap(), it.operator_tls().unwrap().unwrap())).unwrap();
        assert_eq!((users.certificate, users.key), (operators.certificate, operators.key));
        assert_eq!((users.client_authorities, operators.client_authorities), (Some("a".into()), None));
    }

    #[test]
    fn there_is_one_way_out_for_mail_and_it_is_whole() {
        let smtp = "smtp_host = 'mail.example.com'\nmail_from = 'no-reply@example.com'";
        for (toml, told) in [
            ("smtp_host = 'mail.example.com'", "smtp_host: needs mail_from"),
            ("smtp_host = ''\nmail_from = 'a@example.com'", "smtp_host: must name a server"),
            ("mail_from = 'no-reply@example.com'", "mail_from: needs smtp_host"),
            ("smtp_port = 25", "smtp_port: needs smtp_host"),
            (&format!("{smtp}\noutbox_file = 'x'"), "outbox_file: mail goes to smtp_host already; say one of them"),
            (&format!("{smtp}\nsmtp_username = 'x'"), "smtp_username: needs smtp_password_file"),
            (&format!("{smtp}\nsmtp_password_file = 'x'"), "smtp_password_file: needs smtp_username"),
            (
                &format!("{smtp}\nsmtp_security = 'none'"),
                "smtp_security: none is for a mail server on this machine; say smtp_allow_plaintext if you mean it",
            ),
            ("sms_secret_file = 'x'", "sms_secret_file: needs sms_url"),
            (
                "sms_url = 'http://sms.example.com/'",
                "sms_url: must begin with https://, or with http:// and name this machine",
            ),
        ] {
            assert_eq!(read(toml).unwrap_err().to_string(), told);
        }
        for more in ["", "smtp_security = 'none'\nsmtp_allow_plaintext = true", "smtp_security = 'tls'"] {
            let config = read(&format!("{smtp}\n{more}")).unwrap();
            assert!(!config.takes_text_messages(), "{more}");
        }
        assert!(read("smtp_host = '::1'\nmail_from = 'a@example.com'\nsmtp_security = 'none'").is_ok());
        assert!(read(&format!("{smtp}\nsms_url = 'https://sms.example.com/'")).unwrap().takes_text_messages());
        assert!(read("").unwrap().takes_text_messages());
    }

    #[test]
    fn triggers_are_bound_by_their_arns() {
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:f";
        let config = read(&format!("[triggers.\"{arn}\"]\nurl = 'http://localhost:8080/'\nsecret_file = 's'")).unwrap();
        let expected =
            Binding { url: Some("http://localhost:8080/".into()), secret_file: Some("s".into()), ..Binding::default() };
        assert_eq!(config.triggers, BTreeMap::from([(arn.to_owned(), expected)]));
        for (member, told) in [
            ("", format!("triggers.\"{arn}\": needs url or lambda")),
            ("secret_file = 's'", format!("triggers.\"{arn}\": needs url or lambda")),
            ("uri = 'https://a/'", "unknown field: found `uri`".to_owned()),
        ] {
            let message = read(&format!("[triggers.\"{arn}\"]\n{member}")).unwrap_err().to_string();
            assert!(message.starts_with(&told), "{message}");
        }
        let text = format!("{{\"{arn}\" = {{url = \"https://a.example/\"}}}}");
        let read = typed([("TRIGGERS".to_owned(), text)].into_iter());
        assert!(read["triggers"].as_dict().is_some_and(|triggers| triggers.contains_key(arn)));
    }

    #[test]
    fn odd_values_are_refused() {
        for toml in ["region = 'Mars 1'", "account = '1'", "data = ''", "idle_timeout_seconds = 5"] {
            assert!(read(toml).is_err(), "{toml}");
        }
    }

    #[test]
    fn a_public_url_is_one_behind_which_a_path_can_be_put() {
        for url in ["ftp://x", "x", "/x", "https://", "https://x/", "https://a b", "https://x?y", "https://x#y"] {
            let message = read(&format!("public_url = '{url}'")).unwrap_err().to_string();
            assert!(message.starts_with("public_url: "), "{url}: {message}");
        }
        for url in ["http://localhost:9229", "https://id.example.com", "https://example.com/id", "http://[::1]:1"] {
            assert_eq!(read(&format!("public_url = '{url}'")).unwrap().public_url.as_deref(), Some(url));
        }
    }

    #[test]
    fn every_number_has_its_bounds() {
        let Ok(serde_json::Value::Object(defaults)) = serde_json::to_value(Config::default()) else { panic!() };
        let numbers = defaults.into_iter().filter(|(_, default)| default.is_number());
        for (name, _) in numbers {
            for number in [i64::MAX, 2_000_000_000, -1] {
                let message = read(&format!("{name} = {number}")).unwrap_err().to_string();
                assert!(message.contains(&name), "{name} = {number}: {message}");
            }
            let least_that_may_be_zero = ["password_hash_threads", "smtp_port", "drain_timeout_seconds"]
                .contains(&name.as_str())
                || name.ends_with("_requests_per_minute");
            assert_eq!(read(&format!("{name} = 0")).is_ok(), least_that_may_be_zero, "{name}");
        }
    }
}
