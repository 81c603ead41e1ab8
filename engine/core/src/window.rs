//! What a trigger remembers for one key.
//!
//! Everything counts in event time. The written policy:
//! - **Out of order**: a finding is sorted in by its own time; it counts as if it had come in time.
//! - **Late**: a finding older than the newest one of its key by more than the trigger's span cannot complete any window
//!   that matters; it is counted as late and left out.
//! - **Future**: a line more than five minutes ahead of the time of reading has had its time replaced by the time of
//!   reading before it comes here (`clock`), so that one wrong clock cannot push a window ahead.
//! - **Caps**: a window keeps at most [`Window::MOST`] entries and a rule at most [`Window::MOST_KEYS`] keys; the oldest
//!   go first and are counted.
//!
//! Start at [`Window::see`].

use std::collections::{BTreeMap, VecDeque};

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
    /// Sequence: how far the order has been seen, and when its first pattern was.
    pub reached: usize,
    /// See `reached`.
    pub began: Option<Timestamp>,
    /// Overdue: tasks that run, by id, with their start.
    pub running: BTreeMap<String, Timestamp>,
    /// Flapping: how the last task ended.
    pub last_state: Option<TaskState>,
    /// Event time of the newest finding.
    pub newest: Option<Timestamp>,
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
    /// Entries a window keeps at most.
    pub const MOST: usize = 10_000;
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
            Trigger::Count { count, within } if counts => {
                self.insert(finding.time);
                self.due(*count as usize, *within)
            }
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
                self.cause = Some(Box::new(Cause::of(finding)));
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
                self.insert(finding.time);
                self.due(*flapping as usize, *within)
            }
            _ => Seen::Nothing,
        }
    }

    fn insert(&mut self, time: Timestamp) {
        let at = self.times.partition_point(|t| *t <= time);
        self.times.insert(at, time);
        if self.times.len() > Self::MOST {
            self.times.pop_front();
        }
    }

    fn due(&mut self, count: usize, within: std::time::Duration) -> Seen {
        let due = self.times.len() >= count
            && (0..=self.times.len() - count).any(|i| self.times[i + count - 1].since(self.times[i]) <= within);
        if due {
            self.times.clear();
            return Seen::Fires;
        }
        let oldest = self.times.back().copied().unwrap_or_default() - within;
        while self.times.front().is_some_and(|t| *t < oldest) {
            self.times.pop_front();
        }
        Seen::Counts
    }

    fn follow(&mut self, order: &[usize], within: std::time::Duration, finding: &Finding) -> Seen {
        let Role::Match(number) = finding.role else { return Seen::Nothing };
        if self.began.is_some_and(|began| finding.time.since(began) > within) {
            (self.reached, self.began) = (0, None);
        }
        if order.get(self.reached) == Some(&number) {
            self.reached += 1;
        } else if order.first() == Some(&number) {
            (self.reached, self.began) = (1, None);
        } else {
            return Seen::Nothing;
        }
        if self.reached == 1 {
            self.began = Some(finding.time);
        }
        if self.reached < order.len() {
            return Seen::Counts;
        }
        (self.reached, self.began) = (0, None);
        Seen::Fires
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
