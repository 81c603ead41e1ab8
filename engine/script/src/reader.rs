//! Reads a rule's map value by value; every complaint lands at the right place of the file.

use std::ops::RangeInclusive;
use std::time::Duration;

use heinzel_core::near;
use heinzel_core::time::Span;
use rhai::{Dynamic, FnPtr, ImmutableString, Map};

use crate::places::Places;
use crate::problem::{FileText, Gravity, Problem};

/// The longest span a rule may name, where nothing shorter holds.
pub(crate) const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// Collects what is wrong while a map is read.
pub(crate) struct Reader<'a> {
    pub(crate) file: &'a FileText,
    pub(crate) places: &'a Places,
    pub(crate) problems: Vec<Problem>,
}

impl Reader<'_> {
    /// An error at a value.
    pub(crate) fn error(&mut self, path: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.push(path, Gravity::Error, message.into(), hint.into());
    }

    /// A warning at a value.
    pub(crate) fn warn(&mut self, path: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.push(path, Gravity::Warning, message.into(), hint.into());
    }

    fn push(&mut self, path: &str, gravity: Gravity, message: String, hint: String) {
        let at = self.places.value(path, self.file);
        self.problems.push(self.file.at(at, gravity, message, Some(hint)));
    }

    /// Whether something is said of this very value already.
    pub(crate) fn complained(&self, path: &str) -> bool {
        let at = self.places.value(path, self.file);
        self.problems.iter().any(|p| (p.line, p.column) == at)
    }

    /// An error at a key.
    pub(crate) fn key_error(&mut self, path: &str, message: impl Into<String>, hint: impl Into<String>) {
        let at = self.places.key(path, self.file);
        self.problems.push(self.file.at(at, Gravity::Error, message, Some(hint.into())));
    }

    /// An error (or warning) at byte `offset` of a text.
    pub(crate) fn inside(&mut self, path: &str, text: &str, offset: usize, message: String, hint: Option<String>) {
        let at = self.places.inside(path, text, offset, self.file);
        self.problems.push(self.file.at(at, Gravity::Error, message, hint));
    }

    /// Complains about keys that nobody knows.
    pub(crate) fn unknown_keys(&mut self, map: &Map, within: &str, known: &[&str]) {
        for key in map.keys().filter(|k| !known.contains(&k.as_str())) {
            let (path, of) = if within.is_empty() {
                (key.to_string(), String::new())
            } else {
                (format!("{within}.{key}"), format!(" of `{within}`"))
            };
            self.key_error(&path, format!("unknown key `{key}`{of}"), near::hint(key, known.iter().copied()));
        }
    }

    fn wrong_kind(&mut self, path: &str, value: &Dynamic, wanted: &str) {
        let key = path.split('[').next().unwrap_or(path);
        self.error(path, format!("`{key}` is {}, not {wanted}", kind(value)), format!("write {wanted}"));
    }

    /// A text.
    pub(crate) fn text(&mut self, map: &Map, key: &str, within: &str) -> Option<String> {
        let value = map.get(key)?;
        let path = join(within, key);
        match value.read_lock::<ImmutableString>() {
            Some(text) => Some(text.to_string()),
            None => {
                self.wrong_kind(&path, value, "a text in quotes");
                None
            }
        }
    }

    /// A list of texts; one text stands for a list of one.
    pub(crate) fn texts(&mut self, map: &Map, key: &str, within: &str) -> Vec<String> {
        let Some(value) = map.get(key) else { return Vec::new() };
        let path = join(within, key);
        if let Some(text) = value.read_lock::<ImmutableString>() {
            return vec![text.to_string()];
        }
        let Some(list) = value.read_lock::<rhai::Array>() else {
            self.wrong_kind(&path, value, "a list of texts");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for (number, item) in list.iter().enumerate() {
            match item.read_lock::<ImmutableString>() {
                Some(text) => texts.push(text.to_string()),
                None => {
                    self.wrong_kind(&format!("{path}[{number}]"), item, "a list of texts");
                    texts.push(String::new());
                }
            }
        }
        texts
    }

    /// A whole number within bounds.
    pub(crate) fn number(&mut self, map: &Map, key: &str, within: &str, from: i64, to: i64) -> Option<i64> {
        let value = map.get(key)?;
        let path = join(within, key);
        match value.as_int() {
            Ok(number) if (from..=to).contains(&number) => Some(number),
            Ok(number) => {
                self.error(&path, format!("`{key}` is {number}"), format!("it must lie between {from} and {to}"));
                None
            }
            Err(_) => {
                self.wrong_kind(&path, value, "a whole number");
                None
            }
        }
    }

    /// A length of time within bounds.
    pub(crate) fn span(
        &mut self,
        map: &Map,
        key: &str,
        within: &str,
        bounds: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let value = map.get(key)?;
        let path = join(within, key);
        let Some(text) = value.read_lock::<ImmutableString>().map(|t| t.to_string()) else {
            self.wrong_kind(&path, value, "a length of time like \"10m\"");
            return None;
        };
        match text.parse::<Span>() {
            Ok(Span(time)) if time < *bounds.start() => {
                let least = Span(*bounds.start());
                self.error(&path, format!("`{key}` is {text}"), format!("it must be at least {least}"));
                None
            }
            Ok(Span(time)) if time > *bounds.end() => {
                let most = Span(*bounds.end());
                self.error(&path, format!("`{key}` is {text}"), format!("it must be at most {most}"));
                None
            }
            Ok(Span(time)) => Some(time),
            Err(error) => {
                self.error(&path, error.to_string(), "for example \"10m\", \"2h\" or \"1h 30m\"");
                None
            }
        }
    }

    /// A map.
    pub(crate) fn map(&mut self, map: &Map, key: &str, shape: &str) -> Option<Map> {
        let value = map.get(key)?;
        match value.read_lock::<Map>() {
            Some(inner) => Some(inner.clone()),
            None => {
                self.wrong_kind(key, value, shape);
                None
            }
        }
    }

    /// A function.
    pub(crate) fn function(&mut self, map: &Map, key: &str, shape: &str) -> Option<FnPtr> {
        let value = map.get(key)?;
        match value.read_lock::<FnPtr>() {
            Some(function) => Some(function.clone()),
            None => {
                self.wrong_kind(key, value, &format!("a function like `{shape}`"));
                None
            }
        }
    }
}

/// The path of a key within another.
pub(crate) fn join(within: &str, key: &str) -> String {
    if within.is_empty() { key.to_owned() } else { format!("{within}.{key}") }
}

/// What a value is, in words for people.
pub(crate) fn kind(value: &Dynamic) -> String {
    match value.type_name() {
        "i64" => "a number".into(),
        "f64" => "a fraction".into(),
        "bool" => "true or false".into(),
        "char" => "a character".into(),
        "()" => "absent (`()`)".into(),
        "Fn" => "a function".into(),
        "map" => "a map".into(),
        "array" => "a list".into(),
        "string" => "a text".into(),
        other if other.contains("Probe") => "a probe".into(),
        other if other.contains("Step") => "a step".into(),
        other if other.contains("Check") => "a check".into(),
        _ if value.is_map() => "a map".into(),
        _ if value.is_array() => "a list".into(),
        _ if value.is_string() => "a text".into(),
        _ if value.is_fnptr() => "a function".into(),
        _ => "another kind of value".into(),
    }
}
