//! Reads one answer's file: TOML between `+++` lines, then the five parts under their headings.
//!
//! Start at [`parse`]. It goes on after a complaint, so that an author sees all of them at once; any error keeps the file out.
//! `write` is the way back.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use heinzel_core::near;
use heinzel_core::place::place;
use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::answer::{AnswerId, Audience, Conditions, Language, Link, Parts, Variable, Variant};
use crate::complaint::{Complaint, Severity};
use crate::placeholder::{self, Kind, NAMES};

mod body;
mod keys;
mod write;

pub use write::write;

/// What an answer may be about.
pub const CATEGORIES: [&str; 19] = [
    "password",
    "mail",
    "dns",
    "domain",
    "certificate",
    "web",
    "php",
    "database",
    "server",
    "backup",
    "ftp",
    "ssh",
    "invoice",
    "contract",
    "security",
    "performance",
    "account",
    "storage",
    "container",
];

/// The most example drafts of one file; lint asks for far fewer.
const QUESTIONS: usize = 100;

/// One file: an answer in one language, with all that its other languages must agree on.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerFile {
    /// `pack/id`.
    pub id: AnswerId,
    /// What all languages share.
    pub shared: Shared,
    /// The text.
    pub variant: Variant,
    /// The lint rules that its author has switched off for it.
    pub allow: Vec<String>,
    /// Where everything stands in the file.
    pub places: Places,
}

/// What all languages of an answer share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// What it is about; one of [`CATEGORIES`].
    pub category: String,
    /// Who may see it.
    pub audience: Audience,
    /// When it may be shown.
    pub conditions: Conditions,
    /// The last day on which it is right, `2027-12-31`.
    pub valid_until: Option<String>,
}

/// Where everything stands in a file: line and column, from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The keys of the front matter.
    pub keys: BTreeMap<String, (usize, usize)>,
    /// Each question.
    pub questions: Vec<(usize, usize)>,
    /// Each link.
    pub links: Vec<(usize, usize)>,
    /// Each variable.
    pub variables: BTreeMap<String, (usize, usize)>,
    /// The line on which each part's text begins, or its heading's when it is empty; in the order of [`Parts::NAMES`].
    pub parts: [usize; 5],
}

impl Places {
    /// Where a byte of a part stands in the file.
    #[must_use]
    pub(crate) fn in_part(&self, part: usize, text: &str, byte: usize) -> (usize, usize) {
        let (line, column) = place(text, byte);
        (self.parts.get(part).copied().unwrap_or(1) + line - 1, column)
    }
}

/// Reads a file's text. `id` and `language` come from its name.
///
/// The file is `None` when any complaint is an error.
#[must_use]
pub fn parse(file: &Path, id: &str, language: Language, text: &str) -> (Option<AnswerFile>, Vec<Complaint>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut reader = Reader { file, text: &text, complaints: Vec::new() };
    let read = reader.answer(id, language);
    let sound = !reader.complaints.iter().any(Complaint::is_error);
    reader.complaints.sort_by_key(|complaint| (complaint.line, complaint.column));
    (read.filter(|_| sound), reader.complaints)
}

/// Whether a name may stand for a pack or an answer: small letters, digits and hyphens.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty() && name.len() <= 64 && !name.starts_with('-') && name.chars().all(plain)
}

/// The answer's name and language in a file's name: `slow.de.md`.
pub(crate) fn of_file_name(file: &str) -> Option<(&str, Language)> {
    let (id, code) = file.strip_suffix(".md")?.rsplit_once('.')?;
    let language = Language::ALL.into_iter().find(|language| language.code() == code)?;
    is_name(id).then_some((id, language))
}

/// Whether a text is an address that a customer may be sent to, by its form.
#[must_use]
pub fn is_address(url: &str) -> bool {
    let plain =
        |rest: &str| !rest.contains(|c: char| c.is_control() || c.is_whitespace() || "<>\"'`\\(){}".contains(c));
    if let Some(rest) = url.strip_prefix("https://") {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        return host.contains('.')
            && !host.starts_with('.')
            && !host.contains('@')
            && without_tags(rest).is_some_and(|r| plain(&r));
    }
    let Some(inside) = url.strip_prefix("{{") else { return false };
    let Some((name, rest)) = inside.split_once("}}") else { return false };
    placeholder::ADDRESSES.contains(&name.trim())
        && (rest.is_empty() || rest.starts_with(['/', '?', '#']))
        && without_tags(rest).is_some_and(|r| plain(&r))
}

