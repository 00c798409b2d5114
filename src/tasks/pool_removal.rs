//! Sweeps what deleted pools have left: their users, with everything that is theirs, and the names they held.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::stopped;
use crate::context::Services;
use crate::store::{Failure, PoolRemovalKey, Store, sweep_removed_pool};

const PERIOD: Duration = Duration::from_secs(60);

pub async fn run(services: Arc<Services>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        match sweep(&*services.store).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(cause) => tracing::warn!(%cause, "a deleted pool could not be swept; trying again later"),
        }
        tokio::select! {
            () = services.pool_removed.notified() => {}
            () = tokio::time::sleep(PERIOD) => {}
            () = stopped(&mut stop) => {}
        }
    }
}

/// Removes one batch. Gives whether more may remain.
pub async fn sweep(store: &dyn Store) -> Result<bool, Failure> {
    match store.list::<PoolRemovalKey>(PoolRemovalKey::PREFIX, None, 1).await?.first() {
        Some((key, _)) => sweep_removed_pool(store, &key.pool).await.map(|_| true),
        None => Ok(false),
    }
}
