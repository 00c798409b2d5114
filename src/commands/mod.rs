//! The command line: one file for each subcommand.

mod access;
mod audit;
mod backup;
mod fsck;
mod init;
mod outbox;
mod quickstart;
mod restore;
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
    /// Takes a backup: everything as it is at one moment, while the server goes on.
    ///
    /// Asks the server that has the data directory open; opens the directory itself if there is none. The file has every
    /// record, and the principals and policies. It has NOT the key-encryption key, without which it is worth nothing: keep
    /// a copy of the key elsewhere. Nor has it the audit trail and the outbox file, which are plain files to be copied.
    ///
    /// Prints what is in it and the digest of its records, after it was written, synced, and read again.
    Backup(backup::Backup),
    /// Puts a backup back, into an empty data directory.
    ///
    /// The key-encryption key under which the backup was made must be there, or where key_encryption_key_file says. Every
    /// record is read again and compared before the command says that it is done; if it is interrupted, the directory serves
    /// only after it was run again.
    ///
    /// Passwords and users are as they were. Whoever was signed in must sign in again, and codes that were sent are void: what
    /// was revoked or used up after the backup was taken is not known to it, so nothing of before is good.
    Restore(restore::Restore),
    /// The messages that wait for delivery, and those that were given up: listed, tried again, discarded.
    ///
    /// Asks the server that has the data directory open; opens the directory itself if there is none.
    #[command(subcommand)]
    Outbox(outbox::Outbox),
    /// Examines a data directory whose server is stopped, and names what is damaged.
    ///
    /// Reads every record: that it is as it was written, and can be read; that what belongs together is there (users and their
    /// names, clients and pools, signing keys); that what is sealed opens with the key-encryption key; that principals and
    /// policies can be used; that the audit trail is whole. Changes no record. Prints one line for each finding, by kind, pool
    /// and sub, and never a name or a secret. Ends with status 1 when something was found.
    Fsck(fsck::Fsck),
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
        Command::Backup(arguments) => backup::backup(&arguments),
        Command::Restore(arguments) => restore::restore(&arguments),
        Command::Outbox(command) => outbox::outbox(&command),
        Command::Fsck(arguments) => fsck::fsck(&arguments),
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
