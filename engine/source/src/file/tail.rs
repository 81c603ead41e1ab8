//! One path, followed through every kind of rotation. No async: whoever drives it says when to look.
//!
//! Start at [`Tail::look`]. A tail keeps the files its path has named, oldest first, and reads each to its end before the
//! next. A file that was rotated away stays open for a while, since programs write on until they are told to reopen.
//!
//! What it cannot know:
//! - With copytruncate: lines written between the copy and the truncate that were not read in between. They exist nowhere.
//! - Lines of a file that was deleted before it was ever opened, or deleted while Heinzel was not running.
//! - Rotated files that were compressed before they were read.
//! - A file truncated and written anew with the same first 256 bytes and the same 64 bytes before the offset.
//! - A file without a single byte read has only its inode to be known by; copies are recognised by at least 32 bytes.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use heinzel_core::block::{Health, Shape};

use super::handle::{Open, Piece, Pulled};
use super::identity::{Key, Likeness, Mark, Seen, State};
use super::records::{Rules, records};
use super::siblings::{self, Found, Sibling};
use super::since::Since;

/// Finished files that are remembered, so that they are not taken for new ones.
const REMEMBERED: usize = 3;

/// How the first file of a path is read.
#[derive(Clone, Debug)]
pub(crate) enum Begin {
    /// From its end.
    End,
    /// From its beginning.
    Beginning,
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
    /// The path names another file than at the last look.
    pub(crate) switched: bool,
}

/// A followed path.
#[derive(Debug)]
pub(crate) struct Tail {
    path: PathBuf,
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
    switched: bool,
}

impl Tail {
    pub(crate) fn new(path: PathBuf, rules: Arc<Rules>, begin: Begin) -> Self {
        Self {
            path,
            rules,
            begin: Some(begin),
            files: VecDeque::new(),
            finished: VecDeque::new(),
            since: None,
            announce: false,
            counts: Vec::new(),
            switched: false,
        }
    }

    /// Looks at the path and its files, and reads up to one block.
    pub(crate) fn look(&mut self, now: Instant) -> Looked {
        let (mut health, named) = match self.look_at_path(now) {
            Ok(Some(seen)) => (Health::Ok, Some(seen)),
            Ok(None) => (Health::Missing, None),
            Err(error) => (degraded("open", &self.path, &error), None),
        };
        let mut looked =
            Looked { chunk: None, more: false, again_at: None, health: Health::Ok, counts: Vec::new(), switched: false };
        if let Err(error) = self.read(now, named, &mut looked) {
            health = degraded("read", &self.path, &error);
        }
        if looked.chunk.is_none() && !looked.more && self.begin.is_none() && (self.announce || self.since.is_some()) {
            // With "since": all there was is older. What comes from here on is new.
            self.since = None;
            looked.chunk = Some(self.chunk(Piece::default()));
        }
        looked.health = health;
        looked.counts = std::mem::take(&mut self.counts);
        looked.switched = std::mem::take(&mut self.switched);
        looked
    }

    /// Whether nothing is open any more: the path is gone and all its files are read.
    pub(crate) fn is_over(&self) -> bool {
        self.begin.is_none() && self.files.is_empty()
    }

