//! When a rule's findings become an incident.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// When findings become an incident. All spans count in event time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Trigger {
    /// `count` findings within `within`, per key. `count: 1` fires at once. `rate: "10/1m"` is read as this.
    Count {
        /// How many.
        count: u32,
        /// In how long a time.
        within: Duration,
    },
    /// `distinct` different values of `field` within `within`, per key.
    Distinct {
        /// The field whose values are told apart.
        field: String,
        /// How many different ones.
        distinct: u32,
        /// In how long a time.
        within: Duration,
    },
    /// The patterns with these numbers (from 0, as listed in `match`), in this order, within `within`, per key.
    Sequence {
        /// Pattern numbers.
        order: Vec<usize>,
        /// In how long a time, from the first to the last.
        within: Duration,
    },
    /// Nothing of what the patterns (or the task clause) describe for `absence` long, per key once seen; without `by`
    /// from the start on. A silent source is not an absence.
    Absence {
        /// How long without.
        absence: Duration,
    },
    /// A task of the clause's kind runs longer than this.
    Overdue {
        /// How long a run may take.
        overdue: Duration,
    },
    /// `flapping` changes between failed and ok of the clause's tasks, per key, within `within`.
    Flapping {
        /// How many changes.
        flapping: u32,
        /// In how long a time.
        within: Duration,
    },
}

impl Default for Trigger {
    fn default() -> Self {
        Self::Count { count: 1, within: Duration::from_secs(60) }
    }
}

impl Trigger {
    /// How long a finding matters to the trigger.
    #[must_use]
    pub fn memory(&self) -> Duration {
        match self {
            Self::Count { within, .. }
            | Self::Distinct { within, .. }
            | Self::Sequence { within, .. }
            | Self::Flapping { within, .. } => *within,
            Self::Absence { absence } => *absence,
            Self::Overdue { overdue } => *overdue,
        }
    }
}
