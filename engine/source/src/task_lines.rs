//! Task histories in JSON lines, with a mapping from the history's keys and words to ours.
//!
//! Start at [`task_from_json`]. The file is read by the file source; `decode` turns its lines into task records.

use std::borrow::Cow;

use heinzel_core::block::{Block, SourceId};
use heinzel_core::event::Stamp;
use heinzel_core::task::{Task, TaskState};
use heinzel_core::time::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::decode::{Rebuilt, each_record};
use crate::settings::{Common, TaskLines};

/// Where a task's own text is looked for, in this order; patterns look at it. Without any it is the whole line.
const MESSAGE_KEYS: [&str; 6] = ["log", "output", "message", "msg", "error", "stderr"];

/// Why a line is no task.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Complaint(String);

/// What [`task_from_json`] must be told.
#[derive(Clone, Debug)]
pub struct Mapping<'a> {
    /// Which key is what, and what the words for a state mean.
    pub settings: &'a TaskLines,
    /// The kind of tasks that name none.
    pub kind: &'a str,
    /// The zone of times that name none.
    pub zone: &'a TimeZone,
}

/// Turns the lines of a block into task records. The second value says how many lines are no tasks; they stay what they
/// are.
#[must_use]
pub fn decode(block: Block, settings: &TaskLines, common: &Common) -> (Block, u64) {
    let (zone, name): (TimeZone, &SourceId) = (common.time_zone(), &common.name);
    let mapping = Mapping { settings, kind: name, zone: &zone };
    let (mut rebuilt, mut undecodable) = (Rebuilt::default(), 0);
    each_record(&block, |line, _| {
        if line.trim_ascii().is_empty() {
            return;
        }
        match task_from_json(line, &mapping) {
            Ok((task, message)) => {
                let stamp = Stamp {
                    time: task.finished.or(task.started),
                    program: Some(common.program.as_deref().unwrap_or(&task.kind).to_owned()),
                    task: Some(Box::new(task)),
                    ..Stamp::default()
                };
                rebuilt.push(message.as_bytes(), Some(Box::new(stamp)));
            }
            Err(complaint) => {
                undecodable += 1;
                tracing::debug!(source = %name, %complaint, "a line of the task history is no task");
                rebuilt.push(line, None);
            }
        }
    });
    (rebuilt.into_block(block), undecodable)
}

/// Reads one JSON line as a task, and its text.
///
/// Times are RFC 3339, `2026-03-01 14:03:00` in the mapping's zone, or numbers since the epoch: seconds, milliseconds or
/// microseconds, told apart by their size.
///
/// # Errors
/// [`Complaint`] when it is no JSON object, has no id, or its state or a time is not understood.
pub fn task_from_json(line: &[u8], mapping: &Mapping<'_>) -> Result<(Task, String), Complaint> {
    let object: Map<String, Value> =
        serde_json::from_slice(line).map_err(|error| Complaint(format!("not a JSON object: {error}")))?;
    let fields = &mapping.settings.fields;
    let text = |key: &Option<String>| key.as_deref().and_then(|key| find(&object, key)).and_then(text_of);
    let id = find(&object, &fields.id)
        .and_then(text_of)
        .ok_or_else(|| Complaint(format!("the key `{}` with the task's id is missing", fields.id)))?;
    let time = |key: &Option<String>| match key.as_deref().and_then(|key| Some((key, find(&object, key)?))) {
        None | Some((_, Value::Null)) => Ok(None),
        Some((_, Value::String(text))) if text.is_empty() => Ok(None),
        Some((key, value)) => read_time(value, mapping.zone)
            .map(Some)
            .ok_or_else(|| Complaint(format!("`{key}` is no time: {value}; RFC 3339 or seconds since 1970 are"))),
    };
    let (started, finished, exit) = (time(&fields.started)?, time(&fields.finished)?, text(&fields.exit));
    let state = match text(&fields.state) {
        Some(word) => read_state(&word, mapping.settings)?,
        None => state_by_end(finished, exit.as_deref()),
    };
    let message = MESSAGE_KEYS.iter().find_map(|key| object.get(*key)?.as_str());
    let message = message.map_or_else(|| String::from_utf8_lossy(line), Cow::Borrowed);
    let task = Task {
        id: id.into_owned(),
        kind: text(&fields.kind).map_or_else(|| mapping.kind.to_owned(), Cow::into_owned),
        target: text(&fields.target).map(Cow::into_owned),
        customer: text(&fields.customer).map(Cow::into_owned),
        state,
        started,
        finished,
        exit: exit.map(Cow::into_owned),
    };
    Ok((task, message.trim_end_matches(['\r', '\n']).to_owned()))
}