    /// The path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Finds out which file the path names. `None`: none.
    fn look_at_path(&mut self, now: Instant) -> io::Result<Option<Seen>> {
        let missing = |error: &io::Error| {
            matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        };
        let found = match fs::metadata(&self.path) {
            Ok(meta) if meta.is_file() => {
                let seen = Seen::of(&meta);
                if self.begin.is_none()
                    && let Some(last) = self.files.back_mut()
                    && last.key == seen.key
                {
                    last.unrotate();
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
                Ok(Some(seen))
            }
            Err(error) => {
                if let Some(last) = self.files.back_mut() {
                    last.rotate(now);
                }
                if !missing(&error) {
                    return Err(error);
                }
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

    /// Begins with the first file, where there is no tail yet.
    fn start(&mut self, begin: Begin, file: File, seen: Seen, now: Instant) -> io::Result<()> {
        match begin {
            Begin::Resume(state) => {
                self.resume(state, Some((file, seen)), now);
                return Ok(());
            }
            Begin::End => self.files.push_back(Open::from_end(file, &seen, self.rules.max_line, now)?),
            Begin::Beginning => self.files.push_back(Open::from_beginning(file, &seen, now)),
            Begin::Since(since) => {
                for sibling in siblings::list(&self.path) {
                    if sibling.seen.key != seen.key && since.may_be_in(sibling.seen.mtime_ns) {
                        self.push_rotated(&sibling, now);
                    }
                }
                self.files.push_back(if since.may_be_in(seen.mtime_ns) {
                    Open::from_beginning(file, &seen, now)
                } else {
                    Open::from_end(file, &seen, self.rules.max_line, now)?
                });
                self.since = Some(since);
            }
        }
        self.announce = true;
        Ok(())
    }

    /// Goes on from a checkpoint: finds its files, those rotated away since, and the one the path names.
    fn resume(&mut self, state: State, named: Option<(File, Seen)>, now: Instant) {
        let siblings = siblings::list(&self.path);
        let mut named = named;
        let last = state.files.len().saturating_sub(1);
        for (number, mark) in state.files.into_iter().enumerate() {
            let is_last = number == last;
            if mark.is_empty() {
                // Nothing of it was read, and an inode alone says nothing: its number may be used again by now. What was
                // written since is read from its beginning.
                if is_last {
                    let current = named.as_ref().map(|(_, seen)| seen.key);
                    self.push_newer(&siblings, None, &mark, current, now);
                    self.finished.push_back(Mark { done: true, ..mark });
                }
                continue;
            }
            // Still what the path names?
            if let Some((file, seen)) =
                named.take_if(|(file, seen)| {
                    seen.key == mark.key() && matches!(mark.compare(file, seen.size), Ok(Likeness::Continues))
                })
            {
                match Open::from_mark(file, &seen, &mark, now) {
                    Ok(open) => self.files.push_back(open),
                    Err(_) => self.count("checkpoint_unusable", 1),
                }
                continue;
            }
            let found = siblings::find(&mark, &siblings);
            match &found {
                Some(Found::Same(_, file, seen) | Found::Copy(_, file, seen)) if !self.follows(seen.key) => {
                    let open = file.try_clone().and_then(|file| Open::from_mark(file, seen, &mark, now));
                    match open {
                        Ok(mut open) => {
                            open.rotate(now);
                            self.files.push_back(open);
                        }
                        Err(_) => self.count("checkpoint_unusable", 1),
                    }
                }
                Some(_) => {}
                None if is_last => {
                    self.count("checkpoint_unusable", u64::from(!mark.done));
                    // What is written after it is still new.
                    self.finished.push_back(Mark { done: true, ..mark.clone() });
                }
                None => {}
            }
            if is_last {
                let after = found.as_ref().map(Found::sibling);
                let current = named.as_ref().map(|(_, seen)| seen.key);
                self.push_newer(&siblings, after, &mark, current, now);
            }
        }
        if let Some((file, seen)) = named {
            self.files.push_back(Open::from_beginning(file, &seen, now));
        }
        self.announce = true;
    }

    /// The path names another file than before.
    fn succeed(&mut self, file: File, seen: Seen, now: Instant) {
        if let Some(known) = self.files.iter().position(|open| open.key == seen.key) {
            // It is one of those before (a symlink switched back): go on in it.
            if let Some(mut open) = self.files.remove(known) {
                open.unrotate();
                self.files.iter_mut().for_each(|other| other.rotate(now));
                self.files.push_back(open);
            }
            return;
        }
        self.files.iter_mut().for_each(|open| open.rotate(now));
        self.take_newer(Some(seen.key), now);
        self.files.push_back(Open::from_beginning(file, &seen, now));
    }

    /// Takes up the rotated files that are newer than the newest that is known: several rotations between two looks.
    fn take_newer(&mut self, named: Option<Key>, now: Instant) {
        let newest = self.files.back().map(|open| {
            // What was written to it since the last look does not make others newer than it.
            let mark = open.mark_read();
            Mark { mtime_ns: open.seen().map_or(mark.mtime_ns, |seen| seen.mtime_ns), ..mark }
        });
        if let Some(mark) = newest.or_else(|| self.finished.back().cloned()) {
            let siblings = siblings::list(&self.path);
            let is_it = |sibling: &&Sibling| {
                sibling.seen.key == mark.key() && (self.follows(mark.key()) || self.has_finished(sibling))
            };
            let after = siblings.iter().find(is_it);
            self.push_newer(&siblings, after, &mark, named, now);
        }
    }

    /// Takes up the rotated files that are newer than `after` (or, where that is not to be found, written after `mark`).
    fn push_newer(
        &mut self,
        siblings: &[Sibling],
        after: Option<&Sibling>,
        mark: &Mark,
        named: Option<Key>,
        now: Instant,
    ) {
        for sibling in self.newer(siblings, after, mark, named) {
            self.push_rotated(&sibling, now);
        }
    }

    fn newer(&self, siblings: &[Sibling], after: Option<&Sibling>, mark: &Mark, named: Option<Key>) -> Vec<Sibling> {
        let is_newer = |sibling: &&Sibling| match after {
            Some(after) => sibling.order() > after.order(),
            // An unread file itself, too.
            None => sibling.seen.mtime_ns > mark.mtime_ns || (mark.is_empty() && sibling.seen.key == mark.key()),
        };
        let is_copy = |sibling: &Sibling| {
            mark.is_telling()
                && siblings::open(&sibling.path).is_ok_and(|(file, seen)| {
                    mark.compare(&file, seen.size).is_ok_and(|likeness| likeness != Likeness::Other)
                })
        };
        siblings
            .iter()
            .filter(is_newer)
            .filter(|sibling| Some(sibling.seen.key) != named && !self.follows(sibling.seen.key))
            .filter(|sibling| !is_copy(sibling) && !self.has_finished(sibling))
            .cloned()
            .collect()
    }

    fn push_rotated(&mut self, sibling: &Sibling, now: Instant) {
        if let Ok((file, seen)) = siblings::open(&sibling.path) {
            let mut open = Open::from_beginning(file, &seen, now);
            open.rotate(now);
            self.files.push_back(open);
        }
    }

    fn follows(&self, key: Key) -> bool {
        self.files.iter().any(|open| open.key == key)
    }

    /// Whether it was read to its end before; the inode alone does not tell, since its number may be used again.
    fn has_finished(&self, sibling: &Sibling) -> bool {
        self.finished.iter().filter(|mark| mark.key() == sibling.seen.key && !mark.is_empty()).any(|mark| {
            siblings::open(&sibling.path)
                .is_ok_and(|(file, seen)| matches!(mark.compare(&file, seen.size), Ok(Likeness::Continues)))
        })
    }

    /// Reads the files in order, until one gives a block or must be waited for.
    fn read(&mut self, now: Instant, named: Option<Seen>, looked: &mut Looked) -> io::Result<()> {
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
            let mut pulled = open.pull(&rules, now)?;
            if pulled.piece.is_none() && !pulled.more && open.is_holding() {
                let due = if open.is_rotated() {
                    Some((open.grew_at() + rules.settle, true))
                } else {
                    let wait = rules.multiline.as_ref().filter(|_| open.is_holding_lines()).map(|multi| multi.wait);
                    wait.map(|wait| (open.grew_at() + wait, false))
                };
                match due {
                    Some((due, finish)) if due <= now => {
                        let counts = pulled.counts;
                        pulled = if finish { open.finish(&rules) } else { open.flush(&rules) };
                        pulled.counts.nul_stripped += counts.nul_stripped;
                        pulled.more = true;
                    }
                    Some((due, finish)) => {
                        looked.again_at = Some(due);
                        if finish {
                            // The end of its last line may still come: the files behind it wait.
                            self.note_counts(&pulled);
                            return Ok(());
                        }
                    }
                    None => {}
                }
            }
            if pulled.piece.is_some() || pulled.more {
                pulled.more |= number + 1 < self.files.len();
                self.deliver(pulled, looked);
                return Ok(());
            }
            self.note_counts(&pulled);
            number += 1;
        }
        self.retire(now, looked);
        Ok(())
    }

    /// A file was truncated or written anew. What was not read of it may be in a copy.
    fn rewritten(&mut self, number: usize, now_seen: &Seen, now: Instant) -> Option<Pulled> {
        let siblings = self.siblings_before(number, now_seen);
        let rules = self.rules.clone();
        let open = self.files.get_mut(number)?;
        let (key, mark) = (open.key, open.mark_read());
        let found = siblings::find(&mark, &siblings);
        let after = found.as_ref().map(Found::sibling);
        let mut flushed = None;
        let mut before = Vec::new();
        match &found {
            Some(Found::Copy(_, file, seen)) if let Ok(file) = file.try_clone() => {
                before.push(open.move_to(file, seen, now));
            }
            _ => {
                if open.is_holding() {
                    flushed = Some(Pulled { more: true, ..open.finish(&rules) });
                }
                open.restart(now);
            }
        }
        open.note(now_seen);
        for sibling in self.newer(&siblings, after, &mark, Some(key)) {
            if before.iter().any(|open| open.key == sibling.seen.key) {
                continue;
            }
            if let Ok((file, seen)) = siblings::open(&sibling.path) {
                let mut open = Open::from_beginning(file, &seen, now);
                open.rotate(now);
                before.push(open);
            }
        }
        for open in before.into_iter().rev() {
            self.files.insert(number, open);
        }
        self.count("rewritten", 1);
        flushed
    }

    /// A file that was empty has been written: perhaps also copied away and truncated, unseen. Says whether files were
    /// found that come before it.
    fn before_first_bytes(&mut self, number: usize, seen: &Seen, now: Instant) -> bool {
        let siblings = self.siblings_before(number, seen);
        let Some(open) = self.files.get_mut(number) else { return false };
        let mark = open.mark_read();
        open.note(seen);
        let newer = self.newer(&siblings, None, &mark, Some(seen.key));
        let behind = self.files.split_off(number);
        for sibling in newer {
            self.push_rotated(&sibling, now);
        }
        let found = self.files.len() > number;
        self.files.extend(behind);
        found
    }

    /// The rotated files that are not followed and were written before this one last was.
    fn siblings_before(&self, number: usize, seen: &Seen) -> Vec<Sibling> {
        let siblings = siblings::list(&self.path);
        let is_newest = number + 1 == self.files.len();
        let itself = siblings.iter().find(|sibling| sibling.seen.key == seen.key).cloned();
        let is_before = |sibling: &Sibling| match &itself {
            _ if is_newest => true,
            Some(itself) => sibling.order() < itself.order(),
            None => sibling.seen.mtime_ns <= seen.mtime_ns,
        };
        siblings.into_iter().filter(|sibling| is_before(sibling) && !self.follows(sibling.seen.key)).collect()
    }

    /// Closes rotated files that have been quiet for long enough: a deleted file holds its disk space while it is open.
    fn retire(&mut self, now: Instant, looked: &mut Looked) {
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

#[cfg(test)]
mod tests;

#[cfg(test)]
mod model;
