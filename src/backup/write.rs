//! Taking a backup.

use std::io;
use std::path::Path;

use aws_lc_rs::digest;
use jiff::Timestamp;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::files;
use super::format::{BackupKey, FORMAT_VERSION, MAGIC, Piece, RecordsDigest, Summary, piece};
use crate::live::Unusable;
use crate::store::records::{BackupEntries, BackupEntry, BackupHeader, BackupTrailer};
use crate::store::{Failure, Store};

/// A piece of entries is written when it is as large.
const ENTRIES_BYTES: usize = 256 * 1024;

/// What a backup is taken of.
pub struct Source<'a> {
    pub store: &'a dyn Store,
    pub access_directory: &'a Path,
    pub key: &'a BackupKey,
    pub region: &'a str,
    pub account: &'a str,
    pub now: Timestamp,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum CannotBackUp {
    #[error(transparent)]
    Store(#[from] Failure),
    #[error(transparent)]
    Access(#[from] Unusable),
    #[error("the backup could not be written: {0}")]
    Output(#[from] io::Error),
}

/// Writes everything as it is at one moment, while others go on changing it.
pub async fn write(source: &Source<'_>, output: &mut (impl AsyncWrite + Unpin)) -> Result<Summary, CannotBackUp> {
    let mut snapshot = source.store.snapshot().await?;
    let access_directory = source.access_directory.to_owned();
    let files = tokio::task::spawn_blocking(move || files::read(&access_directory)).await;
    let files = files.map_err(io::Error::other)??;
    let mut pieces = Pieces { output, digest: digest::Context::new(&digest::SHA256) };
    pieces.bytes(MAGIC).await?;
    pieces.bytes(&FORMAT_VERSION.to_be_bytes()).await?;
    let header = BackupHeader {
        created_at: source.now.as_millisecond(),
        sequence: snapshot.version(),
        epoch: source.store.epoch().number,
        cognate_version: env!("CARGO_PKG_VERSION").to_owned(),
        region: source.region.to_owned(),
        account: source.account.to_owned(),
        key_check: source.key.check().to_vec(),
    };
    pieces.bytes(&piece(Piece::Header, &header)).await?;
    for file in &files {
        pieces.bytes(&piece(Piece::File, file)).await?;
    }
    let mut records = RecordsDigest::new();
    let (mut waiting, mut waiting_bytes) = (BackupEntries::default(), 0);
    loop {
        let page = snapshot.next().await?;
        let is_last = page.is_empty();
        for (key, value) in page {
            records.add(&key, &value);
            waiting_bytes += key.len() + value.bytes.len();
            let deadline = value.deadline.unwrap_or(0);
            waiting.entries.push(BackupEntry { key, version: value.version, deadline, record: value.bytes });
            if waiting_bytes >= ENTRIES_BYTES {
                pieces.bytes(&piece(Piece::Entries, &std::mem::take(&mut waiting))).await?;
                waiting_bytes = 0;
            }
        }
        if is_last {
            break;
        }
    }
    drop(snapshot);
    if !waiting.entries.is_empty() {
        pieces.bytes(&piece(Piece::Entries, &waiting)).await?;
    }
    let file_digest = pieces.digest.clone().finish();
    let trailer = BackupTrailer {
        records: records.count,
        files: files.len() as u64,
        records_digest: records.finish(),
        file_digest: file_digest.as_ref().to_vec(),
        authentication: source.key.authentication(file_digest.as_ref()).to_vec(),
    };
    pieces.bytes(&piece(Piece::Trailer, &trailer)).await?;
    pieces.output.flush().await?;
    Ok(Summary::of(&header, &trailer))
}

struct Pieces<'a, W> {
    output: &'a mut W,
    digest: digest::Context,
}

impl<W: AsyncWrite + Unpin> Pieces<'_, W> {
    async fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.output.write_all(bytes).await
    }
}
