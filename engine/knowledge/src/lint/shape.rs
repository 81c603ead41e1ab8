//! What an answer is made of: title, questions, understanding first, the next step and its time, links, variables.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::prose::words;
use super::{Around, Look, Severity, regex, shown};
use crate::answer::Language;
use crate::front_matter::is_address;
use crate::placeholder::{self, Kind};

/// A complaint when a validity ends within so many days.
const SOON_DAYS: i64 = 30;
/// The most words of all parts.
const WORDS: usize = 220;

/// A number of a ticket or customer, before anything else is said.
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)^[^.!?]{0,40}?(\b(ticket|vorgangs?|fall|anfrage|kunden|auftrags|vertrags|rechnungs|bearbeitungs)[- ]?(nummer|nr\b|id\b|zeichen)|\b(ticket|case|request|customer|reference|order|invoice|contract) ?(number|no\b|id\b|#)|\b(ticket|vorgang|fall|case|kunde|customer|aktenzeichen|geschäftszeichen)\s*[:#]?\s*[#X0-9]|#\s?\d{3,})",
    )
});

/// Steps and orders, where understanding should be.
static ORDER_DE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(Bitte )?(öffnen|klicken|gehen|rufen|melden|prüfen|wählen|geben|tragen|schicken|senden|starten|ändern|folgen|installieren|löschen|loggen|setzen|leeren|Öffnen|Klicken|Gehen|Rufen|Melden|Prüfen|Wählen|Geben|Tragen|Schicken|Senden|Starten|Ändern|Folgen|Installieren|Löschen|Loggen|Setzen|Leeren) Sie\b",
    )
});
static ORDER_EN: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(Please )?(open|click|go to|log in|sign in|check|choose|select|enter|send|restart|change|follow|install|delete|set|Open|Click|Go to|Log in|Sign in|Check|Choose|Select|Enter|Send|Restart|Change|Follow|Install|Delete|Set) (the|your|to|on|in|us|a|an|into|it|this)\b",
    )
});

/// A time that something takes, ends or is answered by.
static TIME_DE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\b(sekunden?|minuten?|minütlich|viertelstunde|halbe stunde|stunden?|stündlich|tag(en?|es)?|täglich|werktag\w*|arbeitstag\w*|wochen?|wöchentlich|monat\w*|jahr(en?|es)?|uhr|heute|morgen|nachts?|über nacht|sofort|gleich|umgehend|unmittelbar|augenblick\w*|moment\w*|sobald|spätestens|frühestens|danach|anschließend|bis zum|bis zu)\b",
    )
});
static TIME_EN: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\b(seconds?|minutes?|hours?|hourly|days?|daily|weeks?|weekly|months?|years?|today|tomorrow|tonight|overnight|at once|immediately|right away|straight away|instantly|moment|within|as soon as|once|afterwards|at the latest|by the end|(a|p)\.?m\.?|o['’]clock|working day)\b",
    )
});

/// Someone does something.
static STEP: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)\b(sie|wir|bitte|unser\w*|we|us|our|you|please|your)\b"));

/// Looks at one file.
pub(super) fn look(look: &mut Look<'_>, around: &Around) {
    title(look);
    questions(look);
    validity(look, around);
    variables(look);
    opening(look);
    acting(look);
    links(look);
    length(look);
}

fn title(look: &mut Look<'_>) {
    let title = &look.file.variant.title;
    let count = words(title).count();
    if count > 10 {
        let way = "say the symptom alone; what it comes from belongs into the text";
        look.at_key("title", "title", Severity::Warning, format!("the title has {count} words; ten are read"), way);
    }
    let (ends, begins) = (title.ends_with('.') && !title.ends_with("..."), title.to_lowercase());
    let manual = ["anleitung", "information", "hinweis", "leitfaden", "guide", "manual", "faq"];
    if ends || manual.iter().any(|word| begins.starts_with(word)) || count < 2 {
        let way = match look.file.variant.language {
            Language::De => "ein Symptom oder eine Frage, wie Kunden sie stellen: „Mein Server startet nicht“",
            Language::En => "a symptom or question, as customers put it: \"My server does not start\"",
        };
        look.at_key("title", "title", Severity::Warning, format!("`{title}` is no symptom or question"), way);
    }
}

