//! `heinzel answers`: what customers are answered, looked at, checked, brought in and taken out.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use heinzel_core::glob::Glob;
use heinzel_core::rule::Rule;
use heinzel_knowledge::answer::{Audience, Language};
use heinzel_knowledge::complaint::{Complaint, Severity};
use heinzel_knowledge::front_matter::AnswerFile;
use heinzel_knowledge::library::{self, Library};
use heinzel_knowledge::lint::{self, Around, Healing, RULES};
use heinzel_knowledge::render::{self, Context};
use serde_json::json;

use super::exchange::{self, language};
use crate::exit::{Ends, Exit};
use crate::text;
use crate::text::{lines, plain, table};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List all answers, or those that fit a pattern like `mail/*`.
    List {
        /// Only answers that fit.
        answer: Option<String>,
    },
    /// Show one answer as a customer reads it, in all its languages or in one.
    Show {
        /// The answer's id, like `virtualisation/server-does-not-start`.
        answer: String,
        /// Only this language (de, en).
        #[arg(long, value_parser = language)]
        language: Option<Language>,
        /// A value for a placeholder, like `asset.name=web1`. May be given several times.
        #[arg(long = "with", value_name = "NAME=VALUE", value_parser = pair)]
        with: Vec<(String, String)>,
    },
    /// Check answers: format, tone, next step and time frame, jargon, links, readability, both languages.
    ///
    /// Exit status 3 when an error or warning is found, 0 when there are only hints or nothing. `rules/ANSWERS.md` explains
    /// every rule.
    Lint(LintArguments),
    /// Make files of a pack from a CSV or JSON file or from Zammad's text modules.
    ///
    /// Without --write it only says what would be written. Exit status 3 when rows do not fit, 4 when files that say something
    /// else stay as they are.
    Import(exchange::Import),
    /// Ask the addresses of `[[knowledge]]` for their answers now, and keep them.
    Fetch,
    /// Write the answers as CSV or JSON.
    Export(exchange::Export),
}

#[derive(Args, Debug)]
pub(crate) struct LintArguments {
    /// Folders of packs, instead of the configured ones.
    #[arg(value_name = "FOLDER")]
    folders: Vec<PathBuf>,
    /// Show complaints from this severity on: error, warning or hint.
    #[arg(long, default_value = "hint", value_parser = severity)]
    severity: Severity,
    /// Switch a rule off. May be given several times; an answer does it for itself by `allow = ["…"]`.
    #[arg(long, value_name = "RULE")]
    allow: Vec<String>,
    /// Also ask every link whether anybody is there; takes up to five seconds each, eight at a time.
    #[arg(long)]
    online: bool,
    /// List the rules of lint instead.
    #[arg(long)]
    list: bool,
}

fn severity(word: &str) -> Result<Severity, String> {
    let known = Severity::ALL.into_iter().find(|severity| severity.word() == word);
    known.ok_or_else(|| format!("`{word}` is no severity; there is error, warning and hint"))
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, like asset.name=web1")?;
    let known = heinzel_knowledge::placeholder::NAMES;
    if known.contains(&name) {
        return Ok((name.to_owned(), value.to_owned()));
    }
    Err(format!("there is no variable `{name}`; {}", heinzel_core::near::hint(name, known)))
}

/// Does what the command says.
pub(super) fn answers(global: &super::Global, command: &Command) -> anyhow::Result<Exit> {
    match command {
        Command::List { answer } => list(global, answer.as_deref()),
        Command::Show { answer, language, with } => show(global, answer, *language, with),
        Command::Lint(arguments) => lint(global, arguments),
        Command::Import(arguments) => exchange::import(global, arguments),
        Command::Fetch => exchange::fetch(global),
        Command::Export(arguments) => exchange::export(global, arguments),
    }
}

