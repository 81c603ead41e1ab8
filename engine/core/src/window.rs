//! What a trigger remembers for one key.
//!
//! Everything counts in event time. The written policy:
//! - **Out of order**: a finding is sorted in by its own time; it counts as if it had come in time.
//! - **Late**: a finding older than the newest one of its key by more than the trigger's span cannot complete any window
//!   that matters; it is counted as late and left out.
//! - **Set back**: a fresh line that is late for what is over by our clock, too, was stamped by a clock that was set back
//!   (or ours was). Counting begins anew.
//! - **Future**: a line more than five minutes ahead of the time of reading has had its time replaced by the time of
//!   reading before it comes here (`clock`), so that one wrong clock cannot push a window ahead.
//! - **Memory**: what a finding that is not late could still be counted with is kept: two spans back from the newest.
//! - **Distinct**: the span that ends with the newest finding is judged.
//! - **Sequence**: lines with the same time stand in the order in which they were read.
//! - **Flapping**: changes count in the order in which they were read.
//! - **Caps**: no count may exceed [`Window::MOST`], so a window keeps at most twice as many entries ([`Window::MOST_STEPS`]
//!   for a sequence); a rule has at most [`Window::MOST_KEYS`] keys. The oldest go first; keys that go are counted.
//!
//! Start at [`Window::see`].

use std::collections::{BTreeMap, VecDeque};
use std::io::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::field::{Value, ValueRef};
use crate::finding::Role;
use crate::findings::Claim;
use crate::incident::{Cause, IncidentId};
use crate::task::TaskState;
use crate::time::Timestamp;
use crate::trigger::Trigger;

/// What a trigger remembers for one key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Window {
    /// Event times that count, oldest first (count, flapping).
    pub times: VecDeque<Timestamp>,
    /// The newest event time of each distinct value.
    pub values: BTreeMap<String, Timestamp>,
    /// Sequence: when which pattern was seen, oldest first.
    pub steps: VecDeque<(Timestamp, usize)>,
    /// Overdue: tasks that run, by id, with their start.
    pub running: BTreeMap<String, Timestamp>,
    /// Flapping: how the last task ended.
    pub last_state: Option<TaskState>,
    /// Event time of the newest finding.
    pub newest: Option<Timestamp>,
    /// When the last finding was read.
    pub read_at: Option<Timestamp>,
    /// Absence and overdue count from here at the earliest: when the last incident ended, the rule came back, or there was no
    /// room for an incident.
    pub rested: Option<Timestamp>,
    /// Absence and overdue: the newest finding, for the incident that may come of it.
    pub cause: Option<Box<Cause>>,
    /// Absence: due, but its source is not being read.
    pub held: bool,
    /// The incident that findings of this key belong to while it is not resolved.
    pub incident: Option<IncidentId>,
    /// The journal knows that it has changed.
    #[serde(skip)]
    pub noted: bool,
}

/// What a finding did to a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The trigger is due.
    Fires,
    /// It counts; not due yet.
    Counts,
    /// Too old to count.
    Late,
    /// It moves no counter (a task in another state, a pattern out of order).
    Nothing,
}

impl Window {
    /// The largest count a trigger may ask for.
    pub const MOST: usize = 10_000;
    /// Entries a sequence keeps at most.
    pub const MOST_STEPS: usize = 1_000;
    /// Keys a rule keeps at most.
    pub const MOST_KEYS: usize = 10_000;

