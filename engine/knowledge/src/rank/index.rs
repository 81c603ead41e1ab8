//! The index: what is kept of the answers. `index/build.rs` makes it of them.
//!
//! A unit is one text of one document: an answer in one language. Units of a document stand
//! side by side.

use std::collections::HashSet;

use super::classifier::Classifier;
use super::foreign::Foreign;
use super::lists::{Hashed, HashedMap, Lists};
use crate::answer::Language;
use crate::text::sense::{self, DIMENSIONS};
use crate::text::{Analysis, hash};

mod build;
mod lexicon;

pub(super) use build::FEWEST_EXAMPLES;

/// What is kept of the answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// How many documents.
    pub(super) documents: usize,
    /// The document of each unit.
    pub(super) document_of: Vec<u32>,
    /// The first unit of each document; one more than there are documents.
    pub(super) first_unit: Vec<u32>,
    /// The list of each stem, by its hash.
    pub(super) terms: HashedMap<u64, u32>,
    /// How much each stem says.
    pub(super) idf: Vec<f32>,
    /// BM25F, precomputed.
    pub(super) words: Lists,
    /// Folded words and stems: what compounds are split into.
    pub(super) known: HashSet<u64, std::hash::BuildHasherDefault<Hashed>>,
    /// Words in order of the alphabet with their list, for the last word while it is typed.
    pub(super) vocabulary: Vec<(Box<str>, u32)>,
    /// The list of each exact token, by its hash.
    pub(super) exact: HashedMap<u64, u32>,
    /// Units that have an exact token.
    pub(super) exacts: Lists,
    /// The list of each n-gram.
    pub(super) grams: HashedMap<u32, u32>,
    /// How much each n-gram says.
    pub(super) gram_idf: Vec<f32>,
    /// How much an n-gram says that no answer has.
    pub(super) unknown_gram: f32,
    /// Unit vectors: of a unit's text at twice its number, of its examples right after it.
    pub(super) vectors: Lists,
    /// The classifier, where there are examples.
    pub(super) classifier: Option<Classifier>,
    /// What each unit is about, side by side; empty where there are too many of them. All zeros: its words are unknown.
    pub(super) senses: Vec<f32>,
    /// What all units have in common.
    pub(super) common: Vec<f32>,
    /// Which words are about everyday life instead.
    pub(super) foreign: Foreign,
    /// Units that have a stem of [`Self::words`] from learned examples alone.
    pub(super) learned: Lists,
    /// The example drafts of the files, unit by unit.
    pub(super) examples: Vec<Example>,
    /// The first example of each unit; one more than there are units.
    pub(super) first_example: Vec<u32>,
}

/// An example draft, to say which one a draft is like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Example {
    /// As it was written.
    pub(super) text: Box<str>,
    /// Its stems, ascending.
    pub(super) terms: Box<[u32]>,
}

/// The language in which a text is stemmed.
pub(super) fn language_of(analysis: &Analysis, other: Option<Language>) -> Language {
    analysis.language.or(other).unwrap_or(Language::De)
}

impl Index {
    /// Whether reading it can go wrong: a number that points nowhere.
    pub(super) fn is_sound(&self) -> bool {
        let units = self.document_of.len();
        let climbs = |offsets: &[u32], n: usize, last: usize| {
            offsets.len() == n + 1
                && offsets.windows(2).all(|pair| pair[0] <= pair[1])
                && offsets.last().is_some_and(|end| *end as usize == last)
        };
        let within = |values: &[u32], limit: usize| values.iter().all(|value| (*value as usize) < limit);
        within(&self.document_of, self.documents)
            && climbs(&self.first_unit, self.documents, units)
            && climbs(&self.first_example, units, self.examples.len())
            && self.idf.len() == self.terms.len()
            && self.words.lists() == self.terms.len()
            && self.words.is_sound(units)
            && self.learned.lists() == self.terms.len()
            && self.learned.is_sound(units)
            && self.exacts.lists() == self.exact.len()
            && self.exacts.is_sound(units)
            && self.gram_idf.len() == self.grams.len()
            && self.vectors.lists() == self.grams.len()
            && self.vectors.is_sound(2 * units)
            && (self.senses.is_empty() || self.senses.len() == units * DIMENSIONS)
            && self.vocabulary.iter().all(|(_, term)| (*term as usize) < self.terms.len())
            && self.examples.iter().all(|example| within(&example.terms, self.terms.len()))
            && self.classifier.as_ref().is_none_or(|classifier| {
                within(&classifier.documents, self.documents)
                    && classifier.idf.len() == classifier.rows.len()
                    && classifier.regression.classes() == classifier.documents.len()
            })
    }

    /// Whether a folded word or stem is in the index.
    #[must_use]
    pub(super) fn knows(&self, word: &str) -> bool {
        self.known.contains(&hash(word.as_bytes()))
    }

    /// What is left of a sense when what all answers have in common is taken away, of length one; all zeros if nothing is.
    pub(super) fn apart(&self, sense: &[f32; DIMENSIONS]) -> [f32; DIMENSIONS] {
        let mut left = *sense;
        left.iter_mut().zip(&self.common).for_each(|(x, common)| *x -= common);
        sense::unit(left).unwrap_or([0.0; DIMENSIONS])
    }
}
