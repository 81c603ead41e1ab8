//! The operator's word: `[policy]` of `heinzel.toml`, the only place that grants rights.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::field::is_path;
use crate::glob::Glob;
use crate::plan::{Action, Step};
use crate::probe::Probe;
use crate::rule::RuleId;
use crate::time::{Span, Timestamp};

mod rate;
mod sense;
mod vain;

pub use rate::Rate;
pub use sense::Senseless;

/// How far a rule may go. The most timid comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Finds, probes and plans, and writes down what it would have done.
    #[default]
    Observe,
    /// Also shows the plan to the operator, who carries it out by hand.
    Suggest,
    /// Carries the plan out after `heinzel approve`.
    Approve,
    /// Carries it out.
    Auto,
}

impl Mode {
    /// All modes, the most timid first.
    pub const ALL: [Self; 4] = [Self::Observe, Self::Suggest, Self::Approve, Self::Auto];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Suggest => "suggest",
            Self::Approve => "approve",
            Self::Auto => "auto",
        }
    }

    /// From its word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.word() == word)
    }

    /// The next bolder one.
    #[must_use]
    pub fn bolder(self) -> Option<Self> {
        Self::ALL.into_iter().find(|&m| m > self)
    }

    /// The next more timid one.
    #[must_use]
    pub(crate) fn more_timid(self) -> Option<Self> {
        Self::ALL.into_iter().rev().find(|&m| m < self)
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}

/// What steps and probes may touch. Empty lists allow nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Allow {
    /// Units that steps may start, stop, restart, reload, reset: `nginx.service`, `php*-fpm.service`.
    pub units: Vec<Glob>,
    /// Commands, each a list of patterns, one an argument: `["postsuper", "-r", "*"]`. A `*` never stands for an
    /// argument that begins with `-` or for a `..` in a path; in a pattern with `/` it stays between two of them, and
    /// stands for no control character.
    pub commands: Vec<Vec<Glob>>,
    /// Folders under which steps may change files.
    pub paths: Vec<String>,
    /// Targets of HTTP steps and probes: `http://127.0.0.1:*/*`. Probes of loopback addresses are always allowed.
    pub http: Vec<Glob>,
    /// Names of processes that may be sent signals.
    pub processes: Vec<Glob>,
    /// How to retry tasks, by kind: `vzdump = ["vzdump", "{target}"]`.
    pub tasks: BTreeMap<Glob, Vec<String>>,
}

/// How many fixes may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// Per rule.
    pub rule: Rate,
    /// Per asset, but for hosts as a whole: those have the host's.
    pub asset: Rate,
    /// On this host.
    pub host: Rate,
}

impl Default for Budget {
    /// Three an hour for one object is what an operator would try by hand before looking for the cause.
    fn default() -> Self {
        let hour = Span::seconds(3600);
        Self {
            rule: Rate { count: 6, within: hour },
            asset: Rate { count: 3, within: hour },
            host: Rate { count: 20, within: hour },
        }
    }
}

/// When a fix does not hold: counted for each customer, and for each asset that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// So many failed fixes of a rule within so long open its breaker there: it stops, until `heinzel policy promote`.
    pub failures: Rate,
    /// So many failed fixes, vetoes or quick recurrences within so long take the rule one mode down there; so many vetoes do
    /// everywhere.
    pub demote: Rate,
    /// When that has happened once to so many different customers or assets in the same time, it counts everywhere.
    pub spread: u32,
}

impl Default for Breaker {
    fn default() -> Self {
        let day = Span::seconds(86_400);
        // On a machine with hundreds of sites, three may be broken on one day and the fix be a good one.
        Self { failures: Rate { count: 3, within: day }, demote: Rate { count: 2, within: day }, spread: 4 }
    }
}

/// A time in which an operator works on assets and no fix may run there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// On which assets.
    pub assets: Vec<Glob>,
    /// From.
    pub from: Timestamp,
    /// Until.
    pub until: Timestamp,
}

/// What customers' drafts may set off: `[policy.drafts]`. Nothing, until the operator says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Drafts {
    /// Rules whose probes a draft may set off.
    pub look: Vec<Glob>,
    /// Those of them whose fix may then follow as after a line; the others ask for approval.
    pub fix: Vec<Glob>,
    /// How often one customer's drafts may set off a look at one asset.
    pub rate: Rate,
    /// How often all drafts together may.
    pub all: Rate,
}

