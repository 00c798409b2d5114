//! Looks whether certificates, principals or policies have changed: every few seconds, and at SIGHUP.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::stopped;
use crate::live::Reload;

/// What is read again, and when.
pub struct Reloads {
    files: Vec<Arc<dyn Reload>>,
    period: Duration,
    hangup: Signal,
}

impl Reloads {
    /// From here on SIGHUP no longer ends the process.
    pub fn new(files: Vec<Arc<dyn Reload>>, period: Duration) -> std::io::Result<Self> {
        Ok(Reloads { files, period, hangup: signal(SignalKind::hangup())? })
    }

    pub fn files(&self) -> Vec<Arc<dyn Reload>> {
        self.files.clone()
    }
}

pub async fn run(reloads: Reloads, mut stop: watch::Receiver<bool>) {
    let Reloads { files, period, mut hangup } = reloads;
    while !*stop.borrow() {
        tokio::select! {
            () = tokio::time::sleep(period) => {}
            _ = hangup.recv() => {}
            () = stopped(&mut stop) => return,
        }
        let files = files.clone();
        let _ = tokio::task::spawn_blocking(move || files.iter().for_each(|each| each.reload())).await;
    }
}