fn questions(look: &mut Look<'_>) {
    let questions = &look.file.variant.questions;
    let count = questions.len();
    if count < 6 {
        let message = format!("{count} example drafts; an answer is found by six to twelve");
        look.at_key(
            "questions",
            "questions",
            Severity::Warning,
            message,
            "add what customers type: short, incomplete, with error texts",
        );
    } else if count > 12 {
        let message = format!("{count} example drafts; six to twelve are enough");
        look.at_key("questions", "questions", Severity::Hint, message, "keep those that differ most");
    }
    let mut seen = BTreeSet::new();
    for (number, question) in questions.iter().enumerate() {
        if !seen.insert(super::across::key(question)) {
            let place = look.file.places.questions.get(number).copied().unwrap_or((1, 1));
            let message = format!("the example draft `{question}` is there twice");
            look.push(place, "questions", Severity::Warning, message, "replace one of them by another wording");
        }
    }
}

fn validity(look: &mut Look<'_>, around: &Around) {
    let (Some(until), Some(today)) = (&look.file.shared.valid_until, &around.today) else { return };
    let (Some(last), Some(now)) = (days(until), days(today)) else { return };
    let way = "look whether it is still right, and set a later day or delete the answer";
    if last < now {
        let message = format!("the answer was valid until {until} and is shown no more");
        look.at_key("valid_until", "expired", Severity::Error, message, way);
    } else if last - now <= SOON_DAYS {
        let message = format!("the answer is valid for {} more days, until {until}", last - now);
        look.at_key("valid_until", "expired", Severity::Warning, message, way);
    }
}

/// The number of a day (`2026-11-22`), counted from some day on.
/// Howard Hinnant, `days_from_civil`, <https://howardhinnant.github.io/date_algorithms.html>.
fn days(date: &str) -> Option<i64> {
    let mut numbers = date.splitn(3, '-').map(|number| number.parse::<i64>().ok());
    let (year, month, day) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year)
}

fn variables(look: &mut Look<'_>) {
    let variant = &look.file.variant;
    let texts = variant.parts.iter().map(|(_, text)| text).chain(variant.links.iter().map(|link| &*link.url));
    let mut used = BTreeSet::new();
    for text in texts {
        for tag in placeholder::scan(text).unwrap_or_default() {
            if let Kind::Value { name, .. } | Kind::If { name } = tag.kind {
                used.insert(name);
            }
        }
    }
    let unused: Vec<&String> = variant.variables.keys().filter(|name| !used.contains(&***name)).collect();
    for name in unused {
        let place = look.file.places.variables.get(name).copied().unwrap_or((1, 1));
        let message = format!("the variable `{name}` is declared and not used");
        look.push(place, "unused-variable", Severity::Warning, message, "delete the line, or use it in the text");
    }
}

fn opening(look: &mut Look<'_>) {
    let german = look.file.variant.language == Language::De;
    if let Some(part) = look.parts.iter().position(|part| !part.sentences.is_empty()) {
        let prose = &look.parts[part];
        let first: String = prose.text.chars().take(120).collect();
        if let Some(found) = NUMBER.find(first.trim_start()) {
            let message = format!("the answer opens with a number: `{}`", shown(found.as_str()));
            let way = if german {
                "Beginnen Sie mit dem, was der Kunde erlebt; die Nummer kann am Ende stehen."
            } else {
                "Begin with what the customer is going through; the number can stand at the end."
            };
            look.at(part, 0, "number-first", Severity::Error, message, way);
        }
    }
    let acknowledge = &look.parts[0];
    let way = if german {
        "Ein Satz genügt: „Ohne E-Mail steht die Arbeit still. Wir verstehen, wie dringend das ist.“"
    } else {
        "One sentence is enough: \"Without email, work stands still. We understand how urgent this is.\""
    };
    let Some((byte, first)) = acknowledge.iter().next() else {
        let message = "the answer shows no understanding: `acknowledge` is empty";
        return look.at(0, 0, "understanding-first", Severity::Error, message, way);
    };
    let order = if german { &ORDER_DE } else { &ORDER_EN };
    if acknowledge.lists || order.is_match(first) {
        let message = format!("steps come before understanding: `{}`", shown(first));
        let (way, byte) = (format!("Steps belong into `act`. {way}"), byte);
        look.at(0, byte, "understanding-first", Severity::Error, message, way);
    }
}

