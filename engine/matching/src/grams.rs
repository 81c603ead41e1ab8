//! Finds texts in a block by looking at every few bytes only.
//!
//! Of each text one gram of `q` bytes was chosen for each alignment ([`choice`](crate::choice)), so that one of them stands at
//! one of the block's positions 0, s, 2s, …, wherever the text does. So only these positions are probed: the `q` bytes there,
//! cases alike, are hashed and looked up in a small bit table; what it cannot rule out is looked up in an exact table, and
//! the whole text compared.
//!
//! Start at [`Grams::scan`].

use crate::choice::Shape;
use crate::rarity::is_digit;
use crate::simd::Width;
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

/// The grams of all texts.
#[derive(Debug)]
pub(crate) struct Grams {
    table: Table,
    /// How many there are.
    pub(crate) texts: usize,
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
    /// By bit: no gram has a digit at this byte of it.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "only the widest search asks"))]
    pub(crate) digitless: u8,
}

/// A gram of a text.
#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    text: TextId,
    /// Where in the text it begins, in bytes; -1: before it.
    offset: i16,
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

/// Four bytes; behind the end are zeros.
#[inline]
fn four(bytes: &[u8], at: usize) -> u32 {
    let rest = &bytes[at..];
    rest.first_chunk().map_or_else(|| four_at_the_end(rest), |four| u32::from_le_bytes(*four))
}

#[cold]
fn four_at_the_end(rest: &[u8]) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|at| rest.get(at).copied().unwrap_or_default()))
}

/// The two bits of a hash in its word.
#[inline]
pub(crate) fn bits(hash: u32) -> u32 {
    1 << (hash & 31) | 1 << (hash >> 5 & 31)
}

impl Table {
    /// The hash of the gram at a position that has all its bytes behind it, but for one at the end of the block.
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
        let (stride, gram) = (self.shape.stride, self.shape.gram);
        // Four at a time, so that their loads do not wait for one another.
        while at + 3 * stride + gram <= bytes.len() {
            let four: [usize; 4] = std::array::from_fn(|k| at + k * stride);
            let held = four.map(|at| self.may_hold(self.hash_at(bytes, at)));
            if held.contains(&true) {
                found.extend(four.iter().zip(held).filter(|(_, held)| *held).map(|(at, _)| *at));
            }
            at += 4 * stride;
        }
        // The last may be one that sticks out of a text at the very end.
        while at + gram <= bytes.len() + 1 {
            if self.may_hold(self.hash_at(bytes, at)) {
                found.push(at);
            }
            at += stride;
        }
    }
}

