//! "since 2h": drops the records at the beginning that are too old.
//!
//! Start at [`Since::drop_old`]. The file is read from its beginning (no search: it must be read once, and that is fast)
//! and everything before the first record whose own time is not too old is dropped, records without a time among them.

use std::fmt;
use std::sync::Arc;

use heinzel_core::time::Timestamp;

use super::handle::Piece;

/// Finds a record's own time.
pub(crate) type TimeOf = Arc<dyn Fn(&[u8]) -> Option<Timestamp> + Send + Sync>;

/// What is too old.
#[derive(Clone)]
pub(crate) struct Since {
    pub(crate) cutoff: Timestamp,
    pub(crate) time_of: TimeOf,
}

impl fmt::Debug for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Since({})", self.cutoff)
    }
}

impl Since {
    /// Whether a file last written at `mtime_ns` can hold anything that is not too old.
    pub(crate) fn may_be_in(&self, mtime_ns: i64) -> bool {
        Timestamp::from_micros(mtime_ns / 1_000) >= self.cutoff
    }

    /// Drops the old records at the beginning. Says whether any is left, and how many without a time were dropped.
    pub(crate) fn drop_old(&self, piece: &mut Piece) -> (bool, u64) {
        let mut undated = 0;
        let mut start = 0;
        let mut line_ends = piece.bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1);
        let mut record_ends = piece.ends.iter().copied();
        let is_lines = piece.ends.is_empty();
        let kept = loop {
            let end = if is_lines { line_ends.next() } else { record_ends.next() };
            let Some(end) = end else { break false };
            match (self.time_of)(&piece.bytes[start..end.max(start + 1) - 1]) {
                Some(time) if time >= self.cutoff => break true,
                Some(_) => {}
                None => undated += 1,
            }
            start = end;
        };
        piece.offset += start as u64;
        piece.ends.retain(|&end| end > start);
        piece.ends.iter_mut().for_each(|end| *end -= start);
        piece.bytes.drain(..start);
        (kept, undated)
    }
}
