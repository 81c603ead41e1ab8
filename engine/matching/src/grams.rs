//! Finds texts in a block by looking at every few bytes only.
//!
//! A text's window of `w` bytes shows one of its grams of `q` bytes at one of the block's positions 0, s, 2s, … with
//! `s = w - q + 1`, wherever it stands. So only these positions are probed: the `q` bytes there, cases alike, are hashed and
//! looked up in a small bit table; what it cannot rule out is looked up in an exact table, and the whole text compared.
//!
//! Start at [`Grams::scan`].

use crate::choice::Shape;
use crate::texts::{TextId, Texts};

/// The largest bit table, in words of 32 bits: 256 KiB, so that it stays in a core's own cache.
const MOST_WORDS: usize = 1 << 16;
/// The smallest.
const LEAST_WORDS: usize = 1 << 8;

/// How many words a bit table for so many grams has.
pub(crate) fn words_for(grams: usize) -> usize {
    (2 * grams).next_power_of_two().clamp(LEAST_WORDS, MOST_WORDS)
}

/// How many places are looked up side by side.
const GROUP: usize = 16;

/// The grams of all windows.
#[derive(Debug)]
pub(crate) struct Grams {
    pub(crate) table: Table,
    /// By the upper bits of a mixed hash: where its entries begin; one more for the end.
    buckets: Box<[u32]>,
    bucket_shift: u32,
    entries: Box<[Entry]>,
}

/// What rules most positions out.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) shape: Shape,
    /// 2^k words; two bits of one word for each gram.
    pub(crate) words: Box<[u32]>,
    /// `32 - k`.
    pub(crate) shift: u32,
}

/// A gram of a text.
#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    text: TextId,
    /// Where in the text it begins, in bytes.
    offset: u16,
    /// Four more bytes of the text, cases alike, so that most others are told apart here; where they begin, counted from
    /// the gram.
    near_at: i16,
    near: u32,
}

/// Makes letters of both cases equal (and some other bytes, which costs little).
pub(crate) const CASE: u32 = 0x2020_2020;
pub(crate) const FIRST: u32 = 0x9E37_79B1;
pub(crate) const LAST: u32 = 0x85EB_CA77;

/// The hash of a gram by its first and its last four bytes.
#[inline]
pub(crate) fn hash(first: u32, last: u32) -> u32 {
    let hash = (first | CASE).wrapping_mul(FIRST).wrapping_add((last | CASE).wrapping_mul(LAST));
    hash ^ hash >> 15
}

#[inline]
fn four(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |four| u32::from_le_bytes(*four))
}

/// The two bits of a hash in its word.
#[inline]
pub(crate) fn bits(hash: u32) -> u32 {
    1 << (hash & 31) | 1 << (hash >> 5 & 31)
}

impl Table {
    /// The hash of the gram at a position that has all its bytes behind it.
    #[inline]
    pub(crate) fn hash_at(&self, bytes: &[u8], at: usize) -> u32 {
        hash(four(bytes, at), four(bytes, at + self.shape.gram - 4))
    }

    #[inline]
    fn may_hold(&self, hash: u32) -> bool {
        let wanted = bits(hash);
        self.words[(hash >> self.shift) as usize] & wanted == wanted
    }

    /// Tells the positions, from `at` on, whose grams cannot be ruled out.
    pub(crate) fn probe(&self, bytes: &[u8], mut at: usize, found: &mut Vec<usize>) {
        let (stride, gram) = (self.shape.stride(), self.shape.gram);
        // Four at a time, so that their loads do not wait for one another.
        while at + 3 * stride + gram <= bytes.len() {
            let four: [usize; 4] = std::array::from_fn(|k| at + k * stride);
            let held = four.map(|at| self.may_hold(self.hash_at(bytes, at)));
            if held.contains(&true) {
                found.extend(four.iter().zip(held).filter(|(_, held)| *held).map(|(at, _)| *at));
            }
            at += 4 * stride;
        }
        while at + gram <= bytes.len() {
            if self.may_hold(self.hash_at(bytes, at)) {
                found.push(at);
            }
            at += stride;
        }
    }
}

