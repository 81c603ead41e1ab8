//! Checks a rule's patterns and the types of what they capture. Compiled regexes live only as long as the check.

use std::collections::{BTreeMap, BTreeSet};

use heinzel_core::field::FieldType;
use heinzel_core::near;
use heinzel_core::pattern::{self, stop};
use regex_syntax::hir::{Hir, HirKind};
use rhai::{ImmutableString, Map};

use crate::reader::Reader;
use crate::sample::Samples;

/// Names that `e` and `i` have of themselves; no field may take one.
pub const RESERVED: [&str; 10] =
    ["asset", "asset_name", "draft", "host", "incident", "count", "fixes_24h", "round", "task", "program"];
/// The most patterns in one list.
const PATTERNS: usize = 64;
/// A pattern without so long a literal is tried on too many lines.
const LITERAL: usize = 3;

/// The message for a rule without a sample file.
pub(crate) const NO_SAMPLES: &str = "the rule has no samples";

/// What a rule looks for.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    pub(crate) matches: Vec<String>,
    pub(crate) unless: Vec<String>,
    pub(crate) clear: Vec<String>,
    pub(crate) task_ok: bool,
    pub(crate) fields: BTreeMap<String, FieldType>,
}

/// Reads and checks `match`, `unless`, `clear` and `fields`.
pub(crate) fn read(reader: &mut Reader<'_>, map: &Map, has_task: bool, samples: Option<&Samples>) -> Patterns {
    let mut patterns = Patterns {
        matches: reader.texts(map, "match", ""),
        unless: reader.texts(map, "unless", ""),
        clear: reader.texts(map, "clear", ""),
        ..Patterns::default()
    };
    let fields_are_sound = read_fields(reader, map, &mut patterns.fields);
    let before = patterns.clear.len();
    patterns.clear.retain(|p| p != "task ok");
    patterns.task_ok = patterns.clear.len() < before;
    if patterns.task_ok && !has_task {
        reader.error(
            "clear",
            "`clear: \"task ok\"` in a rule without `task`",
            "name the tasks: `task: #{ kind: \"vzdump\", state: \"failed\" }`",
        );
    }
    if patterns.matches.is_empty() && !has_task && !map.contains_key("match") {
        reader.key_error(
            "title",
            "the rule has neither `match` nor `task`",
            "say what it looks for: match: [`part of the line`]",
        );
    } else if map.contains_key("match") && patterns.matches.is_empty() && !has_task {
        reader.error("match", "`match` is empty", "write at least one pattern in backticks");
    }

    let matched = check_list(reader, map, "match", &patterns.matches, samples);
    let cleared = check_list(reader, map, "clear", &patterns.clear, None);
    let unless = check_list(reader, map, "unless", &patterns.unless, None);
    if fields_are_sound {
        check_captures(reader, &patterns, &matched, &cleared);
    }
    for (name, (path, _, _)) in &unless.named {
        reader.warn(
            path,
            format!("nobody reads the capture `{name}` of an `unless` pattern"),
            format!("write `(?:…)` for `(?<{name}>…)`"),
        );
    }
    check_samples(reader, &patterns, samples);
    patterns
}

fn read_fields(reader: &mut Reader<'_>, map: &Map, fields: &mut BTreeMap<String, FieldType>) -> bool {
    let Some(declared) = reader.map(map, "fields", "a map like #{ pool: \"ident\" }") else {
        return !map.contains_key("fields");
    };
    for (name, value) in &declared {
        let path = format!("fields.{name}");
        if RESERVED.contains(&name.as_str()) {
            let hint = format!(
                "`i.{name}` is the engine's own; call the field otherwise, for example `{name}_name`, here and in the patterns"
            );
            reader.key_error(&path, format!("a field may not be called `{name}`"), hint);
        }
        let Some(word) = value.read_lock::<ImmutableString>().map(|w| w.to_string()) else {
            reader.error(
                &path,
                format!("the type of `{name}` is no text"),
                format!("the types are {}", FieldType::WORDS),
            );
            fields.insert(name.to_string(), FieldType::Text);
            continue;
        };
        let kind = word.parse::<FieldType>().unwrap_or_else(|error| {
            let known: Vec<&str> = FieldType::WORDS.split(", ").collect();
            let hint = near::nearest(&word, known.iter().copied()).map_or_else(
                || "`text` takes anything and is hidden from steps".into(),
                |near| format!("did you mean `{near}`?"),
            );
            reader.error(&path, error.to_string(), hint);
            FieldType::Text
        });
        fields.insert(name.to_string(), kind);
    }
    true
}

