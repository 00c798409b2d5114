//! How another process of the same owner talks to a running server: by `control.sock` in the data directory.
//!
//! ```text
//! request = command, LF
//! answer  = chunks, end
//! chunk   = length (4 bytes, big-endian, not 0), that many bytes
//! end     = 0 (4 bytes), "done " or "failed ", what there is to say, LF
//! ```
//!
//! One request a connection. An answer without its end is one that was broken off. Commands: `backup`, whose answer is the
//! backup; `outbox list`, whose answer is a JSON object a line; `outbox retry` and `outbox discard`, each with an id. Who may open the socket is said by its mode, 0600.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use uuid::Uuid;

use crate::backup::{self, BackupKey};
use crate::context::Services;
use crate::delivery::desk::{Desk as OutboxDesk, Line, State};

/// The longest line of either side.
const LINE_BYTES_MAX: u64 = 4096;

/// The largest chunk of an answer.
const CHUNK_BYTES: usize = 64 * 1024;

/// Requests answered at one time.
const REQUESTS_MAX: usize = 16;

/// How long the other side may take to say something, or to take a chunk.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the socket of a data directory stands.
pub fn socket(data: &Path) -> PathBuf {
    data.join("control.sock")
}

/// What requests are about.
pub struct Desk {
    pub services: Arc<Services>,
    pub access_directory: PathBuf,
    pub backup_key: BackupKey,
}

