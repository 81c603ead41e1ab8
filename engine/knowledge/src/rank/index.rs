//! The index: what is kept of the answers, and how it is made of them.
//!
//! Start at `Index::build`. A unit is one text of one document: an answer in one language. Units of a document stand
//! side by side.

use std::collections::{BTreeMap, HashSet};

use super::classifier::{Classifier, Features, Sample};
use super::lists::{HashedMap, Lists};
use super::regression::Training;
use super::tuning::Tuning;
use super::{Document, Text, grams};
use crate::answer::Language;
use crate::text::compound::parts;
use crate::text::concepts::concept;
use crate::text::exact::exact_tokens;
use crate::text::sense::{self, DIMENSIONS, sense};
use crate::text::stem::stem;
use crate::text::{Analysis, analyse, hash};

/// With fewer examples no answer teaches anything that its place in the index does not.
pub(super) const FEWEST_EXAMPLES: usize = 3;
/// Samples times answers, times passes over them: so much training takes some seconds.
const MOST_STEPS: usize = 40_000_000;
/// Samples times answers beyond which there would be too few passes: 800 answers with six samples.
const MOST_TRAINING: usize = 4_000_000;

/// With more units than this their senses are not compared: it would cost more than it finds.
const MOST_SENSES: usize = 4_000;

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
    pub(super) known: HashSet<u64, std::hash::BuildHasherDefault<super::lists::Hashed>>,
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
    /// The example drafts, unit by unit.
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

/// A unit while the index is built.
struct Unit<'a> {
    language: Language,
    title: Analysis,
    body: Analysis,
    examples: Vec<Analysis>,
    text: &'a Text,
}

