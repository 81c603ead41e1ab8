//! The tier that is always there: words, character n-grams, example drafts, exact tokens.
//!
//! Start at [`Lexical::build`] and [`Lexical::rank`](Ranker::rank). Each part gives every document a score: BM25F over
//! title, text and examples; the cosine of n-grams with the text and with the examples; the cosine of what the words
//! mean; the classifier's logit; what exact tokens the two share. Brought to mean 0 and deviation 1, weighted and summed
//! they make the order. The gate looks at none of the sums but at `super::gate`'s raw score.

use std::sync::Mutex;

use super::calibrate;
use super::discriminant::dot;
use super::foreign;
use super::gate::Gate;
use super::index::Index;
use super::lists::Lists;
use super::query::Query;
use super::saved;
use super::scale::Scale;
use super::sums::Sums;
use super::tuning::Tuning;
use super::{Document, Draft, LOOKED_AT, Ranked, Ranker, fit};
use crate::text::sense::DIMENSIONS;

/// Up to so many units every list is read to its end.
const FEW_UNITS: usize = 1_200;
/// Beyond that a draft may cost so many postings of words, and so many of n-grams. The rarest come first: they choose
/// the answers, and what is left out would have changed little.
const POSTINGS: usize = 3_000;
/// So many lists are read however long they are: a draft may be made of common words alone.
const LISTS: usize = 3;

/// The raw score: how much it counts, beside how alike the n-grams are, that the document says what the draft says.
const SAID: f32 = 0.2;
/// The raw score: how much the classifier's probability counts.
const SURE: f32 = 0.3;
/// The raw score: how much it is held against a draft that it is about everyday life and not about what the document says.
const STRANGE: f32 = 0.5;

/// The same for what is of others: that a password is asked for says little when it is the password of `Gmail`.
const THEIRS: f32 = 0.8;

/// The raw score: how much it counts, if no other document has it, that a document knows the error's code in the draft. Who
/// pastes one asks about nothing else, whatever stands around it.
const KNOWN: f32 = 0.25;

/// What this tier makes of a draft, for another that orders by more than words.
pub(super) struct Seen<'a> {
    /// For every document, the fused score.
    pub(super) fused: &'a [f32],
    /// For every document, the classifier's; empty where nothing was learned, no number for one that it does not know.
    pub(super) classes: &'a [f32],
    /// For every document, what exact tokens it shares with the draft; empty if there are none.
    pub(super) exacts: &'a [f32],
    /// How much the draft is a letter, 0 to 1.
    pub(super) letter: f32,
}

/// Picks the best documents, with their scores.
type Choose<'a> = dyn FnMut(&Seen<'_>) -> Vec<(f32, u32)> + 'a;

/// Ranks by what is written alone.
pub struct Lexical {
    index: Index,
    tuning: Tuning,
    gate: Gate,
    scratch: Mutex<Vec<Scratch>>,
}

/// The parts of a score, in the order of [`Scratch::parts`].
const PARTS: usize = 6;
const WORDS: usize = 0;
const TEXTS: usize = 1;
const EXAMPLES: usize = 2;
const CLASSES: usize = 3;
const EXACT: usize = 4;
const SENSES: usize = 5;

/// Sums of one search, kept for the next.
#[derive(Default)]
struct Scratch {
    query: Query,
    words: Sums,
    vectors: Sums,
    exacts: Sums,
    scores: Vec<f32>,
    /// The classifier's highest score, and the sum of all over it: what makes a probability of a score.
    highest: f32,
    sum: f32,
    /// The documents that have scores; all others have none in any part. Everything below is in their order.
    candidates: Vec<u32>,
    /// For each document the search in which it became a candidate, and the number of this one.
    chosen: Vec<u32>,
    turn: u32,
    parts: [Vec<f32>; PARTS],
    fused: Vec<f32>,
    /// The best by their fused score: their places among the candidates.
    best: Vec<(f32, u32)>,
}

/// Adds lists, given the short ones first, to the sums of units until they have cost enough.
fn add_rarest(lists: &Lists, asked: &[(u32, f32)], most: usize, Sums { sums, touched }: &mut Sums) {
    let mut left = most;
    for (read, (list, weight)) in asked.iter().enumerate() {
        let length = lists.len(*list);
        if length > left && read >= LISTS {
            break;
        }
        left = left.saturating_sub(length);
        lists.add(*list, *weight, sums, touched);
    }
}

