//! The development outbox: one JSON object a line, in a file for its owner's eyes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use serde::Serialize;

use super::Letter;

/// A file that messages are appended to.
#[derive(Clone, Debug)]
pub struct OutboxFile {
    path: PathBuf,
}

#[derive(Serialize)]
struct Line<'a> {
    id: String,
    time: String,
    medium: &'a str,
    to: &'a str,
    subject: &'a str,
    body: &'a str,
    code: &'a str,
    purpose: &'a str,
    username: &'a str,
}

impl OutboxFile {
    pub fn new(path: PathBuf) -> Self {
        OutboxFile { path }
    }

    /// Appends one line and waits for the disk.
    pub async fn append(&self, letter: &Letter<'_>) -> io::Result<()> {
        let message = letter.message;
        let mut line = serde_json::to_vec(&Line {
            id: letter.id.to_string(),
            time: letter.written_at.to_string(),
            medium: &message.medium,
            to: &message.to,
            subject: &message.subject,
            body: &message.body,
            code: &message.code,
            purpose: &message.purpose,
            username: &message.username,
        })?;
        line.push(b'\n');
        let path = self.path.clone();
        let written = tokio::task::spawn_blocking(move || {
            let mut file: File = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
            file.write_all(&line)?;
            file.sync_data()
        });
        written.await.map_err(io::Error::other)?
    }
}
