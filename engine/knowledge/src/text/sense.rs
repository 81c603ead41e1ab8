//! What words mean, roughly: a short vector for each of the usual German and English ones, so that `teuer` is near
//! `expensive` without a table that says so.
//!
//! Start at [`sense`]. The vectors were made once from a sentence-embedding model and are part of the program; `senses/README.md`
//! says how. They know words one by one and no sentence, so they are a hint beside the words themselves.

use super::compound::parts;
use super::{Analysis, hash};
use crate::rank::widen;

/// Numbers of a vector.
pub(crate) const DIMENSIONS: usize = 128;

/// Half a byte a number.
const PACKED: usize = DIMENSIONS / 2;

/// The magic, the number of words, then of all words the keys (ascending), how long a step is (times how much the word
/// counts, the upper half of a float), and the vectors in steps.
static TABLE: &[u8] = include_bytes!("../../senses/table.bin");

/// How much the part of a compound counts that is no word of the table as a whole.
const PART: f32 = 0.6;
/// How much a word counts of which the table knows the beginning alone.
const BEGINNING: f32 = 0.7;
/// A beginning is so long at least.
const SHORTEST: usize = 4;

/// What a text is about, of length one; nothing when no word of it is known.
#[must_use]
pub(crate) fn sense(analysis: &Analysis) -> Option<[f32; DIMENSIONS]> {
    let mut sum = [0.0; DIMENSIONS];
    for word in &analysis.words {
        add(analysis.word(word), &mut sum);
    }
    unit(sum)
}

/// What one folded word means, of length one; nothing when it is unknown.
#[must_use]
pub(crate) fn sense_of_word(word: &str) -> Option<[f32; DIMENSIONS]> {
    let mut sum = [0.0; DIMENSIONS];
    add(word, &mut sum);
    unit(sum)
}

/// A vector brought to length one, if it has a length.
#[must_use]
pub(crate) fn unit(mut vector: [f32; DIMENSIONS]) -> Option<[f32; DIMENSIONS]> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|x| *x /= length);
    (length > 1e-6).then_some(vector)
}

/// Adds what a folded word means: itself, its parts, or the longest beginning that is known.
fn add(word: &str, sum: &mut [f32; DIMENSIONS]) {
    if let Some(at) = find(word) {
        return add_vector(at, 1.0, sum);
    }
    let parts = parts(word, &|part| find(part).is_some());
    if !parts.is_empty() {
        return parts.iter().filter_map(|part| find(part)).for_each(|at| add_vector(at, PART, sum));
    }
    let ends = word.char_indices().map(|(end, _)| end).rev().take_while(|end| *end >= SHORTEST);
    if let Some(at) = ends.take(24).find_map(|end| find(&word[..end])) {
        add_vector(at, BEGINNING, sum);
    }
}

fn count() -> usize {
    u32::from_le_bytes([TABLE[8], TABLE[9], TABLE[10], TABLE[11]]) as usize
}

/// Keys, steps, and vectors.
type Columns = (&'static [[u8; 4]], &'static [[u8; 2]], &'static [[u8; PACKED]]);

fn columns() -> Columns {
    let (keys, rest) = TABLE[12..].split_at(4 * count());
    let (steps, vectors) = rest.split_at(2 * count());
    (keys.as_chunks().0, steps.as_chunks().0, vectors.as_chunks().0)
}

/// Where a folded word is in the table.
fn find(word: &str) -> Option<usize> {
    let key = (hash(word.as_bytes()) >> 32) as u32;
    columns().0.binary_search_by_key(&key, |key| u32::from_le_bytes(*key)).ok()
}

fn add_vector(at: usize, factor: f32, sum: &mut [f32; DIMENSIONS]) {
    let (_, steps, vectors) = columns();
    let step = factor * widen(u16::from_le_bytes(steps[at]));
    for (pair, packed) in sum.as_chunks_mut::<2>().0.iter_mut().zip(&vectors[at]) {
        let (low, high) = ((packed << 4) as i8 >> 4, *packed as i8 >> 4);
        pair[0] += step * f32::from(low);
        pair[1] += step * f32::from(high);
    }
}

#[cfg(test)]
mod tests {
    use super::super::analyse;
    use super::*;

    fn near(a: &str, b: &str) -> f32 {
        let of = |text| sense(&analyse(text, None)).unwrap();
        of(a).iter().zip(&of(b)).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn the_table_is_whole() {
        assert_eq!(&TABLE[..8], b"senses-1", "how the table begins; the last character is its version");
        assert_eq!(TABLE.len(), 12 + count() * (4 + 2 + PACKED));
        assert!(columns().0.is_sorted_by_key(|key| u32::from_le_bytes(*key)));
    }

    #[test]
    fn words_alike_are_near() {
        for (word, like, other) in [
            ("teuer", "Kosten", "Passwort"),
            ("müssen", "must", "Katze"),
            ("Straße", "street", "Fehler"),
            ("Kennwort", "password", "Rechnung"),
            ("kaputt", "broken", "Vertrag"),
            ("Postfach", "mailbox", "Server"),
        ] {
            assert!(
                near(word, like) > near(word, other) + 0.1,
                "{word}: {like} {}, {other} {}",
                near(word, like),
                near(word, other)
            );
        }
    }

    #[test]
    fn compounds_and_beginnings_are_known() {
        assert!(near("Mailpasswort", "Passwort") > 0.3);
        assert!(find("passwortzurucksetzung").is_none() && near("Passwortzurücksetzung", "Passwort") > 0.3);
        assert!(find("serverzzz").is_none() && near("serverzzz", "Server") > 0.9);
    }

    #[test]
    fn what_is_unknown_means_nothing() {
        assert_eq!(sense(&analyse("", None)), None);
        assert_eq!(sense(&analyse("漢字 ㊙", None)), None);
    }
}
