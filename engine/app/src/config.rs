//! `heinzel.toml`: what should happen. Flags say how this process runs.
//!
//! The whole file is read and checked before anything starts; unknown keys are errors. Without a file, or with one that
//! names no source, the machine's own logs are found by [`crate::discover`]; without a file every rule observes.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{anyhow, bail};
use heinzel_act::settings::ActSettings;
use heinzel_core::policy::Policy;
use heinzel_core::time::Span;
use heinzel_knowledge::exchange::Source as Knowledge;
use heinzel_knowledge::render::Words;
use heinzel_script::plain_file;
use heinzel_server::settings::{Server, Settings as ServerSettings};
use heinzel_source::settings::{Settings as SourceSettings, Source};
use heinzel_store::customers::Retention;
use jiff::tz::TimeZone;
use serde::Deserialize;
use toml::Spanned;

use crate::edited::Origin;
use crate::{installed, state_folder};

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct File {
    /// What is read.
    source: Vec<Spanned<SourceSettings>>,
    /// Where the rules are.
    rules: Rules,
    /// The asset file; relative to the configuration's folder.
    assets: Option<PathBuf>,
    /// What is kept, and where.
    store: Store,
    /// What may be done.
    policy: Policy,
    /// How it is done, and who is told.
    act: ActSettings,
    /// The HTTP API.
    server: ServerSettings,
    /// What answers say.
    answers: AnswerSettings,
    /// What the ticket form is told.
    suggestions: SuggestionSettings,
    /// Answers that are kept elsewhere.
    knowledge: Vec<Spanned<Knowledge>>,
}

/// `[rules]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Rules {
    /// Folders of packs. A pack in an earlier folder hides one of the same name in a later one.
    folders: Vec<PathBuf>,
}

/// `[store]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Store {
    /// The folder; default: [`state_folder::usual`].
    pub(crate) folder: Option<PathBuf>,
    /// How long resolved incidents are kept.
    pub(crate) incidents: Span,
    /// How long the audit trail is kept.
    pub(crate) audit: Span,
}

impl Default for Store {
    fn default() -> Self {
        let heinzel_store::Retention { incidents, audit, .. } = heinzel_store::Retention::default();
        Self { folder: None, incidents: Span(incidents), audit: Span(audit) }
    }
}

/// `[suggestions]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SuggestionSettings {
    /// Whether the form is told anything.
    enabled: bool,
    /// The share of customers who see no suggestions, so that the others can be compared with them.
    hold_out: f64,
    /// What is kept of a draft's text.
    keep_drafts: KeepDrafts,
    /// The model that was added by `heinzel model add`.
    model: Option<String>,
    /// How long drafts, and what was shown for them, are kept.
    drafts: Span,
    /// How long tickets are kept.
    tickets: Span,
    /// How long what they say is kept; `0s`: not at all.
    ticket_texts: Span,
}

impl Default for SuggestionSettings {
    fn default() -> Self {
        let Retention { drafts, tickets, ticket_texts } = Retention::default();
        Self {
            enabled: true,
            hold_out: 0.0,
            keep_drafts: KeepDrafts::None,
            model: None,
            drafts: Span(drafts),
            tickets: Span(tickets),
            ticket_texts: Span(ticket_texts),
        }
    }
}

/// What is kept of a draft's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeepDrafts {
    /// Nothing.
    None,
    /// Its words, without what looks like personal data.
    Redacted,
}

/// What the ticket form is told, checked.
#[derive(Clone, Debug)]
pub(crate) struct Suggestions {
    pub(crate) enabled: bool,
    pub(crate) hold_out: f64,
    pub(crate) keep_drafts: bool,
    pub(crate) model: Option<String>,
    pub(crate) retention: Retention,
}

impl SuggestionSettings {
    fn check(self) -> Result<Suggestions, String> {
        if !(0.0..=0.5).contains(&self.hold_out) {
            return Err(format!(
                "`suggestions.hold_out` is {}; it is a share of customers between 0 and 0.5, like 0.05",
                self.hold_out
            ));
        }
        Ok(Suggestions {
            enabled: self.enabled,
            hold_out: self.hold_out,
            keep_drafts: self.keep_drafts == KeepDrafts::Redacted,
            model: self.model,
            retention: Retention { drafts: self.drafts.0, tickets: self.tickets.0, ticket_texts: self.ticket_texts.0 },
        })
    }
}

/// `[answers]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AnswerSettings {
    /// The time zone in which they name times to customers whose form does not say theirs; default: this machine's.
    time_zone: Option<String>,
    /// What they say about the company.
    words: Words,
}

