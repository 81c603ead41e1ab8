//! `probe.…`: the read-only looks at the host, and which keys each reports.

use std::collections::BTreeMap;

use heinzel_core::field::FieldType;
use heinzel_core::near;
use heinzel_core::pattern;
use heinzel_core::probe::{Capture, Probe};
use rhai::{Array, Engine, ImmutableString, Map};

use crate::words::{Made, Probes, accepted, argv, path, port, process, unit_glob, url, wrong};

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
            crate::words::shown(target)
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

/// The keys that a probe reports.
pub(crate) fn keys(probe: &Probe) -> Vec<&str> {
    match probe {
        Probe::Unit { .. } => {
            vec![
                "name", "type", "load", "state", "sub", "active", "failed", "result", "main_pid", "restarts", "matches",
            ]
        }
        Probe::Disk { .. } => {
            vec!["path", "used_percent", "free_bytes", "total_bytes", "inodes_used_percent", "inodes_free", "read_only"]
        }
        Probe::Load => vec!["one", "five", "fifteen", "cores", "per_core"],
        Probe::Memory => {
            vec!["total_bytes", "available_bytes", "available_percent", "swap_total_bytes", "swap_free_bytes"]
        }
        Probe::Processes { .. } => vec!["count", "list"],
        Probe::File { .. } => vec!["exists", "kind", "size_bytes", "age_seconds", "mode", "owner", "group"],
        Probe::Tcp { .. } => vec!["open", "millis", "error"],
        Probe::Http { .. } => vec!["reached", "status", "ok", "millis", "size_bytes", "error"],
        Probe::Certificate { .. } => vec!["expires", "days_left", "subject", "self_signed"],
        Probe::Command { capture, .. } => {
            let mut keys = vec!["exit", "lines"];
            keys.extend(capture.iter().flat_map(|c| c.fields.keys()).map(String::as_str));
            keys
        }
        Probe::Nagios { .. } => vec!["exit", "state", "ok"],
    }
}
