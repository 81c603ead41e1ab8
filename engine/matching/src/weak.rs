//! One pass for all patterns that have no text to search for.
//!
//! Where a pattern has [`neighbours`], only records with those are looked at further. Then the patterns are loosened until
//! they can be searched for in raw records, where the message has a header in front of it, and put into one automaton whose
//! states are made when records first need them. It rules most of the rest out.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson;
use regex_automata::{Anchored, Input, MatchKind, PatternSet};
use regex_syntax::hir::{Hir, HirKind, Look, Repetition};

use crate::classes::{Classes, GROUPS, neighbours};
use crate::scan::{Borders, Message};
use crate::simd::{Width, find};

/// The most memory of an automaton before its states are made, and of its states, in bytes. Beyond the first every record
/// is a candidate, beyond the second the states are made anew.
const SIZE: usize = 4 * 1024 * 1024;

/// At so many places of a record a match is tried at most, before all of it is searched.
const TRIES: usize = 8;

/// Where every record that one of the patterns may match has a match.
#[derive(Debug)]
pub(crate) struct Weak {
    /// What patterns with neighbours need.
    classes: Option<Classes>,
    /// By group of these: how far before its neighbours a match begins, where that is always the same.
    begins: [Option<usize>; GROUPS],
    /// For those without; `None`: there are none.
    common: Option<Automaton>,
    /// For all.
    all: Automaton,
    patterns: usize,
    width: Width,
}

/// A search for several patterns at once.
#[derive(Debug)]
struct Automaton {
    /// `None`: too large.
    dfa: Option<DFA>,
    patterns: usize,
    /// As many as there are threads that search at a time.
    scratch: Mutex<Vec<Scratch>>,
}

type Scratch = (Cache, PatternSet);

impl Automaton {
    fn new(patterns: &[Hir]) -> Self {
        let config = thompson::Config::new()
            .utf8(false)
            .which_captures(thompson::WhichCaptures::None)
            .nfa_size_limit(Some(SIZE));
        let nfa = thompson::Compiler::new().configure(config).build_many_from_hir(patterns).ok();
        let config = DFA::config().match_kind(MatchKind::All).cache_capacity(SIZE).skip_cache_capacity_check(true);
        let dfa = nfa.and_then(|nfa| DFA::builder().configure(config).build_from_nfa(nfa).ok());
        Self { dfa, patterns: patterns.len(), scratch: Mutex::default() }
    }

    fn take(&self) -> Scratch {
        let free = self.scratch.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_else(|| {
            let cache = self.dfa.as_ref().map_or_else(|| Cache::new(&never()), DFA::create_cache);
            (cache, PatternSet::new(self.patterns))
        })
    }

    fn keep(&self, scratch: Scratch) {
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
    }
}

/// What a record may match is told by where it begins and the pattern's place in the list.
type Tell<'a> = dyn FnMut(usize, usize) + 'a;

impl Weak {
    /// A search for these patterns, in records whose message stands in them like this.
    pub(crate) fn new(patterns: &[Hir], message: Message, width: Width) -> Self {
        let loose: Vec<Hir> = patterns.iter().map(|hir| loosened(hir, message)).collect();
        let rows: Vec<_> = patterns.iter().map(neighbours).collect();
        let common: Vec<Hir> =
            loose.iter().zip(&rows).filter(|(_, row)| row.is_none()).map(|(hir, _)| hir.clone()).collect();
        let (rows, before): (Vec<_>, Vec<_>) = rows.into_iter().flatten().unzip();
        let begins = std::array::from_fn(|group| {
            let mut of_group = before.iter().skip(group).step_by(GROUPS);
            let first = of_group.next().copied().flatten();
            first.filter(|first| of_group.all(|other| *other == Some(*first)))
        });
        Self {
            classes: (!rows.is_empty()).then(|| Classes::new(&rows)),
            begins,
            common: (!common.is_empty()).then(|| Automaton::new(&common)),
            all: Automaton::new(&loose),
            patterns: patterns.len(),
            width,
        }
    }

