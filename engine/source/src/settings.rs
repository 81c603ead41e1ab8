//! One `[[source]]` table of `heinzel.toml`, and what it means once checked.
//!
//! Start at [`Settings::check`]: it turns the flat table that the operator writes into a [`Source`] that cannot be wrong.
//! Complaints name the source, the key and the way out.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use heinzel_core::block::SourceId;
use heinzel_core::parse::Format;
use heinzel_core::secret::Secret;
use heinzel_core::task::TaskState;
use heinzel_core::time::Span;
use serde::Deserialize;

/// A line longer than this is cut, in bytes, unless `max_line` says otherwise.
pub(crate) const MAX_LINE: u64 = 262_144;

/// A `[[source]]` table as written. Every key that a kind does not know is an error of [`Settings::check`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The source's name: letters, digits, `.`, `_`, `-`.
    pub name: String,
    /// What kind of source it is.
    pub kind: KindName,
    /// How its lines are written; found out line by line when not given.
    #[serde(default)]
    pub format: Format,
    /// The IANA name of the zone of times that name none, like `Europe/Berlin`; the machine's own when not given.
    pub timezone: Option<String>,
    /// Where reading starts when there is no checkpoint: `end` (default), `beginning`, `since 2h`.
    pub start: Option<String>,
    /// The program that writes it, instead of the tag in the lines or the file's name.
    pub program: Option<String>,
    /// Whether customers can write to it: then its lines set off no fix, and accuse nobody.
    #[serde(default)]
    pub customers: bool,
    /// `file`: how several lines make one record.
    pub multiline: Option<MultilineSettings>,
    /// `file`: a path or glob, or several. `task_lines`, `cron`: the file.
    pub path: Option<OneOrMany>,
    /// `file`: globs of files not to read.
    pub exclude: Option<Vec<String>>,
    /// `file`: a longer line is cut, in bytes; 262144 when not given.
    pub max_line: Option<u64>,
    /// `file`: how often to look when no wake-up came; `2s` when not given.
    pub poll: Option<Span>,
    /// `journald`: only these units.
    pub units: Option<Vec<String>>,
    /// `journald`: only entries with these `FIELD=value`.
    pub matches: Option<Vec<String>>,
    /// `journald`: the folder of the journal files, if not this machine's.
    pub directory: Option<PathBuf>,
    /// `syslog`: `udp://127.0.0.1:514`, `tcp://127.0.0.1:514`, `unix:///run/heinzel/syslog`.
    pub listen: Option<String>,
    /// `exec`: the program and its arguments.
    pub command: Option<Vec<String>>,
    /// `exec`: runs the command again so long after it was started; without it the command is expected to go on.
    pub interval: Option<Span>,
    /// `exec` with `interval`: a run that takes longer is ended, with its whole process group; as long as `interval`, but at least
    /// `1m`, when not given.
    pub timeout: Option<Span>,
    /// `proxmox`: the folder of the task history; `/var/log/pve/tasks` when not given.
    pub folder: Option<PathBuf>,
    /// `task_lines`: which key of the JSON object holds what.
    pub fields: Option<TaskFields>,
    /// `task_lines`: what the history's words for a state mean.
    pub states: Option<BTreeMap<String, TaskState>>,
    /// `push`: the file with the bearer token.
    pub token_file: Option<PathBuf>,
    /// `push`: the bearer token itself.
    pub token: Option<Secret>,
}

/// The kinds of sources, as `kind` writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KindName {
    /// Log files.
    File,
    /// The systemd journal.
    Journald,
    /// Syslog over UDP, TCP or a Unix socket.
    Syslog,
    /// The lines of a command.
    Exec,
    /// The task history of Proxmox VE.
    Proxmox,
    /// A task history written as JSON lines.
    TaskLines,
    /// The runs of cron jobs.
    Cron,
    /// `POST /v1/events`.
    Push,
}

impl KindName {
    fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Journald => "journald",
            Self::Syslog => "syslog",
            Self::Exec => "exec",
            Self::Proxmox => "proxmox",
            Self::TaskLines => "task_lines",
            Self::Cron => "cron",
            Self::Push => "push",
        }
    }
}

/// One text or a list of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a text in quotes, or a list of them in square brackets")]
pub enum OneOrMany {
    /// A single one.
    One(String),
    /// A list.
    Many(Vec<String>),
}

/// `multiline = { continuation = "indent" }` or `multiline = { start = "REGEX" }`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultilineSettings {
    /// `indent`: lines that begin with a space or a tab belong to the record before.
    pub continuation: Option<String>,
    /// Lines that match begin a record; all others belong to the record before.
    pub start: Option<String>,
    /// A record with more lines is divided; 500 when not given.
    pub max_lines: Option<u32>,
    /// How long to wait for another line before the record counts as complete; `1s` when not given.
    pub wait: Option<Span>,
}

/// Which key of a JSON object holds what of a task. Keys inside objects are written with dots.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskFields {
    /// The task's id.
    pub id: String,
    /// What it does.
    pub kind: Option<String>,
    /// The asset it works on.
    pub target: Option<String>,
    /// The customer.
    pub customer: Option<String>,
    /// How it stands.
    pub state: Option<String>,
    /// When it began.
    pub started: Option<String>,
    /// When it ended.
    pub finished: Option<String>,
    /// The history's own word for its end.
    pub exit: Option<String>,
}

