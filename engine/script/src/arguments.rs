//! How the arguments of `probe.…`, `step.…` and `check.…` are told right from wrong.

use std::time::Duration;

use heinzel_core::field::{self, FieldType};
use heinzel_core::near;
use heinzel_core::time::Span;
use rhai::{Array, Dynamic, EvalAltResult, ImmutableString, Position};

use crate::reader;

/// What a function of the rule language gives.
pub(crate) type Made<T> = Result<T, Box<EvalAltResult>>;

/// The longest a step, wait or check may take.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A complaint about an argument; the engine adds the place.
pub(crate) fn wrong<T>(message: impl Into<String>) -> Made<T> {
    Err(EvalAltResult::ErrorRuntime(message.into().into(), Position::NONE).into())
}

/// A text that a field type accepts.
pub(crate) fn accepted(kind: &FieldType, what: &str, text: &str) -> Made<String> {
    match kind.accept(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(no) => wrong(format!("the {what} `{}` {}", shown(text), no.reason)),
    }
}

/// A whole unit name.
pub(crate) fn unit(text: &str) -> Made<String> {
    if text.contains(['*', '?']) {
        return wrong(format!(
            "the unit `{}` holds a wildcard; name one unit (a probe may search: probe.unit(\"php*-fpm.service\"), then facts.x.name)",
            shown(text)
        ));
    }
    unit_like(text, text)
}

/// A unit name that may hold wildcards.
pub(crate) fn unit_glob(text: &str) -> Made<String> {
    unit_like(text, &text.replace(['*', '?'], "x"))
}

/// What is a unit's name when `plain` is, which is the text, or stands for it without its wildcards.
fn unit_like(text: &str, plain: &str) -> Made<String> {
    match field::is_unit(plain) {
        Ok(()) if text.len() <= 255 => Ok(text.to_owned()),
        Ok(()) => wrong("the unit name is longer than 255 bytes"),
        Err(no) => wrong(format!("the unit `{}` {}", shown(text), no.reason)),
    }
}

/// An absolute path to one thing.
pub(crate) fn path(text: &str) -> Made<String> {
    if let Err(no) = field::is_path(text) {
        return wrong(format!("the path `{}` {}", shown(text), no.reason));
    }
    if text.len() > 4096 {
        return wrong("the path is longer than 4096 bytes");
    }
    Ok(text.to_owned())
}

/// An absolute path to one file that a step changes.
pub(crate) fn file(text: &str) -> Made<String> {
    let text = path(text)?;
    if text.ends_with('/') {
        return wrong(format!("the path `{text}` names a folder; steps change files"));
    }
    if text.contains(['*', '?']) {
        return wrong(format!("the path `{text}` holds a wildcard; only step.remove takes one"));
    }
    Ok(text)
}

/// A length of time above zero.
pub(crate) fn span(text: &str) -> Made<Duration> {
    match unlimited_span(text)? {
        time if time > LONGEST => wrong(format!("the time {text} is longer than 24h")),
        time => Ok(time),
    }
}

/// The same for a caller with a limit of its own.
pub(crate) fn unlimited_span(text: &str) -> Made<Duration> {
    match text.parse::<Span>() {
        Ok(Span(time)) if time.is_zero() => wrong("the time is 0; give at least 1ms"),
        Ok(Span(time)) => Ok(time),
        Err(error) => wrong(error.to_string()),
    }
}

/// A TCP port.
pub(crate) fn port(number: i64) -> Made<u16> {
    match u16::try_from(number) {
        Ok(port) if port > 0 => Ok(port),
        _ => wrong(format!("{number} is no port; ports are 1 to 65535")),
    }
}

