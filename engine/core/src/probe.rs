//! A read-only look at the host, and what it saw.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::field::FieldType;

/// What probes saw, by the name the rule gave them.
pub type Facts = BTreeMap<String, Fact>;

/// A read-only look at the host. What each reports is a JSON object with the keys named here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "probe", rename_all = "snake_case", deny_unknown_fields)]
pub enum Probe {
    /// State of a systemd unit. `name` may hold `*`; the first match in name order counts.
    /// Reports `name`, `load` (`loaded`, `not-found` …), `state` (`active`, `failed` …), `sub`, `active` (bool),
    /// `failed` (bool), `result`, `main_pid` (int), `restarts` (int), `matches` (int: units that fit).
    Unit {
        /// Unit name or pattern.
        name: String,
    },
    /// Use of the file system that holds a path. Reports `path`, `used_percent`, `free_bytes`, `total_bytes`,
    /// `inodes_used_percent`, `inodes_free`, `read_only` (bool).
    Disk {
        /// An absolute path.
        path: String,
    },
    /// Load averages. Reports `one`, `five`, `fifteen`, `cores` (int), `per_core` (`one` divided by cores).
    Load,
    /// Memory. Reports `total_bytes`, `available_bytes`, `available_percent`, `swap_total_bytes`, `swap_free_bytes`.
    Memory,
    /// Processes whose name (`/proc/PID/comm`) fits. Reports `count` and `list`: up to 100 of `pid`, `name`, `state`,
    /// `parent`, `age_seconds`, `rss_bytes`, `user` (numeric id). No command lines: users choose them.
    Processes {
        /// Name or pattern.
        name: String,
    },
    /// A file or folder, without following a last symlink. Reports `exists` (bool), `kind` (`file`, `folder`, `link`,
    /// `socket`, `other`), `size_bytes`, `age_seconds` (since last change), `mode` (octal text), `owner`, `group` (ids).
    File {
        /// An absolute path.
        path: String,
    },
    /// Whether a TCP port accepts. Reports `open` (bool), `millis`, `error`.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// GET of a URL. Reports `reached` (bool), `status` (int), `ok` (bool: 200 to 399), `millis`, `size_bytes`, `error`.
    Http {
        /// `http://` or `https://`.
        url: String,
    },
    /// Expiry of a certificate. Reports `expires` (RFC 3339), `days_left` (float, negative when over), `subject`,
    /// `self_signed` (bool).
    Certificate {
        /// `host:port` to ask, or an absolute path to a PEM file.
        target: String,
    },
    /// A command from the operator's allow-list, without a shell. Reports `exit` (int, absent when killed), `lines`
    /// (int), and what `capture` finds; its raw output is never handed to a script.
    Command {
        /// Program and arguments.
        argv: Vec<String>,
        /// Typed values to take from the output.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        capture: Option<Capture>,
    },
    /// A Nagios plugin from the allow-list. Reports `exit` (0 to 3), `state` (`ok`, `warning`, `critical`, `unknown`),
    /// `ok` (bool). Exit codes as in the Monitoring Plugins Development Guidelines, "Plugin Return Codes".
    Nagios {
        /// Program and arguments.
        argv: Vec<String>,
    },
}

/// Typed values taken from a command's output: the first line on which the pattern matches and all fields are accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    /// A regex with named groups.
    pub pattern: String,
    /// The type of each group. `text` is not allowed.
    pub fields: BTreeMap<String, FieldType>,
}

impl Probe {
    /// What it looks at, in one short line for people.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Unit { name } => format!("unit {name}"),
            Self::Disk { path } => format!("disk use of {path}"),
            Self::Load => "load".into(),
            Self::Memory => "memory".into(),
            Self::Processes { name } => format!("processes {name}"),
            Self::File { path } => format!("file {path}"),
            Self::Tcp { host, port } => format!("tcp {host}:{port}"),
            Self::Http { url } => format!("GET {url}"),
            Self::Certificate { target } => format!("certificate of {target}"),
            Self::Command { argv, .. } => format!("command {}", crate::plan::quote(argv)),
            Self::Nagios { argv } => format!("plugin {}", crate::plan::quote(argv)),
        }
    }
}

/// What one probe saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "saw", rename_all = "snake_case")]
pub enum Fact {
    /// It looked, and this is what it reports (an object; keys as [`Probe`] says).
    Seen {
        /// The report.
        report: Json,
    },
    /// It could not look. Not good news and not bad news: nothing is known.
    Blind {
        /// What was tried, on what, and why it failed.
        why: String,
    },
}

/// How often a probe may take before it counts as blind, unless the policy says otherwise.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
