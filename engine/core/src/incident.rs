//! A problem with one asset, as one rule sees it, from the first line to the end.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::asset::AssetId;
use crate::clock::Lag;
use crate::effect::{EffectId, OPERATOR};
use crate::event::Place;
use crate::field::Value;
use crate::look::Origin;
use crate::rule::RuleId;
use crate::run::Run;
use crate::severity::Severity;
use crate::task::Task;
use crate::time::Timestamp;

/// An incident's number, from 1, never used twice in one store.
pub type IncidentId = u64;

/// How an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Seen; nothing is being done (observed, suggested, no fix).
    Open,
    /// Probes, steps or checks are under way, or wait for a lock.
    Healing,
    /// The plan waits for `heinzel approve`.
    AwaitingApproval,
    /// The engine may not or cannot repair it.
    NeedsHuman,
    /// Well again, with proof or by a person's word.
    Resolved,
}

impl Status {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Healing => "healing",
            Self::AwaitingApproval => "awaiting-approval",
            Self::NeedsHuman => "needs-human",
            Self::Resolved => "resolved",
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}

/// An incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Its number.
    pub id: IncidentId,
    /// The rule that opened it.
    pub rule: RuleId,
    /// The asset it concerns.
    pub asset: AssetId,
    /// The rule's title.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// How it stands.
    pub status: Status,
    /// Who said that they know of it.
    #[serde(default)]
    pub acknowledged_by: Option<String>,
    /// Event time of the finding that opened it (or reopened it last).
    pub opened: Timestamp,
    /// When the engine opened it (or reopened it last).
    pub opened_at: Timestamp,
    /// Event time of its newest finding.
    pub last_seen: Timestamp,
    /// When its newest finding was written, by this machine's clock: what the end of a fix can be held against.
    #[serde(default)]
    pub heard: Option<Timestamp>,
    /// By how much the clock of its findings' writer is behind, since it was opened (or reopened last).
    #[serde(default)]
    pub lag: Option<Lag>,
    /// Its findings so far.
    pub findings: u64,
    /// How often it came back after it was resolved.
    #[serde(default)]
    pub reopened: u32,
    /// When it was resolved.
    #[serde(default)]
    pub resolved_at: Option<Timestamp>,
    /// How it ended, or why it needs a human: one sentence.
    #[serde(default)]
    pub verdict: Option<String>,
    /// The finding that opened it.
    pub cause: Cause,
    /// The draft that opened it, when no finding did.
    #[serde(default)]
    pub origin: Option<Origin>,
    /// Customers concerned.
    #[serde(default)]
    pub customers: BTreeSet<String>,
    /// Assets that need this one.
    #[serde(default)]
    pub dependants: BTreeSet<AssetId>,
    /// The canned answer for customers concerned.
    #[serde(default)]
    pub answer: Option<String>,
    /// Whom to tell, where the rule names somebody; see [`Incident::told_to`].
    #[serde(default)]
    pub escalate: Option<String>,
    /// The newest attempt to repair it.
    #[serde(default)]
    pub run: Option<Run>,
    /// When a person was last told of it.
    #[serde(default)]
    pub told: Option<Timestamp>,
    /// A notification that is not delivered yet.
    #[serde(default)]
    pub notice: Option<Notice>,
    /// How many effects it has handed out: numbers their ids.
    #[serde(default)]
    pub effects: u64,
}

impl Incident {
    /// Incidents of one rule that are kept in mind at most of one log, about names that nobody has listed: whoever may write
    /// there may invent them. Twice as many are kept in all, and no log takes more than half of what the others leave.
    pub const MOST_OF_RULE: usize = 1_000;

    /// When its newest finding was written, by this machine's clock.
    #[must_use]
    pub(crate) fn last_heard(&self) -> Timestamp {
        self.heard.unwrap_or(self.last_seen)
    }

    /// Who is told of it.
    #[must_use]
    pub fn told_to(&self) -> &str {
        self.escalate.as_deref().unwrap_or(OPERATOR)
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_resolved(&self) -> bool {
        self.status == Status::Resolved
    }

    /// Whether it is about an asset: its own, or one that depends on that.
    #[must_use]
    pub fn concerns(&self, asset: &str) -> bool {
        self.asset == asset || self.dependants.contains(asset)
    }
}

/// The finding that opened an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// The line; for an absence, the last one seen before it, or the source.
    pub place: Place,
    /// The host that wrote it.
    #[serde(default)]
    pub host: Option<String>,
    /// Its accepted fields.
    #[serde(default)]
    pub fields: BTreeMap<String, Value>,
    /// The names of those that are `text`.
    #[serde(default)]
    pub text_fields: Vec<String>,
    /// Its task.
    #[serde(default)]
    pub task: Option<Box<Task>>,
    /// Its message, for people.
    pub message: String,
}

/// A notification on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// The effect that delivers it.
    pub effect: EffectId,
    /// Why a person is told.
    pub reason: String,
    /// What has become of the rule, which must be told whatever is said of the incident next: that it goes one mode down.
    #[serde(default)]
    pub also: Option<String>,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried again; `None` while it is being tried.
    #[serde(default)]
    pub next: Option<Timestamp>,
}
