//! Background jobs: one file each. Every job ends when the server stops, between two batches.

mod audit;
mod expiry;
mod outbox;
mod reload;
mod removal;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::context::Services;
use crate::delivery::Courier;

pub use audit::run as audit;
pub use reload::Reloads;

/// Starts every job but the audit trail's, which outlives the last request.
pub fn start(
    services: &Arc<Services>,
    courier: Courier,
    reloads: Reloads,
    stop: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    jobs.spawn(outbox::run(services.clone(), courier, stop.clone()));
    jobs.spawn(expiry::run(services.clone(), stop.clone()));
    jobs.spawn(removal::run(services.clone(), stop.clone()));
    jobs.spawn(reload::run(reloads, stop.clone()));
    jobs
}

/// Waits until the server stops.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the server is gone altogether.
    let _ = stop.wait_for(|stopping| *stopping).await;
}
