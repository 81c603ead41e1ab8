//! One parsed log record or task result.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::block::{SourceId, StreamId};
use crate::task::Task;
use crate::time::Timestamp;

/// The syslog severities, most urgent first (RFC 5424 section 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// 0: system is unusable.
    Emergency,
    /// 1: action must be taken immediately.
    Alert,
    /// 2: critical conditions.
    Critical,
    /// 3: error conditions.
    Error,
    /// 4: warning conditions.
    Warning,
    /// 5: normal but significant.
    Notice,
    /// 6: informational.
    Info,
    /// 7: debug.
    Debug,
}

impl Level {
    /// From the number 0 to 7 of RFC 5424.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        use Level::{Alert, Critical, Debug, Emergency, Error, Info, Notice, Warning};
        [Emergency, Alert, Critical, Error, Warning, Notice, Info, Debug].get(usize::from(number)).copied()
    }
}

/// What is known of a record beside its message: the header of a line, the fields of a journal entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The time the record itself gives, already in UTC. `None`: it gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The host that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The program: syslog tag, journal identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// Its process id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The systemd unit that the record is about or from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// How urgent the program thinks it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Named values: `status`, `client` and `method` of an access log, `message_id` of a journal entry, keys of JSON.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// The task whose history this record belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Box<Task>>,
    /// Whether a customer's own code may have written it: then its program and unit are no proof of anything.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_customer: bool,
}

/// A [`Stamp`] that borrows from its record.
#[derive(Clone, Debug, Default)]
pub struct Header<'a> {
    /// The time the record itself gives, already in UTC. `None`: it gives none.
    pub time: Option<Timestamp>,
    /// The host that wrote it.
    pub host: Option<Cow<'a, str>>,
    /// The program: syslog tag, journal identifier.
    pub program: Option<Cow<'a, str>>,
    /// Its process id.
    pub pid: Option<u32>,
    /// The systemd unit that the record is about or from.
    pub unit: Option<Cow<'a, str>>,
    /// How urgent the program thinks it is.
    pub level: Option<Level>,
    /// Named values. `None`: nobody wants them.
    pub attributes: Option<BTreeMap<String, String>>,
    /// The task whose history this record belongs to. Boxed: few records have one, and headers are handed on a lot.
    pub task: Option<Cow<'a, Box<Task>>>,
    /// Whether a customer's own code may have written it: then its program and unit are no proof of anything.
    pub by_customer: bool,
    /// How often it was said, where a syslog daemon wrote one line for many. `None`: once.
    pub times: Option<u32>,
}

impl Header<'_> {
    /// The same with nothing borrowed.
    #[must_use]
    pub fn into_owned(self) -> Header<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Header {
            time: self.time,
            host: self.host.map(owned),
            program: self.program.map(owned),
            pid: self.pid,
            unit: self.unit.map(owned),
            level: self.level,
            attributes: self.attributes,
            task: self.task.map(|task| Cow::Owned(task.into_owned())),
            by_customer: self.by_customer,
            times: self.times,
        }
    }

    /// The task.
    #[must_use]
    pub fn task(&self) -> Option<&Task> {
        self.task.as_ref().map(|task| &***task)
    }

    /// The stamp.
    #[must_use]
    pub fn into_stamp(self) -> Stamp {
        Stamp {
            time: self.time,
            host: self.host.map(Cow::into_owned),
            program: self.program.map(Cow::into_owned),
            pid: self.pid,
            unit: self.unit.map(Cow::into_owned),
            level: self.level,
            attributes: self.attributes.unwrap_or_default(),
            task: self.task.map(Cow::into_owned),
            by_customer: self.by_customer,
        }
    }
}

impl<'a> From<&'a Stamp> for Header<'a> {
    /// Without the attributes: no rule sees them.
    fn from(stamp: &'a Stamp) -> Self {
        Self {
            time: stamp.time,
            host: stamp.host.as_deref().map(Cow::Borrowed),
            program: stamp.program.as_deref().map(Cow::Borrowed),
            pid: stamp.pid,
            unit: stamp.unit.as_deref().map(Cow::Borrowed),
            level: stamp.level,
            attributes: None,
            task: stamp.task.as_ref().map(Cow::Borrowed),
            by_customer: stamp.by_customer,
            times: None,
        }
    }
}

impl From<Stamp> for Header<'_> {
    fn from(stamp: Stamp) -> Self {
        Self {
            time: stamp.time,
            host: stamp.host.map(Cow::Owned),
            program: stamp.program.map(Cow::Owned),
            pid: stamp.pid,
            unit: stamp.unit.map(Cow::Owned),
            level: stamp.level,
            attributes: Some(stamp.attributes),
            task: stamp.task.map(Cow::Owned),
            by_customer: stamp.by_customer,
            times: None,
        }
    }
}

/// Whether an event's time can be relied on. Windows count in [`Event::time`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// The record's own time.
    Own,
    /// The record has no time: the time of reading stands in.
    Missing,
    /// The record's time lies further in the future than allowed: the time of reading stands in.
    Future,
}

/// One parsed record. It borrows what it can: from the line, and from the block that the line is in.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// The source it was read from.
    pub source: &'a SourceId,
    /// The stream inside the source.
    pub stream: &'a StreamId,
    /// The record's first byte in the stream.
    pub offset: u64,
    /// The time that windows count in.
    pub time: Timestamp,
    /// What [`Event::time`] is worth.
    pub clock: Clock,
    /// When it was read.
    pub read_at: Timestamp,
    /// The header.
    pub header: Header<'a>,
    /// The text after the header. Hostile: customers write logs.
    pub message: Cow<'a, str>,
}

/// Where a record was read: for people, and to find the line again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The source.
    pub source: SourceId,
    /// The stream: a file's path.
    pub stream: StreamId,
    /// The record's first byte in the stream.
    pub offset: u64,
    /// The line number, from 1, where the reader counts lines (`replay`, `explain`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

impl Place {
    /// A place for tests and for lines typed by hand.
    #[must_use]
    pub fn named(source: &str) -> Self {
        Self { source: Arc::from(source), stream: Arc::from(source), offset: 0, line: None }
    }
}
