//! An answer: what support writes again and again, kept once, in all languages of its customers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `pack/id`, for example `virtualisation/server-does-not-start`; rules name answers by it.
pub type AnswerId = String;

/// The languages that customers are answered in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// German.
    De,
    /// English.
    En,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::De, Self::En];

    /// Its code, as in file names.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::De => "de",
            Self::En => "en",
        }
    }

    /// From a code or a locale: `de`, `de-AT`, `en_US.UTF-8`.
    #[must_use]
    pub fn from_locale(locale: &str) -> Option<Self> {
        let code = locale.split(['-', '_', '.']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| code.eq_ignore_ascii_case(language.code()))
    }
}

/// Who may see an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// Everybody; the ticket form may show it.
    #[default]
    Customer,
    /// Support staff only.
    Support,
}

/// The five parts of an answer, as Markdown, in the order in which they are read. Any may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// Shows that the problem is understood.
    pub acknowledge: String,
    /// Asks what is missing, or says how it can be found out.
    pub clarify: String,
    /// Says what both sides go by.
    pub agree: String,
    /// Says what is done, by whom and until when.
    pub act: String,
    /// Says how it stays away.
    pub advise: String,
}

impl Parts {
    /// The headings, in order.
    pub const NAMES: [&'static str; 5] = ["acknowledge", "clarify", "agree", "act", "advise"];

    /// Each part with its heading, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let texts = [&self.acknowledge, &self.clarify, &self.agree, &self.act, &self.advise];
        Self::NAMES.into_iter().zip(texts.map(String::as_str))
    }

    /// The part with this heading.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut String> {
        match name {
            "acknowledge" => Some(&mut self.acknowledge),
            "clarify" => Some(&mut self.clarify),
            "agree" => Some(&mut self.agree),
            "act" => Some(&mut self.act),
            "advise" => Some(&mut self.advise),
            _ => None,
        }
    }
}

/// What stands for a placeholder that has no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Variable {
    /// This text stands instead.
    Fallback(String),
    /// `true`: without a value the answer is not shown.
    Required(bool),
}

/// A place to go on reading or acting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// What is behind it, in the customer's words.
    pub title: String,
    /// `https://…`, or beginning with the placeholder of the customer area or status page.
    pub url: String,
}

/// When an answer may be shown. Empty lists ask for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Conditions {
    /// The customer's asset is of one of these kinds.
    pub asset: Vec<String>,
    /// An incident of a rule that fits one of these patterns is open, or ended within a day, on the customer's asset.
    pub incident: Vec<String>,
}

/// An answer in one language: one file.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Its language.
    pub language: Language,
    /// The file it came from.
    pub file: PathBuf,
    /// A symptom or question, in the customer's words.
    pub title: String,
    /// Drafts that it answers.
    pub questions: Vec<String>,
    /// Every placeholder that the text uses.
    pub variables: BTreeMap<String, Variable>,
    /// Where to go on.
    pub links: Vec<Link>,
    /// The text.
    pub parts: Parts,
}

/// An answer in all its languages.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// `pack/id`.
    pub id: AnswerId,
    /// What it is about; one of a closed list.
    pub category: String,
    /// Who may see it.
    pub audience: Audience,
    /// When it may be shown.
    pub conditions: Conditions,
    /// The last day on which it is right, `2027-12-31`.
    pub valid_until: Option<String>,
    /// Its texts.
    pub variants: BTreeMap<Language, Variant>,
}
