//! The usual way: an Aho-Corasick automaton over each pattern's longest literal on whole blocks, then `regex` on the lines
//! it points at.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use anyhow::Context as _;
use heinzel_core::pattern;
use memchr::{memchr, memrchr};
use regex_syntax::hir::{Hir, HirKind};
use std::collections::BTreeMap;

use super::each::Compiled;
use super::engine::{Engine, Pairs, blocks, lines};

/// The automaton and the patterns behind it.
pub struct Literals {
    automaton: AhoCorasick,
    /// By literal: the patterns that need it.
    owners: Vec<Vec<usize>>,
    /// The patterns without a literal of three bytes: asked on every line.
    weak: Vec<usize>,
    patterns: Vec<Compiled>,
    candidates: Vec<usize>,
}

/// Shorter literals would point at nearly every line.
const SHORTEST: usize = 3;

impl Literals {
    /// Builds the automaton as a DFA, and compiles all patterns.
    pub fn new(patterns: &[String]) -> anyhow::Result<Self> {
        let (mut literals, mut weak) = (BTreeMap::<Vec<u8>, Vec<usize>>::new(), Vec::new());
        for (number, text) in patterns.iter().enumerate() {
            let hir = pattern::parse(text)?;
            let literal = longest(&hir);
            if literal.len() < SHORTEST {
                weak.push(number);
            } else {
                literals.entry(literal.to_vec()).or_default().push(number);
            }
        }
        let automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::DFA))
            .match_kind(MatchKind::Standard)
            .build(literals.keys())
            .context("build the Aho-Corasick automaton")?;
        Ok(Self {
            automaton,
            owners: literals.into_values().collect(),
            weak,
            patterns: patterns.iter().map(|text| Compiled::new(text)).collect::<anyhow::Result<_>>()?,
            candidates: Vec::new(),
        })
    }

    fn ask(&mut self, start: usize, line: &[u8], pairs: &mut Pairs) {
        self.candidates.sort_unstable();
        self.candidates.dedup();
        for &number in &self.candidates {
            self.patterns[number].ask(number, start, line, pairs);
        }
        self.candidates.clear();
    }
}

/// The longest literal that stands in every match.
fn longest(hir: &Hir) -> &[u8] {
    match hir.kind() {
        HirKind::Literal(literal) => &literal.0,
        HirKind::Capture(capture) => longest(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => longest(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().map(longest).max_by_key(|literal| literal.len()).unwrap_or_default(),
        _ => &[],
    }
}

impl Engine for Literals {
    fn scan(&mut self, log: &[u8], pairs: &mut Pairs) {
        if !self.weak.is_empty() {
            // Every line is a candidate then: line by line.
            for (start, line) in lines(log) {
                self.candidates.extend_from_slice(&self.weak);
                for hit in self.automaton.find_overlapping_iter(line) {
                    self.candidates.extend_from_slice(&self.owners[hit.pattern()]);
                }
                self.ask(start, line, pairs);
            }
            return;
        }
        // Cheap to clone; the hits must not borrow what `ask` changes.
        let automaton = self.automaton.clone();
        for (offset, block) in blocks(log) {
            let mut line = 0..0;
            for hit in automaton.find_overlapping_iter(block) {
                if hit.end() > line.end {
                    if !self.candidates.is_empty() {
                        self.ask(offset + line.start, &block[line.clone()], pairs);
                    }
                    let start = memrchr(b'\n', &block[..hit.start()]).map_or(0, |at| at + 1);
                    let end = memchr(b'\n', &block[hit.end()..]).map_or(block.len(), |at| hit.end() + at);
                    line = start..end;
                }
                self.candidates.extend_from_slice(&self.owners[hit.pattern()]);
            }
            if !self.candidates.is_empty() {
                self.ask(offset + line.start, &block[line], pairs);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_literal_stands_in_every_match() {
        let check = |text: &str, literal: &str| {
            assert_eq!(longest(&pattern::parse(text).unwrap()), literal.as_bytes(), "{text}");
        };
        check(r"^ab (?P<a>\d+) port (?:optional)?", " port ");
        check(r"(?:abcdef)+|x", "");
        check(r"(?P<a>abcdef)+x", "abcdef");
        check(r"\d+", "");
    }
}
