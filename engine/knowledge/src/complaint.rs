//! What is wrong with an answer, where, and the way out: from reading its file, from holding it against the others, from lint.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The text is not used, or must not be: it is broken or would hurt.
    Error,
    /// It is used; its author should mend it.
    Warning,
    /// It would read better otherwise.
    Hint,
}

impl Severity {
    /// All of them, the worst first.
    pub const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Hint];

    /// As it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Hint => "hint",
        }
    }
}

/// Something wrong in one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Complaint {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; 0 when it concerns the file as a whole.
    pub line: usize,
    /// The column, from 1, in characters; 0 when it is not known.
    pub column: usize,
    /// Which demand is not met: `format`, or one of lint's.
    pub rule: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The way out, or the better wording.
    pub suggestion: Option<String>,
}

impl Complaint {
    /// Whether it keeps the answer from being used.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        for place in [self.line, self.column].into_iter().take_while(|place| *place > 0) {
            write!(f, ":{place}")?;
        }
        write!(f, ": {} [{}] {}", self.severity.word(), self.rule, self.message)?;
        if let Some(suggestion) = &self.suggestion {
            write!(f, "\n    {suggestion}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_prints_as_editors_read_it() {
        let mut complaint = Complaint {
            file: "rules/web/answers/slow.de.md".into(),
            line: 3,
            column: 7,
            rule: "format",
            severity: Severity::Error,
            message: "`wbe` is no category".into(),
            suggestion: Some("did you mean `web`?".into()),
        };
        let text = "rules/web/answers/slow.de.md:3:7: error [format] `wbe` is no category\n    did you mean `web`?";
        assert_eq!(complaint.to_string(), text);
        (complaint.line, complaint.suggestion) = (0, None);
        assert_eq!(complaint.to_string(), "rules/web/answers/slow.de.md: error [format] `wbe` is no category");
    }
}
