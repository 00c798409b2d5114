//! What was made of records: decoded, or worked out further, and kept in memory.
//!
//! Each use asks the store for the record's version, so what is kept may be gone, but is never late.

use std::sync::Arc;

use quick_cache::sync::Cache;

use super::{Failure, Key, Store, Stored, decode};

/// Values made of records of one kind; those that are used least make room for others.
pub struct Kept<T>(Cache<Vec<u8>, (u64, Arc<T>)>);

impl<T> Kept<T> {
    /// Keeps so many at most.
    pub fn new(values_max: usize) -> Self {
        Kept(Cache::new(values_max))
    }
}

impl dyn Store {
    /// What `make` makes of the record of a key, made anew only when the record has changed.
    pub async fn read_kept<K: Key, T, E: From<Failure>>(
        &self,
        key: &K,
        kept: &Kept<T>,
        make: impl FnOnce(Stored<K::Record>) -> Result<T, E>,
    ) -> Result<Option<Arc<T>>, E> {
        let encoded = key.encoded();
        let Some(value) = self.get(&encoded).await? else {
            kept.0.remove(&encoded);
            return Ok(None);
        };
        let version = value.version;
        if let Some((_, made)) = kept.0.get(&encoded).filter(|(made_of, _)| *made_of == version) {
            return Ok(Some(made));
        }
        let made = Arc::new(make(decode::<K>(value)?)?);
        kept.0.insert(encoded, (version, made.clone()));
        Ok(Some(made))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::PoolId;
    use crate::store::records::NameOwner;
    use crate::store::{Batch, SledStore, UsernameKey};

    #[tokio::test]
    async fn a_record_is_made_of_once_and_again_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let store: Box<dyn Store> = Box::new(SledStore::open(folder.path(), 8 * 1024 * 1024).unwrap());
        let key = UsernameKey { pool: PoolId("us-east-1_Example12".into()), name: "alice".into() };
        let kept = Kept::new(10);
        let makes = std::sync::atomic::AtomicU32::new(0);
        let made = async || {
            let made = store.read_kept(&key, &kept, |stored| {
                makes.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                Ok::<_, Failure>(stored.sub.clone())
            });
            made.await.unwrap().map(|made| made.to_string())
        };
        let write = async |sub: Option<&str>| {
            let mut batch = Batch::default();
            match sub {
                Some(sub) => batch.put(&key, &NameOwner { sub: sub.into() }),
                None => batch.delete(&key),
            }
            store.commit(batch).await.unwrap();
        };
        assert_eq!(made().await, None);
        for (sub, makes_until_then) in [(Some("a"), 1), (Some("b"), 2), (None, 2), (Some("b"), 3)] {
            write(sub).await;
            assert_eq!((made().await, made().await), (sub.map(str::to_owned), sub.map(str::to_owned)));
            assert_eq!(makes.load(std::sync::atomic::Ordering::Relaxed), makes_until_then);
        }
    }
}
