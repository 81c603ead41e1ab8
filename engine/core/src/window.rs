//! What a trigger remembers for one key.
//!
//! Everything counts in event time. The written policy:
//! - **Out of order**: a finding is sorted in by its own time; it counts as if it had come in time.
//! - **Late**: a finding older than the newest one of its key by more than the trigger's span cannot complete any window
//!   that matters; it is counted as late and left out.
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
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Role};
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
    /// Absence and overdue count from here at the earliest: when the last incident ended, or the rule came back.
    pub rested: Option<Timestamp>,
    /// Absence and overdue: the newest finding, for the incident that may come of it.
    pub cause: Option<Box<Cause>>,
    /// Absence: due, but its source is not being read.
    pub held: bool,
    /// The incident that findings of this key belong to while it is not resolved.
    pub incident: Option<IncidentId>,
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

    /// Takes a finding in and says whether the trigger is due.
    pub fn see(&mut self, trigger: &Trigger, finding: &Finding) -> Seen {
        let newest = self.newest.unwrap_or(finding.time);
        let late = finding.time + trigger.memory() < newest;
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
                let time = self.values.entry(value).or_insert(finding.time);
                *time = (*time).max(finding.time);
                let oldest = self.newest.unwrap_or(finding.time) - *within;
                self.values.retain(|_, time| *time >= oldest);
                if self.values.len() > Self::MOST
                    && let Some(first) = self.values.iter().min_by_key(|(_, t)| **t).map(|(v, _)| v.clone())
                {
                    self.values.remove(&first);
                }
                if self.values.len() < *distinct as usize {
                    return Seen::Counts;
                }
                self.values.clear();
                Seen::Fires
            }
            Trigger::Sequence { order, within } => self.follow(order, *within, finding),
            Trigger::Absence { .. } if counts => {
                if finding.time >= newest {
                    self.cause = Some(Box::new(Cause::of(finding)));
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

    /// Nothing older can be counted with a finding that is not late.
    fn oldest(&self, within: Duration) -> Timestamp {
        self.newest.unwrap_or_default() - within - within
    }

    fn follow(&mut self, order: &[usize], within: Duration, finding: &Finding) -> Seen {
        let Role::Match(number) = finding.role else { return Seen::Nothing };
        if !order.contains(&number) {
            return Seen::Nothing;
        }
        let at = self.steps.partition_point(|(time, _)| *time <= finding.time);
        self.steps.insert(at, (finding.time, number));
        let oldest = self.oldest(within);
        while self.steps.front().is_some_and(|(t, _)| *t < oldest) || self.steps.len() > Self::MOST_STEPS {
            self.steps.pop_front();
        }
        if self.is_in_order(order, within) {
            self.steps.clear();
            return Seen::Fires;
        }
        Seen::Counts
    }

    /// Whether the patterns were seen in this order within the span, others in between or not.
    fn is_in_order(&self, order: &[usize], within: Duration) -> bool {
        // By how far the order has been seen: the latest start of lines that fit so far.
        let mut starts: Vec<Option<Timestamp>> = vec![None; order.len()];
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
    pub fn due_at(&self, trigger: &Trigger, known: Option<Timestamp>) -> Option<Timestamp> {
        let from = |since: Timestamp| self.rested.map_or(since, |rested| rested.max(since));
        match trigger {
            Trigger::Absence { absence } => Some(from(self.newest.or(known)?) + *absence),
            Trigger::Overdue { overdue } => self.running.values().map(|began| from(*began) + *overdue).min(),
            _ => None,
        }
    }

    /// What was counted so far belongs to something that is over.
    pub(crate) fn rest(&mut self, now: Timestamp) {
        self.times.clear();
        self.values.clear();
        self.steps.clear();
        self.rested = Some(now);
    }

    fn run_task(&mut self, finding: &Finding) -> Seen {
        let Some(task) = &finding.task else { return Seen::Nothing };
        if task.state.is_final() {
            return if self.running.remove(&task.id).is_some() { Seen::Counts } else { Seen::Nothing };
        }
        if task.state == TaskState::Running && self.running.len() < Self::MOST {
            self.running.insert(task.id.clone(), task.started.unwrap_or(finding.time));
            self.cause = Some(Box::new(Cause::of(finding)));
            return Seen::Counts;
        }
        Seen::Nothing
    }
}

impl Cause {
    /// What an incident keeps of the finding that opened it.
    #[must_use]
    pub fn of(finding: &Finding) -> Self {
        Self {
            place: finding.place.clone(),
            host: finding.host.clone(),
            fields: finding.fields.clone(),
            text_fields: finding.text_fields.clone(),
            task: finding.task.clone(),
            message: finding.message.clone(),
        }
    }
}