/// What answers say of the operator, checked.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    pub(crate) zone: TimeZone,
    pub(crate) words: Words,
}

impl AnswerSettings {
    fn check(self) -> Result<Answers, String> {
        self.words.check()?;
        let zone = self.time_zone.as_deref().map_or_else(|| Ok(TimeZone::system()), TimeZone::get);
        let zone = zone.map_err(|error| format!("`answers.time_zone`: {error}; names are like Europe/Berlin"))?;
        Ok(Answers { zone, words: self.words })
    }
}

/// The configuration, checked.
#[derive(Debug)]
pub(crate) struct Config {
    /// The file it came from; `None`: found out from the machine.
    pub(crate) file: Option<PathBuf>,
    /// What that file said.
    pub(crate) origin: Arc<Origin>,
    pub(crate) sources: Vec<Source>,
    pub(crate) rules: Vec<PathBuf>,
    pub(crate) assets: Option<PathBuf>,
    pub(crate) state: PathBuf,
    pub(crate) store: Store,
    pub(crate) policy: Policy,
    pub(crate) act: ActSettings,
    pub(crate) server: Server,
    pub(crate) answers: Answers,
    pub(crate) suggestions: Suggestions,
    /// Answers that are kept elsewhere; their paths are absolute, or relative to where the engine was started.
    pub(crate) knowledge: Vec<Knowledge>,
}

/// Flags that come before the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    pub(crate) file: Option<PathBuf>,
    pub(crate) rules: Vec<PathBuf>,
    pub(crate) state: Option<PathBuf>,
}

impl Overrides {
    /// The configuration's file; `None`: there is none.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        let system = Path::new(installed::CONFIG);
        self.file.clone().or_else(|| system.exists().then(|| system.to_owned()))
    }
}

impl Config {
    /// Reads and checks the configuration, or finds out what this machine has.
    ///
    /// # Errors
    /// What is wrong, with the file, the line and the way out.
    pub(crate) fn load(flags: &Overrides) -> anyhow::Result<Self> {
        let mut config = match flags.file() {
            Some(path) => Self::read(&path)?,
            None => Self::of_this_machine(),
        };
        if !flags.rules.is_empty() {
            config.rules.clone_from(&flags.rules);
        }
        if let Some(state) = &flags.state {
            config.state.clone_from(state);
        }
        Ok(config)
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = plain_file::text(path).map_err(|error| {
            let way = match error.kind() {
                ErrorKind::NotFound => " (`heinzel init` writes one)",
                // It may hold secrets, so the package lets only root read it.
                ErrorKind::PermissionDenied => {
                    " (say it as the user that Heinzel runs as, like `sudo heinzel …`, or name another file by `--config`)"
                }
                _ => "",
            };
            anyhow::Error::new(error).context(format!("read the configuration {}{way}", path.display()))
        })?;
        let file: File = toml::from_str(&text).map_err(|e| {
            anyhow!("configuration {}: {}{}", path.display(), e.to_string().trim_end(), way_out(&e, &text))
        })?;
        let beside = |p: PathBuf| path.parent().map_or(p.clone(), |folder| folder.join(&p));
        let at = |begin: usize| {
            let before = text.get(..begin).unwrap_or_default();
            format!("configuration {}, line {}", path.display(), before.matches('\n').count() + 1)
        };
        let mut sources = Vec::new();
        let mut names = std::collections::BTreeSet::new();
        for settings in file.source {
            let place = at(settings.span().start);
            let source = settings.into_inner().check().map_err(|e| anyhow!("{place}: {e}"))?;
            if !names.insert(source.common.name.clone()) {
                bail!(
                    "{place}: a second `[[source]]` is named `{}`; a name must be unique, because checkpoints belong to it",
                    source.common.name
                );
            }
            sources.push(source);
        }
        let mut knowledge = Vec::new();
        for settings in file.knowledge {
            let place = at(settings.span().start);
            let mut source = settings.into_inner();
            source.check().map_err(|e| anyhow!("{place}: {e}"))?;
            source.path = source.path.map(beside);
            source.token_file = source.token_file.map(beside);
            knowledge.push(source);
        }
        let wrong = |why: &dyn std::fmt::Display| anyhow!("configuration {}: {why}", path.display());
        file.policy.check().map_err(|e| wrong(&e))?;
        file.act.check().map_err(|e| wrong(&e))?;
        let answers = file.answers.check().map_err(|why| wrong(&why))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let server = file.server.check(folder).map_err(|e| wrong(&e))?;
        let suggestions = file.suggestions.check().map_err(|why| wrong(&why))?;
        let folders: Vec<PathBuf> = file.rules.folders.into_iter().map(beside).collect();
        let rules = if folders.is_empty() { usual_rules(&folder.join("rules")) } else { folders };
        let state = file.store.folder.clone().map_or_else(|| state_folder::usual(Some(path)), beside);
        if sources.is_empty() {
            sources = crate::discover::sources();
        }
        Ok(Self {
            file: Some(path.to_owned()),
            origin: Arc::new(Origin::new(path, Some(&text))),
            sources,
            rules,
            assets: file.assets.map(beside),
            state,
            store: file.store,
            policy: file.policy,
            act: file.act,
            server,
            answers,
            suggestions,
            knowledge,
        })
    }

