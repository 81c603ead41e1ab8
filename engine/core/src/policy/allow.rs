//! What steps and probes may touch: the operator's allow-list.
//!
//! Start at [`Allow::step`]. Nothing is allowed that is not granted; what is refused names the setting that would grant it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::field::is_path;
use crate::glob::Glob;
use crate::plan::{Action, Step};
use crate::probe::Probe;

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
    /// Targets of HTTP steps and probes: `http://127.0.0.1:*/*`. A `*` in the host stays in the host. Probes of loopback addresses are always allowed.
    pub http: Vec<Glob>,
    /// Names of processes that may be sent signals.
    pub processes: Vec<Glob>,
    /// How to retry tasks, by kind: `vzdump = ["vzdump", "{target}"]`.
    pub tasks: BTreeMap<Glob, Vec<String>>,
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
            Action::Http { url, .. } if self.url(url) => Ok(()),
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
            Probe::Http { url } if is_loopback(url) || self.url(url) => Ok(()),
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

    /// A star in the host of a pattern stands for no part of a path: `https://*.example.com/*` is not
    /// `https://elsewhere/x.example.com/`.
    fn url(&self, url: &str) -> bool {
        let fits = |glob: &Glob| match (host_and_path(&glob.0), host_and_path(url)) {
            (Some((glob, glob_path)), Some((host, path))) => {
                Glob::from(glob).fits(host) && Glob::from(glob_path).fits(path)
            }
            _ => glob.fits(url),
        };
        self.http.iter().any(fits)
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

/// A URL in front of its path, and from there on. `None`: it has no path.
fn host_and_path(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let path = rest.find(['/', '?', '#'])?;
    Some(url.split_at(scheme.len() + "://".len() + path))
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

    /// `expected`: nothing, if it is allowed, or part of why it is not.
    fn check(action: Action, expected: &str) {
        let said = allow().step(&action.into()).err().map(|no| no.to_string());
        let fits = if expected.is_empty() { said.is_none() } else { said.iter().any(|said| said.contains(expected)) };
        assert!(fits, "{said:?} should contain {expected:?}");
    }

    #[test]
    fn what_is_not_granted_is_refused_with_the_setting_that_would_grant_it() {
        let argv = |words: &[&str]| Action::Command { argv: words.iter().map(|&w| w.into()).collect() };
        let unit = |unit: &str| Action::Systemd { verb: crate::plan::UnitVerb::Restart, unit: unit.into() };
        let remove = |path: &str| Action::Remove { path: path.into(), older_than: None };
        check(unit("php8.2-fpm.service"), "");
        check(unit("sshd.service"), "`policy.allow.units`");
        check(unit("-H evil.service"), "begins with `-`");
        check(argv(&["postsuper", "-r", "ABC123"]), "");
        check(argv(&["postsuper", "-r", "-d"]), "`policy.allow.commands`");
        check(argv(&["postsuper", "-r"]), "`policy.allow.commands`");
        check(argv(&[]), "names no program");
        check(argv(&["touch", "/srv/web/a"]), "");
        for stray in ["/srv/web/../x", "/srv/web/a/b", "/srv/web/..", "/srv/web/a\nb", "/srv/web", "x/srv/web/a"] {
            check(argv(&["touch", stray]), "`policy.allow.commands`");
        }
        check(argv(&["postsuper", "-r", "../x"]), "`policy.allow.commands`");
        check(argv(&["ls", "srv/web"]), "");
        check(argv(&["ls", "--format=x/web"]), "`policy.allow.commands`");
        check(remove("/var/cache/nginx/a"), "");
        check(remove("/var/cache/nginx"), "`policy.allow.paths`");
        check(remove("/var/cache/nginx/"), "`policy.allow.paths`");
        check(remove("/var/cache/nginx-evil/a"), "`policy.allow.paths`");
        check(remove("/var/cache/nginx/../../etc/shadow"), "contains `/../`");
        check(Action::Copy { from: "/etc/shadow".into(), to: "/var/cache/nginx/x".into() }, "`policy.allow.paths`");
        check(Action::TaskRetry { kind: "vzdump".into(), target: "100".into() }, "");
        check(Action::TaskRetry { kind: "vzdump".into(), target: "--all".into() }, "`policy.allow.tasks`");
        let signal = |name: &str| Action::Signal { name: name.into(), pid: None, signal: "TERM".into() };
        check(signal("php-fpm8.2"), "");
        check(signal("sshd"), "`policy.allow.processes`");
    }

    #[test]
    fn a_task_is_retried_by_the_command_that_was_granted_for_it() {
        assert_eq!(allow().task("vzdump", "100"), Some(vec!["vzdump".into(), "100".into()]));
        assert_eq!(allow().task("qmstart", "100"), None);
    }

    #[test]
    fn urls_are_asked_for_where_they_were_granted() {
        let allow = Allow { http: vec!["https://*.example.com/api/*".into(), "http://sms".into()], ..allow() };
        for (url, expected) in [
            ("https://panel.example.com/api/restart", true),
            ("https://panel.example.com/api/a/b?c=d", true),
            ("https://panel.example.com/admin", false),
            ("https://elsewhere.example/x.example.com/api/", false),
            ("https://elsewhere.example?x.example.com/api/", false),
            ("https://elsewhere.example", false),
            ("http://sms", true),
            ("http://sms/", false),
        ] {
            let action = Action::Http { method: "POST".into(), url: url.into(), body: None };
            assert_eq!(allow.step(&action.into()).is_ok(), expected, "{url}");
            assert_eq!(allow.probe(&Probe::Http { url: url.into() }).is_ok(), expected, "{url}");
        }
        assert!(allow.probe(&Probe::Http { url: "http://127.0.0.1/status".into() }).is_ok());
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
}