impl Default for Drafts {
    /// Nobody writes three tickets an hour about one server.
    fn default() -> Self {
        let hour = Span::seconds(3600);
        let (rate, all) = (Rate { count: 3, within: hour }, Rate { count: 60, within: hour });
        Self { look: Vec::new(), fix: Vec::new(), rate, all }
    }
}

/// `[policy]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Mode by rule pattern; the most specific pattern that fits counts; without one, observe. What
    /// `heinzel policy promote` and automatic demotion decided later is kept in the store and comes first.
    pub modes: BTreeMap<Glob, Mode>,
    /// What steps may touch.
    pub allow: Allow,
    /// Assets that no fix touches without approval, beside those that `assets.toml` marks.
    pub protected: Vec<Glob>,
    /// Maintenance windows.
    pub maintenance: Vec<Maintenance>,
    /// How many fixes may run.
    pub budget: Budget,
    /// When a fix does not hold.
    pub breaker: Breaker,
    /// What customers' drafts may set off.
    pub drafts: Drafts,
    /// How long a plan waits for approval before it is dropped and the incident needs a human.
    pub approval_expires: Span,
    /// How many files or processes one step may touch at most.
    pub max_targets: u32,
    /// How many rounds of planning one fix may take.
    pub max_rounds: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            modes: BTreeMap::new(),
            allow: Allow::default(),
            protected: Vec::new(),
            maintenance: Vec::new(),
            budget: Budget::default(),
            breaker: Breaker::default(),
            drafts: Drafts::default(),
            approval_expires: Span::seconds(86_400),
            max_targets: 100,
            max_rounds: 3,
        }
    }
}

/// A step or probe is not on the allow-list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is not allowed: {why}")]
pub struct NotAllowed {
    /// The step or probe.
    pub what: String,
    /// Why, and which setting would allow it.
    pub why: String,
}

impl Policy {
    /// The mode the settings give a rule. A pattern for many rules takes none further than its author thinks wise
    /// (`automation`); its own name does.
    #[must_use]
    pub fn mode(&self, rule: &RuleId, automation: Mode) -> Mode {
        let fitting = self.modes.iter().filter(|(glob, _)| glob.fits(&rule.0));
        match fitting.max_by_key(|(glob, _)| glob.weight()) {
            Some((glob, &mode)) if *glob.0 == *rule.0 => mode,
            Some((_, &mode)) => mode.min(automation),
            None => Mode::default(),
        }
    }
}

impl Allow {
    /// Whether a step may run, as far as its words tell (files behind patterns are checked again when it runs).
    ///
    /// # Errors
    /// [`NotAllowed`] with the setting that would allow it.
    pub fn step(&self, step: &Step) -> Result<(), NotAllowed> {
        let no = |why: String| Err(NotAllowed { what: format!("`{}`", step.action.describe()), why });
        let path = |path: &String| match self.path(path) {
            Ok(()) => Ok(()),
            Err(why) => no(why),
        };
        match &step.action {
            Action::Systemd { unit, .. } => match crate::field::is_unit(unit) {
                Err(e) => no(format!("unit `{unit}` {e}")),
                Ok(()) if self.units.iter().any(|g| g.fits(unit)) => Ok(()),
                Ok(()) => no(format!("add \"{unit}\" to `policy.allow.units`")),
            },
            Action::Command { argv } => self.command(argv).or_else(no),
            Action::Remove { path: p, .. } | Action::Truncate { path: p } | Action::Chmod { path: p, .. } => path(p),
            Action::Chown { path: p, .. } | Action::WriteTemplate { path: p, .. } => path(p),
            Action::Copy { from, to } | Action::Move { from, to } => path(from).and_then(|()| path(to)),
            Action::Signal { name, .. } if self.processes.iter().any(|g| g.fits(name)) => Ok(()),
            Action::Signal { name, .. } => no(format!("add \"{name}\" to `policy.allow.processes`")),
            Action::Http { url, .. } if self.http.iter().any(|g| g.fits(url)) => Ok(()),
            Action::Http { url, .. } => no(format!("add \"{url}\" to `policy.allow.http`")),
            Action::TaskRetry { kind, target } => match self.task(kind, target) {
                Some(_) => Ok(()),
                None => no(format!("name its command in `policy.allow.tasks`: \"{kind}\" = [\"…\", \"{{target}}\"]")),
            },
            Action::Wait { .. } | Action::Replan => Ok(()),
        }
    }