    /// Takes a finding in and says whether the trigger is due. `fresh`: its line was read as soon as it came.
    pub fn see(&mut self, trigger: &Trigger, finding: &Claim<'_>, fresh: bool) -> Seen {
        let mut newest = self.newest.unwrap_or(finding.time);
        let mut late = finding.time + trigger.memory() < newest;
        let apart = |before: Timestamp| finding.read_at.since(before).max(before.since(finding.read_at));
        let is_over = self.read_at.is_some_and(|before| apart(before) > trigger.memory());
        if late && fresh && is_over {
            self.empty();
            (newest, late) = (finding.time, false);
        }
        self.read_at = Some(finding.read_at);
        let counts = matches!(finding.role, Role::Match(_) | Role::Task);
        if late && !matches!(trigger, Trigger::Absence { .. } | Trigger::Overdue { .. }) {
            return Seen::Late;
        }
        if counts {
            self.newest = Some(newest.max(finding.time));
        }
        match trigger {
            Trigger::Count { count, within } if counts => self.count(finding.time, *count as usize, *within),
            Trigger::Distinct { field, distinct, within } if counts => {
                let Some(value) = finding.value_of(field) else { return Seen::Nothing };
                self.value(value, finding.time);
                self.distinct(*distinct as usize, *within)
            }
            Trigger::Sequence { order, within } => self.follow(order, *within, finding),
            Trigger::Absence { .. } if counts => {
                if finding.time >= newest {
                    self.remember(finding);
                }
                Seen::Counts
            }
            Trigger::Overdue { .. } => self.run_task(finding),
            Trigger::Flapping { flapping, within } => {
                let state = match finding.task.as_ref().map(|t| t.state) {
                    Some(TaskState::Ok | TaskState::Warning) => TaskState::Ok,
                    Some(TaskState::Failed) => TaskState::Failed,
                    _ => return Seen::Nothing,
                };
                let before = self.last_state.replace(state);
                self.newest = Some(newest.max(finding.time));
                if before.is_none_or(|before| before == state) {
                    return Seen::Nothing;
                }
                self.count(finding.time, *flapping as usize, *within)
            }
            _ => Seen::Nothing,
        }
    }

    /// Sorts a time in, and says whether `count` of all times lie within the span.
    fn count(&mut self, time: Timestamp, count: usize, within: Duration) -> Seen {
        let (at, count) = (self.times.partition_point(|t| *t <= time), count.max(1));
        self.times.insert(at, time);
        // Only runs with the new one can be due; the others were not before.
        let first = (at + 1).saturating_sub(count);
        let last = self.times.len().checked_sub(count).map(|last| last.min(at));
        if last.is_some_and(|last| (first..=last).any(|i| self.times[i + count - 1].since(self.times[i]) <= within)) {
            self.times.clear();
            return Seen::Fires;
        }
        let oldest = self.oldest(within);
        while self.times.front().is_some_and(|t| *t < oldest) || self.times.len() > 2 * Self::MOST {
            self.times.pop_front();
        }
        Seen::Counts
    }

    /// Notes when a value was seen.
    fn value(&mut self, value: ValueRef<'_>, time: Timestamp) {
        let mut digits = [0; 20];
        let shown;
        let text = match value {
            ValueRef::Text(text) => text,
            ValueRef::Int(number) => written(number, &mut digits),
            ValueRef::Float(_) => {
                shown = value.to_string();
                &shown
            }
        };
        match self.values.get_mut(text) {
            Some(newest) => *newest = time.max(*newest),
            None => drop(self.values.insert(text.to_owned(), time)),
        }
    }

    /// Values that are too old are looked for only when they could make a difference.
    fn distinct(&mut self, distinct: usize, within: Duration) -> Seen {
        if self.values.len() < distinct.min(Self::MOST) {
            return Seen::Counts;
        }
        let oldest = self.newest.unwrap_or_default() - within;
        self.values.retain(|_, time| *time >= oldest);
        if self.values.len() > Self::MOST
            && let Some(first) = self.values.iter().min_by_key(|(_, t)| **t).map(|(v, _)| v.clone())
        {
            self.values.remove(&first);
        }
        if self.values.len() < distinct {
            return Seen::Counts;
        }
        self.values.clear();
        Seen::Fires
    }

    /// Keeps the finding for the incident that may come of it.
    fn remember(&mut self, finding: &Claim<'_>) {
        match &mut self.cause {
            Some(cause) => cause.renew(finding),
            None => self.cause = Some(Box::new(Cause::of(finding))),
        }
    }

    /// Nothing older can be counted with a finding that is not late.
    fn oldest(&self, within: Duration) -> Timestamp {
        self.newest.unwrap_or_default() - within - within
    }

    fn follow(&mut self, order: &[usize], within: Duration, finding: &Claim<'_>) -> Seen {
        let Role::Match(number) = finding.role else { return Seen::Nothing };
        if !order.contains(&number) {
            return Seen::Nothing;
        }
        let at = self.steps.partition_point(|(time, _)| *time <= finding.time);
        self.steps.insert(at, (finding.time, number));
        // In a sequence that the newest line completes, it is the last.
        let is_newest = at + 1 == self.steps.len();
        let oldest = self.oldest(within);
        while self.steps.front().is_some_and(|(t, _)| *t < oldest) || self.steps.len() > Self::MOST_STEPS {
            self.steps.pop_front();
        }
        if (!is_newest || order.last() == Some(&number)) && self.is_in_order(order, within) {
            self.steps.clear();
            return Seen::Fires;
        }
        Seen::Counts
    }

