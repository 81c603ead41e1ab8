//! How bad a wording sounds.

use crate::shape::Piece;

/// Words (the beginnings of words) that programs use when something is wrong, and how bad it then is.
const WORDS: [(&str, u8); 44] = [
    ("panic", 3),
    ("fatal", 3),
    ("emerg", 3),
    ("corrupt", 3),
    ("crash", 3),
    ("segfault", 3),
    ("oom", 3),
    ("killed", 3),
    ("alert", 3),
    ("crit", 3),
    ("error", 2),
    ("err", 2),
    ("fail", 2),
    ("denied", 2),
    ("refused", 2),
    ("unable", 2),
    ("cannot", 2),
    ("can't", 2),
    ("couldn't", 2),
    ("timeout", 2),
    ("unreachable", 2),
    ("invalid", 2),
    ("illegal", 2),
    ("exceed", 2),
    ("full", 2),
    ("lost", 2),
    ("abort", 2),
    ("broken", 2),
    ("reject", 2),
    ("expired", 2),
    ("locked", 2),
    ("violat", 2),
    ("exhausted", 2),
    ("exception", 2),
    ("dead", 2),
    ("stuck", 2),
    ("warn", 1),
    ("retry", 1),
    ("slow", 1),
    ("missing", 1),
    ("unknown", 1),
    ("deprecated", 1),
    ("unexpected", 1),
    ("disconnect", 1),
];
/// Two words one behind the other.
const PAIRS: [(&str, &str, u8); 6] = [
    ("out", "of", 2),
    ("no", "space", 3),
    ("not", "found", 1),
    ("timed", "out", 2),
    ("could", "not", 2),
    ("too", "many", 2),
];

/// 0 (nothing) to 3 (a disaster).
pub(crate) fn badness(pieces: &[Option<Piece>]) -> u8 {
    let words: Vec<String> = pieces
        .iter()
        .map(|piece| match piece {
            Some(Piece::Word(word)) => word.trim_start_matches(|c: char| !c.is_alphanumeric()).to_ascii_lowercase(),
            _ => String::new(),
        })
        .collect();
    let one = |word: &String| WORDS.iter().filter(|(bad, _)| word.starts_with(bad)).map(|(_, how)| *how).max();
    let two = |pair: &[String]| {
        let fits = |(first, second, _): &&(&str, &str, u8)| pair[0] == *first && pair[1].starts_with(second);
        PAIRS.iter().filter(fits).map(|(.., how)| *how).max()
    };
    words.iter().filter_map(one).chain(words.windows(2).filter_map(two)).max().unwrap_or(0)
}
