//! Sweeps what the deleted have left: pools their users, with everything that was theirs, the names they held, and their
//! groups; groups their memberships; users everything that was theirs; the last client of a pool that signs in by SRP the
//! verifiers of the pool's users.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::stopped;
use crate::context::Services;
use crate::store::{
    Failure, GroupRemovalKey, PoolRemovalKey, SrpVerifierRemovalKey, Store, UserRemovalKey, sweep_removed_group,
    sweep_removed_pool, sweep_removed_user, sweep_srp_verifiers,
};

const PERIOD: Duration = Duration::from_secs(60);

pub async fn run(services: Arc<Services>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        match sweep(&*services.store).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(cause) => tracing::warn!(%cause, "what is deleted could not be swept; trying again later"),
        }
        tokio::select! {
            () = services.removal_begun.notified() => {}
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
    if let Some((key, removal)) = store.list::<GroupRemovalKey>(GroupRemovalKey::PREFIX, None, 1).await?.first() {
        return sweep_removed_group(store, key, &removal.name).await.map(|_| true);
    }
    if let Some((key, _)) = store.list::<UserRemovalKey>(UserRemovalKey::PREFIX, None, 1).await?.first() {
        return sweep_removed_user(store, &key.owner).await.map(|_| true);
    }
    if let Some((key, _)) = store.list::<SrpVerifierRemovalKey>(SrpVerifierRemovalKey::PREFIX, None, 1).await?.first() {
        return sweep_srp_verifiers(store, key).await.map(|_| true);
    }
    Ok(false)
}
