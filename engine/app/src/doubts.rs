//! What of a configuration cannot work here, or means less than its author thinks: `check` says it, and so does `run`.
//!
//! [`Config::load`] refuses what is wrong in itself. Here is what depends on this machine and on the rules.

use std::collections::BTreeSet;
use std::{fmt, io};

use heinzel_core::effect::OPERATOR;
use heinzel_core::near;
use heinzel_embedding::folder::look;
use heinzel_knowledge::complaint::Severity;
use heinzel_script::problem::{Gravity, Problem};
use heinzel_server::access::Access;
use serde_json::{Value, json};

use crate::config::Config;
use crate::front::MODELS;
use crate::live::Live;
use crate::text::{count, folders};
use crate::{discover, installed, knowledge, server, state_folder, strays};

/// Something that is wrong or may be, with its place and the way out.
#[derive(Debug)]
pub(crate) struct Doubt {
    gravity: Gravity,
    text: String,
}

impl Doubt {
    fn error(text: String) -> Self {
        Self { gravity: Gravity::Error, text }
    }

    /// It may be wrong.
    pub(crate) fn warning(text: String) -> Self {
        Self { gravity: Gravity::Warning, text }
    }

    /// What is said of it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// For programs, in the shape of the problems of rules.
    pub(crate) fn to_json(&self, config: &Config) -> Value {
        let nothing = Value::Null;
        json!({
            "file": config.file, "line": nothing, "column": nothing, "severity": self.gravity, "message": self.text,
            "hint": nothing,
        })
    }

    /// Whether `run` would not start.
    pub(crate) fn is_error(&self) -> bool {
        self.gravity == Gravity::Error
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", if self.is_error() { "error" } else { "warning" }, self.text)
    }
}

/// All there are. Only looks: nothing is made, and nothing is listened on.
pub(crate) fn of(config: &Config, live: &Live, problems: &[Problem]) -> Vec<Doubt> {
    let strays = strays::of(&config.policy, live, problems).into_iter().map(Doubt::warning);
    let state = state_folder::check(&config.state).err().map(Doubt::error);
    let unheard = server::unheard(config).map(Doubt::warning);
    let unused = unused_webhooks(config, live).into_iter().map(Doubt::warning);
    let twice = discover::read_twice(&config.sources).into_iter().map(Doubt::warning);
    let of_sources = unheard.into_iter().chain(twice);
    state
        .into_iter()
        .chain(secrets(config))
        .chain(of_sources)
        .chain(model(config))
        .chain(strays)
        .chain(unused)
        .collect()
}

/// Webhooks that no rule's `escalate` names: whoever they reach is never told.
fn unused_webhooks(config: &Config, live: &Live) -> Vec<String> {
    let told: BTreeSet<&str> =
        live.rules.rules.values().filter_map(|rule| rule.escalate.as_deref()).chain([OPERATOR]).collect();
    let unused = config.act.webhooks.keys().filter(|name| !told.contains(name.as_str()));
    let said = unused.map(|name| {
        let way = near::hint(name, told.iter().copied());
        format!("`act.webhooks.{name}`: no rule tells `{name}`, so nothing is ever sent there; {way}")
    });
    said.collect()
}

/// There is nothing to look for, and nothing to answer.
pub(crate) fn no_packs(config: &Config, live: &Live, problems: &[Problem]) -> Option<Doubt> {
    let is_broken = problems.iter().any(Problem::is_error);
    let text = || {
        format!(
            "there are no packs in {}, so nothing is found and nothing answered; name their folder in `[rules] folders` (or by `--rules`), \
             or put packs into `rules` beside the configuration or into {}",
            folders(&config.rules),
            installed::RULES.join(" or ")
        )
    };
    (live.packs.is_empty() && !is_broken).then(|| Doubt::warning(text()))
}

/// What the answers lack that rules name, and whether files of answers are left out: in a few words, since
/// `heinzel answers lint` has them all.
pub(crate) fn answers(config: &Config, live: &Live) -> Vec<Doubt> {
    let (library, complaints) = knowledge::load(config);
    let errors = complaints.iter().filter(|complaint| complaint.severity == Severity::Error).count();
    let broken = (errors > 0).then(|| {
        format!(
            "{} in files of answers, which customers do not see; `heinzel answers lint` shows them",
            count(errors, "error")
        )
    });
    let absent = live.rules.rules.values().flat_map(|rule| {
        let intents = rule.draft.iter().flat_map(|draft| &draft.intents);
        let named: BTreeSet<&String> = rule.answer.iter().chain(intents).collect();
        let absent = named.into_iter().filter(|id| library.get(id).is_none());
        let said = absent.map(|id| {
            format!(
                "`{}` names the answer `{id}`, which is not there; `heinzel answers lint` says what to write",
                rule.id
            )
        });
        said.collect::<Vec<_>>()
    });
    broken.into_iter().chain(absent).map(Doubt::warning).collect()
}

