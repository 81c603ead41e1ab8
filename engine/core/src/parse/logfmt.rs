//! `key=value key="value with spaces"`.

use std::borrow::Cow;

use super::cut::Cut;
use super::{Read, Reading, json, keep, level};
use crate::event::Header;

/// Reads pairs. Without `msg` or `message` the message is the whole line. `None` when no pair is found.
pub(super) fn read<'a>(line: &'a str, context: &Reading<'_>) -> Option<Read<'a>> {
    let mut cut = Cut::new(line);
    let mut header = Header::new(context);
    let mut message = None;
    let mut pairs = 0;
    loop {
        cut.skip_spaces();
        if cut.rest.is_empty() {
            break;
        }
        let Some((key, value)) = pair(&mut cut) else {
            // A bare word: a flag without a value.
            if cut.word().is_empty() {
                break;
            }
            continue;
        };
        pairs += 1;
        match key {
            "msg" | "message" if message.is_none() => message = Some(value),
            "time" | "ts" | "timestamp" | "t" if header.time.is_none() => {
                header.time = json::from_text(&value, context);
            }
            "level" | "lvl" | "severity" if header.level.is_none() => header.level = level(&value),
            "host" | "hostname" if header.host.is_none() => header.host = Some(value),
            "program" | "service" | "logger" | "app" if header.program.is_none() => {
                header.program = Some(value);
            }
            "pid" if header.pid.is_none() => header.pid = value.parse().ok(),
            "unit" if header.unit.is_none() => header.unit = Some(value),
            _ => keep(&mut header, key, &value),
        }
    }
    (pairs > 0).then(|| Read { header, message: message.unwrap_or(Cow::Borrowed(line)) })
}

/// Reads a line that nobody called logfmt: it must begin with a pair, carry a message, and a time or a level.
pub(super) fn certain<'a>(line: &'a str, context: &Reading<'_>) -> Option<Read<'a>> {
    pair(&mut Cut::new(line))?;
    if !(line.contains("msg=") || line.contains("message=")) {
        return None;
    }
    read(line, context).filter(|read| {
        let whole = matches!(read.message, Cow::Borrowed(text) if text.len() == line.len());
        !whole && (read.header.time.is_some() || read.header.level.is_some())
    })
}

fn pair<'a>(cut: &mut Cut<'a>) -> Option<(&'a str, Cow<'a, str>)> {
    let mut at = *cut;
    let end = at.rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '@' | '/')))?;
    let key = &at.rest[..end];
    at.rest = at.rest[end..].strip_prefix('=')?;
    if key.is_empty() {
        return None;
    }
    let value = match at.quoted() {
        Some(quoted) if quoted.contains('\\') => Cow::Owned(unescaped(quoted)),
        Some(quoted) => Cow::Borrowed(quoted),
        None => Cow::Borrowed(at.word()),
    };
    *cut = at;
    Some((key, value))
}

/// The escapes that loggers write in quotes.
fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(c) = characters.next() {
        match (c, c == '\\') {
            (_, false) => text.push(c),
            _ => match characters.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('r') => text.push('\r'),
                Some(other) => text.push(other),
                None => text.push('\\'),
            },
        }
    }
    text
}
