//! How the index is made of the answers.
//!
//! Start at `Index::build`. Each word of all answers is looked at once (`super::lexicon`); texts are lists of numbers.

use std::collections::BTreeSet;
use std::iter::once;

use super::lexicon::{Lexicon, Tokens, Word};
use super::{Example, Index};
use crate::answer::Language;
use crate::rank::classifier::{Classifier, Features, Sample};
use crate::rank::foreign::Foreign;
use crate::rank::lists::Lists;
use crate::rank::sums::Sums;
use crate::rank::tuning::Tuning;
use crate::rank::{Document, Text, grams};
use crate::text::compound::parts;
use crate::text::concepts::concept;
use crate::text::exact::{codes, exact_tokens};
use crate::text::sense::{self, DIMENSIONS, sense};
use crate::text::stem::stem;
use crate::text::{analyse, hash};

/// With fewer examples no answer teaches anything that its place in the index does not.
pub(in crate::rank) const FEWEST_EXAMPLES: usize = 3;

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

/// What a word counts as.
#[derive(Default)]
struct Terms {
    /// The term of its stem.
    stem: u32,
    /// The terms of what it means and of its parts, with how much they count beside the stem.
    others: Box<[(u32, f32)]>,
}

/// The words of all texts, each once in each language that it was met in, in the order of the texts.
fn met(units: &[Unit<'_>], words: usize) -> Vec<(u32, Language)> {
    let mut met = Vec::new();
    let mut known = vec![[false; 2]; words];
    for (unit, tokens) in units.iter().flat_map(|unit| unit.fields().map(move |(_, tokens)| (unit, tokens))) {
        let language = unit.language_of(tokens);
        let is_new = |word: &u32| !std::mem::replace(&mut known[*word as usize][language as usize], true);
        met.extend(tokens.words.iter().copied().filter(is_new).map(|word| (word, language)));
    }
    met
}

/// How many texts have something, and the last of them, which counts once.
struct Seen(Vec<(f32, u32)>);

impl Seen {
    fn of(things: usize) -> Self {
        Self(vec![(0.0, 0); things])
    }

    /// The text with this number, from 1 on, has it.
    fn note(&mut self, thing: u32, text: u32) {
        let (count, last) = &mut self.0[thing as usize];
        *count += f32::from(u8::from(*last != text));
        *last = text;
    }

    fn counts(&self) -> impl Iterator<Item = f32> {
        self.0.iter().map(|(count, _)| *count)
    }
}

/// Counts the n-grams of a text, each as often as it should count.
fn count(tokens: &Tokens, times: f32, grams: &[Box<[u32]>], counts: &mut Sums) {
    for word in &tokens.words {
        grams[*word as usize].iter().for_each(|list| counts.add(*list, times));
    }
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
        let Lexicon { words, .. } = lexicon;
        let met = met(&units, words.len());
        index.learn_words(&met, &words);
        let terms = index.look_up(&met, &words, tuning);
        index.add_words(&units, &words, &terms, tuning);
        index.add_exacts(&units);
        let grams: Vec<Box<[u32]>> = words.iter().map(|word| index.lists_of(&word.text)).collect();
        index.add_vectors(&units, &grams, tuning);
        index.add_senses(&units);
        if !index.senses.is_empty() {
            index.foreign = Foreign::learn(index.vocabulary.iter().map(|(word, _)| &**word));
        }
        index
    }

    /// What compounds are split into.
    fn learn_words(&mut self, met: &[(u32, Language)], words: &[Word]) {
        for (word, language) in met.iter().map(|(number, language)| (&words[*number as usize], *language)) {
            if !word.stop && word.text.len() >= 3 && word.text.bytes().all(|b| b.is_ascii_alphabetic()) {
                self.known.insert(hash(word.text.as_bytes()));
                let stem = stem(&word.text, language);
                if stem.len() >= 3 {
                    self.known.insert(hash(stem.as_bytes()));
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

    /// What each word counts as in each language that it was met in.
    fn look_up(&mut self, met: &[(u32, Language)], words: &[Word], tuning: &Tuning) -> Vec<[Terms; 2]> {
        let mut terms: Vec<[Terms; 2]> = words.iter().map(|_| Default::default()).collect();
        for (number, language) in met {
            terms[*number as usize][*language as usize] = self.terms(&words[*number as usize], *language, tuning);
        }
        terms
    }

    fn terms(&mut self, Word { text, stop }: &Word, language: Language, tuning: &Tuning) -> Terms {
        let of_stem = self.term(&stem(text, language));
        let mut others = Vec::new();
        if !stop {
            others.extend(self.concept(text, language).map(|concept| (concept, 1.0)));
            for part in parts(text, &|part| self.knows(part)) {
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

    fn add_words(&mut self, units: &[Unit<'_>], words: &[Word], terms: &[[Terms; 2]], tuning: &Tuning) {
        let mut seen = Seen::of(self.terms.len());
        let mut lengths = Vec::with_capacity(units.len());
        let mut in_vocabulary = vec![false; words.len()];
        for (number, unit) in (1u32..).zip(units) {
            let mut length = [0.0f32; 3];
            for (field, tokens) in unit.fields() {
                let language = unit.language_of(tokens);
                for word in &tokens.words {
                    let Terms { stem, others } = &terms[*word as usize][language as usize];
                    seen.note(*stem, number);
                    others.iter().for_each(|(term, _)| seen.note(*term, number));
                    let Word { text, stop } = &words[*word as usize];
                    if !stop {
                        length[field] += 1.0;
                        if text.len() >= 4 && !std::mem::replace(&mut in_vocabulary[*word as usize], true) {
                            self.vocabulary.push((text.clone(), *stem));
                        }
                    }
                }
            }
            lengths.push(length);
            self.add_examples(unit, words, terms);
        }
        self.add_learned(units, terms);
        self.first_example.push(self.examples.len() as u32);
        self.vocabulary.sort_unstable();
        let n = units.len().max(1) as f32;
        let mut average = [0.0f32; 3];
        for length in &lengths {
            for (sum, length) in average.iter_mut().zip(length) {
                *sum += length / n;
            }
        }
        self.idf = seen.counts().map(|seen| (1.0 + (n - seen + 0.5) / (seen + 0.5)).ln()).collect();
        let weights = [tuning.title, tuning.body, tuning.example];
        let (mut often, mut entries) = (Sums::default(), Vec::new());
        often.clear(self.terms.len());
        for ((number, unit), length) in (0u32..).zip(units).zip(&lengths) {
            for (field, tokens) in unit.fields() {
                let language = unit.language_of(tokens);
                let each = weights[field] / (1.0 - tuning.b + tuning.b * length[field] / average[field].max(1e-6));
                for word in &tokens.words {
                    let Terms { stem, others } = &terms[*word as usize][language as usize];
                    often.add(*stem, each);
                    others.iter().for_each(|(term, weight)| often.add(*term, each * weight));
                }
            }
            let weight =
                |term: u32, often: f32| self.idf[term as usize] * often * (tuning.k1 + 1.0) / (often + tuning.k1);
            entries.extend(often.take().map(|(term, often)| (term, number, weight(term, often))));
        }
        self.words = Lists::new(self.terms.len(), &entries);
    }

    fn add_examples(&mut self, unit: &Unit<'_>, words: &[Word], terms: &[[Terms; 2]]) {
        self.first_example.push(self.examples.len() as u32);
        for (text, tokens) in unit.text.written().iter().zip(&unit.examples) {
            let language = unit.language_of(tokens);
            let content = tokens.words.iter().map(|word| *word as usize).filter(|word| !words[*word].stop);
            let mut terms: Vec<u32> = content.map(|word| terms[word][language as usize].stem).collect();
            terms.sort_unstable();
            terms.dedup();
            self.examples.push(Example { text: text.trim().into(), terms: terms.into() });
        }
    }

    /// Notes which stems a unit has of learned examples alone.
    fn add_learned(&mut self, units: &[Unit<'_>], terms: &[[Terms; 2]]) {
        let mut entries = Vec::new();
        for (number, unit) in (0u32..).zip(units).filter(|(_, unit)| unit.text.learned > 0) {
            let stems = |tokens: &Tokens| -> Vec<u32> {
                let language = unit.language_of(tokens);
                let of = |word: &u32| &terms[*word as usize][language as usize];
                tokens.words.iter().map(of).flat_map(|of| once(of.stem).chain(of.others.iter().map(|o| o.0))).collect()
            };
            let (written, learned) = unit.examples.split_at(unit.text.written().len());
            let written = [&unit.title, &unit.body].into_iter().chain(written);
            let written: BTreeSet<u32> = written.flat_map(stems).collect();
            let learned: BTreeSet<u32> = learned.iter().flat_map(stems).collect();
            entries.extend(learned.difference(&written).map(|term| (*term, number, 1.0)));
        }
        self.learned = Lists::new(self.terms.len(), &entries);
    }

    fn add_exacts(&mut self, units: &[Unit<'_>]) {
        let mut entries = Vec::new();
        for (number, unit) in (0u32..).zip(units) {
            let written = [&unit.text.title, &unit.text.body].into_iter().flat_map(|text| exact_tokens(text));
            let mut tokens: Vec<u64> = written.chain(unit.text.examples.iter().flat_map(|text| codes(text))).collect();
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

    /// `grams`: the lists of each word's n-grams.
    fn add_vectors(&mut self, units: &[Unit<'_>], grams: &[Box<[u32]>], tuning: &Tuning) {
        let mut seen = Seen::of(self.grams.len());
        let mut texts = 0u32;
        for unit in units {
            for (field, tokens) in unit.fields() {
                // Title and body are one text, an example is one of its own.
                texts += u32::from(field != BODY);
                for word in &tokens.words {
                    grams[*word as usize].iter().for_each(|list| seen.note(*list, texts));
                }
            }
        }
        let texts = texts as f32;
        self.gram_idf = seen.counts().map(|seen| ((1.0 + texts) / (1.0 + seen)).ln() + 1.0).collect();
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
            count(&unit.title, tuning.title_grams, grams, &mut counts);
            count(&unit.body, 1.0, grams, &mut counts);
            let vector = heaviest(self.vector(counts.take()), most);
            entries.extend(vector.into_iter().map(|(gram, weight)| (gram, 2 * number, weight)));
            for example in &unit.examples {
                count(example, 1.0, grams, &mut counts);
                self.vector(counts.take()).into_iter().for_each(|(gram, weight)| sum.add(gram, weight));
            }
            let vector: Vec<(u32, f32)> = sum.take().collect();
            let length = length_of(&vector);
            let vector = heaviest(vector, most);
            entries.extend(vector.into_iter().map(|(gram, weight)| (gram, 2 * number + 1, weight / length)));
        }
        self.vectors = Lists::new(self.grams.len(), &entries);
    }

    /// The lists of a word's n-grams, once for each time it has them; new ones among them.
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
        let Some(training) = tuning.training.within_seconds(count, documents.len()) else { return };
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
