//! What a rule's functions may look into: `e`, `i`, `i.task`, `facts` and one fact. Unknown names are errors, not silence.

use std::collections::BTreeMap;
use std::sync::Arc;

use heinzel_core::field::Value;
use heinzel_core::finding::Finding;
use heinzel_core::near;
use heinzel_core::probe::{Fact, Probe};
use heinzel_core::rule::Case;
use rhai::{Dynamic, Engine, EvalAltResult, Position};
use serde_json::Value as Json;

use crate::probe::keys;

/// A read-only map with a name that knows which keys it may have.
#[derive(Clone, Debug)]
pub(crate) struct View(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// What the rule calls it.
    name: String,
    /// Absent values are there as `()`.
    values: BTreeMap<String, Dynamic>,
    /// Names that exist and may not be seen.
    hidden: Vec<String>,
    /// Any other name is absent, not wrong.
    open: bool,
}

/// Names of a rule's fields that its functions may and may not see.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) typed: Vec<String>,
    pub(crate) text: Vec<String>,
}

const TASK: [&str; 5] = ["id", "kind", "target", "customer", "state"];

impl View {
    /// `e`: what `asset` sees of a finding.
    pub(crate) fn event(finding: &Finding, names: &Names) -> Self {
        let mut values = absent(&names.typed);
        for (name, value) in finding.fields.iter().filter(|(name, _)| names.typed.contains(name)) {
            values.insert(name.clone(), field(value));
        }
        values.insert("host".into(), text(finding.host.as_deref()));
        values.insert("program".into(), text(finding.program.as_deref()));
        let task = finding.task.as_deref().map_or(Dynamic::UNIT, |task| Self::task("e.task", &task.words()));
        values.insert("task".into(), task);
        Self::new("e", values, names.text.clone(), false)
    }

    /// `i`: what the other functions see of an incident.
    pub(crate) fn case(case: &Case, names: &Names) -> Self {
        let mut values = absent(&names.typed);
        for (name, value) in case.fields.iter().filter(|(name, _)| names.typed.contains(name)) {
            values.insert(name.clone(), field(value));
        }
        values.insert("asset".into(), case.asset.clone().into());
        values.insert("asset_name".into(), text(case.name.as_deref()));
        values.insert("draft".into(), case.draft.into());
        values.insert("host".into(), text(case.host.as_deref()));
        values.insert("incident".into(), number(case.incident));
        values.insert("count".into(), number(case.count));
        values.insert("fixes_24h".into(), number(u64::from(case.fixes_24h)));
        values.insert("round".into(), number(u64::from(case.round)));
        let task = if case.task.is_empty() { Dynamic::UNIT } else { Self::task("i.task", &case.task) };
        values.insert("task".into(), task);
        Self::new("i", values, names.text.clone(), false)
    }

    fn task(name: &str, task: &BTreeMap<String, String>) -> Dynamic {
        let values = TASK.iter().map(|key| ((*key).to_owned(), text(task.get(*key).map(String::as_str)))).collect();
        Dynamic::from(Self::new(name, values, Vec::new(), false))
    }

    /// `facts`: what the probes saw. What a probe can report and did not is absent; without the probe, any key is.
    pub(crate) fn facts(facts: &BTreeMap<String, Fact>, probes: &BTreeMap<String, Probe>) -> Self {
        let one = |(name, fact): (&String, &Fact)| {
            let probe = probes.get(name);
            let mut values: BTreeMap<String, Dynamic> =
                probe.iter().flat_map(|p| keys(p)).map(|key| (key.to_owned(), Dynamic::UNIT)).collect();
            if let Fact::Seen { report: Json::Object(report) } = fact {
                values.extend(report.iter().map(|(key, value)| (key.clone(), from_json(value))));
            }
            values.insert("blind".into(), matches!(fact, Fact::Blind { .. }).into());
            (name.clone(), Dynamic::from(Self::new(&format!("facts.{name}"), values, Vec::new(), probe.is_none())))
        };
        Self::new("facts", facts.iter().map(one).collect(), Vec::new(), false)
    }

