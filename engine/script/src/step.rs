//! `step.…`: the actions on the world, as values.

use std::collections::BTreeMap;
use std::time::Duration;

use heinzel_core::field::FieldType;
use heinzel_core::plan::{Action, Step, UnitVerb};
use rhai::{Array, Dynamic, Engine, Map};

use crate::arguments::{
    Made, accepted, argv, file, one_of, path, process, shown, span, unit, unlimited_span, url, wrong,
};
use crate::view::to_json;

/// Signals that make sense for a service (signal(7)).
const SIGNALS: [&str; 10] = ["HUP", "INT", "QUIT", "KILL", "TERM", "USR1", "USR2", "CONT", "STOP", "WINCH"];
const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];
/// The longest a plan may wait in one step.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// The largest process id Linux can be set to give (proc(5), `/proc/sys/kernel/pid_max`).
const PID_MAX: i64 = 4_194_304;

/// The word `step`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps;

pub(crate) fn register(engine: &mut Engine) {
    let verbs = [
        ("systemd_start", UnitVerb::Start),
        ("systemd_stop", UnitVerb::Stop),
        ("systemd_restart", UnitVerb::Restart),
        ("systemd_reload", UnitVerb::Reload),
        ("systemd_reset_failed", UnitVerb::ResetFailed),
    ];
    for (name, verb) in verbs {
        engine.register_fn(name, move |_: &mut Steps, name: &str| made(Action::Systemd { verb, unit: unit(name)? }));
    }
    engine
        .register_fn("command", |_: &mut Steps, list: Array| made(Action::Command { argv: argv(&list)? }))
        .register_fn("remove", |_: &mut Steps, at: &str| {
            made(Action::Remove { path: removable(at)?, older_than: None })
        })
        .register_fn("remove", |_: &mut Steps, at: &str, age: &str| {
            made(Action::Remove { path: removable(at)?, older_than: Some(span_of_age(age)?) })
        })
        .register_fn("truncate", |_: &mut Steps, at: &str| made(Action::Truncate { path: file(at)? }))
        .register_fn("copy", |_: &mut Steps, from: &str, to: &str| {
            let (from, to) = two(from, to)?;
            made(Action::Copy { from, to })
        })
        .register_fn("move_file", |_: &mut Steps, from: &str, to: &str| {
            let (from, to) = two(from, to)?;
            made(Action::Move { from, to })
        })
        .register_fn("chmod", |_: &mut Steps, at: &str, octal: &str| {
            made(Action::Chmod { path: file(at)?, mode: mode(octal)? })
        })
        .register_fn("chown", |_: &mut Steps, at: &str, owner: &str, group: &str| {
            let owner = accepted(&FieldType::User, "owner", owner)?;
            let group = accepted(&FieldType::User, "group", group)?;
            made(Action::Chown { path: file(at)?, owner, group })
        })
        .register_fn("write_template", |_: &mut Steps, at: &str, template: &str, values: Map| {
            made(Action::WriteTemplate { path: file(at)?, template: template.to_owned(), values: json_map(&values)? })
        })
        .register_fn("signal", |_: &mut Steps, name: &str, word: &str| {
            made(Action::Signal { name: process(name, false)?, pid: None, signal: signal(word)? })
        })
        .register_fn("signal", |_: &mut Steps, name: &str, number: i64, word: &str| {
            made(Action::Signal { name: process(name, false)?, pid: Some(pid(number)?), signal: signal(word)? })
        })
        .register_fn("http", |_: &mut Steps, method: &str, target: &str| http(method, target, None))
        .register_fn("http", |_: &mut Steps, method: &str, target: &str, body: Dynamic| {
            http(method, target, Some(&body))
        })
        .register_fn("task_retry", |_: &mut Steps, kind: &str, target: &str| {
            let kind = accepted(&FieldType::Ident, "task kind", kind)?;
            made(Action::TaskRetry { kind, target: accepted(&FieldType::Ident, "task target", target)? })
        })
        .register_fn("wait", |_: &mut Steps, time: &str| match unlimited_span(time)? {
            time if time > LONGEST_WAIT => {
                wrong("a step waits at most 1h; use the trigger or the cooldown for longer rests")
            }
            time => made(Action::Wait { time }),
        })
        .register_fn("replan", |_: &mut Steps| Step::from(Action::Replan))
        .register_fn("hand_over", |_: &mut Steps, why: &str| hand_over(why))
        .register_fn("timeout", |step: &mut Step, time: &str| timeout(step, time))
        .register_fn("describe", |step: &mut Step| step.action.describe());
}