/// A text without its placeholders; `None` when one of them is none.
fn without_tags(text: &str) -> Option<String> {
    let mut out = text.to_owned();
    for tag in placeholder::scan(text).ok()?.into_iter().rev() {
        if !matches!(tag.kind, Kind::Value { .. }) {
            return None;
        }
        out.replace_range(tag.range, "");
    }
    Some(out)
}

/// Reads on after what is wrong.
struct Reader<'a> {
    file: &'a Path,
    text: &'a str,
    complaints: Vec<Complaint>,
}

impl<'a> Reader<'a> {
    fn answer(&mut self, id: &str, language: Language) -> Option<AnswerFile> {
        let (head, body) = self.split()?;
        let mut made = AnswerFile {
            id: id.to_owned(),
            shared: Shared::default(),
            variant: Variant {
                language,
                file: self.file.to_owned(),
                title: String::new(),
                questions: Vec::new(),
                variables: BTreeMap::new(),
                links: Vec::new(),
                parts: Parts::default(),
            },
            allow: Vec::new(),
            places: Places::default(),
        };
        self.keys(head, &mut made);
        self.body(body, &mut made);
        self.variables_fit(&made);
        Some(made)
    }

    /// The bytes of front matter and body.
    fn split(&mut self) -> Option<(Range<usize>, Range<usize>)> {
        let first = self.text.lines().next().unwrap_or_default();
        if first.trim_end() != "+++" {
            let way = "begin with a line `+++`, then title, category and questions, then a line `+++`";
            self.wrong(0, "the file does not begin with its front matter", way);
            return None;
        }
        let begin = first.len() + 1;
        let mut at = begin;
        for line in self.text.get(begin..).unwrap_or_default().split_inclusive('\n') {
            if line.trim_end() == "+++" {
                return Some((begin..at, at + line.len()..self.text.len()));
            }
            at += line.len();
        }
        self.wrong(0, "the front matter is never closed", "write a line `+++` between it and the text");
        None
    }

    /// Every placeholder outside of a question for it must be declared, and what is declared must be known.
    fn variables_fit(&mut self, made: &AnswerFile) {
        let texts = made.variant.parts.iter().enumerate().map(|(part, (_, text))| (Some(part), text));
        let links = made.variant.links.iter().flat_map(|link| [link.title.as_str(), link.url.as_str()]);
        for (number, (part, text)) in texts.chain(links.map(|text| (None, text))).enumerate() {
            let place = |byte: usize| match part {
                Some(part) => made.places.in_part(part, text, byte),
                None => made.places.links.get((number - 5) / 2).copied().unwrap_or((1, 1)),
            };
            match placeholder::scan(text) {
                Err(wrong) => self.wrong_at(place(wrong.byte), wrong.message, wrong.way),
                Ok(tags) => {
                    for tag in tags {
                        let Kind::Value { name, sure: false, .. } = tag.kind else { continue };
                        if !made.places.variables.contains_key(name) {
                            let message = format!("`{name}` is used here, but not declared");
                            let way = format!(
                                "write `\"{name}\" = \"what stands there without a value\"` or `\"{name}\" = true` (then the answer is shown only with a value) below [variables], or ask for it by `{{% if {name} is defined %}}`"
                            );
                            self.wrong_at(place(tag.range.start), message, way);
                        }
                    }
                }
            }
        }
    }

    fn wrong(&mut self, byte: usize, message: impl Into<String>, way: impl Into<String>) {
        self.wrong_at(place(self.text, byte), message, way);
    }

    fn wrong_at(&mut self, (line, column): (usize, usize), message: impl Into<String>, way: impl Into<String>) {
        self.complaints.push(Complaint {
            file: self.file.to_owned(),
            line,
            column,
            rule: "format",
            severity: Severity::Error,
            message: message.into(),
            suggestion: Some(way.into()).filter(|way: &String| !way.is_empty()),
        });
    }
}

/// An error about a file as a whole.
pub(crate) fn whole(file: &Path, message: impl Into<String>, way: impl Into<String>) -> Complaint {
    Complaint {
        file: file.to_owned(),
        line: 0,
        column: 0,
        rule: "format",
        severity: Severity::Error,
        message: message.into(),
        suggestion: Some(way.into()),
    }
}

#[cfg(test)]
mod tests;