    fn of_this_machine() -> Self {
        let rules = usual_rules(Path::new("rules"));
        Self {
            file: None,
            origin: Arc::new(Origin::new(Path::new(installed::CONFIG), None)),
            sources: crate::discover::sources(),
            rules,
            assets: None,
            state: state_folder::usual(None),
            store: Store::default(),
            policy: Policy::default(),
            act: ActSettings::default(),
            server: Server::default(),
            answers: AnswerSettings::default().check().expect("the defaults are right"),
            suggestions: SuggestionSettings::default().check().expect("the defaults are right"),
            knowledge: Vec::new(),
        }
    }
}

/// What to write instead, where the TOML reader only says what it did not want.
fn way_out(error: &toml::de::Error, text: &str) -> String {
    let message = error.message();
    let span = error.span().unwrap_or_default();
    let there = text.get(span.clone()).unwrap_or_default();
    let before = text.get(..span.start).unwrap_or_default();
    let key = before.rsplit('\n').next().unwrap_or_default().split('=').next().unwrap_or_default().trim();
    let is_type = message.starts_with("invalid type: ");
    if message.contains("expected one of `observe`") && !there.starts_with(['"', '\'']) {
        "\na rule's name has a dot, so it stands in quotes: \"web.nginx-killed\" = \"auto\"".into()
    } else if is_type && TABLES.contains(&key) && !before.lines().any(|line| line.trim_start().starts_with('[')) {
        let example = if key == "rules" { "folders = [\"/etc/heinzel/rules\"]" } else { "a line for each of its keys" };
        format!("\n`{key}` is a table: write [{key}] on a line of its own, and below it {example}")
    } else if message.starts_with("unknown field `assets`") {
        "\n`assets` belongs to no table: it stands above the first [table]".into()
    } else if message.starts_with("invalid type: string") && message.ends_with("a sequence") {
        "\nwrite a list in square brackets, like [\"one\", \"two\"]; a command is a list of its words in that list: [[\"nginx\", \"-t\"]]".into()
    } else if is_type && message.ends_with("a string") {
        "\nwrite a text in quotes; a length of time has its unit, like \"10m\"".into()
    } else if is_type && message.starts_with("invalid type: map") && there.starts_with('[') {
        format!("\nthere may be several, so it stands in double brackets: [{there}]")
    } else if is_type && message.ends_with("a map") {
        format!(
            "\n`{key}` is a table of its own: write [{}.{key}], and a line for each of its keys below it",
            table(before)
        )
    } else if is_type && message.ends_with("a boolean") {
        "\nwrite true or false, without quotes".into()
    } else if is_type && message.ends_with("f64") {
        "\nwrite a number without quotes, like 0.05".into()
    } else if message.contains("invalid IP address syntax") {
        "\nwrite each address by itself, like \"127.0.0.1\" or \"::1\"; names and networks (10.0.0.0/8) are not taken"
            .into()
    } else if is_type && message.contains("expected struct") {
        "\nwrite a table in braces, like { key = \"value\" }".into()
    } else {
        String::new()
    }
}

/// The table that begins last in a text.
fn table(text: &str) -> &str {
    let heads = text.lines().rev().filter_map(|line| line.trim().strip_prefix('[')?.split(']').next());
    heads.map(|head| head.trim_start_matches('[')).next().unwrap_or_default()
}

/// The tables of the file.
const TABLES: [&str; 7] = ["rules", "store", "policy", "act", "server", "answers", "suggestions"];

/// Those that there are of the folder beside the configuration and [`installed::RULES`].
fn usual_rules(beside: &Path) -> Vec<PathBuf> {
    let system = installed::RULES.map(Path::new).into_iter().filter(|folder| *folder != beside);
    std::iter::once(beside).chain(system).filter(|folder| folder.is_dir()).map(Path::to_owned).collect()
}
