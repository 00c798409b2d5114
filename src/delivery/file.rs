//! The development outbox: one JSON object a line, in a file for its owner's eyes.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use serde::Serialize;

use super::Letter;
use crate::domain::messages::{Medium, plain_text_of};

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
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'a str>,
    code: &'a str,
    purpose: &'a str,
    username: &'a str,
    pool: &'a str,
}

impl OutboxFile {
    pub fn new(path: PathBuf) -> Self {
        OutboxFile { path }
    }

    /// Appends one line and waits for the disk.
    pub async fn append(&self, letter: &Letter) -> io::Result<()> {
        let message = &letter.message;
        let html = (letter.medium() == Medium::Email).then_some(message.body.as_str());
        let mut line = serde_json::to_vec(&Line {
            id: letter.id.to_string(),
            time: letter.written_at.to_string(),
            medium: &message.medium,
            to: &message.to,
            subject: &message.subject,
            body: &html.map_or_else(|| message.body.clone(), plain_text_of),
            html,
            code: &message.code,
            purpose: &message.purpose,
            username: &message.username,
            pool: &message.pool,
        })?;
        line.push(b'\n');
        let path = self.path.clone();
        let written = tokio::task::spawn_blocking(move || {
            let mut file: File = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)?;
            // Half of a line that another delivery writes looks like what a crash cut off. Closing the file unlocks it.
            file.lock()?;
            end_at_a_line(&mut file)?;
            file.write_all(&line)?;
            file.sync_data()
        });
        written.await.map_err(io::Error::other)?
    }
}

/// Takes away the beginning of a line that a crash cut off. Its message is still in the outbox and comes again whole.
fn end_at_a_line(file: &mut File) -> io::Result<()> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut whole = length;
    let mut byte = [0];
    while whole > 0 {
        file.seek(SeekFrom::Start(whole - 1))?;
        file.read_exact(&mut byte)?;
        if byte == *b"\n" {
            break;
        }
        whole -= 1;
    }
    if whole < length { file.set_len(whole) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_a_crash_cut_off_is_taken_away() {
        for (found, left) in [("", ""), ("{}\n", "{}\n"), ("{\"id", ""), ("{}\n{}\n{\"id", "{}\n{}\n")] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("outbox.jsonl");
            std::fs::write(&path, found).unwrap();
            end_at_a_line(&mut OpenOptions::new().read(true).append(true).open(&path).unwrap()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), left);
        }
    }
}
