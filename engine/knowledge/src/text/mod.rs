//! What a text is made of, for finding: words, their stems, exact tokens, the language, and what of a letter is form.
//!
//! Start at [`analyse`]. A draft goes through [`strip`] first. Everything here is total: any text, in any script, gives
//! some result, in time linear in its length.

pub(crate) mod fold;
pub(crate) mod words;
pub mod strip;
pub mod guess;
pub(crate) mod spoken;
pub(crate) mod stop;
pub(crate) mod stem;
pub(crate) mod exact;
pub(crate) mod names;
pub(crate) mod compound;
pub(crate) mod concepts;
pub(crate) mod sense;
pub(crate) mod everyday;

use crate::answer::Language;
use spoken::Surely;

/// A text taken apart.
#[derive(Clone, Debug, Default)]
pub struct Analysis {
    /// The folded words, one space before, between and after them: what character n-grams are taken from.
    pub folded: String,
    /// The words, in order.
    pub words: Vec<Word>,
    /// The language, if the words or the caller told.
    pub language: Option<Language>,
}

/// A word of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// Where it begins in the text, in bytes.
    pub start: usize,
    /// Where it ends in the text, in bytes.
    pub end: usize,
    /// Where it begins in [`Analysis::folded`].
    pub from: usize,
    /// Where it ends in [`Analysis::folded`].
    pub to: usize,
    /// It says nothing about what the text is about.
    pub stop: bool,
}

impl Analysis {
    /// A word, folded.
    #[must_use]
    pub fn word(&self, word: &Word) -> &str {
        self.folded.get(word.from..word.to).unwrap_or_default()
    }

    /// Only the words at these places, in their order.
    #[must_use]
    pub fn of(&self, places: impl Iterator<Item = usize>) -> Self {
        let mut shorter = Self { folded: " ".to_owned(), language: self.language, words: Vec::new() };
        for place in places {
            let mut word = self.words[place];
            let from = shorter.folded.len();
            shorter.folded.push_str(self.word(&word));
            (word.from, word.to) = (from, shorter.folded.len());
            shorter.folded.push(' ');
            shorter.words.push(word);
        }
        shorter
    }

    /// Puts what is written for what was said, by their places; what may be another word only beside a dialect's. An English
    /// text says none of it: there `ned` is a slip.
    fn write(&mut self, said: &[(usize, (&str, Surely))]) {
        let dialect = said.iter().any(|(_, (_, surely))| *surely == Surely::Dialect);
        let mut said = said.iter().filter(|(_, (_, surely))| dialect || *surely != Surely::Likely).peekable();
        if said.peek().is_none() {
            return;
        }
        let is_english =
            |word: &&Word| guess::is_english(self.word(word)) && spoken::written(self.word(word)).is_none();
        let surely = said.clone().filter(|(_, (_, surely))| *surely != Surely::Likely).count();
        if self.words.iter().filter(is_english).count() > surely {
            return;
        }
        let spoken = std::mem::replace(&mut self.folded, " ".to_owned());
        for (place, word) in self.words.iter_mut().enumerate() {
            let written = said.next_if(|(at, _)| *at == place).map(|(_, (written, _))| *written);
            let from = self.folded.len();
            self.folded.push_str(written.unwrap_or(&spoken[word.from..word.to]));
            (word.from, word.to) = (from, self.folded.len());
            word.stop = written.map_or(word.stop, stop::is_stop);
            self.folded.push(' ');
        }
    }

    /// How many words carry meaning: what "enough text" is counted by.
    #[must_use]
    pub fn content_words(&self) -> usize {
        self.words.iter().filter(|word| !word.stop).count()
    }
}

/// Takes a text apart. `language` is what the caller knows; the words themselves have the last say.
#[must_use]
pub fn analyse(text: &str, language: Option<Language>) -> Analysis {
    let mut analysis = Analysis { folded: String::with_capacity(text.len() + 2), ..Analysis::default() };
    analysis.folded.push(' ');
    let mut said = Vec::new();
    for (start, end) in words::words(text) {
        let from = analysis.folded.len();
        fold::fold(&text[start..end], &mut analysis.folded);
        let to = analysis.folded.len();
        if from == to {
            continue;
        }
        said.extend(spoken::written(&analysis.folded[from..to]).map(|written| (analysis.words.len(), written)));
        analysis.folded.push(' ');
        let stop = stop::is_stop(&analysis.folded[from..to]);
        analysis.words.push(Word { start, end, from, to, stop });
    }
    analysis.write(&said);
    analysis.language = guess::guess(&analysis, language);
    analysis
}

/// A hash that is the same in every process and on every machine: saved indexes are keyed by it. FNV-1a, then mixed.
#[must_use]
pub fn hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    hash ^ (hash >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_taken_apart() {
        let analysis = analyse("Mein  Server läuft nicht!", None);
        assert_eq!(analysis.folded, " mein server lauft nicht ");
        let words: Vec<_> = analysis.words.iter().map(|word| (analysis.word(word), word.stop)).collect();
        assert_eq!(words, [("mein", true), ("server", false), ("lauft", false), ("nicht", true)]);
        assert_eq!(analysis.language, Some(Language::De));
        assert_eq!(analysis.content_words(), 2);
    }

    #[test]
    fn no_text_is_no_words() {
        for text in ["", " ", "…", "\u{301}", "🙂 — !"] {
            assert_eq!(analyse(text, None).words, [], "{text:?}");
        }
    }
}
