//! One open file, read from where it was left: bytes in, whole records out.
//!
//! Start at [`Open::pull`]. Nothing here looks at paths.

use std::fs::File;
use std::io;
use std::time::Instant;

use super::content::{Content, Unpacked};
use super::identity::{HEAD, Key, Mark, Seen, TRAIL, bytes_at, hash};
use super::records::{Rules, strip_nuls};
use crate::encoding;

/// So much is read at once, in bytes.
const READ: usize = 256 * 1024;

/// A file that is being read.
#[derive(Debug)]
pub(crate) struct Open {
    content: Content,
    pub(crate) key: Key,
    /// The first byte that is not delivered.
    at: u64,
    /// The bytes from `at` on that are read but not delivered: a line without its end, a record that may go on.
    held: Vec<u8>,
    /// `at` lies inside a cut line.
    skipping: bool,
    /// The file's first bytes, as far as they were read.
    head: Vec<u8>,
    /// Its first bytes have told how it is encoded.
    is_told: bool,
    /// The bytes right before `at`.
    trail: Vec<u8>,
    /// Size and time at the last look.
    size: u64,
    mtime_ns: i64,
    /// When bytes came last.
    grew_at: Instant,
    /// Since when the path no longer names it.
    rotated_at: Option<Instant>,
}

/// Whole records out of a file.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    /// Where the first byte lies in the file.
    pub(crate) offset: u64,
    /// The records, each ended by `\n`.
    pub(crate) bytes: Vec<u8>,
    /// Where records of several lines end; empty when every line is a record.
    pub(crate) ends: Vec<usize>,
}

/// What one reading brought.
#[derive(Debug, Default)]
pub(crate) struct Pulled {
    /// Whole records, if any.
    pub(crate) piece: Option<Piece>,
    /// There is more to read at once.
    pub(crate) more: bool,
    pub(crate) counts: Counts,
}

/// What was changed on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) line_cut: u64,
    pub(crate) record_divided: u64,
    pub(crate) nul_stripped: u64,
}

impl Open {
    /// Reads `file` from its first byte on.
    pub(crate) fn from_beginning(file: impl Into<Content>, seen: &Seen, now: Instant) -> Self {
        Self {
            content: file.into(),
            key: seen.key,
            at: 0,
            held: Vec::new(),
            skipping: false,
            head: Vec::new(),
            is_told: false,
            trail: Vec::new(),
            size: 0,
            mtime_ns: seen.mtime_ns,
            grew_at: now,
            rotated_at: None,
        }
    }

    /// Reads `file` from `offset` on, which must begin a line (or lie in a cut one: `skipping`).
    ///
    /// # Errors
    /// When the bytes that identify the file cannot be read.
    fn from_offset(file: File, seen: &Seen, offset: u64, skipping: bool, now: Instant) -> io::Result<Self> {
        let before = |most: usize| usize::try_from(offset).map_or(most, |offset| offset.min(most));
        let head = bytes_at(&file, 0, before(HEAD))?;
        let trail = bytes_at(&file, offset - before(TRAIL) as u64, before(TRAIL))?;
        Ok(Self { at: offset, skipping, head, trail, size: offset, ..Self::from_beginning(file, seen, now) })
    }

    /// Goes on where a mark, which `file` must fit, was made.
    ///
    /// # Errors
    /// When the bytes that identify the file cannot be read.
    pub(crate) fn from_mark(file: File, seen: &Seen, mark: &Mark, now: Instant) -> io::Result<Self> {
        let open = Self::from_offset(file, seen, mark.offset, mark.skipping, now)?;
        Ok(Self { mtime_ns: mark.mtime_ns, ..open })
    }

    /// Goes on in what was packed, behind the mark that it was found by.
    pub(crate) fn from_packed(found: Unpacked, seen: &Seen, mark: &Mark, now: Instant) -> Self {
        let Unpacked { packed, head, trail } = found;
        let (at, skipping) = (mark.offset, mark.skipping);
        Self { at, skipping, head, trail, ..Self::from_beginning(packed, seen, now) }
    }

