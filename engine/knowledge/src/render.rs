//! An answer as one customer reads it: values for its placeholders, and never a raw placeholder.
//!
//! Start at [`render`]; [`choose`] picks the language. Values come from shops, logs and settings: they stand in the Markdown
//! as text, whatever characters they hold. Punctuation in them is escaped by a backslash, as CommonMark has it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use heinzel_core::unseen::is_unseen;
use minijinja::value::{Object, ObjectRepr, Value};
use minijinja::{Environment, UndefinedBehavior};
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Language, Link, Parts, Variable, Variant};
use crate::front_matter::is_address;
use crate::placeholder::{self, ADDRESSES, Kind, NAMES, Spot, Tag};

/// The most that rendering one part may do, in steps of the template engine; an answer needs a few a placeholder.
const FUEL: u64 = 20_000;

/// What is known about the customer, the asset, the incident, and the operator's own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    values: BTreeMap<&'static str, String>,
}

impl Context {
    /// Sets a variable. What is blank is no value; a name outside of [`placeholder::NAMES`] is no variable.
    pub fn set(&mut self, name: &str, value: &str) {
        let Some(name) = NAMES.into_iter().find(|known| *known == name) else { return };
        let value: Vec<&str> =
            value.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
        let value: String = value.join(" ").chars().filter(|c| !is_unseen(*c)).collect();
        if value.is_empty() || (ADDRESSES.contains(&name) && !is_address(&value)) {
            self.values.remove(name);
        } else {
            self.values.insert(name, value);
        }
    }

    /// A variable's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

/// One of the operator's words: one text for all languages, or one for each.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged, expecting = "expected a text in quotes, or { de = \"…\", en = \"…\" }")]
pub enum Word {
    /// The same in every language: a name, a number, an address.
    One(String),
    /// `{ de = "…", en = "…" }`; a language that is not named has none.
    Each(BTreeMap<Language, String>),
}

impl Word {
    /// The text in a language.
    #[must_use]
    pub fn text(&self, language: Language) -> Option<&str> {
        match self {
            Self::One(text) => Some(text),
            Self::Each(texts) => texts.get(&language).map(String::as_str),
        }
    }
}

/// The operator's words, `[answers.words]` in the settings: what answers say about the company.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Words {
    /// The company's name.
    pub company: Option<Word>,
    /// The address of the customer area, `https://…`, without a slash at its end.
    pub panel: Option<Word>,
    /// The address of the status page, `https://…`.
    pub status_page: Option<Word>,
    /// The number to call, as it is to be read.
    pub phone: Option<Word>,
    /// When support answers, as it is to be read.
    pub hours: Option<Word>,
    /// How soon support answers, as it is to be read.
    pub reply_time: Option<Word>,
}

impl Words {
    /// Each word with its name, in a language.
    pub fn iter(&self, language: Language) -> impl Iterator<Item = (&'static str, &str)> {
        let words = [
            ("company", &self.company),
            ("panel", &self.panel),
            ("status_page", &self.status_page),
            ("phone", &self.phone),
            ("hours", &self.hours),
            ("reply_time", &self.reply_time),
        ];
        words.into_iter().filter_map(move |(name, word)| Some((name, word.as_ref()?.text(language)?)))
    }

    /// Checks the addresses.
    ///
    /// # Errors
    /// Which one is wrong, and the way out.
    pub fn check(&self) -> Result<(), String> {
        for (name, word) in Language::ALL.into_iter().flat_map(|language| self.iter(language)) {
            if ADDRESSES.contains(&name) && (!word.starts_with("https://") || !is_address(word) || word.ends_with('/'))
            {
                return Err(format!(
                    "`answers.words.{name}` is `{word}`; write an address like https://panel.example.com, without a slash at its end"
                ));
            }
        }
        Ok(())
    }

    /// Puts them into a context, in a language.
    pub fn fill(&self, context: &mut Context, language: Language) {
        self.iter(language).for_each(|(name, word)| context.set(name, word));
    }
}

