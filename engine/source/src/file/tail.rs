//! One path, followed through every kind of rotation. No async: whoever drives it says when to look.
//!
//! Start at [`Tail::look`]. A tail keeps the files its path has named, oldest first, and reads each to its end before the
//! next. A file that was rotated away stays open for a while, since programs write on until they are told to reopen.
//!
//! What it cannot know:
//! - With copytruncate: lines written between the copy and the truncate that were not read in between. They exist nowhere.
//! - Lines of a file that was deleted or packed between two looks, before it was ever opened, or deleted while Heinzel was not running.
//! - Rotated files that were moved elsewhere, or compressed by anything but gzip, while Heinzel was not running. It says so.
//! - A file truncated and written anew with the same first 256 bytes and the same 64 bytes before the offset.
//! - A file without a single byte read has only its inode to be known by; of two files that begin with all that was read, the
//!   older one counts as the copy. So does one that holds nothing but the beginning of what was read, where the file itself is gone.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use heinzel_core::block::{Health, Shape};

use super::handle::{Open, Piece, Pulled};
use super::home::Home;
use super::identity::{Key, Mark, Seen, State};
use super::records::{Rules, records};
use super::siblings;
use super::since::Since;
use crate::encoding;

/// Finished files that are remembered, so that they are not taken for new ones.
const REMEMBERED: usize = 3;

/// How the first file of a path is read.
#[derive(Clone, Debug)]
pub(crate) enum Begin {
    /// From its end.
    End,
    /// From its beginning.
    Beginning,
    /// From its beginning and with the rotated ones before it that were written after this time, in nanoseconds since 1970.
    New(i64),
    /// From its beginning and with the rotated ones before it, without the records that are too old.
    Since(Since),
    /// From the checkpoint.
    Resume(State),
}

/// A block that a look brought.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// Where the first byte lies in its file.
    pub(crate) offset: u64,
    /// Whole records; none when there is only a checkpoint to store.
    pub(crate) bytes: Vec<u8>,
    pub(crate) shape: Shape,
    /// The checkpoint after it.
    pub(crate) state: State,
}

/// What one look brought.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) chunk: Option<Chunk>,
    /// There is more to read: look again at once.
    pub(crate) more: bool,
    /// Look again at this time, even if nothing happens.
    pub(crate) again_at: Option<Instant>,
    pub(crate) health: Health,
    /// What had to be changed or given up.
    pub(crate) counts: Vec<(&'static str, u64)>,
    /// What may be missing.
    pub(crate) complaints: Vec<String>,
    /// The path names another file than at the last look.
    pub(crate) switched: bool,
}

/// A followed path.
#[derive(Debug)]
pub(crate) struct Tail {
    path: PathBuf,
    home: Home,
    /// It is followed because a glob found it: it may be removed for good.
    is_of_glob: bool,
    /// Since when the path names none of its files.
    absent: Option<Absent>,
    rules: Arc<Rules>,
    /// Set until the first file is decided on.
    begin: Option<Begin>,
    /// Oldest first; the last is the one the path named most recently.
    files: VecDeque<Open>,
    /// Files read to their end and closed, oldest first.
    finished: VecDeque<Mark>,
    /// Records before it are dropped.
    since: Option<Since>,
    /// The state has changed without a record: store it.
    announce: bool,
    counts: Vec<(&'static str, u64)>,
    complaints: Vec<String>,
    switched: bool,
}

impl Tail {
    pub(crate) fn new(path: PathBuf, rules: Arc<Rules>, begin: Begin) -> Self {
        Self {
            home: Home::of(&path),
            path,
            is_of_glob: false,
            absent: None,
            rules,
            begin: Some(begin),
            files: VecDeque::new(),
            finished: VecDeque::new(),
            since: None,
            announce: false,
            counts: Vec::new(),
            complaints: Vec::new(),
            switched: false,
        }
    }

    /// The path was found by this glob.
    pub(crate) fn found_by(self, pattern: &str) -> Self {
        Self { home: Home::of_glob(pattern), is_of_glob: true, ..self }
    }

    /// Looks at the path and its files, and reads up to one block.
    pub(crate) fn look(&mut self, now: Instant) -> Looked {
        let (health, named) = match self.look_at_path(now) {
            Ok(Some(seen)) => (Health::Ok, Some(seen)),
            Ok(None) => (self.without_file(now), None),
            Err(error) => (degraded("open", &self.path, &error), None),
        };
        self.look_on(now, health, named, false)
    }