    /// Whether the patterns were seen in this order within the span, others in between or not.
    fn is_in_order(&self, order: &[usize], within: Duration) -> bool {
        // By how far the order has been seen: the latest start of lines that fit so far.
        let (mut few, mut many) = ([None; 8], Vec::new());
        let starts: &mut [Option<Timestamp>] = match few.get_mut(..order.len()) {
            Some(few) => few,
            None => {
                many.resize(order.len(), None);
                &mut many
            }
        };
        for (time, number) in &self.steps {
            // From behind, so that no line counts in two places.
            for place in (0..order.len()).rev().filter(|place| order[*place] == *number) {
                let start = if place == 0 { Some(*time) } else { starts[place - 1] };
                starts[place] = starts[place].max(start.filter(|start| time.since(*start) <= within));
            }
            if starts.last().is_some_and(Option::is_some) {
                return true;
            }
        }
        false
    }

    /// When a trigger that waits becomes due by itself. `known`: since when the rule listens.
    #[must_use]
    pub(crate) fn due_at(&self, trigger: &Trigger, known: Option<Timestamp>) -> Option<Timestamp> {
        let from = |since: Timestamp| self.rested.map_or(since, |rested| rested.max(since));
        match trigger {
            Trigger::Absence { absence } => Some(from(self.newest.or(known)?) + *absence),
            Trigger::Overdue { overdue } => self.running.values().map(|began| from(*began) + *overdue).min(),
            _ => None,
        }
    }

    /// What was counted so far belongs to something that is over.
    pub(crate) fn rest(&mut self, now: Timestamp) {
        self.empty();
        self.rested = Some(now);
    }

    fn empty(&mut self) {
        self.times.clear();
        self.values.clear();
        self.steps.clear();
    }

    fn run_task(&mut self, finding: &Claim<'_>) -> Seen {
        let Some(task) = finding.task else { return Seen::Nothing };
        if task.state.is_final() {
            return if self.running.remove(&task.id).is_some() { Seen::Counts } else { Seen::Nothing };
        }
        if task.state == TaskState::Running && self.running.len() < Self::MOST {
            self.running.insert(task.id.clone(), task.started.unwrap_or(finding.time));
            self.remember(finding);
            return Seen::Counts;
        }
        Seen::Nothing
    }
}

impl Cause {
    /// What an incident keeps of the finding that opened it.
    #[must_use]
    pub fn of(finding: &Claim<'_>) -> Self {
        let finding = finding.to_finding();
        Self {
            place: finding.place,
            host: finding.host,
            fields: finding.fields,
            text_fields: finding.text_fields,
            task: finding.task,
            message: finding.message,
        }
    }

    /// Becomes that of a newer finding, in the same memory where it is of the same kind: absences see floods.
    fn renew(&mut self, finding: &Claim<'_>) {
        let place = &mut self.place;
        let same = place.source == *finding.source && place.stream == *finding.stream && finding.task.is_none();
        let mut renewed = 0;
        let all = finding.fields().all(|(name, value, is_text)| {
            renewed += 1;
            let was_text = self.text_fields.iter().any(|text| text == name);
            was_text == is_text && self.fields.get_mut(name).map(|old| renew(old, value)).is_some()
        });
        if !same || !all || renewed < self.fields.len() {
            *self = Self::of(finding);
            return;
        }
        (place.offset, place.line, self.task) = (finding.offset, finding.line, None);
        self.message.clear();
        self.message.push_str(finding.message);
        match (&mut self.host, finding.host) {
            (Some(old), Some(host)) => {
                old.clear();
                old.push_str(host);
            }
            (old, host) => *old = host.map(str::to_owned),
        }
    }
}

fn renew(old: &mut Value, value: ValueRef<'_>) {
    match (old, value) {
        (Value::Text(old), ValueRef::Text(text)) => {
            old.clear();
            old.push_str(text);
        }
        (old, value) => *old = value.into(),
    }
}

/// The decimal digits of a number.
fn written(number: i64, digits: &mut [u8; 20]) -> &str {
    let mut rest = &mut digits[..];
    let room = rest.len();
    let free = match write!(rest, "{number}") {
        Ok(()) => rest.len(),
        // -9223372036854775808 has 20.
        Err(_) => 0,
    };
    std::str::from_utf8(&digits[..room - free]).unwrap_or_default()
}
