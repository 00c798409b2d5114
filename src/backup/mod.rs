//! Backups: one consistent point of the store, taken while the server serves, and put back into an empty directory.
//!
//! A backup has every record as it is on disk, and the files that say who the operators are. What it does not have:
//!
//! - The **key-encryption key**. Sealed secrets stay sealed, and password hashes stay keyed: without the key a backup is
//!   worth nothing. Keep the key apart from it.
//! - The audit trail and the outbox file. Both are plain files that only grow; copy them as they are. A restored directory
//!   begins a new chain, unless the old directory's `audit` is put there before it serves.
//!
//! A restored store is in a new epoch ([`crate::store::Epoch`]): codes, sessions and tokens from before are void.

mod files;
mod format;
mod read;
mod restore;
mod write;

pub use format::{BackupKey, FORMAT_VERSION, Summary};
pub use read::{Part, Reader, Unreadable, verify};
pub use restore::{CannotRestore, Restored, is_unfinished, restore};
pub use write::{CannotBackUp, Source, write};
