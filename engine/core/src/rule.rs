//! A rule as the engine knows it: what it looks for, when it fires, and the pure functions that say what to do.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::field::FieldType;
use crate::finding::Finding;
use crate::glob::Glob;
use crate::look::DraftClause;
use crate::plan::{Check, Step};
use crate::policy::Mode;
use crate::probe::{Facts, Probe};
use crate::severity::Severity;
use crate::task::TaskState;
use crate::trigger::Trigger;

/// A rule's id: pack and file name, `php.fpm-max-children`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(pub Arc<str>);

impl RuleId {
    /// The id of `name` in `pack`.
    #[must_use]
    pub fn new(pack: &str, name: &str) -> Self {
        Self(format!("{pack}.{name}").into())
    }

    /// The pack's name.
    #[must_use]
    pub fn pack(&self) -> &str {
        self.0.split_once('.').map_or(&self.0, |(pack, _)| pack)
    }
}

impl From<&str> for RuleId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Which text of a rule this is: the first 16 hex digits of the SHA-256 of its file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleVersion(pub Arc<str>);

/// The task records a task rule is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskClause {
    /// The kinds of task.
    pub kind: Vec<Glob>,
    /// The states that count; empty: every state.
    pub state: Vec<TaskState>,
}

/// What ends an incident of this rule by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clear {
    /// Patterns of lines that say it is well again, for the same asset (with the same `by` fields where captured).
    pub patterns: Vec<String>,
    /// For task rules: a later run of the same kind and target that ended well.
    pub task_ok: bool,
}

/// How long verify may take and must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patience {
    /// All checks must hold for the first time within this time after the last step.
    pub within: Duration,
    /// And then hold without a break for this long.
    pub stable_for: Duration,
    /// Time between two rounds of checks.
    pub every: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { within: Duration::from_secs(30), stable_for: Duration::from_secs(10), every: Duration::from_secs(2) }
    }
}

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its id.
    pub id: RuleId,
    /// The version of its text.
    pub version: RuleVersion,
    /// One line for people.
    pub title: String,
    /// How bad its incidents are.
    pub severity: Severity,
    /// Narrowing by program, unit, file tag or task kind; empty: any.
    pub programs: Vec<Glob>,
    /// Narrowing by source name; empty: any.
    pub sources: Vec<Glob>,
    /// A finding needs one of these in the message. Empty only for pure task rules.
    pub patterns: Vec<String>,
    /// And none of these.
    pub unless: Vec<String>,
    /// The named captures and their types.
    pub fields: BTreeMap<String, FieldType>,
    /// The task records it is about.
    pub task: Option<TaskClause>,
    /// When findings become an incident.
    pub trigger: Trigger,
    /// The fields (or `host`, `program`, `task.kind`, `task.target`) that findings are counted by.
    pub by: Vec<String>,
    /// What ends its incidents.
    pub clear: Clear,
    /// Rest between two runs of its fix on one asset.
    pub cooldown: Duration,
    /// An incident that comes back within this time after it was resolved is the same incident.
    pub reopen: Duration,
    /// How verify waits.
    pub patience: Patience,
    /// The canned answer for customers concerned: `pack/name`.
    pub answer: Option<String>,
    /// Whom to tell when the fix does not hold.
    pub escalate: Option<String>,
    /// How far the policy's patterns for many rules take it; only its own name takes it further.
    pub automation: Mode,
    /// Which drafts set it off.
    pub draft: Option<DraftClause>,
    /// Which of its functions the rule has.
    pub has: Has,
    /// Its functions.
    pub logic: Arc<dyn Logic>,
}

impl Rule {
    /// Whether a line that a customer may have made up can do no harm by this rule: it acts on nothing, names nobody and wakes nobody
    /// at night. What sudo says of a user who may not use it comes from that user's process, too.
    #[must_use]
    pub fn takes_customers_word(&self) -> bool {
        !self.has.fix && !self.has.asset && self.severity != Severity::Critical
    }
}

