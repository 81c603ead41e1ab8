//! `check.…`: what must hold after a fix.

use heinzel_core::near;
use heinzel_core::plan::{Check, Compare};
use heinzel_core::probe::Probe;
use rhai::{Array, Dynamic, Engine};
use serde_json::Value as Json;

use crate::arguments::{Made, file, number, process, span, unit, wrong};
use crate::probe;
use crate::view::to_json;

/// The word `check`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checks;

pub(crate) fn register(engine: &mut Engine) {
    use Compare::{AtLeast, AtMost, Is, IsNot};
    engine
        .register_fn("unit_active", |_: &mut Checks, name: &str| {
            report(probe::unit(&unit(name)?)?, "active", Is, true.into())
        })
        .register_fn("unit_inactive", |_: &mut Checks, name: &str| {
            report(probe::unit(&unit(name)?)?, "active", Is, false.into())
        })
        .register_fn("http", |_: &mut Checks, url: &str| report(probe::http(url)?, "ok", Is, true.into()))
        .register_fn("http", |_: &mut Checks, url: &str, status: i64| {
            if !(100..=599).contains(&status) {
                return wrong(format!("{status} is no HTTP status; those are 100 to 599"));
            }
            report(probe::http(url)?, "status", Is, status.into())
        })
        .register_fn("tcp", |_: &mut Checks, host: &str, port: i64| {
            report(probe::tcp(host, port)?, "open", Is, true.into())
        })
        .register_fn("disk_below", |_: &mut Checks, path: &str, percent: Dynamic| {
            report(probe::disk(path)?, "used_percent", AtMost, number("percentage", &percent, 0.0, 100.0)?)
        })
        .register_fn("inodes_below", |_: &mut Checks, path: &str, percent: Dynamic| {
            report(probe::disk(path)?, "inodes_used_percent", AtMost, number("percentage", &percent, 0.0, 100.0)?)
        })
        .register_fn("file_exists", |_: &mut Checks, path: &str| {
            report(probe::file(&file(path)?)?, "exists", Is, true.into())
        })
        .register_fn("file_absent", |_: &mut Checks, path: &str| {
            report(probe::file(&file(path)?)?, "exists", Is, false.into())
        })
        .register_fn("process_running", |_: &mut Checks, name: &str| {
            report(probe::processes(&process(name, false)?)?, "count", AtLeast, 1.into())
        })
        .register_fn("process_gone", |_: &mut Checks, name: &str| {
            report(probe::processes(&process(name, false)?)?, "count", Is, 0.into())
        })
        .register_fn("certificate_days", |_: &mut Checks, target: &str, days: Dynamic| {
            report(probe::certificate(target)?, "days_left", AtLeast, number("number of days", &days, 0.0, 3_650.0)?)
        })
        .register_fn("command", |_: &mut Checks, list: Array| report(probe::command(&list)?, "exit", Is, 0.into()))
        .register_fn("command", |_: &mut Checks, list: Array, exit: i64| {
            if !(0..=255).contains(&exit) {
                return wrong(format!("{exit} is no exit code; those are 0 to 255"));
            }
            report(probe::command(&list)?, "exit", Is, exit.into())
        })
        .register_fn("nagios", |_: &mut Checks, list: Array| report(probe::nagios(&list)?, "ok", Is, true.into()))
        .register_fn("quiet", |_: &mut Checks, time: &str| -> Made<Check> { Ok(Check::Quiet { time: span(time)? }) })
        .register_fn("describe", |check: &mut Check| check.describe());
    for (name, compare) in [("is", Is), ("is_not", IsNot)] {
        engine.register_fn(name, move |_: &mut Checks, probe: Probe, key: &str, value: Dynamic| {
            match to_json(&value) {
                Ok(Json::Array(_) | Json::Object(_) | Json::Null) => {
                    wrong("a check compares with a text, a number, true or false")
                }
                Ok(value) => report(probe, key, compare, value),
                Err(why) => wrong(format!("a check compares with a text, a number, true or false: {why}")),
            }
        });
    }
    for (name, compare) in [("at_most", AtMost), ("at_least", AtLeast)] {
        engine.register_fn(name, move |_: &mut Checks, probe: Probe, key: &str, value: Dynamic| {
            report(probe, key, compare, number("value", &value, -9e15, 9e15)?)
        });
    }
}

fn report(probe: Probe, key: &str, compare: Compare, value: Json) -> Made<Check> {
    let Some(kind) = probe::kind_of(&probe, key) else {
        let hint = near::hint(key, probe::keys(&probe));
        return wrong(format!("this probe ({}) reports no `{key}`; {hint}", probe.describe()));
    };
    if !kind.takes(&value) {
        let (probe, kind) = (probe.describe(), kind.word());
        return wrong(format!("`{key}` of this probe ({probe}) is {kind}, so a comparison with {value} never holds"));
    }
    Ok(Check::Report { key: key.to_owned(), compare, value, probe })
}
