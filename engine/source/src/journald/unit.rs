//! systemd's messages about its units as tasks: one run of a unit, from "starting" to its result.
//!
//! Recognised by MESSAGE_ID (systemd's message catalogue), never by text. A failing unit writes several messages; only
//! one of them makes the failed task, so that a rule which counts failures counts each once:
//!
//! | message | task |
//! |---|---|
//! | unit starting | running |
//! | start job done | ok (`exit` is `done`) |
//! | unit has come to its end well | ok (`exit` is `success`) |
//! | unit failed | failed (`exit` is the unit's result: `exit-code`, `signal`, `timeout`, `oom-kill` …) |
//! | start job failed | failed, but only where no "unit failed" comes with it: `dependency`, `timeout`, `assert`, `unsupported` |
//! | a process of the unit exited | none: attributes `exit_code` and `exit_status`; the unit's result says what it meant |

use heinzel_core::task::{Task, TaskState};
use heinzel_core::time::Timestamp;

use super::entry::Entry;

const STARTING: &str = "7d4958e842da4a758f6c1cdc7b36dcc5";
const START_DONE: &str = "39f53479d3a045ac8e11786248231fbf";
const START_FAILED: &str = "be02cf6855d2428ba40df7e9d022f03d";
const SUCCESS: &str = "7ad2d189f7e94e70a38c781354912448";
const FAILED: &str = "d9b373ed55a64feb8242e02dbe79a49c";

/// The task that an entry of systemd's about `unit` reports, if it reports one.
#[must_use]
pub fn task(entry: &Entry, unit: &str, time: Option<Timestamp>) -> Option<Task> {
    let (state, exit) = match entry.text("MESSAGE_ID")? {
        STARTING => (TaskState::Running, None),
        START_DONE if entry.text("JOB_RESULT").is_none_or(|result| result == "done") => (TaskState::Ok, Some("done")),
        START_FAILED => match entry.text("JOB_RESULT")? {
            result @ ("dependency" | "timeout" | "assert" | "unsupported") => (TaskState::Failed, Some(result)),
            _ => return None,
        },
        SUCCESS => (TaskState::Ok, Some("success")),
        FAILED => (TaskState::Failed, Some(entry.text("UNIT_RESULT").unwrap_or("failed"))),
        _ => return None,
    };
    let id = match entry.text("INVOCATION_ID") {
        Some(run) => run.to_owned(),
        // A start job that never came to run has no invocation: its own number and time make it one of a kind.
        None => format!("{unit}@{}", time.unwrap_or_default().as_micros()),
    };
    Some(Task {
        id,
        kind: format!("unit.{unit}"),
        target: Some(unit.to_owned()),
        customer: None,
        state,
        started: if state == TaskState::Running { time } else { None },
        finished: if state.is_final() { time } else { None },
        exit: exit.map(str::to_owned),
    })
}
