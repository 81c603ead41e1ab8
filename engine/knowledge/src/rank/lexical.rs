//! The tier that is always there: words, character n-grams, example drafts, exact tokens.
//!
//! Start at [`Lexical::build`] and [`Lexical::rank`](Ranker::rank). Each part gives every document a score: BM25F over
//! title, text and examples; the cosine of n-grams with the text and with the examples; the classifier's logit; what
//! exact tokens the two share. Brought to mean 0 and deviation 1, weighted and summed they make the order. The gate
//! looks at none of the sums but at [`super::gate`]'s raw score.

use std::sync::Mutex;

use super::calibrate;
use super::gate::Gate;
use super::index::{Index, Tuning};
use super::query::Query;
use super::saved;
use super::{Document, Draft, Ranked, Ranker};

/// How many postings of the n-grams a draft may cost: the rarest n-grams come first. What 500 answers have is less.
const GRAM_POSTINGS: usize = 60_000;
/// The same for words.
const WORD_POSTINGS: usize = 60_000;

/// The raw score: how much it counts, beside how alike the n-grams are, that the document says what the draft says.
const SAID: f32 = 0.2;
/// The raw score: how much the classifier's probability counts.
const SURE: f32 = 0.3;

/// How far up a document without a class is put for its texts.
const STAND_IN: f32 = 0.8;

/// Ranks by what is written alone.
pub struct Lexical {
    index: Index,
    tuning: Tuning,
    gate: Gate,
    scratch: Mutex<Vec<Scratch>>,
}

/// The parts of a score, in the order of [`Scratch::parts`].
const PARTS: usize = 5;
const WORDS: usize = 0;
const TEXTS: usize = 1;
const EXAMPLES: usize = 2;
const CLASSES: usize = 3;
const EXACT: usize = 4;

/// Sums of one search, kept for the next.
#[derive(Default)]
struct Scratch {
    query: Query,
    words: Vec<f32>,
    vectors: Vec<f32>,
    exacts: Vec<f32>,
    scores: Vec<f32>,
    /// The classifier's highest score, and the sum of all over it: what makes a probability of a score.
    highest: f32,
    sum: f32,
    parts: [Vec<f32>; PARTS],
    best: Vec<(f32, u32)>,
}

impl Lexical {
    /// Builds the index, trains the classifier, and calibrates the gate.
    #[must_use]
    pub fn build(documents: &[Document]) -> Self {
        Self::build_with(documents, Tuning::default())
    }

    /// The index as bytes, for [`Self::open`]. `documents` are those that it was built of.
    #[must_use]
    pub fn save(&self, documents: &[Document]) -> Vec<u8> {
        saved::save(&self.index, &self.gate, saved::key(documents))
    }

    /// The index from bytes of [`Self::save`]: the same ranks, without building. Nothing when the bytes are damaged, of
    /// another version, or of other documents: then [`Self::build`].
    #[must_use]
    pub fn open(bytes: &[u8], documents: &[Document]) -> Option<Self> {
        let (index, gate) = saved::open(bytes, documents, saved::key(documents))?;
        Some(Self { index, tuning: Tuning::default(), gate, scratch: Mutex::default() })
    }

    /// The same with other than the measured settings.
    #[must_use]
    pub fn build_with(documents: &[Document], tuning: Tuning) -> Self {
        let mut lexical = Self::without_gate(documents, tuning);
        lexical.gate = calibrate::calibrate(documents, &lexical);
        lexical
    }

    /// The index and the classifier, and a gate that knows nothing of them.
    pub(super) fn without_gate(documents: &[Document], tuning: Tuning) -> Self {
        let mut index = Index::build(documents, &tuning);
        index.train(documents, &tuning);
        Self { index, tuning, gate: Gate::default(), scratch: Mutex::default() }
    }

