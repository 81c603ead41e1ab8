//! Which rules may judge an absence in a replay: those of whose programs at least one line is there. That cron is silent in
//! the log of a package manager says nothing.
//!
//! Start at [`Presence::look`]. Most lines are never parsed, so a program is first searched for by its name.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use heinzel_core::block::Block;
use heinzel_core::glob::Glob;
use heinzel_core::rule::{Rule, RuleId};
use heinzel_core::trigger::Trigger;
use memchr::memmem::Finder;

use crate::live::Live;
use crate::pipeline::Way;

/// So many lines with a name in them are parsed of a block and name.
const LOOKED_AT: usize = 64;

/// The rules that wait for something that was perhaps never there.
pub(crate) struct Presence(Vec<Watched>);

struct Watched {
    rule: RuleId,
    programs: Vec<Glob>,
    /// What stands in every line of these programs.
    needles: Vec<Finder<'static>>,
    seen: AtomicBool,
}

impl Presence {
    /// Nothing was seen yet. A rule with `by` only misses what it has seen, one without a program listens to every line.
    pub(crate) fn of(live: &Live) -> Self {
        let waits = |rule: &&Arc<Rule>| {
            matches!(rule.trigger, Trigger::Absence { .. }) && rule.by.is_empty() && !rule.programs.is_empty()
        };
        Self(live.rules.rules.values().filter(waits).map(|rule| Watched::new(rule)).collect())
    }

    /// Looks through a block.
    pub(crate) fn look(&self, block: &Block, way: &Way) {
        for one in self.0.iter().filter(|one| !one.seen.load(Ordering::Relaxed)) {
            if one.is_in(block, way) {
                one.seen.store(true, Ordering::Relaxed);
            }
        }
    }

    /// The rules of whose programs no line is there, and these programs.
    pub(crate) fn unseen(&self) -> impl Iterator<Item = (&RuleId, &[Glob])> {
        self.0.iter().filter(|one| !one.seen.load(Ordering::Relaxed)).map(|one| (&one.rule, &*one.programs))
    }
}

impl Watched {
    fn new(rule: &Rule) -> Self {
        let literal =
            |glob: &Glob| glob.0.split(['*', '?']).max_by_key(|part| part.len()).unwrap_or_default().to_owned();
        let mut names: Vec<String> = rule.programs.iter().map(literal).collect();
        names.sort_by_key(String::len);
        // Where `cron` is not, `anacron` is not.
        let mut needles: Vec<String> = Vec::new();
        for name in names {
            if !needles.iter().any(|needle| name.contains(needle.as_str())) {
                needles.push(name);
            }
        }
        let needles = needles.iter().map(|needle| Finder::new(needle).into_owned()).collect();
        Self { rule: rule.id.clone(), programs: rule.programs.clone(), needles, seen: AtomicBool::new(false) }
    }

    fn is_in(&self, block: &Block, way: &Way) -> bool {
        let fits = |name: &str| self.programs.iter().any(|glob| glob.fits(name));
        if block.bytes.is_empty() {
            return false;
        }
        if way.names_of_stream(&block.stream).into_iter().any(fits) {
            return true;
        }
        self.needles.iter().any(|needle| {
            let mut from = 0;
            for _ in 0..LOOKED_AT {
                let rest = block.bytes.get(from..).unwrap_or_default();
                let Some(at) = needle.find(rest).filter(|_| !rest.is_empty()) else { return false };
                let start = memchr::memrchr(b'\n', &rest[..at]).map_or(0, |end| end + 1);
                let end = memchr::memchr(b'\n', &rest[at..]).map_or(rest.len(), |end| at + end);
                if way.is_from(&rest[start..end], block.read_at, fits) {
                    return true;
                }
                from += end + 1;
            }
            false
        })
    }
}
