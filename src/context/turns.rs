//! Turns: of all requests that try to prove themselves as one user, one at a time.
//!
//! What makes the count of attempts exact is the store; turns only spare the user who signs in five times at once a lock
//! meant for guessers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::store::Owner;

/// The turns being taken.
#[derive(Default)]
pub struct Turns {
    taken: Mutex<HashMap<Owner, Weak<AsyncMutex<()>>>>,
}

/// Held while it is one's turn.
pub type Turn = OwnedMutexGuard<()>;

/// Ended turns are forgotten when the map has doubled beyond this.
const FORGET_ABOVE: usize = 1024;

impl Turns {
    /// Waits for this request's turn as `owner`.
    pub async fn take(&self, owner: &Owner) -> Turn {
        self.queue(owner).lock_owned().await
    }

    fn queue(&self, owner: &Owner) -> Arc<AsyncMutex<()>> {
        let mut taken = self.taken.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(queue) = taken.get(owner).and_then(Weak::upgrade) {
            return queue;
        }
        if taken.len() >= FORGET_ABOVE && taken.len() == taken.capacity() {
            taken.retain(|_, queue| queue.strong_count() > 0);
        }
        let queue = Arc::default();
        taken.insert(owner.clone(), Arc::downgrade(&queue));
        queue
    }
}
