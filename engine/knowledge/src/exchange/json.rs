//! Answers as JSON: our own form, everything in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AnswerFile, Audience, Language, Taken};
use crate::answer::{Conditions, Link, Parts, Variable, Variant};
use crate::front_matter::{Places, Shared};

/// The version of the form.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    answers: Vec<Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    #[serde(default)]
    category: Option<String>,
    #[serde(default)]
    audience: Option<Audience>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
    #[serde(default)]
    conditions: Conditions,
    texts: BTreeMap<Language, Text>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    title: String,
    #[serde(default)]
    questions: Vec<String>,
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    #[serde(default)]
    links: Vec<Link>,
    #[serde(default)]
    allow: Vec<String>,
    parts: Parts,
}

/// Reads what [`write`] writes.
pub(super) fn read(text: &str, taken: &mut Taken<'_>) {
    let file: File = match serde_json::from_str(text) {
        Ok(file) => file,
        Err(error) => {
            let way =
                format!("it is {{ \"version\": {VERSION}, \"answers\": [ … ] }}; `heinzel answers export` writes it");
            return taken.wrong("", format!("this is no file of answers: {error}"), way);
        }
    };
    if file.version != VERSION {
        let way = "export it anew from the version that wrote it";
        return taken.wrong("", format!("version {} of the form, and {VERSION} is known", file.version), way);
    }
    for (number, value) in file.answers.into_iter().enumerate() {
        let named = value.get("id").and_then(Value::as_str).map(|id| format!(" (`{id}`)")).unwrap_or_default();
        let row = format!("answer {}{named}", number + 1);
        let entry: Entry = match serde_json::from_value(value) {
            Ok(entry) => entry,
            Err(error) => {
                taken.wrong(&row, error, "`heinzel answers export --format json` shows the form");
                continue;
            }
        };
        for (language, text) in entry.texts {
            let answer = AnswerFile {
                id: entry.id.clone(),
                shared: Shared {
                    category: entry.category.clone().or_else(|| taken.defaults.category.clone()).unwrap_or_default(),
                    audience: entry.audience.or(taken.defaults.audience).unwrap_or_default(),
                    conditions: entry.conditions.clone(),
                    valid_until: entry.valid_until.clone(),
                },
                variant: Variant {
                    language,
                    file: taken.from.to_owned(),
                    title: text.title,
                    questions: text.questions,
                    variables: text.variables,
                    links: text.links,
                    parts: text.parts,
                },
                allow: text.allow,
                places: Places::default(),
            };
            taken.take(&format!("{row}, {}", language.code()), answer);
        }
    }
}

/// The answers as JSON, to be read by people, too.
///
/// # Errors
/// When the text cannot be made, which only memory could cause.
pub fn write(files: &[AnswerFile]) -> serde_json::Result<String> {
    let mut entries: BTreeMap<&str, Entry> = BTreeMap::new();
    for file in files {
        let (shared, variant) = (&file.shared, &file.variant);
        let entry = entries.entry(&file.id).or_insert_with(|| Entry {
            id: file.id.clone(),
            category: Some(shared.category.clone()),
            audience: Some(shared.audience),
            valid_until: shared.valid_until.clone(),
            conditions: shared.conditions.clone(),
            texts: BTreeMap::new(),
        });
        let text = Text {
            title: variant.title.clone(),
            questions: variant.questions.clone(),
            variables: variant.variables.clone(),
            links: variant.links.clone(),
            allow: file.allow.clone(),
            parts: variant.parts.clone(),
        };
        entry.texts.insert(variant.language, text);
    }
    let answers = entries.into_values().map(serde_json::to_value).collect::<serde_json::Result<Vec<_>>>()?;
    Ok(serde_json::to_string_pretty(&File { version: VERSION, answers })? + "\n")
}
