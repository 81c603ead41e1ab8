//! Whether answers are fit to be read by someone whose site is down.
//!
//! Start at [`lint`] and [`RULES`]. What communication practice asks for is held against the text where a program can do so
//! without crying wolf: a rule that is in doubt keeps silent. Wordings and terms are tables of their own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use heinzel_core::near;
use regex::Regex;
use serde::Serialize;

use crate::complaint::{Complaint, Severity};
use crate::front_matter::AnswerFile;

mod across;
mod jargon;
mod phrases;
mod prose;
mod readable;
mod shape;
mod wording;

use prose::Prose;

/// A lint rule.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Rule {
    /// Its name, as `allow` takes it.
    pub name: &'static str,
    /// How much it matters at worst.
    pub severity: Severity,
    /// What it asks for.
    pub asks: &'static str,
}

const fn rule(name: &'static str, severity: Severity, asks: &'static str) -> Rule {
    Rule { name, severity, asks }
}

/// All rules, in the order in which an answer is read.
pub const RULES: [Rule; 28] = [
    rule("title", Severity::Warning, "the title is a symptom or question of at most ten words"),
    rule("questions", Severity::Warning, "six to twelve example drafts, none twice"),
    rule("claimed-twice", Severity::Warning, "no example draft belongs to two answers"),
    rule("expired", Severity::Error, "`valid_until` is more than thirty days ahead"),
    rule("unused-variable", Severity::Warning, "every declared variable is used"),
    rule("number-first", Severity::Error, "the answer does not open with a ticket or customer number"),
    rule("understanding-first", Severity::Error, "`acknowledge` shows understanding, before facts and steps"),
    rule("blame", Severity::Error, "nobody is blamed"),
    rule("calm-down", Severity::Error, "nobody is told to calm down"),
    rule("not-my-job", Severity::Error, "nobody is sent away as none of our business"),
    rule("nothing-i-can-do", Severity::Error, "there is always something that can be done"),
    rule("formula", Severity::Warning, "no formulas of regret or policy"),
    rule("belittling", Severity::Warning, "nothing is called easy or obvious"),
    rule("vague-time", Severity::Hint, "our promises name a time"),
    rule("jargon", Severity::Warning, "words of the trade are explained or avoided"),
    rule("next-step", Severity::Error, "`act` says the next step"),
    rule("time-frame", Severity::Warning, "the answer says how long it takes or when we reply"),
    rule("dead-link", Severity::Error, "every link can be followed"),
    rule(
        "markdown",
        Severity::Warning,
        "only the Markdown that forms show: paragraphs, lists, **bold**, `code`, links",
    ),
    rule("sie-du", Severity::Warning, "customers are addressed in one way"),
    rule("long-sentence", Severity::Warning, "sentences of at most thirty words, eighteen on average"),
    rule("long-answer", Severity::Warning, "at most 220 words"),
    rule("readability", Severity::Warning, "readable without a degree: Wiener Sachtextformel, Flesch"),
    rule("passive", Severity::Warning, "who does it is named: at most four sentences in ten are passive"),
    rule("both-languages", Severity::Warning, "there is a German and an English text"),
    rule("rule-without-answer", Severity::Error, "every answer that a rule names exists"),
    rule("condition", Severity::Warning, "the pattern of a condition fits some rule"),
    rule("allow", Severity::Warning, "`allow` names rules of this list"),
];

/// A rule of the engine that answers are held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Healing {
    /// The rule's id.
    pub id: String,
    /// The answer that it names.
    pub answer: Option<String>,
}

/// What answers are held against.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// The day, `2026-11-22`; without it no answer is expired.
    pub today: Option<String>,
    /// The rules of the engine; without any, answers are not held against them.
    pub rules: Vec<Healing>,
    /// Where the answers come from, for complaints that belong to no file.
    pub folder: PathBuf,
    /// Rules of lint that are switched off.
    pub allow: Vec<String>,
}

