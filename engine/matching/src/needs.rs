//! What is known of a pattern before any line needs it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use heinzel_core::pattern::{self, PatternError};
use memchr::memchr_iter;
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::choice::{Pick, Shape};
use crate::literal::{self, FOLD, Set, required};
use crate::texts::same;

/// A pattern that surely takes less than this many bytes when compiled is not compiled to see it.
const SURELY_SMALL: usize = pattern::SIZE_LIMIT / 8;

/// A pattern that is sure to compile: a mistake must show before rules are swapped, and patterns that never meet a line
/// shall cost little.
pub(crate) fn checked(text: &str) -> Result<Hir, PatternError> {
    let hir = pattern::parse(text)?;
    if size(&hir) > SURELY_SMALL {
        pattern::compile(text)?;
    }
    Ok(hir)
}

/// What a pattern needs.
#[derive(Debug)]
pub(crate) struct Needs {
    /// One text of each set, in this order.
    pub(crate) sets: Vec<Set>,
    /// Those of them that have but one spelling, when a record must hold more than the one it is searched by.
    pub(crate) order: Order,
    /// How it was searched for last: when little else changes, that is good enough again.
    last: Mutex<Option<(Shape, Arc<Pick>)>>,
}

impl Needs {
    /// What this pattern needs.
    pub(crate) fn of(text: &str) -> Result<Self, PatternError> {
        let sets = required(&checked(text)?);
        let order = if sets.len() > 1 { Order::of(&sets) } else { Order::default() };
        Ok(Self { sets, order, last: Mutex::default() })
    }

    /// How it was searched for last, if by grams of this shape.
    pub(crate) fn last(&self, shape: Shape) -> Option<Arc<Pick>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(of, _)| *of == shape).map(|(_, pick)| Arc::clone(pick))
    }

    /// Remembers how it is searched for.
    pub(crate) fn keep(&self, shape: Shape, pick: Arc<Pick>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((shape, pick));
    }
}

/// Texts that must stand in a record one behind the other. In one piece of memory: most candidates end here, and a walk from
/// text to text would cost more than the comparing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order(Arc<[u8]>);

impl Order {
    /// Each text as its length, the place of its rarest byte, and its bytes.
    fn of(sets: &[Set]) -> Self {
        let mut all = Vec::new();
        for set in sets {
            let [text] = set.as_slice() else { continue };
            if text.iter().any(|unit| unit & FOLD != 0) {
                continue;
            }
            let bytes: Vec<u8> = text.iter().map(|unit| literal::byte(*unit)).collect();
            let rarest = (0..bytes.len()).min_by_key(|at| commonness(bytes[*at])).unwrap_or_default();
            // Texts are shorter than 256 bytes.
            all.extend([bytes.len() as u8, rarest as u8]);
            all.extend_from_slice(&bytes);
        }
        Self(all.into())
    }

    /// Whether the texts stand in the record, in their order.
    #[inline]
    pub(crate) fn stands_in(&self, record: &[u8]) -> bool {
        let (mut texts, mut record) = (&*self.0, record);
        while let [length, rarest, rest @ ..] = texts {
            let (text, behind) = rest.split_at(usize::from(*length));
            match end_of(text, usize::from(*rarest), record) {
                Some(end) => record = &record[end..],
                None => return false,
            }
            texts = behind;
        }
        true
    }
}

/// Behind the first place where the text stands.
#[inline]
fn end_of(text: &[u8], rarest: usize, record: &[u8]) -> Option<usize> {
    let byte = *text.get(rarest)?;
    memchr_iter(byte, record).find_map(|at| {
        let start = at.checked_sub(rarest)?;
        let there = record.get(start..start + text.len())?;
        same(there, text).then_some(start + text.len())
    })
}

/// How often a byte stands in usual logs.
fn commonness(byte: u8) -> u16 {
    static COUNTS: OnceLock<[u16; 256]> = OnceLock::new();
    let count = || {
        let mut counts = [0; 256];
        include_bytes!("typical.log").iter().for_each(|byte| counts[usize::from(*byte)] += 1);
        counts
    };
    COUNTS.get_or_init(count)[usize::from(byte)]
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
        let check = |record: &str, stand: bool| assert_eq!(needs.order.stands_in(record.as_bytes()), stand, "{record}");
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
