//! A rule's claim about an event.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::event::{Event, Place};
use crate::field::Value;
use crate::findings::Findings;
use crate::rule::{Rule, RuleId};
use crate::task::Task;
use crate::time::Timestamp;

/// Which of a rule's patterns spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "role", content = "number")]
pub enum Role {
    /// `match[n]`: it counts.
    Match(usize),
    /// `clear[n]`: it is well again.
    Clear(usize),
    /// The task clause, without a pattern.
    Task,
    /// A task of the clause's kind in a state that the clause does not name: it moves timers and clears.
    TaskOther,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Match(number) => write!(f, "match[{number}]"),
            Self::Clear(number) => write!(f, "clear[{number}]"),
            Self::Task => f.write_str("task"),
            Self::TaskOther => f.write_str("task in another state"),
        }
    }
}

/// A rule's claim about one event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule.
    pub rule: RuleId,
    /// Which of its patterns.
    pub role: Role,
    /// The line.
    pub place: Place,
    /// Event time.
    pub time: Timestamp,
    /// When the line was read.
    pub read_at: Timestamp,
    /// The accepted fields.
    pub fields: BTreeMap<String, Value>,
    /// The names of the fields that are `text`.
    pub text_fields: Vec<String>,
    /// The host that wrote the line, where it is a valid host name.
    pub host: Option<String>,
    /// The program, where it is a valid name.
    pub program: Option<String>,
    /// The task.
    pub task: Option<Box<Task>>,
    /// The message, for people (cut at [`Finding::EXCERPT`] bytes).
    pub message: String,
}

/// A line that a rule's pattern matched, refused because a capture did not fit its type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{rule}: field `{field}` {reason}")]
pub struct Refused {
    /// The rule.
    pub rule: RuleId,
    /// The field.
    pub field: String,
    /// Why, in words that fit behind the field's name.
    pub reason: String,
}

impl Finding {
    /// How much of the message a finding keeps, in bytes.
    pub const EXCERPT: usize = 2048;

    /// Makes the rule's claim about `event` from its captures.
    ///
    /// # Errors
    /// [`Refused`] when a captured text does not fit the declared type of its field.
    pub fn claim(rule: &Rule, role: Role, event: &Event<'_>, captures: &[(&str, &str)]) -> Result<Self, Refused> {
        let mut findings = Findings::new(event.source.clone(), event.stream.clone(), event.read_at);
        findings.about(event).claim(rule, role, captures.iter().copied())?;
        Ok(findings.get(0).expect("just taken").to_finding())
    }
}

/// The longest beginning of `text` that has at most `limit` bytes and cuts no character.
#[must_use]
pub fn excerpt(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}
