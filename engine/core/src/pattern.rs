//! The one meaning of a rule's pattern.
//!
//! Start at [`compile`]. Whoever checks, searches or explains a pattern compiles it here, so that all of them agree.
//!
//! Patterns are those of the regex crate, searched in the *bytes* of a message with Unicode off: `\d`, `\w`, `\s`, `\b`
//! and `(?i)` mean ASCII, `.` and `[^x]` take any one byte (`.` not `\n`). `(?u:…)` switches Unicode on for a part; a class
//! with letters beyond ASCII (`[äö]`) needs it, such letters outside a class do not. A capture can therefore begin or end
//! inside a character; who hands captures on as text repairs them lossily.

use regex::bytes::{Regex, RegexBuilder};

pub mod stop;

/// The most memory one compiled pattern may take, in bytes. A pattern beyond it is refused, not cut.
pub const SIZE_LIMIT: usize = 1024 * 1024;

/// The most groups and repetitions inside one another.
pub const NEST_LIMIT: u32 = 100;

/// The text is no pattern, or too big a one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PatternError {
    /// What is wrong, in one line.
    pub message: String,
    /// Where in the pattern, in bytes; 0 where the whole pattern is meant.
    pub at: usize,
    /// How many bytes are meant; 0: the whole pattern, or a single point.
    pub len: usize,
    /// The way out, where there is one that helps.
    pub hint: Option<&'static str>,
}

/// Compiles a pattern as the engine searches it.
///
/// # Errors
/// [`PatternError`] when the syntax is wrong, or the compiled pattern would exceed [`SIZE_LIMIT`] or [`NEST_LIMIT`].
pub fn compile(pattern: &str) -> Result<Regex, PatternError> {
    parse(pattern)?;
    RegexBuilder::new(pattern).unicode(false).size_limit(SIZE_LIMIT).nest_limit(NEST_LIMIT).build().map_err(|error| {
        match error {
            regex::Error::CompiledTooBig(limit) => PatternError {
                message: format!("the pattern takes more than {limit} bytes of memory when compiled"),
                at: 0,
                len: 0,
                hint: Some("make its counted repetitions smaller, or leave Unicode off inside them"),
            },
            other => PatternError {
                message: other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
                at: 0,
                len: 0,
                hint: None,
            },
        }
    })
}

/// Reads a pattern without compiling it: what tools look at (literals, groups) with the meaning that [`compile`] gives it.
///
/// # Errors
/// [`PatternError`] when the syntax is wrong.
pub fn parse(pattern: &str) -> Result<regex_syntax::hir::Hir, PatternError> {
    let parsed =
        regex_syntax::ParserBuilder::new().unicode(false).utf8(false).nest_limit(NEST_LIMIT).build().parse(pattern);
    parsed.map_err(|error| {
        let (message, span) = match &error {
            regex_syntax::Error::Parse(e) => (e.kind().to_string(), Some(*e.span())),
            regex_syntax::Error::Translate(e) => (e.kind().to_string(), Some(*e.span())),
            _ => (error.to_string(), None),
        };
        let hint = if message.contains("Unicode not allowed here") {
            Some("write `(?u:…)` around a part that means Unicode")
        } else if message.contains("look-around") || message.contains("backreferences") {
            Some("the regex crate has neither look-around nor backreferences; use `unless` for what must not match")
        } else {
            None
        };
        let (at, end) = span.map_or((0, 0), |s| (s.start.offset, s.end.offset));
        PatternError { message, at, len: end.saturating_sub(at), hint }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_mean_ascii_unless_told_otherwise() {
        let check = |pattern: &str, text: &str, fits: bool| {
            assert_eq!(compile(pattern).unwrap().is_match(text.as_bytes()), fits, "{pattern} {text}");
        };
        check(r"^\w+$", "abc_1", true);
        check(r"^\w+$", "größe", false);
        check(r"^(?u:\w+)$", "größe", true);
        check(r"größe", "größe", true);
        check(r"^\d$", "٣", false);
        check(r"^(?i)STRASSE$", "strasse", true);
        check(r"^..$", "ö", true);
        check(r"a.b", "a\nb", false);
    }

    #[test]
    fn refusals_point_into_the_pattern() {
        let check = |pattern: &str, at: usize, message: &str| {
            let error = compile(pattern).unwrap_err();
            assert_eq!((error.at, error.message.as_str()), (at, message), "{pattern}");
        };
        check("ab(c", 2, "unclosed group");
        check("[ö]", 1, "Unicode not allowed here");
        check("a{2,1}", 1, "invalid repetition count range, the start must be <= the end");
        check("(?<a>x)(?<a>y)", 10, "duplicate capture group name");
        check("(?=x)", 0, "look-around, including look-ahead and look-behind, is not supported");
        let big = compile(r"(?u:\w{5000})").unwrap_err();
        assert_eq!(big.message, "the pattern takes more than 1048576 bytes of memory when compiled");
        assert!(compile(&"(".repeat(100_000)).is_err());
    }
}
