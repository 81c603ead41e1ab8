//! Takes personal data out of what customers write, so that the rest may be kept and learned from.
//!
//! Start at [`Redacted::of`]. What has a form (addresses, numbers, secrets) is found by it; a name is found where
//! letters put names, and wherever it is known to be the customer's. A name in the middle of a sentence that nobody
//! told of stays: whoever keeps texts must know that.

use std::borrow::Cow;
use std::net::Ipv6Addr;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde::{Deserialize, Serialize};

mod credential;
mod paper;
mod person;
mod place;
mod secret;
mod user;

pub use credential::is_mixed;

/// A text without personal data; `<email>`, `<name>`, … stand in their places.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Redacted(String);

/// A longer text is cut before anything is looked for, in bytes.
const LONGEST: usize = 16 << 10;

impl Redacted {
    /// `text` without e-mail addresses, links, domains, IP addresses, bank accounts, phone and other long numbers,
    /// postal addresses, dates of birth, passwords, keys, user names, and names; `known` words (the customer's own names, the names of their assets) go wherever
    /// they stand.
    #[must_use]
    pub fn of(text: &str, known: &[&str]) -> Self {
        let mut text = Cow::Borrowed(&text[..text.floor_char_boundary(LONGEST)]);
        for step in &*STEPS {
            if let Cow::Owned(changed) = step.0.replace_all(&text, step.1) {
                text = Cow::Owned(changed);
            }
        }
        if let Some(known) = pattern_of(known) {
            text = Cow::Owned(known.replace_all(&text, "<name>").into_owned());
        }
        Self(text.trim().to_owned())
    }

