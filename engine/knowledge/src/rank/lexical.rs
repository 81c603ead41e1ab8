//! The tier that is always there: words, character n-grams, example drafts, exact tokens.
//!
//! Start at [`Lexical::build`] and [`Lexical::rank`](Ranker::rank). Each part gives every document a score: BM25F over
//! title, text and examples; the cosine of n-grams with the text and with the examples; the classifier's logit; what
//! exact tokens the two share. Brought to mean 0 and deviation 1, weighted and summed they make the order. The gate
//! looks at none of the sums but at [`super::gate`]'s raw score.

use std::sync::Mutex;

use super::gate::Gate;
use super::index::{Index, Tuning};
use super::query::Query;
use super::regression::softmax;
use super::{Document, Draft, Ranked, Ranker};

/// How many postings of the n-grams a draft may cost: the rarest n-grams come first. What 500 answers have is less.
const GRAM_POSTINGS: usize = 60_000;
/// The same for words.
const WORD_POSTINGS: usize = 60_000;

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
    parts: [Vec<f32>; PARTS],
    best: Vec<(f32, u32)>,
}

impl Lexical {
    /// Builds the index, trains the classifier, and calibrates the gate.
    #[must_use]
    pub fn build(documents: &[Document]) -> Self {
        Self::build_with(documents, Tuning::default())
    }

    /// The same with other than the measured settings.
    #[must_use]
    pub fn build_with(documents: &[Document], tuning: Tuning) -> Self {
        let mut index = Index::build(documents, &tuning);
        index.train(documents, &tuning);
        Self { index, tuning, gate: Gate::default(), scratch: Mutex::default() }
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
            let lowest = s.scores.iter().copied().fold(f32::INFINITY, f32::min);
            classes.fill(lowest);
            for (score, document) in s.scores.iter().zip(classifier.documents()) {
                classes[*document as usize] = *score;
            }
            softmax(&mut s.scores);
        }
    }

    /// The best documents by the fused score, best first.
    fn fuse(&self, s: &mut Scratch, most: usize) {
        let tuning = &self.tuning;
        // From 10 to 40 words that carry meaning a draft becomes a letter, whose many words drown the few that matter.
        let letter = (s.query.content_words.saturating_sub(10) as f32 / 30.0).min(1.0);
        let mut factors = [
            tuning.fuse_words + letter * (tuning.fuse_many_words - tuning.fuse_words), tuning.fuse_grams, tuning.fuse_examples, tuning.fuse_classes, tuning.fuse_exact];
        if self.index.classifier.is_some() {
            for factor in [WORDS, TEXTS, EXAMPLES] {
                factors[factor] *= tuning.beside_classes;
            }
        }
        let mut shift = 0.0;
        for (part, factor) in s.parts.iter().zip(&mut factors) {
            let n = part.len().max(1) as f32;
            let mean = part.iter().sum::<f32>() / n;
            let deviation = (part.iter().map(|score| (score - mean) * (score - mean)).sum::<f32>() / n).sqrt();
            *factor = if deviation > 1e-9 { *factor / deviation } else { 0.0 };
            shift += *factor * mean;
        }
        s.best.clear();
        for document in 0..self.index.documents {
            let score = s.parts.iter().zip(&factors).map(|(part, factor)| part[document] * factor).sum::<f32>() - shift;
            if s.best.len() == most && s.best.last().is_none_or(|(worst, _)| score <= *worst) {
                continue;
            }
            let at = s.best.partition_point(|(better, _)| *better >= score);
            s.best.insert(at, (score, document as u32));
            s.best.truncate(most);
        }
    }

    /// How well a document fits, whatever else there is.
    fn raw(&self, s: &Scratch, document: usize) -> f32 {
        s.parts[TEXTS][document].max(s.parts[EXAMPLES][document])
    }

    fn ranked(&self, s: &Scratch, score: f32, document: usize) -> Ranked {
        let raw = self.raw(s, document);
        let units = self.index.first_unit[document]..self.index.first_unit[document + 1];
        let mut words: Vec<String> = Vec::new();
        for (word, term) in &s.query.hits {
            let word = &s.query.text[word.clone()];
            if words.iter().all(|known| known != word)
                && units.clone().any(|unit| self.index.words.weight(*term, unit).is_some())
            {
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
        let mut scratch = self.scratch.lock().ok().and_then(|mut pool| pool.pop()).unwrap_or_default();
        scratch.query.read(draft, &self.index, &self.tuning);
        self.search(&mut scratch);
        self.fuse(&mut scratch, most.min(self.index.documents));
        let best = scratch.best.iter().map(|(score, document)| self.ranked(&scratch, *score, *document as usize));
        let ranked = best.collect();
        if let Ok(mut pool) = self.scratch.lock() {
            pool.push(scratch);
        }
        ranked
    }

    fn threshold(&self) -> f32 {
        self.gate.threshold
    }
}