/// The captures of a list of patterns.
#[derive(Default)]
struct Captures {
    /// Name → path, pattern, byte of the name.
    named: BTreeMap<String, (String, String, usize)>,
    /// Some pattern could not be read, so there may be others.
    unreadable: bool,
}

fn check_list(reader: &mut Reader<'_>, map: &Map, key: &str, list: &[String], samples: Option<&Samples>) -> Captures {
    let mut captures = Captures::default();
    if list.len() > PATTERNS {
        reader.error(
            key,
            format!("`{key}` has {} patterns", list.len()),
            format!("at most {PATTERNS}; divide the rule"),
        );
        return captures;
    }
    let single = map.get(key).is_some_and(rhai::Dynamic::is_string);
    for (number, text) in list.iter().enumerate() {
        let path = if single { key.to_owned() } else { format!("{key}[{number}]") };
        if text.is_empty() && reader.complained(&path) {
            captures.unreadable = true;
            continue;
        }
        if text.is_empty() {
            reader.error(
                &path,
                format!("pattern {key}[{number}] is empty and would fit every line"),
                "write a part of the line in backticks",
            );
            continue;
        }
        let regex = match pattern::compile(text) {
            Ok(regex) => regex,
            Err(error) => {
                let way = error.hint.unwrap_or(
                    "patterns are those of the regex crate; write them in backticks, where backslashes stay",
                );
                reader.inside(&path, text, error.at, format!("bad pattern: {}", error.message), Some(way.into()));
                captures.unreadable = true;
                continue;
            }
        };
        for name in regex.capture_names().flatten() {
            let at = text.find(&format!("<{name}>")).map_or(0, |at| at + 1);
            captures.named.entry(name.to_owned()).or_insert_with(|| (path.clone(), text.clone(), at));
        }
        if key != "unless" {
            check_search(reader, &Search { key, number, path: &path, text, regex: &regex }, samples);
        }
    }
    captures
}

/// A pattern that lines are searched for.
struct Search<'a> {
    key: &'a str,
    number: usize,
    path: &'a str,
    text: &'a str,
    regex: &'a regex::bytes::Regex,
}

/// Whether a pattern finds too much, costs too much, or was never shown to find anything.
fn check_search(reader: &mut Reader<'_>, one: &Search<'_>, samples: Option<&Samples>) {
    let Search { key, number, .. } = *one;
    if one.regex.is_match(b"") {
        reader.error(
            one.path,
            format!("pattern {key}[{number}] fits the empty line, and so every line"),
            "make at least one part of it required",
        );
    }
    let begin = one.text.trim_start_matches('^');
    if begin.starts_with(".*") || begin.starts_with(".+") {
        reader.warn(
            one.path,
            format!("pattern {key}[{number}] begins with `.*`, which only costs time"),
            "leave it out: patterns are searched everywhere in the message",
        );
    }
    if pattern::parse(one.text).is_ok_and(|hir| longest_literal(&hir) < LITERAL) {
        reader.warn(
            one.path,
            format!("pattern {key}[{number}] has no literal of at least {LITERAL} bytes, so it is tried on every line"),
            "add a word that the program always writes there",
        );
    }
    if key == "match" && !fires(samples, number, one.regex) {
        match samples {
            Some(samples) => reader.error(
                one.path,
                format!("pattern match[{number}] has no firing sample in {}", samples.file.display()),
                no_firing_sample(samples, number, one.text),
            ),
            None if number == 0 => reader.error(
                one.path,
                NO_SAMPLES,
                format!(
                    "write samples/{}.toml with a real line, `fires = true`, and a near miss with `fires = false`",
                    stem(reader)
                ),
            ),
            None => {}
        }
    }
}

