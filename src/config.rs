//! Every setting, read once: from a TOML file, then from `COGNATE_…` environment variables, then from flags. Nothing else
//! reads the environment. An unknown setting is an error that names the nearest known one.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::providers::{Env, Format as _, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::{Deserialize, Serialize};

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
    /// The key-encryption key; by default `key-encryption-key` in `data`.
    pub key_encryption_key_file: Option<PathBuf>,
    /// The principals and their access keys; by default `access/principals.toml` in `data`.
    pub principals_file: Option<PathBuf>,
    /// Where mail is delivered as JSON lines; by default `outbox.jsonl` in `data`.
    pub outbox_file: Option<PathBuf>,
    /// The store's cache, in MiB; it should fit the users who are active.
    pub store_cache_mib: u64,
    /// argon2id's memory for one hash, in KiB.
    pub password_hash_memory_kib: u32,
    /// argon2id's passes over its memory.
    pub password_hash_iterations: u32,
    /// Hashing threads; 0 means one for each core.
    pub password_hash_threads: usize,
    /// Hashes that may wait; more are refused with TooManyRequestsException.
    pub password_hash_queue_max: usize,
    /// How long a hash may wait before it is refused, in seconds.
    pub password_hash_wait_seconds: u64,
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
    /// How long a request's headers may take, in seconds.
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
            key_encryption_key_file: None,
            principals_file: None,
            outbox_file: None,
            store_cache_mib: 256,
            password_hash_memory_kib: 19 * 1024,
            password_hash_iterations: 2,
            password_hash_threads: 0,
            password_hash_queue_max: 512,
            password_hash_wait_seconds: 5,
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
        let url = self.public_url.as_deref().unwrap_or("http://localhost");
        let is_url = (url.starts_with("http://") || url.starts_with("https://")) && !url.ends_with('/');
        refuse(!is_url, "public_url: must begin with http:// or https:// and not end with a slash")?;
        refuse(
            self.idle_timeout_seconds <= self.request_timeout_seconds,
            "idle_timeout_seconds: must be more than request_timeout_seconds, or slow requests lose their connection",
        )?;
        refuse(self.body_bytes_max < 1024, "body_bytes_max: must be at least 1024")?;
        refuse(self.connections_max == 0, "connections_max: must be at least 1")?;
        Ok(())
    }

    pub fn key_encryption_key_file(&self) -> PathBuf {
        self.key_encryption_key_file.clone().unwrap_or_else(|| self.data.join("key-encryption-key"))
    }

    pub fn principals_file(&self) -> PathBuf {
        self.principals_file.clone().unwrap_or_else(|| self.data.join("access").join("principals.toml"))
    }

    pub fn outbox_file(&self) -> PathBuf {
        self.outbox_file.clone().unwrap_or_else(|| self.data.join("outbox.jsonl"))
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
    fn odd_values_are_refused() {
        for toml in ["region = 'Mars 1'", "account = '1'", "public_url = 'ftp://x'", "idle_timeout_seconds = 5"] {
            assert!(read(toml).is_err(), "{toml}");
        }
    }
}
