//! A draft as the index sees it: which lists it asks, and with what weights.

use std::ops::Range;

use super::classifier::{self, Features};
use super::index::{Index, language_of};
use super::tuning::Tuning;
use super::{Draft, grams};
use crate::answer::Language;
use crate::text::compound::parts;
use crate::text::concepts::concept;
use crate::text::everyday::{is_anywhere, is_device, is_kept, is_service, is_towards, names_hosting};
use crate::text::exact::{exact_tokens, telling};
use crate::text::names::{is_ending, names};
use crate::text::sense::{DIMENSIONS, sense};
use crate::text::stem::stem;
use crate::text::{Analysis, Word, analyse, hash, strip};

/// A draft is cut at so many words that carry meaning: those that carry most stay.
const WORDS: usize = 120;
/// Of a text longer than this only the beginning is read, in bytes.
const BYTES: usize = 32 * 1024;
/// How many words of the index the last word, while it is typed, may stand for.
const COMPLETIONS: usize = 8;

/// What is asked of the index.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    /// The draft without its form.
    pub(super) text: String,
    /// The words that carry meaning: where they stand, and how much they say.
    pub(super) content: Vec<(Range<usize>, f32)>,
    /// How surely each of them is about everyday life, 0 to 1; empty when the draft names a thing of this trade.
    pub(super) strangeness: Vec<f32>,
    /// No word says what it is about: `Problem`, `Hilfe`, `seit gestern`.
    pub(super) vague: bool,
    /// Which words that carry meaning name what is of others, and which what they keep; empty like the former.
    pub(super) theirs: Theirs,
    /// Lists of stems and their weights, short lists first.
    pub(super) terms: Vec<(u32, f32)>,
    /// Which of the words that carry meaning asks which list, word by word.
    pub(super) hits: Vec<(u32, u32)>,
    /// These lists, ascending.
    pub(super) hit: Vec<u32>,
    /// Lists of exact tokens.
    pub(super) exacts: Vec<u32>,
    /// Those of them that tell one fault from all others.
    pub(super) codes: Vec<u32>,
    /// Lists of n-grams and their weights, short lists first.
    pub(super) grams: Vec<(u32, f32)>,
    /// What it is about, apart from what all answers are about.
    pub(super) sense: Option<[f32; DIMENSIONS]>,
    /// What the classifier looks at.
    pub(super) features: Features,
}

/// Words of a draft, by their places among those that carry meaning.
#[derive(Clone, Debug, Default)]
pub(super) struct Theirs {
    /// Services and devices of others: `Gmail`, `iPhone`.
    pub(super) names: Vec<usize>,
    /// What a service keeps for its customers: `Gmail password`.
    pub(super) kept: Vec<usize>,
}

impl Theirs {
    fn clear(&mut self) {
        self.names.clear();
        self.kept.clear();
    }
}

impl Query {
    /// Reads a draft.
    pub(super) fn read(&mut self, draft: &Draft<'_>, index: &Index, tuning: &Tuning) {
        self.text.clear();
        let body = strip::strip(beginning(draft.body));
        if !draft.subject.is_empty() {
            self.text.push_str(beginning(draft.subject));
            self.text.push('\n');
        }
        self.text.push_str(&body);
        let mut analysis = analyse(&self.text, draft.language);
        leave_names_out(&mut analysis, &self.text, index);
        cut(&mut analysis, index);
        let typing = draft.body.ends_with(char::is_alphanumeric);
        self.read_words(&analysis, typing, index, tuning);
        self.read_grams(&analysis, index);
        self.exacts.clear();
        self.exacts.extend(exact_tokens(&self.text).iter().filter_map(|token| index.exact.get(token)));
        self.codes.clear();
        self.codes.extend(telling(&self.text).iter().filter_map(|token| index.exact.get(token)));
        self.features.words.clear();
        if index.classifier.is_some() {
            classifier::words(&analysis, &mut self.features.words);
        }
        self.features.sense = None;
        self.sense = None;
        if index.classifier.is_some() || !index.senses.is_empty() {
            self.features.sense = sense(&analysis);
            self.sense = self.features.sense.map(|sense| index.apart(&sense));
        }
    }