/// Instead of steps: a person must look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HandOver(pub(crate) String);

/// The longest reason, in bytes.
const LONGEST_REASON: usize = 300;

fn hand_over(why: &str) -> Made<HandOver> {
    if why.trim().is_empty() || why.len() > LONGEST_REASON || why.chars().any(char::is_control) {
        return wrong(format!(
            "the reason is not one line of 1 to {LONGEST_REASON} bytes; say what a person must look at"
        ));
    }
    Ok(HandOver(why.to_owned()))
}

fn made(action: Action) -> Made<Step> {
    Ok(action.into())
}

fn timeout(step: &Step, time: &str) -> Made<Step> {
    let timeout = span(time)?;
    match &step.action {
        Action::Wait { time } if *time >= timeout => wrong("the step waits longer than its timeout allows"),
        Action::Replan => wrong("`replan` takes no time, so no timeout"),
        action => Ok(Step { action: action.clone(), timeout }),
    }
}

/// A path whose last part may hold `*`.
fn removable(text: &str) -> Made<String> {
    let text = path(text)?;
    let (folder, last) = text.rsplit_once('/').unwrap_or(("", &text));
    if last.is_empty() || last.bytes().all(|b| b == b'*' || b == b'.') {
        return wrong(format!(
            "the path `{}` names everything in a folder; say what its files have in common",
            shown(&text)
        ));
    }
    if folder.contains(['*', '?']) {
        return wrong(format!("the path `{}` has a `*` before its last part", shown(&text)));
    }
    if last.contains(['?', '[']) {
        return wrong(format!("the path `{}` holds `?` or `[`; only `*` stands for other characters", shown(&text)));
    }
    Ok(text)
}

/// An age may be longer than any step.
fn span_of_age(text: &str) -> Made<Duration> {
    match text.parse::<heinzel_core::time::Span>() {
        Ok(age) if age.0.is_zero() => wrong("the age is 0; leave it out to remove files of any age"),
        Ok(age) if age.0 <= crate::reader::LONGEST * 10 => Ok(age.0),
        Ok(_) => wrong(format!("the age {text} is longer than ten years")),
        Err(error) => wrong(error.to_string()),
    }
}

fn two(from: &str, to: &str) -> Made<(String, String)> {
    let (from, to) = (file(from)?, file(to)?);
    if from == to {
        return wrong(format!("`{from}` is both source and target"));
    }
    Ok((from, to))
}

fn mode(text: &str) -> Made<u32> {
    let octal = (3..=4).contains(&text.len()) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
    match u32::from_str_radix(text, 8) {
        Ok(mode) if octal => Ok(mode),
        _ => wrong(format!("`{}` is no mode; write three or four octal digits, like \"0640\"", shown(text))),
    }
}

fn signal(word: &str) -> Made<String> {
    one_of("signal", word.strip_prefix("SIG").unwrap_or(word), &SIGNALS)
}

fn pid(number: i64) -> Made<u32> {
    match u32::try_from(number) {
        Ok(pid) if (2..=PID_MAX).contains(&number) => Ok(pid),
        _ => wrong(format!("{number} is no process id that may be signalled; those are 2 to {PID_MAX}")),
    }
}

fn http(method: &str, target: &str, body: Option<&Dynamic>) -> Made<Step> {
    let body = match body.map(to_json).transpose() {
        Ok(body) => body,
        Err(why) => return wrong(format!("the body is no JSON: {why}")),
    };
    made(Action::Http { method: one_of("method", method, &METHODS)?, url: url(target)?, body })
}

fn json_map(values: &Map) -> Made<BTreeMap<String, serde_json::Value>> {
    let mut map = BTreeMap::new();
    for (name, value) in values {
        match to_json(value) {
            Ok(json) => map.insert(name.to_string(), json),
            Err(why) => return wrong(format!("the template's value `{name}` is not usable: {why}")),
        };
    }
    Ok(map)
}
