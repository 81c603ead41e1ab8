//! What the history's files say now, against what has been told already.
//!
//! Start at [`History::look`]. Three files know of a task, each at another time: `active` lists what runs and what has
//! just ended and is rewritten as a whole, so it is compared by name; `index` gets a line for each ended task, later, and
//! is renamed to `index.1` when it is large, so it is followed over the rename; the task's own log is written first of
//! all, but programs' output stands in it too, so its last line is believed only when the worker is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use heinzel_core::block::Record;
use heinzel_core::event::Stamp;
use heinzel_core::task::{Task, TaskState};
use heinzel_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::upid::{self, Upid};
use crate::lines::{BLOCK_BYTES, BLOCK_RECORDS};
use crate::settings::Start;

/// How much of a task's log is kept: its end, where the reason stands.
pub(super) const LOG_KEPT: u64 = 64 * 1024;
/// `active` holds the running tasks and some tens of ended ones; more than this is not a list of active tasks.
const ACTIVE_LIMIT: u64 = 4 << 20;
/// The longest line of `index`: a name, a time and a status.
const LINE_LIMIT: u64 = 64 * 1024;
/// How many ended tasks are remembered that `index` has not named yet.
const ENDED_LIMIT: usize = 5_000;

/// What is told already, and how far `index` is read. This is the checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    v: u8,
    /// The first task of the `index` that is being read: names are unique, so it tells one `index` from the next.
    first: Option<String>,
    /// How far it is read, in bytes.
    offset: u64,
    /// The first task of the `index.1` that needs no more reading.
    older: Option<String>,
    /// Told as running.
    running: BTreeSet<String>,
    /// Told as ended, with whether `index` has named it. Kept until it has, and `active` has forgotten it.
    ended: BTreeMap<String, bool>,
}

/// The history of one folder.
#[derive(Debug)]
pub(crate) struct History {
    folder: PathBuf,
    told: Told,
    /// The first look: there is no checkpoint yet.
    fresh: Option<Start>,
    /// What ended earlier is not told (`start` is a span).
    oldest: Timestamp,
    unusable: bool,
    /// How many lines of `active` made no sense at the last look: it is read anew each time, and each shall count once.
    odd_active: u64,
}

/// What a look brought.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The logs of the tasks, each ended by `\n`.
    pub(crate) bytes: Vec<u8>,
    /// One for each task whose state changed.
    pub(crate) records: Vec<Record>,
    /// Where in `index` the look began, in bytes.
    pub(crate) offset: u64,
    /// The state to store with it. `None`: nothing changed.
    pub(crate) checkpoint: Option<String>,
    /// What must be counted.
    pub(crate) counted: Vec<(&'static str, u64)>,
    /// There is more than fits into one block: look again at once.
    pub(crate) more: bool,
    undecodable: u64,
}

impl Seen {
    fn is_full(&self) -> bool {
        self.records.len() >= BLOCK_RECORDS || self.bytes.len() >= BLOCK_BYTES
    }
}

/// A line of `active`.
struct Active {
    upid: Upid,
    /// Its end and status, if it has ended.
    end: Option<(Timestamp, String)>,
    /// Whether `index` has it.
    saved: bool,
}

impl History {
    /// The history in `folder`, from the state `known`, or from `start`.
    #[must_use]
    pub(crate) fn new(folder: PathBuf, start: Start, now: Timestamp, known: Option<&str>) -> Self {
        let mut history = Self {
            folder,
            told: Told { v: 1, first: None, offset: 0, older: None, running: BTreeSet::new(), ended: BTreeMap::new() },
            fresh: None,
            oldest: Timestamp::MIN,
            unusable: false,
            odd_active: 0,
        };
        match known.filter(|state| !state.is_empty()).map(serde_json::from_str::<Told>) {
            Some(Ok(told)) if told.v == 1 => history.told = told,
            other => {
                history.unusable = other.is_some();
                history.fresh = Some(start);
                if let Start::Since(span) = start {
                    history.oldest = now - span;
                }
            }
        }
        history
    }

    /// Looks once and tells what has changed.
    ///
    /// # Errors
    /// When the folder, `index` or `active` exists and cannot be read, or the folder does not exist.
    pub(crate) fn look(&mut self, now: Timestamp) -> io::Result<Seen> {
        fs::metadata(&self.folder)?;
        let before = self.told.clone();
        let mut seen = Seen { offset: self.told.offset, ..Seen::default() };
        if std::mem::take(&mut self.unusable) {
            seen.counted.push(("checkpoint_unusable", 1));
        }
        let active = self.read_active(&mut seen)?;
        let fresh = self.fresh.take();
        if fresh == Some(Start::End) {
            self.leave_out_the_past(&active)?;
        }
        let names: BTreeSet<&str> = active.iter().map(|task| task.upid.text.as_str()).collect();
        self.read_index(&names, &mut seen)?;
        if !seen.is_full() {
            self.compare_active(&active, &names, now, &mut seen);
        }
        if seen.undecodable > 0 {
            seen.counted.push(("undecodable", seen.undecodable));
        }
        seen.more = seen.is_full();
        if fresh.is_some() || self.told != before {
            seen.checkpoint = Some(serde_json::to_string(&self.told).map_err(io::Error::other)?);
        }
        Ok(seen)
    }

