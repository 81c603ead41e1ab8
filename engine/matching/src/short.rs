//! Finds texts that are too short for a window.
//!
//! All are looked for by a piece of the same three or four bytes' length: few pieces with vector instructions, many with an
//! automaton. Then the whole text is compared.

use aho_corasick::{AhoCorasick, Span, packed};

use crate::choice::{PACKED, PIECE, piece};
use crate::literal::{self, FOLD, Text};
use crate::rarity::Rarity;
use crate::texts::{TextId, Texts};

/// The texts' pieces.
#[derive(Debug)]
pub(crate) struct Short {
    search: Search,
    /// By piece: the texts it is from, and where in them it stands.
    texts: Vec<Vec<(TextId, usize)>>,
}

#[derive(Debug)]
enum Search {
    Packed(packed::Searcher),
    Automaton(AhoCorasick),
}

impl Short {
    /// Takes these texts in.
    ///
    /// # Errors
    /// When there are more than an automaton can hold.
    pub(crate) fn new(list: &[(TextId, &Text)], rarity: &Rarity) -> Result<Self, aho_corasick::BuildError> {
        let length = list.iter().map(|(_, text)| text.len()).min().unwrap_or(PIECE).min(PIECE);
        let mut pieces = std::collections::BTreeMap::<Vec<u8>, Vec<(TextId, usize)>>::new();
        for &(id, text) in list {
            let (at, _) = piece(text, length, rarity);
            for spelling in spellings(&text[at..at + length]) {
                pieces.entry(spelling).or_default().push((id, at));
            }
        }
        let few = (pieces.len() <= PACKED).then(|| {
            packed::Config::new().match_kind(packed::MatchKind::LeftmostFirst).builder().extend(pieces.keys()).build()
        });
        let search = match few.flatten() {
            Some(searcher) => Search::Packed(searcher),
            None => Search::Automaton(AhoCorasick::new(pieces.keys())?),
        };
        Ok(Self { search, texts: pieces.into_values().collect() })
    }

    /// How many pieces there are.
    pub(crate) fn count(&self) -> usize {
        self.texts.len()
    }

    /// Tells where which texts stand in the block, in no particular order.
    pub(crate) fn scan(&self, bytes: &[u8], texts: &Texts, hits: &mut Vec<(usize, TextId)>) {
        let mut look = |piece: usize, at: usize| {
            for &(text, offset) in &self.texts[piece] {
                if let Some(start) = at.checked_sub(offset)
                    && texts.stands_at(text, bytes, start)
                {
                    hits.push((start, text));
                }
            }
        };
        match &self.search {
            Search::Packed(searcher) => {
                let mut from = 0;
                // All pieces are of one length: at one place stands one of them, and the next may begin one byte further.
                while let Some(found) = searcher.find_in(bytes, Span::from(from..bytes.len())) {
                    look(found.pattern().as_usize(), found.start());
                    from = found.start() + 1;
                }
            }
            Search::Automaton(automaton) => {
                for found in automaton.find_overlapping_iter(bytes) {
                    look(found.pattern().as_usize(), found.start());
                }
            }
        }
    }
}

/// All ways to write a piece: letters that stand for both cases in each.
fn spellings(piece: &[u16]) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    for unit in piece {
        let byte = literal::byte(*unit);
        let also = (unit & FOLD != 0).then(|| byte.to_ascii_uppercase());
        let longer = |one: &Vec<u8>| {
            let with = |byte: u8| [one.as_slice(), &[byte]].concat();
            std::iter::once(with(byte)).chain(also.map(with)).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::literal::Unit;

    fn check(list: &[(&str, bool)], block: &str, expected: &[(usize, u32)]) {
        let folds = |b: u8| if b.is_ascii_lowercase() { Unit::from(b) | FOLD } else { Unit::from(b) };
        let unit = |fold: bool| move |b: u8| if fold { folds(b) } else { Unit::from(b) };
        let list: Vec<Text> = list.iter().map(|(text, folds)| text.bytes().map(unit(*folds)).collect()).collect();
        let mut texts = Texts::default();
        let ids: Vec<_> = list.iter().map(|text| (texts.push(text), text)).collect();
        let short = Short::new(&ids, &Rarity::built_in()).unwrap();
        let mut hits = Vec::new();
        short.scan(block.as_bytes(), &texts, &mut hits);
        hits.sort_unstable();
        let expected: Vec<_> = expected.iter().map(|(at, id)| (*at, TextId(*id))).collect();
        assert_eq!(hits, expected, "{block}");
    }

    #[test]
    fn overlapping_pieces_are_all_found() {
        check(&[("aba", false)], "ababa", &[(0, 0), (2, 0)]);
        check(&[("oom", true), ("oom-", false)], "OOM oom- x", &[(0, 0), (4, 0), (4, 1)]);
        check(&[("abcdefg", false), ("efgh", false)], "abcdefgh", &[(0, 0), (4, 1)]);
    }

    #[test]
    fn many_are_found_as_few_are() {
        let words: Vec<String> = (0..200).map(|n| format!("x{n:03}y")).collect();
        let list: Vec<_> = words.iter().map(|word| (word.as_str(), n_is_even(word))).collect();
        check(&list, "x007y X008Y X007Y x199y", &[(0, 7), (6, 8), (18, 199)]);
    }

    /// The even ones stand for both cases; digits do not mind.
    fn n_is_even(word: &str) -> bool {
        word.as_bytes()[3].is_multiple_of(2)
    }
}
