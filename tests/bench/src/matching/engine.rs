//! What every engine does in the comparison, and how the pairs it finds are counted.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher as _};
use std::hint::black_box;

use memchr::{memchr, memrchr};

/// How much of a log is scanned at a time, in bytes: what the engine's file source hands over.
pub const BLOCK: usize = 1 << 20;

/// A matcher of many patterns, ready.
pub trait Engine {
    /// Finds every pattern in every line of `log` (whole lines), and tells each pair once.
    fn scan(&mut self, log: &[u8], pairs: &mut Pairs);

    /// Which library it is, where that is not clear from its name.
    fn version(&self) -> Option<String> {
        None
    }
}

/// The pairs of line and pattern that were found.
pub struct Pairs {
    /// How many.
    pub count: u64,
    /// The sum of the hashes of all pairs: the order does not matter.
    pub sum: u64,
    /// The same with the captures; 0 where the engine gives none.
    pub captures: u64,
    exact: bool,
    lines: Option<BTreeSet<usize>>,
}

impl Pairs {
    /// Counts only; this is what is timed.
    pub fn counted() -> Self {
        Self { count: 0, sum: 0, captures: 0, exact: false, lines: None }
    }

    /// Hashes every pair with its captures, for comparing.
    pub fn exact() -> Self {
        Self { exact: true, ..Self::counted() }
    }

    /// Remembers where each line begins that matches something.
    pub fn listed() -> Self {
        Self { exact: true, lines: Some(BTreeSet::new()), ..Self::counted() }
    }

    /// The lines that [`Self::listed`] remembers.
    pub fn lines(self) -> BTreeSet<usize> {
        self.lines.unwrap_or_default()
    }

    fn hashed(&mut self, line: usize, pattern: usize) {
        self.sum = self.sum.wrapping_add(hash((line, pattern)));
        if let Some(lines) = &mut self.lines {
            lines.insert(line);
        }
    }

    /// The pattern matches the line that begins at byte `line`.
    pub fn pair(&mut self, line: usize, pattern: impl FnOnce() -> usize) {
        self.count += 1;
        if self.exact {
            self.hashed(line, pattern());
        }
    }

    /// The same with what its named groups captured. The captures are looked at in any case.
    pub fn captured<'a>(
        &mut self,
        line: usize,
        pattern: impl FnOnce() -> usize,
        captures: impl Iterator<Item = (&'a str, Cow<'a, [u8]>)>,
    ) {
        self.count += 1;
        if !self.exact {
            captures.for_each(|capture| drop(black_box(capture)));
            return;
        }
        let pattern = pattern();
        self.hashed(line, pattern);
        for (name, value) in captures {
            self.captures = self.captures.wrapping_add(hash((line, pattern, name, value)));
        }
    }
}

fn hash(value: impl std::hash::Hash) -> u64 {
    // Its keys are fixed: two processes agree.
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The log in blocks of whole lines, each with where it begins.
pub fn blocks(log: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = log.get(start..).filter(|rest| !rest.is_empty())?;
        let cut = rest.get(..BLOCK).and_then(|block| memrchr(b'\n', block)).map(|at| at + 1);
        let end = cut.unwrap_or_else(|| memchr(b'\n', rest).map_or(rest.len(), |at| at + 1).max(rest.len().min(BLOCK)));
        let block = (start, &rest[..end]);
        start += end;
        Some(block)
    })
}

/// The lines of a log without their ends, each with where it begins.
pub fn lines(log: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = log.get(start..).filter(|rest| !rest.is_empty())?;
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let line = (start, &rest[..end]);
        start += end + 1;
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_whole_lines_and_leave_nothing_out() {
        let long = [b"x".repeat(BLOCK - 3), b"\nab\ncd\n".to_vec(), b"y".repeat(BLOCK + 5), b"\nend".to_vec()].concat();
        let mut next = 0;
        for (start, block) in blocks(&long) {
            assert_eq!(start, next);
            next += block.len();
            assert!(block.ends_with(b"\n") || next == long.len());
        }
        assert_eq!(next, long.len());
    }

    #[test]
    fn lines_have_no_ends() {
        let found: Vec<_> = lines(b"a\n\nbc").collect();
        assert_eq!(found, [(0, &b"a"[..]), (2, b""), (3, b"bc")]);
    }
}
