//! What is handed out for execution, and what comes back.

use serde::{Deserialize, Serialize};

use crate::incident::IncidentId;
use crate::plan::Step;
use crate::probe::{Fact, Probe};

/// An effect's id: the incident and a number that counts its effects, `17-3`. Unique for ever; performing it twice is
/// prevented by it.
pub type EffectId = String;

/// The incident that an effect is for, by its id.
#[must_use]
pub fn incident_of(id: &str) -> Option<IncidentId> {
    id.split_once('-')?.0.parse().ok()
}

/// Who is told when a rule's `escalate` names nobody.
pub const OPERATOR: &str = "operator";

/// One outside action. Stored before it is tried, unless it only looks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Its id.
    pub id: EffectId,
    /// The incident it is for.
    pub incident: IncidentId,
    /// What to do.
    pub act: Act,
}

/// What an effect does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// Looks: harmless, may be repeated.
    Probe {
        /// The look.
        probe: Probe,
    },
    /// Changes the world: never repeated without looking first.
    Step {
        /// The change.
        step: Step,
    },
    /// Tells a person: repeated until it is delivered or given up.
    Notify {
        /// Whom: the rule's `escalate`, or [`OPERATOR`].
        to: String,
        /// What.
        message: Message,
    },
}

/// What a notification says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The incident.
    pub incident: IncidentId,
    /// The rule.
    pub rule: String,
    /// The rule's title.
    pub title: String,
    /// How bad.
    pub severity: crate::severity::Severity,
    /// The asset.
    pub asset: String,
    /// Customers concerned.
    pub customers: Vec<String>,
    /// The host that wrote the line.
    pub host: Option<String>,
    /// Why a person is told: one sentence.
    pub reason: String,
    /// The plan or what was tried, one line a step.
    pub steps: Vec<String>,
}

impl Act {
    /// Whether it changes the world.
    #[must_use]
    pub fn changes_world(&self) -> bool {
        matches!(self, Self::Step { step } if step.action.changes_world())
    }

    /// What it does, in one short line for people.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Probe { probe } => format!("probe {}", probe.describe()),
            Self::Step { step } => step.action.describe(),
            Self::Notify { to, message } => format!("tell {to}: {}", message.reason),
        }
    }
}

/// What became of an effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// A probe's answer (also when it was blind).
    Saw {
        /// The answer.
        fact: Fact,
    },
    /// A step or notification is done.
    Done {
        /// What happened, in one line.
        detail: String,
    },
    /// It was tried and failed. Nothing is known of what it left behind.
    Failed {
        /// What was tried, on what, and why it failed.
        why: String,
    },
    /// It was not tried: a gate at the place of action refused (target empty, too many, outside the roots …).
    Refused {
        /// Which gate.
        gate: String,
        /// Why, and the way out.
        why: String,
    },
    /// It may or may not have been done: the engine was killed while it ran.
    Unknown,
}