/// What the model lacks: the engine starts without it, and finds answers by words alone.
fn model(config: &Config) -> Option<Doubt> {
    let name = config.suggestions.model.as_ref()?;
    let folder = config.state.join(MODELS).join(name);
    let why = match std::fs::metadata(&folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            format!("look at {}: {error}; this user may not, so it was not checked", folder.display())
        }
        _ => {
            let lacks = look(&folder).err()?;
            format!("{lacks}; `heinzel model list` shows those there are, `heinzel model add` adds one")
        }
    };
    Some(Doubt::warning(format!("`suggestions.model` is `{name}`: {why}")))
}

/// What is wrong with the secrets that others must show.
fn secrets(config: &Config) -> Vec<Doubt> {
    let is_denied = |error: &anyhow::Error| {
        let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
        causes.any(|cause| cause.kind() == io::ErrorKind::PermissionDenied)
    };
    let pushed = server::push_sources(config).filter_map(Result::err).map(|e| (format!("{e:#}"), is_denied(&e)));
    // Without an address nobody is asked for them.
    let access = config.server.listen.map(|_| Access::complaints(&config.server)).unwrap_or_default();
    let access = access.into_iter().map(|e| (e.to_string(), e.is_denied()));
    let said = |(text, denied): (String, bool)| {
        // The engine may run as another one.
        if denied {
            Doubt::warning(format!("{text}; this user may not read it, so it was not checked"))
        } else {
            Doubt::error(text)
        }
    };
    pushed.chain(access).map(said).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;

    /// What is said of a configuration with these lines, in a folder with a file `file`.
    #[track_caller]
    fn check(lines: &str, expected: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("heinzel.toml");
        std::fs::write(folder.path().join("file"), "x").unwrap();
        std::fs::write(&file, lines).unwrap();
        let config = Config::load(&Overrides { file: Some(file), ..Overrides::default() }).unwrap();
        let before = std::fs::read_dir(folder.path()).unwrap().count();
        let said: Vec<String> = of(&config, &Live::default(), &[]).iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), expected.len(), "{said:?}");
        for (said, expected) in said.iter().zip(expected) {
            assert!(said.contains(expected), "{said} should contain {expected}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before, "nothing is made");
    }

    #[test]
    fn what_keeps_the_engine_from_starting_is_an_error_before_it_starts() {
        let store = |folder: &str| format!("[store]\nfolder = \"{folder}\"\n");
        check(&store("state"), &[]);
        check(&store("file"), &["error: "]);
        check(&store("file"), &["is no folder; name another folder in `store.folder`"]);
        check(&store("file/state"), &["below something that is no folder"]);
        check(&store(&"x".repeat(120)), &["too long a path"]);
        let token = "[[server.token]]\nname = \"shop\"\nscopes = [\"ingest\"]\ntoken_file = \"none\"\n";
        check(
            &format!("{}[server]\nlisten = \"127.0.0.1:1\"\n{token}", store("state")),
            &["error: `server.token shop`: read "],
        );
        // Nobody is asked for it.
        check(&format!("{}{token}", store("state")), &[]);
        let push = "[[source]]\nname = \"app\"\nkind = \"push\"\ntoken_file = \"/no/such/token\"\n";
        let unheard = "warning: source `app` is pushed to, but nothing listens; set `server.listen`";
        let unread = "error: source `app`: read the token: read /no/such/token";
        check(&format!("{push}{}", store("state")), &[unread, unheard]);
        check(&format!("{push}{}[server]\nlisten = \"127.0.0.1:1\"\n", store("state")), &[unread]);
    }

    #[test]
    fn a_webhook_that_nobody_names_is_a_warning() {
        let hook = |name: &str| {
            format!("[store]\nfolder = \"state\"\n[act.webhooks.{name}]\nurl = \"https://a.example/hook\"\n")
        };
        check(&hook("operator"), &[]);
        check(
            &hook("operater"),
            &[
                "warning: `act.webhooks.operater`: no rule tells `operater`, so nothing is ever sent there; did you mean `operator`?",
            ],
        );
    }

    #[test]
    fn a_model_that_is_not_there_is_a_warning() {
        let lines = "[store]\nfolder = \"state\"\n[suggestions]\nmodel = \"nix\"\n";
        check(lines, &["warning: `suggestions.model` is `nix`: there is no "]);
    }

    #[test]
    fn a_pattern_that_fits_no_rule_is_a_warning() {
        let lines = "[store]\nfolder = \"state\"\n[policy.modes]\n\"*\" = \"auto\"\n\"web.*\" = \"observe\"\n";
        check(lines, &["warning: `policy.modes`: no rule fits `web.*`"]);
    }

    #[test]
    fn a_grant_that_nothing_fits_and_a_protection_of_nothing_are_warnings() {
        let lines =
            "[store]\nfolder = \"state\"\n[policy]\nprotected = [\"db1\"]\n[policy.allow]\nunits = [\"nginx\"]\n";
        check(
            lines,
            &["warning: `policy.protected`: `db1` is no asset", "warning: `policy.allow.units`: no unit fits `nginx`"],
        );
    }
}
