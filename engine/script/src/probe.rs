//! `probe.…`: the read-only looks at the host, and which keys each reports.

use std::collections::BTreeMap;

use heinzel_core::field::FieldType;
use heinzel_core::near;
use heinzel_core::pattern;
use heinzel_core::probe::{Capture, Probe};
use rhai::{Array, Engine, ImmutableString, Map};
use serde_json::Value as Json;

use crate::arguments::{Made, accepted, argv, path, port, process, unit_glob, url, wrong};

/// The word `probe`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probes;

pub(crate) fn register(engine: &mut Engine) {
    engine
        .register_fn("unit", |_: &mut Probes, name: &str| unit(name))
        .register_fn("disk", |_: &mut Probes, at: &str| disk(at))
        .register_fn("load", |_: &mut Probes| Probe::Load)
        .register_fn("memory", |_: &mut Probes| Probe::Memory)
        .register_fn("processes", |_: &mut Probes, name: &str| processes(name))
        .register_fn("file", |_: &mut Probes, at: &str| file(at))
        .register_fn("tcp", |_: &mut Probes, host: &str, number: i64| tcp(host, number))
        .register_fn("http", |_: &mut Probes, target: &str| http(target))
        .register_fn("certificate", |_: &mut Probes, target: &str| certificate(target))
        .register_fn("command", |_: &mut Probes, list: Array| command(&list))
        .register_fn("command", |_: &mut Probes, list: Array, capture: Map| -> Made<Probe> {
            Ok(Probe::Command { argv: argv(&list)?, capture: Some(read_capture(&capture)?) })
        })
        .register_fn("nagios", |_: &mut Probes, list: Array| nagios(&list));
}

pub(crate) fn unit(name: &str) -> Made<Probe> {
    Ok(Probe::Unit { name: unit_glob(name)? })
}

pub(crate) fn disk(at: &str) -> Made<Probe> {
    Ok(Probe::Disk { path: path(at)? })
}

pub(crate) fn processes(name: &str) -> Made<Probe> {
    Ok(Probe::Processes { name: process(name, true)? })
}

pub(crate) fn file(at: &str) -> Made<Probe> {
    Ok(Probe::File { path: path(at)? })
}

pub(crate) fn tcp(host: &str, number: i64) -> Made<Probe> {
    Ok(Probe::Tcp { host: accepted(&FieldType::Host, "host", host)?, port: port(number)? })
}

pub(crate) fn http(target: &str) -> Made<Probe> {
    Ok(Probe::Http { url: url(target)? })
}

pub(crate) fn command(list: &Array) -> Made<Probe> {
    Ok(Probe::Command { argv: argv(list)?, capture: None })
}

pub(crate) fn nagios(list: &Array) -> Made<Probe> {
    Ok(Probe::Nagios { argv: argv(list)? })
}

pub(crate) fn certificate(target: &str) -> Made<Probe> {
    if target.starts_with('/') {
        return Ok(Probe::Certificate { target: path(target)? });
    }
    let Some((host, number)) = target.rsplit_once(':') else {
        return wrong(format!(
            "the certificate's target `{}` is neither host:port nor an absolute path",
            crate::arguments::shown(target)
        ));
    };
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    accepted(&FieldType::Host, "host", host)?;
    port(number.parse().unwrap_or(0))?;
    Ok(Probe::Certificate { target: target.to_owned() })
}

