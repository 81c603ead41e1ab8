//! `heinzel.toml`: what should happen. Flags say how this process runs.
//!
//! The whole file is read and checked before anything starts; unknown keys are errors. Without a file, or with one that
//! names no source, the machine's own logs are found by [`crate::discover`]; without a file every rule observes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use heinzel_act::settings::ActSettings;
use heinzel_core::policy::Policy;
use heinzel_core::state::REMEMBERED;
use heinzel_core::time::Span;
use heinzel_knowledge::render::Words;
use heinzel_source::settings::{Settings as SourceSettings, Source};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

/// Where the configuration is looked for when no flag names one.
pub(crate) const SYSTEM_CONFIG: &str = "/etc/heinzel/heinzel.toml";
/// Where its store is then, also for commands that systemd has not started.
const SYSTEM_STATE: &str = "/var/lib/heinzel";
/// Where rule packs lie on an installed system: the operator's own first.
pub(crate) const SYSTEM_RULES: [&str; 2] = ["/etc/heinzel/rules", "/usr/share/heinzel/rules"];

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
    server: Server,
    /// What answers say.
    answers: Answers,
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
    /// The folder; default: `$STATE_DIRECTORY`, else [`SYSTEM_STATE`] for [`SYSTEM_CONFIG`], else `heinzel` in the user's
    /// state folder.
    pub(crate) folder: Option<PathBuf>,
    /// How long resolved incidents are kept.
    pub(crate) incidents: Span,
    /// How long the audit trail is kept.
    pub(crate) audit: Span,
}

impl Default for Store {
    fn default() -> Self {
        Self { folder: None, incidents: Span::seconds(90 * 86_400), audit: Span::seconds(400 * 86_400) }
    }
}

/// `[server]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    /// Address and port; without it there is no HTTP API.
    #[serde(deserialize_with = "address")]
    pub(crate) listen: Option<SocketAddr>,
}

/// `[answers]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Answers {
    /// What they say about the company.
    pub(crate) words: Words,
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let no = || format!("`{text}` is no address with a port; write it like 127.0.0.1:4780 or [::1]:4780");
    text.parse().map(Some).map_err(|_| serde::de::Error::custom(no()))
}

/// The configuration, checked.
#[derive(Debug)]
pub(crate) struct Config {
    /// The file it came from; `None`: found out from the machine.
    pub(crate) file: Option<PathBuf>,
    pub(crate) sources: Vec<Source>,
    pub(crate) rules: Vec<PathBuf>,
    pub(crate) assets: Option<PathBuf>,
    pub(crate) state: PathBuf,
    pub(crate) store: Store,
    pub(crate) policy: Policy,
    pub(crate) act: ActSettings,
    pub(crate) server: Server,
    pub(crate) answers: Answers,
}

/// Flags that come before the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    pub(crate) file: Option<PathBuf>,
    pub(crate) rules: Vec<PathBuf>,
    pub(crate) state: Option<PathBuf>,
}

impl Config {
    /// Reads and checks the configuration, or finds out what this machine has.
    ///
    /// # Errors
    /// What is wrong, with the file, the line and the way out.
    pub(crate) fn load(flags: &Overrides) -> anyhow::Result<Self> {
        let system = Path::new(SYSTEM_CONFIG);
        let file = flags.file.clone().or_else(|| system.exists().then(|| system.to_owned()));
        let mut config = match &file {
            Some(path) => Self::read(path)?,
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
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("read the configuration {} (`heinzel init` writes one)", path.display()))?;
        let file: File = toml::from_str(&text)
            .map_err(|e| anyhow!("configuration {}: {}", path.display(), e.to_string().trim_end()))?;
        let beside = |p: PathBuf| path.parent().map_or(p.clone(), |folder| folder.join(&p));
        let mut sources = Vec::new();
        let mut names = std::collections::BTreeSet::new();
        for settings in file.source {
            let before = text.get(..settings.span().start).unwrap_or_default();
            let place = format!("configuration {}, line {}", path.display(), before.matches('\n').count() + 1);
            let source = settings.into_inner().check().map_err(|e| anyhow!("{place}: {e}"))?;
            if !names.insert(source.common.name.clone()) {
                bail!(
                    "{place}: a second `[[source]]` is named `{}`; a name must be unique, because checkpoints belong to it",
                    source.common.name
                );
            }
            sources.push(source);
        }
        let budget = file.policy.budget;
        for (name, rate) in [("rule", budget.rule), ("asset", budget.asset), ("host", budget.host)] {
            if rate.within.0 > REMEMBERED {
                let most = Span(REMEMBERED);
                bail!(
                    "configuration {}: `policy.budget.{name}` is {rate}; fixes are remembered for {most}",
                    path.display()
                );
            }
        }
        file.answers.words.check().map_err(|e| anyhow!("configuration {}: {e}", path.display()))?;
        let folders: Vec<PathBuf> = file.rules.folders.into_iter().map(beside).collect();
        let rules = if folders.is_empty() { existing(SYSTEM_RULES.map(PathBuf::from)) } else { folders };
        let state = file.store.folder.clone().map_or_else(|| default_state(Some(path)), beside);
        if sources.is_empty() {
            sources = crate::discover::sources();
        }
        Ok(Self {
            file: Some(path.to_owned()),
            sources,
            rules,
            assets: file.assets.map(beside),
            state,
            store: file.store,
            policy: file.policy,
            act: file.act,
            server: file.server,
            answers: file.answers,
        })
    }

    fn of_this_machine() -> Self {
        let rules = existing([PathBuf::from("rules")].into_iter().chain(SYSTEM_RULES.map(PathBuf::from)));
        Self {
            file: None,
            sources: crate::discover::sources(),
            rules,
            assets: None,
            state: default_state(None),
            store: Store::default(),
            policy: Policy::default(),
            act: ActSettings::default(),
            server: Server::default(),
            answers: Answers::default(),
        }
    }

    /// The socket over which the command line talks to the running engine.
    pub(crate) fn socket(&self) -> PathBuf {
        self.state.join("heinzel.sock")
    }
}

fn existing(folders: impl IntoIterator<Item = PathBuf>) -> Vec<PathBuf> {
    folders.into_iter().filter(|f| f.is_dir()).collect()
}

/// `$STATE_DIRECTORY` (systemd), [`SYSTEM_STATE`], `$XDG_STATE_HOME/heinzel`, `~/.local/state/heinzel`.
fn default_state(file: Option<&Path>) -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(folder) = variable("STATE_DIRECTORY") {
        return folder;
    }
    if file == Some(Path::new(SYSTEM_CONFIG)) {
        return SYSTEM_STATE.into();
    }
    let state = variable("XDG_STATE_HOME").or_else(|| variable("HOME").map(|home| home.join(".local/state")));
    state.unwrap_or_else(|| PathBuf::from("/var/lib")).join("heinzel")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_installed_engine_and_whoever_asks_it_mean_the_same_store() {
        if std::env::var_os("STATE_DIRECTORY").is_none() {
            assert_eq!(default_state(Some(Path::new(SYSTEM_CONFIG))), Path::new(SYSTEM_STATE));
            assert_ne!(default_state(Some(Path::new("heinzel.toml"))), Path::new(SYSTEM_STATE));
        }
    }
}
