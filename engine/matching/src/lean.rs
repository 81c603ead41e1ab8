//! A pattern that takes little memory when compiled, and is compiled when a record first needs it.
//!
//! Only candidates are searched here, and they are short. Most patterns get a [`Machine`]; the others an automaton of the
//! regex crate that is searched by backtracking (leftmost first, in time linear in pattern × message), without the tables
//! and caches of some 50 KiB a pattern and thread that its faster engines keep. Long messages go to those.

use std::cell::Cell;
use std::sync::OnceLock;

use heinzel_core::pattern;
use regex::bytes::Regex;
use regex_automata::nfa::thompson;
use regex_automata::nfa::thompson::backtrack::{BoundedBacktracker, Cache};
use regex_automata::util::prefilter::Prefilter;
use regex_automata::util::primitives::PatternID;
use regex_automata::{Input, MatchKind};
use regex_syntax::hir::{Hir, HirKind};

use crate::machine::{self, Machine};

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
    /// `None`: it does not compile, and matches nothing.
    machine: OnceLock<Option<Compiled>>,
    /// Where there is no machine, or it gave up.
    engine: OnceLock<Option<Engine>>,
}

#[derive(Debug)]
struct Compiled {
    machine: Option<Box<Machine>>,
    names: Box<[Box<str>]>,
}

#[derive(Debug)]
enum Engine {
    Small(Box<BoundedBacktracker>),
    Full(Regex),
}

/// What searches write on.
#[derive(Default)]
pub(crate) struct Scratch {
    machine: machine::Scratch,
    cache: Option<Cache>,
    /// For [`crate::View::find`].
    pub(crate) spans: Spans,
    /// How many searches there were.
    pub(crate) searches: u32,
}

thread_local! {
    static FREE: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

impl Scratch {
    /// This thread's.
    pub(crate) fn take() -> Box<Self> {
        FREE.take().unwrap_or_default()
    }

    /// For the next search of this thread.
    pub(crate) fn keep(self: Box<Self>) {
        FREE.set(Some(self));
    }
}

/// Where the named groups of a match stand, in the order of the pattern; `None`: a group took no part.
pub(crate) type Spans = Vec<Option<(usize, usize)>>;

impl Lean {
    /// A pattern that is known to compile; one that does not matches nothing.
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.into(), machine: OnceLock::new(), engine: OnceLock::new() }
    }

    /// Forgets what was compiled, until it is asked again.
    pub(crate) fn forget(&mut self) {
        self.machine.take();
        self.engine.take();
    }

    /// The names of its groups, in the order of the pattern.
    pub(crate) fn names(&self) -> &[Box<str>] {
        self.compiled().map_or(&[], |compiled| &compiled.names)
    }

    pub(crate) fn is_match(&self, message: &str, scratch: &mut Scratch) -> bool {
        self.search(message, scratch, &mut Spans::new())
    }

    /// Whether the pattern matches, and where the named groups of the leftmost match stand (behind what is there already).
    pub(crate) fn search(&self, message: &str, scratch: &mut Scratch, spans: &mut Spans) -> bool {
        let Some(compiled) = self.compiled() else { return false };
        let begin = spans.len();
        if message.len() <= LONG {
            if let Some(machine) = &compiled.machine {
                match machine.search(message.as_bytes(), &mut scratch.machine, spans) {
                    Ok(found) => return found,
                    Err(machine::GaveUp) => spans.truncate(begin),
                }
            }
            match self.engine.get_or_init(|| small(&self.text).map(Engine::Small).or_else(|| full(&self.text))) {
                Some(Engine::Small(engine)) => return backtrack(engine, message, scratch, spans),
                Some(Engine::Full(regex)) => return search(regex, message, spans),
                None => return false,
            }
        }
        if let Some(Some(Engine::Full(regex))) = self.engine.get() {
            return search(regex, message, spans);
        }
        pattern::compile(&self.text).is_ok_and(|regex| search(&regex, message, spans))
    }

    fn compiled(&self) -> Option<&Compiled> {
        let compile = || {
            let hir = pattern::parse(&self.text).ok()?;
            let mut names = Vec::new();
            name_groups(&hir, &mut names);
            Some(Compiled { machine: Machine::new(&hir).map(Box::new), names: names.into() })
        };
        self.machine.get_or_init(compile).as_ref()
    }
}

/// The names of a pattern's groups, in its order.
fn name_groups(hir: &Hir, names: &mut Vec<Box<str>>) {
    match hir.kind() {
        HirKind::Capture(group) => {
            names.extend(group.name.clone());
            name_groups(&group.sub, names);
        }
        HirKind::Repetition(repeat) => name_groups(&repeat.sub, names),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().for_each(|part| name_groups(part, names)),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => {}
    }
}

fn full(text: &str) -> Option<Engine> {
    pattern::compile(text).ok().map(Engine::Full)
}

fn search(regex: &Regex, message: &str, spans: &mut Spans) -> bool {
    let Some(groups) = regex.captures(message.as_bytes()) else { return false };
    let named = regex.capture_names().enumerate().filter(|(_, name)| name.is_some());
    spans.extend(named.map(|(at, _)| groups.get(at).map(|group| (group.start(), group.end()))));
    true
}

fn backtrack(engine: &BoundedBacktracker, message: &str, scratch: &mut Scratch, spans: &mut Spans) -> bool {
    let cache = scratch.cache.get_or_insert_with(|| engine.create_cache());
    engine.reset_cache(cache);
    let mut groups = engine.create_captures();
    // The error is that the message is too long for the scratch memory, which `LONG` rules out.
    let found = engine.try_captures(cache, Input::new(message), &mut groups).is_ok() && groups.is_match();
    if found {
        let names = engine.get_nfa().group_info().pattern_names(PatternID::ZERO).enumerate();
        let named = names.filter(|(_, name)| name.is_some());
        spans.extend(named.map(|(at, _)| groups.get_group(at).map(|group| (group.start, group.end))));
    }
    found
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with the regex crate, which gives patterns their meaning.
    fn check(pattern: &str, message: &str) {
        let (lean, mut scratch, mut spans) = (Lean::new(pattern), Scratch::default(), Spans::new());
        let regex = pattern::compile(pattern).unwrap();
        let expected = regex.captures(message.as_bytes()).map(|groups| {
            let name = |(at, name): (usize, Option<&str>)| {
                Some((name?.to_owned(), String::from_utf8_lossy(groups.get(at)?.as_bytes()).into_owned()))
            };
            regex.capture_names().enumerate().filter_map(name).collect::<Vec<_>>()
        });
        let found = lean.search(message, &mut scratch, &mut spans).then(|| {
            let text =
                |(start, end): (usize, usize)| String::from_utf8_lossy(&message.as_bytes()[start..end]).into_owned();
            let named = lean.names().iter().zip(&spans);
            named.filter_map(|(name, span)| Some((name.to_string(), text((*span)?)))).collect::<Vec<_>>()
        });
        assert_eq!(found, expected, "{pattern} in {} bytes", message.len());
        assert_eq!(lean.is_match(message, &mut scratch), expected.is_some(), "{pattern} in {} bytes", message.len());
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
        let lean = Lean::new(r"(?u:\w{20})");
        lean.is_match("x", &mut Scratch::default());
        assert!(matches!(lean.engine.get(), Some(Some(Engine::Full(_)))));
    }
}
