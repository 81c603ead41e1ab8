//! What of a letter is form: quoted mail, signature, salutation, lead-in, closing. Done to drafts only.
//!
//! Start at [`strip`]. The first ten words of a formal letter say nothing; "enough text" is counted after this.

use std::borrow::Cow;
use std::str::Split;

use super::fold::fold;
use super::words::words;

mod phrases;

use phrases::{CLOSINGS, COURTESIES, GREETED, GREETINGS, LEADS, QUOTES};

/// The text without its form. When nothing would be left, all of it stays: a draft of "Hallo" is a draft of "Hallo".
#[must_use]
pub fn strip(text: &str) -> Cow<'_, str> {
    let own = own_words(text);
    let mut kept = String::with_capacity(own.len());
    let mut first = true;
    let mut left = own.len();
    for sentence in sentences(&own) {
        let mut rest = sentence;
        left -= sentence.len();
        if !first && starts(rest, CLOSINGS).is_some() && words(&own[own.len() - left..]).count() <= 20 {
            break;
        }
        if first {
            rest = after_greeting(rest);
        }
        if rest.trim().is_empty() {
            continue;
        }
        if !first && courtesy(rest).is_some() || first && courtesy_alone(rest) {
            continue;
        }
        while let Some(end) = starts(rest, LEADS) {
            let shorter = rest[end..].trim_start_matches(|c: char| !c.is_alphanumeric());
            if shorter.is_empty() {
                break;
            }
            rest = shorter;
        }
        first = false;
        if !kept.is_empty() && !kept.ends_with(char::is_whitespace) && !rest.starts_with(char::is_whitespace) {
            kept.push(' ');
        }
        kept.push_str(rest);
    }
    if kept.trim().is_empty() {
        return Cow::Borrowed(text);
    }
    if kept == text { Cow::Borrowed(text) } else { Cow::Owned(kept) }
}

/// Where the courtesy ends that a sentence begins with.
fn courtesy(sentence: &str) -> Option<usize> {
    starts(sentence, COURTESIES).max(starts(sentence, CLOSINGS))
}

/// Before anything was said a courtesy is form, unless it is all there is in a long sentence: "Thanks to your update my
/// site is down".
fn courtesy_alone(sentence: &str) -> bool {
    courtesy(sentence).is_some_and(|end| words(&sentence[end..]).count() <= 8)
}

/// Without quoted lines, and nothing from a signature or a foreign mail's head on.
fn own_words(text: &str) -> Cow<'_, str> {
    let is_quote = |line: &str| line.trim_start().starts_with('>');
    let ends = |line: &str| {
        let line = line.trim();
        line == "--"
            || line == "__"
            || (line.len() < 200
                && (line.ends_with(':') || line.starts_with(['-', '_']))
                && starts(line, QUOTES).is_some())
    };
    if !text.contains(['>', '\n']) {
        return Cow::Borrowed(text);
    }
    let mut own = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if ends(line) && !own.trim().is_empty() {
            break;
        }
        if !is_quote(line) {
            own.push_str(line);
        }
    }
    Cow::Owned(own)
}

/// Sentences, and what commas and the like part them into.
pub fn clauses(text: &str) -> impl Iterator<Item = &str> {
    sentences(text).flat_map(|sentence| {
        let whole = sentence.contains([',', ';', ':']).then_some(sentence);
        whole.into_iter().chain(sentence.split([',', ';', ':']))
    })
}

/// Sentences with what ends them: a mark before white space, or an empty line.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = rest.len();
        let mut chars = rest.char_indices().peekable();
        let mut has_words = false;
        while let Some((i, c)) = chars.next() {
            let next = chars.peek().map(|(_, c)| *c);
            has_words |= c.is_alphanumeric();
            let ended = matches!(c, '.' | '!' | '?') && next.is_some_and(char::is_whitespace) || c == '\n' && has_words;
            if ended {
                end = i + c.len_utf8();
                break;
            }
        }
        let (sentence, after) = rest.split_at(end);
        rest = after;
        Some(sentence)
    })
}

/// What follows the greeting.
fn after_greeting(sentence: &str) -> &str {
    let Some(end) = starts(sentence, GREETINGS) else {
        // "Customer Support, I am …": an address without a greeting.
        if let Some(comma) = sentence.find(',') {
            let mut before = words(&sentence[..comma]).peekable();
            if before.peek().is_some() && before.all(|(from, to)| is_greeted(&sentence[from..to])) {
                return &sentence[comma + 1..];
            }
        }
        return sentence;
    };
    let rest = &sentence[end..];
    if let Some(mark) = rest.find([',', ':', '!', '\n', ';'])
        && words(&rest[..mark]).count() <= 6
    {
        return &rest[mark + 1..];
    }
    if words(rest).count() <= 3 && !rest.trim_end().ends_with(['?']) {
        let all_greeted = words(rest).all(|(from, to)| is_greeted(&rest[from..to]));
        if all_greeted {
            return "";
        }
    }
    let mut at = 0;
    for (from, to) in words(rest) {
        if !is_greeted(&rest[from..to]) {
            break;
        }
        at = to;
    }
    &rest[at..]
}

