//! How it is said: wordings that hurt, unexplained words of the trade, two ways to address people, foreign Markdown.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::jargon::{TERMS, Term};
use super::phrases::{PHRASES, Phrase};
use super::{Look, Severity, regex, shown};
use crate::answer::Language;

type Phrases = Vec<(&'static Phrase, Regex, Option<Regex>)>;

static COMPILED: LazyLock<Phrases> = LazyLock::new(|| {
    let compile = |pattern: &str| regex(&format!("(?i){}", pattern.replace(' ', r"\s+")));
    PHRASES.iter().map(|phrase| (phrase, compile(phrase.found), phrase.unless.map(compile))).collect()
});

/// Each term as it is written in a text, and in any case, as customers write it.
static WORDS: LazyLock<Vec<(&'static Term, Regex, Regex)>> = LazyLock::new(|| {
    let compile = |term: &'static Term| {
        let pattern = format!(r"\b(?:{})\b", term.found);
        (term, regex(&pattern), regex(&format!("(?i){pattern}")))
    };
    TERMS.iter().map(compile).collect()
});

/// An explanation that begins behind a term.
static GLOSS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)^[^.!?\n]{0,60}?(\(|\balso\b|\bd\. ?h\.|\bdas hei(ß|ss)t\b|\bdas (ist|sind)\b|\bsprich\b|\bnämlich\b|\bgemeint (ist|sind)\b|[–:]|, (der|die|das|den|dem|ein|eine|einen) |\bthat is\b|\bi\.e\.|\bmeaning\b|\bwhich (is|are|means|says|tells)\b|\bin other words\b|, (the|a|an|your) )",
    )
});
/// One that begins with the next sentence.
static NEXT: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^[^.!?\n]*[.!?]\s+(Das (ist|sind|heißt|bedeutet)|Damit (ist|sind)|Er |Sie (ist|sind|sagt|sagen|regelt|legt)|Dieser? |That (is|means)|This (is|means|tells)|It (is|means|tells|says)|They (are|tell|say))",
    )
});
/// One that ends in front of it.
static BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)(\([^()\n]{0,40}|\b(so ?genannt(e|er|en|es)?|namens|heißt|heißen|nennt sich|so-called|called|known as)\s+\S{0,12}\s*)$",
    )
});

static DU: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b([Dd]u|[Dd]ein(e|en|em|er|es)?|[Dd]ir|[Dd]ich|[Ee]uch|[Ee]uer|[Ee]ure(n|m|r|s)?)\b"));
static SIE: LazyLock<Regex> = LazyLock::new(|| regex(r"\b(Ihnen|Ihr(e|en|em|er|es)?)\b|[a-zäöüß,] Sie\b"));

