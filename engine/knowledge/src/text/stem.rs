//! Stems: what is left of a word without its endings. Snowball's algorithms, on folded words.

use std::borrow::Cow;

use frostem::{Algorithm, Stemmer};

use crate::answer::Language;

/// The stem of a folded word. Words with digits, and words longer than any real one, are their own stem.
#[must_use]
pub(crate) fn stem(word: &str, language: Language) -> Cow<'_, str> {
    if word.len() < 3 || word.len() > 64 || word.bytes().any(|byte| byte.is_ascii_digit()) {
        return Cow::Borrowed(word);
    }
    match language {
        Language::De => Stemmer::new(Algorithm::German).stem(word),
        Language::En => Stemmer::new(Algorithm::English).stem(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(language: Language, words: &[&str]) {
        let stems: Vec<_> = words.iter().map(|word| stem(word, language)).collect();
        assert!(stems.iter().all(|stem| *stem == stems[0]), "{words:?} {stems:?}");
    }

    #[test]
    fn endings_go() {
        check(Language::De, &["rechnung", "rechnungen"]);
        check(Language::De, &["postfach", "postfachs"]);
        check(Language::En, &["invoice", "invoices"]);
        check(Language::En, &["issue", "issues"]);
        assert_eq!(stem("vm100", Language::En), "vm100");
    }
}
