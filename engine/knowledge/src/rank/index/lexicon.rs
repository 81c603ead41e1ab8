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
    words: Vec<Word>,
}

/// A word.
pub(super) struct Word {
    /// Folded.
    pub(super) text: Box<str>,
    /// It says nothing about what a text is about.
    pub(super) stop: bool,
    /// What it counts as, in each language.
    terms: [Option<Box<Terms>>; 2],
    /// The lists of its n-grams, once for each time it has them.
    grams: Option<Box<[u32]>>,
}

/// What a word counts as.
pub(super) struct Terms {
    /// The term of its stem.
    pub(super) stem: u32,
    /// The terms of what it means and of its parts, with how much they count beside the stem.
    pub(super) others: Box<[(u32, f32)]>,
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
        self.words.push(Word { text: word.into(), stop, terms: [None, None], grams: None });
        number
    }

    /// How many words there are.
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// A word by its number.
    pub(super) fn word(&self, number: u32) -> &Word {
        &self.words[number as usize]
    }

    /// What a word counts as; `find` finds it out.
    pub(super) fn terms(&mut self, number: u32, language: Language, find: impl FnOnce(&str, bool) -> Terms) -> &Terms {
        let Word { text, stop, terms, .. } = &mut self.words[number as usize];
        terms[language as usize].get_or_insert_with(|| Box::new(find(text, *stop)))
    }

    /// The lists of a word's n-grams; `find` finds them.
    pub(super) fn grams(&mut self, number: u32, find: impl FnOnce(&str) -> Box<[u32]>) -> &[u32] {
        let Word { text, grams, .. } = &mut self.words[number as usize];
        grams.get_or_insert_with(|| find(text))
    }
}