    pub(super) const fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    fn search(&self, s: &mut Scratch) {
        let index = &self.index;
        let units = index.document_of.len();
        for (sums, length) in [(&mut s.words, units), (&mut s.vectors, 2 * units)] {
            sums.clear();
            sums.resize(length, 0.0);
        }
        let mut left = WORD_POSTINGS;
        for (term, weight) in &s.query.terms {
            let length = index.words.len(*term);
            if length > left {
                break;
            }
            left -= length;
            index.words.add(*term, *weight, &mut s.words);
        }
        let mut left = GRAM_POSTINGS;
        for (gram, weight) in &s.query.grams {
            let length = index.vectors.len(*gram);
            if length > left {
                break;
            }
            left -= length;
            index.vectors.add(*gram, *weight, &mut s.vectors);
        }
        for part in &mut s.parts {
            part.clear();
            part.resize(index.documents, 0.0);
        }
        let [words, texts, examples, classes, exacts] = &mut s.parts;
        for (unit, document) in index.document_of.iter().enumerate() {
            let document = *document as usize;
            words[document] = words[document].max(s.words[unit]);
            texts[document] = texts[document].max(s.vectors[2 * unit]);
            examples[document] = examples[document].max(s.vectors[2 * unit + 1]);
        }
        if !s.query.exacts.is_empty() {
            s.exacts.clear();
            s.exacts.resize(units, 0.0);
            for token in &s.query.exacts {
                index.exacts.add(*token, 1.0, &mut s.exacts);
            }
            for (document, exact) in index.document_of.iter().zip(&s.exacts) {
                exacts[*document as usize] = exacts[*document as usize].max(*exact);
            }
        }
        if let Some(classifier) = &index.classifier {
            classifier.scores(&s.query.features, &mut s.scores);
            // NaN says: this document has no class.
            classes.fill(f32::NAN);
            for (score, document) in s.scores.iter().zip(classifier.documents()) {
                classes[*document as usize] = *score;
            }
            s.highest = s.scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            s.sum = s.scores.iter().map(|score| (score - s.highest).exp()).sum();
        }
    }

    /// The best documents by the fused score, best first.
    fn fuse(&self, s: &mut Scratch, most: usize) {
        let tuning = &self.tuning;
        // From 10 to 40 words that carry meaning a draft becomes a letter, whose many words drown the few that matter.
        let letter = (s.query.content.len().saturating_sub(10) as f32 / 30.0).min(1.0);
        let letter_words = tuning.fuse_words + letter * (tuning.fuse_many_words - tuning.fuse_words);
        let mut factors = [
            letter_words, tuning.fuse_grams, tuning.fuse_examples, tuning.fuse_classes, tuning.fuse_exact];
        if self.index.classifier.is_some() {
            for factor in [WORDS, TEXTS, EXAMPLES] {
                factors[factor] *= tuning.beside_classes;
            }
        }
        let mut means = [0.0; PARTS];
        for ((part, factor), mean) in s.parts.iter().zip(&mut factors).zip(&mut means) {
            let known = || part.iter().copied().filter(|score| !score.is_nan());
            let n = known().count().max(1) as f32;
            *mean = known().sum::<f32>() / n;
            let deviation = (known().map(|score| (score - *mean) * (score - *mean)).sum::<f32>() / n).sqrt();
            *factor = if deviation > 1e-9 { *factor / deviation } else { 0.0 };
        }
        // A document without a class is as far up among the classes as it is among the texts.
        let stand_in = tuning.fuse_classes / tuning.beside_classes / (letter_words + tuning.fuse_grams).max(1e-6);
        s.best.clear();
        for document in 0..self.index.documents {
            let of = |part: usize| (s.parts[part][document] - means[part]) * factors[part];
            let mut score = of(WORDS) + of(TEXTS) + of(EXAMPLES) + of(EXACT);
            let class = of(CLASSES);
            score += if class.is_nan() { (of(WORDS) + of(TEXTS)) * stand_in * STAND_IN } else { class };
            if s.best.len() == most && s.best.last().is_none_or(|(worst, _)| score <= *worst) {
                continue;
            }
            let at = s.best.partition_point(|(better, _)| *better >= score);
            s.best.insert(at, (score, document as u32));
            s.best.truncate(most);
        }
    }