/// All answers in force. On stderr: that some could not be loaded, so that nobody wonders.
fn library(config: &crate::config::Config) -> Library {
    let (library, complaints) = crate::knowledge::load(config);
    let errors = complaints.iter().filter(|c| c.is_error()).count();
    if errors > 0 {
        let text = format!("heinzel: {} in answers; `heinzel answers lint` shows them\n", text::count(errors, "error"));
        super::remark(&text);
    }
    library
}

fn list(global: &super::Global, only: Option<&str>) -> anyhow::Result<Exit> {
    let config = global.config()?;
    let library = library(&config);
    let only = only.map(Glob::from);
    let mut rows = Vec::new();
    for answer in library.iter().filter(|answer| only.as_ref().is_none_or(|glob| glob.fits(&answer.id))) {
        if global.json {
            let variants: BTreeMap<&str, _> = answer
                .variants
                .values()
                .map(|v| (v.language.code(), json!({ "title": v.title, "questions": v.questions, "file": v.file })))
                .collect();
            super::print_json(&json!({
                "answer": answer.id, "category": answer.category, "audience": answer.audience, "conditions": answer.conditions,
                "valid_until": answer.valid_until, "texts": variants,
            }))?;
            continue;
        }
        let languages: Vec<&str> = answer.variants.keys().map(|language| language.code()).collect();
        let seen = if answer.audience == Audience::Customer { "" } else { "support" };
        let title = answer.variants.values().next().map_or("", |variant| &variant.title);
        rows.push(vec![
            answer.id.clone(),
            answer.category.clone(),
            languages.join(" "),
            seen.to_owned(),
            plain(title, 200),
        ]);
    }
    if global.json {
        return Ok(Exit::Ok);
    }
    if rows.is_empty() {
        let what = only.map_or_else(|| "answers".to_owned(), |glob| format!("answer fits `{}`", glob.0));
        let text =
            format!("no {what} in {}; `heinzel answers lint` says what was loaded", text::folders(&config.rules));
        return Err(Ends::with(Exit::Refused, text));
    }
    let number = rows.len();
    let mut page = table(&["answer", "category", "in", "only for", "title"], &rows);
    let _ = writeln!(page, "{}", text::count(number, "answer"));
    super::print(&page)?;
    Ok(Exit::Ok)
}

fn show(global: &super::Global, id: &str, only: Option<Language>, with: &[(String, String)]) -> anyhow::Result<Exit> {
    let config = global.config()?;
    let library = library(&config);
    let Some(answer) = library.get(id) else {
        let way = heinzel_core::near::nearest(id, library.iter().map(|answer| &*answer.id))
            .map_or_else(|| "`heinzel answers list` shows all".to_owned(), |near| format!("did you mean `{near}`?"));
        return Err(Ends::with(Exit::Refused, format!("there is no answer `{id}`; {way}")));
    };
    for variant in answer.variants.values().filter(|variant| only.is_none_or(|only| only == variant.language)) {
        let mut context = Context::default();
        config.answers.words.fill(&mut context, variant.language);
        with.iter().for_each(|(name, value)| context.set(name, value));
        let rendered = render::render(variant, &context);
        if global.json {
            let said = match &rendered {
                Ok(rendered) => json!({ "rendered": rendered }),
                Err(missing) => json!({ "missing": missing.to_string() }),
            };
            super::print_json(
                &json!({ "answer": id, "language": variant.language, "file": variant.file, "said": said }),
            )?;
            continue;
        }
        let mut page = format!("{} ({}, {}): {}\n", answer.id, variant.language.code(), answer.category, variant.title);
        match rendered {
            Ok(rendered) => {
                for (name, text) in rendered.parts.iter().filter(|(_, text)| !text.is_empty()) {
                    let _ = write!(page, "\n## {name}\n{}\n", lines(text));
                }
                for link in &rendered.links {
                    let _ = write!(page, "\n{}: {}\n", plain(&link.title, 200), plain(&link.url, 500));
                }
            }
            Err(missing) => {
                let _ = writeln!(page, "\nnot shown: {missing}; give it by --with NAME=VALUE");
            }
        }
        page.push_str("\nanswers drafts like:\n");
        for question in &variant.questions {
            let _ = writeln!(page, "  {}", plain(question, 200));
        }
        let _ = writeln!(page, "\n{}\n", variant.file.display());
        super::print(&page)?;
    }
    Ok(Exit::Ok)
}

