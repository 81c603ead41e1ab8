//! One pass over a block: which records may match which patterns.

use std::ops::Range;

use memchr::{memchr, memrchr};

use crate::{PatternId, View};

/// How a block divides into records.
#[derive(Clone, Copy, Debug)]
pub enum Borders<'a> {
    /// Every line is a record. The last one may lack its line end.
    Lines,
    /// Where each record ends, behind its line end, ascending. What is behind the last is one more record.
    Ends(&'a [usize]),
}

impl Borders<'_> {
    /// The record that holds the byte `at`, with its line end. `from`: where a record begins, not behind `at`.
    fn around(self, bytes: &[u8], from: usize, at: usize) -> Range<usize> {
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
}

impl View {
    /// Passes over a block and tells each record that may match: its bytes without the final `\n`, and the patterns in the
    /// order of their numbers. Records come in order, each at most once. The number of a record among [`Borders::Ends`] is
    /// `ends.partition_point(|&end| end <= record.start)`.
    ///
    /// The time is linear in the block, whatever it holds, plus one call a record where patterns are weak.
    pub fn scan(&self, bytes: &[u8], borders: Borders<'_>, found: &mut impl FnMut(Range<usize>, &[PatternId])) {
        let inner = &*self.inner;
        let search = inner.literals.as_ref().map(|literals| literals.find_overlapping_iter(bytes));
        let mut hits = search.into_iter().flatten().peekable();
        // The record (counted from 1) in which a pattern was last seen: each is told once a record.
        let mut seen = vec![0_usize; inner.patterns.len()];
        let mut candidates = Vec::new();
        let mut record = 0..0;
        for number in 1.. {
            let at = if self.weak.is_empty() {
                let Some(hit) = hits.peek() else { break };
                hit.end() - 1
            } else if record.end < bytes.len() {
                record.end
            } else {
                break;
            };
            record = borders.around(bytes, record.end, at);
            candidates.clear();
            candidates.extend_from_slice(&self.weak);
            while let Some(hit) = hits.next_if(|hit| hit.end() <= record.end) {
                for &id in &*inner.owners[hit.pattern()] {
                    let last = &mut seen[id.0 as usize];
                    if *last != number && self.wants(id) {
                        *last = number;
                        candidates.push(id);
                    }
                }
            }
            if !candidates.is_empty() {
                candidates.sort_unstable();
                let end = if bytes[..record.end].ends_with(b"\n") { record.end - 1 } else { record.end };
                found(record.start..end.max(record.start), &candidates);
            }
        }
    }
}
