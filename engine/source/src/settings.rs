//! What the operator writes in a `[[source]]` table, as the kinds of source need it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use heinzel_core::block::SourceId;
use heinzel_core::parse::Format;
use jiff::tz::TimeZone;

/// What every kind of source has.
#[derive(Clone, Debug)]
pub struct Common {
    /// The source's name.
    pub name: SourceId,
    /// How its lines are written.
    pub format: Format,
    /// The zone of times that name none.
    pub zone: TimeZone,
    /// Where to begin when there is no checkpoint.
    pub start: Start,
    /// The program of records that name none.
    pub program: Option<String>,
}

/// Where to begin when there is no checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With what is written from now on.
    #[default]
    End,
    /// With everything that is there.
    Beginning,
    /// With what is at most this old.
    Since(Duration),
}

/// The systemd journal, through `journalctl`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journald {
    /// Only these units (`--unit`, globs allowed); empty: all.
    pub units: Vec<String>,
    /// Only entries with these fields: `FIELD=VALUE`, see journalctl(1); empty: all.
    pub matches: Vec<String>,
    /// Read the journal files in this folder instead of the system's.
    pub directory: Option<PathBuf>,
}

/// Syslog messages from a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syslog {
    /// Where to listen.
    pub listen: Listen,
}

/// Where to listen for syslog messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Datagrams (RFC 5426).
    Udp(SocketAddr),
    /// Connections (RFC 6587).
    Tcp(SocketAddr),
    /// A socket in the file system: a stream when the name ends in `.stream`, else datagrams as on `/dev/log`.
    Unix(PathBuf),
}

/// A command's lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Again and again, this long from start to start. `None`: once, for as long as it runs.
    pub interval: Option<Duration>,
}

/// The task history of a Proxmox VE host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxmox {
    /// The folder with `index` and `active`, normally `/var/log/pve/tasks`.
    pub folder: PathBuf,
}

/// A task history in JSON lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskLines {
    /// The file.
    pub path: PathBuf,
    /// Which key of a line is what.
    pub fields: TaskFields,
    /// The history's words for a state, in lower case, each with ours: `queued`, `running`, `ok`, `warning` or `failed`.
    pub states: BTreeMap<String, String>,
}

/// Which key of a JSON line is what. Dots lead into objects (`job.id`) where no key has that very name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFields {
    /// The run's id.
    pub id: String,
    /// What the task does.
    pub kind: String,
    /// How it stands, in words that `states` explains.
    pub state: String,
    /// The asset it works on.
    pub target: Option<String>,
    /// The customer.
    pub customer: Option<String>,
    /// When it began.
    pub started: Option<String>,
    /// When it ended.
    pub finished: Option<String>,
    /// Its exit code or last word.
    pub exit: Option<String>,
    /// Its log; patterns then look at this text and not at the line.
    pub log: Option<String>,
    /// The host it ran on.
    pub host: Option<String>,
}