    /// What was redacted before, as it comes back from where it was kept.
    #[must_use]
    pub const fn kept(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text without what stands for personal data, and without the brackets and commas that held it: what a ranker learns
    /// from.
    #[must_use]
    pub fn bare(&self) -> String {
        let whole = HOLE.replace_all(&self.0, "$1 ");
        whole.trim_start_matches([' ', ',', ';', ':', '.', '-', '–']).split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl std::fmt::Display for Redacted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// What is looked for, and what stands in its place.
type Step = (Regex, fn(&Captures<'_>) -> String);

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the patterns of this file are met by its tests")
}

/// Placeholders in a row, with the brackets and quotes around them, the commas before them, and a comma or an end behind them,
/// which stays.
static HOLE: LazyLock<Regex> = LazyLock::new(|| {
    let row = r"<[a-z]{2,12}>(?:[\s,;:/+–-]*<[a-z]{2,12}>)*";
    let held = format!(r#"(?:\(\s*{row}\s*\)|\[\s*{row}\s*\]|["'„“‚`]\s*{row}\s*["'”“‘`]|{row})"#);
    regex(&format!(r"(?:[\s,;:–-]*{held})+\s*(?:([,;.:!?)])|$)|{held}"))
});

/// One or more words of a name: `Max`, `von der Heide`, `O'Neil-Smith`.
const NAME: &str = r"(?:(?:von|van|de|der|den|zu|Dr\.|Prof\.)\s+)*\p{Lu}[\p{L}'’-]+(?:[ \t]+(?:(?:von|van|de|der|zu)[ \t]+)*\p{Lu}[\p{L}'’-]+){0,2}";

/// What is replaced, in order: what contains other things comes before them.
static STEPS: LazyLock<Vec<Step>> = LazyLock::new(|| {
    // Somebody's own brackets must not look like ours.
    let brackets: Step = (regex("<([a-z]{2,12})>"), |c| format!("({})", &c[1]));
    [
        vec![brackets],
        secret::whole(),
        closings(),
        links(),
        credential::quoted(),
        secret::announced(),
        paper::steps(),
        place::births(),
        user::steps(),
        accounts_and_hosts(),
        place::addresses(),
        vec![(regex(DOMAIN), domain)],
        credential::near(),
        place::phones(),
        vec![(regex(r"\b0[xX][0-9a-fA-F]+\b|\d(?:[ -]?\d){6,}"), number)],
        names(),
        person::steps(),
    ]
    .concat()
});

const DOMAIN: &str = r"(?i)\b(?:[\p{L}0-9_](?:[\p{L}0-9_-]*[\p{L}0-9])?\.)+(?:xn--[a-z0-9-]+|\p{L}{2,24})\b";

fn closings() -> Vec<Step> {
    vec![
        // The end of a letter is names, addresses and advertisements.
        (
            regex(
                r"(?is)\b(mit\s+(?:freundlichem?n?|besten|vielen|lieben|schönen)\s+gr(?:ü|ue)(?:ß|ss)en?|(?:freundliche|viele|beste|liebe|schöne)\s+gr(?:ü|ue)(?:ß|ss)e|mfg|(?:kind|best|warm)\s+regards|yours\s+(?:sincerely|faithfully)|sincerely)\b.*$",
            ),
            |c| format!("{} <signature>", &c[1]),
        ),
        (
            regex(&format!(
                r"(?i:\b(danke(?:\s+und\s+gru(?:ß|ss))?|vielen\s+dank|gru(?:ß|ss)|lg|vg|regards|thanks|thank\s+you|cheers))[\s,.!]+(?:{NAME})[\s.!]*$"
            )),
            |c| format!("{} <name>", &c[1]),
        ),
    ]
}

fn links() -> Vec<Step> {
    vec![
        (regex(r#"(?i)\b(?:https?|ftps?|sftp|ssh|mysql|postgres(?:ql)?)://[^\s<>"']+"#), |_| whole_of("link")),
        (regex(r#"(?i)[^\s<>()\[\]"',;:@]+@[^\s<>()\[\]"',;:@]+\.[\p{L}0-9-]*[\p{L}0-9]"#), |_| whole_of("email")),
    ]
}

fn accounts_and_hosts() -> Vec<Step> {
    vec![
        (regex(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"), |_| whole_of("iban")),
        (regex(r"(?i)\b[a-z]{2}\d{2}(?: ?\d{4}){3,7}(?: ?\d{1,3})?\b"), |_| whole_of("iban")),
        (regex(r"\b(?:\d{1,3}\.){3}\d{1,3}(?:/\d{1,2})?\b"), |_| whole_of("ip")),
        (regex(r"(?i)\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b"), |_| whole_of("mac")),
        (regex(r"(?i)\b{start-half}[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}\b{end-half}(?:/\d{1,3})?"), |c| {
            let address = c[0].split('/').next().unwrap_or_default();
            if address.parse::<Ipv6Addr>().is_ok() { whole_of("ip") } else { c[0].to_owned() }
        }),
    ]
}

fn names() -> Vec<Step> {
    vec![
        (
            regex(&format!(
                r"\b((?i:herrn?|frau|familie|hr\.|fr\.|mr\.?|mrs\.?|dr\.|prof\.|doktor|doctor|professor)|[Mm]s\.?|[Mm]x\.?)\s+(?:(?:Dr\.|Prof\.|Doktor|Doctor|Professor|med\.)\s+)*{NAME}"
            )),
            |c| format!("{} <name>", &c[1]),
        ),
        (
            regex(&format!(
                r"\b(?i:(mein name ist|ich hei(?:ß|ss)e|my name is|hier spricht|hier schreibt|this is))\s+({NAME})"
            )),
            |c| named(&c[1], &c[2]),
        ),
        (
            regex(&format!(
                r"\b(?i:(hallo|hi|hey|hello|dear|liebe[rs]?|guten (?:tag|morgen|abend)|good (?:morning|afternoon|evening)|moin|servus|grüezi))[ \t]+({NAME})"
            )),
            |c| named(&c[1], &c[2]),
        ),
        // Behind a comma a sentence may begin; a name stands alone.
        (
            regex(&format!(
                r"(?m)\b(?i:(hallo|hi|hey|hello|guten (?:tag|morgen|abend)|moin|servus|grüezi)),[ \t]+({NAME})([ \t]*(?:[,.!]|$))"
            )),
            |c| format!("{}{}", named(&format!("{},", &c[1]), &c[2]), &c[3]),
        ),
    ]
}

fn whole_of(what: &str) -> String {
    format!("<{what}>")
}

/// Endings of files and words that stand where a domain's last label does.
const NO_TLD: [&str; 44] = [
    "php", "html", "htm", "css", "js", "json", "xml", "txt", "log", "zip", "gz", "tar", "tgz", "sql", "conf", "cnf",
    "ini", "jpg", "jpeg", "png", "gif", "svg", "webp", "pdf", "csv", "exe", "py", "yml", "yaml", "toml", "eml", "pem",
    "crt", "key", "pst", "bak", "tmp", "sock", "service", "timer", "htaccess", "htpasswd", "lock", "cgi",
];

fn domain(c: &Captures<'_>) -> String {
    let text = &c[0];
    let (before, last) = text.rsplit_once('.').unwrap_or(("", text));
    let one_dot = !before.contains('.');
    let is_file = one_dot && NO_TLD.contains(&&*last.to_lowercase());
    // `geht nicht.Bitte helfen`: a sentence without a blank behind it, unless that is a domain beyond doubt.
    let starts_sentence = one_dot
        && last.len() > 3
        && last.starts_with(char::is_uppercase)
        && before.chars().skip(1).all(|c| c.is_lowercase());
    if is_file || starts_sentence { text.to_owned() } else { whole_of("domain") }
}

/// Long numbers are somebody's; a date and an error code like `0x80070005` are nobody's.
fn number(c: &Captures<'_>) -> String {
    let text = &c[0];
    let parts: Vec<&str> = text.split(['-', ' ']).collect();
    let is_date = matches!(parts[..], [y, m, d] if y.len() == 4 && m.len() == 2 && d.len() == 2);
    if is_date || text.starts_with("0x") || text.starts_with("0X") { text.to_owned() } else { whole_of("number") }
}

/// Capitalised words behind a greeting that are nobody's name.
const NO_NAME: [&str; 39] = [
    "Grüße",
    "Gruß",
    "Mr",
    "Mrs",
    "Ms",
    "Mx",
    "Dr",
    "Prof",
    "Familie",
    "Team",
    "Support",
    "Supportteam",
    "Support-Team",
    "Zusammen",
    "Damen",
    "Herren",
    "Herr",
    "Frau",
    "Kundenservice",
    "Kundendienst",
    "Service",
    "Leute",
    "Sir",
    "Madam",
    "Sirs",
    "Hosting",
    "Ich",
    "Wir",
    "Meine",
    "Mein",
    "Unsere",
    "Unser",
    "Seit",
    "Bei",
    "The",
    "My",
    "Our",
    "I",
    "We",
];

fn named(before: &str, name: &str) -> String {
    let first = name.split_whitespace().next().unwrap_or_default();
    if NO_NAME.contains(&first) { format!("{before} {name}") } else { format!("{before} <name>") }
}

/// A pattern for any of the words, whole and in either case; words of one or two letters are too common to be taken out.
fn pattern_of(known: &[&str]) -> Option<Regex> {
    let mut words: Vec<String> = known
        .iter()
        .flat_map(|text| std::iter::once(*text).chain(text.split_whitespace()))
        .filter(|word| word.chars().count() > 2)
        .map(regex::escape)
        .collect();
    // The longest first: an alternation takes the first that fits.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.dedup();
    (!words.is_empty()).then(|| Regex::new(&format!(r"(?i)\b(?:{})\b", words.join("|"))).ok()).flatten()
}

#[cfg(test)]
mod tests;
