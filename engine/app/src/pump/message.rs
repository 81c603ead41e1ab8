//! What the pump is told, and by whom.

use std::sync::Arc;

use heinzel_core::block::{Ack, Checkpoint, Notice, SourceId};
use heinzel_core::effect::{EffectId, Outcome};
use heinzel_core::finding::Refused;
use heinzel_core::findings::Findings;
use heinzel_core::incident::IncidentId;
use heinzel_core::look::{self, Request};
use heinzel_core::step::Command;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::budget::Held;
use crate::live::Live;
use crate::report::{Outlook, Report};

/// What an operator is told: it is done, or why not.
pub(crate) type Said = Result<String, String>;

/// What the pump is told.
pub(crate) enum Message {
    /// A block, scanned.
    Scanned(Box<Scanned>),
    /// News of a source.
    Notice(Notice),
    /// An effect came back.
    Done(EffectId, Outcome),
    /// A customer's draft asks for a look.
    Drafted {
        /// What it asks.
        request: Request,
        /// Where the answer goes, as soon as it is decided.
        answer: oneshot::Sender<Result<Vec<IncidentId>, look::Refused>>,
    },
    /// Other rules or assets are in force.
    Reloaded(Arc<Live>),
    /// A reload failed; the old set stays.
    ReloadFailed(String),
}

/// An operator speaks. Orders come by a channel of their own, so that `pause` waits for nothing that is read, and counts at
/// once even while the store takes nothing.
pub(crate) struct Order {
    /// Who.
    pub(crate) by: String,
    /// What.
    pub(crate) command: Command,
    /// Where the answer goes, once it is stored.
    pub(crate) answer: oneshot::Sender<Said>,
}

/// Somebody asks how everything is. These come by a channel of their own, so that a store that takes nothing, with full
/// channels behind it, still shows.
pub(crate) enum Asked {
    /// How is everything?
    Report(oneshot::Sender<Report>),
    /// What becomes of an incident?
    Outlook(IncidentId, oneshot::Sender<Option<Outlook>>),
}

/// What the pump listens to.
pub(crate) struct Inbox {
    /// What happens.
    pub(crate) messages: mpsc::Receiver<Message>,
    /// Who says what is to be done.
    pub(crate) orders: mpsc::Receiver<Order>,
    /// Who asks.
    pub(crate) asked: mpsc::Receiver<Asked>,
    /// The engine is stopping: what is decided is stored, but nothing new is begun. It stays queued for the next start.
    pub(crate) closing: CancellationToken,
    /// Nothing more comes.
    pub(crate) stop: CancellationToken,
}

/// What a block came to, on its way to the decision.
pub(crate) struct Scanned {
    pub(crate) source: SourceId,
    pub(crate) findings: Findings,
    pub(crate) refused: Vec<Refused>,
    pub(crate) complaints: Vec<String>,
    pub(crate) bytes: u64,
    pub(crate) candidates: u64,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) ack: Option<Ack>,
    /// Its part of what may wait to be decided.
    pub(crate) held: Option<Held>,
}