    /// Tells the records in which a pattern may match, each at least once.
    pub(crate) fn scan(&self, bytes: &[u8], borders: Borders<'_>, tell: &mut Tell<'_>) {
        // What is no UTF-8 is replaced in the message, so there the record says nothing about it. (Records may cut a letter
        // that is whole in the block; lines do not.)
        if matches!(borders, Borders::Ends(_)) || std::str::from_utf8(bytes).is_err() {
            borders.records(bytes, 0, &mut |record| {
                if std::str::from_utf8(&bytes[record.clone()]).is_err() {
                    self.tell_all(&record, tell);
                }
            });
        }
        let mut scratch = self.all.take();
        if let Some(classes) = &self.classes {
            let (mut from, mut record, mut tries) = (0, 0..0, 0);
            while let Some(at) = find(self.width, classes, bytes, from) {
                if at >= record.end {
                    (record, tries) = (borders.around(bytes, record.end, at), 0);
                }
                tries += 1;
                if tries <= TRIES && !self.begins_before(classes.groups(bytes, at), bytes, &record, at, &mut scratch.0)
                {
                    from = at + 1;
                    continue;
                }
                from = record.end;
                self.which(bytes, record.clone(), &mut scratch, tell);
            }
        }
        match (&self.common, borders) {
            (None, _) => {}
            (Some(_), Borders::Ends(_)) => {
                borders.records(bytes, 0, &mut |record| self.which(bytes, record, &mut scratch, tell));
            }
            (Some(common), Borders::Lines) => {
                let mut searched = common.take();
                self.lines(bytes, common, &mut searched.0, &mut scratch, tell);
                common.keep(searched);
            }
        }
        self.all.keep(scratch);
    }

    /// Finds the lines with a match of the common patterns in one search over all of them.
    fn lines(&self, bytes: &[u8], common: &Automaton, cache: &mut Cache, scratch: &mut Scratch, tell: &mut Tell<'_>) {
        let mut from = 0;
        while from < bytes.len() {
            let input = Input::new(bytes).range(from..).earliest(true);
            let end = match common.dfa.as_ref().map(|dfa| dfa.try_search_fwd(cache, &input)) {
                Some(Ok(None)) => return,
                Some(Ok(Some(found))) => found.offset(),
                Some(Err(_)) | None => {
                    return Borders::Lines.records(bytes, from, &mut |record| self.tell_all(&record, tell));
                }
            };
            // The record with the last byte of the match; an empty match may also be at the start of the next.
            let record = Borders::Lines.around(bytes, from, end.saturating_sub(1).max(from));
            from = record.end;
            self.which(bytes, record, scratch, tell);
            if end == from && end < bytes.len() {
                let next = Borders::Lines.around(bytes, from, end);
                from = next.end;
                self.which(bytes, next, scratch, tell);
            }
        }
    }

    /// Whether a match begins where it must, as neighbours of these groups stand here in a record.
    fn begins_before(&self, groups: u8, bytes: &[u8], record: &Range<usize>, at: usize, cache: &mut Cache) -> bool {
        let Some(dfa) = &self.all.dfa else { return true };
        let of_bit = |group: &usize| groups >> group & 1 == 1;
        (0..GROUPS).filter(of_bit).any(|group| {
            let Some(before) = self.begins[group] else { return true };
            // The same search as for another group found nothing.
            if (0..group).filter(of_bit).any(|other| self.begins[other] == Some(before)) {
                return false;
            }
            let Some(begin) = (at - record.start).checked_sub(before) else { return false };
            let input = Input::new(&bytes[record.clone()]).range(begin..).anchored(Anchored::Yes).earliest(true);
            !matches!(dfa.try_search_fwd(cache, &input), Ok(None))
        })
    }