/// Which functions a rule defines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "a set of five yes/no facts about a file")]
pub struct Has {
    /// `asset`
    pub asset: bool,
    /// `probe`
    pub probe: bool,
    /// `fix`
    pub fix: bool,
    /// `verify`
    pub verify: bool,
    /// `rollback`
    pub rollback: bool,
}

/// A rule's pure functions. Same arguments, same answer: so test, replay, explain and production are the same code.
pub trait Logic: fmt::Debug + Send + Sync {
    /// The asset that a finding concerns, as a name or alias; `None` where the rule does not say.
    ///
    /// # Errors
    /// [`LogicError`] when the script fails or exceeds its limits.
    fn asset(&self, finding: &Finding) -> Result<Option<String>, LogicError>;
    /// The read-only looks at the host that the fix wants, by name.
    ///
    /// # Errors
    /// [`LogicError`] when the script fails or exceeds its limits.
    fn probe(&self, case: &Case) -> Result<BTreeMap<String, Probe>, LogicError>;
    /// What to do. `done` are the results of the rounds before, oldest first, when a plan ended in `replan`.
    ///
    /// # Errors
    /// [`LogicError`] when the script fails or exceeds its limits.
    fn fix(&self, case: &Case, facts: &Facts, done: &[Json]) -> Result<Proposal, LogicError>;
    /// What must hold for the fix to count.
    ///
    /// # Errors
    /// [`LogicError`] when the script fails or exceeds its limits.
    fn verify(&self, case: &Case, facts: &Facts) -> Result<Vec<Check>, LogicError>;
    /// The way back.
    ///
    /// # Errors
    /// [`LogicError`] when the script fails or exceeds its limits.
    fn rollback(&self, case: &Case, facts: &Facts) -> Result<Vec<Step>, LogicError>;
}

/// What a rule wants to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Proposal {
    /// These steps. None: there is nothing to do, and the checks decide.
    Steps(Vec<Step>),
    /// Nothing: a person must look.
    HandOver {
        /// Why, in one line for people.
        why: String,
    },
}

impl Proposal {
    /// The steps; none when it hands over.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        match self {
            Self::Steps(steps) => steps,
            Self::HandOver { .. } => &[],
        }
    }

    /// What is proposed, one line a step, for people and plan samples.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        match self {
            Self::Steps(steps) => steps.iter().map(|s| s.action.describe()).collect(),
            Self::HandOver { why } => vec![format!("hand over: {why}")],
        }
    }
}

/// What a rule's functions see of an incident. Fields of type `text` are not in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// The incident's number.
    pub incident: u64,
    /// The asset.
    pub asset: String,
    /// Its name without the kind, where it is a plain one.
    pub name: Option<String>,
    /// A customer's draft opened the incident: no line was found, and no field has a value.
    pub draft: bool,
    /// The host that wrote the line, where it is a valid host name.
    pub host: Option<String>,
    /// The typed fields of the finding that fired, without `text` fields.
    pub fields: BTreeMap<String, crate::field::Value>,
    /// The task: `id`, `kind`, `target`, `customer`, `state` (each accepted as `ident`-like or left out).
    pub task: BTreeMap<String, String>,
    /// How many findings the incident has.
    pub count: u64,
    /// How often its fix has run in the last 24 hours on this asset.
    pub fixes_24h: u32,
    /// The round of planning, from 0.
    pub round: u32,
}

/// A script failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct LogicError {
    /// Which function of which rule, with line and column.
    pub what: String,
    /// What it did wrong.
    pub why: String,
    /// It exceeded a limit (operations, depth, sizes, wall time): the rule is to be switched off.
    pub over_limit: bool,
}

/// All rules of all packs: what one reload swaps.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    /// By id.
    pub rules: BTreeMap<RuleId, Arc<Rule>>,
}
