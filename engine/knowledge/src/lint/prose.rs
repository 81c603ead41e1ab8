//! The sentences of an answer, without what is no prose: tags, code, addresses, list marks.
//!
//! Everything that is taken out is replaced by blanks of the same length, so that a place in the prose is one in the file.

use crate::placeholder::{self, Kind};

/// The text of one part, as people read it.
#[derive(Clone, Debug)]
pub(super) struct Prose {
    /// As long as the part, byte by byte.
    pub(super) text: String,
    /// Its sentences: the bytes in which they stand.
    pub(super) sentences: Vec<std::ops::Range<usize>>,
    /// Whether it holds list items.
    pub(super) lists: bool,
}

/// Words behind whose dot a sentence goes on.
const SHORT: [&str; 34] = [
    "z", "b", "d", "h", "u", "a", "o", "ä", "i", "e", "g", "ggf", "bzw", "usw", "ca", "nr", "inkl", "evtl", "vgl",
    "str", "tel", "max", "min", "st", "approx", "etc", "no", "vs", "mr", "mrs", "ms", "dr", "incl", "s",
];

impl Prose {
    /// The prose of a part.
    pub(super) fn new(part: &str) -> Self {
        let mut bytes = part.as_bytes().to_vec();
        let mut borders = vec![0];
        for tag in placeholder::scan(part).unwrap_or_default() {
            bytes[tag.range.clone()].fill(b' ');
            match tag.kind {
                Kind::Value { .. } => bytes[tag.range.start] = b'X',
                // The two ways of a question are two sentences.
                Kind::Else => borders.push(tag.range.start),
                Kind::If { .. } | Kind::End => {}
            }
        }
        let mut text = String::from_utf8(bytes).unwrap_or_else(|_| " ".repeat(part.len()));
        for (open, close) in [("`", "`"), ("](", ")")] {
            let mut at = 0;
            while let Some(begin) = text[at..].find(open).map(|n| at + n) {
                let inside = begin + open.len();
                let line = text[inside..].find('\n').map_or(text.len(), |n| inside + n);
                let Some(end) = text[inside..line].find(close).map(|n| inside + n + close.len()) else {
                    at = inside;
                    continue;
                };
                blank(&mut text, begin..end, open == "`");
                at = end;
            }
        }
        let lists = lines(&mut text, &mut borders);
        let text: String = text.chars().map(|c| if matches!(c, '*' | '[' | ']') { ' ' } else { c }).collect();
        borders.extend(ends(&text));
        borders.push(text.len());
        borders.sort_unstable();
        let cut = |pair: &[usize]| {
            let (begin, end) = (pair[0], pair[1]);
            let piece = &text[begin..end];
            let begin = begin + piece.len() - piece.trim_start().len();
            (begin..begin + piece.trim().len()).clone()
        };
        let sentences: Vec<_> =
            borders.windows(2).map(cut).filter(|s| words(&text[s.clone()]).next().is_some()).collect();
        Self { text, sentences, lists }
    }

    /// The sentences with their places.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &str)> {
        self.sentences.iter().map(|range| (range.start, &self.text[range.clone()]))
    }
}

/// Blanks out list marks and finds where lines and paragraphs end sentences. Whether there are lists.
fn lines(text: &mut String, borders: &mut Vec<usize>) -> bool {
    let mut marks = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let blank = line.len() - line.trim_start().len();
        let mark = mark(line.trim_start());
        if mark > 0 || line.trim().is_empty() {
            borders.push(at);
            if mark > 0 {
                marks.push(at + blank..at + blank + mark);
            }
        }
        at += line.len();
    }
    let lists = !marks.is_empty();
    marks.into_iter().for_each(|mark| blank(text, mark, false));
    lists
}

/// The bytes of the mark with which a list item begins.
fn mark(line: &str) -> usize {
    if line.starts_with("- ") || line.starts_with("* ") {
        return 2;
    }
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if (1..=3).contains(&digits) && line[digits..].starts_with(". ") { digits + 2 } else { 0 }
}

/// Replaces a range by blanks, or by one letter and blanks.
fn blank(text: &mut String, range: std::ops::Range<usize>, word: bool) {
    let mut with = " ".repeat(range.len());
    if word {
        with.replace_range(..1, "X");
    }
    text.replace_range(range, &with);
}

/// Where sentences end: behind `.`, `!`, `?` and `:`, where something new begins.
fn ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    for (at, c) in text.char_indices() {
        if !matches!(c, '.' | '!' | '?' | ':' | '…') {
            continue;
        }
        let after = text[at + c.len_utf8()..].trim_start_matches(['"', '\u{201c}', '\u{201d}', '»', '\'', ')']);
        if !after.starts_with(char::is_whitespace) {
            continue;
        }
        let goes_on = c == '.' && {
            let before = text[..at].rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            let number = !before.is_empty() && before.chars().all(|c| c.is_ascii_digit());
            // `z. B.`, `am 3. Mai`; a small letter behind a dot is no new sentence.
            number || SHORT.contains(&&*before.to_lowercase()) || after.trim_start().starts_with(char::is_lowercase)
        };
        if !goes_on {
            ends.push(text.len() - after.len());
        }
    }
    ends
}

/// The words of a text.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let trim = |word: &str| -> usize { word.chars().filter(|c| c.is_alphabetic()).count() };
    text.split_whitespace()
        .filter(move |word| trim(word) > 0)
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let prose = Prose::new(text);
        assert_eq!(prose.text.len(), text.len());
        let joined = |s: &str| s.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(prose.iter().map(|(_, s)| joined(s)).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn sentences_end_where_people_end_them() {
        check("Das ärgert. Wir helfen!", &["Das ärgert.", "Wir helfen!"]);
        check(
            "Am 3. Mai, z. B. um 8 Uhr, ging es ca. 2 Stunden. Jetzt?",
            &["Am 3. Mai, z. B. um 8 Uhr, ging es ca. 2 Stunden.", "Jetzt?"],
        );
        check("1. Öffnen Sie **das**\n   Menü\n2. Gut\n\nEnde", &["Öffnen Sie das Menü", "Gut", "Ende"]);
        check("Er sagt „Nein.“ Und geht.", &["Er sagt „Nein.“", "Und geht."]);
        check("Version 8.2 ist da, z.B. hier. ok", &["Version 8.2 ist da, z.B. hier. ok"]);
    }

    #[test]
    fn what_is_no_prose_is_no_word() {
        check("Use `chmod 755 x. Y` or [the panel]({{ panel }}/a). Done", &["Use X or the panel .", "Done"]);
        check("{% if company is defined %}We at {{ company }}{% else %}We{% endif %} help", &["We at X", "We help"]);
        check("a ` b [c](d", &["a ` b c (d"]);
    }

    proptest::proptest! {
        #[test]
        fn prose_is_as_long_as_its_part(text in "[a-zäA-Z0-9.!:*`\\[\\]()\n -]{0,80}") {
            let prose = Prose::new(&text);
            proptest::prop_assert_eq!(prose.text.len(), text.len());
            proptest::prop_assert!(prose.sentences.iter().all(|s| prose.text.get(s.clone()).is_some()));
        }
    }
}
