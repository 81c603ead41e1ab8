//! Old logs through the same pipeline and the same `step`, with the time of the lines as the clock.
//!
//! Start at [`Replay::run`]. Nothing is looked at and nothing is done: probes are answered with the facts of the rule's
//! own plan sample (or are blind), steps with a refusal by the gate `replay`. The gates of the policy are asked as in
//! production, so the report says what would have been found, planned and refused.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use heinzel_core::block::Notice;
use heinzel_core::effect::{Act, Effect, Outcome};
use heinzel_core::findings::Claim;
use heinzel_core::glob::Glob;
use heinzel_core::incident::{Incident, IncidentId};
use heinzel_core::policy::Policy;
use heinzel_core::probe::{Fact, Facts};
use heinzel_core::rule::{Rule, RuleId};
use heinzel_core::state::{Change, Entry, Journal, State};
use heinzel_core::step::{Input, World, found, step, wake_at};
use heinzel_core::time::Timestamp;
use heinzel_core::trigger::Trigger;

use crate::live::Live;
use crate::pipeline::Manner;
use log::Log;
use merge::Merge;
use presence::Presence;

pub(crate) mod html;
pub(crate) mod log;
mod merge;
mod presence;

/// What to replay.
pub(crate) struct Replay {
    pub(crate) live: Arc<Live>,
    pub(crate) policy: Policy,
    pub(crate) manner: Manner,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) since: Option<Timestamp>,
    /// How many threads scan.
    pub(crate) threads: NonZeroUsize,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    /// Bytes and lines read.
    pub(crate) bytes: u64,
    pub(crate) lines: u64,
    /// Findings by rule.
    pub(crate) findings: BTreeMap<RuleId, u64>,
    /// Matches refused by a field's type, by what was refused.
    pub(crate) refused: BTreeMap<String, u64>,
    /// All incidents, in the order they were opened.
    pub(crate) incidents: BTreeMap<IncidentId, Incident>,
    /// What happened to each.
    pub(crate) entries: Vec<Entry>,
    /// The time of the first and the last finding.
    pub(crate) span: Option<(Timestamp, Timestamp)>,
    /// Wrong clocks.
    pub(crate) complaints: Vec<String>,
}

impl Outcomes {
    /// Takes back that what a rule waits for is absent: nothing that could have said it is in these logs.
    fn leave_out(&mut self, rule: &RuleId, programs: &[Glob]) {
        let of_rule: BTreeSet<IncidentId> = self.incidents.values().filter(|i| i.rule == *rule).map(|i| i.id).collect();
        // What was found once has a program.
        if of_rule.is_empty() || self.findings.contains_key(rule) {
            return;
        }
        self.incidents.retain(|id, _| !of_rule.contains(id));
        self.entries.retain(|entry| entry.incident.is_none_or(|id| !of_rule.contains(&id)));
        let programs: Vec<&str> = programs.iter().map(|glob| &*glob.0).collect();
        self.complaints.push(format!(
            "{rule} waits for lines of {}, and there is none in these logs: whether they are absent is not judged",
            programs.join(", ")
        ));
    }

    /// The entries of an incident.
    pub(crate) fn timeline(&self, id: IncidentId) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |e| e.incident == Some(id))
    }
}

impl Replay {
    /// Reads all files in the order of their lines' times. `each` is told every finding, `read` how many bytes were read.
    ///
    /// # Errors
    /// When a file cannot be opened or read; the message names it.
    pub(crate) fn run(
        &self,
        mut each: impl FnMut(&Claim<'_>) -> anyhow::Result<()>,
        read: &dyn Fn(u64),
    ) -> anyhow::Result<Outcomes> {
        let mut logs = Vec::new();
        for (number, path) in self.files.iter().enumerate() {
            logs.push(Log::open(path, number, &self.manner)?);
        }
        let presence = Presence::of(&self.live);
        merge::with(logs, &self.live, &presence, self.threads, |merge| {
            let mut hour = Hour::new(self);
            merge.fill(read)?;
            hour.begin(merge, self.since);
            while let Some(finding) = merge.next(read)? {
                if self.since.is_none_or(|since| finding.time >= since) {
                    each(&finding)?;
                    hour.finding(&finding);
                }
            }
            let mut outcomes = hour.end(merge.last_time());
            merge.tallies(|log| {
                outcomes.bytes += log.bytes;
                outcomes.lines += log.lines;
                outcomes.complaints.extend_from_slice(&log.complaints);
                for (refused, times) in &log.refused {
                    *outcomes.refused.entry(refused.clone()).or_default() += times;
                }
            });
            for (rule, programs) in presence.unseen() {
                outcomes.leave_out(rule, programs);
            }
            Ok(outcomes)
        })
    }
}

/// The engine with the lines' own clock.
struct Hour<'a> {
    replay: &'a Replay,
    state: State,
    journal: Journal,
    now: Timestamp,
    /// What [`wake_at`] said, until something may have changed it: a decision, or a finding of a rule that waits.
    wake: Option<Option<Timestamp>>,
    waiting: BTreeSet<RuleId>,
    outcomes: Outcomes,
}