    /// Only news are wanted: what has ended already counts as told.
    fn leave_out_the_past(&mut self, active: &[Active]) -> io::Result<()> {
        if let Some(index) = Index::open(&self.folder.join("index"))? {
            self.told.offset = index.end_of_lines()?;
            self.told.first = index.first;
        }
        self.told.older = Index::open(&self.folder.join("index.1"))?.and_then(|older| older.first);
        for task in active.iter().filter(|task| task.end.is_some()) {
            self.told.ended.insert(task.upid.text.clone(), task.saved);
        }
        Ok(())
    }

    /// Reads `index` from where it was left, and before it what was written to it before it was renamed.
    fn read_index(&mut self, active: &BTreeSet<&str>, seen: &mut Seen) -> io::Result<()> {
        let index = Index::open(&self.folder.join("index"))?;
        let older = Index::open(&self.folder.join("index.1"))?;
        if !index.as_ref().is_some_and(|index| index.goes_on_from(&self.told)) {
            if let Some(older) = older
                && older.first.is_some()
                && older.first != self.told.older
            {
                // Not ours: two renames came between two looks, and then all of `index.1` is new.
                if !older.goes_on_from(&self.told) {
                    self.told.offset = 0;
                    self.told.first = older.first.clone();
                }
                if !self.read_lines(older, active, seen)? {
                    return Ok(());
                }
                self.told.older = self.told.first.take();
            }
            self.told.offset = 0;
            self.told.first = index.as_ref().and_then(|index| index.first.clone());
        } else if let Some(older) = older {
            self.told.older = older.first;
        }
        if let Some(index) = index {
            self.read_lines(index, active, seen)?;
        }
        Ok(())
    }

    /// Reads complete lines from the offset on. False: the block is full before the end.
    fn read_lines(&mut self, index: Index, active: &BTreeSet<&str>, seen: &mut Seen) -> io::Result<bool> {
        let mut file = index.file;
        file.seek(SeekFrom::Start(self.told.offset))?;
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        loop {
            if seen.is_full() {
                return Ok(false);
            }
            line.clear();
            let read = (&mut reader).take(LINE_LIMIT).read_until(b'\n', &mut line)? as u64;
            if line.last() != Some(&b'\n') && read < LINE_LIMIT {
                return Ok(true);
            }
            self.told.offset += read;
            let Some((upid, end, status)) = parse_index_line(&line) else {
                seen.undecodable += u64::from(!line.iter().all(u8::is_ascii_whitespace));
                continue;
            };
            self.told.running.remove(&upid.text);
            let told_before = self.told.ended.remove(&upid.text).is_some();
            if active.contains(upid.text.as_str()) {
                self.told.ended.insert(upid.text.clone(), true);
            }
            if !told_before && end >= self.oldest {
                self.emit_end(&upid, end, &status, seen);
            }
        }
    }

    fn compare_active(&mut self, active: &[Active], names: &BTreeSet<&str>, now: Timestamp, seen: &mut Seen) {
        for Active { upid, end, saved } in active {
            if seen.is_full() {
                return;
            }
            if self.told.ended.contains_key(&upid.text) {
                continue;
            }
            // An end that only the log knows counts once the worker is gone.
            let end = end.clone().or_else(|| if upid.is_alive() { None } else { self.end_by_log(upid) });
            if let Some((end, status)) = end {
                self.told.running.remove(&upid.text);
                self.told.ended.insert(upid.text.clone(), *saved);
                if end >= self.oldest {
                    self.emit_end(upid, end, &status, seen);
                }
            } else if self.told.running.insert(upid.text.clone()) {
                self.emit(upid, TaskState::Running, None, None, seen);
            }
        }
        let gone: Vec<Upid> = self
            .told
            .running
            .iter()
            .filter(|name| !names.contains(name.as_str()))
            .filter_map(|name| Upid::parse(name))
            .filter(|upid| !upid.is_alive())
            .collect();
        for upid in gone {
            if seen.is_full() {
                return;
            }
            let (end, status) = self.end_by_log(&upid).unwrap_or((now, "unexpected status".to_owned()));
            self.told.running.remove(&upid.text);
            self.told.ended.insert(upid.text.clone(), false);
            self.emit_end(&upid, end, &status, seen);
        }
        self.told.ended.retain(|name, in_index| !*in_index || names.contains(name.as_str()));
        while self.told.ended.len() > ENDED_LIMIT {
            self.told.ended.pop_first();
        }
    }

    /// What the task's own log says of its end: its last line, and when that was written.
    fn end_by_log(&self, upid: &Upid) -> Option<(Timestamp, String)> {
        let path = upid.log(&self.folder);
        let text = read_end(&path, 4096).ok()?;
        let text = String::from_utf8_lossy(&text);
        let status = match text.trim_end().lines().last()?.strip_prefix("TASK ")? {
            "OK" => "OK",
            other => other.strip_prefix("ERROR: ").or_else(|| other.strip_prefix("WARNINGS").map(|_| other))?,
        };
        let modified = fs::metadata(&path).and_then(|meta| meta.modified()).ok()?;
        let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some((Timestamp::EPOCH + since, status.to_owned()))
    }

