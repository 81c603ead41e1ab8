//! What the kinds of source in these modules are told: checked `[[source]]` tables.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use heinzel_core::block::SourceId;
use heinzel_core::parse::Format;
use heinzel_core::task::TaskState;
use serde::Deserialize;

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
    /// Runs it again so long after it was started. `None`: it is expected to go on.
    pub interval: Option<Duration>,
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
