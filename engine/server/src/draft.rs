//! What happens to a draft after it was shown suggestions: its news, and what the customer did with them.

use heinzel_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// News about the customer's asset, set off by a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct News {
    /// How it stands.
    pub state: NewsState,
    /// The same as a sentence for the customer.
    pub text: String,
    /// The incident.
    #[schema(required)]
    pub incident: Option<u64>,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// How a diagnosis and repair stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NewsState {
    /// Probes are running.
    Checking,
    /// The cause is known.
    Found,
    /// A fix is running.
    Repairing,
    /// Repaired and verified. Final.
    Repaired,
    /// Nothing wrong was found. Final.
    Well,
    /// A technician has it. Final.
    HandedOver,
}

impl NewsState {
    /// Whether nothing comes after it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Repaired | Self::Well | Self::HandedOver)
    }

    /// As it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Found => "found",
            Self::Repairing => "repairing",
            Self::Repaired => "repaired",
            Self::Well => "well",
            Self::HandedOver => "handed_over",
        }
    }
}

/// What the customer did with what was shown.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Feedback {
    /// What.
    pub what: FeedbackKind,
    /// The item that it was done with.
    #[serde(default)]
    #[schema(max_length = 192, example = "virtualisation/server-does-not-start")]
    pub answer: Option<String>,
}

/// What a customer can do with what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FeedbackKind {
    /// Opened it.
    Opened,
    /// Said that it solved the problem.
    Solved,
    /// Said that it does not fit.
    Dismissed,
    /// Sent the ticket all the same.
    Sent,
}
