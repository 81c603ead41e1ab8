//! The systemd journal, through `journalctl -o json --follow`, resumed by cursor.
//!
//! Start at [`run`]. `journalctl` and not a library: it reads every version of the journal's files, and it may be the
//! one that is allowed to. What an entry says is in [`entry`], what it says about a unit's run in [`mod@unit`].
//!
//! It begins *at* the checkpoint's cursor and leaves the entry out that is there, instead of beginning after it: when
//! the journal has been trimmed beyond the cursor, `--after-cursor` would leave out an entry that nobody has read.
//!
//! It is run twice. First without `--follow`, up to the newest entry: since systemd 250, `--follow` shows the running boot
//! alone, and what was written before a reboot and not read yet would be lost. `--merge` would lift that, but shows other
//! machines' entries, too, and whoever may write a file of theirs (a container, a machine that sends its journal) may
//! claim to be this one. So only a folder that was named is merged.

pub mod entry;
pub mod files;
pub mod unit;
mod users;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use heinzel_core::block::{Block, Checkpoint, Health, Record, Shape, StreamId};
use heinzel_core::time::Timestamp;
use heinzel_process::How;
use heinzel_process::stream::{StreamCommand, Streaming, stream};
use serde::{Deserialize, Serialize};

use crate::error::{SourceError, unless_closed};
use crate::feed::Feed;
use crate::lines::{BLOCK_BYTES, BLOCK_RECORDS, Lines};
use crate::settings::{Common, Journald, Start};
use entry::Entry;

/// The longest JSON text of one entry: a message of the largest size that is kept, as an array of bytes, several times.
const ENTRY_LIMIT: usize = 32 << 20;
/// journalctl gives no sign when it has shown all there is: this much silence after the start counts as one.
const QUIET: Duration = Duration::from_millis(1_500);

/// What journalctl says where there is no journal.
const NO_FILES: &str = "No journal files were found";

/// How far the journal is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    v: u8,
    /// The last entry that was read. `None`: none yet.
    cursor: Option<String>,
    /// When that was written (or when reading began), in microseconds since the epoch: the way back in when the cursor
    /// is no longer understood.
    realtime: i64,
    /// How many bytes of messages were read so far.
    offset: u64,
}

/// Reads the journal until it is told to stop.
///
/// # Errors
/// When `journalctl` cannot be started or ends.
pub async fn run(
    feed: Feed,
    common: Common,
    settings: Journald,
    checkpoints: Vec<Checkpoint>,
) -> Result<(), SourceError> {
    let (settings, common, program) = (&settings, &common, &["journalctl".to_owned()]);
    let is_here: &(dyn Fn() -> bool + Sync) = &|| files::is_here(settings.directory.as_deref());
    let users = users::web_users(&std::fs::read_to_string("/etc/passwd").unwrap_or_default());
    let reader = Reader { feed, settings, common, program, is_here, web_users: &users, stream: Arc::from("journal") };
    unless_closed(reader.run(&checkpoints).await)
}

struct Reader<'a> {
    feed: Feed,
    settings: &'a Journald,
    common: &'a Common,
    /// `journalctl`, as an argv.
    program: &'a [String],
    /// Whether there is a journal.
    is_here: &'a (dyn Fn() -> bool + Sync),
    /// The users that web servers run as.
    web_users: &'a [u32],
    stream: StreamId,
}

/// Where journalctl shall begin.
#[derive(Clone, Debug, PartialEq, Eq)]
enum From {
    Cursor(String),
    Time(Timestamp),
    Beginning,
}

/// How far one run of journalctl reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// All there is, of all boots.
    Newest,
    /// What comes, until told to stop.
    Stopped,
    /// The same of a folder's journals, of all boots.
    StoppedMerged,
}

/// How one run of journalctl came to its end without an error.
enum Over {
    Stopped,
    /// All there was is read.
    AllRead,
    /// It does not understand the cursor.
    CursorRefused,
    /// It does not both merge and follow (systemd 250 to 253, until that was mended).
    MergeRefused,
}