    /// Reads `file` from its end on, or from the beginning of the line that has no end yet.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn from_end(file: File, seen: &Seen, max_line: usize, now: Instant) -> io::Result<Self> {
        let window = usize::try_from(seen.size).map_or(max_line, |size| size.min(max_line));
        let from = seen.size - window as u64;
        let bytes = bytes_at(&file, from, window)?;
        let begin = match bytes.iter().rposition(|&b| b == b'\n') {
            Some(at) => from + at as u64 + 1,
            None => from,
        };
        Self::from_offset(file, seen, begin, from > 0 && begin == from, now)
    }

    /// Goes on in `copy`, which has all the bytes that were read here; `self` is read from its first byte on again.
    pub(crate) fn move_to(&mut self, copy: File, seen: &Seen, now: Instant) -> Self {
        let moved = Self {
            content: copy.into(),
            key: seen.key,
            at: self.at,
            held: std::mem::take(&mut self.held),
            skipping: self.skipping,
            head: std::mem::take(&mut self.head),
            is_told: self.is_told,
            trail: std::mem::take(&mut self.trail),
            size: self.size,
            mtime_ns: seen.mtime_ns,
            grew_at: now,
            rotated_at: Some(now),
        };
        self.restart(now);
        moved
    }

    /// Forgets everything: the file is read from its first byte on again.
    pub(crate) fn restart(&mut self, now: Instant) {
        (self.at, self.size, self.skipping) = (0, 0, false);
        self.held = Vec::new();
        self.head.clear();
        self.is_told = false;
        self.trail.clear();
        self.grew_at = now;
    }

    /// What is known of the file, with how far it is delivered.
    pub(crate) fn mark(&self) -> Mark {
        self.mark_at(self.at, &self.trail)
    }

    /// What is known of the file, with how far it is read.
    pub(crate) fn mark_read(&self) -> Mark {
        self.mark_at(self.position(), &self.before_position())
    }

    fn mark_at(&self, offset: u64, trail: &[u8]) -> Mark {
        Mark {
            device: self.key.device,
            inode: self.key.inode,
            offset,
            head: hash(&self.head),
            head_len: self.head.len(),
            begin: self.head.clone(),
            trail: hash(trail),
            trail_len: trail.len(),
            mtime_ns: self.mtime_ns,
            skipping: self.skipping,
            done: false,
        }
    }

    /// Looks at the open file's own metadata.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(crate) fn seen(&self) -> io::Result<Seen> {
        self.content.seen()
    }

    /// Whether it has turned out since this was last asked that it is UTF-16.
    pub(crate) fn turns_out_wide(&mut self) -> bool {
        if self.is_told {
            return false;
        }
        let is_wide = encoding::is_wide(&self.head);
        self.is_told = is_wide.is_some();
        is_wide == Some(true)
    }

    /// What broke since this was last asked, and where lines may be missing.
    pub(crate) fn take_trouble(&mut self) -> Option<String> {
        self.content.take_trouble()
    }

    /// Whether the file was truncated or written anew since the last look.
    ///
    /// # Errors
    /// When the bytes that identify it cannot be read.
    pub(crate) fn is_rewritten(&self, seen: &Seen) -> io::Result<bool> {
        let Content::Plain(file) = &self.content else { return Ok(false) };
        if seen.size < self.position() {
            return Ok(true);
        }
        if (seen.size, seen.mtime_ns) == (self.size, self.mtime_ns) || self.position() == 0 {
            return Ok(false);
        }
        Ok(!self.begins_alike(file)? || self.appended(file, 0)?.is_none())
    }

    /// Whether the file's first bytes are those that were read. As a mark compares; but here are the bytes themselves.
    fn begins_alike(&self, file: &File) -> io::Result<bool> {
        Ok(bytes_at(file, 0, self.head.len())? == self.head)
    }

    /// Up to `most` bytes behind the position. `None`: the bytes before it are not those that were read.
    fn appended(&self, file: &File, most: usize) -> io::Result<Option<Vec<u8>>> {
        let before = self.before_position();
        let mut bytes = bytes_at(file, self.position() - before.len() as u64, before.len() + most)?;
        Ok(bytes.starts_with(&before).then(|| bytes.split_off(before.len())))
    }

    /// Reads all that was appended since the last look, if it is little. `None`: it is not, or the file does not simply go on
    /// where it was read to; nothing is read then.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn grow(&mut self, rules: &Rules, now: Instant) -> io::Result<Option<Seen>> {
        let Content::Plain(file) = &self.content else { return Ok(None) };
        let (seen, position) = (self.seen()?, self.position());
        let room = READ.min(rules.most().saturating_sub(self.held.len()));
        let new = seen.size.checked_sub(position).and_then(|new| usize::try_from(new).ok()).filter(|&new| new < room);
        let Some(new) = new.filter(|_| position > 0) else { return Ok(None) };
        if !self.begins_alike(file)? {
            return Ok(None);
        }
        let Some(appended) = self.appended(file, new)? else { return Ok(None) };
        self.note(&seen);
        let old = self.held.len();
        self.held.extend_from_slice(&appended);
        self.grew(old, now);
        Ok(Some(seen))
    }

    /// Bytes were read: those that are held from `old` on.
    fn grew(&mut self, old: usize, now: Instant) {
        let new = &self.held[old..];
        if new.is_empty() {
            return;
        }
        self.grew_at = now;
        if self.head.len() as u64 == self.at + old as u64 {
            self.head.extend_from_slice(&new[..new.len().min(HEAD - self.head.len())]);
        }
    }

    /// Whether it was empty at the last look and has been written since.
    pub(crate) fn was_empty(&self, seen: &Seen) -> bool {
        self.position() == 0 && seen.mtime_ns != self.mtime_ns
    }

    /// Remembers what a look said.
    pub(crate) fn note(&mut self, seen: &Seen) {
        (self.size, self.mtime_ns) = (seen.size, seen.mtime_ns);
    }

    /// The path no longer names it.
    pub(crate) fn rotate(&mut self, now: Instant) {
        self.rotated_at.get_or_insert(now);
    }

    /// The path names it (again).
    pub(crate) fn unrotate(&mut self) {
        self.rotated_at = None;
    }

    pub(crate) fn is_rotated(&self) -> bool {
        self.rotated_at.is_some()
    }

    pub(crate) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether anything was delivered of it.
    pub(crate) fn is_begun(&self) -> bool {
        self.at > 0
    }

    /// When it was last written, as far as was seen.
    pub(crate) fn mtime_ns(&self) -> i64 {
        self.mtime_ns
    }

    /// Since when nothing has happened to it.
    pub(crate) fn quiet_since(&self) -> Instant {
        self.rotated_at.map_or(self.grew_at, |rotated| rotated.max(self.grew_at))
    }

    /// Until when what is held waits for what belongs to it, and whether nothing will be written behind it. `None`: nothing is
    /// held, or as long as it takes.
    pub(crate) fn held_until(&self, rules: &Rules) -> Option<(Instant, bool)> {
        if self.is_rotated() {
            return self.is_holding().then(|| (self.grew_at + rules.settle, true));
        }
        let multiline = rules.multiline.as_ref().filter(|_| self.is_holding_lines())?;
        Some((self.grew_at + multiline.wait, false))
    }

    /// Whether a record of several lines is held that waits for its next line.
    fn is_holding_lines(&self) -> bool {
        self.held.contains(&b'\n')
    }

    fn position(&self) -> u64 {
        self.at + self.held.len() as u64
    }

    fn before_position(&self) -> Vec<u8> {
        let from_trail = TRAIL.saturating_sub(self.held.len()).min(self.trail.len());
        let from_held = self.held.len().min(TRAIL);
        [&self.trail[self.trail.len() - from_trail..], &self.held[self.held.len() - from_held..]].concat()
    }

    /// Reads on, up to a block, and hands over what is whole.
    ///
    /// # Errors
    /// When the file cannot be read. Nothing is lost: the next call reads the same bytes.
    pub(crate) fn pull(&mut self, rules: &Rules, now: Instant) -> io::Result<Pulled> {
        let ended = self.fill(rules.most(), now)?;
        Ok(self.divide(rules, ended))
    }

    /// Hands over what is whole of what was read; `ended`: there was nothing more to read.
    pub(crate) fn divide(&mut self, rules: &Rules, mut ended: bool) -> Pulled {
        let most = rules.most();
        let mut pulled = Pulled::default();
        if self.skipping {
            self.skip();
        }
        pulled.counts.nul_stripped += u64::from(self.drop_leading_nuls());
        if self.held.is_empty() && !ended {
            pulled.more = true;
            return pulled;
        }
        self.take_whole(rules, false, &mut pulled);
        if pulled.piece.is_none() && self.held.len() >= most {
            // A record of several lines as large as a block: it must go.
            self.take_whole(rules, true, &mut pulled);
            pulled.counts.record_divided += 1;
        }
        // Behind a cut line whole lines may be held; of a record that waits for its next line there is nothing to take yet.
        ended &= !(pulled.counts.line_cut > 0 && self.is_holding_lines());
        pulled.more = !ended;
        pulled
    }

    /// Hands over the record of several lines that was held, because no further line came.
    pub(crate) fn flush(&mut self, rules: &Rules) -> Pulled {
        let mut pulled = Pulled::default();
        self.take_whole(rules, true, &mut pulled);
        pulled
    }

    /// Hands over everything that is held: nothing will be written to the file any more.
    pub(crate) fn finish(&mut self, rules: &Rules) -> Pulled {
        let mut pulled = Pulled::default();
        let missing_end = self.held.last().is_some_and(|&b| b != b'\n');
        if missing_end {
            self.held.push(b'\n');
        }
        self.take_whole(rules, true, &mut pulled);
        if missing_end {
            // The line end is ours, not the file's.
            self.at -= 1;
            self.trail.pop();
        }
        pulled
    }

    /// Reads until the buffer holds `most` bytes or the file ends; says whether it ended.
    fn fill(&mut self, most: usize, now: Instant) -> io::Result<bool> {
        loop {
            let expected = usize::try_from(self.size.saturating_sub(self.position())).unwrap_or(READ);
            let room = most.saturating_sub(self.held.len()).min(READ).min((expected.saturating_add(1)).max(512));
            if room == 0 {
                return Ok(false);
            }
            let (old, position) = (self.held.len(), self.position());
            self.held.resize(old + room, 0);
            let read = loop {
                match self.content.read_at(&mut self.held[old..], position) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => break read,
                }
            };
            self.held.truncate(old + *read.as_ref().unwrap_or(&0));
            let read = read?;
            self.grew(old, now);
            if read < room {
                self.held.shrink_to(self.held.len() + 512);
                return Ok(true);
            }
        }
    }

    /// Drops the rest of a cut line, as far as it is read.
    fn skip(&mut self) {
        match self.held.iter().position(|&b| b == b'\n') {
            Some(at) => {
                drop(self.consume(at + 1));
                self.skipping = false;
            }
            None => drop(self.consume(self.held.len())),
        }
    }

    /// Drops NULs at the beginning of a line: a hole may be gigabytes long and is not a line that is too long.
    fn drop_leading_nuls(&mut self) -> bool {
        let nuls = self.held.iter().position(|&b| b != 0).unwrap_or(self.held.len());
        if nuls == 0 || self.skipping {
            return false;
        }
        drop(self.consume(nuls));
        true
    }

    fn take_whole(&mut self, rules: &Rules, last: bool, pulled: &mut Pulled) {
        let division = rules.divide(&self.held, last);
        pulled.counts.record_divided += division.divided;
        if division.whole == 0 {
            return;
        }
        let offset = self.at;
        let mut bytes = self.consume(division.whole);
        let mut ends = division.ends;
        if division.cut {
            bytes.push(b'\n');
            pulled.counts.line_cut += 1;
            self.skipping = true;
            self.skip();
        }
        let mark = if offset == 0 { encoding::mark_of(&bytes) } else { 0 };
        if mark > 0 {
            bytes.drain(..mark);
            ends.iter_mut().for_each(|end| *end -= mark);
        }
        pulled.counts.nul_stripped += strip_nuls(&mut bytes, &mut ends);
        encoding::uncolour(&mut bytes, ends.iter_mut());
        pulled.piece = Some(Piece { offset, bytes, ends });
    }

    /// Moves on by `count` of the held bytes and returns them.
    fn consume(&mut self, count: usize) -> Vec<u8> {
        let rest = self.held.split_off(count);
        let taken = std::mem::replace(&mut self.held, rest);
        self.at += taken.len() as u64;
        self.trail.extend_from_slice(&taken[taken.len().saturating_sub(TRAIL)..]);
        self.trail.drain(..self.trail.len().saturating_sub(TRAIL));
        taken
    }
}
