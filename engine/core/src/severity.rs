//! How bad an incident is, and the matrix that finds it from impact and urgency.

use serde::{Deserialize, Serialize};

/// How bad it is. The least comes first, so `>` means "worse than".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// One customer, with a way around.
    Low,
    /// A few customers, or one without a way around.
    Medium,
    /// Many customers.
    High,
    /// Everybody, or data at risk.
    Critical,
}

impl Severity {
    /// All of them, the least first.
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// From its word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }

    /// From impact and urgency, each 1 (high) to 3 (low): the priority matrix of ITIL service operation
    /// (1+1 critical, then one step down for each step of the sum).
    #[must_use]
    pub fn from_impact_urgency(impact: u8, urgency: u8) -> Option<Self> {
        if !(1..=3).contains(&impact) || !(1..=3).contains(&urgency) {
            return None;
        }
        Some(match impact + urgency {
            2 => Self::Critical,
            3 => Self::High,
            4 => Self::Medium,
            5 => Self::Low,
            _ => Self::Info,
        })
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}
