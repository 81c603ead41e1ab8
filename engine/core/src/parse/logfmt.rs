//! `key=value key="value with spaces"`.

use std::borrow::Cow;

use super::cut::Cut;
use super::{Context, Read, json, keep, level};
use crate::event::Stamp;

/// Reads pairs. Without `msg` or `message` the message is the whole line. `None` when no pair is found.
pub(super) fn read<'a>(line: &'a str, context: &Context) -> Option<Read<'a>> {
    let mut cut = Cut::new(line);
    let mut stamp = Stamp::default();
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
            "time" | "ts" | "timestamp" | "t" if stamp.time.is_none() => stamp.time = json::from_text(&value, context),
            "level" | "lvl" | "severity" if stamp.level.is_none() => stamp.level = level(&value),
            "host" | "hostname" if stamp.host.is_none() => stamp.host = Some(value.into_owned()),
            "program" | "service" | "logger" | "app" if stamp.program.is_none() => {
                stamp.program = Some(value.into_owned());
            }
            "pid" if stamp.pid.is_none() => stamp.pid = value.parse().ok(),
            "unit" if stamp.unit.is_none() => stamp.unit = Some(value.into_owned()),
            _ => keep(&mut stamp, key, &value),
        }
    }
    (pairs > 0).then(|| Read { stamp, message: message.unwrap_or(Cow::Borrowed(line)) })
}

/// Reads a line that nobody called logfmt: it must begin with a pair, carry a message, and a time or a level.
pub(super) fn certain<'a>(line: &'a str, context: &Context) -> Option<Read<'a>> {
    pair(&mut Cut::new(line))?;
    if !(line.contains("msg=") || line.contains("message=")) {
        return None;
    }
    read(line, context).filter(|read| {
        let whole = matches!(read.message, Cow::Borrowed(text) if text.len() == line.len());
        !whole && (read.stamp.time.is_some() || read.stamp.level.is_some())
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