    fn new(name: &str, values: BTreeMap<String, Dynamic>, hidden: Vec<String>, open: bool) -> Self {
        Self(Arc::new(Inner { name: name.to_owned(), values, hidden, open }))
    }

    fn get(&mut self, key: &str) -> Result<Dynamic, Box<EvalAltResult>> {
        let Inner { name, values, hidden, open } = &*self.0;
        if let Some(value) = values.get(key) {
            return Ok(value.clone());
        }
        if *open {
            return Ok(Dynamic::UNIT);
        }
        let message = if hidden.iter().any(|h| h == key) {
            let why = if name == "e" { "an asset is named by typed fields" } else { "text never reaches a step" };
            format!("`{name}.{key}` is a text field; {why} (give it another type in `fields` if it has one)")
        } else if name == "facts" {
            format!("there is no probe `{key}`; {}", near::hint(key, values.keys().map(String::as_str)))
        } else {
            format!("there is no `{name}.{key}`; {}", near::hint(key, values.keys().map(String::as_str)))
        };
        Err(EvalAltResult::ErrorRuntime(message.into(), Position::NONE).into())
    }
}

/// Makes views readable: `i.pool`, `i["pool"]`.
pub(crate) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<View>("view").register_indexer_get(View::get);
}

fn absent(names: &[String]) -> BTreeMap<String, Dynamic> {
    names.iter().map(|name| (name.clone(), Dynamic::UNIT)).collect()
}

fn text(value: Option<&str>) -> Dynamic {
    value.map_or(Dynamic::UNIT, |v| v.to_owned().into())
}

fn number(value: u64) -> Dynamic {
    i64::try_from(value).unwrap_or(i64::MAX).into()
}

fn field(value: &Value) -> Dynamic {
    match value {
        Value::Int(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Text(text) => text.clone().into(),
    }
}

/// A report's value as scripts see it. `null` is absent.
pub(crate) fn from_json(json: &Json) -> Dynamic {
    match json {
        Json::Null => Dynamic::UNIT,
        Json::Bool(yes) => (*yes).into(),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(fraction)) => fraction.into(),
            _ => Dynamic::UNIT,
        },
        Json::String(text) => text.clone().into(),
        Json::Array(list) => list.iter().map(from_json).collect::<rhai::Array>().into(),
        Json::Object(map) => map.iter().map(|(k, v)| (k.as_str().into(), from_json(v))).collect::<rhai::Map>().into(),
    }
}

/// A script's value as JSON; says what it cannot take.
pub(crate) fn to_json(value: &Dynamic) -> Result<Json, String> {
    if value.is_unit() {
        return Ok(Json::Null);
    }
    if let Ok(yes) = value.as_bool() {
        return Ok(yes.into());
    }
    if let Ok(number) = value.as_int() {
        return Ok(number.into());
    }
    if let Ok(number) = value.as_float() {
        return serde_json::Number::from_f64(number)
            .map(Json::Number)
            .ok_or_else(|| format!("{number} is no JSON number"));
    }
    if let Some(text) = value.read_lock::<rhai::ImmutableString>() {
        return Ok(text.as_str().into());
    }
    if let Ok(letter) = value.as_char() {
        return Ok(letter.to_string().into());
    }
    if let Some(list) = value.read_lock::<rhai::Array>() {
        return list.iter().map(to_json).collect::<Result<Vec<_>, _>>().map(Json::Array);
    }
    if let Some(map) = value.read_lock::<rhai::Map>() {
        let pairs = map.iter().map(|(k, v)| Ok((k.to_string(), to_json(v)?))).collect::<Result<_, String>>()?;
        return Ok(Json::Object(pairs));
    }
    Err(format!("{} is no plain value", crate::reader::kind(value)))
}