    /// Tells which patterns may match a record.
    fn which(&self, bytes: &[u8], record: Range<usize>, scratch: &mut Scratch, tell: &mut Tell<'_>) {
        let (cache, set) = scratch;
        set.clear();
        let input = Input::new(&bytes[record.clone()]);
        match self.all.dfa.as_ref().map(|dfa| dfa.try_which_overlapping_matches(cache, &input, set)) {
            Some(Ok(())) => set.iter().for_each(|pattern| tell(record.start, pattern.as_usize())),
            Some(Err(_)) | None => self.tell_all(&record, tell),
        }
    }

    fn tell_all(&self, record: &Range<usize>, tell: &mut Tell<'_>) {
        (0..self.patterns).for_each(|pattern| tell(record.start, pattern));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::neighbours;
    use heinzel_core::pattern;
    use proptest::prelude::*;

    /// No look-around but at the ends: what is told is then what matches.
    const PATTERNS: [&str; 11] = [
        r": \d+ \d+$",
        r#"" 5\d\d \d+"#,
        r"\[\d+\.\d+\]:\d+$",
        r" \d{2,3}%$",
        r"[A-Z]{2,5}-\d{2,}",
        r"-- \d+ --",
        r"\d[ab]%\d",
        r"^a: \d",
        r"(?:a|bb)%%\d",
        r"a{2}%-\d",
        r"[%-]{3}$",
    ];

    #[test]
    fn how_far_behind_the_begin_neighbours_stand() {
        for (text, at) in [
            (r": \d+ \d+$", Some(0)),
            (r"\d\d[ab]%", Some(1)),
            (r"^a: \d", Some(0)),
            (r"[0-9]{2}%%-", Some(2)),
            (r"[0-9]{2,3}%%-", None),
            (r"(?:a|bb)%%-", None),
            (r"(?u:ä)%%-", None),
        ] {
            let (row, found) = neighbours(&pattern::parse(text).unwrap()).unwrap();
            assert_eq!(found, at, "{text}: {row:?}");
        }
    }

    #[test]
    fn a_record_full_of_beginnings_is_searched_once() {
        let patterns = [pattern::parse(PATTERNS[0]).unwrap()];
        let weak = Weak::new(&patterns, Message::Whole, Width::widest());
        let line = ": 1 x".repeat(10_000) + ": 1 2\n: 1 x";
        let mut told = Vec::new();
        weak.scan(line.as_bytes(), Borders::Lines, &mut |at, pattern| told.push((at, pattern)));
        assert_eq!(told, [(0, 0)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn what_matches_is_told(
            chosen in proptest::collection::vec(0..PATTERNS.len(), 1..12),
            parts in proptest::collection::vec(prop_oneof![
                3 => r": [1-9] [1-9]", 2 => "-- [0-9] --", 2 => r#"" 5[0-9]{2} 1"#, 3 => "[0-9]{2}%", 2 => r"\[1\.2\]:[0-9]", 2 => "[A-C]{2}-[0-9]",
                2 => "[ab]{1,2}%%[0-9]", 2 => "aa%-[0-9]", 2 => "[%\\-]{3,4}", 3 => "a: [0-9]", 6 => "\n", 6 => "[ab:1 %\\-\"A]{1,3}",
            ], 0..40),
        ) {
            let text = parts.concat();
            let patterns: Vec<Hir> = chosen.iter().map(|number| pattern::parse(PATTERNS[*number]).unwrap()).collect();
            let regexes: Vec<_> = chosen.iter().map(|number| pattern::compile(PATTERNS[*number]).unwrap()).collect();
            let mut expected = Vec::new();
            let mut start = 0;
            for line in text.split_inclusive('\n') {
                let message = line.strip_suffix('\n').unwrap_or(line);
                expected.extend((0..chosen.len()).filter(|at| regexes[*at].is_match(message.as_bytes())).map(|at| (start, at)));
                start += line.len();
            }
            for width in Width::ALL {
                let mut told = Vec::new();
                let weak = Weak::new(&patterns, Message::Whole, width);
                weak.scan(text.as_bytes(), Borders::Lines, &mut |at, pattern| told.push((at, pattern)));
                told.sort_unstable();
                told.dedup();
                prop_assert_eq!(&told, &expected, "{:?}", width);
            }
        }
    }
}
