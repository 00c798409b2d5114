//! Delivers messages: when one is put in the outbox, when a failed one is due again, and at the start.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::stopped;
use crate::context::Services;
use crate::delivery::{Courier, Office, Outcome};
use crate::store::Failure;

/// How long to wait when the store itself fails, or nothing is known to be due.
const PAUSE: Duration = Duration::from_secs(60);

/// How long deliveries that are under way are waited for at the end. What is broken off then may come twice.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

pub async fn run(services: Arc<Services>, mut courier: Courier, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let pause = match courier.send_due(&office(&services)).await {
            Ok(()) => courier.next_at().map_or(PAUSE, |due_at| until(due_at, services.clock.now().as_millisecond())),
            Err(cause) => {
                tracing::error!(%cause, "the outbox could not be read or written");
                PAUSE
            }
        };
        tokio::select! {
            Some((place, outcome)) = courier.delivered(), if courier.is_busy() => {
                conclude(&services, &mut courier, place, outcome).await;
            }
            () = services.outbox_filled.notified() => {}
            () = tokio::time::sleep(pause) => {}
            () = stopped(&mut stop) => {}
        }
    }
    let rest = async {
        while let Some((place, outcome)) = courier.delivered().await {
            conclude(&services, &mut courier, place, outcome).await;
        }
    };
    let _ = timeout(LAST_PATIENCE, rest).await;
}

async fn conclude(services: &Services, courier: &mut Courier, place: (i64, uuid::Uuid), outcome: Outcome) {
    let concluded: Result<(), Failure> = courier.conclude(&office(services), place, outcome).await;
    if let Err(cause) = concluded {
        tracing::error!(%cause, message.id = %place.1, "what became of a message could not be written down");
    }
}

fn office(services: &Services) -> Office<'_> {
    Office { store: &*services.store, sealer: &services.sealer, rng: &services.rng, now: services.clock.now() }
}

fn until(due_at: i64, now: i64) -> Duration {
    let milliseconds = u64::try_from(due_at.saturating_sub(now)).unwrap_or(0);
    Duration::from_millis(milliseconds).clamp(Duration::from_millis(10), PAUSE)
}