/// The server's end. The socket goes with it.
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Makes the socket. One that is there already belongs to a server that is gone, since the data directory is ours.
    pub fn bind(data: &Path) -> io::Result<Self> {
        let (path, unfinished) = (socket(data), data.join("control.new"));
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&unfinished)?;
        // Nobody finds it before it is closed to others.
        fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o600))?;
        fs::rename(&unfinished, &path)?;
        Ok(Control { listener, path })
    }

    /// Answers until the server stops; what is being answered then is broken off.
    pub async fn run(self, desk: Arc<Desk>, mut stop: watch::Receiver<bool>) {
        let mut answers = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if answers.len() < REQUESTS_MAX => match accepted {
                    Ok((stream, _)) => {
                        answers.spawn(answer(stream, desk.clone()));
                    }
                    Err(cause) => {
                        tracing::warn!(%cause, "the control socket cannot accept");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                },
                Some(_) = answers.join_next() => {}
                () = async { drop(stop.wait_for(|stopping| *stopping).await) } => return,
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

async fn answer(stream: UnixStream, desk: Arc<Desk>) {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let asked = timeout(PATIENCE, BufReader::new(read.take(LINE_BYTES_MAX)).read_line(&mut line)).await;
    if !matches!(asked, Ok(Ok(_))) {
        return;
    }
    let answered = match line.trim_end_matches('\n') {
        "backup" => back_up(&desk, &mut write).await,
        command if command.starts_with("outbox ") => tend_outbox(&desk, command, &mut write).await,
        command => end(&mut write, &Err(format!("{command:?}: this server knows no such command"))).await,
    };
    if let Err(cause) = answered {
        tracing::warn!(%cause, command = line.trim_end(), "the answer to a command could not be given");
    }
}

async fn back_up(desk: &Desk, write: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    let services = &desk.services;
    let source = backup::Source {
        store: &*services.store,
        access_directory: &desk.access_directory,
        key: &desk.backup_key,
        region: &services.region,
        account: &services.account,
        now: services.clock.now(),
    };
    let (mut into, from) = tokio::io::duplex(CHUNK_BYTES);
    let taking = async move {
        let taken = backup::write(&source, &mut into).await;
        taken.map(|summary| summary.to_string()).map_err(|cause| cause.to_string())
    };
    let (taken, sent) = tokio::join!(taking, send(from, write));
    sent?;
    match &taken {
        Ok(summary) => tracing::info!(%summary, "a backup was taken"),
        Err(cause) => tracing::error!(cause, "a backup failed"),
    }
    end(write, &taken).await
}

async fn tend_outbox(desk: &Desk, command: &str, write: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    let services = &desk.services;
    let outbox = OutboxDesk { store: &*services.store, sealer: &services.sealer, now: services.clock.now() };
    let mut lines = Vec::new();
    let done = see_to_outbox(&outbox, command, &mut lines).await;
    // What is to be tried at once stands among the new messages.
    services.outbox_filled.notify_one();
    send(lines.as_slice(), write).await?;
    end(write, &done).await
}

/// Does what an operator wants of the outbox. Gives what there is to say.
pub async fn see_to_outbox(desk: &OutboxDesk<'_>, command: &str, output: &mut Vec<u8>) -> Result<String, String> {
    let id = |text: &str| Uuid::parse_str(text).map_err(|_| format!("{text:?} is no id of a message"));
    match command.split(' ').collect::<Vec<_>>()[..] {
        ["outbox", "list"] => {
            let (mut waiting, mut dead) = (0, 0);
            let tell = |line: Line| {
                *(if line.state == State::Waiting { &mut waiting } else { &mut dead }) += 1;
                output.extend(serde_json::to_vec(&line).unwrap_or_default());
                output.push(b'\n');
            };
            desk.list(tell).await.map_err(|cause| cause.to_string())?;
            Ok(format!("{waiting} waiting, {dead} given up"))
        }
        ["outbox", "retry", text] => {
            let id = id(text)?;
            desk.retry(id).await.map_err(|cause| cause.to_string())?;
            Ok(format!("message {id} is tried as soon as may be"))
        }
        ["outbox", "discard", text] => {
            let id = id(text)?;
            desk.discard(id).await.map_err(|cause| cause.to_string())?;
            Ok(format!("message {id} is gone"))
        }
        _ => Err(format!("{command:?}: this server knows no such command")),
    }
}

/// Passes bytes on in chunks.
async fn send(mut from: impl AsyncRead + Unpin, write: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    let mut bytes = vec![0; CHUNK_BYTES];
    loop {
        let length = from.read(&mut bytes).await?;
        if length == 0 {
            return Ok(());
        }
        timeout(PATIENCE, async {
            write.write_u32(u32::try_from(length).unwrap_or_default()).await?;
            write.write_all(&bytes[..length]).await
        })
        .await??;
    }
}

async fn end(write: &mut (impl AsyncWrite + Unpin), outcome: &Result<String, String>) -> io::Result<()> {
    let (word, text) = match outcome {
        Ok(text) => ("done", text),
        Err(text) => ("failed", text),
    };
    let line = format!("{word} {}\n", text.replace('\n', " "));
    timeout(PATIENCE, async {
        write.write_u32(0).await?;
        write.write_all(line.as_bytes()).await?;
        write.shutdown().await
    })
    .await?
}

/// Why a server did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("the server broke off: {0}")]
    BrokenOff(io::Error),
    #[error("{0}")]
    Failed(String),
    #[error("the answer could not be written: {0}")]
    Output(io::Error),
}

/// The server that has a data directory open; none if there is none, or none that can be talked to.
pub async fn server_of(data: &Path) -> Option<UnixStream> {
    UnixStream::connect(socket(data)).await.ok()
}

/// Asks a server for something. The bytes of its answer go to `output`; what it says at the end comes back.
pub async fn ask(server: UnixStream, command: &str, output: &mut (impl AsyncWrite + Unpin)) -> Result<String, Refused> {
    let mut server = BufReader::new(server);
    server.write_all(format!("{command}\n").as_bytes()).await.map_err(Refused::BrokenOff)?;
    let mut bytes = Vec::new();
    loop {
        let length = server.read_u32().await.map_err(Refused::BrokenOff)?;
        if length == 0 {
            break;
        }
        bytes.resize(usize::try_from(length).unwrap_or_default().min(CHUNK_BYTES), 0);
        server.read_exact(&mut bytes).await.map_err(Refused::BrokenOff)?;
        output.write_all(&bytes).await.map_err(Refused::Output)?;
    }
    output.flush().await.map_err(Refused::Output)?;
    let mut line = String::new();
    server.take(LINE_BYTES_MAX).read_line(&mut line).await.map_err(Refused::BrokenOff)?;
    let whole = line.strip_suffix('\n').and_then(|line| line.split_once(' '));
    match whole {
        Some(("done", text)) => Ok(text.to_owned()),
        Some((_, text)) => Err(Refused::Failed(text.to_owned())),
        None => Err(Refused::BrokenOff(io::ErrorKind::UnexpectedEof.into())),
    }
}