impl Grams {
    /// Takes in the grams: text, and where in it they begin, one for each alignment.
    pub(crate) fn new(shape: Shape, grams: &[(TextId, &[i16])], texts: &Texts) -> Self {
        let mut entries = Vec::with_capacity(grams.len() * shape.stride);
        let mut digits = 0;
        for &(text, offsets) in grams {
            for offset in offsets {
                digits |= write_entries(shape, text, texts.bytes(text), *offset, &mut entries);
            }
        }
        let words = words_for(entries.len());
        let (shift, digitless) = (32 - words.trailing_zeros(), !digits);
        let mut table = Table { shape, words: vec![0; words].into_boxed_slice(), shift, digitless };
        for Entry { hash, .. } in &entries {
            table.words[(hash >> table.shift) as usize] |= bits(*hash);
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
        Self { texts: grams.len(), table, buckets: starts.into(), bucket_shift, entries: entries.into() }
    }

    /// Tells where which texts stand in the block, in no particular order; `places` is scratch.
    pub(crate) fn scan(
        &self,
        bytes: &[u8],
        texts: &Texts,
        width: Width,
        places: &mut Vec<usize>,
        hits: &mut Vec<(usize, TextId)>,
    ) {
        places.clear();
        crate::simd::probe(width, &self.table, bytes, places);
        // In groups, a step at a time for all of a group: so the tables' far parts are fetched side by side.
        for places in places.chunks(GROUP) {
            let mut found = [(0, 0_u32, 0_u32, 0_u32); GROUP];
            let mut firsts = [0; GROUP];
            for (found, &at) in found.iter_mut().zip(places) {
                let hash = self.table.hash_at(bytes, at);
                let bucket = bucket(hash, self.bucket_shift);
                *found = (at, hash, self.buckets[bucket], self.buckets[bucket + 1]);
            }
            for (first, &(.., start, _)) in firsts.iter_mut().zip(&found) {
                *first = self.entries.get(start as usize).map_or(0, |entry| entry.hash);
            }
            for (&(at, hash, start, end), first) in found[..places.len()].iter().zip(firsts) {
                // Most have one entry, or none.
                if start == end || (start + 1 == end && first != hash) {
                    continue;
                }
                let entries = &self.entries[start as usize..end as usize];
                for entry in entries.iter().filter(|entry| entry.hash == hash) {
                    if let Some(near) = at.checked_add_signed(entry.near_at.into())
                        && near + 4 <= bytes.len()
                        && four(bytes, near) | CASE == entry.near
                        && let Some(start) = at.checked_add_signed(-isize::from(entry.offset))
                        && texts.stands_at(entry.text, bytes, start)
                    {
                        hits.push((start, entry.text));
                    }
                }
            }
        }
    }
}

/// The entries of a text's gram: one, or one for each value of the byte by which it sticks out. Returns, by bit, which of
/// its bytes may be digits.
fn write_entries(shape: Shape, text: TextId, bytes: &[u8], offset: i16, entries: &mut Vec<Entry>) -> u8 {
    let (gram, begin) = (shape.gram, offset.max(0) as usize);
    let end = (i32::from(offset) + gram as i32) as usize;
    // Four bytes of the text behind the gram, or before it, or as far outside of it as there are any.
    let behind = bytes.len() - end.min(bytes.len());
    let near = match (behind, begin) {
        (4.., _) => end,
        (_, 4..) => begin - 4,
        _ if behind >= begin => bytes.len() - 4,
        _ => 0,
    };
    // Texts are shorter than a signed 16-bit number.
    let near_at = (near as i64 - i64::from(offset)) as i16;
    let near = four(bytes, near) | CASE;
    let inside = &bytes[begin..end.min(bytes.len())];
    let mut digits = 0;
    let mut write = |gram: &[u8]| {
        let hash = hash(four(gram, 0), four(gram, gram.len() - 4));
        entries.push(Entry { hash, text, offset, near_at, near });
        for (at, _) in gram.iter().enumerate().filter(|(_, byte)| is_digit(**byte)) {
            digits |= 1 << at;
        }
    };
    if inside.len() == gram {
        write(inside);
    } else {
        // Those without the bit of small letters are told apart by nothing: cases are alike.
        for value in (0..=u8::MAX).filter(|value| value & 0x20 != 0) {
            write(&if offset < 0 { [&[value], inside].concat() } else { [inside, &[value]].concat() });
        }
    }
    digits
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

    /// Letters from a small alphabet, so that texts meet, overlap and nearly match, with a digit here and there.
    fn letters(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(
            prop_oneof![20 => b'a'..=b'c', 5 => b'A'..=b'C', 1 => b'0'..=b'1', 2 => any::<u8>()],
            length,
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 4 } else { 600 }, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn all_texts_are_found_wherever_they_stand(
            parts in proptest::collection::vec((letters(0..14), any::<u16>()), 1..6),
            // Long enough for several turns of the vector instructions at any stride.
            noise in letters(0..4_000),
            (gram, stride) in (4_usize..9, prop_oneof![1_usize..4, 1_usize..20]),
            (at, chosen) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        ) {
            let shape = Shape { stride, gram };
            let shortest = (1..).find(|length| shape.outside(*length).is_some()).unwrap();
            let text = |(bytes, folds): &(Vec<u8>, u16)| -> Vec<Unit> {
                let fold = |(n, b): (usize, &u8)| {
                    if b.is_ascii_alphabetic() && folds >> (n % 16) & 1 == 1 { Unit::from(b | 0x20) | FOLD } else { (*b).into() }
                };
                bytes.iter().cycle().take(bytes.len().max(shortest)).enumerate().map(fold).collect()
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
            // Of each alignment any gram will do, also one that sticks out.
            let offsets = |text: &Vec<Unit>| -> Vec<i16> {
                let inside = (text.len() + 1).saturating_sub(gram);
                let of = |alignment: usize| {
                    let mut all: Vec<i16> = (alignment..=inside).step_by(stride).map(|at| at as i16).collect();
                    all.extend((alignment + 1 == stride && stride > 1).then_some(-1));
                    all[chosen.index(all.len())]
                };
                (0..stride).map(of).collect()
            };
            let offsets: Vec<_> = list.iter().map(offsets).collect();
            let chosen: Vec<_> = offsets.iter().zip(0..).map(|(offsets, id)| (TextId(id), &**offsets)).collect();
            let grams = Grams::new(shape, &chosen, &texts);
            for width in Width::ALL {
                let mut hits = Vec::new();
                grams.scan(&bytes, &texts, width, &mut Vec::new(), &mut hits);
                hits.sort_unstable();
                hits.dedup();
                prop_assert_eq!(&hits, &naive(&list, &bytes), "{:?}", width);
            }
        }
    }
}