fn is_greeted(word: &str) -> bool {
    let mut folded = String::with_capacity(word.len());
    fold(word, &mut folded);
    GREETED.contains(&folded.as_str())
}

/// Where the longest of these phrases ends, if the text starts with one.
fn starts(text: &str, phrases: &[&str]) -> Option<usize> {
    // No phrase is longer than this, with all that its `+` stands for.
    let mut heads: [(usize, usize, usize); 16] = [(0, 0, 0); 16];
    let mut folded = String::with_capacity(96);
    let mut n = 0;
    for (start, end) in words(text).take(16) {
        if end - start > 40 {
            break;
        }
        let from = folded.len();
        fold(&text[start..end], &mut folded);
        heads[n] = (from, folded.len(), end);
        n += 1;
    }
    let head: Vec<&str> = heads[..n].iter().map(|(from, to, _)| &folded[*from..*to]).collect();
    let first = head.first()?;
    let mut longest = 0;
    for phrase in phrases {
        let Some(rest) = phrase.strip_prefix(first).filter(|rest| rest.is_empty() || rest.starts_with(' ')) else {
            continue;
        };
        let mut pattern = rest.split(' ');
        pattern.next();
        if let Some(used) = fits(pattern, &head[1..]) {
            longest = longest.max(used + 1);
        }
    }
    (longest > 0).then(|| heads[longest - 1].2)
}

/// How many of the words the pattern takes, if they fit it.
fn fits(mut pattern: Split<'_, char>, head: &[&str]) -> Option<usize> {
    match pattern.next() {
        None => Some(0),
        Some("+") => {
            (0..=head.len().min(14)).find_map(|skipped| Some(skipped + fits(pattern.clone(), &head[skipped..])?))
        }
        Some(word) if head.first() == Some(&word) => Some(1 + fits(pattern, &head[1..])?),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(strip(text).trim(), expected, "{text:?}");
    }

    #[test]
    fn german_letters_lose_their_form() {
        check(
            "Sehr geehrtes Support-Team,  ich hoffe, diese Nachricht trifft Sie wohl. Ich wende mich an Sie, um einen Ausfall \
             der Datenbank zu melden. Vielen Dank im Voraus. Mit freundlichen Grüßen Max",
            "einen Ausfall der Datenbank zu melden.",
        );
        check("Hallo, mein Server startet nicht", "mein Server startet nicht");
        check("Hallo zusammen mein Server startet nicht", "mein Server startet nicht");
        check(
            "Guten Tag Herr Müller,\nich habe eine Frage: wie ändere ich mein Passwort?\n\nMfG\nAnna",
            "wie ändere ich mein Passwort?",
        );
        check("Server down\n-- \nMax Muster\nMuster GmbH", "Server down");
        check(
            "Geht wieder nicht.\n> Am Montag ging es\nAm 3.4. um 12:00 schrieb Support:\nBitte neu starten",
            "Geht wieder nicht.",
        );
    }

    #[test]
    fn english_letters_lose_their_form() {
        check(
            "Dear Customer Support Team,\n\nI hope this message finds you well. I am writing to report a crash. Thank you for your help.",
            "report a crash.",
        );
        check("Customer Support, I am reaching out to inquire about pricing.", "inquire about pricing.");
        check("Hi there! Can you tell me where my invoice is?", "where my invoice is?");
        check("Thank you. The site is down", "The site is down");
        check(
            "Thanks to your update of yesterday evening all of my sites are down",
            "Thanks to your update of yesterday evening all of my sites are down",
        );
    }

    #[test]
    fn greetings_of_all_regions_are_form() {
        check("Grüezi mitenand, mini Website isch langsam", "mini Website isch langsam");
        check("Salü zäme, es geht nicht", "es geht nicht");
        check("Hallo, hab mal ne Frage und zwar wie lege ich ein Postfach an", "wie lege ich ein Postfach an");
    }

    #[test]
    fn a_phrase_stands_once_and_as_it_is_met() {
        let tables = [GREETINGS, GREETED, LEADS, COURTESIES, CLOSINGS, QUOTES];
        for (number, phrases) in tables.iter().enumerate() {
            for (place, phrase) in phrases.iter().enumerate() {
                let others =
                    tables.iter().enumerate().filter(|(other, _)| *other != 1 && number != 1 && *other > number);
                assert!(!phrases[place + 1..].contains(phrase), "{phrase} stands twice");
                assert!(
                    others.flat_map(|(_, others)| *others).all(|other| other != phrase),
                    "{phrase} is in two tables"
                );
                for word in phrase.split(' ').filter(|word| *word != "+") {
                    let met: Vec<_> = words(word).collect();
                    let mut folded = String::new();
                    fold(word, &mut folded);
                    assert!(met == [(0, word.len())] && folded == word, "{phrase} is never met");
                }
            }
        }
    }

    #[test]
    fn form_alone_stays() {
        for text in ["Hallo", "Sehr geehrte Damen und Herren,", "Vielen Dank", "", " ", "> nur Zitat"] {
            check(text, text.trim());
        }
    }
}