fn lint(global: &super::Global, arguments: &LintArguments) -> anyhow::Result<Exit> {
    if arguments.list {
        return rules_of_lint(global);
    }
    for name in &arguments.allow {
        if let Some(way) = lint::unknown(name) {
            return Err(Ends::with(Exit::Usage, format!("lint has no rule `{name}`; {way}")));
        }
    }
    let config = global.config()?;
    let folders = if arguments.folders.is_empty() { &config.rules } else { &arguments.folders };
    let (files, mut complaints) = library::read(folders);
    let (known, more) = Library::build(files.clone());
    complaints.extend(more);
    if arguments.folders.is_empty() {
        // What comes from elsewhere is mended there; here only what keeps it out is said.
        complaints.extend(crate::knowledge::read(&config).1);
    }
    // A folder named on the command line may be a part of the packs only: then its answers are not held against the rules.
    let rules = if arguments.folders.is_empty() { healing(global, &config) } else { Vec::new() };
    let around = Around {
        today: Some(crate::clock::today()),
        rules,
        folder: folders.first().cloned().unwrap_or_default(),
        allow: arguments.allow.clone(),
    };
    complaints.extend(lint::lint(&files, &around));
    if arguments.online {
        complaints.extend(super::online::complaints(&files, &config.answers.words)?);
    }
    complaints.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    report(global, arguments, &files, known.len(), &complaints)
}

/// Which rules of the engine name which answers: for their incidents, and as what drafts are about.
fn healing(global: &super::Global, config: &crate::config::Config) -> Vec<Healing> {
    let (live, _) = global.live(config);
    let named = live.rules.rules.values().flat_map(|rule| {
        let Rule { id, answer, draft, .. } = &**rule;
        let intents = draft.iter().flat_map(|draft| &draft.intents).filter(|intent| answer.as_ref() != Some(*intent));
        let all = std::iter::once(answer.as_ref()).chain(intents.map(Some));
        all.map(|answer| Healing { id: id.to_string(), answer: answer.cloned() })
    });
    named.collect()
}

fn report(
    global: &super::Global,
    arguments: &LintArguments,
    files: &[AnswerFile],
    answers: usize,
    complaints: &[Complaint],
) -> anyhow::Result<Exit> {
    let number = |severity: Severity| complaints.iter().filter(|c| c.severity == severity).count();
    let [errors, warnings, hints] = Severity::ALL.map(number);
    let shown: Vec<&Complaint> = complaints.iter().filter(|c| c.severity <= arguments.severity).collect();
    if global.json {
        super::print_json(&json!({
            "answers": answers, "files": files.len(), "errors": errors, "warnings": warnings, "hints": hints, "complaints": shown,
        }))?;
    } else {
        for complaint in shown {
            super::print(&format!("{}\n", lines(&complaint.to_string())))?;
        }
        super::print(&format!(
            "{} in {}: {}, {}, {}\n",
            text::count(answers, "answer"),
            text::count(files.len(), "file"),
            text::count(errors, "error"),
            text::count(warnings, "warning"),
            text::count(hints, "hint")
        ))?;
    }
    Ok(if errors + warnings > 0 { Exit::Wrong } else { Exit::Ok })
}

fn rules_of_lint(global: &super::Global) -> anyhow::Result<Exit> {
    if global.json {
        super::print_json(&RULES)?;
        return Ok(Exit::Ok);
    }
    let rows: Vec<Vec<String>> = RULES
        .iter()
        .map(|rule| vec![rule.name.to_owned(), rule.severity.word().to_owned(), rule.asks.to_owned()])
        .collect();
    super::print(&table(&["rule", "severity", "asks for"], &rows))?;
    Ok(Exit::Ok)
}
