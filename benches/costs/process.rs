//! Processes that serve, and what the system says of their time and memory.

use std::io::{BufRead as _, BufReader};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cognate::config::Config;
use cognate::store::records::UserStatus;

use super::seed;

/// The server as it is shipped.
pub const BINARY: &str = env!("CARGO_BIN_EXE_cognate");

/// A process that is ended with this value.
pub struct Process(pub Child);

impl Process {
    /// The processor time that it has used.
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let after_name = stat.rsplit(')').next().unwrap();
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 10) // a tick is a hundredth of a second on every Linux
    }

    /// Its resident memory.
    pub fn memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The real binary.
pub struct Server {
    process: Process,
    pub quickstart: serde_json::Value,
}

impl Server {
    /// Starts the server and waits for it to listen.
    pub fn start(data: &Path) -> Self {
        Server::start_with(data, &[])
    }

    /// The same with other than the default settings, by their names in the environment.
    pub fn start_with(data: &Path, settings: &[(&str, &str)]) -> Self {
        let mut process = Command::new(BINARY)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .env_clear()
            .env("COGNATE_LOG", "warn")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let listening = lines.map_while(Result::ok).find(|line| line.starts_with("Cognate listens on"));
        assert!(listening.is_some(), "the server did not start");
        let quickstart = std::fs::read_to_string(data.join("quickstart.json")).unwrap();
        Server { process: Process(process), quickstart: serde_json::from_str(&quickstart).unwrap() }
    }

    /// Lets it end in order.
    pub fn stop(mut self) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.process.0), rustix::process::Signal::TERM)
            .unwrap();
        assert!(self.process.0.wait().unwrap().success());
    }
}

impl std::ops::Deref for Server {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

/// Runs a future where nothing else does.
pub fn alone<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Makes users in the pool of a first start, while no server runs.
pub fn seed(data: &Path, numbers: Range<u64>, status: UserStatus) {
    let config = Config { data: data.to_owned(), store_cache_mib: 1024, ..Config::default() };
    let quickstart = std::fs::read_to_string(config.quickstart_file()).unwrap();
    let quickstart: serde_json::Value = serde_json::from_str(&quickstart).unwrap();
    alone(seed::users(&config, quickstart["user_pool_id"].as_str().unwrap(), numbers, status));
}
