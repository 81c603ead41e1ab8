//! Character n-grams: what two spellings, two inflections and a typo still share.

/// The shortest and the longest. Two letters tell little: the classifier takes them, the index would only grow long.
const LENGTHS: std::ops::RangeInclusive<usize> = 2..=5;
/// The shortest in the index.
const INDEXED: usize = 3;

/// Whether the index has this n-gram: the lowest bit of a hash says so.
#[must_use]
pub(super) const fn is_indexed(gram: u32) -> bool {
    gram & 1 == 1
}

/// The hashes of all n-grams of a folded word, as it stands between two spaces.
pub(super) fn each(word: &str, mut found: impl FnMut(u32)) {
    // A URL in Base64 or a log line without a space is not a word: its head is enough.
    let bytes = &word.as_bytes()[..word.len().min(64)];
    let at = |i: usize| if i == 0 || i > bytes.len() { b' ' } else { bytes[i - 1] };
    let length = bytes.len() + 2;
    for from in 0..=length - LENGTHS.start() {
        let mut hash = 0x811c_9dc5u32;
        for i in from..(from + LENGTHS.end()).min(length) {
            hash = (hash ^ u32::from(at(i))).wrapping_mul(0x0100_0193);
            let n = i + 1 - from;
            if n >= *LENGTHS.start() {
                found(mix(hash) & !1 | u32::from(n >= INDEXED));
            }
        }
    }
}

/// The hashes of all n-grams of a folded text with how often each occurs, ascending by hash, added to `out`. Words
/// stand with a space on either side (see [`crate::text::Analysis::folded`]); no n-gram spans two words.
pub(super) fn count(folded: &str, out: &mut Vec<(u32, u32)>) {
    let begin = out.len();
    for word in folded.split(' ').filter(|word| !word.is_empty()) {
        each(word, |gram| out.push((gram, 1)));
    }
    out[begin..].sort_unstable_by_key(|(gram, _)| *gram);
    let mut kept = begin;
    for i in begin..out.len() {
        if kept > begin && out[kept - 1].0 == out[i].0 {
            out[kept - 1].1 += 1;
        } else {
            out[kept] = out[i];
            kept += 1;
        }
    }
    out.truncate(kept);
}

/// Spreads what FNV leaves close together.
const fn mix(hash: u32) -> u32 {
    let hash = (hash ^ (hash >> 15)).wrapping_mul(0x2c1b_3c6d);
    hash ^ (hash >> 13)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grams(folded: &str) -> Vec<(u32, u32)> {
        let mut out = Vec::new();
        count(folded, &mut out);
        out
    }

    #[test]
    fn each_is_counted_once() {
        // _a, ab, b_, _ab, ab_, _ab_
        assert_eq!(grams(" ab ").len(), 6);
        assert_eq!(grams(" ab ").iter().filter(|(gram, _)| is_indexed(*gram)).count(), 3);
        assert_eq!(grams(" ab ab "), grams(" ab ").into_iter().map(|(gram, n)| (gram, 2 * n)).collect::<Vec<_>>());
        assert_eq!(grams(" "), []);
        assert_eq!(grams(" a ").len(), 3);
    }

    #[test]
    fn a_typo_leaves_most() {
        let (right, wrong) = (grams(" passwort "), grams(" paswort "));
        let shared = wrong.iter().filter(|(gram, _)| right.iter().any(|(other, _)| other == gram)).count();
        assert!(shared * 2 > wrong.len(), "{shared} of {}", wrong.len());
    }
}
