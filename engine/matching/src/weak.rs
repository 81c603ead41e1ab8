//! One pass for all patterns that have no text to search for.
//!
//! They are loosened until they can be searched for in raw records, where the message has a header in front of it, and put
//! into one automaton whose states are made when lines first need them. It rules out most records.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson;
use regex_automata::{Input, MatchKind, PatternSet};
use regex_syntax::hir::{Hir, HirKind, Look, Repetition};

use crate::Borders;
use crate::scan::Message;

/// The most memory of the automaton before its states are made, and of its states, in bytes. Beyond the first every record
/// is a candidate, beyond the second the states are made anew.
const SIZE: usize = 4 * 1024 * 1024;

/// Where every record that one of the patterns may match has a match.
#[derive(Debug)]
pub(crate) struct Weak {
    /// `None`: too large.
    dfa: Option<DFA>,
    patterns: usize,
    /// As many as there are threads that search at a time.
    scratch: Mutex<Vec<(Cache, PatternSet)>>,
}

impl Weak {
    /// An automaton for these patterns, in records whose message stands in them like this.
    pub(crate) fn new(patterns: &[Hir], message: Message) -> Self {
        let loose: Vec<Hir> = patterns.iter().map(|hir| loosened(hir, message)).collect();
        let config = thompson::Config::new()
            .utf8(false)
            .which_captures(thompson::WhichCaptures::None)
            .nfa_size_limit(Some(SIZE));
        let nfa = thompson::Compiler::new().configure(config).build_many_from_hir(&loose).ok();
        let config = DFA::config()
            .match_kind(MatchKind::All)
            .cache_capacity(SIZE)
            .skip_cache_capacity_check(true)
            // A Unicode `\b` beyond ASCII is not for a DFA; such records are candidates.
            .unicode_word_boundary(true);
        let dfa = nfa.and_then(|nfa| DFA::builder().configure(config).build_from_nfa(nfa).ok());
        Self { dfa, patterns: patterns.len(), scratch: Mutex::default() }
    }

    /// Tells the records in which a pattern (by its place in the list) may match.
    pub(crate) fn scan(&self, bytes: &[u8], borders: Borders<'_>, tell: &mut impl FnMut(usize, usize)) {
        let all = |record: Range<usize>, tell: &mut dyn FnMut(usize, usize)| {
            (0..self.patterns).for_each(|pattern| tell(record.start, pattern));
        };
        let Some(dfa) = &self.dfa else {
            return borders.records(bytes, 0, &mut |record| all(record, tell));
        };
        // What is no UTF-8 is replaced in the message, so there the record says nothing about it. (Records may cut a letter
        // that is whole in the block; lines do not.)
        if matches!(borders, Borders::Ends(_)) || std::str::from_utf8(bytes).is_err() {
            borders.records(bytes, 0, &mut |record| {
                if std::str::from_utf8(&bytes[record.clone()]).is_err() {
                    all(record, tell);
                }
            });
        }
        let mut scratch = self.scratch();
        let (cache, set) = &mut scratch;
        let mut which = |record: Range<usize>, cache: &mut Cache, tell: &mut dyn FnMut(usize, usize)| {
            set.clear();
            match dfa.try_which_overlapping_matches(cache, &Input::new(&bytes[record.clone()]), set) {
                Ok(()) => set.iter().for_each(|pattern| tell(record.start, pattern.as_usize())),
                Err(_) => all(record, tell),
            }
        };
        match borders {
            Borders::Ends(_) => borders.records(bytes, 0, &mut |record| which(record, cache, tell)),
            Borders::Lines => {
                let mut from = 0;
                while from < bytes.len() {
                    let input = Input::new(bytes).range(from..).earliest(true);
                    let end = match dfa.try_search_fwd(cache, &input) {
                        Ok(None) => break,
                        Ok(Some(found)) => found.offset(),
                        Err(_) => {
                            borders.records(bytes, from, &mut |record| all(record, tell));
                            break;
                        }
                    };
                    // The record with the last byte of the match; an empty match may also be at the start of the next.
                    let record = borders.around(bytes, from, end.saturating_sub(1).max(from));
                    from = record.end;
                    which(record, cache, tell);
                    if end == from && end < bytes.len() {
                        let next = borders.around(bytes, from, end);
                        from = next.end;
                        which(next, cache, tell);
                    }
                }
            }
        }
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
    }

    fn scratch(&self) -> (Cache, PatternSet) {
        let free = self.scratch.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_else(|| {
            let dfa = self.dfa.as_ref();
            (dfa.map_or_else(|| Cache::new(&never()), DFA::create_cache), PatternSet::new(self.patterns))
        })
    }
}

fn never() -> DFA {
    DFA::never_match().unwrap_or_else(|_| unreachable!("an automaton without a pattern is tiny"))
}

/// A pattern that matches in every record whose message the given one matches.
fn loosened(hir: &Hir, message: Message) -> Hir {
    let part = |hir: &Hir| loosened(hir, message);
    match hir.kind() {
        HirKind::Look(Look::Start) if message == Message::Whole => Hir::look(Look::StartLF),
        HirKind::Look(Look::End) if message != Message::Part => {
            let carriage_return = Hir::literal(*b"\r");
            let repetition = Repetition { min: 0, max: Some(1), greedy: true, sub: Box::new(carriage_return) };
            Hir::concat(vec![Hir::repetition(repetition), Hir::look(Look::EndLF)])
        }
        HirKind::Empty | HirKind::Look(_) => Hir::empty(),
        HirKind::Literal(_) | HirKind::Class(_) => hir.clone(),
        HirKind::Repetition(repeat) => Hir::repetition(repeat.with(part(&repeat.sub))),
        HirKind::Capture(group) => part(&group.sub),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(part).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(part).collect()),
    }
}
