//! How far a pattern comes in a message that it does not match: what its author asks first.
//!
//! Start at [`furthest`].

use std::fmt;

use regex_syntax::ast::{Ast, parse::ParserBuilder};

use super::{NEST_LIMIT, compile};

/// So much of message and pattern is shown, in bytes.
const SHOWN: usize = 60;
/// What matches fewer bytes than this has not begun: a letter is found in every message.
const BEGUN: usize = 4;

/// Where a pattern stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Its number in the list.
    pub pattern: usize,
    /// The end of what it matches of the message.
    pub fits: String,
    /// The beginning of what it wants next.
    pub wants: String,
    /// The beginning of how the message goes on.
    pub rest: String,
}

impl Stop {
    /// What the pattern does, to be said behind its name.
    #[must_use]
    pub fn words(&self) -> String {
        let Self { fits, wants, rest, .. } = self;
        let there = if rest.is_empty() { "ends".to_owned() } else { format!("has `{rest}`") };
        format!("fits as far as `{fits}` and then wants `{wants}`, where the message {there}")
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "match[{}] {}", self.pattern, self.words())
    }
}

/// The one of these patterns that comes furthest in a message which none of them matches. `None` when none comes anywhere:
/// then nothing is near.
#[must_use]
pub fn furthest(patterns: &[String], message: &str) -> Option<Stop> {
    let stops = patterns.iter().enumerate().filter_map(|(number, pattern)| stop(number, pattern, message.as_bytes()));
    stops.max_by_key(|(reach, _)| *reach).map(|(_, stop)| stop)
}

/// The stop, and how many bytes of the pattern come before it.
fn stop(number: usize, pattern: &str, message: &[u8]) -> Option<(usize, Stop)> {
    let Ok(Ast::Concat(ref parts)) = ParserBuilder::new().nest_limit(NEST_LIMIT).build().parse(pattern) else {
        return None;
    };
    let ends: Vec<usize> = parts.asts.iter().map(|part| part.span().end.offset).collect();
    // What a longer beginning matches, a shorter one matches, too.
    let matched = |end: usize| compile(&pattern[..end]).ok()?.find(message).map(|found| found.range());
    let count = ends.partition_point(|&end| matched(end).is_some());
    let end = *ends[..count].last()?;
    let range = matched(end).filter(|range| range.len() >= BEGUN)?;
    let tail = |text: &[u8]| {
        let text = String::from_utf8_lossy(text).into_owned();
        let cut = text.ceil_char_boundary(text.len().saturating_sub(SHOWN));
        if cut == 0 { text } else { format!("…{}", &text[cut..]) }
    };
    let head = |text: &[u8]| {
        let text = String::from_utf8_lossy(text).into_owned();
        let cut = text.floor_char_boundary(SHOWN);
        if cut == text.len() { text } else { format!("{}…", &text[..cut]) }
    };
    let (wants, rest) = (head(&pattern.as_bytes()[end..]), head(&message[range.end..]));
    Some((end, Stop { pattern: number, fits: tail(&message[range]), wants, rest }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(patterns: &[&str], message: &str, expected: &str) {
        let patterns: Vec<String> = patterns.iter().map(|&p| p.into()).collect();
        let said = furthest(&patterns, message).map_or_else(String::new, |stop| stop.to_string());
        assert_eq!(said, expected, "{patterns:?} {message}");
    }

    #[test]
    fn the_place_where_the_message_is_another_is_named() {
        check(
            &[r"^job (?<job>\d+) failed after (?<took>\d+s): (?<why>[^\n]*)"],
            "job 17 failed after 30 s: no memory",
            r"match[0] fits as far as `job 17 failed after ` and then wants `(?<took>\d+s): (?<why>[^\n]*)`, where the message has `30 s: no memory`",
        );
        check(
            &["disk full$"],
            "disk full!",
            "match[0] fits as far as `disk full` and then wants `$`, where the message has `!`",
        );
        check(
            &["(?i)DISK full now"],
            "the disk full",
            "match[0] fits as far as `disk full` and then wants ` now`, where the message ends",
        );
        check(
            &["the ab", "the acd?x"],
            "the acdy",
            "match[1] fits as far as `the acd` and then wants `x`, where the message has `y`",
        );
        check(&["größer"], "größe 1", "match[0] fits as far as `größe` and then wants `r`, where the message has ` 1`");
    }

    #[test]
    fn what_does_not_even_begin_is_nothing_near() {
        check(&["^job", "x|y", "", "("], "the job", "");
        check(&[], "the job", "");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "ö".repeat(100);
        let stop = furthest(&[format!("{long}a{long}")], &format!("{long}b{long}")).unwrap();
        assert!([&stop.fits, &stop.wants, &stop.rest].iter().all(|text| text.len() < 70), "{stop}");
    }
}
