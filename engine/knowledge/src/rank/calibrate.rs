//! Where the gate stands: measured on the answers' own example drafts when the index is built.
//!
//! Start at [`calibrate`]. A quarter of the examples is held back and asked of an index of the rest: that gives drafts
//! whose answer is known. With its own answer left out, each of them is a stranger: a draft that nothing fits, and a hard
//! one, for it is about the same trade. Without enough examples the titles are the strangers, and the curve is the
//! default one.

use super::gate::{Gate, quantile};
use super::index::FEWEST_EXAMPLES;
use super::lexical::Lexical;
use super::{Document, Draft};

/// So many drafts are asked at most.
const DRAFTS: usize = 400;
/// With fewer the figures say nothing.
const FEWEST: usize = 24;
/// More answers are not indexed a second time.
const MOST_ANSWERS: usize = 2_000;
/// Every so-manieth example is held back.
const HELD_BACK: usize = 4;
/// Drafts about the same trade are harder than real strangers: with the gate at this share of them, one in ten of
/// clinc150's strangers is shown something.
const EXAMPLES_BELOW: f32 = 0.6;
/// The same for titles, which are shorter and more alike than drafts.
const TITLES_BELOW: f32 = 0.4;
/// Answers may be so alike that each looks like the other's; strangers do not, wherever it was measured.
const HIGHEST: f32 = 0.42;

/// Measures where the gate of this index stands.
pub(super) fn calibrate(documents: &[Document], lexical: &Lexical) -> Gate {
    let enough = |document: &Document| document.examples() >= FEWEST_EXAMPLES;
    let (rest, held) = hold_back(documents, enough);
    if held.len() < FEWEST || documents.len() > MOST_ANSWERS {
        return by_titles(documents, lexical);
    }
    let index = Lexical::without_gate(&rest, lexical.tuning().clone());
    let mut strangers = Vec::new();
    let mut outcomes = Vec::new();
    for (document, text) in thinned(&held) {
        let (best, other) = index.best(&Draft { subject: "", body: text, language: None }, *document);
        outcomes.extend(best.map(|(found, raw)| (raw, found == *document)));
        strangers.extend(other);
    }
    let threshold = place(&mut strangers, EXAMPLES_BELOW);
    outcomes.extend(strangers.iter().step_by(2).map(|raw| (*raw, false)));
    Gate::fitted(threshold, &outcomes)
}

fn by_titles(documents: &[Document], lexical: &Lexical) -> Gate {
    let titles: Vec<(usize, &str)> = documents
        .iter()
        .enumerate()
        .flat_map(|(number, document)| document.texts.iter().map(move |text| (number, text.title.as_str())))
        .filter(|(_, title)| !title.trim().is_empty())
        .collect();
    if titles.len() < FEWEST {
        return Gate::default();
    }
    let mut strangers: Vec<f32> = thinned(&titles)
        .filter_map(|(document, title)| lexical.best(&Draft { subject: "", body: title, language: None }, *document).1)
        .collect();
    Gate::at(place(&mut strangers, TITLES_BELOW))
}

/// The documents without every fourth example, and those examples.
fn hold_back(documents: &[Document], enough: impl Fn(&Document) -> bool) -> (Vec<Document>, Vec<(usize, &str)>) {
    let mut held = Vec::new();
    let mut rest = documents.to_vec();
    for (number, document) in documents.iter().enumerate().filter(|(_, document)| enough(document)) {
        let mut turn = number;
        for (text, kept) in document.texts.iter().zip(&mut rest[number].texts) {
            kept.examples.clear();
            for example in &text.examples {
                if turn % HELD_BACK == 0 {
                    held.push((number, example.as_str()));
                } else {
                    kept.examples.push(example.clone());
                }
                turn += 1;
            }
        }
    }
    (rest, held)
}

/// At most [`DRAFTS`], evenly taken.
fn thinned<T>(all: &[T]) -> impl Iterator<Item = &T> {
    all.iter().step_by(all.len().div_ceil(DRAFTS).max(1))
}

/// The score below which this share of the strangers lies.
fn place(strangers: &mut [f32], share: f32) -> f32 {
    strangers.sort_unstable_by(f32::total_cmp);
    if strangers.is_empty() { Gate::default().threshold } else { quantile(strangers, share).min(HIGHEST) }
}
