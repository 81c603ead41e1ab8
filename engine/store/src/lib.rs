//! What must survive: incidents, windows, effects, checkpoints and the audit trail. The trait and its embedded default.
//!
//! Start at [`Store`]: [`Store::load`] at start, then [`Store::commit`] for every batch of changes and [`Store::started`]
//! just before an effect is tried. [`sqlite::Sqlite`] is the default; take the [`lock::Lock`] of the state folder first.
//!
//! # What is promised
//! - **Written down before done.** When `commit` returns, changes, effects and checkpoints are on the disk, all or none.
//!   A mark by `started` survives a killed process; it need not survive a power cut. Therefore an effect knows under
//!   which boot it was queued: after another boot every unfinished effect counts as started
//!   ([`Unfinished::may_have_started`]).
//! - **A failed commit is no commit.** It is rolled back, and the very same call may be made again. Disk full and a
//!   locked database are passing ([`StoreError::is_passing`]): wait, tell, try again.
//! - **Nothing is written beside the store.** When its folder, its lock or its file was removed, moved or replaced, every
//!   write is refused ([`StoreError::Gone`]) until it is put back: another engine may run in its place.
//! - **One bad row stops nothing.** Bodies carry a version. A row that cannot be read stays where it is, is left out and
//!   is named in [`Loaded::complaints`]. What stands for safety fails to the safe side: an unreadable kill switch counts
//!   as on, an unreadable rule record as an open breaker, an unreadable effect is never performed. A damaged *file* and a
//!   database of a newer Heinzel do refuse the start; neither is ever recreated.
//! - **The audit trail is append-only** and each entry holds the hash of the one before ([`audit`]). It shows
//!   accidents and edits of single entries; it cannot stop someone who may write the file from rewriting all of it.
//!
//! No clock, no decisions and no `if` about severity here. No foreign keys either: a reference to an incident that
//! retention removed must never make a commit impossible.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use heinzel_core::block::Checkpoint;
use heinzel_core::effect::{Effect, EffectId, Outcome};
use heinzel_core::glob::Glob;
use heinzel_core::incident::{Incident, IncidentId, Status};
use heinzel_core::rule::RuleId;
use heinzel_core::state::{Change, Entry, FixStart, Paused, RuleRecord};
use heinzel_core::time::Timestamp;
use heinzel_core::window::Window;
use serde::Serialize;

pub mod audit;
pub mod boot;
pub mod error;
pub mod lock;
pub mod sqlite;
pub mod customers;
mod versioned;

use audit::AuditReport;
use error::StoreError;

/// A place where what must survive is kept.
pub trait Store: Send {
    /// Everything needed to start: incidents that are not resolved or were resolved at or after `recent`, fixes started
    /// since then, and all windows, rule records, checkpoints and unfinished effects.
    ///
    /// # Errors
    /// [`StoreError`] when the store as a whole cannot be read. Single unreadable rows are complaints.
    fn load(&mut self, recent: Timestamp) -> Result<Loaded, StoreError>;

    /// Stores changes, in order, and checkpoints, in one transaction; durable when it returns.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is stored then, and the same call may be made again.
    fn commit(&mut self, changes: &[Change], checkpoints: &[Checkpoint]) -> Result<(), StoreError>;

    /// Marks that an effect is about to be tried. Cheap: survives a killed process, not necessarily a power cut.
    ///
    /// # Errors
    /// [`StoreError::NotWaiting`] when the effect was never stored or is over: it must not be performed. Other
    /// [`StoreError`]s when the mark could not be written: it must not be performed yet.
    fn started(&mut self, effect: &EffectId) -> Result<(), StoreError>;

    /// Looks whether it still lies where it was opened. [`Store::commit`] and [`Store::started`] look for themselves.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when it does not: nothing that it takes would survive, and another engine may run on another.
    fn present(&self) -> Result<(), StoreError>;

    /// Removes what is older than `keep` says, a bounded amount a call: call again while [`Retained::more`].
    ///
    /// # Errors
    /// [`StoreError`]; nothing is removed then.
    fn retain(&mut self, now: Timestamp, keep: &Retention) -> Result<Retained, StoreError>;

    /// Incidents that fit, newest number first. Unreadable ones are logged and left out.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    fn incidents(&self, filter: &Filter) -> Result<Vec<Incident>, StoreError>;

    /// How many incidents fit, whatever the filter's limit.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    fn incident_count(&self, filter: &Filter) -> Result<usize, StoreError>;

    /// One incident; `None` when there is none with this number (any more).
    ///
    /// # Errors
    /// [`StoreError`], also when just this row cannot be read.
    fn incident(&self, id: IncidentId) -> Result<Option<Incident>, StoreError>;

    /// An incident's timeline, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    fn timeline(&self, id: IncidentId) -> Result<Vec<Numbered>, StoreError>;

    /// An incident's effects in the order they were queued. Unreadable ones are logged and left out.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    fn effects(&self, id: IncidentId) -> Result<Vec<StoredEffect>, StoreError>;

    /// At most `limit` entries of the audit trail after number `after`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    fn entries(&self, after: u64, limit: usize) -> Result<Vec<Numbered>, StoreError>;