/// The heaviest entries of a vector. With thousands of answers the light ones are most of the index and decide nothing.
fn heaviest(mut vector: Vec<(u32, f32)>, most: usize) -> Vec<(u32, f32)> {
    if vector.len() > most {
        vector.select_nth_unstable_by(most, |a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        vector.truncate(most);
    }
    vector
}

/// The language in which a text is stemmed.
pub(super) fn language_of(analysis: &Analysis, other: Option<Language>) -> Language {
    analysis.language.or(other).unwrap_or(Language::De)
}

impl Index {
    /// Builds the index.
    #[must_use]
    pub(super) fn build(documents: &[Document], tuning: &Tuning) -> Self {
        let mut index = Self { documents: documents.len(), ..Self::default() };
        let mut units = Vec::new();
        for (number, document) in (0u32..).zip(documents) {
            index.first_unit.push(units.len() as u32);
            for text in &document.texts {
                let title = analyse(&text.title, text.language);
                let body = analyse(&text.body, text.language);
                let examples: Vec<_> = text.examples.iter().map(|e| analyse(e, text.language)).collect();
                let language = body.language.or(title.language).or(text.language).unwrap_or(Language::De);
                index.document_of.push(number);
                units.push(Unit { language, title, body, examples, text });
            }
        }
        index.first_unit.push(units.len() as u32);
        index.learn_words(&units);
        index.add_words(&units, tuning);
        index.add_exacts(&units);
        index.add_vectors(&units, tuning);
        index.add_senses(&units);
        index
    }

    fn learn_words(&mut self, units: &[Unit<'_>]) {
        for unit in units {
            for analysis in unit.all() {
                for word in analysis.words.iter().filter(|word| !word.stop) {
                    let word = analysis.word(word);
                    if word.len() >= 3 && word.bytes().all(|b| b.is_ascii_alphabetic()) {
                        self.known.insert(hash(word.as_bytes()));
                        let stem = stem(word, language_of(analysis, Some(unit.language)));
                        if stem.len() >= 3 {
                            self.known.insert(hash(stem.as_bytes()));
                        }
                    }
                }
            }
        }
    }

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

    fn term(&mut self, stem: &str) -> u32 {
        self.term_of(hash(stem.as_bytes()))
    }

    fn term_of(&mut self, hash: u64) -> u32 {
        let next = self.terms.len() as u32;
        *self.terms.entry(hash).or_insert(next)
    }

    fn add_words(&mut self, units: &[Unit<'_>], tuning: &Tuning) {
        let mut counts: Vec<BTreeMap<u32, [f32; 3]>> = Vec::with_capacity(units.len());
        let mut lengths = Vec::with_capacity(units.len());
        let mut vocabulary: BTreeMap<Box<str>, u32> = BTreeMap::new();
        for unit in units {
            let mut count: BTreeMap<u32, [f32; 3]> = BTreeMap::new();
            let mut length = [0.0f32; 3];
            for (field, analysis) in unit.fields() {
                let language = language_of(analysis, Some(unit.language));
                for (word, stop) in analysis.words.iter().map(|word| (analysis.word(word), word.stop)) {
                    let term = self.term(&stem(word, language));
                    count.entry(term).or_default()[field] += 1.0;
                    if stop {
                        continue;
                    }
                    length[field] += 1.0;
                    if let Some(concept) = concept(hash(stem(word, language).as_bytes())) {
                        let term = self.term_of(concept);
                        count.entry(term).or_default()[field] += 1.0;
                    }
                    if word.len() >= 4 {
                        vocabulary.entry(word.into()).or_insert(term);
                    }
                    for part in parts(word, &|part| self.knows(part)) {
                        let term = self.term(&stem(part, language));
                        count.entry(term).or_default()[field] += tuning.part;
                        if let Some(concept) = concept(hash(stem(part, language).as_bytes())) {
                            let term = self.term_of(concept);
                            count.entry(term).or_default()[field] += tuning.part;
                        }
                    }
                }
            }
            counts.push(count);
            lengths.push(length);
            self.add_examples(unit);
        }
        self.first_example.push(self.examples.len() as u32);
        let n = units.len().max(1) as f32;
        let mut average = [0.0f32; 3];
        for length in &lengths {
            for (sum, length) in average.iter_mut().zip(length) {
                *sum += length / n;
            }
        }
        let mut seen = vec![0.0f32; self.terms.len()];
        counts.iter().flat_map(BTreeMap::keys).for_each(|term| seen[*term as usize] += 1.0);
        self.idf = seen.iter().map(|seen| (1.0 + (n - seen + 0.5) / (seen + 0.5)).ln()).collect();
        let weights = [tuning.title, tuning.body, tuning.example];
        let mut entries = Vec::new();
        for (unit, (count, length)) in (0u32..).zip(counts.iter().zip(&lengths)) {
            for (term, fields) in count {
                let often: f32 = (0..3)
                    .filter(|field| fields[*field] > 0.0)
                    .map(|f| weights[f] * fields[f] / (1.0 - tuning.b + tuning.b * length[f] / average[f].max(1e-6)))
                    .sum();
                let weight = self.idf[*term as usize] * often * (tuning.k1 + 1.0) / (often + tuning.k1);
                entries.push((*term, unit, weight));
            }
        }
        self.words = Lists::new(self.terms.len(), &entries);
        self.vocabulary = vocabulary.into_iter().collect();
    }

    fn add_examples(&mut self, unit: &Unit<'_>) {
        self.first_example.push(self.examples.len() as u32);
        for (text, analysis) in unit.text.examples.iter().zip(&unit.examples) {
            let language = language_of(analysis, Some(unit.language));
            let content = analysis.words.iter().filter(|word| !word.stop);
            let mut terms: Vec<u32> = content.map(|word| self.term(&stem(analysis.word(word), language))).collect();
            terms.sort_unstable();
            terms.dedup();
            self.examples.push(Example { text: text.trim().into(), terms: terms.into() });
        }
    }

    fn add_exacts(&mut self, units: &[Unit<'_>]) {
        let mut entries = Vec::new();
        for (number, unit) in (0u32..).zip(units) {
            let texts = [&unit.text.title, &unit.text.body].into_iter().chain(&unit.text.examples);
            let mut tokens: Vec<u64> = texts.flat_map(|text| exact_tokens(text)).collect();
            tokens.sort_unstable();
            tokens.dedup();
            for token in tokens {
                let next = self.exact.len() as u32;
                entries.push((*self.exact.entry(token).or_insert(next), number, 1.0));
            }
        }
        let n = units.len() as f32;
        let mut lists = Lists::new(self.exact.len(), &entries);
        for entry in &mut entries {
            let seen = lists.len(entry.0) as f32;
            entry.2 = (1.0 + (n - seen + 0.5) / (seen + 0.5)).ln();
        }
        lists = Lists::new(self.exact.len(), &entries);
        self.exacts = lists;
    }

    fn add_vectors(&mut self, units: &[Unit<'_>], tuning: &Tuning) {
        let mut counted = Vec::new();
        let mut seen: Vec<f32> = Vec::new();
        let mut texts = 0.0f32;
        for unit in units {
            texts += 1.0;
            for (gram, _) in unit.text_grams(tuning, &mut counted) {
                self.see(gram, &mut seen);
            }
            for example in &unit.examples {
                texts += 1.0;
                counted.clear();
                grams::count(&example.folded, &mut counted);
                for (gram, _) in counted.iter().filter(|(gram, _)| grams::is_indexed(*gram)) {
                    self.see(*gram, &mut seen);
                }
            }
        }
        self.gram_idf = seen.iter().map(|seen| ((1.0 + texts) / (1.0 + seen)).ln() + 1.0).collect();
        self.unknown_gram = (1.0 + texts).ln() + 1.0;
        let most = match units.len() {
            0..=4_000 => usize::MAX,
            4_001..=50_000 => 160,
            _ => 96,
        };
        let mut entries = Vec::new();
        for (number, unit) in (0u32..).zip(units) {
            let vector = heaviest(self.vector(unit.text_grams(tuning, &mut counted)), most);
            entries.extend(vector.into_iter().map(|(gram, weight)| (gram, 2 * number, weight)));
            let mut sum: BTreeMap<u32, f32> = BTreeMap::new();
            for example in &unit.examples {
                counted.clear();
                grams::count(&example.folded, &mut counted);
                for (gram, weight) in self.vector(counted.iter().map(|(gram, n)| (*gram, *n as f32))) {
                    *sum.entry(gram).or_default() += weight;
                }
            }
            let length = sum.values().map(|weight| weight * weight).sum::<f32>().sqrt().max(1e-9);
            let vector = heaviest(sum.into_iter().collect(), most);
            entries.extend(vector.into_iter().map(|(gram, weight)| (gram, 2 * number + 1, weight / length)));
        }
        self.vectors = Lists::new(self.grams.len(), &entries);
    }

    fn add_senses(&mut self, units: &[Unit<'_>]) {
        if units.len() > MOST_SENSES {
            return;
        }
        let mut found = Vec::with_capacity(units.len());
        for unit in units {
            let mut sum = [0.0; DIMENSIONS];
            // The title counts as much as the text, however short it is.
            for part in [&unit.title, &unit.body].into_iter().filter_map(sense) {
                sum.iter_mut().zip(&part).for_each(|(sum, x)| *sum += x);
            }
            found.push(sense::unit(sum).unwrap_or([0.0; DIMENSIONS]));
        }
        // What all answers have in common tells none from another.
        self.common = [0.0; DIMENSIONS].to_vec();
        for sense in &found {
            self.common.iter_mut().zip(sense).for_each(|(sum, x)| *sum += x / units.len() as f32);
        }
        for sense in found {
            self.senses.extend(self.apart(&sense));
        }
    }

    /// What is left of a sense when what all answers have in common is taken away, of length one; all zeros if nothing is.
    pub(super) fn apart(&self, sense: &[f32; DIMENSIONS]) -> [f32; DIMENSIONS] {
        let mut left = *sense;
        left.iter_mut().zip(&self.common).for_each(|(x, common)| *x -= common);
        sense::unit(left).unwrap_or([0.0; DIMENSIONS])
    }

    fn see(&mut self, gram: u32, seen: &mut Vec<f32>) {
        let next = self.grams.len() as u32;
        let list = *self.grams.entry(gram).or_insert(next);
        if list == next {
            seen.push(0.0);
        }
        seen[list as usize] += 1.0;
    }

    /// Counts of n-grams as a vector of length one, over lists.
    fn vector(&self, counts: impl Iterator<Item = (u32, f32)>) -> Vec<(u32, f32)> {
        let mut vector: Vec<(u32, f32)> = counts
            .filter_map(|(gram, n)| {
                let list = *self.grams.get(&gram)?;
                Some((list, (1.0 + n.ln().max(0.0)) * self.gram_idf[list as usize]))
            })
            .collect();
        let length = vector.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt().max(1e-9);
        vector.iter_mut().for_each(|(_, weight)| *weight /= length);
        vector
    }

    /// Trains the classifier, where an answer has examples enough. All answers become classes: one without examples is
    /// known by its title.
    pub(super) fn train(&mut self, documents: &[Document], tuning: &Tuning) {
        if documents.iter().all(|document| document.examples() < FEWEST_EXAMPLES) {
            return;
        }
        let count: usize = documents.iter().map(|document| document.examples() + document.texts.len()).sum();
        let work = count * documents.len();
        if work > MOST_TRAINING {
            return;
        }
        let training = Training { passes: tuning.training.passes.min(MOST_STEPS / work.max(1)), ..tuning.training };
        let mut samples = Vec::with_capacity(count);
        for (number, document) in (0u32..).zip(documents) {
            for text in &document.texts {
                let title = if text.title.trim().is_empty() { &text.body } else { &text.title };
                let written = text.examples.iter().map(|example| (example, 1.0));
                for (sample, weight) in written.chain([(title, tuning.title_sample)]) {
                    let features = Features::of(&analyse(sample, text.language));
                    if !features.words.is_empty() {
                        samples.push(Sample { document: number, features, weight });
                    }
                }
            }
        }
        self.classifier = Some(Classifier::train(&samples, training));
    }
}

impl Unit<'_> {
    fn all(&self) -> impl Iterator<Item = &Analysis> {
        [&self.title, &self.body].into_iter().chain(&self.examples)
    }

    fn fields(&self) -> impl Iterator<Item = (usize, &Analysis)> {
        [(0, &self.title), (1, &self.body)].into_iter().chain(self.examples.iter().map(|example| (2, example)))
    }

    /// The n-grams of title and body, the title's counted as often as it should count.
    fn text_grams(
        &self,
        tuning: &Tuning,
        buffer: &mut Vec<(u32, u32)>,
    ) -> std::collections::btree_map::IntoIter<u32, f32> {
        let mut sum: BTreeMap<u32, f32> = BTreeMap::new();
        for (analysis, weight) in [(&self.title, tuning.title_grams), (&self.body, 1.0)] {
            buffer.clear();
            grams::count(&analysis.folded, buffer);
            for (gram, n) in buffer.iter().filter(|(gram, _)| grams::is_indexed(*gram)) {
                *sum.entry(*gram).or_default() += weight * *n as f32;
            }
        }
        sum.into_iter()
    }
}
