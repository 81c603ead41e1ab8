//! Which file comes after which: the first one, those of a checkpoint, those rotated away unseen, copies of truncated ones.
//!
//! Start at [`Tail::resume`]. Inode numbers are used again, so a file counts as known only with its bytes or while it is
//! open; what was never read is told by the time of its last write alone.

use std::fs::File;
use std::io;
use std::time::Instant;

use super::{Begin, Tail};
use crate::file::handle::{Open, Pulled};
use crate::file::identity::{Key, Likeness, Mark, Seen, State};
use crate::file::siblings::{self, Found, Sibling};

/// So many rotated files of a log are looked at, and opened, at most: the newest, as hourly ones of ten days. Whoever may create
/// files beside a log must not take every descriptor that the engine has for programs, sockets and its store.
const MOST_ROTATED: usize = 256;

impl Tail {
    /// Begins with the first file, where there is no tail yet.
    pub(super) fn start(&mut self, begin: Begin, file: File, seen: Seen, now: Instant) -> io::Result<()> {
        match begin {
            Begin::Resume(state) => {
                self.resume(state, Some((file, seen)), now);
                return Ok(());
            }
            Begin::End => self.files.push_back(Open::from_end(file, &seen, self.rules.max_line, now)?),
            Begin::New(after_ns) => {
                let mark = Mark::nowhere(after_ns);
                let (packed, siblings) = (self.packed(after_ns), self.rotated(after_ns));
                self.push_newer_packed(&packed, None, &mark, &[], now);
                self.push_newer(&siblings, None, &mark, Some(seen.key), now);
                self.files.push_back(Open::from_beginning(file, &seen, now));
            }
            Begin::Beginning => self.files.push_back(Open::from_beginning(file, &seen, now)),
            Begin::Since(since) => {
                for sibling in self.rotated(since.cutoff.as_micros().saturating_mul(1_000)) {
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
    pub(super) fn resume(&mut self, state: State, named: Option<(File, Seen)>, now: Instant) {
        let read_ns = state.files.iter().map(|mark| mark.mtime_ns).max().unwrap_or(i64::MIN);
        let (siblings, packed) = (self.rotated(read_ns), self.packed(read_ns));
        let known = state.files.clone();
        let mut named = named;
        // The file of the mark before, if it was packed: what was packed after it comes after it.
        let mut last_packed = None;
        let last = state.files.len().saturating_sub(1);
        for (number, mark) in state.files.into_iter().enumerate() {
            let is_last = number == last;
            if mark.is_empty() {
                // Nothing of it was read, and an inode alone says nothing: its number may be used again by now. What was
                // written since is read from its beginning.
                if is_last {
                    let current = named.as_ref().map(|(_, seen)| seen.key);
                    self.push_newer_packed(&packed, last_packed.as_ref(), &mark, &known, now);
                    self.push_newer(&siblings, None, &mark, current, now);
                    self.finished.push_back(Mark { done: true, ..mark });
                }
                continue;
            }
            // Still what the path names?
            if let Some((file, seen)) = named.take_if(|(file, seen)| {
                seen.key == mark.key() && matches!(mark.compare(file, seen.size), Ok(Likeness::Continues))
            }) {
                match Open::from_mark(file, &seen, &mark, now) {
                    Ok(open) => self.files.push_back(open),
                    Err(_) => self.count("checkpoint_unusable", 1),
                }
                continue;
            }
            let mut found = siblings::find(&mark, &siblings);
            // What has all that was read is it rather than what has only the beginning.
            let unpacked = match found {
                None | Some(Found::Shorter(_)) if !mark.done => self.resume_packed(&mark, &packed, now),
                _ => None,
            };
            if unpacked.is_some() {
                found = None;
            }
            if found.is_some() {
                last_packed = None;
            }
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
                None => {
                    let is_nowhere = unpacked.is_none() && !mark.done;
                    last_packed = unpacked.or(last_packed);
                    if is_last {
                        if is_nowhere {
                            self.count("checkpoint_unusable", 1);
                            self.complain_of(&mark);
                        }
                        self.push_newer_packed(&packed, last_packed.as_ref(), &mark, &known, now);
                        // What is written after it is still new.
                        self.finished.push_back(Mark { done: true, ..mark.clone() });
                    }
                }
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
    pub(super) fn succeed(&mut self, file: File, seen: Seen, now: Instant) {
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
        let back = self.back_again(&file, &seen, now);
        self.files.push_back(back.unwrap_or_else(|| Open::from_beginning(file, &seen, now)));
    }

    /// The file, where it was read to, if it was read to its end and closed before it came back (with its volume).
    fn back_again(&mut self, file: &File, seen: &Seen, now: Instant) -> Option<Open> {
        let is_it = |mark: &Mark| {
            (mark.is_telling() || (mark.has_bytes() && mark.key() == seen.key))
                && matches!(mark.compare(file, seen.size), Ok(Likeness::Continues))
        };
        let number = self.finished.iter().rposition(is_it)?;
        let open = Open::from_mark(file.try_clone().ok()?, seen, &self.finished[number], now).ok()?;
        self.finished.remove(number);
        Some(open)
    }

    /// Takes up the rotated files that are newer than the newest that is known: several rotations between two looks.
    pub(super) fn take_newer(&mut self, named: Option<Key>, now: Instant) {
        let newest = self.files.back().map(|open| {
            // What was written to it since the last look does not make others newer than it.
            let mark = open.mark_read();
            Mark { mtime_ns: open.seen().map_or(mark.mtime_ns, |seen| seen.mtime_ns), ..mark }
        });
        if let Some(mark) = newest.or_else(|| self.finished.back().cloned()) {
            let siblings = self.rotated(mark.mtime_ns);
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
                && siblings::open(&sibling.path).is_ok_and(|(file, seen)| match mark.compare(&file, seen.size) {
                    Ok(Likeness::Continues) => true,
                    // Where the file itself is known, a copy that was made after its last write has all of it.
                    Ok(Likeness::Shorter) => after.is_none(),
                    Ok(Likeness::Other) | Err(_) => false,
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

    /// The rotated files beside the path, of which none was read that was written after `read_ns`.
    fn rotated(&mut self, read_ns: i64) -> Vec<Sibling> {
        let all = siblings::list(&self.path, &self.rules.folders);
        self.newest(all, read_ns)
    }

    /// The same, of those that were packed.
    fn packed(&mut self, read_ns: i64) -> Vec<Sibling> {
        let all = siblings::packed(&self.path, &self.rules.folders);
        self.newest(all, read_ns)
    }

    /// Leaves the newest of them, and says so if others may not have been read.
    fn newest(&mut self, mut all: Vec<Sibling>, read_ns: i64) -> Vec<Sibling> {
        let over = all.len().saturating_sub(MOST_ROTATED);
        let unread = all.drain(..over).filter(|sibling| sibling.seen.mtime_ns > read_ns).count();
        if unread > 0 {
            self.count("rotated_left_out", unread as u64);
            self.complaints.push(format!(
                "{}: more than {MOST_ROTATED} files were rotated away from it and not read, of which the newest are; lines of \
                 the older ones may be missing. If it was rotated so often, look at them with `heinzel replay`; else find out who creates them",
                self.path.display()
            ));
        }
        all
    }

    pub(super) fn follows(&self, key: Key) -> bool {
        self.files.iter().any(|open| open.key == key)
    }

    /// Whether it was read to its end before; the inode alone does not tell, since its number may be used again.
    fn has_finished(&self, sibling: &Sibling) -> bool {
        self.finished.iter().filter(|mark| mark.key() == sibling.seen.key && !mark.is_empty()).any(|mark| {
            siblings::open(&sibling.path)
                .is_ok_and(|(file, seen)| matches!(mark.compare(&file, seen.size), Ok(Likeness::Continues)))
        })
    }

    /// A file was truncated or written anew. What was not read of it may be in a copy.
    pub(super) fn rewritten(&mut self, number: usize, now_seen: &Seen, now: Instant) -> Option<Pulled> {
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
    pub(super) fn before_first_bytes(&mut self, number: usize, seen: &Seen, now: Instant) -> bool {
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
    fn siblings_before(&mut self, number: usize, seen: &Seen) -> Vec<Sibling> {
        let read_ns = self.files.get(number).map_or(i64::MIN, |open| open.mark_read().mtime_ns);
        let siblings = self.rotated(read_ns);
        let is_newest = number + 1 == self.files.len();
        let itself = siblings.iter().find(|sibling| sibling.seen.key == seen.key).cloned();
        let is_before = |sibling: &Sibling| match &itself {
            _ if is_newest => true,
            Some(itself) => sibling.order() < itself.order(),
            None => sibling.seen.mtime_ns <= seen.mtime_ns,
        };
        siblings.into_iter().filter(|sibling| is_before(sibling) && !self.follows(sibling.seen.key)).collect()
    }
}