    /// How much the draft is a letter, whose many words drown the few that matter: from 10 words that carry meaning,
    /// which is 0, to 40, which is 1.
    pub(super) fn letter(&self) -> f32 {
        (self.content.len().saturating_sub(10) as f32 / 30.0).min(1.0)
    }

    /// Whether the draft has this stem.
    pub(super) fn has(&self, term: u32) -> bool {
        self.hit.binary_search(&term).is_ok()
    }

    fn read_words(&mut self, analysis: &Analysis, typing: bool, index: &Index, tuning: &Tuning) {
        self.terms.clear();
        self.hits.clear();
        self.content.clear();
        self.strangeness.clear();
        self.theirs.clear();
        let places = theirs(analysis);
        self.vague = analysis.words.iter().all(|word| word.stop || is_anywhere(analysis.word(word)));
        let is_ours = |(word, place): (&Word, &Place)| *place != Place::Kept && names_hosting(analysis.word(word));
        let ours = analysis.words.iter().zip(&places).any(is_ours);
        let language = language_of(analysis, None);
        let other = if language == Language::De { Language::En } else { Language::De };
        let last = analysis.words.len().wrapping_sub(1);
        for (i, word) in analysis.words.iter().enumerate() {
            let folded = analysis.word(word);
            let weight = if word.stop { tuning.stop } else { 1.0 };
            let own = stem(folded, language);
            let at = self.content.len() as u32;
            if !word.stop {
                let unknown = (1.0 + index.document_of.len() as f32).ln();
                let idf = index.terms.get(&hash(own.as_bytes())).map_or(unknown, |term| index.idf[*term as usize]);
                self.content.push((word.start..word.end, idf));
                if !ours {
                    let place = self.strangeness.len();
                    let surely = match places[i] {
                        Place::Name => {
                            self.theirs.names.push(place);
                            0.0
                        }
                        Place::Kept => {
                            self.theirs.kept.push(place);
                            0.0
                        }
                        Place::Other => index.foreign.surely(folded, index.knows(folded)),
                    };
                    self.strangeness.push(surely);
                }
            }
            let mut found = self.ask(&own, weight, at, word.stop, index, tuning.concept);
            // The answers are in both languages, and so are drafts.
            let foreign = stem(folded, other);
            if foreign != own && concept(hash(own.as_bytes())).is_none() {
                found |= self.ask(&foreign, weight, at, word.stop, index, tuning.concept);
            }
            if word.stop {
                continue;
            }
            for part in parts(folded, &|part| index.knows(part)) {
                found |= self.ask(&stem(part, language), tuning.part, at, false, index, tuning.concept);
            }
            if !found && typing && i == last && folded.len() >= 3 {
                let from = index.vocabulary.partition_point(|(known, _)| **known < *folded);
                let fits = index.vocabulary[from..].iter().take_while(|(known, _)| known.starts_with(folded));
                for (_, term) in fits.take(COMPLETIONS) {
                    self.terms.push((*term, tuning.prefix));
                    self.hits.push((at, *term));
                }
            }
        }
        self.hit.clear();
        self.hit.extend(self.hits.iter().map(|(_, term)| *term));
        self.hit.sort_unstable();
        self.terms.sort_unstable_by_key(|(term, _)| *term);
        // A word said twice counts more, but not twice.
        self.terms.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += 0.4 * next.1;
            }
            same
        });
        self.terms.sort_unstable_by_key(|(term, _)| (index.words.len(*term), *term));
    }

    /// Whether any answer has the stem itself.
    fn ask(&mut self, stem: &str, weight: f32, at: u32, stop: bool, index: &Index, concepts: f32) -> bool {
        let hash = hash(stem.as_bytes());
        if !stop && let Some(term) = concept(hash).and_then(|concept| index.terms.get(&concept)) {
            self.terms.push((*term, weight * concepts));
            self.hits.push((at, *term));
        }
        let Some(term) = index.terms.get(&hash) else { return false };
        self.terms.push((*term, weight));
        if !stop {
            self.hits.push((at, *term));
        }
        true
    }

    fn read_grams(&mut self, analysis: &Analysis, index: &Index) {
        self.features.grams.clear();
        self.grams.clear();
        grams::count(&analysis.folded, &mut self.features.grams);
        let mut length = 0.0;
        for (gram, n) in self.features.grams.iter().filter(|(gram, _)| grams::is_indexed(*gram)) {
            let list = index.grams.get(gram);
            let idf = list.map_or(index.unknown_gram, |list| index.gram_idf[*list as usize]);
            let weight = (1.0 + (*n as f32).ln()) * idf;
            // N-grams that no answer has make the draft longer: it is about something else.
            length += weight * weight;
            if let Some(list) = list {
                self.grams.push((*list, weight));
            }
        }
        let length = length.sqrt().max(1e-9);
        self.grams.iter_mut().for_each(|(_, weight)| *weight /= length);
        self.grams.sort_unstable_by_key(|(gram, _)| (index.vectors.len(*gram), *gram));
    }
}