/// A checked source.
#[derive(Clone, Debug)]
pub struct Source {
    /// What every kind has.
    pub common: Common,
    /// What only this kind has.
    pub kind: Kind,
}

/// What every kind of source has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Common {
    /// The source's name.
    pub name: SourceId,
    /// How its lines are written.
    pub format: Format,
    /// The IANA name of the zone of times that name none; known to exist. `None`: the machine's own.
    pub zone: Option<String>,
    /// Where reading starts when there is no checkpoint.
    pub start: Start,
    /// The program that writes it, whatever the lines say.
    pub program: Option<Arc<str>>,
    /// Whether customers can write to it.
    pub customers: bool,
}

/// Where reading starts when there is no checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// Only what is written from now on.
    #[default]
    End,
    /// Everything that is there.
    Beginning,
    /// What was written in so much time before now.
    Since(Duration),
}

/// What only one kind of source has.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Log files.
    File(File),
    /// The systemd journal.
    Journald(Journald),
    /// Syslog.
    Syslog(Syslog),
    /// The lines of a command.
    Exec(Exec),
    /// The task history of Proxmox VE.
    Proxmox(Proxmox),
    /// A task history written as JSON lines.
    TaskLines(TaskLines),
    /// The runs of cron jobs.
    Cron(Cron),
    /// `POST /v1/events`: served by the HTTP server, nothing to spawn.
    Push(Push),
}

/// Log files.
#[derive(Clone, Debug)]
pub struct File {
    /// Absolute paths and globs.
    pub paths: Vec<String>,
    /// Files not to read: whole paths, or bare names where there is no `/`.
    pub exclude: Vec<glob::Pattern>,
    /// A longer line is cut, in bytes without its line end.
    pub max_line: usize,
    /// How often to look when no wake-up came.
    pub poll: Duration,
    /// How several lines make one record.
    pub multiline: Option<Multiline>,
    /// Where its files are counted together with those of others: descriptors are the engine's, not a source's.
    pub followed: Followed,
}

/// How many files are followed by all sources that count here.
#[derive(Clone, Debug, Default)]
pub struct Followed(pub(crate) Arc<AtomicUsize>);

impl File {
    /// One file, read line by line.
    #[must_use]
    pub fn plain(path: &std::path::Path) -> Self {
        Self {
            paths: vec![path.display().to_string()],
            exclude: Vec::new(),
            max_line: usize::try_from(MAX_LINE).unwrap_or(usize::MAX),
            poll: Duration::from_secs(2),
            multiline: None,
            followed: Followed::default(),
        }
    }
}

/// How several lines make one record.
#[derive(Clone, Debug)]
pub struct Multiline {
    /// What tells a record's first line from the others.
    pub border: Border,
    /// A record with more lines is divided.
    pub max_lines: usize,
    /// How long to wait for another line before the record counts as complete.
    pub wait: Duration,
}

/// What tells a record's first line from the others.
#[derive(Clone, Debug)]
pub enum Border {
    /// Lines that begin with a space or a tab belong to the record before.
    Indent,
    /// Lines that match begin a record.
    Start(regex::bytes::Regex),
}

/// The systemd journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journald {
    /// Only these units; all when empty.
    pub units: Vec<String>,
    /// Only entries with these `FIELD=value`.
    pub matches: Vec<String>,
    /// The folder of the journal files, if not this machine's.
    pub directory: Option<PathBuf>,
}

/// Syslog over the network or a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syslog {
    /// Where to listen.
    pub listen: Listen,
}

/// Where a syslog source listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Datagrams.
    Udp(SocketAddr),
    /// Streams.
    Tcp(SocketAddr),
    /// A datagram socket in the file system.
    Unix(PathBuf),
}

/// The lines of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    /// The program and its arguments; never empty.
    pub argv: Vec<String>,
    /// Runs it again and again. `None`: it is expected to go on.
    pub again: Option<Again>,
}

/// When a command is run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Again {
    /// So long after it was started.
    pub interval: Duration,
    /// A run that takes longer is ended.
    pub timeout: Duration,
}

/// The task history of Proxmox VE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxmox {
    /// The folder with `index` and `active`.
    pub folder: PathBuf,
}

/// A task history written as JSON lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskLines {
    /// The file.
    pub path: PathBuf,
    /// Which key holds what.
    pub fields: TaskFields,
    /// What the history's words for a state mean.
    pub states: BTreeMap<String, TaskState>,
}

/// The runs of cron jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cron {
    /// The file that cron logs to. `None`: the journal.
    pub path: Option<PathBuf>,
}

/// Events posted over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// What a client must show.
    pub token: Token,
}

/// Where a bearer token comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// The first line of this file.
    File(PathBuf),
    /// Written in the settings.
    Text(Secret),
}

/// What is wrong with a `[[source]]` table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("source `{source_name}`, key `{key}`: {what}")]
pub struct Wrong {
    /// The source's name, as written.
    pub source_name: String,
    /// The key.
    pub key: &'static str,
    /// What is wrong, and the way out.
    pub what: String,
}

mod check;

#[cfg(test)]
mod tests;