impl Lexical {
    /// Builds the index, trains the classifier, and calibrates the gate.
    #[must_use]
    pub fn build(documents: &[Document]) -> Self {
        let mut lexical = Self::without_gate(documents, Tuning::default());
        lexical.gate = calibrate::calibrate(documents, &lexical);
        lexical
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

    /// The index and the classifier, and a gate that knows nothing of them.
    pub(super) fn without_gate(documents: &[Document], tuning: Tuning) -> Self {
        let mut index = Index::build(documents, &tuning);
        index.train(documents, &tuning);
        Self { index, tuning, gate: Gate::default(), scratch: Mutex::default() }
    }

    pub(super) const fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    /// Gives the candidates their scores. `all`: every document is one.
    fn search(&self, s: &mut Scratch, all: bool) {
        let index = &self.index;
        let units = index.document_of.len();
        let most = if units <= FEW_UNITS { usize::MAX } else { POSTINGS };
        s.words.clear(units);
        add_rarest(&index.words, &s.query.terms, most, &mut s.words);
        s.vectors.clear(2 * units);
        add_rarest(&index.vectors, &s.query.grams, most, &mut s.vectors);
        s.exacts.clear(units);
        for token in &s.query.exacts {
            index.exacts.add(*token, 1.0, &mut s.exacts.sums, &mut s.exacts.touched);
        }
        let all = all || units <= FEW_UNITS || index.classifier.is_some() || !index.senses.is_empty();
        self.choose_candidates(s, all);
        for part in &mut s.parts {
            part.clear();
        }
        let [words, texts, examples, classes, exacts, senses] = &mut s.parts;
        for document in &s.candidates {
            let [from, to] = [0, 1].map(|next| index.first_unit[*document as usize + next] as usize);
            words.push(highest(&s.words.sums[from..to]));
            let vectors = s.vectors.sums[2 * from..2 * to].as_chunks::<2>().0;
            let (text, example) = vectors
                .iter()
                .fold((0.0f32, 0.0f32), |most, [text, example]| (most.0.max(*text), most.1.max(*example)));
            texts.push(text);
            examples.push(example);
            if !s.query.exacts.is_empty() {
                exacts.push(highest(&s.exacts.sums[from..to]));
            }
        }
        if let (Some(draft), false) = (&s.query.sense, index.senses.is_empty()) {
            senses.resize(index.documents, 0.0);
            for (document, unit) in index.document_of.iter().zip(index.senses.chunks_exact(DIMENSIONS)) {
                let sum = &mut senses[*document as usize];
                *sum = sum.max(dot(draft, unit));
            }
        }
        if let Some(classifier) = &index.classifier {
            classifier.scores(&s.query.features, &mut s.scores);
            // NaN says: this document has no class.
            classes.resize(index.documents, f32::NAN);
            for (score, document) in s.scores.iter().zip(classifier.documents()) {
                classes[*document as usize] = *score;
            }
            s.highest = s.scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            s.sum = s.scores.iter().map(|score| (score - s.highest).exp()).sum();
        }
    }

    /// All documents, in their order, or those of which any list told.
    fn choose_candidates(&self, s: &mut Scratch, all: bool) {
        s.candidates.clear();
        if all {
            s.candidates.extend(0..self.index.documents as u32);
            return;
        }
        s.turn = s.turn.wrapping_add(1);
        if s.chosen.len() != self.index.documents || s.turn == 0 {
            s.chosen.clear();
            s.chosen.resize(self.index.documents, 0);
            s.turn = 1;
        }
        let units = s.words.touched.iter().chain(&s.exacts.touched).copied();
        for unit in units.chain(s.vectors.touched.iter().map(|place| place / 2)) {
            let document = self.index.document_of[unit as usize];
            let turn = &mut s.chosen[document as usize];
            if *turn != s.turn {
                *turn = s.turn;
                s.candidates.push(document);
            }
        }
    }

    /// The best candidates by the fused score, best first.
    fn fuse(&self, s: &mut Scratch, most: usize) {
        self.fused(s);
        let Scratch { best, fused, candidates, .. } = s;
        best.clear();
        for (score, place) in fused.iter().copied().zip(0..) {
            if best.len() < most || best.last().is_some_and(|(worst, _)| score >= *worst) {
                // Of equal ones the first document comes first.
                let document = |place: u32| candidates[place as usize];
                let at = best.partition_point(|(s, p)| *s > score || (*s == score && document(*p) < document(place)));
                best.insert(at, (score, place));
                best.truncate(most);
            }
        }
    }

    /// The fused score of each candidate.
    fn fused(&self, s: &mut Scratch) {
        let tuning = &self.tuning;
        let letter = s.query.letter();
        let of_words = tuning.fuse_words + letter * (tuning.fuse_many_words - tuning.fuse_words);
        let beside = if self.index.classifier.is_some() { tuning.beside_classes } else { 1.0 };
        s.fused.clear();
        s.fused.resize(s.candidates.len(), 0.0);
        let others = self.index.documents - s.candidates.len();
        for (part, weight) in [
            (WORDS, of_words * beside),
            (TEXTS, tuning.fuse_grams * beside),
            (EXAMPLES, tuning.fuse_examples * beside),
            (SENSES, tuning.fuse_sense * (1.0 - letter) * beside),
            (CLASSES, tuning.fuse_classes),
            (EXACT, tuning.fuse_exact),
        ] {
            // A part that says nothing about this draft is empty.
            let Scale { mean, factor } = Scale::of(&s.parts[part], others, weight);
            for (sum, score) in s.fused.iter_mut().zip(&s.parts[part]) {
                // A document without a class is as far up as all of them are on average.
                *sum += if score.is_nan() { 0.0 } else { (score - mean) * factor };
            }
        }
    }

    /// Ranks by a caller's own scores, with this tier's reasons: `choose` says which documents to show.
    pub(super) fn rank_by(&self, draft: &Draft<'_>, choose: &mut Choose<'_>) -> Vec<Ranked> {
        let mut scratch = self.taken();
        scratch.query.read(draft, &self.index, &self.tuning);
        self.search(&mut scratch, true);
        self.fused(&mut scratch);
        let (parts, letter) = (&scratch.parts, scratch.query.letter());
        let chosen = choose(&Seen { fused: &scratch.fused, classes: &parts[CLASSES], exacts: &parts[EXACT], letter });
        let ranked = chosen.into_iter().map(|(score, document)| self.ranked(&scratch, score, document as usize));
        let ranked = ranked.collect();
        self.give_back(scratch);
        ranked
    }

    /// How well a candidate fits, whatever else there is: how alike the n-grams are, how much of what the draft says the
    /// document says, too, how sure the classifier is (as if there were no document `without`), and how much of the rest
    /// is about something else altogether.
    fn raw(&self, s: &Scratch, place: usize, without: Option<usize>) -> f32 {
        if s.query.vague {
            return 0.0;
        }
        let alike = s.parts[TEXTS][place].max(s.parts[EXAMPLES][place]);
        let Query { content, strangeness, theirs, .. } = &s.query;
        let all: f32 = content.iter().map(|(_, idf)| idf).sum::<f32>().max(1e-6);
        let mut strange: f32 = content.iter().zip(strangeness).map(|((_, idf), surely)| idf * surely).sum();
        let is_theirs = |word: &usize| theirs.names.contains(word) || theirs.kept.contains(word);
        let (mut said, mut said_of_theirs) = (0.0, 0.0);
        // A document knows of what is of others when it names it and has more of the draft than the name.
        let (mut named, mut more) = (theirs.names.is_empty(), theirs.names.len() == content.len());
        for word in self.shared(s, s.candidates[place] as usize, Self::has) {
            if is_theirs(&word) {
                said_of_theirs += content[word].1;
                named |= theirs.names.contains(&word);
                continue;
            }
            more = true;
            said += content[word].1;
            // What is strange by name stays so, though a part of it be known: `Handyvertrag`.
            let surely = strangeness.get(word).copied().filter(|surely| *surely < foreign::BY_NAME);
            strange -= content[word].1 * surely.unwrap_or_default();
        }
        let mut of_theirs = 0.0;
        if named && more {
            said += said_of_theirs;
        } else {
            of_theirs = theirs.names.iter().chain(&theirs.kept).map(|word| content[*word].1).sum::<f32>();
        }
        let sure = |place: usize| match s.parts[CLASSES].get(place) {
            Some(class) if !class.is_nan() => (class - s.highest).exp() / s.sum,
            _ => 0.0,
        };
        let others = 1.0 - without.map_or(0.0, sure);
        let sure = (sure(place) / others.max(1e-6)).min(1.0);
        let known = KNOWN * self.knows_code(s, s.candidates[place] as usize);
        (alike + (SAID * said - STRANGE * strange - THEIRS * of_theirs) / all + SURE * sure + known).max(0.0)
    }

    /// How rare the rarest of the error codes is that a document shares with the draft, 0 to 1; 0 when it shares none.
    fn knows_code(&self, s: &Scratch, document: usize) -> f32 {
        let units = self.index.first_unit[document]..self.index.first_unit[document + 1];
        let shared = s.query.codes.iter().filter(|code| self.index.exacts.has_any(**code, units.clone()));
        let all = (1.0 + self.index.document_of.len() as f32).ln();
        let rare = |code: &u32| 1.0 - (self.index.exacts.len(*code) as f32).ln() / all;
        shared.map(rare).fold(0.0, f32::max)
    }

    /// The words of the draft that carry meaning and that a document `has` in some form, by their places.
    fn shared(&self, s: &Scratch, document: usize, has: fn(&Self, usize, u32) -> bool) -> impl Iterator<Item = usize> {
        let mut last = None;
        s.query.hits.iter().filter_map(move |(word, term)| {
            let new = last != Some(*word) && has(self, document, *term);
            new.then(|| {
                last = Some(*word);
                *word as usize
            })
        })
    }

    /// Whether a document has a stem.
    fn has(&self, document: usize, term: u32) -> bool {
        let units = self.index.first_unit[document]..self.index.first_unit[document + 1];
        self.index.words.has_any(term, units)
    }

    /// Whether the file of a document has a stem: what was learned of customers is nobody else's to know.
    fn writes(&self, document: usize, term: u32) -> bool {
        (self.index.first_unit[document]..self.index.first_unit[document + 1])
            .map(|unit| unit..unit + 1)
            .any(|unit| self.index.words.has_any(term, unit.clone()) && !self.index.learned.has_any(term, unit))
    }

    /// The best document with its raw score, and how well the best others fit, if there were no document `without`.
    pub(super) fn best(&self, draft: &Draft<'_>, without: usize) -> (Option<(usize, f32)>, Option<f32>) {
        let mut s = self.taken();
        s.query.read(draft, &self.index, &self.tuning);
        // All of them, so that a document's place is its number.
        self.search(&mut s, true);
        self.fuse(&mut s, (LOOKED_AT + 1).min(self.index.documents));
        let places: Vec<usize> = s.best.iter().map(|(_, place)| *place as usize).collect();
        let best = places.first().map(|place| (*place, self.raw(&s, *place, None)));
        let others = places.iter().filter(|place| **place != without).take(LOOKED_AT);
        let other = others.map(|place| self.raw(&s, *place, Some(without))).reduce(f32::max);
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

    fn ranked(&self, s: &Scratch, score: f32, place: usize) -> Ranked {
        let raw = self.raw(s, place, None);
        let document = s.candidates[place] as usize;
        let units = self.index.first_unit[document]..self.index.first_unit[document + 1];
        let mut words: Vec<String> = Vec::new();
        for word in self.shared(s, document, Self::writes) {
            let word = &s.query.text[s.query.content[word].0.clone()];
            // Of a code like `5.7.1` single digits are no reason that anybody would understand.
            if word.chars().nth(1).is_some() && words.iter().all(|known| known != word) {
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

/// The highest of some sums.
fn highest(sums: &[f32]) -> f32 {
    sums.iter().copied().fold(0.0, f32::max)
}

impl Ranker for Lexical {
    fn rank(&self, draft: &Draft<'_>, most: usize) -> Vec<Ranked> {
        let mut ranked = self.rank_whole(draft, most);
        if fit(&ranked) < self.gate.threshold {
            self.heard_apart(draft, &mut ranked);
        }
        ranked
    }

    fn threshold(&self) -> f32 {
        self.gate.threshold
    }
}

impl Lexical {
    /// The ranks of a draft as one text.
    pub(super) fn rank_whole(&self, draft: &Draft<'_>, most: usize) -> Vec<Ranked> {
        let mut scratch = self.taken();
        scratch.query.read(draft, &self.index, &self.tuning);
        self.search(&mut scratch, false);
        self.fuse(&mut scratch, most);
        let best = scratch.best.iter().map(|(score, place)| self.ranked(&scratch, *score, *place as usize));
        let ranked = best.collect();
        self.give_back(scratch);
        ranked
    }

    /// A raw score as a probability.
    pub(super) fn confidence(&self, raw: f32) -> f32 {
        self.gate.confidence(raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank::Text;

    /// More answers than have senses, so that only those are looked at of which a list tells.
    #[test]
    fn candidates_alone_are_ranked_as_all_are() {
        let word =
            |number: usize| ["server", "domain", "mail", "invoice", "backup", "certificate", "quota"][number % 7];
        let document = |number: usize| {
            let title = format!("{} {} {} code{number}", word(number), word(number / 7), word(number / 49));
            Document { id: number.to_string(), texts: vec![Text { title, ..Text::default() }] }
        };
        let lexical = Lexical::build(&(0..4_100).map(document).collect::<Vec<_>>());
        let mut left_out = 0;
        for body in
            ["my invoice for the backup", "code77 of the certificate", "quota mail server", "zzz", "code4099 4711"]
        {
            let rank = |all: bool| {
                let mut s = lexical.taken();
                s.query.read(&Draft { body, ..Draft::default() }, &lexical.index, &lexical.tuning);
                lexical.search(&mut s, all);
                lexical.fuse(&mut s, 3);
                let best = s.best.iter().map(|(_, place)| s.candidates[*place as usize]).collect::<Vec<_>>();
                let looked_at = s.candidates.len();
                lexical.give_back(s);
                (best, looked_at)
            };
            let ((some, few), (every, all)) = (rank(false), rank(true));
            assert!(every.starts_with(&some), "{body}: {some:?} of {few}, {every:?} of {all}");
            left_out += all - few;
            assert_eq!(rank(false).0, some, "{body}: nothing of the search before is left");
        }
        assert!(left_out > 4_100);
    }
}
