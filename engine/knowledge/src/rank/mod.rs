//! Which known answers fit a draft, and how surely.
//!
//! Start at [`Ranker`]. The order may be fused from several scores; the gate looks at one raw score alone, because a
//! fused score no longer knows how well anything fits.

pub mod embed;
pub(crate) mod regression;
mod grams;
mod lists;
mod sums;
mod classifier;
pub(crate) mod index;
pub(crate) mod tuning;
mod query;
mod apart;
mod gate;
mod calibrate;
mod saved;
mod scale;
pub mod lexical;
mod discriminant;
mod foreign;
mod judges;
pub mod semantic;
pub mod tiers;

pub(crate) use lists::{Hashed, widen};

use crate::answer::Language;

/// A known answer, as far as ranking is concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// `pack/id`.
    pub id: String,
    /// Its texts, in all its languages.
    pub texts: Vec<Text>,
}

impl Document {
    /// How many example drafts it has, in all languages.
    fn examples(&self) -> usize {
        self.texts.iter().map(|text| text.examples.len()).sum()
    }
}

/// An answer in one language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The language, where it is known.
    pub language: Option<Language>,
    /// The customer's question or symptom.
    pub title: String,
    /// The text that is shown.
    pub body: String,
    /// Drafts that it answers: those of the answer's file first.
    pub examples: Vec<String>,
    /// So many of the examples, the last ones, were learned of customers. They help to find the answer, but nobody is
    /// shown them, nor told which of their words a draft has.
    pub learned: usize,
}

impl Text {
    /// The examples that stand in the answer's file.
    fn written(&self) -> &[String] {
        &self.examples[..self.examples.len().saturating_sub(self.learned)]
    }
}

/// What a customer has written so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Draft<'a> {
    /// The subject line.
    pub subject: &'a str,
    /// The text.
    pub body: &'a str,
    /// The language of the form.
    pub language: Option<Language>,
}

/// A known answer that fits, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// Its place among the documents.
    pub document: usize,
    /// Orders the answers to one draft; says nothing across drafts.
    pub rank_score: f32,
    /// How well it fits, whatever else there is. What the threshold is compared with; see [`fit`].
    pub raw: f32,
    /// The raw score as a probability, 0 to 1.
    pub confidence: f32,
    /// Words of the draft that the answer's file has, as the customer wrote them.
    pub words: Vec<String>,
    /// The nearest example draft of the answer's file.
    pub example: Option<String>,
}

/// So many answers are looked at to see whether anything fits: as many as are shown.
pub(crate) const LOOKED_AT: usize = 3;

/// How well the best of the first few fits; what [`Ranker::threshold`] is for. Several answers on one subject share it, so
/// that the first alone may look like a guess when it is not.
#[must_use]
pub fn fit(ranked: &[Ranked]) -> f32 {
    ranked.iter().take(LOOKED_AT).map(|one| one.raw).fold(f32::NEG_INFINITY, f32::max)
}

/// A way to find the known answers that fit a draft.
pub trait Ranker: Send + Sync {
    /// The answers that fit best, best first, at most so many. Silence is up to the caller: see [`Ranker::threshold`].
    fn rank(&self, draft: &Draft<'_>, most: usize) -> Vec<Ranked>;

    /// The [`fit`] below which nothing should be shown.
    fn threshold(&self) -> f32;
}
