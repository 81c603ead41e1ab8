//! A fix made concrete: steps, the checks that prove it, and the way back.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::probe::{Fact, Probe};
use crate::rule::RuleVersion;

/// What to do with a systemd unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitVerb {
    /// `systemctl start`
    Start,
    /// `systemctl stop`
    Stop,
    /// `systemctl restart`
    Restart,
    /// `systemctl reload`
    Reload,
    /// `systemctl reset-failed`
    ResetFailed,
}

impl UnitVerb {
    /// The word `systemctl` knows it by.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Reload => "reload",
            Self::ResetFailed => "reset-failed",
        }
    }
}

/// One action on the world. Every path is absolute; every name is checked against the operator's allow-list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// `systemctl VERB UNIT`.
    Systemd {
        /// What.
        verb: UnitVerb,
        /// A whole unit name.
        unit: String,
    },
    /// A program from the allow-list, without a shell.
    Command {
        /// Program and arguments.
        argv: Vec<String>,
    },
    /// Removes files (never folders). `path` may hold `*` in its last part.
    Remove {
        /// Path or pattern.
        path: String,
        /// Only files whose last change is at least this long ago.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        older_than: Option<Duration>,
    },
    /// Cuts a file to nothing.
    Truncate {
        /// The file.
        path: String,
    },
    /// Copies a file with owner and mode, over an existing one by temp and rename.
    Copy {
        /// From here.
        from: String,
        /// To there.
        to: String,
    },
    /// Moves a file within one file system.
    Move {
        /// From here.
        from: String,
        /// To there.
        to: String,
    },
    /// Sets a file's mode.
    Chmod {
        /// The file.
        path: String,
        /// Octal, at most 7777.
        mode: u32,
    },
    /// Sets a file's owner and group, by name.
    Chown {
        /// The file.
        path: String,
        /// User name.
        owner: String,
        /// Group name.
        group: String,
    },
    /// Writes a file from a template (undefined names are errors), by temp and rename.
    WriteTemplate {
        /// The file.
        path: String,
        /// The template's text.
        template: String,
        /// Its values.
        values: BTreeMap<String, Json>,
    },
    /// Sends a signal to the processes with exactly this name (and pid, when given: both must fit).
    Signal {
        /// `/proc/PID/comm`.
        name: String,
        /// Only this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pid: Option<u32>,
        /// `HUP`, `TERM`, `USR1` …
        signal: String,
    },
    /// An HTTP request.
    Http {
        /// `GET`, `POST`, `PUT`, `DELETE`.
        method: String,
        /// The target.
        url: String,
        /// The body, sent as JSON.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<Json>,
    },
    /// Runs a task again, by the command that the operator's policy names for its kind.
    TaskRetry {
        /// Task kind.
        kind: String,
        /// What it works on.
        target: String,
    },
    /// Waits.
    Wait {
        /// So long.
        time: Duration,
    },
    /// Ends this round: the engine probes again and asks `fix` once more.
    Replan,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What to do.
    #[serde(flatten)]
    pub action: Action,
    /// How long it may take.
    pub timeout: Duration,
}

/// How long a step may take, unless the rule says otherwise.
pub(crate) const STEP_TIMEOUT: Duration = Duration::from_secs(60);

impl From<Action> for Step {
    fn from(action: Action) -> Self {
        let timeout = match &action {
            Action::Wait { time } => *time + Duration::from_secs(5),
            _ => STEP_TIMEOUT,
        };
        Self { action, timeout }
    }
}

impl Action {
    /// What it does, in one short line for people.
    #[must_use]
    pub fn describe(&self) -> String {
        let span = |time: &Duration| crate::time::Span(*time).to_string();
        match self {
            Self::Systemd { verb, unit } => format!("systemctl {} {unit}", verb.word()),
            Self::Command { argv } => format!("run {}", quote(argv)),
            Self::Remove { path, older_than: None } => format!("remove {path}"),
            Self::Remove { path, older_than: Some(age) } => format!("remove {path} older than {}", span(age)),
            Self::Truncate { path } => format!("truncate {path}"),
            Self::Copy { from, to } => format!("copy {from} to {to}"),
            Self::Move { from, to } => format!("move {from} to {to}"),
            Self::Chmod { path, mode } => format!("chmod {mode:o} {path}"),
            Self::Chown { path, owner, group } => format!("chown {owner}:{group} {path}"),
            Self::WriteTemplate { path, .. } => format!("write {path}"),
            Self::Signal { name, pid: None, signal } => format!("send {signal} to {name}"),
            Self::Signal { name, pid: Some(pid), signal } => format!("send {signal} to {name} ({pid})"),
            Self::Http { method, url, .. } => format!("{method} {url}"),
            Self::TaskRetry { kind, target } => format!("retry task {kind} of {target}"),
            Self::Wait { time } => format!("wait {}", span(time)),
            Self::Replan => "look again and plan anew".into(),
        }
    }

    /// Whether it changes the world. Waiting and replanning do not.
    #[must_use]
    pub fn changes_world(&self) -> bool {
        !matches!(self, Self::Wait { .. } | Self::Replan)
    }
}

/// Program and arguments as one line, quoted so that the borders show. For people; nothing ever parses it.
#[must_use]
pub fn quote(argv: &[String]) -> String {
    let plain =
        |arg: &String| !arg.is_empty() && arg.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./:=@%+,".contains(&b));
    let words: Vec<String> = argv.iter().map(|a| if plain(a) { a.clone() } else { format!("{a:?}") }).collect();
    words.join(" ")
}

