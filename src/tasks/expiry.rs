//! Removes what has ended: codes, sessions, token families, counts of attempts. Nothing waits for it, since a read judges by
//! the deadline.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::stopped;
use crate::context::Services;
use crate::store::sweep_expired;

const PERIOD: Duration = Duration::from_secs(60);

/// How long a record stays after its end, so that its bearer is told "expired" rather than "unknown".
const GRACE_MILLISECONDS: i64 = 60 * 60 * 1000;

pub async fn run(services: Arc<Services>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let past = services.clock.now().as_millisecond() - GRACE_MILLISECONDS;
        match sweep_expired(&*services.store, past).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(cause) => tracing::warn!(%cause, "ended records could not be removed; trying again later"),
        }
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            () = stopped(&mut stop) => {}
        }
    }
}