/// Looks at all answers; the order is that of the files.
#[must_use]
pub fn lint(files: &[AnswerFile], around: &Around) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in files {
        let mut look = Look::new(file);
        shape::look(&mut look, around);
        wording::look(&mut look);
        readable::look(&mut look);
        allowed(&mut look);
        complaints.extend(look.complaints);
    }
    complaints.extend(across::look(files, around));
    let allow: BTreeMap<&PathBuf, &[String]> = files.iter().map(|f| (&f.variant.file, &*f.allow)).collect();
    complaints.retain(|complaint| {
        let own = allow.get(&complaint.file).copied().unwrap_or_default();
        !own.iter().chain(&around.allow).any(|name| name == complaint.rule)
    });
    complaints.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    complaints
}

/// What is not known as a rule of lint, with the way out.
#[must_use]
pub fn unknown(name: &str) -> Option<String> {
    let known = RULES.iter().any(|rule| rule.name == name);
    (!known).then(|| near::hint(name, RULES.map(|rule| rule.name)))
}

/// The addresses that a text leads to, with their placeholders and where they stand.
#[must_use]
pub fn links(file: &AnswerFile) -> Vec<(&str, (usize, usize))> {
    let places = file.places.links.iter().copied().chain(std::iter::repeat((1, 1)));
    let mut links: Vec<_> = file.variant.links.iter().map(|link| &*link.url).zip(places).collect();
    for (part, (_, text)) in file.variant.parts.iter().enumerate() {
        links.extend(shape::inline(text).into_iter().map(|(byte, url)| (url, file.places.in_part(part, text, byte))));
    }
    links
}

fn allowed(look: &mut Look<'_>) {
    for name in &look.file.allow {
        if let Some(way) = unknown(name) {
            look.at_key("allow", "allow", Severity::Warning, format!("lint has no rule `{name}`"), way);
        }
    }
}

/// One file, while it is looked at.
struct Look<'a> {
    file: &'a AnswerFile,
    /// The parts, in their order.
    parts: [Prose; 5],
    complaints: Vec<Complaint>,
}

impl<'a> Look<'a> {
    fn new(file: &'a AnswerFile) -> Self {
        let mut parts = file.variant.parts.iter();
        let parts = std::array::from_fn(|_| Prose::new(parts.next().map_or("", |(_, text)| text)));
        Self { file, parts, complaints: Vec::new() }
    }

    /// The text of a part.
    fn part(&self, number: usize) -> &'a str {
        self.file.variant.parts.iter().nth(number).map_or("", |(_, text)| text)
    }

    fn push(
        &mut self,
        (line, column): (usize, usize),
        rule: &'static str,
        severity: Severity,
        message: impl Into<String>,
        suggestion: impl Into<String>,
    ) {
        debug_assert!(RULES.iter().any(|known| known.name == rule), "{rule} is in the table");
        self.complaints.push(Complaint {
            file: self.file.variant.file.clone(),
            line,
            column,
            rule,
            severity,
            message: message.into(),
            suggestion: Some(suggestion.into()).filter(|text: &String| !text.is_empty()),
        });
    }

    /// A complaint about a byte of a part.
    fn at(
        &mut self,
        part: usize,
        byte: usize,
        rule: &'static str,
        severity: Severity,
        message: impl Into<String>,
        suggestion: impl Into<String>,
    ) {
        let place = self.file.places.in_part(part, self.part(part), byte);
        self.push(place, rule, severity, message, suggestion);
    }

    /// A complaint about a key of the front matter.
    fn at_key(
        &mut self,
        key: &str,
        rule: &'static str,
        severity: Severity,
        message: impl Into<String>,
        suggestion: impl Into<String>,
    ) {
        let place = self.file.places.keys.get(key).copied().unwrap_or((1, 1));
        self.push(place, rule, severity, message, suggestion);
    }
}

/// A few words of a text, for a message.
fn shown(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.len() <= 8 { words.join(" ") } else { format!("{} …", words[..8].join(" ")) }
}

/// A pattern of the rules here.
fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the tests compile every pattern of lint")
}

#[cfg(test)]
mod tests;
