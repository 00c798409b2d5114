//! Background jobs: one file each. Every job ends when the server stops, between two batches.

mod expiry;
mod outbox;
mod pool_removal;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::context::Services;
use crate::delivery::OutboxFile;

/// Starts every job.
pub fn start(services: &Arc<Services>, outbox: OutboxFile, stop: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    jobs.spawn(outbox::run(services.clone(), outbox, stop.clone()));
    jobs.spawn(expiry::run(services.clone(), stop.clone()));
    jobs.spawn(pool_removal::run(services.clone(), stop.clone()));
    jobs
}

/// Waits until the server stops.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the server is gone altogether.
    let _ = stop.wait_for(|stopping| *stopping).await;
}
