//! Delivers messages: when one is put in the outbox, when a failed one is due again, and at the start.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::stopped;
use crate::context::Services;
use crate::delivery::{OutboxFile, deliver_due};

/// How long to wait when the store itself fails, or nothing is known to be due.
const PAUSE: Duration = Duration::from_secs(60);

pub async fn run(services: Arc<Services>, outbox: OutboxFile, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let now = services.clock.now();
        let pause = match deliver_due(&*services.store, &services.sealer, &outbox, now).await {
            Ok(pass) => pass.next_due_at.map_or(PAUSE, |due_at| until(due_at, now.as_millisecond())),
            Err(cause) => {
                tracing::error!(%cause, "the outbox could not be read");
                PAUSE
            }
        };
        tokio::select! {
            () = services.outbox_filled.notified() => {}
            () = tokio::time::sleep(pause) => {}
            () = stopped(&mut stop) => {}
        }
    }
}

fn until(due_at: i64, now: i64) -> Duration {
    Duration::from_millis(u64::try_from(due_at - now).unwrap_or(0)).clamp(Duration::from_millis(10), PAUSE)
}