static TAG: LazyLock<Regex> = LazyLock::new(|| regex(r"</?[a-zA-Z][a-zA-Z0-9]{0,10}(\s[^<>\n]*)?/?>|<!--"));
static FOREIGN: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?m)^(```|~~~|> |\|.*\||={3,}$|-{3,}$|\*{3,}$)|!\[[^\]\n]*\]\(|(^|[\s(])_[^_\s][^_\n]*_($|[\s.,;:!?)])|(^|[\s(])\*[^*\s][^*\n]*\*($|[\s.,;:!?)])|~~[^~\n]+~~",
    )
});

/// Looks at one file.
pub(super) fn look(look: &mut Look<'_>) {
    hurtful(look);
    trade(look);
    address(look);
    markdown(look);
}

fn hurtful(look: &mut Look<'_>) {
    let language = look.file.variant.language;
    for part in 0..5 {
        let prose = look.parts[part].clone();
        for (byte, sentence) in prose.iter() {
            let mut said = BTreeSet::new();
            for (phrase, found, unless) in COMPILED.iter().filter(|(phrase, ..)| phrase.language == language) {
                let Some(place) = found.find(sentence) else { continue };
                if unless.as_ref().is_some_and(|unless| unless.is_match(sentence)) || !said.insert(phrase.rule) {
                    continue;
                }
                let rule = super::RULES.iter().find(|rule| rule.name == phrase.rule);
                let severity = rule.map_or(Severity::Warning, |rule| rule.severity);
                let message = format!("`{}`: {}", shown(place.as_str()), rule.map_or("", |rule| rule.asks));
                look.at(
                    part,
                    byte + place.start(),
                    phrase.rule,
                    severity,
                    message,
                    format!("better: {}", phrase.better),
                );
            }
        }
    }
}

/// Words of the trade: where a term is met first, it must be explained there or anywhere else in the text, unless the customer
/// has used it (it stands in the title or in an example draft).
fn trade(look: &mut Look<'_>) {
    let variant = &look.file.variant;
    let own = format!("{}\n{}", variant.title, variant.questions.join("\n"));
    for (term, found, in_any_case) in WORDS.iter().filter(|(term, ..)| term.language == variant.language) {
        if in_any_case.is_match(&own) {
            continue;
        }
        let mut first = None;
        let mut explained = false;
        for (part, prose) in look.parts.iter().enumerate() {
            for place in found.find_iter(&prose.text) {
                first = first.or_else(|| Some((part, place.start(), place.as_str().to_owned())));
                let (before, after) = (&prose.text[..place.start()], &prose.text[place.end()..]);
                explained |= GLOSS.is_match(after) || NEXT.is_match(after) || BEFORE.is_match(before);
            }
        }
        if let Some((part, byte, word)) = first.filter(|_| !explained) {
            let message = format!("`{word}` is a word of the trade, and nothing explains it");
            look.at(part, byte, "jargon", Severity::Warning, message, format!("for example: {}", term.explained));
        }
    }
}

fn address(look: &mut Look<'_>) {
    if look.file.variant.language != Language::De {
        return;
    }
    let formal = look.parts.iter().any(|part| SIE.is_match(&part.text));
    let found = look.parts.iter().enumerate().find_map(|(number, part)| Some((number, DU.find(&part.text)?)));
    let Some((part, place)) = found.filter(|_| formal) else { return };
    let (byte, word) = (place.start(), place.as_str().to_owned());
    look.at(
        part,
        byte,
        "sie-du",
        Severity::Warning,
        format!("`{word}`, and `Sie` elsewhere"),
        "one of both throughout",
    );
}

fn markdown(look: &mut Look<'_>) {
    for part in 0..5 {
        // Code and tags are no Markdown; the rest of the text is looked at as it is written.
        let text = without_code(look.part(part));
        let found = TAG.find(&text).or_else(|| FOREIGN.find(&text));
        let Some((byte, what)) = found.map(|f| (f.start(), f.as_str().trim().to_owned())) else { continue };
        let message = format!("`{}` is shown as it stands here", shown(&what));
        look.at(
            part,
            byte,
            "markdown",
            Severity::Warning,
            message,
            "forms show paragraphs, lists, **bold**, `code` and [links](https://…)",
        );
    }
}

/// The text with code and placeholders blanked out, byte by byte.
fn without_code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut code = false;
    for line in text.split_inclusive('\n') {
        if line.starts_with("```") {
            out.push_str(line);
            continue;
        }
        for c in line.chars() {
            let tick = c == '`';
            if code && !tick {
                out.extend(std::iter::repeat_n(' ', c.len_utf8()));
            } else {
                out.push(if tick { ' ' } else { c });
            }
            code ^= tick;
        }
        code = false;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_of_the_tables_compiles_and_names_a_rule() {
        assert_eq!(COMPILED.len(), PHRASES.len());
        assert_eq!(WORDS.len(), TERMS.len());
        for phrase in &PHRASES {
            assert!(super::super::RULES.iter().any(|rule| rule.name == phrase.rule), "{}", phrase.rule);
        }
        for pattern in [&GLOSS, &NEXT, &BEFORE, &DU, &SIE, &TAG, &FOREIGN] {
            assert!(!pattern.as_str().is_empty());
        }
    }
}
