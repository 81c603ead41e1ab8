//! One JSON object a line, with the keys that loggers use.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::cut::Cut;
use super::{Read, Reading, keep, level, when};
use crate::event::{Header, Level};
use crate::time::Timestamp;
use crate::writer::{self, Writer};

const MESSAGE: [&str; 6] = ["message", "msg", "log", "MESSAGE", "short_message", "@message"];
const TIME: [&str; 8] =
    ["time", "ts", "timestamp", "@timestamp", "datetime", "date", "_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP"];
const LEVEL: [&str; 6] = ["level", "severity", "lvl", "loglevel", "log.level", "PRIORITY"];
const HOST: [&str; 4] = ["host", "hostname", "_HOSTNAME", "host.name"];
const PROGRAM: [&str; 7] = ["program", "service", "logger", "SYSLOG_IDENTIFIER", "app", "service.name", "_COMM"];
const PID: [&str; 3] = ["pid", "_PID", "process.pid"];
const UNIT: [&str; 3] = ["unit", "UNIT", "_SYSTEMD_UNIT"];

/// Reads a JSON object. Without a message key the message is the whole line.
pub(super) fn read<'a>(line: &'a str, context: &Reading<'_>) -> Option<Read<'a>> {
    let mut keys: Map<String, Value> = serde_json::from_str(line).ok()?;
    let message = MESSAGE.iter().find_map(|&key| match keys.get(key) {
        Some(Value::String(_)) => keys.remove(key).and_then(|value| match value {
            Value::String(text) => Some(text),
            _ => None,
        }),
        _ => None,
    });
    let user = text_of(&keys, "_UID").and_then(|user| user.parse().ok());
    // In the journal, only the system manager says truly which unit it speaks of.
    if user.is_some() && text_of(&keys, "_PID").as_deref() != Some("1") {
        keys.remove("UNIT");
    }
    let mut header = Header {
        time: first(&mut keys, &TIME, |value| time(value, context)),
        level: first(&mut keys, &LEVEL, level_of),
        host: first(&mut keys, &HOST, name),
        program: first(&mut keys, &PROGRAM, name),
        pid: first(&mut keys, &PID, |value| text(value)?.parse().ok()),
        unit: first(&mut keys, &UNIT, name),
        ..Header::new(context)
    };
    if user.is_some() {
        let writer = Writer { user, unit: header.unit.as_deref(), is_web_user: false };
        header.by_customer = writer::is_customers(writer);
        header.program =
            writer::program(writer, header.program.as_deref()).map(|program| Cow::Owned(program.to_owned()));
    }
    for (key, value) in keys.iter().filter(|_| context.attributes) {
        if let Some(text) = text(value) {
            keep(&mut header, key, &text);
        }
    }
    let message = match message {
        Some(mut text) => {
            // Docker's json-file keeps the line end.
            let end = text.trim_end_matches(['\n', '\r']).len();
            text.truncate(end);
            Cow::Owned(text)
        }
        None => Cow::Borrowed(line),
    };
    Some(Read { header, message })
}

/// Takes the first of these keys whose value can be read; the key is then no longer an attribute.
fn first<T>(keys: &mut Map<String, Value>, names: &[&str], read: impl Fn(&Value) -> Option<T>) -> Option<T> {
    let (name, value) = names.iter().find_map(|&name| Some((name, read(keys.get(name)?)?)))?;
    keys.remove(name);
    Some(value)
}

/// The text of a key.
fn text_of<'a>(keys: &'a Map<String, Value>, name: &str) -> Option<Cow<'a, str>> {
    text(keys.get(name)?)
}

/// A scalar as text.
fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(yes) => Some(Cow::Borrowed(if *yes { "true" } else { "false" })),
        _ => None,
    }
}

/// A name: a text, or the `name` of an object.
fn name(value: &Value) -> Option<Cow<'static, str>> {
    match value {
        Value::String(text) if !text.is_empty() => Some(Cow::Owned(text.clone())),
        Value::Object(inside) => inside.get("name")?.as_str().map(|name| Cow::Owned(name.to_owned())),
        _ => None,
    }
}

/// A level: a word, syslog's 0 to 7, or the tens of bunyan and pino.
fn level_of(value: &Value) -> Option<Level> {
    if let Some(found) = value.as_str().and_then(level) {
        return Some(found);
    }
    match text(value)?.parse().ok()? {
        number @ 0..=7 => Level::from_number(number),
        10 | 20 => Some(Level::Debug),
        30 => Some(Level::Info),
        40 => Some(Level::Warning),
        50 => Some(Level::Error),
        60 => Some(Level::Critical),
        _ => None,
    }
}

fn time(value: &Value, context: &Reading<'_>) -> Option<Timestamp> {
    match value {
        Value::String(text) => from_text(text, context),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Some(epoch(whole)),
            None => number.as_f64().map(epoch_fraction),
        },
        _ => None,
    }
}

/// A time as loggers write it into a string: ISO 8601, or a number since the epoch.
pub(super) fn from_text(text: &str, context: &Reading<'_>) -> Option<Timestamp> {
    let mut cut = Cut::new(text);
    if let Some(iso) = when::iso(&mut cut, context) {
        return Some(iso.time);
    }
    if let Ok(whole) = text.parse() {
        return Some(epoch(whole));
    }
    let number = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    text.parse().ok().filter(|_| number).map(epoch_fraction)
}

/// Seconds, milliseconds, microseconds or nanoseconds since the epoch, told apart by size: each unit covers the years up
/// to 5138.
fn epoch(number: i64) -> Timestamp {
    match number.unsigned_abs() {
        0..100_000_000_000 => Timestamp::from_seconds(number),
        100_000_000_000..100_000_000_000_000 => Timestamp::from_micros(number.saturating_mul(1_000)),
        100_000_000_000_000..100_000_000_000_000_000 => Timestamp::from_micros(number),
        _ => Timestamp::from_micros(number / 1_000),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a float that is too large becomes the largest time")]
fn epoch_fraction(number: f64) -> Timestamp {
    if number.abs() < 1e11 { Timestamp::from_micros((number * 1e6).round() as i64) } else { epoch(number as i64) }
}
