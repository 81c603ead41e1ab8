//! How the index is made of the answers.
//!
//! Start at `Index::build`. Each word of all answers is looked at once (`super::lexicon`); texts are lists of numbers.

use super::lexicon::{Lexicon, Terms, Tokens, Word};
use super::{Example, Index};
use crate::answer::Language;
use crate::rank::classifier::{Classifier, Features, Sample};

use crate::rank::lists::Lists;
use crate::rank::regression::Training;
use crate::rank::sums::Sums;
use crate::rank::tuning::Tuning;
use crate::rank::{Document, Text, grams};
use crate::text::compound::parts;
use crate::text::concepts::concept;
use crate::text::exact::exact_tokens;
use crate::text::sense::{self, DIMENSIONS, sense};
use crate::text::stem::stem;
use crate::text::{analyse, hash};

/// With fewer examples no answer teaches anything that its place in the index does not.
pub(in crate::rank) const FEWEST_EXAMPLES: usize = 3;
/// Samples times answers, times passes over them: so much training takes some seconds.
const MOST_STEPS: usize = 40_000_000;
/// Samples times answers beyond which there would be too few passes: 800 answers with six samples.
const MOST_TRAINING: usize = 4_000_000;

/// With more units than this their senses are not compared: it would cost more than it finds.
const MOST_SENSES: usize = 4_000;

/// The fields of a unit, in the order of their weights.
const TITLE: usize = 0;
const BODY: usize = 1;
const EXAMPLE: usize = 2;

/// A unit while the index is built.
struct Unit<'a> {
    language: Language,
    title: Tokens,
    body: Tokens,
    examples: Vec<Tokens>,
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

fn length_of(vector: &[(u32, f32)]) -> f32 {
    vector.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt().max(1e-9)
}

impl Index {
    /// Builds the index.
    #[must_use]
    pub(in crate::rank) fn build(documents: &[Document], tuning: &Tuning) -> Self {
        let mut index = Self { documents: documents.len(), ..Self::default() };
        let (mut lexicon, mut units) = (Lexicon::default(), Vec::new());
        for (number, document) in (0u32..).zip(documents) {
            index.first_unit.push(units.len() as u32);
            for text in &document.texts {
                index.document_of.push(number);
                units.push(Unit::read(text, &mut lexicon));
            }
        }
        index.first_unit.push(units.len() as u32);
        index.learn_words(&units, &lexicon);
        index.add_words(&units, &mut lexicon, tuning);
        index.add_exacts(&units);
        index.add_vectors(&units, &mut lexicon, tuning);
        index.add_senses(&units);
        index
    }

