//! Answers as JSON: our own form, everything in it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{AnswerFile, Audience, Language, Taken, table};
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

/// The objects of a list, when it is one.
pub(super) fn rows(text: &str) -> Option<Vec<Map<String, Value>>> {
    serde_json::from_str(text).ok()
}

/// What a cell of a table would hold: a list has one entry a line.
fn cell(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Array(list) => list.iter().map(Value::as_str).collect::<Option<Vec<_>>>().map(|lines| lines.join("\n")),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// Reads a list of rows: a table whose columns are keys.
fn read_rows(rows: &[Map<String, Value>], taken: &mut Taken<'_>) {
    let columns: BTreeSet<&String> = rows.iter().flat_map(Map::keys).collect();
    table::warn_of_unknown(columns.into_iter(), taken);
    for (number, row) in rows.iter().enumerate() {
        let name = format!("row {}", number + 1);
        let is_no_cell = |(_, value): &(&String, &Value)| cell(value).is_none();
        if let Some((column, value)) = row.iter().find(is_no_cell) {
            taken.wrong(&name, format!("`{column}` is `{value}`"), "write a text, or a list of texts");
            continue;
        }
        let cells = row.iter().filter_map(|(column, value)| Some((column.clone(), cell(value)?))).collect();
        table::take(&name, &cells, taken);
    }
}

/// Reads what [`write`] writes, or a list of rows.
pub(super) fn read(text: &str, taken: &mut Taken<'_>) {
    if let Some(rows) = rows(text) {
        return read_rows(&rows, taken);
    }
    let file: File = match serde_json::from_str(text) {
        Ok(file) => file,
        Err(error) => {
            let way = format!(
                "it is {{ \"version\": {VERSION}, \"answers\": [ … ] }}, as `heinzel answers export --format json` writes it, or a list of rows"
            );
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
