//! Putting a backup back, into a directory where there is nothing.
//!
//! The whole file is checked before anything is written. From then on the file `restoring` stands in the directory, which no
//! other command takes, until everything is durable and was read again: an interrupted restore can only be begun anew.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::files;
use super::format::{BackupKey, RecordsDigest, Summary};
use super::read::{Part, Reader, Unreadable, verify};
use crate::access::principals::principals_file;
use crate::config::Config;
use crate::live::Unusable;
use crate::store::records::BackupFile;
use crate::store::{Epoch, Failure, SledLoader, SledStore, Store as _};

/// Why a backup was not put back.
#[derive(Debug, thiserror::Error)]
pub enum CannotRestore {
    #[error("{path}: {cause}", path = .path.display())]
    Backup { path: PathBuf, cause: Unreadable },
    #[error("{path}: is not empty: {name} is in it", path = .path.display())]
    NotEmpty { path: PathBuf, name: String },
    #[error("the backup was made with {setting} {theirs}; here it is {ours}")]
    OtherSetting { setting: &'static str, theirs: String, ours: String },
    #[error(transparent)]
    Store(#[from] Failure),
    #[error(transparent)]
    Access(#[from] Unusable),
    #[error("{path}: {cause}", path = .path.display())]
    Directory { path: PathBuf, cause: io::Error },
    #[error("what was written is not what was read: {0}")]
    Differs(&'static str),
}

/// What a restore has done.
#[derive(Debug)]
pub struct Restored {
    pub summary: Summary,
    pub epoch: Epoch,
    /// Principals stand in a directory of their own that has some already: they were left as they are.
    pub access_was_kept: bool,
}

/// Whether a restore was begun here and did not come to its end.
pub fn is_unfinished(config: &Config) -> bool {
    marker(config).exists()
}

fn marker(config: &Config) -> PathBuf {
    config.data.join("restoring")
}

/// Fills the data directory from a backup, and reads it again before it is done.
pub async fn restore(
    config: &Config,
    backup: &Path,
    key: &BackupKey,
    now: Timestamp,
) -> Result<Restored, CannotRestore> {
    let unreadable = |cause| CannotRestore::Backup { path: backup.to_owned(), cause };
    refuse_what_is_there(config)?;
    let summary = verify(backup, Some(key)).map_err(unreadable)?;
    let file = File::open(backup).map_err(|cause| unreadable(cause.into()))?;
    let mut reader = Reader::open(BufReader::new(file), Some(key)).map_err(unreadable)?;
    for (setting, theirs, ours) in
        [("region", &reader.header().region, &config.region), ("account", &reader.header().account, &config.account)]
    {
        if theirs != ours {
            return Err(CannotRestore::OtherSetting { setting, theirs: theirs.clone(), ours: ours.clone() });
        }
    }
    begin(config).map_err(|cause| CannotRestore::Directory { path: config.data.clone(), cause })?;

    let mut loader = SledLoader::begin(&config.store_directory(), cache_bytes(config))?;
    let mut files = Vec::new();
    while let Some(part) = reader.next().map_err(unreadable)? {
        match part {
            Part::File(file) => files.push(file),
            Part::Entries(entries) => loader.load(&entries)?,
        }
    }
    let access_was_kept = put_access(config, &files)?;
    let epoch = Epoch { number: summary.epoch + 1, began_at: now.as_millisecond() };
    loader.finish(summary.sequence, epoch)?;

    read_again(config, &summary, epoch).await?;
    if !access_was_kept && files::read(&config.access_directory())? != files {
        return Err(CannotRestore::Differs("the access directory"));
    }
    finish(config).map_err(|cause| CannotRestore::Directory { path: config.data.clone(), cause })?;
    Ok(Restored { summary, epoch, access_was_kept })
}

/// In the directory there may be its lock, the key-encryption key, and what an interrupted restore has left.
fn refuse_what_is_there(config: &Config) -> Result<(), CannotRestore> {
    let failed = |cause| CannotRestore::Directory { path: config.data.clone(), cause };
    let is_ours = |path: &Path| {
        path == config.data.join("lock")
            || path == config.key_encryption_key_file()
            || path == marker(config)
            || is_unfinished(config) && left_overs(config).iter().any(|left| left == path)
    };
    for entry in fs::read_dir(&config.data).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if !is_ours(&path) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Err(CannotRestore::NotEmpty { path: config.data.clone(), name });
        }
    }
    Ok(())
}

/// What an interrupted restore may have written within the data directory.
fn left_overs(config: &Config) -> [PathBuf; 2] {
    [config.store_directory(), config.data.join("access")]
}

/// Marks the directory, and takes away what an interrupted restore has left.
fn begin(config: &Config) -> io::Result<()> {
    File::create(marker(config))?.sync_all()?;
    File::open(&config.data)?.sync_all()?;
    for path in left_overs(config) {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Puts principals and policies where they belong, unless they stand elsewhere and are there already.
fn put_access(config: &Config, files: &[BackupFile]) -> Result<bool, CannotRestore> {
    let directory = config.access_directory();
    let is_kept = !left_overs(config).contains(&directory) && principals_file(&directory).exists();
    if !is_kept {
        files::put(&directory, files)?;
    }
    Ok(is_kept)
}

/// Opens the store as a server would, and compares every record.
async fn read_again(config: &Config, summary: &Summary, epoch: Epoch) -> Result<(), CannotRestore> {
    let store = SledStore::open(&config.store_directory(), cache_bytes(config))?;
    let mut snapshot = store.snapshot().await?;
    let mut records = RecordsDigest::new();
    loop {
        let page = snapshot.next().await?;
        if page.is_empty() {
            break;
        }
        page.iter().for_each(|(key, value)| records.add(key, value));
    }
    let stands = (snapshot.version(), store.epoch());
    drop(snapshot);
    store.close()?;
    if stands != (summary.sequence, epoch) {
        return Err(CannotRestore::Differs("where the store stands"));
    }
    if records.count != summary.records || records.finish() != summary.records_digest {
        return Err(CannotRestore::Differs("the records"));
    }
    Ok(())
}

fn finish(config: &Config) -> io::Result<()> {
    fs::remove_file(marker(config))?;
    File::open(&config.data)?.sync_all()
}

fn cache_bytes(config: &Config) -> u64 {
    config.store_cache_mib * 1024 * 1024
}
