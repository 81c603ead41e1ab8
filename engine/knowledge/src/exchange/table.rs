//! Answers as a table: one row an answer and language, columns by their names in any order.

use std::collections::BTreeMap;

use heinzel_core::near;

use super::{AnswerFile, Audience, Language, Taken, name_of};
use crate::answer::{Conditions, Link, Parts, Variable, Variant};
use crate::front_matter::{Places, Shared};

/// The columns, and what stands in them. Lists have one entry a line within the cell.
pub const COLUMNS: [(&str, &str); 18] = [
    ("id", "`pack/id`, or the id alone where the pack is named for all; without it, it is made of the title"),
    ("language", "`de` or `en`"),
    ("title", "a symptom or question, in the customer's words"),
    ("category", "what it is about"),
    ("audience", "`customer` or `support`; empty is `customer`"),
    ("valid_until", "the last day on which it is right, `2027-12-31`"),
    ("questions", "drafts that it answers, one a line"),
    ("links", "`title | address`, one a line"),
    ("variables", "`name = text` or, when it is required, `name`, one a line"),
    ("asset", "kinds of asset for which it is shown, one a line"),
    ("incident", "patterns of rules for whose incidents it is shown, one a line"),
    ("allow", "lint rules that are switched off, one a line"),
    ("acknowledge", "the part, as Markdown"),
    ("clarify", "the part, as Markdown"),
    ("agree", "the part, as Markdown"),
    ("act", "the part, as Markdown"),
    ("advise", "the part, as Markdown"),
    ("text", "instead of the parts: everything, which becomes `act`"),
];

/// The names of the columns in the first line.
pub(super) fn head(text: &str) -> Vec<String> {
    let mut reader = reader(text);
    let head = reader.headers().map(|row| row.iter().map(name).collect());
    head.unwrap_or_default()
}

fn name(cell: &str) -> String {
    cell.trim().to_lowercase().replace([' ', '-'], "_")
}

/// A reader of the table, whatever stands between its cells: the first line shows which it is.
fn reader(text: &str) -> csv::Reader<&[u8]> {
    let first = text.lines().next().unwrap_or_default();
    let count = |c: char| first.matches(c).count();
    let delimiter = [',', '\t'].into_iter().fold(';', |best, c| if count(c) > count(best) { c } else { best });
    csv::ReaderBuilder::new().delimiter(delimiter as u8).flexible(true).from_reader(text.as_bytes())
}

/// The rows of a table, each with its number as a spreadsheet shows it and its cells by column.
pub(super) fn rows(text: &str, taken: &mut Taken<'_>) -> Vec<(String, BTreeMap<String, String>)> {
    let columns = head(text);
    let mut rows = Vec::new();
    for (number, record) in reader(text).records().enumerate() {
        let row = format!("row {}", number + 2);
        match record {
            Ok(record) if record.len() > columns.len() => {
                let way = "put cells that hold the separator, quotes or line breaks into quotes";
                taken.wrong(&row, format!("{} cells, and {} columns", record.len(), columns.len()), way);
            }
            Ok(record) if record.iter().all(|cell| cell.trim().is_empty()) => {}
            Ok(record) => {
                let cells = columns.iter().cloned().zip(record.iter().map(|cell| cell.trim().to_owned()));
                rows.push((row, cells.collect()));
            }
            Err(error) => taken.wrong(&row, error, "put cells with line breaks into quotes, and double quotes within"),
        }
    }
    rows
}

/// Reads a table.
pub(super) fn read(text: &str, taken: &mut Taken<'_>) {
    let columns = head(text);
    let known = COLUMNS.map(|(name, _)| name);
    if !columns.iter().any(|column| column == "title") {
        let way = format!("the first row names the columns: {}", known.join(", "));
        return taken.wrong("", "the table has no column `title`", way);
    }
    warn_of_unknown(columns.iter(), taken);
    for (row, cells) in rows(text, taken) {
        take(&row, &cells, taken);
    }
}

pub(super) fn warn_of_unknown<'c>(columns: impl Iterator<Item = &'c String>, taken: &mut Taken<'_>) {
    let known = COLUMNS.map(|(name, _)| name);
    for column in columns.filter(|column| !column.is_empty() && !known.contains(&&***column)) {
        taken.warn("", format!("the column `{column}` is not read"), near::hint(column, known));
    }
}

/// Takes the answer of one row, if it is one.
pub(super) fn take(row: &str, cells: &BTreeMap<String, String>, taken: &mut Taken<'_>) {
    if let Some(answer) = answer(row, cells, taken) {
        taken.take(row, answer);
    }
}

