//! One pass over a block: which records may match which patterns.

use std::cell::Cell;
use std::ops::Range;

use memchr::{memchr, memrchr};

use crate::texts::TextId;
use crate::{PatternId, View};

/// How a block divides into records.
#[derive(Clone, Copy, Debug)]
pub enum Borders<'a> {
    /// Every line is a record. The last one may lack its line end.
    Lines,
    /// Where each record ends, behind its line end, ascending. What is behind the last is one more record.
    Ends(&'a [usize]),
}

/// How the message stands in its record. The more is known, the fewer records are candidates of patterns without a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Message {
    /// It is the whole record (but for its line end).
    Whole,
    /// It is the end of the record.
    End,
    /// It is somewhere in the record.
    #[default]
    Part,
}

impl Borders<'_> {
    /// The record that holds the byte `at`, with its line end. `from`: where a record begins, not behind `at`.
    pub(crate) fn around(self, bytes: &[u8], from: usize, at: usize) -> Range<usize> {
        match self {
            Self::Lines => {
                let start = memrchr(b'\n', &bytes[from..at]).map_or(from, |before| from + before + 1);
                let end = memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |behind| at + behind + 1);
                start..end
            }
            Self::Ends(ends) => {
                let next = ends.partition_point(|&end| end <= at);
                let start = next.checked_sub(1).map_or(0, |before| ends[before]);
                let end = ends.get(next).map_or(bytes.len(), |&end| end.min(bytes.len()));
                // Ends that do not ascend are the caller's mistake, but no reason to go backwards.
                start.clamp(from, at)..end.max(at + 1)
            }
        }
    }

    /// Tells all records from `from` on, where one begins.
    pub(crate) fn records(self, bytes: &[u8], from: usize, tell: &mut dyn FnMut(Range<usize>)) {
        let mut from = from;
        while from < bytes.len() {
            let record = self.around(bytes, from, from);
            from = record.end;
            tell(record);
        }
    }
}

/// What a scan writes on.
#[derive(Default)]
struct Scratch {
    places: Vec<usize>,
    hits: Vec<(usize, TextId)>,
    candidates: Vec<PatternId>,
}

thread_local! {
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// So many hits are kept room for.
const KEPT: usize = 1 << 16;

impl View {
    /// Passes over a block and tells each record that may match: its bytes without the final `\n`, and the patterns in the
    /// order of their numbers. Records come in order, each at most once. The number of a record among [`Borders::Ends`] is
    /// `ends.partition_point(|&end| end <= record.start)`.
    ///
    /// What is told does not depend on where a block begins and ends, as long as it holds whole records.
    pub fn scan(&self, bytes: &[u8], borders: Borders<'_>, found: &mut impl FnMut(Range<usize>, &[PatternId])) {
        let mut scratch = SCRATCH.take().unwrap_or_default();
        let Scratch { places, hits, candidates } = &mut *scratch;
        hits.clear();
        self.plan.search(bytes, borders, self.message, places, hits);
        if !hits.is_sorted() {
            hits.sort_unstable();
        }
        let mut rest = hits.as_slice();
        let mut record = 0..0;
        while let Some(&(at, _)) = rest.first() {
            record = borders.around(bytes, record.end, at);
            let (here, behind) = rest.split_at(rest.partition_point(|(at, _)| *at < record.end));
            rest = behind;
            candidates.clear();
            for &(at, text) in here {
                // A text that goes over the border is in no record.
                if at + self.plan.texts.length(text) <= record.end {
                    candidates.extend(self.plan.texts.owners(text).iter().filter(|id| self.wants(**id)));
                }
            }
            if candidates.len() > 1 {
                candidates.sort_unstable();
                candidates.dedup();
            }
            let text = &bytes[record.clone()];
            candidates.retain(|id| self.inner.pattern(*id).is_some_and(|pattern| pattern.may_match(text)));
            if !candidates.is_empty() {
                let end = if text.ends_with(b"\n") { record.end - 1 } else { record.end };
                found(record.start..end, candidates);
            }
        }
        if scratch.hits.capacity() <= KEPT {
            SCRATCH.set(Some(scratch));
        }
    }
}