/// A key of that very name, or else a way into objects, with dots.
fn find<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    if let Some(value) = object.get(key) {
        return Some(value);
    }
    let (outer, inner) = key.split_once('.')?;
    find(object.get(outer)?.as_object()?, inner)
}

fn text_of(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(word) => Some(Cow::Borrowed(if *word { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The operator's word for it, in any case of letters, else one of ours.
fn read_state(word: &str, settings: &TaskLines) -> Result<TaskState, Complaint> {
    let mapped =
        settings.states.get(word).copied().or_else(|| {
            settings.states.iter().find(|(key, _)| key.eq_ignore_ascii_case(word)).map(|(_, state)| *state)
        });
    mapped.or_else(|| TaskState::from_word(&word.to_ascii_lowercase())).ok_or_else(|| {
        Complaint(format!("the state `{word}` is not known; say under `states` of the source what it means"))
    })
}

/// A history without a word for the state: an exit code other than 0 has failed, an end is a good end.
fn state_by_end(finished: Option<Timestamp>, exit: Option<&str>) -> TaskState {
    match exit {
        Some("0") => TaskState::Ok,
        Some(word) if ["ok", "success", "true"].iter().any(|good| word.eq_ignore_ascii_case(good)) => TaskState::Ok,
        Some(_) => TaskState::Failed,
        None if finished.is_some() => TaskState::Ok,
        None => TaskState::Running,
    }
}

fn read_time(value: &Value, zone: &TimeZone) -> Option<Timestamp> {
    match value {
        Value::Number(number) => epoch(number.as_f64()?),
        Value::String(text) => {
            let text = text.trim();
            let civil = || {
                let civil: jiff::civil::DateTime = text.parse().ok()?;
                civil.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp().into())
            };
            text.parse().ok().or_else(civil).or_else(|| epoch(text.parse().ok()?))
        }
        _ => None,
    }
}

/// Seconds until the year 5138, milliseconds from March 1973 on, microseconds from there.
fn epoch(number: f64) -> Option<Timestamp> {
    let micros = match number {
        _ if !number.is_finite() || number < 0.0 => return None,
        _ if number < 1e11 => number * 1e6,
        _ if number < 1e14 => number * 1e3,
        _ => number,
    };
    // Saturates, and the timestamp clamps.
    #[expect(clippy::cast_possible_truncation, reason = "saturates at the ends, which is what is wanted")]
    let micros = micros.round() as i64;
    Some(Timestamp::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use heinzel_core::parse::Format;
    use proptest::prelude::*;

    use super::*;
    use crate::decode::tests::{lines, records};
    use crate::settings::{Start, TaskFields};

    fn settings() -> TaskLines {
        let key = |name: &str| Some(name.to_owned());
        TaskLines {
            path: "/t".into(),
            fields: TaskFields {
                id: "job.id".to_owned(),
                kind: key("job.name"),
                target: key("vm"),
                customer: key("client"),
                state: key("status"),
                started: key("from"),
                finished: key("to"),
                exit: key("rc"),
            },
            states: BTreeMap::from([
                ("SUCCESS".to_owned(), TaskState::Ok),
                ("abgebrochen".to_owned(), TaskState::Failed),
            ]),
        }
    }

    fn read(line: &str) -> Result<(Task, String), String> {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let mapping = Mapping { settings: &settings(), kind: "history", zone: &zone };
        task_from_json(line.as_bytes(), &mapping).map_err(|complaint| complaint.to_string())
    }

    #[test]
    fn a_line_is_mapped() {
        let line = r#"{"job":{"id":7,"name":"backup"},"vm":"100","client":"c1","status":"success",
            "from":"2026-03-01T14:00:00Z","to":1772373780,"rc":0,"output":"a\nb\n"}"#;
        let (task, message) = read(line).unwrap();
        let expected = Task {
            id: "7".into(),
            kind: "backup".into(),
            target: Some("100".into()),
            customer: Some("c1".into()),
            state: TaskState::Ok,
            started: "2026-03-01T14:00:00Z".parse().ok(),
            finished: "2026-03-01T14:03:00Z".parse().ok(),
            exit: Some("0".into()),
        };
        assert_eq!((task, message.as_str()), (expected, "a\nb"));
    }

    #[test]
    fn times_in_every_form() {
        let check = |time: &str| {
            let (task, _) = read(&format!(r#"{{"job.id":"x","from":{time}}}"#)).unwrap();
            assert_eq!(task.started, "2026-03-01T14:03:00Z".parse().ok(), "{time}");
            assert_eq!((task.kind.as_str(), task.state), ("history", TaskState::Running));
        };
        for time in [
            "1772373780",
            "1772373780000",
            "1772373780000000",
            "1772373780.0",
            "\"1772373780\"",
            "\"2026-03-01 15:03:00\"",
            "\"2026-03-01T15:03:00+01:00\"",
        ] {
            check(time);
        }
        assert_eq!(read(r#"{"job.id":"x","to":null,"from":""}"#).unwrap().0.started, None);
    }

    #[test]
    fn without_a_state_the_end_decides() {
        let check = |rest: &str, state: TaskState| {
            assert_eq!(read(&format!(r#"{{"job.id":1{rest}}}"#)).unwrap().0.state, state, "{rest}");
        };
        check("", TaskState::Running);
        check(r#","to":1772373780"#, TaskState::Ok);
        check(r#","rc":"2""#, TaskState::Failed);
        check(r#","status":"Abgebrochen","rc":"0""#, TaskState::Failed);
        check(r#","status":"QUEUED""#, TaskState::Queued);
    }

    #[test]
    fn complaints_name_the_key_and_the_way_out() {
        let check = |line: &str, part: &str| {
            let complaint = read(line).unwrap_err();
            assert!(complaint.contains(part), "{line}: {complaint}");
        };
        check("nonsense", "not a JSON object");
        check("[1]", "not a JSON object");
        check("{}", "`job.id`");
        check(r#"{"job.id":1,"status":"seltsam"}"#, "`seltsam`");
        check(r#"{"job.id":1,"from":"gestern"}"#, "`from`");
        check(r#"{"job.id":1,"from":-5}"#, "`from`");
    }

    #[test]
    fn lines_that_are_no_tasks_stay_and_are_counted() {
        let common = Common {
            name: "n".into(),
            format: Format::Json,
            zone: None,
            start: Start::End,
            program: None,
            customers: false,
        };
        let block = lines("{\"job.id\":1,\"rc\":1,\"msg\":\"why\"}\r\nnonsense\n\n");
        let (block, undecodable) = decode(block, &settings(), &common);
        let records = records(&block);
        assert_eq!((records.len(), undecodable), (2, 1));
        let (text, stamp) = &records[0];
        let stamp = stamp.as_ref().unwrap();
        assert_eq!((text.as_str(), stamp.program.as_deref()), ("why", Some("n")));
        assert_eq!(stamp.task.as_ref().unwrap().state, TaskState::Failed);
        assert_eq!(records[1], ("nonsense".to_owned(), None));
    }

    proptest! {
        #[test]
        fn hostile_lines_never_panic(line in r#"\{("(job\.id|status|from|to|rc|job)":("[ -~]{0,9}"|-?[0-9]{1,30}(\.[0-9]{1,3})?(e[0-9]{1,3})?|null|\{\}),?){0,4}\}?"#) {
            let _ = read(&line);
        }
    }
}
