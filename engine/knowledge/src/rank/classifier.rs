//! Which answer do drafts like this one belong to? Learned from the answers' own example drafts.
//!
//! Start at [`Classifier::train`]. Features are character n-grams, words and pairs of words, by tf-idf, and what the words
//! mean; the learning is [`super::regression`]. Answers without examples have their titles to be known by. Only where
//! training takes seconds; everywhere else the examples count through the index.

use super::grams;
use super::lists::HashedMap;
use super::regression::{Regression, Row, Training};
use crate::answer::Language;
use crate::text::Analysis;
use crate::text::sense::{DIMENSIONS, sense};
use crate::text::stem::stem;

/// A text whose document is known.
pub(super) struct Sample {
    /// The document.
    pub(super) document: u32,
    /// What [`features`] gave.
    pub(super) features: Features,
    /// How much it counts beside a written example, which counts 1.
    pub(super) weight: f32,
}

/// Counted features, in two blocks that are brought to the same length.
#[derive(Clone, Debug, Default)]
pub(super) struct Features {
    /// Character n-grams.
    pub(super) grams: Vec<(u32, u32)>,
    /// Words and pairs of words.
    pub(super) words: Vec<(u32, u32)>,
    /// What the words mean, if they are known.
    pub(super) sense: Option<[f32; DIMENSIONS]>,
}

impl Features {
    /// The features of a text.
    pub(super) fn of(analysis: &Analysis) -> Self {
        let mut features = Self { sense: sense(analysis), ..Self::default() };
        grams::count(&analysis.folded, &mut features.grams);
        words(analysis, &mut features.words);
        features
    }
}

/// What was learned.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Classifier {
    /// From a feature's hash to its row.
    pub(super) rows: HashedMap<u32, u32>,
    /// How much a feature says, row by row.
    pub(super) idf: Vec<f32>,
    /// How much a feature says that was never seen.
    pub(super) unknown: f32,
    /// The weights.
    pub(super) regression: Regression,
    /// The document of each class.
    pub(super) documents: Vec<u32>,
}

/// How long the block of words is beside that of n-grams.
const WORDS: f32 = 0.8;
/// How long the block of meanings is.
const SENSE: f32 = 1.4;
/// A draft of an answer with few examples counts so much more at most.
const BALANCE: f32 = 8.0;

/// The words and pairs of words of a text, counted, into an empty `out`. Small words count here: "how do I" and
/// "I did" are different.
pub(super) fn words(analysis: &Analysis, out: &mut Vec<(u32, u32)>) {
    let language = analysis.language.unwrap_or(Language::De);
    let mut before = 0u64;
    for word in &analysis.words {
        let hash = crate::text::hash(stem(analysis.word(word), language).as_bytes());
        out.push(((hash >> 32) as u32, 1));
        out.push(((before.rotate_left(17) ^ hash).wrapping_mul(0x9E37_79B9_7F4A_7C15) as u32, 1));
        before = hash;
    }
    out.sort_unstable_by_key(|(feature, _)| *feature);
    out.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        kept.1 += u32::from(same);
        same
    });
}

impl Classifier {
    /// Learns from samples.
    #[must_use]
    pub(super) fn train(samples: &[Sample], training: Training) -> Self {
        let mut learned = Self::default();
        let mut classes: HashedMap<u32, u32> = HashedMap::default();
        let mut seen: Vec<f32> = Vec::new();
        for sample in samples {
            let next = classes.len() as u32;
            classes.entry(sample.document).or_insert_with(|| {
                learned.documents.push(sample.document);
                next
            });
            for (feature, _) in sample.features.grams.iter().chain(&sample.features.words) {
                let next = learned.rows.len() as u32;
                let row = *learned.rows.entry(*feature).or_insert(next);
                if row == next {
                    seen.push(0.0);
                }
                seen[row as usize] += 1.0;
            }
        }
        let n = samples.len() as f32;
        learned.idf = seen.iter().map(|seen| ((1.0 + n) / (1.0 + seen)).ln() + 1.0).collect();
        learned.unknown = (1.0 + n).ln() + 1.0;
        let rows: Vec<Row> = samples.iter().map(|s| learned.row(&s.features)).collect();
        let class_of: Vec<u32> = samples.iter().map(|s| classes[&s.document]).collect();
        // An answer with one example is as likely as one with ten: its samples count as much together.
        let mut whole = vec![0.0f32; classes.len()];
        samples.iter().zip(&class_of).for_each(|(sample, class)| whole[*class as usize] += sample.weight);
        let mean = whole.iter().sum::<f32>() / classes.len().max(1) as f32;
        let balanced = |(sample, class): (&Sample, &u32)| sample.weight * (mean / whole[*class as usize]).min(BALANCE);
        let weight_of: Vec<f32> = samples.iter().zip(&class_of).map(balanced).collect();
        learned.regression =
            Regression::train(&rows, &class_of, &weight_of, classes.len(), learned.rows.len() + DIMENSIONS, training);
        learned
    }

    /// A text as a row of length one.
    #[must_use]
    pub(super) fn row(&self, features: &Features) -> Row {
        let mut row = Row::with_capacity(features.grams.len() + features.words.len() + DIMENSIONS);
        self.block(&features.grams, 1.0, &mut row);
        self.block(&features.words, WORDS, &mut row);
        // The last features, after those that were counted.
        let sense = features.sense.iter().flatten().zip(self.rows.len() as u32..);
        row.extend(sense.map(|(value, feature)| (feature, SENSE * value)));
        let length = row.iter().map(|(_, value)| value * value).sum::<f32>().sqrt();
        if length > 0.0 {
            row.iter_mut().for_each(|(_, value)| *value /= length);
        }
        row
    }

    fn block(&self, counts: &[(u32, u32)], length: f32, row: &mut Row) {
        let begin = row.len();
        // Features that were never learned still take their share of the length: a draft about something else is far
        // from everything.
        let mut sum = 0.0;
        let unknown = self.unknown;
        for (feature, n) in counts {
            let often = 1.0 + (*n as f32).ln();
            let known = self.rows.get(feature);
            let value = often * known.map_or(unknown, |at| self.idf[*at as usize]);
            sum += value * value;
            if let Some(at) = known {
                row.push((*at, value));
            }
        }
        if sum > 0.0 {
            let factor = length / sum.sqrt();
            row[begin..].iter_mut().for_each(|(_, value)| *value *= factor);
        }
    }

    /// The score of each class for a text, into `scores`; class by class the document is in [`Self::document`].
    pub(super) fn scores(&self, features: &Features, scores: &mut Vec<f32>) {
        self.regression.scores(&self.row(features), scores);
    }

    /// The documents, class by class.
    #[must_use]
    pub(super) fn documents(&self) -> &[u32] {
        &self.documents
    }
}