/// An answer as one customer reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rendered {
    /// Its language.
    pub language: Language,
    /// Its title.
    pub title: String,
    /// Its parts, as Markdown.
    pub parts: Parts,
    /// Where to go on.
    pub links: Vec<Link>,
}

/// Why an answer cannot be shown to this customer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// These variables have no value here.
    #[error("no value for {}", .0.join(", "))]
    Values(Vec<String>),
    /// The text is broken; loading would have refused it.
    #[error("part `{part}`: {why}")]
    Broken {
        /// Which part.
        part: &'static str,
        /// What the template engine says.
        why: String,
    },
}

/// The text for a customer: in the draft's language, else in the form's, else, if `other`, in any.
#[must_use]
pub fn choose(answer: &Answer, draft: Option<Language>, form: Option<Language>, other: bool) -> Option<&Variant> {
    let wanted = [draft, form].into_iter().flatten().find_map(|language| answer.variants.get(&language));
    wanted.or_else(|| answer.variants.values().next().filter(|_| other))
}

/// Puts the values into an answer.
///
/// # Errors
/// [`Missing`]: what keeps it from being shown.
pub fn render(variant: &Variant, context: &Context) -> Result<Rendered, Missing> {
    let missing = |name: &&String| context.get(name).is_none();
    let required = variant.variables.iter().filter(|(_, variable)| matches!(variable, Variable::Required(_)));
    let names: Vec<String> = required.map(|(name, _)| name).filter(missing).cloned().collect();
    if !names.is_empty() {
        return Err(Missing::Values(names));
    }
    let mut scope = None;
    let mut fill = |part: &'static str, text: &str, spot: Option<Spot>| {
        if !text.contains('{') {
            return Ok(text.to_owned());
        }
        let scope = scope.get_or_insert_with(|| scope_of(variant, context));
        filled(text, spot, scope, variant, context).map_err(|why| match why {
            Why::Value(name) => Missing::Values(vec![name]),
            Why::Broken(why) => Missing::Broken { part, why },
        })
    };
    let mut parts = Parts::default();
    for (name, text) in variant.parts.iter() {
        if let Some(part) = parts.get_mut(name) {
            *part = tidy(&fill(name, text, None)?);
        }
    }
    let mut links = Vec::with_capacity(variant.links.len());
    for link in &variant.links {
        links.push(Link { title: link.title.clone(), url: fill("links", &link.url, Some(Spot::Address))? });
    }
    Ok(Rendered { language: variant.language, title: variant.title.clone(), parts, links })
}

/// Puts the values into an address of an answer; `None` when one is missing.
#[must_use]
pub fn address(url: &str, variant: &Variant, context: &Context) -> Option<String> {
    filled(url, Some(Spot::Address), &scope_of(variant, context), variant, context).ok()
}

enum Why {
    Value(String),
    Broken(String),
}

/// One text with its values. `spot` says where all of it stands; `None`: what its Markdown says.
fn filled(text: &str, spot: Option<Spot>, scope: &Value, variant: &Variant, context: &Context) -> Result<String, Why> {
    let tags = placeholder::scan(text).map_err(|wrong| Why::Broken(wrong.message))?;
    for tag in &tags {
        if let Kind::Value { name, sure: false, .. } = tag.kind
            && context.get(name).is_none()
            && !matches!(variant.variables.get(name), Some(Variable::Fallback(_)))
        {
            return Err(Why::Value(name.to_owned()));
        }
    }
    let template = template(text, &tags, spot);
    let made = ENVIRONMENT.render_str(&template, scope).map_err(|error| Why::Broken(error.to_string()))?;
    // Values have their braces escaped, so this would be a placeholder of the text.
    if made.contains("{{") || made.contains("{%") {
        return Err(Why::Broken("a placeholder is left over".to_owned()));
    }
    Ok(made)
}

