//! The index as bytes, so that a start does not build it again.
//!
//! Start at [`save`] and [`open`]. The bytes carry a version, a hash of the documents that they were made of, and a hash
//! of themselves. Whatever does not fit gives nothing, and the index is built anew; it is never repaired.

use std::hash::BuildHasher;

use super::classifier::Classifier;
use super::foreign::Foreign;
use super::gate::Gate;
use super::index::{Example, Index};
use super::lists::{HashedMap, Lists};
use super::regression::Regression;
use super::tuning::Tuning;
use super::{Document, Text};

/// Raised whenever the index, its building or its bytes change; other settings are seen without it.
const VERSION: u64 = 8;
const MAGIC: &[u8; 8] = b"hzl-rank";
/// Magic, version, hash of the documents, hash of the rest.
const HEAD: usize = 32;

/// The index and its gate as bytes.
pub(super) fn save(index: &Index, gate: &Gate, documents: u64) -> Vec<u8> {
    let mut out = Out(Vec::new());
    out.u64s(&[index.documents as u64]);
    out.u32s(&index.document_of);
    out.u32s(&index.first_unit);
    out.u64s(&by_place(&index.terms));
    out.f32s(&index.idf);
    out.lists(&index.words);
    let mut known: Vec<u64> = index.known.iter().copied().collect();
    known.sort_unstable();
    out.u64s(&known);
    out.u32s(&index.vocabulary.iter().map(|(word, _)| word.len() as u32).collect::<Vec<_>>());
    out.u32s(&index.vocabulary.iter().map(|(_, term)| *term).collect::<Vec<_>>());
    out.bytes(index.vocabulary.iter().map(|(word, _)| &**word).collect::<String>().as_bytes());
    out.u64s(&by_place(&index.exact));
    out.lists(&index.exacts);
    out.u32s(&by_place(&index.grams));
    out.f32s(&index.gram_idf);
    out.f32s(&[index.unknown_gram, gate.threshold, gate.middle, gate.slope]);
    out.lists(&index.vectors);
    out.f32s(&index.senses);
    out.f32s(&index.common);
    out.f32s(index.foreign.plane());
    out.lists(&index.learned);
    out.u32s(&index.first_example);
    out.u32s(&index.examples.iter().map(|example| example.terms.len() as u32).collect::<Vec<_>>());
    out.u32s(&index.examples.iter().flat_map(|example| example.terms.iter().copied()).collect::<Vec<_>>());
    out.u64s(&[u64::from(index.classifier.is_some())]);
    if let Some(classifier) = &index.classifier {
        let (classes, weights, bias) = classifier.regression.pieces();
        out.u32s(&by_place(&classifier.rows));
        out.f32s(&classifier.idf);
        out.f32s(&[classifier.unknown]);
        out.u32s(&classifier.documents);
        out.u64s(&[classes as u64]);
        out.f32s(weights);
        out.f32s(bias);
    }
    let mut bytes = Vec::with_capacity(HEAD + out.0.len());
    bytes.extend_from_slice(MAGIC);
    for word in [VERSION, documents, sum(&out.0)] {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes.extend_from_slice(&out.0);
    bytes
}

/// The index and its gate, if these are the bytes of an index of just these documents.
pub(super) fn open(bytes: &[u8], documents: &[Document], key: u64) -> Option<(Index, Gate)> {
    let (head, body) = bytes.split_at_checked(HEAD)?;
    let word = |at: usize| Some(u64::from_le_bytes(head.get(at..at + 8)?.try_into().ok()?));
    if &head[..8] != MAGIC || word(8)? != VERSION || word(16)? != key || word(24)? != sum(body) {
        return None;
    }
    let mut from = In(body);
    let mut index = Index { documents: usize::try_from(*from.u64s()?.first()?).ok()?, ..Index::default() };
    index.document_of = from.u32s()?;
    index.first_unit = from.u32s()?;
    index.terms = places(&from.u64s()?);
    index.idf = from.f32s()?;
    index.words = from.lists()?;
    index.known = from.u64s()?.into_iter().collect();
    let (lengths, terms) = (from.u32s()?, from.u32s()?);
    let mut words = from.bytes()?;
    for (length, term) in lengths.iter().zip(&terms) {
        let (word, rest) = words.split_at_checked(*length as usize)?;
        index.vocabulary.push((std::str::from_utf8(word).ok()?.into(), *term));
        words = rest;
    }
    index.exact = places(&from.u64s()?);
    index.exacts = from.lists()?;
    index.grams = places(&from.u32s()?);
    index.gram_idf = from.f32s()?;
    let [unknown_gram, threshold, middle, slope] = *from.f32s()?.as_slice() else { return None };
    index.unknown_gram = unknown_gram;
    index.vectors = from.lists()?;
    index.senses = from.f32s()?;
    index.common = from.f32s()?;
    index.foreign = Foreign::of_plane(from.f32s()?)?;
    index.learned = from.lists()?;
    index.first_example = from.u32s()?;
    let lengths = from.u32s()?;
    let terms = from.u32s()?;
    let mut terms = terms.as_slice();
    let texts = documents.iter().flat_map(|document| &document.texts).flat_map(Text::written);
    for (length, text) in lengths.iter().zip(texts) {
        let (own, rest) = terms.split_at_checked(*length as usize)?;
        index.examples.push(Example { text: text.trim().into(), terms: own.into() });
        terms = rest;
    }
    if *from.u64s()?.first()? == 1 {
        let mut classifier = Classifier { rows: places(&from.u32s()?), idf: from.f32s()?, ..Classifier::default() };
        classifier.unknown = *from.f32s()?.first()?;
        classifier.documents = from.u32s()?;
        let classes = usize::try_from(*from.u64s()?.first()?).ok()?;
        classifier.regression = Regression::from_pieces(classes, from.f32s()?, from.f32s()?)?;
        index.classifier = Some(classifier);
    }
    index.is_sound().then_some((index, Gate { threshold, middle, slope }))
}

/// A hash of all that an index is made of, and how.
pub(super) fn key(documents: &[Document]) -> u64 {
    let mut all = Sum::default();
    all.take(format!("{:?}", Tuning::default()).as_bytes());
    for document in documents {
        all.take(document.id.as_bytes());
        for text in &document.texts {
            all.take(text.language.map_or("-", |language| language.code()).as_bytes());
            all.take(text.title.as_bytes());
            all.take(text.body.as_bytes());
            text.examples.iter().for_each(|example| all.take(example.as_bytes()));
            all.take(&text.learned.to_le_bytes());
            all.take(b"/text");
        }
        all.take(b"/document");
    }
    all.0
}

fn sum(bytes: &[u8]) -> u64 {
    let mut sum = Sum::default();
    sum.take(bytes);
    sum.0
}

/// A hash against accidents, eight bytes at a time; whoever can write the file can write anything.
#[derive(Default)]
struct Sum(u64);

impl Sum {
    fn take(&mut self, bytes: &[u8]) {
        let mut mix = |word: u64| {
            self.0 = (self.0 ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
        };
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            mix(u64::from_le_bytes(word.try_into().unwrap_or_default()));
        }
        let mut last = [0; 8];
        last[..words.remainder().len()].copy_from_slice(words.remainder());
        mix(u64::from_le_bytes(last));
        mix(bytes.len() as u64);
    }
}

/// The keys of a map in the order of their places.
fn by_place<K: Copy + Default, S: BuildHasher>(map: &std::collections::HashMap<K, u32, S>) -> Vec<K> {
    let mut keys = vec![K::default(); map.len()];
    for (key, place) in map {
        if let Some(slot) = keys.get_mut(*place as usize) {
            *slot = *key;
        }
    }
    keys
}

fn places<K: Copy + Eq + std::hash::Hash>(keys: &[K]) -> HashedMap<K, u32> {
    let mut map = HashedMap::with_capacity_and_hasher(keys.len(), Default::default());
    map.extend((0u32..).zip(keys).map(|(place, key)| (*key, place)));
    map
}

/// Writes arrays, each after its length.
struct Out(Vec<u8>);

impl Out {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.0.extend_from_slice(bytes);
    }
    fn u16s(&mut self, values: &[u16]) {
        self.bytes(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>());
    }
    fn u32s(&mut self, values: &[u32]) {
        self.bytes(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>());
    }
    fn u64s(&mut self, values: &[u64]) {
        self.bytes(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>());
    }
    fn f32s(&mut self, values: &[f32]) {
        self.bytes(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>());
    }
    fn lists(&mut self, lists: &Lists) {
        self.u32s(&lists.offsets);
        self.u32s(&lists.units);
        self.u16s(&lists.weights);
    }
}

/// Reads them.
struct In<'a>(&'a [u8]);

impl<'a> In<'a> {
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_at_checked(8)?;
        let length = usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok()?;
        let (bytes, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
    fn all<const N: usize, T>(&mut self, of: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
        let chunks = self.bytes()?.chunks_exact(N);
        Some(chunks.map(|chunk| of(chunk.try_into().unwrap_or([0; N]))).collect())
    }
    fn u32s(&mut self) -> Option<Vec<u32>> {
        self.all(u32::from_le_bytes)
    }
    fn u64s(&mut self) -> Option<Vec<u64>> {
        self.all(u64::from_le_bytes)
    }
    fn f32s(&mut self) -> Option<Vec<f32>> {
        self.all(f32::from_le_bytes)
    }
    fn lists(&mut self) -> Option<Lists> {
        Some(Lists { offsets: self.u32s()?, units: self.u32s()?, weights: self.all(u16::from_le_bytes)? })
    }
}