impl Reader<'_> {
    async fn run(&self, checkpoints: &[Checkpoint]) -> Result<(), SourceError> {
        for setting in &self.settings.matches {
            if !setting.contains('=') {
                return Err(SourceError::Broken(format!(
                    "read the journal with the match `{setting}`: it has no `=`; write it like `_TRANSPORT=kernel`"
                )));
            }
        }
        let now = (self.feed.now)();
        let mut position = Position { v: 1, cursor: None, realtime: now.as_micros(), offset: 0 };
        let mut from = match self.common.start {
            Start::End => From::Time(now),
            Start::Since(span) => From::Time(now - span),
            Start::Beginning => From::Beginning,
        };
        match checkpoints.iter().find(|checkpoint| checkpoint.stream == self.stream) {
            Some(checkpoint) if !checkpoint.state.is_empty() => match read_position(&checkpoint.state) {
                Some(read) => {
                    from = read.cursor.clone().map_or(From::Time(Timestamp::from_micros(read.realtime)), From::Cursor);
                    position = read;
                }
                None => self.feed.counted("checkpoint_unusable", 1).await?,
            },
            _ => {
                // From here on a restart knows since when it must read, even before the first entry.
                if let From::Time(time) = from {
                    position.realtime = time.as_micros();
                    self.send(&mut position, Batch::default()).await?;
                }
            }
        }
        let mut until = Until::Newest;
        loop {
            match self.read(&from, until, &mut position).await? {
                Over::Stopped => return Ok(()),
                Over::AllRead => {
                    from = position.cursor.clone().map_or(from, From::Cursor);
                    until = if self.settings.directory.is_some() { Until::StoppedMerged } else { Until::Stopped };
                }
                Over::MergeRefused => {
                    self.feed.complaint(self.read_at_starts_only()).await?;
                    until = Until::Stopped;
                }
                Over::CursorRefused => {
                    self.feed.counted("checkpoint_unusable", 1).await?;
                    from = From::Time(Timestamp::from_micros(position.realtime));
                }
            }
        }
    }

    /// What an operator must know where journalctl does not follow what it merges.
    fn read_at_starts_only(&self) -> String {
        let folder = self.settings.directory.as_deref().unwrap_or(Path::new("/var/log/journal")).display();
        format!(
            "what another machine writes into {folder} is read at the next start of Heinzel only: this journalctl refuses \
             `--follow` with `--merge` (some of systemd 250 to 253 do); update systemd, or let that machine send its \
             lines to a source of the kind `syslog`"
        )
    }

    /// Runs journalctl once.
    async fn read(&self, from: &From, until: Until, position: &mut Position) -> Result<Over, SourceError> {
        if !(self.is_here)() {
            return Err(SourceError::Broken(self.no_journal()));
        }
        let skip = if let From::Cursor(cursor) = from { Some(cursor.as_str()) } else { None };
        let command = StreamCommand { argv: self.argv(from, until), environment: Vec::new() };
        let mut journalctl = stream(&command)?;
        let mut caught_up = (until != Until::Newest).then(tokio::time::Instant::now);
        let mut batch = Batch::default();
        let mut lines = Lines::new(ENTRY_LIMIT);
        let mut chunk = Vec::new();
        let mut read_any = false;
        loop {
            chunk.clear();
            let quiet = caught_up.map(|since| since + QUIET);
            let read = tokio::select! {
                biased;
                () = self.feed.stop.cancelled() => {
                    // What is not handed over yet is read again from the checkpoint.
                    let _ = journalctl.stop().await;
                    return Ok(Over::Stopped);
                }
                read = journalctl.read(&mut chunk) => read.map_err(SourceError::io("read what journalctl writes"))?,
                // What has come so far goes out as soon as nothing more is there: a single entry never waits.
                () = std::future::ready(()), if !batch.is_empty() => {
                    self.send(position, std::mem::take(&mut batch)).await?;
                    continue;
                }
                () = sleep_until(quiet), if quiet.is_some() => {
                    caught_up = None;
                    self.say_how_it_is(&journalctl).await?;
                    self.feed.caught_up().await?;
                    continue;
                }
            };
            if read == 0 {
                break;
            }
            if caught_up.is_some() {
                caught_up = Some(tokio::time::Instant::now());
            }
            read_any = true;
            lines.push(&chunk, |line| batch.take(line, skip, self.common, self.web_users));
            batch.undecodable += lines.take_cut();
            if batch.is_full() {
                self.send(position, std::mem::take(&mut batch)).await?;
            }
        }
        self.send(position, batch).await?;
        let (how, stderr) = journalctl.end().await.map_err(SourceError::io("wait for journalctl"))?;
        let refused = |what| !read_any && stderr.to_ascii_lowercase().contains(what);
        if until == Until::StoppedMerged && refused("--merge") {
            return Ok(Over::MergeRefused);
        }
        if skip.is_some() && refused("cursor") {
            return Ok(Over::CursorRefused);
        }
        // Whether there is a journal at all is said by who follows.
        if until == Until::Newest && (how == How::Exit(0) || stderr.contains(NO_FILES)) {
            return Ok(Over::AllRead);
        }
        let said = if stderr.is_empty() { "it said nothing".to_owned() } else { format!("it said: {stderr}") };
        let way = if is_denied(&stderr) {
            "; add the user that Heinzel runs as to the group `systemd-journal`, and restart it"
        } else {
            ""
        };
        Err(SourceError::Broken(format!("read the journal: journalctl ended ({how:?}); {said}{way}")))
    }

    fn argv(&self, from: &From, until: Until) -> Vec<String> {
        let mut argv = self.program.to_vec();
        argv.extend(["--output=json", "--all", "--no-pager"].map(str::to_owned));
        match until {
            Until::Newest => {}
            Until::Stopped => argv.extend(["--follow", "--no-tail"].map(str::to_owned)),
            Until::StoppedMerged => argv.extend(["--follow", "--no-tail", "--merge"].map(str::to_owned)),
        }
        match from {
            From::Cursor(cursor) => argv.push(format!("--cursor={cursor}")),
            From::Time(time) => {
                let micros = time.as_micros().max(0);
                argv.push(format!("--since=@{}.{:06}", micros / 1_000_000, micros % 1_000_000));
            }
            From::Beginning => {}
        }
        if let Some(directory) = &self.settings.directory {
            argv.push(format!("--directory={}", directory.display()));
        }
        argv.extend(self.settings.units.iter().map(|unit| format!("--unit={unit}")));
        if !self.settings.matches.is_empty() {
            argv.push("--".to_owned());
            argv.extend(self.settings.matches.iter().cloned());
        }
        argv
    }

    /// journalctl reports what it may not see on stderr and then shows nothing: say so, or it looks like silence.
    async fn say_how_it_is(&self, journalctl: &Streaming) -> Result<(), SourceError> {
        let said = journalctl.stderr();
        let health = if is_denied(&said) {
            Health::Degraded {
                why: format!(
                    "read the journal: this user may not see the system's entries; add it to the group \
                     `systemd-journal` and restart (journalctl said: {said})"
                ),
            }
        } else if said.contains(NO_FILES) {
            Health::Degraded { why: self.no_journal() }
        } else {
            Health::Ok
        };
        Ok(self.feed.health(None, health).await?)
    }

    fn no_journal(&self) -> String {
        let place = match &self.settings.directory {
            Some(directory) => format!("in {}", directory.display()),
            None => "on this machine".to_owned(),
        };
        format!(
            "read the journal: there is no journal {place}; start systemd-journald, or read the files of /var/log with sources of \
             `kind = \"file\"` instead"
        )
    }

    /// Hands over what has been read, with the position behind it.
    async fn send(&self, position: &mut Position, batch: Batch) -> Result<(), SourceError> {
        if batch.undecodable > 0 {
            self.feed.counted("undecodable", batch.undecodable).await?;
        }
        if batch.cut > 0 {
            self.feed.counted("line_cut", batch.cut).await?;
        }
        let offset = position.offset;
        position.offset += batch.bytes.len() as u64;
        if let Some((cursor, realtime)) = batch.last {
            position.cursor = Some(cursor);
            position.realtime = realtime.as_micros();
        }
        let state = serde_json::to_string(position)
            .map_err(|error| SourceError::Broken(format!("write the journal's checkpoint: {error}")))?;
        let source = self.feed.source.clone();
        let block = Block {
            source: source.clone(),
            stream: self.stream.clone(),
            offset,
            bytes: batch.bytes,
            shape: Shape::Records(batch.records),
            checkpoint: Some(Checkpoint { source, stream: self.stream.clone(), state: state.into() }),
            read_at: (self.feed.now)(),
            ack: None,
        };
        Ok(self.feed.block(block).await?)
    }
}

