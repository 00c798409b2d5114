//! The engine's log, read before the engine reads it, so that damage in the middle of it is told and never silently skipped.
//!
//! When it opens, the engine replays what its log has gained since its last snapshot (`snap.*`). What the snapshot covers it
//! reads later, by pointers with a checksum. In the replay a message that cannot be read is taken for the end of its segment,
//! and a segment whose header cannot be read for one that nobody uses: the engine goes on behind them, and what was committed
//! there is gone without a word. It has to, since a crash leaves such places as well. They are told apart here.
//!
//! **What a crash leaves**, and what is never refused:
//! - *A torn end.* Of the last group any part may be missing, wherever it lies: the engine writes with several threads, and a
//!   power cut keeps some blocks and loses others. But a group is begun when the one before has passed the barrier. So all
//!   that was written before the last but one mark of a batch is on the disk, and what cannot be read there is no torn end.
//! - *A segment that was let go of and is being written anew*, of which the header is still the old one, or not yet there.
//!   The engine lets go of a segment when each page with a message in it has been written anew, and that is on disk. So a
//!   segment in which a message is still the last word on its page was not let go of. Nor was one that the engine, by what
//!   the newest header says, has yet to find complete: there it gives up at the first message that it cannot read.
//! - *Zeros* in a segment that was let go of, some of them or all. They are the same case.
//!
//! **What is refused** is all else that cannot be read: messages, headers, and files of pages beside the log, which end the
//! replay if they are damaged, and are passed over if they are missing.
//!
//! **What cannot be told**: damage behind the last but one mark of a batch, which looks like a torn end (most of it the
//! [`Witness`](crate::store::witness::Witness) knows), a page's file that is missing there among it; and a damaged message's header where that message was the only one left
//! in its segment that mattered. Damage where nothing matters any more is passed over, by the engine too. A group that alone
//! fills segments may, when a power cut keeps its later blocks and loses its earlier ones, take with it what was let go of
//! for its sake: then acknowledged pages are gone, and that is refused.
//!
//! **What is relied on** is sled 0.34.7's format, to which `Cargo.toml` holds it: segments of 512 KiB that begin with a header
//! ([`SegmentHeader`]) and hold messages ([`Message`]), one behind the other; a position counts segments in the order in
//! which they were begun, wherever they lie in the file.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::ops::RangeInclusive;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

const SEGMENT_BYTES: usize = 512 * 1024;

const SEGMENT_HEADER_BYTES: usize = 20;

/// No message begins closer to the end of a segment.
const MESSAGE_HEADER_BYTES_MAX: usize = 32;

/// The page of marks of batches, which is none.
const BATCH_PAGE: u64 = u64::MAX - 666;

/// Makes the log in `directory` ready for the engine, and refuses one that is damaged.
///
/// The cost is one more read of what is replayed, which the engine then finds in memory. A store that another process has
/// open is left alone; the engine refuses that one.
pub fn prepare(directory: &Path) -> io::Result<()> {
    let file = match File::open(directory.join("db")) {
        Ok(file) => file,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(cause),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(cause)) => return Err(cause),
    }
    remove_unfinished_snapshots(directory)?;
    let log = Log::read(directory, &file)?;
    match log.damage() {
        Some(tear) => {
            let problem = format!("its log is damaged: {} cannot be read; restore a backup", tear.place);
            Err(io::Error::new(ErrorKind::InvalidData, problem))
        }
        None => Ok(()),
    }
}

/// What has been read of a log.
struct Log<'a> {
    directory: &'a Path,
    /// The number of the first segment that is replayed.
    first: u64,
    /// The position up to which the log was complete, as the newest header says it.
    complete: u64,
    /// Where each page was last written anew: by a message that stands for all earlier ones of its page.
    anew: HashMap<u64, u64>,
    /// The positions of the last two marks of batches, the last one first.
    batches: [u64; 2],
    tears: Vec<Tear>,
}

/// Where something cannot be read.
struct Tear {
    place: String,
    position: u64,
    /// Pages, and the positions of their messages: if one is the last word on its page, this was in use.
    pages: Vec<(u64, u64)>,
    hides: Hides,
}

/// What the engine would not read for a tear.
#[derive(PartialEq, Eq)]
enum Hides {
    Message,
    /// The rest of the segment, or of the log if it is one of its last.
    Segment,
    Log,
}