fn stem(reader: &Reader<'_>) -> String {
    reader.file.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The way out when no firing sample shows a pattern: where it stops in the one that was meant, if there is one.
fn no_firing_sample(samples: &Samples, number: usize, pattern: &str) -> String {
    let mut meant =
        samples.samples.iter().filter(|sample| sample.fires && sample.matches.is_empty() && sample.format.is_none());
    let near = meant.find_map(|sample| Some((sample, stop::furthest(&[pattern.to_owned()], &sample.line)?)));
    match near {
        Some((sample, stop)) => format!("in the sample of line {} it {}", sample.at.line, stop.words()),
        None => format!(
            "add a [[sample]] with such a line and `fires = true` (and `matches = [{number}]` if the line is in a `format`)"
        ),
    }
}

/// Whether a firing sample shows the pattern: by number, or by fitting the line or its end behind a header.
fn fires(samples: Option<&Samples>, number: usize, regex: &regex::bytes::Regex) -> bool {
    samples.into_iter().flat_map(|s| &s.samples).filter(|s| s.fires).any(|sample| {
        if !sample.matches.is_empty() {
            return sample.matches.contains(&number);
        }
        let line = sample.line.as_bytes();
        regex.is_match(line)
            || (sample.format.is_some()
                && line.iter().enumerate().any(|(at, byte)| *byte == b' ' && regex.is_match(&line[at + 1..])))
    })
}

fn check_captures(reader: &mut Reader<'_>, patterns: &Patterns, matched: &Captures, cleared: &Captures) {
    for (name, (path, text, at)) in matched.named.iter().chain(&cleared.named) {
        if patterns.fields.contains_key(name) {
            continue;
        }
        let hint = match near::nearest(name, patterns.fields.keys().map(String::as_str)) {
            Some(near) => {
                format!("did you mean `{near}`? If not, add `{name}: \"ident\"` (or another type) to `fields`")
            }
            None => format!("add `{name}: \"ident\"` (or another type; `text` hides it from steps) to `fields`"),
        };
        reader.inside(path, text, *at, format!("capture `{name}` has no type"), Some(hint));
    }
    if matched.unreadable {
        return;
    }
    let captured: BTreeSet<&str> = matched.named.keys().map(String::as_str).collect();
    for name in patterns.fields.keys().filter(|n| !captured.contains(n.as_str())) {
        let hint = match near::nearest(name, captured.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("capture it: `(?<{name}>…)`, or remove the field"),
        };
        reader.key_error(&format!("fields.{name}"), format!("field `{name}` is captured by no `match` pattern"), hint);
    }
}

fn check_samples(reader: &mut Reader<'_>, patterns: &Patterns, samples: Option<&Samples>) {
    let Some(samples) = samples else { return };
    if !samples.samples.is_empty() && samples.samples.iter().all(|s| s.fires) {
        let path = if patterns.matches.is_empty() { "task" } else { "match" };
        reader.warn(
            path,
            format!("{} has no near miss", samples.file.display()),
            "add a [[sample]] with a line that looks alike and `fires = false`",
        );
    }
    let fields: Vec<&str> = patterns.fields.keys().map(String::as_str).collect();
    for sample in &samples.samples {
        for name in sample.fields.keys().filter(|n| !fields.contains(&n.as_str())) {
            reader.problems.push(samples.problem(
                &sample.at,
                format!("the rule has no field `{name}`"),
                near::hint(name, fields.iter().copied()),
            ));
        }
        for number in sample.matches.iter().filter(|n| **n >= patterns.matches.len()) {
            let hint = format!("the rule has {} patterns, counted from 0", patterns.matches.len());
            reader.problems.push(samples.problem(&sample.at, format!("there is no pattern match[{number}]"), hint));
        }
    }
    for plan in &samples.plans {
        for name in plan.fields.keys().filter(|n| !fields.contains(&n.as_str())) {
            reader.problems.push(samples.problem(
                &plan.at,
                format!("the rule has no field `{name}`"),
                near::hint(name, fields.iter().copied()),
            ));
        }
    }
}

/// The longest run of bytes that every fitting line contains (roughly: classes of at most four letters count as one).
fn longest_literal(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Capture(capture) => longest_literal(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => longest_literal(&repetition.sub),
        HirKind::Alternation(branches) => branches.iter().map(longest_literal).min().unwrap_or(0),
        HirKind::Concat(parts) => {
            let (mut best, mut run) = (0, 0);
            for part in parts {
                match part.kind() {
                    HirKind::Literal(literal) => run += literal.0.len(),
                    HirKind::Class(class) if small(class) => run += 1,
                    HirKind::Look(_) => {}
                    _ => {
                        run = 0;
                        best = best.max(longest_literal(part));
                    }
                }
                best = best.max(run);
            }
            best
        }
        _ => 0,
    }
}

fn small(class: &regex_syntax::hir::Class) -> bool {
    use regex_syntax::hir::Class;
    match class {
        Class::Bytes(bytes) => bytes.ranges().iter().map(|r| r.len()).sum::<usize>() <= 4,
        Class::Unicode(unicode) => unicode.ranges().iter().map(|r| r.len()).sum::<usize>() <= 4,
    }
}
