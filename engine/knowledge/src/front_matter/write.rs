//! An answer as the text of its file.

use std::fmt::Write as _;

use super::{AnswerFile, Audience, Variable};

/// The text of a file that [`super::parse`] reads as this answer.
#[must_use]
pub fn write(answer: &AnswerFile) -> String {
    let (shared, variant) = (&answer.shared, &answer.variant);
    let mut out = String::from("+++\n");
    // Writing to a String cannot fail.
    let _ = writeln!(out, "title = {}", quoted(&variant.title));
    let _ = writeln!(out, "category = {}", quoted(&shared.category));
    let audience = match shared.audience {
        Audience::Customer => "customer",
        Audience::Support => "support",
    };
    let _ = writeln!(out, "audience = {}", quoted(audience));
    out.push_str("questions = [\n");
    for question in &variant.questions {
        let _ = writeln!(out, "    {},", quoted(question));
    }
    out.push_str("]\n");
    if let Some(date) = &shared.valid_until {
        let plain = date.chars().all(|c| c.is_ascii_digit() || c == '-');
        let _ = writeln!(out, "valid_until = {}", if plain { date.clone() } else { quoted(date) });
    }
    if !variant.links.is_empty() {
        out.push_str("links = [\n");
        for link in &variant.links {
            let _ = writeln!(out, "    {{ title = {}, url = {} }},", quoted(&link.title), quoted(&link.url));
        }
        out.push_str("]\n");
    }
    if !answer.allow.is_empty() {
        let _ = writeln!(out, "allow = {}", list(&answer.allow));
    }
    if !variant.variables.is_empty() {
        out.push_str("\n[variables]\n");
        for (name, variable) in &variant.variables {
            let value = match variable {
                Variable::Fallback(text) => quoted(text),
                Variable::Required(_) => "true".to_owned(),
            };
            let _ = writeln!(out, "{} = {value}", quoted(name));
        }
    }
    let conditions = [("asset", &shared.conditions.asset), ("incident", &shared.conditions.incident)];
    if conditions.iter().any(|(_, list)| !list.is_empty()) {
        out.push_str("\n[conditions]\n");
        for (name, texts) in conditions.into_iter().filter(|(_, list)| !list.is_empty()) {
            let _ = writeln!(out, "{name} = {}", list(texts));
        }
    }
    out.push_str("+++\n");
    for (name, text) in variant.parts.iter() {
        let _ = writeln!(out, "## {name}");
        if !text.is_empty() {
            let _ = writeln!(out, "{text}");
        }
        out.push('\n');
    }
    while out.ends_with("\n\n") {
        out.pop();
    }
    out
}

/// A TOML text. The crate chooses the quotes.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}
