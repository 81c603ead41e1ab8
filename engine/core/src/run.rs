//! One attempt to repair an incident: probe, plan, gates, act, verify, roll back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::effect::EffectId;
use crate::plan::{Plan, Step};
use crate::probe::Facts;
use crate::rule::RuleVersion;
use crate::time::{Span, Timestamp};

/// One attempt to repair an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The attempt's number within the incident, from 1.
    pub number: u32,
    /// The version of the rule that made its first plan, and makes the later ones.
    pub version: RuleVersion,
    /// When it started.
    pub started: Timestamp,
    /// The round of planning, from 0.
    pub round: u32,
    /// What the probes of this round saw.
    #[serde(default)]
    pub facts: Facts,
    /// The results of the rounds before: `{ "step": …, "outcome": … }`.
    #[serde(default)]
    pub done: Vec<Json>,
    /// Who approved which steps.
    #[serde(default)]
    pub approved: Option<Approved>,
    /// A line has said meanwhile that it is well again.
    #[serde(default)]
    pub cleared: bool,
    /// Whether a step of this run may have changed the world.
    #[serde(default)]
    pub touched: bool,
    /// What a person was told of the attempt before this one.
    #[serde(default)]
    pub told: Option<Known>,
    /// The last plan that passed the gates and was begun: its way back is the one that may be gone.
    #[serde(default)]
    pub begun: Option<Plan>,
    /// Where it stands.
    pub stage: Stage,
}

/// An operator's approval. It holds for exactly these steps and this way back, to the last byte of a template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approved {
    /// Who.
    pub by: String,
    /// Of which round.
    #[serde(default)]
    pub round: u32,
    /// Which steps.
    pub steps: Vec<Step>,
    /// Which way back.
    pub rollback: Vec<Step>,
}

impl Approved {
    /// Whether a plan is another one of the same round: whoever approves it may have seen the one before.
    #[must_use]
    pub(crate) fn is_outdated_by(&self, plan: &Plan) -> bool {
        self.round == plan.round && (self.steps != plan.steps || self.rollback != plan.rollback)
    }
}

impl Run {
    /// Whether the run holds its asset's lock: while it acts, and while it looks again between two rounds. A run that has
    /// nothing to do and only sees whether it becomes well holds nobody up.
    #[must_use]
    pub(crate) fn holds_lock(&self) -> bool {
        if matches!(&self.stage, Stage::Verifying { plan, .. } if plan.steps.is_empty() && !self.touched) {
            return false;
        }
        self.stage.is_acting() || (self.round > 0 && matches!(self.stage, Stage::Probing { .. }))
    }
}

/// The gate that makes a plan wait for another fix on its asset.
pub(crate) const LOCK: &str = "lock";

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "kebab-case")]
pub enum Stage {
    /// Probes are out.
    Probing {
        /// Effects that have not answered, and the name of each probe.
        waiting: BTreeMap<EffectId, String>,
    },
    /// The plan stands, and a gate makes it wait (lock, maintenance, pause).
    Held {
        /// The plan.
        plan: Plan,
        /// Which gate.
        gate: String,
        /// Since when.
        since: Timestamp,
    },
    /// The plan waits for an operator.
    AwaitingApproval {
        /// The plan.
        plan: Plan,
        /// Since when.
        since: Timestamp,
    },
    /// A step is out.
    Acting {
        /// The plan.
        plan: Plan,
        /// Which step, from 0.
        at: usize,
        /// Its effect.
        effect: EffectId,
    },
    /// The steps are done; the checks decide.
    Verifying {
        /// The plan.
        plan: Plan,
        /// Since when.
        since: Timestamp,
        /// When the engine looked again after it was restarted during the checks, or could not look for long: the time in which
        /// nobody looked counts neither for nor against.
        #[serde(default)]
        resumed: Option<Timestamp>,
        /// Since when all checks have held without a break.
        holding_since: Option<Timestamp>,
        /// Effects that have not answered, and the number of each check.
        waiting: BTreeMap<EffectId, usize>,
        /// What failed in the round that is out, or in the last one.
        broken: Vec<String>,
        /// When the next round is due.
        next: Timestamp,
        /// A step's outcome is unknown: if the checks fail, look again instead of rolling back.
        unsure: bool,
    },
    /// A step of the way back is out.
    RollingBack {
        /// The plan.
        plan: Plan,
        /// Which rollback step, from 0.
        at: usize,
        /// Its effect.
        effect: EffectId,
        /// Why.
        why: String,
    },
    /// Nothing more happens in this run.
    Over {
        /// The plan, when there was one.
        plan: Option<Plan>,
        /// How it ended.
        end: End,
    },
}

/// What a person knows of an attempt, so that the next one of its kind need not be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Known {
    /// A gate refused.
    Refused,
    /// The rule handed it over.
    HandedOver {
        /// For this reason.
        why: String,
    },
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum End {
    /// The checks held for their time.
    Verified,
    /// The plan was written down and nothing was done, as the mode says.
    NotDone {
        /// `observe` or `suggest`.
        mode: crate::policy::Mode,
    },
    /// A gate refused.
    Refused {
        /// Which gate.
        gate: String,
        /// Why.
        why: String,
    },
    /// An operator said no.
    Vetoed {
        /// Who.
        by: String,
    },
    /// Nobody answered in time: neither yes nor no was said.
    Expired {
        /// `policy.approval_expires`.
        after: Span,
    },
    /// An operator stopped it in the middle (pause, maintenance), which says nothing about the fix.
    Stopped {
        /// Before what, and by whom.
        why: String,
    },
    /// A step or the checks failed.
    Failed {
        /// Why.
        why: String,
        /// Whether the way back was gone completely.
        rolled_back: bool,
    },
    /// The rule says that a person must look.
    HandedOver {
        /// Why.
        why: String,
    },
    /// The incident ended while nothing was being done about it.
    Overtaken,
}

impl Stage {
    /// Whether steps or checks are under way.
    #[must_use]
    pub(crate) fn is_acting(&self) -> bool {
        matches!(self, Self::Acting { .. } | Self::Verifying { .. } | Self::RollingBack { .. })
    }

    /// Whether the run is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Over { .. })
    }

    /// The effects whose outcomes the run waits for.
    pub fn awaited(&self) -> impl Iterator<Item = &EffectId> {
        let (probes, checks, step) = match self {
            Self::Probing { waiting } => (Some(waiting.keys()), None, None),
            Self::Verifying { waiting, .. } => (None, Some(waiting.keys()), None),
            Self::Acting { effect, .. } | Self::RollingBack { effect, .. } => (None, None, Some(effect)),
            Self::Held { .. } | Self::AwaitingApproval { .. } | Self::Over { .. } => (None, None, None),
        };
        probes.into_iter().flatten().chain(checks.into_iter().flatten()).chain(step)
    }

    /// The plan, in the stages that have one.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        match self {
            Self::Probing { .. } => None,
            Self::Over { plan, .. } => plan.as_ref(),
            Self::Held { plan, .. }
            | Self::AwaitingApproval { plan, .. }
            | Self::Acting { plan, .. }
            | Self::Verifying { plan, .. }
            | Self::RollingBack { plan, .. } => Some(plan),
        }
    }
}