    fn learn_words(&mut self, units: &[Unit<'_>], lexicon: &Lexicon) {
        let mut learned = vec![[false; 2]; lexicon.len()];
        for (unit, tokens) in units.iter().flat_map(|unit| unit.fields().map(move |(_, tokens)| (unit, tokens))) {
            let language = unit.language_of(tokens);
            for number in &tokens.words {
                if std::mem::replace(&mut learned[*number as usize][language as usize], true) {
                    continue;
                }
                let word = lexicon.word(*number);
                if !word.stop && word.text.len() >= 3 && word.text.bytes().all(|b| b.is_ascii_alphabetic()) {
                    self.known.insert(hash(word.text.as_bytes()));
                    let stem = stem(&word.text, language);
                    if stem.len() >= 3 {
                        self.known.insert(hash(stem.as_bytes()));
                    }
                }
            }
        }
    }

    fn term(&mut self, stem: &str) -> u32 {
        self.term_of(hash(stem.as_bytes()))
    }

    fn term_of(&mut self, hash: u64) -> u32 {
        let next = self.terms.len() as u32;
        *self.terms.entry(hash).or_insert(next)
    }

    /// What a word counts as. Words without meaning are nothing but themselves.
    fn terms(&mut self, word: &str, stop: bool, language: Language, tuning: &Tuning) -> Terms {
        let of_stem = self.term(&stem(word, language));
        let mut others = Vec::new();
        if !stop {
            others.extend(self.concept(word, language).map(|concept| (concept, 1.0)));
            for part in parts(word, &|part| self.knows(part)) {
                others.push((self.term(&stem(part, language)), tuning.part));
                others.extend(self.concept(part, language).map(|concept| (concept, tuning.part)));
            }
        }
        Terms { stem: of_stem, others: others.into() }
    }

    /// The term of what a word means, if others mean the same.
    fn concept(&mut self, word: &str, language: Language) -> Option<u32> {
        concept(hash(stem(word, language).as_bytes())).map(|concept| self.term_of(concept))
    }

    fn add_words(&mut self, units: &[Unit<'_>], lexicon: &mut Lexicon, tuning: &Tuning) {
        // How many units have a term, and the last of them.
        let mut seen: Vec<(f32, u32)> = Vec::new();
        let mut lengths = Vec::with_capacity(units.len());
        let mut in_vocabulary = vec![false; lexicon.len()];
        for (number, unit) in (1u32..).zip(units) {
            let mut length = [0.0f32; 3];
            for (field, tokens) in unit.fields() {
                let language = unit.language_of(tokens);
                for word in &tokens.words {
                    let terms = lexicon.terms(*word, language, |text, stop| self.terms(text, stop, language, tuning));
                    seen.resize(self.terms.len(), (0.0, 0));
                    for term in terms.others.iter().map(|(term, _)| *term).chain([terms.stem]) {
                        let (units, last) = &mut seen[term as usize];
                        *units += f32::from(u8::from(*last != number));
                        *last = number;
                    }
                    let stem = terms.stem;
                    let Word { text, stop, .. } = lexicon.word(*word);
                    if !stop {
                        length[field] += 1.0;
                        if text.len() >= 4 && !std::mem::replace(&mut in_vocabulary[*word as usize], true) {
                            self.vocabulary.push((text.clone(), stem));
                        }
                    }
                }
            }
            lengths.push(length);
            self.add_examples(unit, lexicon, tuning);
        }
        self.first_example.push(self.examples.len() as u32);
        self.vocabulary.sort_unstable();
        let n = units.len().max(1) as f32;
        let mut average = [0.0f32; 3];
        for length in &lengths {
            for (sum, length) in average.iter_mut().zip(length) {
                *sum += length / n;
            }
        }
        self.idf = seen.iter().map(|(seen, _)| (1.0 + (n - seen + 0.5) / (seen + 0.5)).ln()).collect();
        let weights = [tuning.title, tuning.body, tuning.example];
        let (mut often, mut entries) = (Sums::default(), Vec::new());
        often.clear(self.terms.len());
        for ((number, unit), length) in (0u32..).zip(units).zip(&lengths) {
            for (field, tokens) in unit.fields() {
                let language = unit.language_of(tokens);
                let each = weights[field] / (1.0 - tuning.b + tuning.b * length[field] / average[field].max(1e-6));
                for word in &tokens.words {
                    let terms = lexicon.terms(*word, language, |text, stop| self.terms(text, stop, language, tuning));
                    often.add(terms.stem, each);
                    terms.others.iter().for_each(|(term, weight)| often.add(*term, each * weight));
                }
            }
            let weight =
                |term: u32, often: f32| self.idf[term as usize] * often * (tuning.k1 + 1.0) / (often + tuning.k1);
            entries.extend(often.take().map(|(term, often)| (term, number, weight(term, often))));
        }
        self.words = Lists::new(self.terms.len(), &entries);
    }

    fn add_examples(&mut self, unit: &Unit<'_>, lexicon: &mut Lexicon, tuning: &Tuning) {
        self.first_example.push(self.examples.len() as u32);
        for (text, tokens) in unit.text.examples.iter().zip(&unit.examples) {
            let language = unit.language_of(tokens);
            let mut terms = Vec::with_capacity(tokens.words.len());
            for word in &tokens.words {
                if !lexicon.word(*word).stop {
                    let found = lexicon.terms(*word, language, |text, stop| self.terms(text, stop, language, tuning));
                    terms.push(found.stem);
                }
            }
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

    fn add_vectors(&mut self, units: &[Unit<'_>], lexicon: &mut Lexicon, tuning: &Tuning) {
        // How many texts have an n-gram, and the last of them. An example is a text of its own.
        let mut seen: Vec<(f32, u32)> = Vec::new();
        let mut texts = 0u32;
        for unit in units {
            for (field, tokens) in unit.fields() {
                // Title and body are one text.
                texts += u32::from(field != BODY);
                for word in &tokens.words {
                    for list in lexicon.grams(*word, |text| self.lists_of(text)) {
                        seen.resize(self.grams.len(), (0.0, 0));
                        let (texts_with, last) = &mut seen[*list as usize];
                        *texts_with += f32::from(u8::from(*last != texts));
                        *last = texts;
                    }
                }
            }
        }
        let texts = texts as f32;
        self.gram_idf = seen.iter().map(|(seen, _)| ((1.0 + texts) / (1.0 + seen)).ln() + 1.0).collect();
        self.unknown_gram = (1.0 + texts).ln() + 1.0;
        let most = match units.len() {
            0..=4_000 => usize::MAX,
            4_001..=50_000 => 160,
            _ => 96,
        };
        let mut entries = Vec::new();
        let [mut counts, mut sum] = [Sums::default(), Sums::default()];
        counts.clear(self.grams.len());
        sum.clear(self.grams.len());
        for (number, unit) in (0u32..).zip(units) {
            self.count(&unit.title, tuning.title_grams, lexicon, &mut counts);
            self.count(&unit.body, 1.0, lexicon, &mut counts);
            let vector = heaviest(self.vector(counts.take()), most);
            entries.extend(vector.into_iter().map(|(gram, weight)| (gram, 2 * number, weight)));
            for example in &unit.examples {
                self.count(example, 1.0, lexicon, &mut counts);
                self.vector(counts.take()).into_iter().for_each(|(gram, weight)| sum.add(gram, weight));
            }
            let vector: Vec<(u32, f32)> = sum.take().collect();
            let length = length_of(&vector);
            let vector = heaviest(vector, most);
            entries.extend(vector.into_iter().map(|(gram, weight)| (gram, 2 * number + 1, weight / length)));
        }
        self.vectors = Lists::new(self.grams.len(), &entries);
    }

    /// The lists of a word's n-grams, new ones among them.
    fn lists_of(&mut self, word: &str) -> Box<[u32]> {
        let mut lists = Vec::new();
        grams::each(word, |gram| {
            if grams::is_indexed(gram) {
                let next = self.grams.len() as u32;
                lists.push(*self.grams.entry(gram).or_insert(next));
            }
        });
        lists.into()
    }

    /// Counts the n-grams of a text, each as often as it should count.
    fn count(&mut self, tokens: &Tokens, times: f32, lexicon: &mut Lexicon, counts: &mut Sums) {
        for word in &tokens.words {
            lexicon.grams(*word, |text| self.lists_of(text)).iter().for_each(|list| counts.add(*list, times));
        }
    }

    /// Counts of n-grams as a vector of length one, over lists.
    fn vector(&self, counts: impl Iterator<Item = (u32, f32)>) -> Vec<(u32, f32)> {
        let weight = |list: u32, n: f32| (1.0 + n.ln().max(0.0)) * self.gram_idf[list as usize];
        let mut vector: Vec<(u32, f32)> = counts.map(|(list, n)| (list, weight(list, n))).collect();
        let length = length_of(&vector);
        vector.iter_mut().for_each(|(_, weight)| *weight /= length);
        vector
    }

    fn add_senses(&mut self, units: &[Unit<'_>]) {
        if units.len() > MOST_SENSES {
            return;
        }
        let mut found = Vec::with_capacity(units.len());
        for unit in units {
            let mut sum = [0.0; DIMENSIONS];
            // The title counts as much as the text, however short it is.
            let analyses = [&unit.text.title, &unit.text.body].map(|text| analyse(text, unit.text.language));
            for part in analyses.iter().filter_map(sense) {
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

    /// Trains the classifier, where an answer has examples enough. All answers become classes: one without examples is
    /// known by its title.
    pub(in crate::rank) fn train(&mut self, documents: &[Document], tuning: &Tuning) {
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

impl<'a> Unit<'a> {
    fn read(text: &'a Text, lexicon: &mut Lexicon) -> Self {
        let title = lexicon.read(&text.title, text.language);
        let body = lexicon.read(&text.body, text.language);
        let examples = text.examples.iter().map(|example| lexicon.read(example, text.language)).collect();
        let language = body.language.or(title.language).or(text.language).unwrap_or(Language::De);
        Self { language, title, body, examples, text }
    }

    /// The language in which a part of it is stemmed.
    fn language_of(&self, tokens: &Tokens) -> Language {
        tokens.language.unwrap_or(self.language)
    }

    fn fields(&self) -> impl Iterator<Item = (usize, &Tokens)> {
        [(TITLE, &self.title), (BODY, &self.body)].into_iter().chain(self.examples.iter().map(|one| (EXAMPLE, one)))
    }
}
