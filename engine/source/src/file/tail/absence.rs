//! What it means that a path names no file: none came yet, it was rotated away, or it is gone, and then its silence proves nothing.
//!
//! Start at [`Tail::without_file`].

use std::time::{Duration, Instant};

use heinzel_core::block::Health;

use super::{Begin, Tail};
use crate::file::siblings;

/// A file that is not there for so long has been removed and is not only about to be written anew: longer than a rotation or the
/// restart of a program that removes its log takes.
const REMOVED: Duration = Duration::from_secs(60);

/// A path names none of the files that it named.
#[derive(Clone, Copy, Debug)]
pub(super) struct Absent {
    since: Instant,
    /// What it named lies beside it under a rotated name: the next line will bring a new one.
    is_rotated: bool,
}

impl Tail {
    /// Notes, when that begins, that the path names no file, and what became of the one it named.
    pub(super) fn note_absence(&mut self, now: Instant) {
        let of_checkpoint = match &self.begin {
            Some(Begin::Resume(state)) => state.files.last(),
            _ => None,
        };
        let of_open = || self.files.back().map(|open| (open.key, open.mtime_ns()));
        let of_mark = || of_checkpoint.or(self.finished.back()).map(|mark| (mark.key(), mark.mtime_ns));
        if self.absent.is_none()
            && let Some((key, mtime_ns)) = of_open().or_else(of_mark)
        {
            let is_rotated = siblings::has_been_rotated(&self.path, key, mtime_ns);
            self.absent = Some(Absent { since: now, is_rotated });
        }
    }

    /// How a path without a file is.
    pub(super) fn without_file(&self, now: Instant) -> Health {
        let Some(absent) = self.absent else { return Health::Missing };
        let path = self.path.display();
        let way = "its silence proves nothing. Is a volume not mounted? If it is gone for good, take it out of `path`";
        if let Some(why) = self.home.trouble() {
            return Health::Degraded { why: format!("open {path}: {why}; {way}") };
        }
        if absent.is_rotated {
            return Health::Ok;
        }
        if !self.is_of_glob && absent.since + REMOVED <= now {
            return Health::Degraded { why: format!("open {path}: it was removed; {way}") };
        }
        Health::Missing
    }
}
