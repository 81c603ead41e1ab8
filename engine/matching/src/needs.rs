//! What is known of a pattern before any line needs it.

use std::sync::{Mutex, PoisonError};

use heinzel_core::pattern::{self, PatternError};
use memchr::memmem::Finder;
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::choice::{Pick, Shape};
use crate::literal::{FOLD, Set, required};

/// A pattern that surely takes less than this many bytes when compiled is not compiled to see it.
const SURELY_SMALL: usize = pattern::SIZE_LIMIT / 8;

/// What a pattern needs.
#[derive(Debug)]
pub(crate) struct Needs {
    /// One text of each set, in this order.
    pub(crate) sets: Vec<Set>,
    /// Those of them that have but one spelling, when a record must hold more than the one it is searched by.
    order: Box<[Finder<'static>]>,
    /// How it was searched for last: when little else changes, that is good enough again.
    last: Mutex<Option<(Shape, Pick)>>,
}

impl Needs {
    /// What this pattern needs. It is sure to compile: a mistake must show before rules are swapped, and patterns that
    /// never meet a line shall cost little.
    pub(crate) fn of(text: &str) -> Result<Self, PatternError> {
        let hir = pattern::parse(text)?;
        if size(&hir) > SURELY_SMALL {
            pattern::compile(text)?;
        }
        let sets = required(&hir);
        let exact = sets.iter().filter_map(|set| match set.as_slice() {
            [text] if text.iter().all(|unit| unit & FOLD == 0) => {
                let bytes: Vec<u8> = text.iter().map(|unit| (unit & 0xff) as u8).collect();
                Some(Finder::new(&bytes).into_owned())
            }
            _ => None,
        });
        let order = if sets.len() > 1 { exact.collect() } else { Box::default() };
        Ok(Self { sets, order, last: Mutex::default() })
    }

    /// How it was searched for last, if by windows of this shape.
    pub(crate) fn last(&self, shape: Shape) -> Option<Pick> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(of, _)| *of == shape).map(|(_, pick)| pick.clone())
    }

    /// Remembers how it is searched for.
    pub(crate) fn keep(&self, shape: Shape, pick: Pick) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((shape, pick));
    }

    /// Whether the texts stand in the record, in their order.
    #[inline]
    pub(crate) fn stand_in(&self, record: &[u8]) -> bool {
        let mut from = 0;
        self.order.iter().all(|text| match text.find(&record[from..]) {
            Some(further) => {
                from += further + text.needle().len();
                true
            }
            None => false,
        })
    }
}

/// No less than what the pattern takes when compiled, in bytes, but for a factor that [`SURELY_SMALL`] leaves.
fn size(hir: &Hir) -> usize {
    /// Of a state of the automaton.
    const STATE: usize = 64;
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => STATE,
        HirKind::Literal(literal) => STATE * literal.0.len(),
        HirKind::Class(Class::Bytes(class)) => STATE + 8 * class.ranges().len(),
        // A range beyond ASCII is several sequences of byte ranges.
        HirKind::Class(Class::Unicode(class)) => STATE * 8 * class.ranges().len(),
        HirKind::Capture(group) => size(&group.sub).saturating_add(2 * STATE),
        HirKind::Repetition(repeat) => {
            let times = repeat.max.unwrap_or(repeat.min.saturating_add(1)).max(1);
            (size(&repeat.sub) + STATE).saturating_mul(times as usize)
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().fold(STATE, |all, part| all.saturating_add(size(part)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_must_stand_in_their_order() {
        let needs = Needs::of(r"(?<a>\d+) from (?<b>\d+) to (?<c>\d+) (?i:DAYS|hours) end\d+ at").unwrap();
        let check = |record: &str, stand: bool| assert_eq!(needs.stand_in(record.as_bytes()), stand, "{record}");
        check("1 from 2 to 3 at", true);
        check("1 to 2 from 3 at", false);
        check("1 from 2 to  at", true);
        check("1 from 2 to at", false);
        check("1 from to 2 at", false);
    }

    #[test]
    fn a_pattern_that_is_too_large_is_refused_as_the_regex_crate_does() {
        for large in [r"(?u:\w{5000})", r"(?:a{1000}){1000}", "(?u:[^x]{9000})"] {
            assert!(Needs::of(large).is_err(), "{large}");
        }
        assert!(Needs::of(&"x".repeat(1500)).is_ok());
    }
}