/// What has been read and not yet handed over.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    records: Vec<Record>,
    last: Option<(String, Timestamp)>,
    undecodable: u64,
    cut: u64,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.undecodable == 0
    }

    fn is_full(&self) -> bool {
        self.records.len() >= BLOCK_RECORDS || self.bytes.len() >= BLOCK_BYTES
    }

    /// Takes one entry's JSON text, unless it is the one at the cursor `skip`.
    fn take(&mut self, line: &[u8], skip: Option<&str>, common: &Common, web_users: &[u32]) {
        if line.is_empty() {
            return;
        }
        let Ok(entry) = serde_json::from_slice::<Entry>(line) else {
            self.undecodable += 1;
            return;
        };
        let (cursor, realtime) = (entry.cursor(), entry.realtime());
        if cursor.is_some() && cursor.as_deref() == skip {
            return;
        }
        let read = entry.read(common.program.as_deref(), web_users);
        self.cut += u64::from(read.cut);
        self.bytes.extend_from_slice(&read.message);
        self.bytes.push(b'\n');
        self.records.push(Record { end: self.bytes.len(), stamp: Some(Box::new(read.stamp)) });
        if let (Some(cursor), Some(realtime)) = (cursor, realtime) {
            self.last = Some((cursor, realtime));
        }
    }
}

fn read_position(state: &str) -> Option<Position> {
    let position: Position = serde_json::from_str(state).ok()?;
    let cursor_is_plain = position.cursor.as_ref().is_none_or(|cursor| !cursor.chars().any(char::is_control));
    (position.v == 1 && cursor_is_plain).then_some(position)
}

async fn sleep_until(when: Option<tokio::time::Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when).await,
        None => std::future::pending().await,
    }
}

/// Whether journalctl says that it may not see the entries.
fn is_denied(said: &str) -> bool {
    said.contains("not seeing messages") || said.contains("insufficient permissions")
}

#[cfg(test)]
mod tests;
