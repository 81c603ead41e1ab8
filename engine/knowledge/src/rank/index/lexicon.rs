//! The words of all answers while the index is built, each once.
//!
//! Start at [`Lexicon::read`]. Many answers say the same words: what there is to find out about a word (its stem, its parts,
//! its n-grams) is found out one time, and a text is a list of numbers.

use std::collections::HashMap;

use crate::answer::Language;
use crate::text::analyse;

/// All words so far.
#[derive(Default)]
pub(super) struct Lexicon {
    numbers: HashMap<Box<str>, u32>,
    /// By number.
    pub(super) words: Vec<Word>,
}

/// A word.
pub(super) struct Word {
    /// Folded.
    pub(super) text: Box<str>,
    /// It says nothing about what a text is about.
    pub(super) stop: bool,
}

/// A text as numbers of words.
pub(super) struct Tokens {
    /// The language that its words or the caller told.
    pub(super) language: Option<Language>,
    pub(super) words: Box<[u32]>,
}

impl Lexicon {
    /// Takes a text apart.
    pub(super) fn read(&mut self, text: &str, language: Option<Language>) -> Tokens {
        let analysis = analyse(text, language);
        let words = analysis.words.iter().map(|word| self.number(analysis.word(word), word.stop)).collect();
        Tokens { language: analysis.language, words }
    }

    fn number(&mut self, word: &str, stop: bool) -> u32 {
        if let Some(number) = self.numbers.get(word) {
            return *number;
        }
        let number = self.words.len() as u32;
        self.numbers.insert(word.into(), number);
        self.words.push(Word { text: word.into(), stop });
        number
    }
}
