//! The real binary, as an operator runs it. Every process ends with its value.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use cognate::api::Access;
use cognate::app::Rpc;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tonic::transport::{Channel, Endpoint};

use super::fixtures::TestClient;
use super::{AccessKey, Credential, Mail, raw};

/// How long anything may take before a test gives it up. No test passes or fails by less.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a poll of the file system waits between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// The binary with this command line, a data directory, and hashes and a reserve that cost little; nothing else of the
/// environment.
pub fn cognate(arguments: &[&str], data: &Path) -> Command {
    let mut command = bare(arguments);
    command.arg("--data").arg(data);
    command.env("COGNATE_PASSWORD_HASH_MEMORY_KIB", "64").env("COGNATE_PASSWORD_HASH_ITERATIONS", "1");
    command.env("COGNATE_DISK_RESERVE_MIB", "1");
    command
}

/// The binary with this command line alone: the one just built, or what `COGNATE_TEST_BINARY` names.
pub fn bare(arguments: &[&str]) -> Command {
    let binary = std::env::var_os("COGNATE_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_cognate").into());
    let mut command = Command::new(binary);
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

/// `cognate serve` on a free port.
pub fn serve(data: &Path) -> Command {
    cognate(&["serve", "--listen", "127.0.0.1:0"], data)
}

/// A process, with what it has said so far.
pub struct Process {
    child: Child,
    stdout: Output,
    stderr: Output,
}

impl Process {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (Output::of(child.stdout.take().unwrap()), Output::of(child.stderr.take().unwrap()));
        Process { child, stdout, stderr }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until a line of standard output begins so, and gives the rest of it.
    pub fn says(&mut self, beginning: &str) -> String {
        self.says_or_ends(beginning).unwrap_or_else(|| {
            self.end();
            panic!("it ended, and said: {}{}", self.stdout.said, self.stderr.said)
        })
    }

    /// The same of a process that may end before.
    pub fn says_or_ends(&mut self, beginning: &str) -> Option<String> {
        self.stdout.until(|line| line.starts_with(beginning)).map(|line| line[beginning.len()..].to_owned())
    }

    /// Waits until a line of the log contains this.
    pub fn logs(&mut self, what: &str) {
        let found = self.stderr.until(|line| line.contains(what));
        assert!(found.is_some(), "it ended, and logged: {}", self.stderr.said);
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Asks it to look at its files.
    pub fn hang_up(&self) {
        kill_process(Pid::from_child(&self.child), Signal::HUP).unwrap();
    }

    /// Ends it at once, as `kill -9` does, and waits until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub fn end(&mut self) -> ExitStatus {
        // Its outputs end with it.
        self.stdout.until(|_| false);
        self.stderr.until(|_| false);
        self.child.wait().unwrap()
    }

    /// Everything on standard output; once it has ended, all of it.
    pub fn output(&mut self) -> &str {
        self.stdout.until(|_| false);
        &self.stdout.said
    }

    /// Everything on standard error; once it has ended, all of it.
    pub fn errors(&mut self) -> &str {
        self.stderr.until(|_| false);
        &self.stderr.said
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a pipe, read by a thread so that the process never waits for its reader.
struct Output {
    lines: Receiver<String>,
    said: String,
}

impl Output {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines() {
                let Ok(line) = line else { return };
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Output { lines, said: String::new() }
    }

    /// The next line of which `wanted` is true; none if the pipe ends before.
    fn until(&mut self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.said.push_str(&line);
                    self.said.push('\n');
                    if wanted(&line) {
                        return Some(line);
                    }
                }
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return None,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("nothing came after: {}", self.said),
            }
        }
    }
}

/// What `quickstart.json` says: exactly this.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quickstart {
    pub endpoint: String,
    pub region: String,
    pub issuer: String,
    pub user_pool_id: String,
    pub client_id: String,
    pub confidential_client: ConfidentialClient,
    pub access_key: QuickstartKey,
    pub outbox: std::path::PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfidentialClient {
    pub client_id: String,
    pub client_secret: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuickstartKey {
    pub access_key_id: String,
    pub secret_access_key: String,
}

impl Quickstart {
    pub fn read(data: &Path) -> Self {
        serde_json::from_slice(&std::fs::read(data.join("quickstart.json")).unwrap()).unwrap()
    }

    pub fn operator(&self) -> AccessKey {
        let key = self.access_key.clone();
        AccessKey { id: key.access_key_id, secret: key.secret_access_key }
    }

    pub fn public(&self) -> TestClient {
        TestClient { pool: self.user_pool_id.clone(), id: self.client_id.clone(), secret: None }
    }

    pub fn confidential(&self) -> TestClient {
        let client = self.confidential_client.clone();
        TestClient { pool: self.user_pool_id.clone(), id: client.client_id, secret: Some(client.client_secret) }
    }
}

/// What a process says once it listens.
const LISTENS: &str = "Cognate listens on http://";

/// A process that listens.
pub struct Service {
    pub process: Process,
    pub address: String,
    pub quickstart: Quickstart,
    pub caller: Caller,
}

impl Service {
    /// Starts the service and waits until it listens.
    pub fn start(command: &mut Command, data: &Path) -> Self {
        let mut process = Process::start(command);
        let address = process.says(LISTENS);
        Self::listening(process, address, data)
    }

    /// Starts a service that may end before it listens. Then the process is given back.
    pub fn try_start(command: &mut Command, data: &Path) -> Result<Self, Process> {
        let mut process = Process::start(command);
        match process.says_or_ends(LISTENS) {
            Some(address) => Ok(Self::listening(process, address, data)),
            None => Err(process),
        }
    }

    fn listening(process: Process, address: String, data: &Path) -> Self {
        let quickstart = Quickstart::read(data);
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
        let caller = Caller { channel, operator: quickstart.operator() };
        Service { process, address, quickstart, caller }
    }
}

/// One who calls over gRPC, as the operator where one is asked for.
#[derive(Clone)]
pub struct Caller {
    channel: Channel,
    operator: AccessKey,
}

impl Caller {
    pub async fn call<R>(&self, request: R) -> Result<R::Response, tonic::Status>
    where
        R: Rpc + prost::Message + Default,
        R::Response: prost::Message + Default + 'static,
    {
        let credential = match R::OP.access() {
            Access::Operator => Credential::AccessKey(self.operator.clone()),
            _ => Credential::None,
        };
        raw::grpc_on(self.channel.clone(), R::OP, &credential, request).await
    }
}

/// Looks until there is something to see.
pub async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        if let Some(seen) = look() {
            return seen;
        }
        pause().await;
    }
    panic!("{what} never came");
}

/// What a poll waits between two looks.
pub async fn pause() {
    tokio::time::sleep(PAUSE).await;
}

/// Every message in an outbox file, each once, however often it was delivered.
pub fn mail(outbox: &Path) -> Vec<Mail> {
    let text = std::fs::read_to_string(outbox).unwrap_or_default();
    let mut mail: Vec<Mail> = Vec::new();
    // What follows the last line break is still being written.
    for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        let message: Mail = serde_json::from_str(line).unwrap();
        if !mail.iter().any(|known| known.id == message.id) {
            mail.push(message);
        }
    }
    mail
}

/// Waits for the newest code sent to the user of this name.
pub async fn code_for(outbox: &Path, username: &str) -> String {
    let newest = || mail(outbox).into_iter().rfind(|message| message.username == username);
    eventually(&format!("mail for {username}"), newest).await.code
}
