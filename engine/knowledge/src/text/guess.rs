//! German or English? By the small words, then by letters and endings; in doubt what the caller says.
//!
//! A table of two languages beats a library of seventy on five words: there is no Dutch to mistake them for.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::{Analysis, stop};
use crate::answer::Language;

/// Words of both stop lists tell nothing.
const SHARED: [&str; 12] = ["am", "an", "also", "also", "das", "des", "die", "her", "in", "so", "war", "was"];

/// The small words of both languages.
fn tables() -> &'static [HashSet<&'static str>; 2] {
    static TABLES: LazyLock<[HashSet<&'static str>; 2]> =
        LazyLock::new(|| [stop::GERMAN, stop::ENGLISH].map(|words| words.split_whitespace().collect()));
    &TABLES
}

/// Whether a folded word is a small one of English alone.
pub(super) fn is_english(word: &str) -> bool {
    let [german, english] = tables();
    word.len() > 1 && english.contains(word) && !german.contains(word)
}

/// The language of a text: what its words say, and `known` when they say nothing or both.
#[must_use]
pub fn guess(analysis: &Analysis, known: Option<Language>) -> Option<Language> {
    let [german, english] = tables();
    let (mut de, mut en) = (0.0f32, 0.0f32);
    for word in analysis.words.iter().take(120) {
        let word = analysis.word(word);
        let (is_german, is_english) = (german.contains(word), english.contains(word));
        if word.len() > 1 && is_german != is_english && !SHARED.contains(&word) {
            if is_german {
                de += 1.0;
            } else {
                en += 1.0;
            }
        } else if !is_german && !is_english && word.len() >= 4 {
            if GERMAN_ENDS.iter().any(|end| word.ends_with(end)) || GERMAN_LETTERS.iter().any(|l| word.contains(l)) {
                de += 0.4;
            }
            if ENGLISH_ENDS.iter().any(|end| word.ends_with(end)) || ENGLISH_LETTERS.iter().any(|l| word.contains(l)) {
                en += 0.4;
            }
        }
    }
    match known {
        Some(Language::De) => de += 0.5,
        Some(Language::En) => en += 0.5,
        None => {}
    }
    if de > en {
        Some(Language::De)
    } else if en > de {
        Some(Language::En)
    } else {
        known
    }
}

const GERMAN_ENDS: [&str; 9] = ["ung", "ungen", "keit", "heit", "lich", "isch", "ieren", "iert", "en"];
const GERMAN_LETTERS: [&str; 5] = ["sch", "pf", "tz", "chn", "eih"];
const ENGLISH_ENDS: [&str; 8] = ["ing", "ly", "ity", "ed", "ment", "ness", "ion", "ble"];
const ENGLISH_LETTERS: [&str; 5] = ["th", "sh", "wh", "oo", "ough"];

#[cfg(test)]
mod tests {
    use super::super::analyse;
    use super::*;

    fn check(text: &str, expected: Option<Language>) {
        assert_eq!(analyse(text, None).language, expected, "{text}");
    }

    #[test]
    fn few_words_are_enough() {
        check("Mein Server startet nicht", Some(Language::De));
        check("My server does not start", Some(Language::En));
        check("Rechnung fehlt", Some(Language::De));
        check("Passwort vergessen", Some(Language::De));
        check("resetting mailbox", Some(Language::En));
        check("bitte SSL erneuern", Some(Language::De));
        check("site shows timeout error", Some(Language::En));
        check("DNS", None);
    }

    #[test]
    fn the_form_decides_in_doubt_only() {
        assert_eq!(analyse("DNS", Some(Language::En)).language, Some(Language::En));
        assert_eq!(analyse("Ich kann nicht", Some(Language::En)).language, Some(Language::De));
    }
}