    /// Whether a probe may look. Probes of the host itself may always; commands, plugins and foreign URLs need a grant.
    ///
    /// # Errors
    /// [`NotAllowed`] with the setting that would allow it.
    pub fn probe(&self, probe: &Probe) -> Result<(), NotAllowed> {
        let no = |why: String| Err(NotAllowed { what: format!("probe `{}`", probe.describe()), why });
        match probe {
            Probe::Command { argv, .. } | Probe::Nagios { argv } => self.command(argv).or_else(no),
            Probe::Http { url } if is_loopback(url) || self.http.iter().any(|g| g.fits(url)) => Ok(()),
            Probe::Http { url } => no(format!("add \"{url}\" to `policy.allow.http`")),
            Probe::Disk { path } | Probe::File { path } => match is_path(path) {
                Ok(()) => Ok(()),
                Err(e) => no(format!("path `{path}` {e}")),
            },
            Probe::Unit { .. } | Probe::Load | Probe::Memory | Probe::Processes { .. } => Ok(()),
            Probe::Tcp { .. } | Probe::Certificate { .. } => Ok(()),
        }
    }

    /// The command that retries a task, with its placeholders filled in. `None`: not allowed, or the target is not a
    /// plain name.
    #[must_use]
    pub fn task(&self, kind: &str, target: &str) -> Option<Vec<String>> {
        crate::field::FieldType::Ident.accept(target).ok()?;
        let fits = |g: &&Glob| g.fits(kind);
        let glob = self.tasks.keys().filter(fits).max_by_key(|g| g.weight())?;
        Some(self.tasks[glob].iter().map(|word| word.replace("{target}", target)).collect())
    }

    fn command(&self, argv: &[String]) -> Result<(), String> {
        if argv.first().is_none_or(String::is_empty) {
            return Err("it names no program".into());
        }
        if argv.iter().any(|a| a.contains('\0')) {
            return Err("an argument contains a NUL".into());
        }
        let fits = |(glob, arg): (&Glob, &String)| stands_for(glob, arg);
        if self.commands.iter().any(|c| c.len() == argv.len() && c.iter().zip(argv).all(fits)) {
            return Ok(());
        }
        Err(format!("add {} to `policy.allow.commands`", serde_json::to_string(argv).unwrap_or_default()))
    }

    fn path(&self, path: &str) -> Result<(), String> {
        is_path(path).map_err(|e| format!("path `{path}` {e}"))?;
        let under = |root: &String| {
            let root = root.trim_end_matches('/');
            !root.is_empty() && path.strip_prefix(root).is_some_and(|rest| rest.starts_with('/') && rest.len() > 1)
        };
        if self.paths.iter().any(under) {
            return Ok(());
        }
        let folder = path.rsplit_once('/').map_or("/", |(folder, _)| folder);
        Err(format!("add \"{folder}\" to `policy.allow.paths`"))
    }
}

/// Whether a pattern of a command allows an argument.
fn stands_for(glob: &Glob, arg: &str) -> bool {
    if !glob.0.contains(['*', '?']) {
        return glob.0 == arg;
    }
    let is_option = arg.starts_with('-') && !glob.0.starts_with('-');
    if is_option || arg.split('/').any(|part| part == "..") {
        return false;
    }
    if glob.0.contains('/') {
        return !arg.contains(char::is_control)
            && glob.0.split('/').count() == arg.split('/').count()
            && glob.0.split('/').zip(arg.split('/')).all(|(glob, part)| Glob::from(glob).fits(part));
    }
    glob.fits(arg)
}

