//! Sweeps what deleted pools and groups have left: of pools their users, with everything that is theirs, the names they held,
//! and their groups; of groups the memberships.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::stopped;
use crate::context::Services;
use crate::store::{Failure, GroupRemovalKey, PoolRemovalKey, Store, sweep_removed_group, sweep_removed_pool};

const PERIOD: Duration = Duration::from_secs(60);

pub async fn run(services: Arc<Services>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        match sweep(&*services.store).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(cause) => tracing::warn!(%cause, "what was deleted could not be swept; trying again later"),
        }
        tokio::select! {
            () = services.removed.notified() => {}
            () = tokio::time::sleep(PERIOD) => {}
            () = stopped(&mut stop) => {}
        }
    }
}

/// Removes one batch. Gives whether more may remain.
pub async fn sweep(store: &dyn Store) -> Result<bool, Failure> {
    if let Some((key, _)) = store.list::<PoolRemovalKey>(PoolRemovalKey::PREFIX, None, 1).await?.first() {
        return sweep_removed_pool(store, &key.pool).await.map(|_| true);
    }
    match store.list::<GroupRemovalKey>(GroupRemovalKey::PREFIX, None, 1).await?.first() {
        Some((key, removal)) => sweep_removed_group(store, key, &removal.name).await.map(|_| true),
        None => Ok(false),
    }
}