fn acting(look: &mut Look<'_>) {
    let german = look.file.variant.language == Language::De;
    let act = &look.parts[3];
    let text = &act.text;
    if act.sentences.is_empty() || !(act.lists || STEP.is_match(text)) {
        let message = "`act` says no next step: who does what?";
        let way = if german {
            "„1. Öffnen Sie … 2. …“ oder „Wir prüfen … und melden uns bis …“"
        } else {
            "\"1. Open … 2. …\", or \"We check … and reply by …\""
        };
        look.at(3, 0, "next-step", Severity::Error, message, way);
        return;
    }
    // A promise may as well stand where both sides agree, or at the end.
    let time = if german { &TIME_DE } else { &TIME_EN };
    let named = [3, 2, 4].into_iter().any(|part| {
        let raw = look.part(part);
        ["reply_time", "hours", "incident.resolved_at"].iter().any(|name| raw.contains(name))
            || time.is_match(&look.parts[part].text)
    });
    if !named {
        let message = "nothing says how long it takes or when we reply";
        let way = if german {
            "„Das dauert etwa fünf Minuten.“ oder „Wir antworten {{ reply_time }}.“"
        } else {
            "\"This takes about five minutes.\" or \"We reply {{ reply_time }}.\""
        };
        look.at(3, 0, "time-frame", Severity::Warning, message, way);
    }
}

/// Hosts that exist for examples only (RFC 2606, RFC 6761).
const NOWHERE: [&str; 7] = ["example.com", "example.org", "example.net", "example", "invalid", "test", "localhost"];

fn links(look: &mut Look<'_>) {
    let way = "write `https://…`, or begin with `{{ panel }}` or `{{ status_page }}`";
    for number in 0..look.file.variant.links.len() {
        let url = &look.file.variant.links[number].url;
        if nowhere(url) {
            let place = look.file.places.links.get(number).copied().unwrap_or((1, 1));
            look.push(place, "dead-link", Severity::Error, format!("`{url}` leads nowhere"), way);
        }
    }
    for part in 0..5 {
        let text = look.part(part);
        for (byte, url) in inline(text) {
            if !is_address(url) || nowhere(url) {
                look.at(part, byte, "dead-link", Severity::Error, format!("`{url}` leads nowhere"), way);
            }
        }
        // What stands in running text is no link in the form.
        let prose = look.parts[part].text.clone();
        for scheme in ["http://", "https://"] {
            for (byte, _) in prose.match_indices(scheme) {
                let url = prose[byte..].split_whitespace().next().unwrap_or_default();
                if url.len() > scheme.len() {
                    let message = format!("`{url}` is no link in the form, only text");
                    look.at(part, byte, "dead-link", Severity::Warning, message, "write `[what is there](https://…)`");
                }
            }
        }
    }
}

/// The addresses of the links in a text, with their bytes.
pub(super) fn inline(text: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    let mut at = 0;
    while let Some(begin) = text[at..].find("](").map(|n| at + n + 2) {
        let line = text[begin..].find('\n').map_or(text.len(), |n| begin + n);
        let Some(end) = text[begin..line].find(')').map(|n| begin + n) else {
            at = begin;
            continue;
        };
        links.push((begin, &text[begin..end]));
        at = end;
    }
    links
}

fn nowhere(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else { return false };
    let host = rest.split(['/', '?', '#', ':']).next().unwrap_or_default();
    NOWHERE.iter().any(|name| host == *name || host.ends_with(&format!(".{name}")))
}

fn length(look: &mut Look<'_>) {
    let count: usize = look.parts.iter().map(|part| words(&part.text).count()).sum();
    if count > WORDS {
        let message = format!("{count} words; someone whose site is down reads {WORDS}");
        look.at(
            0,
            0,
            "long-answer",
            Severity::Warning,
            message,
            "keep the steps that solve most cases; a rarer case is an answer of its own",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_over_months_and_leap_years() {
        let between = |a: &str, b: &str| days(b).unwrap() - days(a).unwrap();
        assert_eq!(between("2026-11-22", "2026-12-22"), 30);
        assert_eq!(between("2024-02-28", "2024-03-01"), 2);
        assert_eq!(between("2100-02-28", "2100-03-01"), 1);
        assert_eq!(between("2025-12-31", "2026-01-01"), 1);
        assert_eq!(days("soon"), None);
    }

    #[test]
    fn links_in_the_text_are_found() {
        assert_eq!(inline("a [b](c) [d](e\n) ](f)"), [(6, "c"), (19, "f")]);
    }
}
