//! `cognate restore`.

use std::path::PathBuf;

use clap::Args;

use super::{Common, runtime};
use crate::backup::{self, BackupKey};
use crate::clock::Clock;
use crate::config::Flags;
use crate::server::{self, CannotServe, DataDirectory};

#[derive(Args)]
pub(super) struct Restore {
    #[command(flatten)]
    common: Common,
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn restore(arguments: &Restore) -> Result<(), CannotServe> {
    let config = arguments.common.config(Flags::default())?;
    let _directory = DataDirectory::take_to_restore(&config)?;
    let key_file = config.key_encryption_key_file();
    if !key_file.exists() {
        let key_file = key_file.display();
        return Err(CannotServe(format!(
            "{key_file}: put the key-encryption key there first under which the backup was made"
        )));
    }
    let key = BackupKey::new(&server::key_encryption_key(&config)?);
    let restoring = backup::restore(&config, &arguments.file, &key, Clock::System.now());
    let restored = runtime()?.block_on(restoring).map_err(|cause| CannotServe(cause.to_string()))?;
    let data = config.data.display();
    println!("{data}: restored and read again: {}", restored.summary);
    println!("Epoch {} has begun: everybody signs in anew, and codes sent before are void.", restored.epoch.number);
    if restored.access_was_kept {
        let access = config.access_directory();
        println!("{}: left as it was; the backup's principals and policies were not put there.", access.display());
    }
    Ok(())
}
