//! Six weak patterns: no literal of three bytes, so that no search for texts helps, and rarely a match.
//!
//! Each is something that people do write.

/// The patterns. None has a named group, so that they are the same for engines without captures.
pub const PATTERNS: [&str; 6] = [
    // A bare pair of numbers at the end: `12 3456`.
    r": \d+ \d+$",
    // A status of the 500s behind a quote, as in access logs.
    r#"" 5\d\d \d+"#,
    // An address with a port in brackets.
    r"\[\d+\.\d+\.\d+\.\d+\]:\d+$",
    // A percentage of two or three digits at the end.
    r" \d{2,3}%$",
    // A word in capitals and a number: an error code.
    r"\b[A-Z]{2,5}-\d{4,}\b",
    // Two dashes around a number.
    r"-- \d+ --",
];
