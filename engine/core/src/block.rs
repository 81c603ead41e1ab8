//! What a source hands over: a block of raw bytes, whole records only, and how far the source is read once the block is
//! stored.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

use crate::event::Stamp;
use crate::time::Timestamp;

/// The name of a source: the `name` of its `[[source]]` table.
pub type SourceId = Arc<str>;

/// One stream inside a source: a file's path, a syslog peer, `journal`. Several files of one glob are several streams.
pub type StreamId = Arc<str>;

/// A block of whole records from one stream.
#[derive(Debug)]
pub struct Block {
    /// The source that read it.
    pub source: SourceId,
    /// The stream inside the source.
    pub stream: StreamId,
    /// Where the first byte lies in the stream, in bytes. For people and reports; the checkpoint is what counts.
    pub offset: u64,
    /// The records, each ended by `\n`. Never cut inside a record.
    pub bytes: Vec<u8>,
    /// How the bytes divide into records.
    pub shape: Shape,
    /// How far the stream is read once everything up to the end of this block is stored.
    pub checkpoint: Option<Checkpoint>,
    /// When it was read.
    pub read_at: Timestamp,
    /// To be told when the block's consequences are stored, for sources that acknowledge (push, syslog over TCP).
    pub ack: Option<Ack>,
}

/// How a block divides into records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Every line is a record, in the source's configured format.
    Lines,
    /// The source knows the borders (multi-line records) and perhaps the headers (journald, push, task histories).
    Records(Vec<Record>),
}

/// One record of a [`Shape::Records`] block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it ends in the block's bytes, after its `\n`. It begins where the one before ends.
    pub end: usize,
    /// What the source already knows of it; the record's bytes are then the bare message. `None`: parse the text.
    pub stamp: Option<Box<Stamp>>,
}

/// How far one stream is read. The text is the source's own; nobody else looks inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The source that wrote it.
    pub source: SourceId,
    /// The stream inside the source.
    pub stream: StreamId,
    /// What the source needs to go on: JSON, with a version of its own. Empty: the stream is gone, forget it.
    pub state: StateText,
}

/// The text of a [`Checkpoint`]. It may be written when it is first asked for: of a thousand blocks a second one's is stored,
/// and a line need not wait for it.
#[derive(Clone)]
pub struct StateText(Text);

#[derive(Clone)]
enum Text {
    Written(Arc<str>),
    Later(Arc<Later>),
}

type Later = LazyLock<String, Box<dyn FnOnce() -> String + Send>>;

impl StateText {
    /// Written by `write`, at the first look. It must not be empty.
    pub fn later(write: impl FnOnce() -> String + Send + 'static) -> Self {
        Self(Text::Later(Arc::new(LazyLock::new(Box::new(write)))))
    }

    /// Whether the stream is gone. Writes nothing.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(&self.0, Text::Written(text) if text.is_empty())
    }
}

impl<T: Into<Arc<str>>> From<T> for StateText {
    fn from(text: T) -> Self {
        Self(Text::Written(text.into()))
    }
}

impl Deref for StateText {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Text::Written(text) => text,
            Text::Later(text) => text,
        }
    }
}

impl PartialEq for StateText {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for StateText {}

impl fmt::Debug for StateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// Called once the consequences of a block are stored.
pub struct Ack(Box<dyn FnOnce() + Send>);

impl Ack {
    /// Wraps what shall happen when the block is stored.
    pub fn new(told: impl FnOnce() + Send + 'static) -> Self {
        Self(Box::new(told))
    }

    /// Says that the block is stored.
    pub fn stored(self) {
        (self.0)();
    }
}

impl fmt::Debug for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ack")
    }
}

/// How a source, or one stream of it, is doing. A visible state, never an error of the whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Health {
    /// Reads, or waits for new bytes.
    Ok,
    /// The file does not exist (yet).
    Missing,
    /// Something is wrong; it goes on trying.
    Degraded {
        /// What was tried and on what, why it failed, and the way out.
        why: String,
    },
    /// It ended and will not come back (a one-shot source).
    Ended,
}

/// News from a source, beside its blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The health of a stream (or of the source when `stream` is `None`) changed.
    Health {
        /// The source.
        source: SourceId,
        /// The stream.
        stream: Option<StreamId>,
        /// How it is now.
        health: Health,
    },
    /// Records were changed or lost in a way that must be counted and shown.
    Counted {
        /// The source.
        source: SourceId,
        /// What happened: `line_cut`, `checkpoint_unusable`, `udp_dropped`, `undecodable` …
        what: &'static str,
        /// How often since the last notice.
        times: u64,
    },
    /// Something that an operator must know once: what may be missing, and the way out.
    Complaint {
        /// The source.
        source: SourceId,
        /// The sentence, with object, place and way out.
        text: String,
    },
    /// Everything there was to read at this moment is read: from here on, silence means that nothing is written.
    CaughtUp {
        /// The source.
        source: SourceId,
    },
}

impl Notice {
    /// The source it is about.
    #[must_use]
    pub fn source(&self) -> &SourceId {
        match self {
            Self::Health { source, .. }
            | Self::Counted { source, .. }
            | Self::Complaint { source, .. }
            | Self::CaughtUp { source } => source,
        }
    }
}

/// What travels from a source to the pump.
#[derive(Debug)]
pub enum Delivery {
    /// Bytes.
    Block(Block),
    /// News.
    Notice(Notice),
}