impl Grams {
    /// Takes in the windows: text, and where in it the window begins.
    pub(crate) fn new(shape: Shape, windows: &[(TextId, usize)], texts: &Texts) -> Self {
        let count = windows.len() * shape.stride();
        let words = words_for(count);
        let mut table = Table { shape, words: vec![0; words].into_boxed_slice(), shift: 32 - words.trailing_zeros() };
        let mut entries = Vec::with_capacity(count);
        for &(text, window) in windows {
            let bytes = texts.bytes(text);
            for offset in window..window + shape.stride() {
                let hash = table.hash_at(bytes, offset);
                table.words[(hash >> table.shift) as usize] |= bits(hash);
                let (behind, before) = (offset + shape.gram, offset.checked_sub(4));
                let near = if behind + 4 <= bytes.len() { behind } else { before.unwrap_or(offset) };
                // Texts are shorter than a signed 16-bit number.
                let near_at = (near as i64 - offset as i64) as i16;
                entries.push(Entry { hash, text, offset: offset as u16, near_at, near: four(bytes, near) | CASE });
            }
        }
        let buckets = entries.len().next_power_of_two().max(2);
        let bucket_shift = 32 - buckets.trailing_zeros();
        // Sorted by bucket: counted first, then each put in its place.
        let mut starts = vec![0_u32; buckets + 1];
        for entry in &entries {
            starts[bucket(entry.hash, bucket_shift) + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let (mut next, unsorted) = (starts.clone(), entries.clone());
        for entry in unsorted {
            let at = &mut next[bucket(entry.hash, bucket_shift)];
            entries[*at as usize] = entry;
            *at += 1;
        }
        Self { table, buckets: starts.into(), bucket_shift, entries: entries.into() }
    }

    /// How many windows there are.
    pub(crate) fn windows(&self) -> usize {
        self.entries.len() / self.table.shape.stride()
    }

    /// Tells where which texts stand in the block, in no particular order; `places` is scratch.
    pub(crate) fn scan(
        &self,
        bytes: &[u8],
        texts: &Texts,
        vectors: bool,
        places: &mut Vec<usize>,
        hits: &mut Vec<(usize, TextId)>,
    ) {
        places.clear();
        if vectors {
            crate::simd::probe(&self.table, bytes, places);
        } else {
            self.table.probe(bytes, 0, places);
        }
        // In groups, a step at a time for all of a group: so the tables' far parts are fetched side by side.
        for places in places.chunks(GROUP) {
            let mut found = [(0, 0_u32, 0_u32, 0_u32); GROUP];
            for (found, &at) in found.iter_mut().zip(places) {
                let hash = self.table.hash_at(bytes, at);
                let bucket = bucket(hash, self.bucket_shift);
                *found = (at, hash, self.buckets[bucket], self.buckets[bucket + 1]);
            }
            for &(at, hash, start, end) in &found[..places.len()] {
                let entries = &self.entries[start as usize..end as usize];
                for entry in entries.iter().filter(|entry| entry.hash == hash) {
                    if let Some(near) = at.checked_add_signed(entry.near_at.into())
                        && near + 4 <= bytes.len()
                        && four(bytes, near) | CASE == entry.near
                        && let Some(start) = at.checked_sub(entry.offset.into())
                        && texts.stands_at(entry.text, bytes, start)
                    {
                        hits.push((start, entry.text));
                    }
                }
            }
        }
    }
}

#[inline]
fn bucket(hash: u32, shift: u32) -> usize {
    (hash.wrapping_mul(0xC2B2_AE3D) >> shift) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::literal::{FOLD, Unit};
    use proptest::prelude::*;

    fn naive(texts: &[Vec<Unit>], bytes: &[u8]) -> Vec<(usize, TextId)> {
        let fits = |text: &[Unit], start: usize| {
            bytes
                .get(start..start + text.len())
                .is_some_and(|part| text.iter().zip(part).all(|(unit, byte)| crate::literal::stands_for(*unit, *byte)))
        };
        let all = (0..bytes.len()).flat_map(|at| texts.iter().zip(0..).map(move |(text, id)| (at, text, id)));
        all.filter(|(at, text, _)| fits(text, *at)).map(|(at, _, id)| (at, TextId(id))).collect()
    }

    /// Letters from a small alphabet, so that texts meet, overlap and nearly match.
    fn letters(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(prop_oneof![8 => b'a'..=b'c', 2 => b'A'..=b'C', 1 => any::<u8>()], length)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn all_texts_are_found_wherever_they_stand(
            parts in proptest::collection::vec((letters(0..14), any::<u16>()), 1..6),
            noise in letters(0..300),
            (gram, more) in (4_usize..9, 0_usize..20),
            at in any::<prop::sample::Index>(),
        ) {
            let shape = Shape { window: gram + more, gram };
            let text = |(bytes, folds): &(Vec<u8>, u16)| -> Vec<Unit> {
                let fold = |(n, b): (usize, &u8)| {
                    if b.is_ascii_alphabetic() && folds >> (n % 16) & 1 == 1 { Unit::from(b | 0x20) | FOLD } else { (*b).into() }
                };
                bytes.iter().cycle().take(bytes.len().max(1).next_multiple_of(shape.window).max(shape.window)).enumerate().map(fold).collect()
            };
            let list: Vec<Vec<Unit>> = parts.iter().filter(|(bytes, _)| !bytes.is_empty()).map(text).collect();
            let mut texts = Texts::default();
            for one in &list {
                texts.push(one);
            }
            let mut bytes = noise;
            for (bytes_of, _) in &parts {
                let at = at.index(bytes.len() + 1);
                let copy: Vec<u8> = bytes_of.iter().cycle().take(if bytes_of.is_empty() { 0 } else { 40 }).copied().collect();
                bytes.splice(at..at, copy);
            }
            let windows: Vec<_> = list.iter().zip(0..).map(|(text, id)| (TextId(id), text.len() - shape.window)).collect();
            let grams = Grams::new(shape, &windows, &texts);
            for vectors in [false, true] {
                let mut hits = Vec::new();
                grams.scan(&bytes, &texts, vectors, &mut Vec::new(), &mut hits);
                hits.sort_unstable();
                hits.dedup();
                prop_assert_eq!(&hits, &naive(&list, &bytes), "vectors: {}", vectors);
            }
        }
    }
}
