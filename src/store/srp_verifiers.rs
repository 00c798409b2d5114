//! The end of a pool's SRP verifiers, once no client of the pool signs in by them.

use super::key::{self, key};
use super::records::SrpVerifierRemoval;
use super::{Batch, Failure, Owner, Record, SrpVerifierKey, Store, UsernameKey};
use crate::domain::ids::{PoolId, Sub};

key! {
    /// A pool whose verifiers are still being swept.
    SrpVerifierRemovalKey = 0x13 { pool: PoolId } -> SrpVerifierRemoval
}

impl SrpVerifierRemovalKey {
    /// The prefix of all pools whose verifiers are being swept.
    pub const PREFIX: &'static [u8] = &[0x13];
}

impl Record for SrpVerifierRemoval {}

/// Users whose verifiers are swept in one batch.
const USERS_SWEPT_PER_BATCH: usize = 256;

/// Removes the verifiers of some users, in the order of their names. Gives whether more may remain. The pool keeps none
/// that are new, so where it has been swept once there are none; should it keep them again, the removal is gone and so
/// is the batch.
pub async fn sweep_srp_verifiers(store: &dyn Store, removal: &SrpVerifierRemovalKey) -> Result<bool, Failure> {
    let pool = &removal.pool;
    let Some(record) = store.read(removal).await? else { return Ok(true) };
    let last = Some(&record.swept_to).filter(|name| !name.is_empty());
    let last = last.map(|name| UsernameKey { pool: pool.clone(), name: name.clone() });
    let names = store.list(&UsernameKey::prefix(pool, ""), last.as_ref(), USERS_SWEPT_PER_BATCH).await?;
    let mut keys = Vec::with_capacity(names.len());
    for (_, owner) in &names {
        let sub = Sub::parse(&owner.sub).ok_or_else(|| Failure::Damaged("a name's owner is not a sub".to_owned()))?;
        keys.push(SrpVerifierKey { owner: Owner { pool: pool.clone(), sub } });
    }
    let mut batch = Batch::default();
    for (key, verifier) in keys.iter().zip(store.read_each(&keys).await?) {
        if verifier.is_some() {
            batch.delete(key);
        }
    }
    batch.expect(removal, Some(&record));
    let more = names.len() == USERS_SWEPT_PER_BATCH;
    match names.last().filter(|_| more) {
        Some((last, _)) => {
            batch.put(removal, &SrpVerifierRemoval { swept_to: last.name.clone(), ..record.record.clone() });
        }
        None => batch.delete(removal),
    }
    match store.commit(batch).await {
        Ok(()) => Ok(more),
        Err(Failure::Conflict) => Ok(true),
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::store::SledStore;
    use crate::store::records::{NameOwner, SrpVerifier};

    /// A store with a pool of so many users, all of whom have a verifier.
    struct Scene {
        store: Box<dyn Store>,
        users: u128,
        _folder: tempfile::TempDir,
    }

    fn pool() -> PoolId {
        PoolId("us-east-1_Example12".into())
    }

    fn verifier(number: u128) -> SrpVerifierKey {
        SrpVerifierKey { owner: Owner { pool: pool(), sub: Sub(Uuid::from_u128(number)) } }
    }

    impl Scene {
        async fn of(users: u128) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store: Box<dyn Store> = Box::new(SledStore::open(folder.path(), 8 * 1024 * 1024).unwrap());
            let mut batch = Batch::default();
            for number in 0..users {
                let name = UsernameKey { pool: pool(), name: format!("user-{number:04}") };
                batch.put(&name, &NameOwner { sub: verifier(number).owner.sub.to_string() });
                batch.put(&verifier(number), &SrpVerifier { sealed: vec![7; 400], password_version: 0 });
            }
            batch.put(&SrpVerifierRemovalKey { pool: pool() }, &SrpVerifierRemoval::default());
            store.commit(batch).await.unwrap();
            Scene { store, users, _folder: folder }
        }

        async fn sweep(&self) -> bool {
            sweep_srp_verifiers(&*self.store, &SrpVerifierRemovalKey { pool: pool() }).await.unwrap()
        }

        async fn verifiers(&self) -> usize {
            let keys: Vec<_> = (0..self.users).map(verifier).collect();
            self.store.read_each(&keys).await.unwrap().iter().flatten().count()
        }

        async fn is_being_removed(&self) -> bool {
            self.store.read(&SrpVerifierRemovalKey { pool: pool() }).await.unwrap().is_some()
        }
    }

    #[tokio::test]
    async fn verifiers_go_batch_by_batch_however_many_they_are() {
        let scene = Scene::of(2 * USERS_SWEPT_PER_BATCH as u128 + 1).await;
        for left in [USERS_SWEPT_PER_BATCH + 1, 1] {
            assert!(scene.sweep().await);
            assert_eq!((scene.verifiers().await, scene.is_being_removed().await), (left, true));
        }
        assert!(!scene.sweep().await);
        assert_eq!((scene.verifiers().await, scene.is_being_removed().await), (0, false));
    }

    #[tokio::test]
    async fn a_pool_that_keeps_verifiers_again_loses_none_of_those_that_are_left() {
        let scene = Scene::of(USERS_SWEPT_PER_BATCH as u128 + 1).await;
        assert!(scene.sweep().await);
        let mut batch = Batch::default();
        batch.delete(&SrpVerifierRemovalKey { pool: pool() });
        scene.store.commit(batch).await.unwrap();
        scene.sweep().await;
        assert_eq!(scene.verifiers().await, 1);
    }
}