/// Wake-ups at one point in time after which the clock goes on regardless.
const WAKES: u32 = 100;

impl<'a> Hour<'a> {
    fn new(replay: &'a Replay) -> Self {
        let state = State::default();
        let outcomes = Outcomes::default();
        let waits = |rule: &&Arc<Rule>| matches!(rule.trigger, Trigger::Absence { .. } | Trigger::Overdue { .. });
        let waiting = replay.live.rules.rules.values().filter(waits).map(|rule| rule.id.clone()).collect();
        Self { replay, state, journal: Journal::default(), now: Timestamp::EPOCH, wake: None, waiting, outcomes }
    }

    /// The clock starts with the first line: from then on silence counts.
    fn begin(&mut self, logs: &Merge<'_>, since: Option<Timestamp>) {
        self.now = logs.first_time().max(since).unwrap_or(Timestamp::EPOCH);
        self.step(Input::Reloaded);
        for source in logs.sources() {
            self.step(Input::Notice(Notice::CaughtUp { source: source.clone() }));
        }
    }

    fn finding(&mut self, finding: &Claim<'_>) {
        self.pass_to(finding.time);
        let (first, last) = self.outcomes.span.unwrap_or((finding.time, finding.time));
        self.outcomes.span = Some((first.min(finding.time), last.max(finding.time)));
        let world = self.world();
        found(&mut self.state, &world, finding, &mut self.journal);
        if self.journal.is_urgent() {
            self.follow();
        }
        if self.waiting.contains(finding.rule) {
            self.wake = None;
        }
    }

    /// The clock runs to the last line, found or not.
    fn end(mut self, last: Option<Timestamp>) -> Outcomes {
        self.pass_to(last.unwrap_or(self.now).max(self.now));
        self.outcomes.incidents.extend(self.state.incidents);
        let counters = self.state.counters;
        for (rule, count) in counters.findings.into_iter().chain(counters.off) {
            *self.outcomes.findings.entry(rule).or_default() += count;
        }
        self.outcomes
    }

    /// Everything due before this time. What a line at this very time says comes before what is due at it.
    fn pass_to(&mut self, time: Timestamp) {
        let mut wakes = 0;
        while wakes < WAKES
            && let Some(at) = self.wake_at().filter(|at| *at < time)
        {
            wakes = if at > self.now { 0 } else { wakes + 1 };
            self.now = self.now.max(at);
            self.step(Input::Tick);
        }
        self.now = self.now.max(time);
    }

    fn wake_at(&mut self) -> Option<Timestamp> {
        if self.wake.is_none() {
            self.wake = Some(wake_at(&self.state, &self.world()));
        }
        self.wake.flatten()
    }

    fn world(&self) -> World<'a> {
        let replay = self.replay;
        let live = &replay.live;
        World { rules: &live.rules, assets: &live.assets, policy: &replay.policy, now: self.now, host: "localhost" }
    }

    fn step(&mut self, input: Input) {
        let world = self.world();
        step(&mut self.state, &world, input, &mut self.journal);
        self.follow();
    }

    /// Writes down what was decided and answers what was asked for, until nothing is left.
    fn follow(&mut self) {
        let mut inputs = self.answers();
        let world = self.world();
        while let Some(input) = inputs.pop() {
            step(&mut self.state, &world, input, &mut self.journal);
            inputs.append(&mut self.answers());
        }
        self.wake = None;
    }

    fn answers(&mut self) -> Vec<Input> {
        let (changes, effects) = self.journal.take_log();
        for change in changes {
            match change {
                Change::Entry(entry) => self.outcomes.entries.push(entry),
                Change::Incident(incident) => {
                    self.outcomes.incidents.insert(incident.id, *incident);
                }
                _ => {}
            }
        }
        let answer = |effect: Effect| Input::Done { outcome: self.answer(&effect), effect: effect.id };
        effects.into_iter().map(answer).collect()
    }

    fn answer(&self, effect: &Effect) -> Outcome {
        match &effect.act {
            Act::Notify { to, .. } => Outcome::Done { detail: format!("replay: {to} would have been told") },
            Act::Step { .. } => Outcome::Refused { gate: "replay".into(), why: "a replay does nothing".into() },
            Act::Probe { probe } => {
                let rule = self.state.incidents.get(&effect.incident).map(|i| &i.rule);
                let facts: Option<&Facts> = rule.and_then(|rule| self.replay.live.sample_facts.get(rule));
                let names = self.outcome_name(effect);
                let fact = names.and_then(|name| facts?.get(&name).cloned());
                let why =
                    format!("a replay cannot look at {}, and the rule has no plan sample for it", probe.describe());
                Outcome::Saw { fact: fact.unwrap_or(Fact::Blind { why }) }
            }
        }
    }

    /// The name the rule gave to a probe that is out.
    fn outcome_name(&self, effect: &Effect) -> Option<String> {
        match &self.state.incidents.get(&effect.incident)?.run.as_ref()?.stage {
            heinzel_core::run::Stage::Probing { waiting } => waiting.get(&effect.id).cloned(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
