//! Turns: of all requests that try to confirm one user by a code, or rotate a refresh token of one user, one at a time.
//!
//! What makes the count of tries and of rotations exact is the store; turns only spare it the conflicts. Of password attempts,
//! [`crate::crypto::places`] lets one of a user through at a time.

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