    /// How well a document fits, whatever else there is: how alike the n-grams are, how much of what the draft says the
    /// document says, too, and how sure the classifier is (as if there were no document `without`).
    fn raw(&self, s: &Scratch, document: usize, without: Option<usize>) -> f32 {
        let alike = s.parts[TEXTS][document].max(s.parts[EXAMPLES][document]);
        let all: f32 = s.query.content.iter().map(|(_, idf)| idf).sum();
        let mut said = 0.0;
        let mut last = None;
        for (word, term) in &s.query.hits {
            if last != Some(*word) && self.has(document, *term) {
                last = Some(*word);
                said += s.query.content[*word as usize].1;
            }
        }
        let share = if all > 0.0 { said / all } else { 0.0 };
        let sure = |document: usize| (s.parts[CLASSES][document] - s.highest).exp() / s.sum;
        let sure = match without {
            _ if self.index.classifier.is_none() => 0.0,
            Some(without) => sure(document) / (1.0 - sure(without)).max(1e-6),
            None => sure(document),
        };
        alike + SAID * share + SURE * sure.min(1.0)
    }

    /// Whether a document has a stem.
    fn has(&self, document: usize, term: u32) -> bool {
        let mut units = self.index.first_unit[document]..self.index.first_unit[document + 1];
        units.any(|unit| self.index.words.weight(term, unit).is_some())
    }

    /// The best document with its raw score, and the best beside `without` with the raw score that it would have if
    /// there were no such document.
    pub(super) fn best(&self, draft: &Draft<'_>, without: usize) -> (Option<(usize, f32)>, Option<f32>) {
        let mut s = self.taken();
        s.query.read(draft, &self.index, &self.tuning);
        self.search(&mut s);
        self.fuse(&mut s, 2.min(self.index.documents));
        let places: Vec<usize> = s.best.iter().map(|(_, document)| *document as usize).collect();
        let best = places.first().map(|document| (*document, self.raw(&s, *document, None)));
        let other = places.iter().find(|document| **document != without);
        let other = other.map(|document| self.raw(&s, *document, Some(without)));
        self.give_back(s);
        (best, other)
    }

    fn taken(&self) -> Scratch {
        self.scratch.lock().ok().and_then(|mut pool| pool.pop()).unwrap_or_default()
    }

    fn give_back(&self, scratch: Scratch) {
        if let Ok(mut pool) = self.scratch.lock() {
            pool.push(scratch);
        }
    }

    fn ranked(&self, s: &Scratch, score: f32, document: usize) -> Ranked {
        let raw = self.raw(s, document, None);
        let units = self.index.first_unit[document]..self.index.first_unit[document + 1];
        let mut words: Vec<String> = Vec::new();
        for (word, term) in &s.query.hits {
            let word = &s.query.text[s.query.content[*word as usize].0.clone()];
            if words.iter().all(|known| known != word) && self.has(document, *term) {
                words.push(word.to_owned());
            }
        }
        let mut example: Option<(f32, &str)> = None;
        let range = self.index.first_example[units.start as usize]..self.index.first_example[units.end as usize];
        for known in &self.index.examples[range.start as usize..range.end as usize] {
            let shared = known.terms.iter().filter(|term| s.query.has(**term));
            let score = shared.map(|term| self.index.idf[*term as usize]).sum::<f32>()
                / (known.terms.len() as f32 + 1.0).sqrt();
            if score > 0.0 && example.is_none_or(|(best, _)| score > best) {
                example = Some((score, &known.text));
            }
        }
        Ranked {
            document,
            rank_score: score,
            raw,
            confidence: self.gate.confidence(raw),
            words,
            example: example.map(|(_, text)| text.to_owned()),
        }
    }
}

impl Ranker for Lexical {
    fn rank(&self, draft: &Draft<'_>, most: usize) -> Vec<Ranked> {
        let mut scratch = self.taken();
        scratch.query.read(draft, &self.index, &self.tuning);
        self.search(&mut scratch);
        self.fuse(&mut scratch, most.min(self.index.documents));
        let best = scratch.best.iter().map(|(score, document)| self.ranked(&scratch, *score, *document as usize));
        let ranked = best.collect();
        self.give_back(scratch);
        ranked
    }

    fn threshold(&self) -> f32 {
        self.gate.threshold
    }
}
