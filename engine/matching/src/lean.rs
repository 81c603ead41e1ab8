//! A pattern that takes a few KiB when compiled.
//!
//! The regex crate's own engines keep tables and a cache for each pattern and thread: some 50 KiB for a pattern with three
//! captures, which hundreds of rules turn into a hundred MiB. Only candidates are searched here, and they are short. So what
//! is kept is the automaton alone, searched by backtracking (leftmost first, in time linear in pattern × message, as in the
//! regex crate), and all patterns share their scratch memory. Long messages go to the regex crate's engines.

use std::borrow::Cow;
use std::sync::{Mutex, OnceLock, PoisonError};

use heinzel_core::pattern;
use regex::bytes::Regex;
use regex_automata::nfa::thompson;
use regex_automata::nfa::thompson::backtrack::{BoundedBacktracker, Cache};
use regex_automata::util::prefilter::Prefilter;
use regex_automata::util::primitives::PatternID;
use regex_automata::{Input, MatchKind};

/// A longer message, in bytes, is searched by the regex crate's engines, compiled for this one search: that takes some
/// 0.2 ms, and then they need 1 ns a byte whatever the message holds, where backtracking needs 10 ns and more.
const LONG: usize = 8 * 1024;
/// The most scratch memory, in bytes. A pattern whose states times [`LONG`] exceed this many bits (some thousand states:
/// Unicode classes, counted repetitions) is kept in full.
const SCRATCH: usize = 1024 * 1024;

/// A pattern that is compiled when first asked.
#[derive(Debug)]
pub(crate) struct Lean {
    pub(crate) text: Box<str>,
    engine: OnceLock<Option<Engine>>,
}

#[derive(Debug)]
enum Engine {
    Small(Box<BoundedBacktracker>),
    Full(Regex),
}

/// Scratch memory for searches; as many pieces as there are threads that search at a time.
#[derive(Debug, Default)]
pub(crate) struct Scratch(Mutex<Vec<Cache>>);

/// The named groups of a match.
pub(crate) type Captures<'m, 't> = Vec<(&'m str, Cow<'t, str>)>;

impl Lean {
    /// A pattern that is known to compile; one that does not matches nothing.
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.into(), engine: OnceLock::new() }
    }

    /// Forgets what was compiled, until it is asked again.
    pub(crate) fn forget(&mut self) {
        self.engine.take();
    }

    pub(crate) fn is_match(&self, message: &str, scratch: &Scratch) -> bool {
        match self.engine() {
            None => false,
            Some(Engine::Full(regex)) => regex.is_match(message.as_bytes()),
            Some(Engine::Small(_)) if message.len() > LONG => {
                pattern::compile(&self.text).is_ok_and(|regex| regex.is_match(message.as_bytes()))
            }
            // The error is that the message is too long for the scratch memory, which `LONG` rules out.
            Some(Engine::Small(engine)) => scratch
                .with(engine, |cache| engine.try_is_match(cache, Input::new(message).earliest(true)).unwrap_or(false)),
        }
    }

    /// The named groups of the leftmost match, in the order of the pattern.
    pub(crate) fn captures<'m, 't>(&'m self, message: &'t str, scratch: &Scratch) -> Option<Captures<'m, 't>> {
        let group = |range: std::ops::Range<usize>| String::from_utf8_lossy(&message.as_bytes()[range]);
        match self.engine()? {
            Engine::Full(regex) => {
                let groups = regex.captures(message.as_bytes())?;
                let named = regex.capture_names().enumerate();
                Some(named.filter_map(|(at, name)| Some((name?, group(groups.get(at)?.range())))).collect())
            }
            Engine::Small(engine) => {
                let names = || engine.get_nfa().group_info().pattern_names(PatternID::ZERO);
                if message.len() > LONG {
                    let regex = pattern::compile(&self.text).ok()?;
                    let groups = regex.captures(message.as_bytes())?;
                    let named = names().enumerate();
                    return Some(
                        named.filter_map(|(at, name)| Some((name?, group(groups.get(at)?.range())))).collect(),
                    );
                }
                if names().flatten().next().is_none() {
                    return self.is_match(message, scratch).then(Vec::new);
                }
                let mut groups = engine.create_captures();
                scratch.with(engine, |cache| engine.try_captures(cache, message, &mut groups)).ok()?;
                if !groups.is_match() {
                    return None;
                }
                let named = names().enumerate();
                Some(named.filter_map(|(at, name)| Some((name?, group(groups.get_group(at)?.range())))).collect())
            }
        }
    }

    fn engine(&self) -> Option<&Engine> {
        let build =
            || small(&self.text).map(Engine::Small).or_else(|| pattern::compile(&self.text).ok().map(Engine::Full));
        self.engine.get_or_init(build).as_ref()
    }
}