fn is_loopback(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return false;
    }
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow() -> Allow {
        Allow {
            units: vec!["nginx.service".into(), "php*-fpm.service".into()],
            commands: vec![
                vec!["postsuper".into(), "-r".into(), "*".into()],
                vec!["touch".into(), "/srv/web/*".into()],
                vec!["ls".into(), "*/web".into()],
            ],
            paths: vec!["/var/cache/nginx".into()],
            http: vec!["https://panel.example.com/api/*".into()],
            processes: vec!["php-fpm*".into()],
            tasks: BTreeMap::from([("vzdump".into(), vec!["vzdump".into(), "{target}".into()])]),
        }
    }

    fn check(action: Action, expected: &str) {
        let said = allow().step(&action.into()).map_or_else(|e| e.to_string(), |()| "allowed".into());
        assert!(said.contains(expected), "{said} should contain {expected}");
    }

    #[test]
    fn what_is_not_granted_is_refused_with_the_setting_that_would_grant_it() {
        let argv = |words: &[&str]| Action::Command { argv: words.iter().map(|&w| w.into()).collect() };
        let unit = |unit: &str| Action::Systemd { verb: crate::plan::UnitVerb::Restart, unit: unit.into() };
        let remove = |path: &str| Action::Remove { path: path.into(), older_than: None };
        check(unit("php8.2-fpm.service"), "allowed");
        check(unit("sshd.service"), "`policy.allow.units`");
        check(unit("-H evil.service"), "begins with `-`");
        check(argv(&["postsuper", "-r", "ABC123"]), "allowed");
        check(argv(&["postsuper", "-r", "-d"]), "`policy.allow.commands`");
        check(argv(&["postsuper", "-r"]), "`policy.allow.commands`");
        check(argv(&[]), "names no program");
        check(argv(&["touch", "/srv/web/a"]), "allowed");
        for stray in ["/srv/web/../x", "/srv/web/a/b", "/srv/web/..", "/srv/web/a\nb", "/srv/web", "x/srv/web/a"] {
            check(argv(&["touch", stray]), "`policy.allow.commands`");
        }
        check(argv(&["postsuper", "-r", "../x"]), "`policy.allow.commands`");
        check(argv(&["ls", "srv/web"]), "allowed");
        check(argv(&["ls", "--format=x/web"]), "`policy.allow.commands`");
        check(remove("/var/cache/nginx/a"), "allowed");
        check(remove("/var/cache/nginx"), "`policy.allow.paths`");
        check(remove("/var/cache/nginx-evil/a"), "`policy.allow.paths`");
        check(remove("/var/cache/nginx/../../etc/shadow"), "contains `/../`");
        check(Action::Copy { from: "/etc/shadow".into(), to: "/var/cache/nginx/x".into() }, "`policy.allow.paths`");
        check(Action::TaskRetry { kind: "vzdump".into(), target: "100".into() }, "allowed");
        check(Action::TaskRetry { kind: "vzdump".into(), target: "--all".into() }, "`policy.allow.tasks`");
        check(Action::Signal { name: "sshd".into(), pid: None, signal: "TERM".into() }, "`policy.allow.processes`");
    }

    #[test]
    fn loopback_is_not_fooled() {
        for (url, expected) in [
            ("http://127.0.0.1/status", true),
            ("http://[::1]:8080/", true),
            ("https://localhost", true),
            ("http://127.0.0.1.example.com/", false),
            ("http://127.0.0.1@example.com/", false),
            ("http://example.com/127.0.0.1", false),
        ] {
            assert_eq!(is_loopback(url), expected, "{url}");
        }
    }

    #[test]
    fn the_most_specific_mode_counts() {
        let policy = Policy {
            modes: BTreeMap::from([
                ("*".into(), Mode::Suggest),
                ("web.*".into(), Mode::Auto),
                ("web.nginx-down".into(), Mode::Observe),
            ]),
            ..Policy::default()
        };
        let mode = |rule: &str| policy.mode(&rule.into(), Mode::Auto);
        assert_eq!(mode("web.nginx-down"), Mode::Observe);
        assert_eq!(mode("web.other"), Mode::Auto);
        assert_eq!(mode("mail.x"), Mode::Suggest);
        assert_eq!(Policy::default().mode(&"mail.x".into(), Mode::Auto), Mode::Observe);
    }

    #[test]
    fn only_its_own_name_takes_a_rule_further_than_its_author_thinks_wise() {
        let modes = |glob: &str| Policy { modes: BTreeMap::from([(glob.into(), Mode::Auto)]), ..Policy::default() };
        let rule = "virtualisation.vm-locked".into();
        assert_eq!(modes("*").mode(&rule, Mode::Approve), Mode::Approve);
        assert_eq!(modes("virtualisation.*").mode(&rule, Mode::Approve), Mode::Approve);
        assert_eq!(modes("virtualisation.vm-locked").mode(&rule, Mode::Approve), Mode::Auto);
    }
}