impl<'a> Log<'a> {
    fn read(directory: &'a Path, file: &File) -> io::Result<Self> {
        let first = segment_of(snapshot_position(directory)?);
        let mut log = Log { directory, first, complete: 0, anew: HashMap::new(), batches: [0; 2], tears: Vec::new() };
        let (length, mut segment) = (file.metadata()?.len(), Vec::new());
        for offset in (0..length).step_by(SEGMENT_BYTES) {
            let bytes = usize::try_from(length - offset).unwrap_or(SEGMENT_BYTES).min(SEGMENT_BYTES);
            segment.clear();
            segment.resize(SEGMENT_BYTES, 0);
            file.read_exact_at(&mut segment[..bytes.min(SEGMENT_HEADER_BYTES)], offset)?;
            let header = SegmentHeader::read(&segment);
            if header.is_none_or(|header| header.number >= first) {
                file.read_exact_at(&mut segment[..bytes], offset)?;
                log.take_in(offset, header, &segment, bytes == SEGMENT_BYTES)?;
            }
        }
        Ok(log)
    }

    /// Takes in a segment at its place in the file, of which the last may be cut off.
    fn take_in(
        &mut self,
        offset: u64,
        header: Option<SegmentHeader>,
        segment: &[u8],
        is_whole: bool,
    ) -> io::Result<()> {
        // Without a header it is any that might have to be replayed.
        let numbers = header.map_or(self.first..=u64::MAX, |header| header.number..=header.number);
        self.complete = self.complete.max(header.map_or(0, |header| header.complete));
        let (messages, torn_at) = messages(segment, &numbers);
        for message in &messages {
            self.take_in_message(message)?;
        }
        let mut pages: Vec<_> = messages.iter().filter_map(Message::of_page).collect();
        match (header, torn_at) {
            (Some(header), Some(at)) => {
                // Of a message whose body alone is damaged the page is known: another message stands where it ends.
                let damaged = Message::header(segment, at, &numbers);
                let damaged = damaged.filter(|damaged| messages.iter().any(|next| next.at == damaged.end()));
                pages.extend(damaged.and_then(|damaged| damaged.of_page()));
                let place = format!("what stands at byte {} of `db`", offset + at as u64);
                let position = position(header.number, at);
                let hides = if is_whole { Hides::Segment } else { Hides::Log };
                self.tears.push(Tear { place, position, pages, hides });
            }
            (Some(_), None) => {}
            // What earlier uses of its place have left is of other numbers.
            (None, _) => {
                self.tears.extend(pages.chunk_by(|one, other| segment_of(one.1) == segment_of(other.1)).map(|pages| {
                    Tear {
                        place: format!("the segment at byte {offset} of `db`"),
                        position: position(segment_of(pages[0].1), 0),
                        pages: pages.to_vec(),
                        hides: Hides::Segment,
                    }
                }))
            }
        }
        Ok(())
    }

    fn take_in_message(&mut self, message: &Message) -> io::Result<()> {
        let position = message.position();
        if message.writes_anew() {
            let anew = self.anew.entry(message.page).or_default();
            *anew = position.max(*anew);
        }
        if message.begins_batch() && position > self.batches[1] && position != self.batches[0] {
            self.batches = [self.batches[0].max(position), self.batches[0].min(position)];
        }
        if let Some(number) = message.blob {
            let (place, pages) = (format!("the page in `blobs/{number}`"), message.of_page().into_iter().collect());
            // Its number is the position where it was first referred to.
            let position = position.min(u64::try_from(number).unwrap_or(0));
            match fs::read(self.directory.join("blobs").join(number.to_string())) {
                Ok(bytes) if is_blob(&bytes, message.kind) => {}
                Ok(_) => self.tears.push(Tear { place, position, pages, hides: Hides::Log }),
                Err(cause) if cause.kind() == ErrorKind::NotFound => {
                    self.tears.push(Tear { place, position, pages, hides: Hides::Message });
                }
                Err(cause) => return Err(cause),
            }
        }
        Ok(())
    }

    /// Whether nothing later stands for all that was said of a page up to a position.
    fn is_last_word(&self, (page, position): &(u64, u64)) -> bool {
        self.anew.get(page).is_none_or(|anew| anew <= position)
    }

