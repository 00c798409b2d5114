//! Looks whether certificates, principals or policies have changed: every few seconds, and at SIGHUP.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::stopped;
use crate::live::Reload;

pub async fn run(reloads: Vec<Arc<dyn Reload>>, period: Duration, mut stop: watch::Receiver<bool>) {
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => hangup,
        Err(cause) => return tracing::error!(%cause, "changed files will not be noticed"),
    };
    while !*stop.borrow() {
        tokio::select! {
            () = tokio::time::sleep(period) => {}
            _ = hangup.recv() => {}
            () = stopped(&mut stop) => return,
        }
        let reloads = reloads.clone();
        let _ = tokio::task::spawn_blocking(move || reloads.iter().for_each(|each| each.reload())).await;
    }
}
