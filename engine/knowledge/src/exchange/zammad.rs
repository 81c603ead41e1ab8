//! Zammad's text modules: HTML becomes Markdown, `#{ticket.customer.firstname}` becomes `{{ customer.name }}`.
//!
//! A text module is one text without our five parts: all of it becomes `act`, and lint says what is missing. It was written for
//! agents, so only support sees it until its author says otherwise.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{AnswerFile, Audience, Taken, html, name_of, table};
use crate::answer::{Conditions, Parts, Variable, Variant};
use crate::front_matter::{Places, Shared};

/// Zammad's variables and ours.
const VARIABLES: [(&str, &str); 5] = [
    ("ticket.customer.fullname", "customer.name"),
    ("ticket.customer.firstname", "customer.name"),
    ("ticket.customer.lastname", "customer.name"),
    ("config.organization", "company"),
    ("config.product_name", "company"),
];

/// One text module.
struct Module {
    row: String,
    name: String,
    keywords: String,
    content: String,
    active: bool,
}

/// Reads text modules: the answer of `GET /api/v1/text_modules` (plain, or with `full=true`), or a CSV.
pub(super) fn read(text: &str, taken: &mut Taken<'_>) {
    let trimmed = text.trim_start();
    let modules = if trimmed.starts_with(['[', '{']) { from_json(text, taken) } else { from_csv(text, taken) };
    for module in modules.into_iter().filter(|module| module.active) {
        one(&module, taken);
    }
}

fn from_json(text: &str, taken: &mut Taken<'_>) -> Vec<Module> {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => {
            taken.wrong("", format!("this is no JSON: {error}"), "save what GET /api/v1/text_modules answers");
            return Vec::new();
        }
    };
    let list: Vec<&Value> = match &value {
        Value::Array(list) => list.iter().collect(),
        Value::Object(object) => match value.pointer("/assets/TextModule") {
            Some(Value::Object(modules)) => modules.values().collect(),
            _ => {
                let error = object.get("error").and_then(Value::as_str).unwrap_or("there are no text modules in it");
                let way = "the token needs the permission `admin.text_module` or `ticket.agent`";
                taken.wrong("", format!("Zammad's answer: {error}"), way);
                return Vec::new();
            }
        },
        _ => Vec::new(),
    };
    let mut modules = Vec::new();
    for (number, value) in list.into_iter().enumerate() {
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let id = value.get("id").and_then(Value::as_u64);
        let row = id.map_or_else(|| format!("text module {}", number + 1), |id| format!("text module {id}"));
        let active = value.get("active").and_then(Value::as_bool).unwrap_or(true);
        modules.push(Module { row, name: text("name"), keywords: text("keywords"), content: text("content"), active });
    }
    modules
}

fn from_csv(text: &str, taken: &mut Taken<'_>) -> Vec<Module> {
    let columns = table::head(text);
    if !["name", "content"].iter().all(|name| columns.iter().any(|column| column == name)) {
        taken.wrong("", "the table has no columns `name` and `content`", "export the text modules from Zammad as CSV");
        return Vec::new();
    }
    let module = |(row, mut cells): (String, BTreeMap<String, String>)| {
        let mut cell = |name: &str| cells.remove(name).unwrap_or_default();
        let active = !matches!(&*cell("active").to_lowercase(), "false" | "0" | "no");
        Module { row, name: cell("name"), keywords: cell("keywords"), content: cell("content"), active }
    };
    table::rows(text, taken).into_iter().map(module).collect()
}

fn one(module: &Module, taken: &mut Taken<'_>) {
    let row = format!("{} (`{}`)", module.row, module.name);
    let Some(language) = taken.defaults.language else {
        return taken.wrong(&row, "text modules do not say their language", "name it for all (`--language de`)");
    };
    let Some(category) = taken.defaults.category.clone() else {
        return taken.wrong(&row, "text modules have no category", "name one for all (`--category mail`)");
    };
    let (content, unknown, used) = variables(&module.content);
    if !unknown.is_empty() {
        let message = format!("nothing here stands for {}", unknown.join(", "));
        let known: Vec<&str> = VARIABLES.iter().map(|(theirs, _)| *theirs).collect();
        return taken.wrong(&row, message, format!("take it out of the text module; known are {}", known.join(", ")));
    }
    let (act, dropped) = html::to_markdown(&content);
    for what in dropped {
        taken.warn(&row, format!("left out: {what}"), "look at the text and replace it where it mattered");
    }
    let act = used.iter().fold(act, |act, (mark, ours)| act.replace(mark, &format!("{{{{ {ours} }}}}")));
    let act = act.replace("{{ customer.name }} {{ customer.name }}", "{{ customer.name }}");
    let mut questions: Vec<String> = module
        .keywords
        .split([',', ';', '\n'])
        .map(|word| word.trim().to_owned())
        .filter(|word| !word.is_empty())
        .collect();
    // A name and keywords are all that says what a text module is for.
    if questions.is_empty() {
        questions.push(module.name.trim().to_owned());
    }
    let answer = AnswerFile {
        id: name_of(&module.name),
        shared: Shared {
            category,
            audience: taken.defaults.audience.unwrap_or(Audience::Support),
            conditions: Conditions::default(),
            valid_until: None,
        },
        variant: Variant {
            language,
            file: taken.from.to_owned(),
            title: module.name.split_whitespace().collect::<Vec<_>>().join(" "),
            questions,
            variables: used.values().map(|ours| ((*ours).to_owned(), Variable::Required(true))).collect(),
            links: Vec::new(),
            parts: Parts { act, ..Parts::default() },
        },
        allow: Vec::new(),
        places: Places::default(),
    };
    taken.take(&row, answer);
}

/// The text with a mark for each of Zammad's variables; which of them are unknown; which of ours the marks stand for.
fn variables(text: &str) -> (String, Vec<String>, BTreeMap<String, &'static str>) {
    let (mut out, mut unknown, mut used) = (String::new(), Vec::new(), BTreeMap::new());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("#{") {
        out.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            out.push_str("#{");
            rest = after;
            continue;
        };
        match VARIABLES.iter().position(|(theirs, _)| *theirs == name.trim()) {
            Some(number) => {
                let ours = VARIABLES[number].1;
                // Letters that no text has, so that nothing between takes them for Markdown.
                let mark = format!("\u{f8f0}{}\u{f8f1}", ours.replace('.', "\u{f8f2}"));
                out.push_str(&mark);
                used.insert(mark, ours);
            }
            None => unknown.push(format!("`#{{{name}}}`")),
        }
        rest = behind;
    }
    out.push_str(rest);
    (out, unknown, used)
}