    /// The first tear that no crash explains.
    fn damage(&self) -> Option<&Tear> {
        let incomplete = segment_of(self.complete).max(self.first);
        self.tears.iter().filter(|tear| tear.position < self.batches[1]).find(|tear| {
            let is_of_last = tear.hides == Hides::Segment && segment_of(tear.position) >= incomplete;
            tear.hides == Hides::Log || is_of_last || tear.pages.iter().any(|page| self.is_last_word(page))
        })
    }
}

/// What a crash leaves of a snapshot that was being written has another name, but the engine would take it for its last one,
/// and not open.
fn remove_unfinished_snapshots(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with("snap.") && name.ends_with(".generating")) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The position up to which the engine's last snapshot reaches: it is in the file's name.
fn snapshot_position(directory: &Path) -> io::Result<u64> {
    let mut last = 0;
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let position = name.to_str().and_then(|name| name.strip_prefix("snap."));
        last = last.max(position.and_then(|position| u64::from_str_radix(position, 16).ok()).unwrap_or(0));
    }
    Ok(last)
}

fn position(segment: u64, at: usize) -> u64 {
    segment.saturating_mul(SEGMENT_BYTES as u64).saturating_add(at as u64)
}

fn segment_of(position: u64) -> u64 {
    position / SEGMENT_BYTES as u64
}

/// `[CRC-32 of what follows, inverted: 4][position: 8][up to where the log was complete: 8]`, the two with all bits but the
/// sign inverted; little-endian, as all of it.
#[derive(Clone, Copy)]
struct SegmentHeader {
    number: u64,
    complete: u64,
}

impl SegmentHeader {
    fn read(segment: &[u8]) -> Option<Self> {
        let (checksum, rest) = segment[..SEGMENT_HEADER_BYTES].split_first_chunk::<4>()?;
        let (position, complete) = (rest.first_chunk::<8>()?, rest.last_chunk::<8>()?);
        let number = |bytes: &[u8; 8]| i64::from_le_bytes(*bytes) ^ i64::MAX;
        let is_whole = !crc32fast::hash(rest) == u32::from_le_bytes(*checksum);
        // Before anything is complete, it says -1.
        let complete = u64::try_from(number(complete)).unwrap_or(0);
        is_whole.then_some(SegmentHeader { number: segment_of(u64::try_from(number(position)).ok()?), complete })
    }
}

/// `[CRC-32 of the body and of the rest of this header, inverted: 4][kind: 1][bytes of the body][segment][page][body]`, the
/// three numbers of varying length.
struct Message {
    at: usize,
    kind: u8,
    segment: u64,
    page: u64,
    checksum: u32,
    /// How long the header and the body are.
    bytes: [usize; 2],
    /// The number of the file where the page is.
    blob: Option<i64>,
}

/// All messages of segments of these numbers that can be read, wherever they are; and where there should be one that cannot.
fn messages(segment: &[u8], numbers: &RangeInclusive<u64>) -> (Vec<Message>, Option<usize>) {
    let (mut messages, mut torn_at, mut at) = (Vec::new(), None, SEGMENT_HEADER_BYTES);
    while at + MESSAGE_HEADER_BYTES_MAX <= SEGMENT_BYTES {
        match Message::read(segment, at, numbers) {
            Some(message) => {
                at = message.end();
                messages.push(message);
            }
            None => {
                torn_at.get_or_insert(at);
                at += 1;
            }
        }
    }
    (messages, torn_at)
}

impl Message {
    fn read(segment: &[u8], at: usize, numbers: &RangeInclusive<u64>) -> Option<Self> {
        let mut message = Message::header(segment, at, numbers)?;
        let (header, body) = segment[at..message.end()].split_at(message.bytes[0]);
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(body);
        checksum.update(&header[4..]);
        if !checksum.finalize() != message.checksum {
            return None;
        }
        if matches!(message.kind, kind::BLOB_META | kind::BLOB_NODE | kind::BLOB_LINK) {
            message.blob = body.first_chunk().map(|number| i64::from_le_bytes(*number));
        }
        Some(message)
    }

