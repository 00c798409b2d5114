//! `cognate backup`.

use std::fs::{self, OpenOptions};
use std::io::IsTerminal as _;
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use tokio::io::AsyncWrite;

use super::{Common, runtime};
use crate::backup::{self, BackupKey, Source};
use crate::clock::Clock;
use crate::config::{Config, Flags};
use crate::control;
use crate::server::{self, CannotServe, DataDirectory};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Backup {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    common: Common,
    /// The file to make, which must not exist; - is standard output [default: cognate-<TIME>.backup]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Reads a whole backup, and says what it holds or what is wrong with it.
    ///
    /// If the key-encryption key of the settings can be read, also that the backup was made under this key and that nobody
    /// without it has changed a byte; without the key, only that it is whole.
    Verify(Verify),
}

#[derive(Args)]
struct Verify {
    #[command(flatten)]
    common: Common,
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn backup(arguments: &Backup) -> Result<(), CannotServe> {
    match &arguments.command {
        Some(Command::Verify(arguments)) => verify(arguments),
        None => take(arguments),
    }
}

fn take(arguments: &Backup) -> Result<(), CannotServe> {
    let config = arguments.common.config(Flags::default())?;
    match &arguments.output {
        Some(path) if path.as_os_str() == "-" => to_standard_output(&config),
        Some(path) => to_file(&config, path),
        None => {
            let time = Clock::System.now().strftime("%Y%m%dT%H%M%SZ");
            to_file(&config, Path::new(&format!("cognate-{time}.backup")))
        }
    }
}

fn to_standard_output(config: &Config) -> Result<(), CannotServe> {
    if std::io::stdout().is_terminal() {
        return Err(CannotServe("standard output is a terminal, and a backup is no text; say --output".into()));
    }
    let output = std::io::stdout().as_fd().try_clone_to_owned();
    let output = output.map_err(|cause| CannotServe(format!("standard output: {cause}")))?;
    let said = runtime()?.block_on(write(config, &mut tokio::fs::File::from_std(output.into())))?;
    eprintln!("{said}");
    Ok(())
}

/// Makes the file whole or not at all.
fn to_file(config: &Config, path: &Path) -> Result<(), CannotServe> {
    let failed = |path: &Path, cause: &dyn std::fmt::Display| CannotServe(format!("{}: {cause}", path.display()));
    if path.exists() {
        return Err(failed(path, &"exists already"));
    }
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished);
    let file = file.map_err(|cause| failed(&unfinished, &cause))?;
    let made = write_and_verify(config, file, &unfinished).and_then(|said| {
        fs::rename(&unfinished, path).map_err(|cause| failed(path, &cause))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let synced = fs::File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|cause| failed(folder, &cause))?;
        Ok(said)
    });
    if made.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    println!("{}: {}", path.display(), made?);
    Ok(())
}

fn write_and_verify(config: &Config, file: fs::File, path: &Path) -> Result<String, CannotServe> {
    let failed = |cause: &dyn std::fmt::Display| CannotServe(format!("{}: {cause}", path.display()));
    let said = runtime()?.block_on(async {
        let mut file = tokio::fs::File::from_std(file);
        let said = write(config, &mut file).await?;
        file.sync_all().await.map_err(|cause| failed(&cause))?;
        Ok(said)
    })?;
    let key = key_if_there_is_one(config)?;
    let read = backup::verify(path, key.as_ref()).map_err(|cause| failed(&cause))?.to_string();
    if read == said { Ok(said) } else { Err(failed(&"what was written is not what was read again")) }
}

/// Takes the backup from the server, or from the directory if there is none. Gives what is in it.
async fn write(config: &Config, output: &mut (impl AsyncWrite + Unpin)) -> Result<String, CannotServe> {
    if let Some(server) = control::server_of(&config.data).await {
        return control::ask(server, "backup", output).await.map_err(|refused| CannotServe(refused.to_string()));
    }
    if !config.store_directory().is_dir() {
        return Err(CannotServe(format!("{}: there is no store in it", config.data.display())));
    }
    // Whoever has it open did not answer on the control socket.
    let _directory = DataDirectory::take(config)?;
    let source = Source {
        store: &server::open_store(config)?,
        access_directory: &config.access_directory(),
        key: &BackupKey::new(&server::key_encryption_key(config)?),
        region: &config.region,
        account: &config.account,
        now: Clock::System.now(),
    };
    let taken = backup::write(&source, output).await;
    taken.map(|summary| summary.to_string()).map_err(|cause| CannotServe(cause.to_string()))
}

fn verify(arguments: &Verify) -> Result<(), CannotServe> {
    let config = arguments.common.config(Flags::default())?;
    let key = key_if_there_is_one(&config)?;
    let path = arguments.file.display();
    let read = backup::verify(&arguments.file, key.as_ref());
    let summary = read.map_err(|cause| CannotServe(format!("{path}: {cause}")))?;
    let whose = if key.is_some() { "made under this key-encryption key" } else { "without a key to tell who made it" };
    println!("{path}: whole, {whose}: {summary}");
    Ok(())
}

/// The key under which backups are made, on machines that have it.
fn key_if_there_is_one(config: &Config) -> Result<Option<BackupKey>, CannotServe> {
    let key = config.key_encryption_key_file().exists().then(|| server::key_encryption_key(config)).transpose()?;
    Ok(key.as_ref().map(BackupKey::new))
}
