//! Logs: text for a terminal, JSON otherwise, on standard error. Never a secret, a name, an address or a body.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{Config, LogFormat};
use crate::store::SledStore;

/// Starts logging. A filter that cannot be read is an error that names the setting.
pub fn start(config: &Config) -> Result<(), String> {
    let filter = EnvFilter::try_new(directives(&config.log)).map_err(|error| format!("log: {error}"))?;
    let text = match config.log_format {
        LogFormat::Text => true,
        LogFormat::Json => false,
        LogFormat::Auto => stderr().is_terminal(),
    };
    let builder = fmt().with_env_filter(filter).with_writer(stderr);
    let started = if text { builder.compact().try_init() } else { builder.json().flatten_event(true).try_init() };
    started.map_err(|error| format!("logging could not be started: {error}"))
}

/// Makes a panic one line of the log: it is a defect, or what the store's engine makes of damaged files. In a thread of the
/// engine it ends the process, since whoever waits for that thread would wait for ever. The text of a panic is told only if
/// it is fixed: others can show records.
pub fn tell_of_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        let cause = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or_default();
        if tracing::dispatcher::has_been_set() {
            tracing::error!(at, cause, thread = thread.name(), "a defect was met, or a damaged file");
        } else {
            eprintln!("cognate: a defect was met, or a damaged file: {at} {cause}");
        }
        if SledStore::owns(&thread) {
            SledStore::end_process();
        }
    }));
}

/// A level alone is ours: libraries, which do not know what is secret here, stay at warnings unless they are named.
fn directives(setting: &str) -> String {
    match setting.parse::<LevelFilter>() {
        Ok(level) => format!("{},cognate={level}", level.min(LevelFilter::WARN)),
        Err(_) => setting.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_alone_does_not_make_libraries_talk() {
        assert_eq!(directives("debug"), "warn,cognate=debug");
        assert_eq!(directives("error"), "error,cognate=error");
        assert_eq!(directives("info,h2=debug"), "info,h2=debug");
    }
}