    fn emit_end(&self, upid: &Upid, end: Timestamp, status: &str, seen: &mut Seen) {
        let state = match status {
            "OK" => TaskState::Ok,
            status if status.starts_with("WARNINGS:") => TaskState::Warning,
            _ => TaskState::Failed,
        };
        self.emit(upid, state, Some(end), Some(status), seen);
    }

    fn emit(&self, upid: &Upid, state: TaskState, finished: Option<Timestamp>, exit: Option<&str>, seen: &mut Seen) {
        let mut log = read_end(&upid.log(&self.folder), LOG_KEPT).unwrap_or_default();
        while log.last().is_some_and(u8::is_ascii_whitespace) {
            log.pop();
        }
        if log.is_empty() {
            // No log (any more): the status is what there is to look at.
            log = exit.unwrap_or_default().as_bytes().to_vec();
        }
        seen.bytes.append(&mut log);
        seen.bytes.push(b'\n');
        let task = Task {
            id: upid.text.clone(),
            kind: upid.kind.clone(),
            target: upid.target.clone(),
            customer: None,
            state,
            started: Some(upid.started),
            finished,
            exit: exit.map(str::to_owned),
        };
        let stamp = Stamp {
            time: Some(finished.unwrap_or(upid.started)),
            host: Some(upid.node.clone()),
            program: Some(upid.kind.clone()),
            pid: Some(upid.pid),
            attributes: BTreeMap::from([("user".to_owned(), upid.user.clone())]),
            task: Some(Box::new(task)),
            ..Stamp::default()
        };
        seen.records.push(Record { end: seen.bytes.len(), stamp: Some(Box::new(stamp)) });
    }

    fn read_active(&mut self, seen: &mut Seen) -> io::Result<Vec<Active>> {
        let mut text = Vec::new();
        match File::open(self.folder.join("active")) {
            Ok(file) => file.take(ACTIVE_LIMIT).read_to_end(&mut text)?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let (mut tasks, mut odd) = (Vec::new(), 0_u64);
        for line in lines {
            match parse_active_line(line) {
                Some(task) => tasks.push(task),
                None => odd += 1,
            }
        }
        seen.undecodable += odd.saturating_sub(self.odd_active);
        self.odd_active = odd;
        Ok(tasks)
    }
}

/// `index` or `index.1`, open.
struct Index {
    file: File,
    size: u64,
    first: Option<String>,
}

impl Index {
    fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let size = file.metadata()?.len();
        let mut line = Vec::new();
        BufReader::new((&file).take(LINE_LIMIT)).read_until(b'\n', &mut line)?;
        let first = line.strip_suffix(b"\n").map(|line| {
            let name = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
            String::from_utf8_lossy(name).into_owned()
        });
        Ok(Some(Self { file, size, first }))
    }

    /// Whether it is the file that was read last.
    fn goes_on_from(&self, told: &Told) -> bool {
        self.first == told.first && told.offset <= self.size
    }

    /// Where the last complete line ends.
    fn end_of_lines(&self) -> io::Result<u64> {
        let mut file = &self.file;
        let start = self.size.saturating_sub(LINE_LIMIT);
        file.seek(SeekFrom::Start(start))?;
        let mut tail = Vec::new();
        file.take(self.size - start).read_to_end(&mut tail)?;
        let end = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at as u64 + 1);
        Ok(start + end)
    }
}

/// The last `limit` bytes of a file, from the beginning of a line where it had to be cut.
fn read_end(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let start = size.saturating_sub(limit);
    file.seek(SeekFrom::Start(start))?;
    let mut text = Vec::new();
    file.take(limit).read_to_end(&mut text)?;
    if start > 0
        && let Some(end) = text.iter().position(|byte| *byte == b'\n')
        && end + 1 < text.len()
    {
        text.drain(..=end);
    }
    Ok(text)
}

/// `<UPID> <end time> <status>`.
fn parse_index_line(line: &[u8]) -> Option<(Upid, Timestamp, String)> {
    let line = std::str::from_utf8(line).ok()?;
    let mut parts = line.trim_end().splitn(3, ' ');
    let upid = Upid::parse(parts.next()?)?;
    let end = upid::time(parts.next()?)?;
    Some((upid, end, parts.next().unwrap_or("unexpected status").trim().to_owned()))
}

/// `<UPID> <0|1>`, and for an ended task `<end time> <status>` behind it.
fn parse_active_line(line: &str) -> Option<Active> {
    let mut parts = line.trim_end().splitn(4, ' ');
    let upid = Upid::parse(parts.next()?)?;
    let saved = match parts.next()? {
        "0" => false,
        "1" => true,
        _ => return None,
    };
    let end = match parts.next() {
        Some(end) => {
            let status = parts.next().map(str::trim).filter(|status| !status.is_empty());
            Some((upid::time(end)?, status.unwrap_or("unexpected status").to_owned()))
        }
        None => None,
    };
    Some(Active { upid, end, saved })
}