    /// The newest entries of the audit trail, at most `limit`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    fn newest_entries(&self, limit: usize) -> Result<Vec<Numbered>, StoreError>;

    /// How many entries of the audit trail come after number `after`.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    fn entry_count(&self, after: u64) -> Result<usize, StoreError>;

    /// Checks the audit trail's chain from the oldest entry to the newest; `progress` is told (done, of how many).
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read. A broken chain is not an error but [`AuditReport::broken`].
    fn verify_audit(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<AuditReport, StoreError>;

    /// How the store is doing.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    fn health(&self) -> Result<Health, StoreError>;
}

/// What a start needs; the collections have the shape that the core's state wants.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Incidents that are not resolved, and those resolved lately, by number.
    pub incidents: Vec<Incident>,
    /// Windows by rule and key.
    pub windows: BTreeMap<RuleId, BTreeMap<String, Window>>,
    /// What is remembered of each rule.
    pub rules: BTreeMap<RuleId, RuleRecord>,
    /// Fixes started lately, oldest first.
    pub fixes: VecDeque<FixStart>,
    /// The kill switch.
    pub paused: Option<Paused>,
    /// The highest incident number ever given; 0 when there was none.
    pub last_incident: IncidentId,
    /// How far each stream was read.
    pub checkpoints: Vec<Checkpoint>,
    /// Effects without an outcome, in the order they were queued.
    pub unfinished: Vec<Unfinished>,
    /// Rows that could not be read and what that means.
    pub complaints: Vec<Complaint>,
}

/// An effect without an outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Unfinished {
    /// The effect.
    pub effect: Effect,
    /// It was marked as started.
    pub started: bool,
    /// The machine has been up ever since it was queued (or started): then the mark can be relied on.
    pub same_boot: bool,
}

impl Unfinished {
    /// Whether it may have been tried. Only a `false` allows to perform a step without looking first.
    #[must_use]
    pub fn may_have_started(&self) -> bool {
        self.started || !self.same_boot
    }
}

/// A row that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Complaint {
    /// The table.
    pub table: &'static str,
    /// The row's key.
    pub key: String,
    /// Why it cannot be read, and what is done without it.
    pub why: String,
}

impl std::fmt::Display for Complaint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.table, self.key, self.why)
    }
}

/// Which incidents to list. Empty: all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only with one of these; empty: any.
    pub status: BTreeSet<Status>,
    /// Only of rules whose id fits.
    pub rule: Option<Glob>,
    /// Only of assets whose id fits.
    pub asset: Option<Glob>,
    /// Only those opened, seen or resolved at or after this.
    pub since: Option<Timestamp>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// An audit entry and its number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Numbered {
    /// Its number in the trail, from 1 without gaps.
    pub seq: u64,
    /// The entry.
    #[serde(flatten)]
    pub entry: Entry,
}

/// How far an effect got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Stored, not tried as far as known.
    Queued,
    /// Being tried, or it was when the engine ended.
    Started,
    /// It has an outcome.
    Over,
}

impl Progress {
    /// The word for it, as stored.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Started => "started",
            Self::Over => "over",
        }
    }
}

/// An effect as it stands in the store.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StoredEffect {
    /// The effect.
    #[serde(flatten)]
    pub effect: Effect,
    /// How far it got.
    pub progress: Progress,
    /// What became of it, once it is over.
    pub result: Option<Outcome>,
}

/// How long to keep what is over. What is not over is kept for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Resolved incidents, after their end.
    pub incidents: Duration,
    /// Effects that are over (of incidents that are resolved), counted from the first [`Store::retain`] that saw them.
    pub effects: Duration,
    /// Starts of fixes. Must not be shorter than the longest budget or cooldown.
    pub fixes: Duration,
    /// The audit trail; only ever its oldest part is cut off, also where it tells of an open incident.
    pub audit: Duration,
}

impl Retention {
    /// All of it longer by a time.
    #[must_use]
    pub fn longer_by(&self, time: Duration) -> Self {
        let longer = |kept: Duration| kept.saturating_add(time);
        Self {
            incidents: longer(self.incidents),
            effects: longer(self.effects),
            fixes: longer(self.fixes),
            audit: longer(self.audit),
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        Self { incidents: days(90), effects: days(7), fixes: days(90), audit: days(400) }
    }
}

/// What retention removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Retained {
    /// Incidents.
    pub incidents: u64,
    /// Effects.
    pub effects: u64,
    /// Starts of fixes.
    pub fixes: u64,
    /// Audit entries.
    pub entries: u64,
    /// There is more to remove: call again, best between two commits.
    pub more: bool,
}

/// How the store is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Where it is.
    pub place: String,
    /// The format's version.
    pub format: u32,
    /// The size of the data, in bytes.
    pub bytes: u64,
    /// The size of the write-ahead log, in bytes.
    pub wal_bytes: u64,
    /// What is free on its file system, in bytes, where known.
    pub free_bytes: Option<u64>,
    /// The number of the newest audit entry.
    pub newest_entry: u64,
    /// Effects without an outcome.
    pub unfinished: u64,
}