fn read_capture(map: &Map) -> Made<Capture> {
    if let Some(key) = map.keys().find(|k| !["pattern", "fields"].contains(&k.as_str())) {
        return wrong(format!("unknown key `{key}`; {}", near::hint(key, ["pattern", "fields"])));
    }
    let pattern = map.get("pattern").and_then(|v| v.read_lock::<ImmutableString>().map(|t| t.to_string()));
    let declared = map.get("fields").and_then(|v| v.read_lock::<Map>().map(|m| m.clone()));
    let (Some(pattern), Some(declared)) = (pattern, declared) else {
        return wrong("write #{ pattern: `used (?<used>\\d+)`, fields: #{ used: \"int\" } }");
    };
    let regex = match pattern::compile(&pattern) {
        Ok(regex) => regex,
        Err(error) => return wrong(format!("bad pattern at its byte {}: {}", error.at, error.message)),
    };
    let mut fields = BTreeMap::new();
    for (name, word) in &declared {
        let word = word.read_lock::<ImmutableString>().map(|w| w.to_string()).unwrap_or_default();
        let kind = match word.parse::<FieldType>() {
            Ok(FieldType::Text) => {
                return wrong(format!("field `{name}` is text; what a command prints reaches a script only typed"));
            }
            Ok(kind) => kind,
            Err(error) => return wrong(format!("field `{name}`: {error}")),
        };
        if ["blind", "exit", "lines"].contains(&name.as_str()) {
            return wrong(format!("a field may not be called `{name}`; the probe reports that itself"));
        }
        fields.insert(name.to_string(), kind);
    }
    let captured: Vec<&str> = regex.capture_names().flatten().collect();
    if let Some(name) = captured.iter().find(|n| !fields.contains_key(**n)) {
        return wrong(format!("capture `{name}` has no type in `fields`"));
    }
    if let Some(name) = fields.keys().find(|n| !captured.contains(&n.as_str())) {
        return wrong(format!("field `{name}` is not captured by the pattern"));
    }
    Ok(Capture { pattern, fields })
}

/// What a value of a report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Number,
    Text,
    List,
}

impl Kind {
    /// Whether a value is of this kind. What is absent is of any.
    pub(crate) fn takes(self, value: &Json) -> bool {
        match self {
            _ if value.is_null() => true,
            Self::Bool => value.is_boolean(),
            Self::Number => value.is_number(),
            Self::Text => value.is_string(),
            Self::List => value.is_array(),
        }
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List => "a list",
        }
    }

    fn of(field: &FieldType) -> Self {
        match field {
            FieldType::Int | FieldType::Float | FieldType::Size | FieldType::Duration => Self::Number,
            _ => Self::Text,
        }
    }
}

/// The keys that a probe's report can have, in the order of their importance.
pub(crate) fn keys(probe: &Probe) -> Vec<&str> {
    shape(probe).into_iter().map(|(key, _)| key).collect()
}

/// What a probe's report has under a key; `None` when it has no such key.
pub(crate) fn kind_of(probe: &Probe, key: &str) -> Option<Kind> {
    shape(probe).into_iter().find(|(known, _)| *known == key).map(|(_, kind)| kind)
}

fn shape(probe: &Probe) -> Vec<(&str, Kind)> {
    use Kind::{Bool, List, Number, Text};
    match probe {
        Probe::Unit { .. } => vec![
            ("name", Text),
            ("type", Text),
            ("load", Text),
            ("state", Text),
            ("sub", Text),
            ("active", Bool),
            ("failed", Bool),
            ("result", Text),
            ("main_pid", Number),
            ("restarts", Number),
            ("matches", Number),
        ],
        Probe::Disk { .. } => vec![
            ("path", Text),
            ("used_percent", Number),
            ("free_bytes", Number),
            ("total_bytes", Number),
            ("inodes_used_percent", Number),
            ("inodes_free", Number),
            ("read_only", Bool),
        ],
        Probe::Load => ["one", "five", "fifteen", "cores", "per_core"].map(|key| (key, Number)).to_vec(),
        Probe::Memory => ["total_bytes", "available_bytes", "available_percent", "swap_total_bytes", "swap_free_bytes"]
            .map(|key| (key, Number))
            .to_vec(),
        Probe::Processes { .. } => vec![("count", Number), ("list", List)],
        Probe::File { .. } => vec![
            ("exists", Bool),
            ("kind", Text),
            ("size_bytes", Number),
            ("age_seconds", Number),
            ("mode", Text),
            ("owner", Number),
            ("group", Number),
        ],
        Probe::Tcp { .. } => vec![("open", Bool), ("millis", Number), ("error", Text)],
        Probe::Http { .. } => vec![
            ("reached", Bool),
            ("status", Number),
            ("ok", Bool),
            ("millis", Number),
            ("size_bytes", Number),
            ("error", Text),
        ],
        Probe::Certificate { .. } => {
            vec![("expires", Text), ("days_left", Number), ("subject", Text), ("self_signed", Bool)]
        }
        Probe::Command { capture, .. } => {
            let captured = capture.iter().flat_map(|c| &c.fields).map(|(name, field)| (name.as_str(), Kind::of(field)));
            [("exit", Number), ("lines", Number)].into_iter().chain(captured).collect()
        }
        Probe::Nagios { .. } => vec![("exit", Number), ("state", Text), ("ok", Bool)],
    }
}
