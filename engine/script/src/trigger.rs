//! Reads a rule's `trigger`.

use std::time::Duration;

use heinzel_core::near;
use heinzel_core::policy::Rate;
use heinzel_core::trigger::Trigger;
use rhai::{Dynamic, Map};

use crate::patterns::Patterns;
use crate::reader::{LONGEST, Reader};

/// The kinds of trigger, by the key that tells them apart, and whether they need a `task` clause.
const KINDS: [(&str, bool); 8] = [
    ("rate", false),
    ("distinct", false),
    ("sequence", false),
    ("absence", false),
    ("overdue", true),
    ("missing", true),
    ("flapping", true),
    ("count", false),
];
const KEYS: [&str; 10] =
    ["count", "within", "rate", "distinct", "sequence", "absence", "overdue", "missing", "flapping", "by"];
/// The largest count a trigger may name: no window remembers more.
const MOST: i64 = heinzel_core::window::Window::MOST as i64;
const SECOND: Duration = Duration::from_secs(1);

/// The trigger and what its findings are counted by.
pub(crate) fn read(reader: &mut Reader<'_>, map: &Map, patterns: &Patterns, has_task: bool) -> (Trigger, Vec<String>) {
    let Some(trigger) = reader.map(map, "trigger", "a map like #{ count: 3, within: \"10m\" }") else {
        return (Trigger::default(), Vec::new());
    };
    reader.unknown_keys(&trigger, "trigger", &KEYS);
    let by = reader.texts(&trigger, "by", "trigger");
    for (number, name) in by.iter().enumerate() {
        known_name(reader, &format!("trigger.by[{number}]"), "by", name, patterns, has_task);
    }
    let kind = kind_of(reader, &trigger, has_task);
    let read = kind.and_then(|kind| read_kind(reader, &trigger, kind, patterns, has_task));
    if let Some(Trigger::Distinct { field, .. }) = &read
        && by.contains(field)
    {
        let message = format!("`distinct: \"{field}\"` is counted by `{field}`, too, so it never has two values");
        reader.error("trigger.by", message, format!("leave `{field}` out of `by`"));
    }
    (read.unwrap_or_default(), by)
}