    /// Looks after news that bytes were appended. In the plain case (one file is open, and goes on where it was read to) what the
    /// path names is not asked: that would take longer than reading a line.
    pub(crate) fn look_at_open(&mut self, now: Instant) -> Looked {
        match self.plainly_grown(now) {
            Some(seen) => self.look_on(now, Health::Ok, Some(seen), true),
            None => self.look(now),
        }
    }

    fn plainly_grown(&mut self, now: Instant) -> Option<Seen> {
        if self.begin.is_some() || self.files.len() != 1 {
            return None;
        }
        let open = self.files.back_mut().filter(|open| !open.is_rotated())?;
        // What it was before may be found only from what the path names now; and what went wrong does so again.
        open.grow(&self.rules, now).ok()?
    }

    /// `is_read`: what the only file has got is read already, to its end.
    fn look_on(&mut self, now: Instant, mut health: Health, named: Option<Seen>, is_read: bool) -> Looked {
        let mut looked = Looked {
            chunk: None,
            more: false,
            again_at: None,
            health: Health::Ok,
            counts: Vec::new(),
            complaints: Vec::new(),
            switched: false,
        };
        if let Err(error) = self.read(now, named, is_read, &mut looked) {
            health = degraded("read", &self.path, &error);
        }
        if looked.chunk.is_none() && !looked.more && self.begin.is_none() && (self.announce || self.since.is_some()) {
            // With "since": all there was is older. What comes from here on is new.
            self.since = None;
            looked.chunk = Some(self.chunk(Piece::default()));
        }
        looked.health = health;
        looked.counts = std::mem::take(&mut self.counts);
        looked.complaints = std::mem::take(&mut self.complaints);
        looked.switched = std::mem::take(&mut self.switched);
        looked
    }

    /// Whether nothing is open any more: the path is gone and all its files are read.
    pub(crate) fn is_over(&self) -> bool {
        self.begin.is_none() && self.files.is_empty()
    }

    /// How far the file `key` is read, if it is one of those that the path has named.
    pub(crate) fn state_of(&self, key: Key) -> Option<State> {
        let open = self.files.iter().find(|open| open.key == key).map(Open::mark);
        let mark = open.or_else(|| self.finished.iter().find(|mark| mark.key() == key).cloned());
        mark.map(|mark| State::new(vec![mark]))
    }

    /// The path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Finds out which file the path names. `None`: none.
    fn look_at_path(&mut self, now: Instant) -> io::Result<Option<Seen>> {
        let missing =
            |error: &io::Error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        let found = match fs::metadata(&self.path) {
            Ok(meta) if meta.is_file() => {
                let seen = Seen::of(&meta);
                if self.begin.is_none()
                    && let Some(last) = self.files.back_mut()
                    && last.key == seen.key
                {
                    last.unrotate();
                    self.absent = None;
                    return Ok(Some(seen));
                }
                siblings::open(&self.path)
            }
            Ok(meta) => {
                let what = if meta.is_dir() { "it is a folder" } else { "it is not a regular file" };
                Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{what}; name log files in `path`")))
            }
            Err(error) => Err(error),
        };
        match found {
            Ok((file, seen)) => {
                match self.begin.take() {
                    None => self.succeed(file, seen, now),
                    Some(begin) => {
                        let again = begin.clone();
                        self.start(begin, file, seen, now).inspect_err(|_| self.begin = Some(again))?;
                    }
                }
                self.switched = true;
                self.absent = None;
                self.home.note(&self.path);
                Ok(Some(seen))
            }
            Err(error) => {
                if let Some(last) = self.files.back_mut() {
                    last.rotate(now);
                }
                if !missing(&error) {
                    return Err(error);
                }
                self.note_absence(now);
                // Perhaps created and rotated away since the last look.
                self.take_newer(None, now);
                match self.begin.take() {
                    None => {}
                    Some(Begin::Resume(state)) => self.resume(state, None, now),
                    // Nothing was there: whatever appears is new, also after a restart.
                    Some(_) => self.announce = true,
                }
                Ok(None)
            }
        }
    }

