//! `cognate outbox`.

use clap::{Args, Subcommand};
use uuid::Uuid;

use super::{Common, runtime};
use crate::clock::Clock;
use crate::config::{Config, Flags};
use crate::control;
use crate::crypto::keys::Purpose;
use crate::crypto::sealing::Sealer;
use crate::delivery::desk::{Desk, Line, State};
use crate::server::{self, CannotServe, DataDirectory};

#[derive(Subcommand)]
pub(super) enum Outbox {
    /// Lists the messages that wait, in the order of writing, then those that were given up.
    ///
    /// One line each: id, state, when it was written, medium, purpose, pool, masked address, failed tries, what happens next
    /// and why it was not delivered. Never a body or a code.
    List(List),
    /// Has a message tried at once, also one that was given up. Its tries and its age count from now.
    Retry(One),
    /// Removes a message for good.
    Discard(One),
}

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    common: Common,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct One {
    #[command(flatten)]
    common: Common,
    /// The message, as `list` names it
    #[arg(value_name = "ID")]
    id: Uuid,
}

pub(super) fn outbox(command: &Outbox) -> Result<(), CannotServe> {
    let (common, asked) = match command {
        Outbox::List(List { common, .. }) => (common, "outbox list".to_owned()),
        Outbox::Retry(One { common, id }) => (common, format!("outbox retry {id}")),
        Outbox::Discard(One { common, id }) => (common, format!("outbox discard {id}")),
    };
    let config = common.config(Flags::default())?;
    let mut lines = Vec::new();
    let said = runtime()?.block_on(ask(&config, &asked, &mut lines))?;
    match command {
        Outbox::List(List { json: true, .. }) => print!("{}", String::from_utf8_lossy(&lines)),
        Outbox::List(_) => {
            for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let line: Line =
                    serde_json::from_slice(line).map_err(|cause| CannotServe(format!("outbox: {cause}")))?;
                println!("{}", described(&line));
            }
            println!("{said}");
        }
        _ => println!("{said}"),
    }
    Ok(())
}

/// Asks the server, or looks into the directory if there is none.
async fn ask(config: &Config, asked: &str, output: &mut Vec<u8>) -> Result<String, CannotServe> {
    if let Some(server) = control::server_of(&config.data).await {
        return control::ask(server, asked, output).await.map_err(|refused| CannotServe(refused.to_string()));
    }
    if !config.store_directory().is_dir() {
        return Err(CannotServe(format!("{}: there is no store in it", config.data.display())));
    }
    let _directory = DataDirectory::take(config)?;
    let store = server::open_store(config)?;
    let sealer = Sealer::new(&server::key_encryption_key(config)?.derive(Purpose::Sealing));
    let desk = Desk { store: &store, sealer: &sealer, now: Clock::System.now() };
    control::see_to_outbox(&desk, asked, output).await.map_err(CannotServe)
}

fn described(line: &Line) -> String {
    let next = match (line.state, &line.due_at, &line.given_up_at) {
        (State::Dead, _, Some(at)) => format!("given up at {at}"),
        (_, Some(at), _) => format!("due at {at}"),
        _ => String::new(),
    };
    let state = match line.state {
        State::Waiting => "waiting",
        State::Dead => "dead",
    };
    let Line { id, written_at, medium, purpose, pool, to, failed_tries, problem, .. } = line;
    let problem = if problem.is_empty() { String::new() } else { format!(": {problem}") };
    format!(
        "{id} {state} written at {written_at}, {medium} {purpose} {pool} to {to}, {failed_tries} failed tries, {next}{problem}"
    )
}