fn answer(row: &str, cells: &BTreeMap<String, String>, taken: &mut Taken<'_>) -> Option<AnswerFile> {
    let cell = |name: &str| cells.get(name).map_or("", String::as_str);
    let list = |name: &str| -> Vec<String> {
        cell(name).lines().map(str::trim).filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect()
    };
    let language = match cell("language") {
        "" => taken.defaults.language,
        code => Language::from_locale(code),
    };
    let Some(language) = language else {
        let message = format!("`{}` is no language", cell("language"));
        taken.wrong(row, message, "fill the column `language` with `de` or `en`, or name one for all (`--language`)");
        return None;
    };
    let audience = match cell("audience") {
        "" => taken.defaults.audience.unwrap_or_default(),
        "customer" => Audience::Customer,
        "support" => Audience::Support,
        other => {
            taken.wrong(row, format!("`{other}` is no audience"), "it is `customer` or `support`");
            return None;
        }
    };
    let mut links = Vec::new();
    for line in list("links") {
        let Some((title, url)) = line.rsplit_once(" | ") else {
            taken.wrong(row, format!("`{line}` is no link"), "write `title | https://…`");
            return None;
        };
        links.push(Link { title: title.trim().to_owned(), url: url.trim().to_owned() });
    }
    let mut parts = Parts::default();
    for name in Parts::NAMES {
        if let Some(part) = parts.get_mut(name) {
            cell(name).clone_into(part);
        }
    }
    if parts.act.is_empty() {
        cell("text").clone_into(&mut parts.act);
    } else if !cell("text").is_empty() {
        taken.wrong(row, "both `text` and `act` are filled", "fill the parts, or `text` alone");
        return None;
    }
    let title = cell("title").to_owned();
    let id = if cell("id").is_empty() { name_of(&title) } else { cell("id").to_owned() };
    let text = |name: &str| Some(cell(name).to_owned()).filter(|text| !text.is_empty());
    Some(AnswerFile {
        id,
        shared: Shared {
            category: text("category").or_else(|| taken.defaults.category.clone()).unwrap_or_default(),
            audience,
            conditions: Conditions { asset: list("asset"), incident: list("incident") },
            valid_until: text("valid_until"),
        },
        variant: Variant {
            language,
            file: taken.from.to_owned(),
            title,
            questions: list("questions"),
            variables: list("variables").iter().map(|line| variable(line)).collect(),
            links,
            parts,
        },
        allow: list("allow"),
        places: Places::default(),
    })
}

fn variable(line: &str) -> (String, Variable) {
    match line.split_once('=') {
        Some((name, text)) => (name.trim().to_owned(), Variable::Fallback(text.trim().to_owned())),
        None => (line.trim().to_owned(), Variable::Required(true)),
    }
}

/// The answers as a table, UTF-8 with a byte order mark (Excel needs it), `;` between cells.
///
/// # Errors
/// When the text cannot be made, which only memory could cause.
pub fn write(files: &[AnswerFile]) -> Result<String, csv::Error> {
    let columns: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).filter(|name| *name != "text").collect();
    let mut writer = csv::WriterBuilder::new().delimiter(b';').from_writer(Vec::new());
    writer.write_record(&columns)?;
    for file in files {
        let (shared, variant) = (&file.shared, &file.variant);
        let links = variant.links.iter().map(|link| format!("{} | {}", link.title, link.url));
        let variables = variant.variables.iter().map(|(name, variable)| match variable {
            Variable::Fallback(text) => format!("{name} = {text}"),
            Variable::Required(_) => name.clone(),
        });
        let lines = |list: Vec<String>| list.join("\n");
        let mut cells: BTreeMap<&str, String> =
            variant.parts.iter().map(|(name, text)| (name, text.to_owned())).collect();
        cells.extend([
            ("id", file.id.clone()),
            ("language", variant.language.code().to_owned()),
            ("title", variant.title.clone()),
            ("category", shared.category.clone()),
            ("audience", if shared.audience == Audience::Customer { "customer" } else { "support" }.to_owned()),
            ("valid_until", shared.valid_until.clone().unwrap_or_default()),
            ("questions", variant.questions.join("\n")),
            ("links", lines(links.collect())),
            ("variables", lines(variables.collect())),
            ("asset", shared.conditions.asset.join("\n")),
            ("incident", shared.conditions.incident.join("\n")),
            ("allow", file.allow.join("\n")),
        ]);
        writer.write_record(columns.iter().map(|column| cells.get(column).map_or("", String::as_str)))?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(format!("\u{feff}{}", String::from_utf8_lossy(&bytes)))
}
