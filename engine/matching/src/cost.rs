//! What each rule costs, counted while lines are searched.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use heinzel_core::rule::RuleId;

use crate::lean::Scratch;

/// Of so many candidates one is timed: looking at the clock costs as much as a match.
const TIMED: u32 = 16;

/// What a rule has cost since it was first loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The rule.
    pub rule: RuleId,
    /// Records that were parsed because they hold the texts that one of its patterns needs, once for each such pattern.
    pub candidates: u64,
    /// Those that one of its patterns matched (and no `unless`).
    pub matches: u64,
    /// The time its patterns took on the candidates, from a sample of them. Finding candidates is one pass for all rules.
    pub time: Duration,
}

/// The counters of a rule.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    candidates: AtomicU64,
    matches: AtomicU64,
    /// Of the timed ones.
    nanoseconds: AtomicU64,
}

impl Counter {
    /// Counts a candidate; `search` says whether it matches.
    #[inline]
    pub(crate) fn count(&self, scratch: &mut Scratch, search: impl FnOnce(&mut Scratch) -> bool) {
        self.candidates.fetch_add(1, Ordering::Relaxed);
        scratch.searches = scratch.searches.wrapping_add(1);
        let began = scratch.searches.is_multiple_of(TIMED).then(Instant::now);
        if search(scratch) {
            self.matches.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(began) = began {
            let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.nanoseconds.fetch_add(took, Ordering::Relaxed);
        }
    }

    /// What was counted.
    pub(crate) fn cost(&self, rule: &RuleId) -> Cost {
        Cost {
            rule: rule.clone(),
            candidates: self.candidates.load(Ordering::Relaxed),
            matches: self.matches.load(Ordering::Relaxed),
            time: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed).saturating_mul(u64::from(TIMED))),
        }
    }
}
