//! PostgreSQL's stderr log.

use jiff::tz::TimeZone;

use super::cut::Cut;
use super::when::Memo;
use super::{Read, Reading, keep, level, when};
use crate::event::Header;

/// The words that begin a message, all followed by a colon and two blanks.
const WORDS: [&str; 17] = [
    "LOG",
    "ERROR",
    "FATAL",
    "PANIC",
    "WARNING",
    "NOTICE",
    "INFO",
    "DEBUG1",
    "DEBUG2",
    "DEBUG3",
    "DEBUG4",
    "DEBUG5",
    "DETAIL",
    "HINT",
    "STATEMENT",
    "CONTEXT",
    "QUERY",
];
/// How far the prefix may reach.
const PREFIX: usize = 320;

/// The prefixes of Debian (`%m [%p] %q%u@%d `), of the project (`%m [%p] `), the older `%t [%p-%l] %q%u@%d ` and the one
/// that hosted databases use (`%t:%r:%u@%d:[%p]:`). The message begins at its word: `FATAL:  sorry, …`.
/// Attributes: user, database, client.
pub(super) fn read<'a>(line: &'a str, context: &Reading<'_>) -> Option<Read<'a>> {
    parse(line, context, |_| true)
}

/// The same of a line that may be another program's: before the word stands nothing but what PostgreSQL puts there.
pub(super) fn recognise<'a>(line: &'a str, context: &Reading<'_>) -> Option<Read<'a>> {
    parse(line, context, is_prefix)
}

fn parse<'a>(line: &'a str, context: &Reading<'_>, fits: fn(&str) -> bool) -> Option<Read<'a>> {
    let mut cut = Cut::new(line);
    let mut at = cut;
    let iso = when::iso(&mut cut, context)?;
    let mut time = iso.time;
    let _ = cut.eat(" ");
    // A zone's short name: UTC is clear, any other is the server's own zone.
    let letters = cut.rest.bytes().take_while(u8::is_ascii_alphabetic).count();
    let zone = &cut.rest[..letters];
    if !iso.zoned && matches!(zone, "UTC" | "GMT") {
        time = when::iso(&mut at, &Reading { zone: &TimeZone::UTC, memo: &Memo::default(), ..*context })?.time;
    }
    cut.rest = &cut.rest[letters..];
    let head = &cut.rest[..cut.rest.floor_char_boundary(PREFIX)];
    let word = head.match_indices(":  ").find_map(|(colon, _)| {
        let word = head[..colon].rsplit(|c: char| !c.is_ascii_alphanumeric()).next()?;
        WORDS.contains(&word).then_some((colon - word.len(), colon))
    });
    let (start, colon) = word.filter(|(start, _)| fits(&head[..*start]))?;
    let mut header = Header { time: Some(time), program: Some("postgres".into()), ..Header::new(context) };
    header.level = level(&head[start..colon]);
    prefix(&mut header, &head[..start]);
    Some(Read::new(header, &cut.rest[start..]))
}

/// Whether a text is what PostgreSQL puts before the word, and nothing else: another program's line may quote a word of ours
/// that a stranger chose.
fn is_prefix(text: &str) -> bool {
    if text.starts_with(':') {
        return !text.contains(char::is_whitespace);
    }
    let bracketed = |part: &str| part.starts_with('[') && part.trim_end_matches([':', ',']).ends_with(']');
    let client = |part: &str| part.trim_end_matches(':').ends_with(')') && part.contains('(');
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._/,=@-:[]".contains(&b));
    // Once more the time, behind a container's, and its zone.
    let time = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || b"-:.+TZ".contains(&b));
    let zone = |part: &str| part.len() <= 5 && part.bytes().all(|b| b.is_ascii_uppercase());
    let mut of_program = false;
    text.split_whitespace().all(|part| {
        // The name of a client's program may have blanks.
        of_program |= part.contains("app=");
        bracketed(part)
            || client(part)
            || time(part)
            || zone(part)
            || (plain(part) && (of_program || part.contains(['@', '='])))
    })
}

/// `[123-1] user@database `, `:192.0.2.1(123):user@database:[123]:`.
fn prefix(header: &mut Header<'_>, text: &str) {
    for part in text.split([' ', ':']).filter(|part| !part.is_empty()) {
        if let Some(inside) = part.strip_prefix('[') {
            let pid = inside.split(['-', ']']).next().and_then(|pid| pid.parse().ok());
            // A second number counts the lines of the process.
            header.pid = header.pid.or(pid);
        } else if let Some((user, database)) = part.split_once('@') {
            keep(header, "user", user);
            keep(header, "database", database);
        } else if let Some((client, _)) = part.split_once('(') {
            keep(header, "client", client);
        }
    }
}