    /// What the header at a place says, whether or not the message is whole.
    fn header(segment: &[u8], at: usize, numbers: &RangeInclusive<u64>) -> Option<Self> {
        let header = &segment[at..at + MESSAGE_HEADER_BYTES_MAX];
        let (checksum, rest) = header.split_first_chunk::<4>()?;
        let (&kind, mut rest) = rest.split_first()?;
        if !(kind::FIRST..=kind::LAST).contains(&kind) {
            return None;
        }
        let [body, segment_number, page] = [number(&mut rest)?, number(&mut rest)?, number(&mut rest)?];
        let (bytes, checksum) = (MESSAGE_HEADER_BYTES_MAX - rest.len(), u32::from_le_bytes(*checksum));
        let body = usize::try_from(body).ok().filter(|body| *body <= SEGMENT_BYTES - at - bytes)?;
        let message = Message { at, kind, segment: segment_number, page, checksum, bytes: [bytes, body], blob: None };
        numbers.contains(&segment_number).then_some(message)
    }

    fn end(&self) -> usize {
        self.at + self.bytes[0] + self.bytes[1]
    }

    fn position(&self) -> u64 {
        position(self.segment, self.at)
    }

    /// Its page and its position, if it says something of a page.
    fn of_page(&self) -> Option<(u64, u64)> {
        (self.kind >= kind::FREE).then(|| (self.page, self.position()))
    }

    /// Whether it says all of its page: what it is now, or that it is none.
    fn writes_anew(&self) -> bool {
        (kind::FREE..=kind::BLOB_NODE).contains(&self.kind)
    }

    fn begins_batch(&self) -> bool {
        self.kind == kind::BATCH && self.page == BATCH_PAGE
    }
}

/// Kinds of messages; those of pages are from [`FREE`](kind::FREE) on.
mod kind {
    /// Something that was given up.
    pub const FIRST: u8 = 1;
    /// The mark that stands before each batch.
    pub const BATCH: u8 = 3;
    /// The page is none any more.
    pub const FREE: u8 = 4;
    pub const BLOB_META: u8 = 7;
    pub const BLOB_NODE: u8 = 9;
    /// A change to a page.
    pub const BLOB_LINK: u8 = 11;
    pub const LAST: u8 = BLOB_LINK;
}

/// Takes a number off. Its first byte is the number, or says how many follow.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let (&first, rest) = bytes.split_first()?;
    let (number, length) = match first {
        0..=240 => (u64::from(first), 0),
        241..=248 => (240 + 256 * (u64::from(first) - 241) + u64::from(*rest.first()?), 1),
        249 => (2288 + 256 * u64::from(*rest.first()?) + u64::from(*rest.get(1)?), 2),
        250..=255 => {
            let length = usize::from(first) - 247;
            let mut whole = [0; 8];
            whole[..length].copy_from_slice(rest.get(..length)?);
            (u64::from_le_bytes(whole), length)
        }
    };
    *bytes = &rest[length..];
    Some(number)
}

