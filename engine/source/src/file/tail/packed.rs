//! What was compressed while nobody read: the file of a checkpoint, and those rotated after it.
//!
//! Start at [`Tail::resume_packed`]. Only a restart needs it: while Heinzel runs, it has a file open before it is packed.

use std::time::Instant;

use heinzel_core::time::Timestamp;

use super::Tail;
use crate::file::content::{Packed, Unpacked};
use crate::file::handle::Open;
use crate::file::identity::{Mark, Seen};
use crate::file::siblings::{self, SECOND, Sibling};

impl Tail {
    /// Goes on in the packed file that `mark` was made from; returns it if it is there.
    pub(super) fn resume_packed(&mut self, mark: &Mark, packed: &[Sibling], now: Instant) -> Option<Sibling> {
        let (sibling, seen, found) = packed.iter().find_map(|sibling| {
            // Not every packer keeps more than the second.
            let may_be = sibling.seen.mtime_ns / SECOND >= mark.mtime_ns / SECOND;
            let (found, seen) = may_be.then(|| self.unpacked(sibling, mark)).flatten()?;
            Some((sibling, seen, found))
        })?;
        self.push_packed(Open::from_packed(found, &seen, mark, now), now);
        Some(sibling.clone())
    }

    /// Takes up the packed files that were rotated after `after`, or, where that is not known, written after `mark`. `known` is what
    /// was read of others.
    pub(super) fn push_newer_packed(
        &mut self,
        packed: &[Sibling],
        after: Option<&Sibling>,
        mark: &Mark,
        known: &[Mark],
        now: Instant,
    ) {
        for sibling in packed {
            let is_newer = match after {
                Some(after) => sibling.is_named_after(after),
                // An unread file itself, too, which is another one since it was packed.
                None if mark.is_empty() => sibling.seen.mtime_ns >= mark.mtime_ns,
                None => sibling.seen.mtime_ns > mark.mtime_ns,
            };
            let is_known = |mark: &Mark| mark.is_telling() && self.unpacked(sibling, mark).is_some();
            if is_newer
                && !self.follows(sibling.seen.key)
                && !known.iter().any(is_known)
                && let Ok((file, seen)) = siblings::open(&sibling.path)
            {
                self.push_packed(
                    Open::from_beginning(Packed::new(&sibling.path, file, &seen, self.rules.unpacked), &seen, now),
                    now,
                );
            }
        }
    }

    fn push_packed(&mut self, mut open: Open, now: Instant) {
        open.rotate(now);
        self.files.push_back(open);
    }

    /// The file of a checkpoint is nowhere: says what may be missing.
    pub(super) fn complain_of(&mut self, mark: &Mark) {
        let path = self.path.display();
        self.complaints.push(if mark.has_bytes() {
            let Mark { inode, offset, mtime_ns, .. } = mark;
            let written = Timestamp::from_micros(mtime_ns / 1_000);
            format!(
                "{path}: what was read of it before the restart (inode {inode}, last written {written}) was moved away, truncated or \
                 deleted, and is not beside it, not even as .gz; what it got from byte {offset} on may be missing. If there is a copy, \
                 look at it with `heinzel replay FILE`"
            )
        } else {
            format!("{path}: how far it was read cannot be told from its checkpoint, so it is read from its beginning, perhaps again")
        });
    }

    /// What `sibling` holds behind `mark`, if the mark was made from it.
    fn unpacked(&self, sibling: &Sibling, mark: &Mark) -> Option<(Unpacked, Seen)> {
        let (file, seen) = siblings::open(&sibling.path).ok()?;
        let unpacked = Packed::from_mark(&sibling.path, &file, &seen, mark, self.rules.unpacked);
        Some((unpacked.ok()??, seen))
    }
}
