//! Logs: text for a terminal, JSON otherwise, on standard error. Never a secret, a name, an address or a body.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{Config, LogFormat};

/// Starts logging. A filter that cannot be read is an error that names the setting.
pub fn start(config: &Config) -> Result<(), String> {
    let filter = EnvFilter::try_new(&config.log).map_err(|error| format!("log: {error}"))?;
    let text = match config.log_format {
        LogFormat::Text => true,
        LogFormat::Json => false,
        LogFormat::Auto => stderr().is_terminal(),
    };
    let builder = fmt().with_env_filter(filter).with_writer(stderr);
    let started = if text { builder.compact().try_init() } else { builder.json().flatten_event(true).try_init() };
    started.map_err(|error| format!("logging could not be started: {error}"))
}
