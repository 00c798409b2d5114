//! A service whose system calls are interfered with, by strace: it dies at a named point, or is told that a call failed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::found;

/// Why nothing can be traced here, if so.
pub fn unavailable() -> Option<&'static str> {
    let Some(strace) = found("strace") else { return Some("it needs strace") };
    let can_trace = Command::new(strace).args(["-D", "-o", "/dev/null", "true"]).output();
    let can_trace = can_trace.is_ok_and(|done| done.status.success());
    (!can_trace).then_some("strace may not trace here")
}

/// What keeps the kernel from telling the store of pages beside its log, so that `syncfs` is each of its barriers. Which pages
/// become too large for the log depends on what else stands on them.
pub const PAGES_UNTOLD: &str = "inotify_init1:error=EMFILE";

/// What strace does to a service.
pub struct Tracing {
    directory: tempfile::TempDir,
    arguments: Vec<String>,
}

impl Tracing {
    /// These injections, as strace's manual page describes them: `syncfs:error=EIO:when=3`. Calls are counted in each thread
    /// by itself.
    pub fn injecting(injections: &[&str]) -> Self {
        let calls: Vec<&str> = injections.iter().map(|injection| injection.split(':').next().unwrap()).collect();
        let mut arguments = vec![format!("--trace={}", calls.join(","))];
        arguments.extend(injections.iter().map(|injection| format!("--inject={injection}")));
        Tracing { directory: tempfile::tempdir().unwrap(), arguments }
    }

    /// Only on calls that are about this file or directory.
    pub fn of(mut self, path: &Path) -> Self {
        self.arguments.push(format!("--trace-path={}", path.display()));
        self
    }

    /// The same command, under strace. The process remains a child of the test.
    pub fn command(&self, command: &Command) -> Command {
        let mut traced = Command::new(found("strace").unwrap());
        traced.args(["-D", "--follow-forks", "--quiet=attach,personality", "--timestamps=unix,us"]);
        traced.arg("--output").arg(self.log()).args(&self.arguments);
        traced.arg("--").arg(command.get_program()).args(command.get_args());
        traced.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        traced
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("trace")
    }

    /// How long the process, which has ended, lived on after the first injection (but [`PAGES_UNTOLD`]); nothing if none was made.
    pub fn outlived(&self) -> Option<Duration> {
        let log = std::fs::read_to_string(self.log()).unwrap();
        let time = |line: &str| Duration::from_secs_f64(line.split_whitespace().nth(1).unwrap().parse().unwrap());
        let is_fault = |line: &&str| line.ends_with("(INJECTED)") && !line.contains("inotify_init1");
        let first = log.lines().find(is_fault).map(time)?;
        log.lines().filter(|line| line.contains("+++ exited")).map(time).max()?.checked_sub(first)
    }
}
