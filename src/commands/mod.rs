//! The command line: one file for each subcommand.

mod access;
mod audit;
mod init;
mod quickstart;
mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Flags};
use crate::server::CannotServe;
use crate::telemetry;

/// A self-hosted identity service, cognate to Amazon Cognito user pools.
#[derive(Parser)]
#[command(version, about, arg_required_else_help = true, after_help = SETTINGS)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves gRPC and the AWS JSON wire on one port.
    ///
    /// On an empty data directory and a loopback address it first makes everything that is needed to try it: a
    /// key-encryption key, a pool, two clients, an operator with an access key; and prints how to use them. The same facts
    /// stand in <DATA>/quickstart.json. SIGTERM or Ctrl-C lets requests in flight finish, then ends with status 0.
    Serve(Serve),
    /// Makes a usable system in an empty data directory, and prints how to use it.
    ///
    /// What `serve` does by itself on loopback, said explicitly: for machines that listen elsewhere. The key-encryption key
    /// is made if there is none; keep a copy apart from the data.
    Init(Init),
    /// Who the operators are and what they may do: access keys, checks, validation.
    ///
    /// Works on the files of the access directory (<DATA>/access by default); a running server takes changes by itself.
    #[command(subcommand)]
    Access(access::Access),
    /// The audit trail.
    #[command(subcommand)]
    Audit(audit::Audit),
}

#[derive(Args)]
struct Serve {
    #[command(flatten)]
    common: Common,
    /// Where to listen, such as 127.0.0.1:9229; port 0 picks a free one [default: 127.0.0.1:9229]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Serve plaintext on an address that is not loopback: only behind something that adds TLS
    #[arg(long)]
    allow_plaintext: bool,
}

#[derive(Args)]
struct Init {
    #[command(flatten)]
    common: Common,
    /// Where `serve` will listen: stands in the printed lines [default: 127.0.0.1:9229]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

#[derive(Args)]
struct Common {
    /// The directory of everything that must last [default: cognate-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A TOML file of settings; see the README for all of them
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

const SETTINGS: &str = "\
Settings come from the file given by --config, then from the environment (COGNATE_ and the
setting's name in upper case, such as COGNATE_LISTEN), then from flags; the last one wins.
An unknown setting is an error.";

impl Common {
    fn config(&self, flags: Flags) -> Result<Config, CannotServe> {
        let flags = Flags { data: self.data.clone(), ..flags };
        Config::read(self.config.as_deref(), &flags).map_err(|invalid| CannotServe(invalid.to_string()))
    }
}

/// Parses the command line and does what it says.
pub fn run() -> ExitCode {
    telemetry::tell_of_panics();
    let done = match CommandLine::parse().command {
        Command::Serve(arguments) => serve::serve(&arguments),
        Command::Init(arguments) => init::init(&arguments),
        Command::Access(command) => access::access(&command),
        Command::Audit(command) => audit::audit(&command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(cannot) => {
            eprintln!("cognate: {cannot}");
            ExitCode::FAILURE
        }
    }
}

/// The runtime on which a command works.
fn runtime() -> Result<tokio::runtime::Runtime, CannotServe> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    built.map_err(|cause| CannotServe(format!("the runtime could not be started: {cause}")))
}