    /// Reads the files in order, until one gives a block or must be waited for.
    fn read(&mut self, now: Instant, named: Option<Seen>, is_read: bool, looked: &mut Looked) -> io::Result<()> {
        let mut number = 0;
        while let Some(open) = self.files.get(number) {
            let is_newest = number + 1 == self.files.len();
            let seen = match named {
                Some(seen) if is_newest && seen.key == open.key => seen,
                _ => open.seen()?,
            };
            if open.is_rewritten(&seen)? {
                if let Some(pulled) = self.rewritten(number, &seen, now) {
                    self.deliver(pulled, looked);
                    return Ok(());
                }
                continue;
            }
            if open.was_empty(&seen) && self.before_first_bytes(number, &seen, now) {
                continue;
            }
            let rules = self.rules.clone();
            let Some(open) = self.files.get_mut(number) else { break };
            open.note(&seen);
            let mut pulled = if is_read { open.divide(&rules, true) } else { open.pull(&rules, now)? };
            self.complaints.extend(open.take_trouble());
            if open.turns_out_wide() {
                self.complaints.push(encoding::wide(&self.path));
            }
            let held = open.held_until(&rules).filter(|_| !pulled.more);
            match held.filter(|_| pulled.piece.is_none()) {
                Some((due, last)) if due <= now => {
                    let counts = pulled.counts;
                    pulled = if last { open.finish(&rules) } else { open.flush(&rules) };
                    pulled.counts.nul_stripped += counts.nul_stripped;
                    pulled.more = true;
                }
                Some((due, true)) => {
                    // The end of its last line may still come: the files behind it wait.
                    looked.again_at = Some(due);
                    self.note_counts(&pulled);
                    return Ok(());
                }
                _ => {}
            }
            if is_newest && !pulled.more {
                looked.again_at = held.map(|(due, _)| due);
            }
            if pulled.piece.is_some() || pulled.more {
                pulled.more |= !is_newest;
                self.deliver(pulled, looked);
                if !looked.more {
                    self.retire(now, looked);
                }
                return Ok(());
            }
            self.note_counts(&pulled);
            number += 1;
        }
        self.retire(now, looked);
        Ok(())
    }

    /// Closes rotated files that have been quiet for long enough: a deleted file holds its disk space while it is open.
    fn retire(&mut self, now: Instant, looked: &mut Looked) {
        if !self.files.iter().any(Open::is_rotated) {
            return;
        }
        let linger = self.rules.linger;
        let mut kept = VecDeque::with_capacity(self.files.len());
        while let Some(open) = self.files.pop_front() {
            if !open.is_rotated() || open.is_holding() {
                kept.push_back(open);
            } else if open.quiet_since() + linger > now {
                let due = open.quiet_since() + linger;
                looked.again_at = Some(looked.again_at.map_or(due, |at| at.min(due)));
                kept.push_back(open);
            } else {
                self.finished.push_back(Mark { done: true, ..open.mark() });
                self.announce |= self.files.is_empty();
            }
        }
        self.files = kept;
        while self.finished.len() > REMEMBERED {
            self.finished.pop_front();
        }
    }

    fn deliver(&mut self, pulled: Pulled, looked: &mut Looked) {
        self.note_counts(&pulled);
        looked.more = pulled.more;
        let Some(mut piece) = pulled.piece else { return };
        if let Some(since) = &self.since {
            let (kept, undated) = since.drop_old(&mut piece);
            if kept {
                self.since = None;
            }
            self.count("since_undated", undated);
            if !kept {
                // All of it is too old. Without a checkpoint a restart asks again for what is not too old.
                return;
            }
        }
        looked.chunk = Some(self.chunk(piece));
    }

    fn chunk(&mut self, piece: Piece) -> Chunk {
        self.announce = false;
        let shape = match self.rules.multiline {
            None => Shape::Lines,
            Some(_) => Shape::Records(records(piece.ends)),
        };
        Chunk { offset: piece.offset, bytes: piece.bytes, shape, state: self.state() }
    }

    /// How far everything is read, up to the first file that is not begun: those behind it are found again by their age.
    fn state(&self) -> State {
        let begun = self.files.iter().rposition(Open::is_begun).map_or(0, |last| last + 1);
        State::new(self.finished.iter().cloned().chain(self.files.iter().take(begun + 1).map(Open::mark)).collect())
    }

    fn note_counts(&mut self, pulled: &Pulled) {
        self.count("line_cut", pulled.counts.line_cut);
        self.count("record_divided", pulled.counts.record_divided);
        self.count("nul_stripped", pulled.counts.nul_stripped);
    }

    fn count(&mut self, what: &'static str, times: u64) {
        if times > 0 {
            self.counts.push((what, times));
        }
    }
}

fn degraded(tried: &str, path: &Path, error: &io::Error) -> Health {
    let way = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; let the user that Heinzel runs as read it (on Debian, the group `adm` reads most logs)"
        }
        _ => "",
    };
    Health::Degraded { why: format!("{tried} {}: {error}{way}", path.display()) }
}

mod succession;

mod packed;

mod absence;
use self::absence::Absent;

#[cfg(test)]
mod tests;

#[cfg(test)]
mod model;
