//! One run of a background job, as a task history records it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::field::FieldType;
use crate::time::Timestamp;

/// How a task ended, or that it has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Waits for its turn.
    Queued,
    /// Runs.
    Running,
    /// Ended well.
    Ok,
    /// Ended with warnings; not an error.
    Warning,
    /// Ended with an error, was killed, or ended in an unknown way.
    Failed,
}

impl TaskState {
    /// Whether the task has ended.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Ok | Self::Warning | Self::Failed)
    }

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }

    /// From the word that rules, samples and JSON use.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "queued" => Self::Queued,
            "running" => Self::Running,
            "ok" => Self::Ok,
            "warning" => Self::Warning,
            "failed" => Self::Failed,
            _ => return None,
        })
    }
}

/// A task record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The history's own id: a UPID, a job number.
    pub id: String,
    /// What it does, in the history's words with dots: `vzdump`, `qmstart`, `unit.nginx.service`, `cron.run-parts`.
    pub kind: String,
    /// The asset it works on, as the history names it: `100`, `nginx.service`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The customer, where the history says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// How it stands.
    pub state: TaskState,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Timestamp>,
    /// The history's own word for its end: `OK`, `job errors`, an exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<String>,
}

impl Task {
    /// What a rule's functions may see of it: `id`, `kind`, `target`, `customer`, `state`. What is no plain name is left
    /// out: task histories may hold any text.
    #[must_use]
    pub fn words(&self) -> BTreeMap<String, String> {
        let all = [
            ("id", Some(&self.id)),
            ("kind", Some(&self.kind)),
            ("target", self.target.as_ref()),
            ("customer", self.customer.as_ref()),
        ];
        let plain = all.into_iter().filter_map(|(key, value)| Some((key, value?)));
        let mut words: BTreeMap<String, String> = plain
            .filter(|(_, value)| FieldType::Ident.accept(value).is_ok())
            .map(|(key, value)| (key.to_owned(), value.clone()))
            .collect();
        words.insert("state".into(), self.state.word().into());
        words
    }
}