/// How a reported value must compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// Equal.
    Is,
    /// Different.
    IsNot,
    /// At most.
    AtMost,
    /// At least.
    AtLeast,
}

/// What must hold after a fix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "snake_case")]
pub enum Check {
    /// A probe's report says so: `report[key] compare value`.
    Report {
        /// The look.
        probe: Probe,
        /// The key in its report.
        key: String,
        /// How to compare.
        compare: Compare,
        /// With what.
        value: Json,
    },
    /// No new finding of this rule for this asset for so long, while its source was being read. Silence of a source that
    /// is not being read proves nothing.
    Quiet {
        /// So long.
        time: Duration,
    },
}

impl Check {
    /// What must hold, in one short line for people.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Report { probe, key, compare, value } => {
                let compare = match compare {
                    Compare::Is => "is",
                    Compare::IsNot => "is not",
                    Compare::AtMost => "is at most",
                    Compare::AtLeast => "is at least",
                };
                format!("{}: {key} {compare} {value}", probe.describe())
            }
            Self::Quiet { time } => format!("quiet for {}", crate::time::Span(*time)),
        }
    }

    /// Whether `fact` satisfies a [`Check::Report`]. `None`: the probe was blind or reports nothing under the key, so nothing
    /// is known.
    #[must_use]
    pub fn holds(&self, fact: &Fact) -> Option<bool> {
        let (Self::Report { key, compare, value, .. }, Fact::Seen { report }) = (self, fact) else { return None };
        // What could not be told (the status of a page that was not reached) is no other value than any.
        let seen = report.get(key).filter(|seen| !seen.is_null() || value.is_null())?;
        let order = || Some(seen.as_f64()?.total_cmp(&value.as_f64()?));
        let equal = match (seen.as_f64(), value.as_f64()) {
            (Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
            _ => seen == value,
        };
        match compare {
            Compare::Is => Some(equal),
            Compare::IsNot => Some(!equal),
            Compare::AtMost => Some(order()?.is_le()),
            Compare::AtLeast => Some(order()?.is_ge()),
        }
    }
}

/// A fix made concrete. It holds all that is needed to carry it out, prove it and take it back, so that a reload or a
/// restart in the middle changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of the rule that made it.
    pub version: RuleVersion,
    /// The round, from 0; rounds after the first follow a [`Action::Replan`].
    pub round: u32,
    /// In this order; a failed one stops the plan.
    pub steps: Vec<Step>,
    /// All must hold.
    pub verify: Vec<Check>,
    /// In this order, when a step or verify failed.
    pub rollback: Vec<Step>,
    /// How verify waits.
    pub patience: crate::rule::Patience,
}

impl Plan {
    /// A few letters that tell plans apart, for people who must name the one they mean.
    #[must_use]
    pub fn mark(&self) -> String {
        let mut hasher = DefaultHasher::new();
        serde_json::to_string(&(&self.steps, &self.rollback)).unwrap_or_default().hash(&mut hasher);
        format!("{:08x}", hasher.finish() >> 32)
    }

    /// The units and files that it changes, there or on its way back.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &String> {
        self.steps.iter().chain(&self.rollback).filter_map(|step| match &step.action {
            Action::Systemd { unit, .. } => Some(unit),
            Action::Remove { path, .. } | Action::Truncate { path } | Action::Chmod { path, .. } => Some(path),
            Action::Chown { path, .. } | Action::WriteTemplate { path, .. } => Some(path),
            Action::Copy { to, .. } | Action::Move { to, .. } => Some(to),
            Action::Command { .. } | Action::Signal { .. } | Action::Http { .. } => None,
            Action::TaskRetry { .. } | Action::Wait { .. } | Action::Replan => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_check_knows_true_false_and_unknown() {
        let check = |compare, value: Json, report: Json, expected| {
            let check = Check::Report { probe: Probe::Load, key: "x".into(), compare, value };
            assert_eq!(check.holds(&Fact::Seen { report }), expected, "{}", check.describe());
        };
        check(Compare::Is, json!(true), json!({"x": true}), Some(true));
        check(Compare::Is, json!(200), json!({"x": 200.0}), Some(true));
        check(Compare::IsNot, json!("failed"), json!({"x": "failed"}), Some(false));
        check(Compare::AtMost, json!(90), json!({"x": 95.5}), Some(false));
        check(Compare::AtLeast, json!(1), json!({"x": "many"}), None);
        check(Compare::Is, json!(1), json!({}), None);
        // Of a page that was not reached there is no status.
        check(Compare::IsNot, json!(502), json!({"x": null}), None);
        check(Compare::IsNot, json!(null), json!({"x": 200}), Some(true));
        check(Compare::Is, json!(null), json!({"x": null}), Some(true));
        let check = Check::Report { probe: Probe::Load, key: "x".into(), compare: Compare::Is, value: json!(1) };
        assert_eq!(check.holds(&Fact::Blind { why: "refused".into() }), None);
    }

    #[test]
    fn borders_between_arguments_show() {
        assert_eq!(quote(&["rm".into(), "a b".into(), "\u{1b}[2J".into()]), r#"rm "a b" "\u{1b}[2J""#);
    }
}
