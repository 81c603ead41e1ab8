//! What is wrong with a file of a pack, and where: printed like a compiler's message.

use std::fmt;
use std::path::{Path, PathBuf};

use heinzel_core::place::place;
use serde::Serialize;

use crate::plain_file;

/// Whether a problem keeps the rule from being loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gravity {
    /// The rule (or pack) is not loaded.
    Error,
    /// It is loaded; its author should look.
    Warning,
}

/// Something wrong in a file of a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// Error or warning.
    pub severity: Gravity,
    /// The line itself; empty where the file could not be read.
    pub source_line: String,
    /// What is wrong.
    pub message: String,
    /// The way out, where there is one to name.
    pub hint: Option<String>,
}

impl Problem {
    /// Whether it keeps the rule from being loaded.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Gravity::Error
    }

    /// An error that concerns a file as a whole.
    pub(crate) fn whole(file: &Path, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: 1,
            column: 1,
            severity: Gravity::Error,
            source_line: String::new(),
            message: message.into(),
            hint: Some(hint.into()),
        }
    }
}

/// The most characters of a source line that are shown; a longer one is cut around the column.
const SHOWN: usize = 160;

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Gravity::Error => "error",
            Gravity::Warning => "warning",
        };
        writeln!(f, "{word}: {}", printable(&self.message))?;
        write!(f, " --> {}:{}:{}", self.file.display(), self.line, self.column)?;
        if !self.source_line.trim().is_empty() {
            let number = self.line.to_string();
            let from = if self.column > SHOWN { self.column - SHOWN / 2 } else { 0 };
            let shown: String = self.source_line.chars().skip(from).take(SHOWN).collect();
            let before: String = shown
                .chars()
                .take(self.column.saturating_sub(1 + from))
                .map(|c| if c == '\t' { '\t' } else { ' ' })
                .collect();
            let margin = " ".repeat(number.len());
            write!(f, "\n{margin} |\n{number} | {}\n{margin} | {before}^", printable(&shown))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {}", printable(hint))?;
        }
        Ok(())
    }
}

/// The text without what a terminal would obey.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// A file's text, to say where something in it stands.
#[derive(Debug)]
pub(crate) struct FileText {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl FileText {
    /// Reads a file of at most `limit` bytes.
    pub(crate) fn read(path: &Path, limit: u64) -> Result<Self, Problem> {
        use std::io::Read;
        let unreadable = |e: std::io::Error| {
            let way = match std::fs::read_link(path) {
                Ok(_) if e.kind() == std::io::ErrorKind::NotFound => {
                    "it is a link that leads nowhere: mend or remove it"
                }
                _ => "make the file readable for the user heinzel runs as",
            };
            Problem::whole(path, format!("read {}: {e}", path.display()), way)
        };
        let mut bytes = Vec::new();
        let Some(file) = plain_file::open(path).map_err(unreadable)? else {
            return Err(Problem::whole(path, plain_file::NOT_PLAIN, plain_file::NOT_PLAIN_HINT));
        };
        file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > limit {
            return Err(Problem::whole(
                path,
                format!("the file is larger than {limit} bytes"),
                "split it into several",
            ));
        }
        // Some editors put a byte order mark in front.
        let mark = bytes.starts_with("\u{feff}".as_bytes());
        match String::from_utf8(bytes.split_off(if mark { 3 } else { 0 })) {
            Ok(text) => Ok(Self { path: path.to_owned(), text }),
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let file = Self { path: path.to_owned(), text };
                Err(file.at_byte(
                    good,
                    Gravity::Error,
                    "the file is not valid UTF-8 from here on",
                    Some("save it as UTF-8".into()),
                ))
            }
        }
    }

    /// Line (from 1), column (from 1, in characters) of a byte in the text.
    pub(crate) fn place(&self, byte: usize) -> (usize, usize) {
        place(&self.text, byte)
    }

    /// The byte at which a line and column (both from 1) stand.
    pub(crate) fn byte(&self, line: usize, column: usize) -> usize {
        let mut begin = 0;
        for text in self.text.split_inclusive('\n').take(line.saturating_sub(1)) {
            begin += text.len();
        }
        let rest = &self.text[begin..];
        begin + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
    }

    /// The text of a line, from 1.
    pub(crate) fn line(&self, line: usize) -> &str {
        self.text.lines().nth(line.saturating_sub(1)).unwrap_or_default()
    }

    /// A problem at a line and column.
    pub(crate) fn at(
        &self,
        (line, column): (usize, usize),
        severity: Gravity,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Problem {
        let source_line = self.line(line).to_owned();
        Problem { file: self.path.clone(), line, column, severity, source_line, message: message.into(), hint }
    }

    /// A problem at a byte.
    pub(crate) fn at_byte(
        &self,
        byte: usize,
        severity: Gravity,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Problem {
        self.at(self.place(byte), severity, message, hint)
    }

    /// What a TOML reader complained about.
    pub(crate) fn toml(&self, error: &toml::de::Error) -> Problem {
        let message = error.message().to_owned();
        let hint = message.strip_prefix("unknown field `").and_then(|rest| {
            let (word, rest) = rest.split_once('`')?;
            let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
            Some(heinzel_core::near::hint(word, known))
        });
        let hint = hint.or_else(|| (message == "missing field `min_engine`").then(|| MIN_ENGINE.to_owned()));
        let hint = hint.or_else(|| message.ends_with("expected a boolean").then(|| BOOLEAN.to_owned()));
        // What a line of a log does to a text in double quotes.
        let is_text = message.contains("escape") || message.starts_with("unexpected key or value");
        let hint = hint.or_else(|| is_text.then(|| QUOTES.to_owned()));
        self.at_byte(error.span().map_or(0, |s| s.start), Gravity::Error, message, hint)
    }
}

const MIN_ENGINE: &str =
    concat!("say which Heinzel the pack needs at least: min_engine = \"", env!("CARGO_PKG_VERSION"), "\"");
const BOOLEAN: &str = "write true or false, without quotes";
/// The way out of quotes and backslashes in a text of TOML.
const QUOTES: &str = "a text in single quotes ('…') may hold double quotes and backslashes, one in three of them ('''…''') single quotes, too";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_prints_like_a_compilers_message() {
        let file = FileText { path: "rules/web/x.rhai".into(), text: "#{\n\tseverity: \"hgih\",\n}".into() };
        let problem = file.at((2, 12), Gravity::Error, "`hgih` is no severity", Some("did you mean `high`?".into()));
        let expected = "error: `hgih` is no severity\n --> rules/web/x.rhai:2:12\n  |\n2 | \tseverity: \"hgih\",\n  | \t          ^\nhint: did you mean `high`?";
        assert_eq!(problem.to_string(), expected);
    }

    #[test]
    fn long_lines_are_cut_and_control_characters_do_not_reach_the_terminal() {
        let file = FileText { path: "x".into(), text: format!("{}\u{1b}[2J", "ö".repeat(1000)) };
        let problem = file.at((1, 1001), Gravity::Warning, "m", None).to_string();
        assert!(problem.len() < 600 && !problem.contains('\u{1b}'), "{problem}");
    }

    #[test]
    fn places_count_characters_and_bytes_find_back() {
        let file = FileText { path: "x".into(), text: "aö\nbü!\n".into() };
        for byte in [0, 1, 3, 4, 5, 7, 8, 9] {
            let (line, column) = file.place(byte);
            assert_eq!(file.byte(line, column), byte, "{line}:{column}");
        }
        assert_eq!(file.place(7), (2, 3));
    }
}