/// Whether a file beside the log is a whole page of this kind: `[CRC-32 of what follows: 4][kind: 1][page]`.
fn is_blob(bytes: &[u8], kind: u8) -> bool {
    bytes.split_first_chunk::<4>().is_some_and(|(checksum, rest)| {
        rest.first() == Some(&kind) && crc32fast::hash(rest) == u32::from_le_bytes(*checksum)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::{BufRead as _, BufReader};
    use std::path::PathBuf;
    use std::process::{Command, Stdio};
    use std::sync::Arc;

    use super::*;
    use crate::domain::ids::PoolId;
    use crate::rng::Rng;
    use crate::store::records::NameOwner;
    use crate::store::{Batch, Failure, SledStore, Store, UsernameKey};

    const CACHE_BYTES: u64 = 16 * 1024 * 1024;

    /// A store in a directory.
    struct Written {
        directory: tempfile::TempDir,
        chance: Rng,
        store: Option<SledStore>,
    }

    impl Written {
        fn new(seed: u64) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let store = Some(SledStore::open(directory.path(), CACHE_BYTES).unwrap());
            Written { directory, chance: Rng::seeded(seed), store }
        }

        fn store(&self) -> &SledStore {
            self.store.as_ref().unwrap()
        }

        async fn commits(&self, names: u64, bytes: usize) {
            self.store().commit(batch(&self.chance, names, bytes)).await.unwrap();
        }

        async fn reopens(&mut self) {
            self.store.take().unwrap().close().unwrap();
            self.store = Some(SledStore::open(self.directory.path(), CACHE_BYTES).unwrap());
        }

        /// What `kill -9` would leave now: nothing is being written.
        fn image(&self) -> Image {
            Image::of(self.directory.path())
        }
    }

    /// A record or some, new or again, each of up to so many bytes.
    fn batch(chance: &Rng, names: u64, bytes: usize) -> Batch {
        let mut batch = Batch::default();
        for _ in 0..=below(chance, 3) {
            let name = format!("name-{}", below(chance, names));
            let sub = chance.text(10, b"abcdefgh").repeat(below_length(chance, bytes) / 10);
            batch.put(&UsernameKey { pool: PoolId("us-east-1_Example12".into()), name }, &NameOwner { sub });
        }
        batch
    }

    /// A number below another one.
    fn below(chance: &Rng, end: u64) -> u64 {
        u64::from_be_bytes(chance.bytes()) % end
    }

    fn below_length(chance: &Rng, end: usize) -> usize {
        usize::try_from(below(chance, end as u64)).unwrap()
    }

    /// The files of a store at one moment.
    #[derive(Clone, Default)]
    struct Image {
        log: Vec<u8>,
        others: BTreeMap<PathBuf, Vec<u8>>,
    }

    impl Image {
        fn of(directory: &Path) -> Self {
            let mut image = Image::default();
            for folder in ["", "blobs"] {
                for entry in fs::read_dir(directory.join(folder)).unwrap() {
                    let path = Path::new(folder).join(entry.unwrap().file_name());
                    if directory.join(&path).is_file() {
                        image.others.insert(path.clone(), fs::read(directory.join(&path)).unwrap());
                    }
                }
            }
            image.log = image.others.remove(Path::new("db")).unwrap();
            image
        }

        fn write(&self) -> tempfile::TempDir {
            let directory = tempfile::tempdir().unwrap();
            fs::create_dir(directory.path().join("blobs")).unwrap();
            for (path, bytes) in &self.others {
                fs::write(directory.path().join(path), bytes).unwrap();
            }
            fs::write(directory.path().join("db"), &self.log).unwrap();
            directory
        }

        /// The header of a segment, by its place in the file, and its messages.
        fn segment(&self, slot: usize) -> (Option<SegmentHeader>, Vec<Message>) {
            let mut segment = self.log.chunks(SEGMENT_BYTES).nth(slot).unwrap().to_vec();
            segment.resize(SEGMENT_BYTES, 0);
            let header = SegmentHeader::read(&segment);
            (header, header.map_or_else(Vec::new, |header| messages(&segment, &(header.number..=header.number)).0))
        }

        fn headers(&self) -> Vec<Option<u64>> {
            let segments = self.log.chunks(SEGMENT_BYTES).filter(|segment| segment.len() >= SEGMENT_HEADER_BYTES);
            segments.map(|segment| SegmentHeader::read(segment).map(|header| header.number)).collect()
        }
    }

    /// Everything that a store holds, or why it does not open.
    async fn contents(directory: &Path) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Failure> {
        let store = SledStore::open(directory, CACHE_BYTES)?;
        let (mut snapshot, mut contents) = (store.snapshot().await?, BTreeMap::new());
        loop {
            let page = snapshot.next().await?;
            if page.is_empty() {
                return Ok(contents);
            }
            contents.extend(page.into_iter().map(|(key, value)| (key, value.bytes)));
        }
    }

    /// A store whose log goes over several segments since it was opened, and what it held after each of its last commits.
    async fn long_log() -> (Image, Vec<BTreeMap<Vec<u8>, Vec<u8>>>) {
        let mut written = Written::new(1);
        for _ in 0..50 {
            written.commits(300, 4000).await;
        }
        written.reopens().await;
        while written.image().headers().len() < 7 {
            for _ in 0..20 {
                written.commits(300, 4000).await;
            }
        }
        let mut truths = Vec::new();
        for _ in 0..3 {
            written.commits(300, 4000).await;
            truths.push(contents(written.image().write().path()).await.unwrap());
        }
        (written.image(), truths)
    }

    #[tokio::test]
    async fn a_flipped_bit_is_refused_or_changes_nothing() {
        const FLIPS: usize = 200;
        let (image, truths) = long_log().await;
        let (good, chance) = (image.write(), Rng::seeded(2));
        prepare(good.path()).unwrap();
        let log = Log::read(good.path(), &File::open(good.path().join("db")).unwrap()).unwrap();
        let is_last_word = |message: &Message| message.of_page().is_some_and(|page| log.is_last_word(&page));
        let mut refused_in_use = 0;
        for flip in 0..FLIPS {
            let slot = below_length(&chance, image.log.len().div_ceil(SEGMENT_BYTES));
            let (header, messages) = image.segment(slot);
            let Some(header) = header.filter(|header| header.number >= log.first) else { continue };
            let message = &messages[below_length(&chance, messages.len())];
            let at = match flip % 3 {
                0 => below_length(&chance, SEGMENT_HEADER_BYTES),
                1 => message.at + below_length(&chance, message.bytes[0]),
                _ => message.at + below_length(&chance, message.bytes[0] + message.bytes[1]),
            };
            let mut bad = image.clone();
            bad.log[slot * SEGMENT_BYTES + at] ^= 1 << below(&chance, 8);
            let directory = bad.write();
            let refused = prepare(directory.path());
            let others_in_use = messages.iter().filter(|other| other.at != message.at && is_last_word(other)).count();
            if others_in_use > 0 && position(header.number, at) < log.batches[1] {
                let cause = refused.unwrap_err().to_string();
                assert!(cause.contains("of `db` cannot be read; restore a backup"), "{cause}");
                refused_in_use += 1;
            } else if refused.is_ok() {
                match contents(directory.path()).await {
                    Ok(contents) => assert!(truths.contains(&contents), "flip {flip}: byte {at} of slot {slot}"),
                    Err(cause) => assert!(cause.to_string().contains("restore a backup"), "{cause}"),
                }
            }
        }
        assert!(refused_in_use > FLIPS / 3, "only {refused_in_use} bits were flipped where it matters");
    }

    #[tokio::test]
    async fn whatever_a_power_cut_leaves_of_a_commit_opens() {
        const BLOCK_BYTES: [usize; 2] = [512, 4096];
        let written = Written::new(3);
        let (mut begun_anew, mut before) = (0, written.image());
        while begun_anew < 4 {
            written.commits(150, 3000).await;
            let after = written.image();
            let headers = [&before, &after].map(|image| image.headers());
            let new = headers[1].iter().enumerate().filter(|(slot, header)| headers[0].get(*slot) != Some(*header));
            let new: Vec<usize> = new.map(|(slot, _)| slot).collect();
            begun_anew += new.iter().filter(|slot| headers[0].get(**slot).is_some_and(Option::is_some)).count();
            let variants = if new.is_empty() { usize::from(below(&written.chance, 20) == 0) } else { 24 };
            for variant in 0..variants {
                let block_bytes = BLOCK_BYTES[variant % 2];
                // Of blocks that the commit wrote, few reached the disk, or about half, or most; or all but the headers.
                let share = [1, 5, 9, 10][variant / 2 % 4];
                let mut cut = Image { log: before.log.clone(), others: after.others.clone() };
                if variant % 3 != 0 {
                    cut.log.resize(after.log.len().max(before.log.len()), 0);
                }
                for at in (0..cut.log.len().min(after.log.len())).step_by(block_bytes) {
                    let end = (at + block_bytes).min(cut.log.len()).min(after.log.len());
                    let is_of_header = new.iter().any(|slot| at == slot * SEGMENT_BYTES);
                    if below(&written.chance, 10) < share && !(share == 10 && is_of_header) {
                        cut.log[at..end].copy_from_slice(&after.log[at..end]);
                    }
                }
                let directory = cut.write();
                prepare(directory.path()).unwrap();
                if variant < 8 {
                    contents(directory.path()).await.unwrap();
                }
            }
            before = after;
        }
    }

    /// Says where a store is, to the process that is to be killed.
    const KILLED: &str = "COGNATE_TEST_KILLED_STORE";

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "it is run, and killed, by the next one"]
    async fn it_writes_until_it_is_killed() {
        let Some(directory) = std::env::var_os(KILLED) else { return };
        let store = Arc::new(SledStore::open(Path::new(&directory), CACHE_BYTES).unwrap());
        let mut writers = tokio::task::JoinSet::new();
        for seed in 0..4 {
            let (store, chance) = (store.clone(), Rng::seeded(seed));
            writers.spawn(async move {
                loop {
                    store.commit(batch(&chance, 150, 6000)).await.unwrap();
                    println!("\n{}", store.durable_version());
                }
            });
        }
        writers.join_all().await;
    }

    #[test]
    fn a_store_opens_after_a_kill_at_any_moment() {
        const ROUNDS: usize = 10;
        const COMMITS_MAX: usize = 500;
        let (directory, chance) = (tempfile::tempdir().unwrap(), Rng::seeded(7));
        for _ in 0..ROUNDS {
            let mut writes = Command::new(std::env::current_exe().unwrap());
            writes.args([
                "--exact",
                "store::sled::log::tests::it_writes_until_it_is_killed",
                "--ignored",
                "--nocapture",
            ]);
            writes.env(KILLED, directory.path()).stdout(Stdio::piped());
            let mut child = writes.spawn().unwrap();
            let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
            let mut versions = lines.filter_map(|line| line.parse::<u64>().ok());
            let reached = versions.by_ref().take(1 + below_length(&chance, COMMITS_MAX)).max().unwrap();
            child.kill().unwrap();
            let reached = versions.max().unwrap_or_default().max(reached);
            child.wait().unwrap();
            let store = SledStore::open(directory.path(), CACHE_BYTES).unwrap();
            assert!(store.durable_version() >= reached);
            store.close().unwrap();
        }
    }

    #[tokio::test]
    async fn a_page_beside_the_log_that_is_damaged_or_gone_is_refused() {
        let written = Written::new(4);
        for _ in 0..40 {
            written.commits(12, 60_000).await;
        }
        let mut truths = Vec::new();
        for _ in 0..3 {
            written.commits(12, 60_000).await;
            truths.push(contents(written.image().write().path()).await.unwrap());
        }
        let image = written.image();
        let good = image.write();
        prepare(good.path()).unwrap();
        let log = Log::read(good.path(), &File::open(good.path().join("db")).unwrap()).unwrap();
        let mut refused = 0;
        for blob in image.others.keys().filter(|path| path.starts_with("blobs")) {
            let (mut damaged, mut gone) = (image.clone(), image.clone());
            let bytes = damaged.others.get_mut(blob).unwrap();
            let at = below_length(&written.chance, bytes.len());
            bytes[at] ^= 1 << below(&written.chance, 8);
            gone.others.remove(blob);
            let written_at: u64 = blob.file_name().unwrap().to_str().unwrap().parse().unwrap();
            // Of the last commits one may be gone in part with such a file: no crash takes it away, and nothing tells.
            let bad = if written_at < log.batches[1] { vec![damaged, gone] } else { vec![damaged] };
            for bad in bad {
                match contents(bad.write().path()).await {
                    Ok(contents) => assert!(truths.contains(&contents), "{}", blob.display()),
                    Err(cause) => {
                        let cause = cause.to_string();
                        refused +=
                            usize::from(cause.contains(&format!("the page in `{}` cannot be read", blob.display())));
                    }
                }
            }
        }
        assert!(refused > 1, "only {refused} pages mattered");
    }

    #[tokio::test]
    async fn a_snapshot_that_a_crash_left_unfinished_is_in_nobodys_way() {
        let mut written = Written::new(5);
        written.commits(10, 100).await;
        written.reopens().await;
        written.commits(10, 100).await;
        let mut image = written.image();
        let truth = contents(image.write().path()).await.unwrap();
        for bytes in [0, 5, 100] {
            image.others.insert("snap.00000000000FFFFF.generating".into(), vec![1; bytes]);
            assert!(::sled::open(image.write().path()).is_err());
            assert_eq!(contents(image.write().path()).await.unwrap(), truth);
        }
    }

    #[test]
    fn a_store_that_is_open_is_left_to_the_engine_to_refuse() {
        let written = Written::new(6);
        let mut bytes = fs::read(written.directory.path().join("db")).unwrap();
        bytes.iter_mut().for_each(|byte| *byte ^= 1);
        fs::write(written.directory.path().join("db"), bytes).unwrap();
        prepare(written.directory.path()).unwrap();
    }
}