fn kind_of(reader: &mut Reader<'_>, trigger: &Map, has_task: bool) -> Option<&'static str> {
    let named: Vec<(&str, bool)> = KINDS.into_iter().filter(|(key, _)| trigger.contains_key(*key)).collect();
    let kind = match named[..] {
        [] => {
            reader.error(
                "trigger",
                "`trigger` does not say when it fires",
                "write one of count, rate, distinct, sequence, absence, overdue, missing, flapping",
            );
            return None;
        }
        [one] | [one @ ("distinct", _), ("count", _)] => one,
        [(one, _), (two, _), ..] => {
            reader.error(
                &format!("trigger.{two}"),
                format!("`{one}` and `{two}` are two kinds of trigger"),
                "keep one of them; two conditions are two rules",
            );
            return None;
        }
    };
    if kind.1 && !has_task {
        reader.error(
            &format!("trigger.{}", kind.0),
            format!("`{}` is about tasks, but the rule has no `task`", kind.0),
            "add `task: #{ kind: \"vzdump\" }`",
        );
        return None;
    }
    let needs_within = matches!(kind.0, "distinct" | "sequence" | "flapping" | "count");
    if !needs_within && trigger.contains_key("within") {
        reader.key_error(
            "trigger.within",
            format!("`{}` takes no `within`", kind.0),
            "the span stands in the value itself",
        );
        return None;
    }
    Some(kind.0)
}

fn read_kind(
    reader: &mut Reader<'_>,
    trigger: &Map,
    kind: &str,
    patterns: &Patterns,
    has_task: bool,
) -> Option<Trigger> {
    let within = |reader: &mut Reader<'_>| {
        if !trigger.contains_key("within") {
            reader.error("trigger", format!("`{kind}` without `within`"), "say in how long a time: within: \"10m\"");
        }
        reader.span(trigger, "within", "trigger", SECOND..=LONGEST)
    };
    let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    Some(match kind {
        "count" => {
            let number = reader.number(trigger, "count", "trigger", 1, MOST)?;
            if number == 1 && !trigger.contains_key("within") {
                return Some(Trigger::default());
            }
            Trigger::Count { count: count(number), within: within(reader)? }
        }
        "rate" => {
            let text = reader.text(trigger, "rate", "trigger")?;
            match Rate::try_from(text) {
                Ok(rate) if rate.count > 0 && i64::from(rate.count) <= MOST && rate.within.0 >= SECOND => {
                    Trigger::Count { count: rate.count, within: rate.within.0 }
                }
                Ok(_) => {
                    reader.error(
                        "trigger.rate",
                        "the rate is out of bounds",
                        format!("1 to {MOST} findings in at least 1s, like \"50/1m\""),
                    );
                    return None;
                }
                Err(message) => {
                    reader.error("trigger.rate", message, "for example \"50/1m\"");
                    return None;
                }
            }
        }
        "distinct" => {
            let field = reader.text(trigger, "distinct", "trigger");
            let number = reader.number(trigger, "count", "trigger", 2, MOST);
            if !trigger.contains_key("count") {
                reader.error("trigger", "`distinct` without `count`", "say how many different values: count: 20");
            }
            let within = within(reader);
            let field = field?;
            known_name(reader, "trigger.distinct", "distinct", &field, patterns, has_task);
            Trigger::Distinct { field, distinct: count(number?), within: within? }
        }
        "sequence" => {
            let within = within(reader);
            Trigger::Sequence { order: sequence(reader, trigger, patterns.matches.len())?, within: within? }
        }
        "absence" | "missing" => Trigger::Absence { absence: reader.span(trigger, kind, "trigger", SECOND..=LONGEST)? },
        "overdue" => Trigger::Overdue { overdue: reader.span(trigger, kind, "trigger", SECOND..=LONGEST)? },
        _ => {
            let flapping = reader.number(trigger, "flapping", "trigger", 2, MOST);
            let within = within(reader);
            Trigger::Flapping { flapping: count(flapping?), within: within? }
        }
    })
}

fn sequence(reader: &mut Reader<'_>, trigger: &Map, patterns: usize) -> Option<Vec<usize>> {
    let Some(list) = trigger.get("sequence").and_then(|v| v.read_lock::<rhai::Array>().map(|l| l.clone())) else {
        reader.error(
            "trigger.sequence",
            "`sequence` is no list",
            "write the numbers of the patterns in their order: [0, 1]",
        );
        return None;
    };
    if list.len() < 2 || list.len() > 16 {
        reader.error(
            "trigger.sequence",
            format!("`sequence` has {} entries", list.len()),
            "name 2 to 16 patterns by their numbers: [0, 1]",
        );
        return None;
    }
    let mut order = Vec::new();
    for (place, value) in list.iter().enumerate() {
        let number = Dynamic::as_int(value).ok().and_then(|n| usize::try_from(n).ok()).filter(|n| *n < patterns);
        match number {
            Some(number) => order.push(number),
            None => reader.error(
                &format!("trigger.sequence[{place}]"),
                format!("`{value}` is not the number of a pattern"),
                format!("`match` has {patterns} patterns, counted from 0"),
            ),
        }
    }
    (order.len() == list.len()).then_some(order)
}

fn known_name(reader: &mut Reader<'_>, path: &str, key: &str, name: &str, patterns: &Patterns, has_task: bool) {
    let mut known: Vec<&str> = patterns.fields.keys().map(String::as_str).collect();
    known.extend(["host", "program"]);
    if has_task {
        known.extend(["task.kind", "task.target"]);
    }
    if !known.contains(&name) {
        reader.error(path, format!("`{key}` names `{name}`, which is no field of this rule"), near::hint(name, known));
    }
}