/// What a word is in a draft that names others' services and devices.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing of theirs.
    Other,
    /// Their name.
    Name,
    /// What they keep, or what their device is.
    Kept,
}

/// What each word is.
fn theirs(analysis: &Analysis) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::with_capacity(analysis.words.len());
    let (mut towards, mut service, mut device) = (false, false, false);
    for word in analysis.words.iter().map(|word| analysis.word(word)) {
        // Of a device only what it is: `iPhone Mail` may be ours.
        let kept = (service && is_kept(word)) || (device && is_kept(word) && !names_hosting(word));
        service = is_service(word);
        device = is_device(word);
        places.push(match () {
            () if (service || device) && !towards => Place::Name,
            () if kept => Place::Kept,
            () => Place::Other,
        });
        towards = is_towards(word);
    }
    places
}

/// The beginning of a text, cut between two letters.
pub(super) fn beginning(text: &str) -> &str {
    if text.len() <= BYTES { text } else { &text[..text.floor_char_boundary(BYTES)] }
}

/// Leaves out what is only this customer's, which would make the draft longer and no clearer: of addresses and hosts the words that no
/// answer has, and numbers that none has. A host that an answer names stays whole.
fn leave_names_out(analysis: &mut Analysis, text: &str, index: &Index) {
    let is_strange = |name: &(usize, usize)| {
        exact_tokens(&text[name.0..name.1]).iter().all(|token| !index.exact.contains_key(token))
    };
    let mut names = names(text).filter(is_strange).peekable();
    let language = language_of(analysis, None);
    let mut is_left = |word: &Word| {
        let folded = analysis.word(word);
        while names.next_if(|(_, to)| *to <= word.start).is_some() {}
        let in_name = names.peek().is_some_and(|(from, _)| *from <= word.start);
        let knows = || index.terms.contains_key(&hash(stem(folded, language).as_bytes()));
        if in_name {
            knows() && !is_ending(folded) && !folded.bytes().any(|b| b.is_ascii_digit())
        } else {
            !folded.bytes().any(|b| b.is_ascii_digit()) || knows()
        }
    };
    let left: Vec<usize> = (0..analysis.words.len()).filter(|at| is_left(&analysis.words[*at])).collect();
    if left.len() < analysis.words.len() {
        *analysis = analysis.of(left.into_iter());
    }
}

/// Leaves the words that carry most, in their order. Words that no answer has carry nothing.
fn cut(analysis: &mut Analysis, index: &Index) {
    if analysis.content_words() <= WORDS {
        return;
    }
    let language = language_of(analysis, None);
    let carried = |word: &str| {
        let term = index.terms.get(&hash(stem(word, language).as_bytes()));
        term.map_or(0.0, |term| index.idf[*term as usize])
    };
    let mut content: Vec<(f32, usize)> = (0..analysis.words.len())
        .filter(|i| !analysis.words[*i].stop)
        .map(|i| (carried(analysis.word(&analysis.words[i])), i))
        .collect();
    content.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut kept: Vec<usize> = content.into_iter().take(WORDS).map(|(_, i)| i).collect();
    kept.sort_unstable();
    *analysis = analysis.of(kept.into_iter());
}