/// The automaton of a pattern, with the meaning of [`pattern::compile`]; `None` when it is too large.
fn small(text: &str) -> Option<Box<BoundedBacktracker>> {
    let hir = pattern::parse(text).ok()?;
    let config = thompson::Config::new().utf8(false).nfa_size_limit(Some(pattern::SIZE_LIMIT));
    let nfa = thompson::Compiler::new().configure(config).build_from_hir(&hir).ok()?;
    let first = Prefilter::from_hir_prefix(MatchKind::LeftmostFirst, &hir);
    let config = BoundedBacktracker::config().visited_capacity(SCRATCH).prefilter(first);
    let engine = BoundedBacktracker::builder().configure(config).build_from_nfa(nfa).ok()?;
    (engine.max_haystack_len() >= LONG).then(|| Box::new(engine))
}

impl Scratch {
    fn with<T>(&self, engine: &BoundedBacktracker, search: impl FnOnce(&mut Cache) -> T) -> T {
        let pieces = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let free = pieces().pop();
        let mut cache = free.unwrap_or_else(|| engine.create_cache());
        engine.reset_cache(&mut cache);
        let found = search(&mut cache);
        pieces().push(cache);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with the regex crate, which gives patterns their meaning.
    fn check(pattern: &str, message: &str) {
        let (lean, scratch) = (Lean::new(pattern), Scratch::default());
        let regex = pattern::compile(pattern).unwrap();
        let expected = regex.captures(message.as_bytes()).map(|groups| {
            let name = |(at, name): (usize, Option<&str>)| {
                Some((name?.to_owned(), String::from_utf8_lossy(groups.get(at)?.as_bytes()).into_owned()))
            };
            regex.capture_names().enumerate().filter_map(name).collect::<Vec<_>>()
        });
        let found = lean.captures(message, &scratch);
        let found = found.map(|all| all.into_iter().map(|(n, t)| (n.to_owned(), t.into_owned())).collect::<Vec<_>>());
        assert_eq!(found, expected, "{pattern} in {} bytes", message.len());
        assert_eq!(lean.is_match(message, &scratch), expected.is_some(), "{pattern} in {} bytes", message.len());
    }

    #[test]
    fn short_and_long_messages_are_searched_alike() {
        for pattern in [
            r"pool (?<pool>\w+) is (?:busy|(?<state>full))",
            r"^pool (?<pool>.*?) is",
            r"is (?<a>busy|busy now)",
            r"(?i)POOL",
            r"^$",
            r"(?-u:(?<byte>\xc3))",
            r"(?u:(?<word>\w+)) grün",
            r"(?u:\w{20})",
            r"(?<x>a{0,900}b{0,900}c{0,900})$",
            r"\bwww\b$",
        ] {
            for message in ["", "pool www is full", "a pool größe is busy now", "www", "sehr grün"] {
                check(pattern, message);
                check(pattern, &format!("{}{message}", "filling ".repeat(LONG / 8 - 1)));
                check(pattern, &format!("{message}{}", " filling".repeat(LONG / 4)));
                check(pattern, &format!("{}{message}", "filling ".repeat(LONG / 4)));
            }
        }
    }

    #[test]
    fn small_patterns_are_small_and_large_ones_are_kept_in_full() {
        assert!(
            small(r"^pool (?<pool>[^\]]+) reached (?<limit>\d+) of (?<all>\d+)").unwrap().get_nfa().memory_usage()
                < 4096
        );
        assert!(small(r"(?u:\w{20})").is_none());
        assert!(matches!(Lean::new(r"(?u:\w{20})").engine(), Some(Engine::Full(_))));
    }
}