/// The text as the engine gets it: every value with the filter for its place, a tag alone on its line without the line.
fn template(text: &str, tags: &[Tag<'_>], spot: Option<Spot>) -> String {
    let mut out = String::with_capacity(text.len() + 16 * tags.len());
    let mut at = 0;
    for tag in tags {
        let (mut begin, mut end) = (tag.range.start, tag.range.end);
        if !matches!(tag.kind, Kind::Value { .. }) {
            let line = text[..begin].rfind('\n').map_or(0, |n| n + 1);
            let rest = text[end..].find('\n').map_or(text.len(), |n| end + n + 1);
            if line >= at && text[line..begin].trim().is_empty() && text[end..rest].trim().is_empty() {
                (begin, end) = (line, rest);
            }
        }
        out.push_str(&text[at..begin]);
        match &tag.kind {
            Kind::Value { name, spot: own, .. } => {
                let filter = match spot.unwrap_or(*own) {
                    Spot::Text => "text",
                    Spot::Code => "code",
                    Spot::Address => "address",
                };
                // An address of the operator is one as a whole; anything else becomes one piece of it.
                let filter = if filter == "address" && !ADDRESSES.contains(name) { "piece" } else { filter };
                out.push_str(&format!("{{{{ {name}|{filter} }}}}"));
            }
            Kind::If { name } => out.push_str(&format!("{{% if {name} is defined %}}")),
            Kind::Else => out.push_str("{% else %}"),
            Kind::End => out.push_str("{% endif %}"),
        }
        at = end;
    }
    out.push_str(&text[at..]);
    out
}

/// What the engine sees: real values, and fallbacks that stand for a value but do not pass for one when asked.
fn scope_of(variant: &Variant, context: &Context) -> Value {
    let mut root: BTreeMap<&str, Value> = BTreeMap::new();
    let mut below: BTreeMap<&str, BTreeMap<&str, Value>> = BTreeMap::new();
    for name in NAMES {
        let value = match (context.get(name), variant.variables.get(name)) {
            (Some(value), _) => Some(Value::from(value)),
            (None, Some(Variable::Fallback(text))) => Some(Value::from_object(Fallback(text.clone()))),
            _ => None,
        };
        match name.split_once('.') {
            // The first half is always there, so that asking for the second is no error.
            Some((first, second)) => below.entry(first).or_default().extend(value.map(|value| (second, value))),
            None => root.extend(value.map(|value| (name, value))),
        }
    }
    root.extend(below.into_iter().map(|(first, values)| (first, Value::from_iter(values))));
    Value::from_iter(root)
}

/// What stands for a missing value.
#[derive(Debug)]
struct Fallback(String);

impl Object for Fallback {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The engine with nothing in it but what answers know.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.add_test("defined", |value: &Value| {
        !value.is_undefined() && value.downcast_object_ref::<Fallback>().is_none()
    });
    environment.add_filter("text", |value: &Value| in_text(&value.to_string()));
    environment.add_filter("code", |value: &Value| in_code(&value.to_string()));
    environment.add_filter("address", |value: &Value| in_address(&value.to_string(), "-._~:/?#@!$&+,;=%"));
    environment.add_filter("piece", |value: &Value| in_address(&value.to_string(), "-._~"));
    environment
});

/// A value in running text: no character of it is Markdown, HTML or a placeholder.
fn in_text(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 8);
    // What makes a list or a heading does so only at the beginning of a line, where the value may stand.
    let digits = value.len() - value.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    for (at, c) in value.char_indices() {
        let brace = c == '%' && out.ends_with('{');
        let opens = (at == 0 && matches!(c, '-' | '+' | '=')) || (at == digits && at > 0 && matches!(c, '.' | ')'));
        if opens
            || brace
            || matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '#' | '~' | '|' | '!' | '{' | '}')
        {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A value between backticks, where nothing can be escaped.
fn in_code(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '`' => out.push('\''),
            // Two braces in a row would look like a placeholder that was left over.
            '{' | '}' | '%' if out.ends_with(['{', '}', '%']) => out.extend([' ', c]),
            c => out.push(c),
        }
    }
    out
}

/// A value in an address: what is not allowed there is written in percent signs.
fn in_address(value: &str, allowed: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || allowed.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Without the blank lines that an untaken `if` leaves.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.trim().lines().map(str::trim_end) {
        if !(line.is_empty() && out.ends_with("\n\n")) {
            out.push_str(line);
            out.push('\n');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests;