/// An HTTP or HTTPS URL.
pub(crate) fn url(text: &str) -> Made<String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let Some(rest) = rest else {
        return wrong(format!("the URL `{}` begins with neither http:// nor https://", shown(text)));
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || text.len() > 2048 {
        return wrong(format!("the URL `{}` names no host, or is longer than 2048 bytes", shown(text)));
    }
    if host.contains('@') {
        return wrong("the URL holds a user or password; those belong in the operator's settings, not in a rule");
    }
    if let Some(c) = text.chars().find(|c| c.is_control() || c.is_whitespace() || "\"<>\\^`{|}".contains(*c)) {
        return wrong(format!("the URL contains `{}`; write it percent-encoded", c.escape_default()));
    }
    Ok(text.to_owned())
}

/// The name of processes: what `/proc/PID/comm` holds, at most 15 bytes (proc(5), `TASK_COMM_LEN` less its end).
pub(crate) fn process(text: &str, wildcards: bool) -> Made<String> {
    if text.is_empty() || text.len() > 15 {
        return wrong(format!("the process name `{}` must have 1 to 15 bytes, as /proc/PID/comm has", shown(text)));
    }
    if text.chars().any(char::is_control) || text.contains('/') {
        return wrong(format!("the process name `{}` contains `/` or a control character", shown(text)));
    }
    if !wildcards && text.contains(['*', '?']) {
        return wrong(format!("the process name `{}` holds a wildcard; name one program", shown(text)));
    }
    Ok(text.to_owned())
}

/// Program and arguments.
pub(crate) fn argv(list: &Array) -> Made<Vec<String>> {
    let mut argv = Vec::with_capacity(list.len());
    for (number, value) in list.iter().enumerate() {
        let text = match (value.read_lock::<ImmutableString>(), value.as_int(), value.as_float()) {
            (Some(text), ..) => text.to_string(),
            (None, Ok(whole), _) => whole.to_string(),
            (None, _, Ok(fraction)) => fraction.to_string(),
            _ => return wrong(format!("argument {number} of the command is {}; write texts", reader::kind(value))),
        };
        if text.contains('\0') {
            return wrong(format!("argument {number} of the command contains a NUL byte"));
        }
        argv.push(text);
    }
    match argv.first() {
        None => wrong("the command is empty; write a list like [\"nginx\", \"-t\"]"),
        Some(program) if program.is_empty() || program.starts_with('-') || program.chars().any(char::is_control) => {
            wrong(format!("`{}` is no name of a program", shown(program)))
        }
        Some(program) if argv.len() == 1 && program.contains(char::is_whitespace) => wrong(format!(
            "the command is one text with spaces; there is no shell, so write a list: [{}]",
            program.split_whitespace().map(|w| format!("{w:?}")).collect::<Vec<_>>().join(", ")
        )),
        Some(_) => Ok(argv),
    }
}

/// A number that is or is not whole.
pub(crate) fn number(what: &str, value: &Dynamic, from: f64, to: f64) -> Made<serde_json::Value> {
    #[expect(clippy::cast_precision_loss, reason = "bounds are small; a whole number is kept whole below")]
    let float = value.as_float().or_else(|_| value.as_int().map(|n| n as f64));
    match float {
        Ok(number) if (from..=to).contains(&number) => match value.as_int() {
            Ok(whole) => Ok(whole.into()),
            Err(_) => Ok(number.into()),
        },
        Ok(number) => wrong(format!("the {what} is {number}; it must lie between {from} and {to}")),
        Err(_) => wrong(format!("the {what} is {}, not a number", reader::kind(value))),
    }
}

/// One of the listed words.
pub(crate) fn one_of(what: &str, text: &str, known: &[&str]) -> Made<String> {
    if known.contains(&text) {
        return Ok(text.to_owned());
    }
    wrong(format!("`{}` is no {what}; {}", shown(text), near::hint(text, known.iter().copied())))
}

/// The beginning of a text, for messages.
pub(crate) fn shown(text: &str) -> String {
    let cut = heinzel_core::finding::excerpt(text, 80);
    if cut.len() < text.len() { format!("{cut}…") } else { cut.to_owned() }
}
