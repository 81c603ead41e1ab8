//! The one function that decides: state and input in, changes and effects out.
//!
//! Start at [`step`] and, for what rules find, [`found`]. No clock: [`World::now`] says what time it is. `detect` turns findings
//! into incidents; `heal` takes one through probe, plan, gates and steps, `verify` through its checks, `rollback` through the way
//! back; `end` says what that comes to, `again` whether it is tried once more; `command` does what operators say.

use crate::asset::Assets;
use crate::block::{Health, Notice};
use crate::effect::{Effect, EffectId, Outcome};
use crate::findings::Claim;
use crate::incident::IncidentId;
use crate::look::{Refused, Request};
use crate::policy::Policy;
use crate::rule::{Rule, RuleId, RuleSet};
use crate::state::{Change, Entry, Journal, SourceView, State};
use crate::time::Timestamp;

mod detect;
mod draft;
mod heal;
mod verify;
mod rollback;
mod end;
pub mod again;
mod record;
mod tell;
mod timer;
pub mod command;

pub use command::{Command, Erased};

/// What is true around the engine while one input is decided.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// The rules in force.
    pub rules: &'a RuleSet,
    /// The assets in force.
    pub assets: &'a Assets,
    /// The operator's word.
    pub policy: &'a Policy,
    /// What time it is.
    pub now: Timestamp,
    /// The name of this host: stands in where a line names none.
    pub host: &'a str,
}

/// Everything that can happen to the engine, beside what rules find ([`found`]).
#[derive(Debug)]
pub enum Input {
    /// News of a source.
    Notice(Notice),
    /// An effect came back.
    Done {
        /// Which.
        effect: EffectId,
        /// With what.
        outcome: Outcome,
    },
    /// An operator speaks.
    Command {
        /// Who.
        by: String,
        /// What.
        command: Command,
    },
    /// The engine goes on after a restart, with the state that was stored.
    Restarted,
    /// Other rules or assets are in force.
    Reloaded,
    /// Time has passed.
    Tick,
}

/// What a [`Command`] is answered with. Other inputs are answered with nothing.
pub type Reply = Option<Result<String, String>>;

/// Decides one input. What must survive is noted in `journal`; effects in it may be performed once it is stored.
pub fn step(state: &mut State, world: &World<'_>, input: Input, journal: &mut Journal) -> Reply {
    let mut desk = Desk { state, world, journal };
    let mut reply = None;
    if matches!(input, Input::Command { .. } | Input::Restarted | Input::Reloaded) {
        desk.state.asked = None;
        desk.state.full.clear();
    }
    match input {
        Input::Notice(notice) => desk.source(notice),
        Input::Done { effect, outcome } => heal::done(&mut desk, &effect, outcome),
        Input::Command { by, command } => reply = Some(command::obey(&mut desk, &by, command)),
        Input::Restarted => {
            verify::resume(&mut desk);
            timer::arm(&mut desk);
        }
        Input::Reloaded => timer::arm(&mut desk),
        Input::Tick => {}
    }
    timer::run(&mut desk);
    reply
}

/// Decides one finding. The one thing that comes in floods: where its trigger is not due, nothing is allocated and no script
/// is asked. What is due by itself is asked at the [`Input::Tick`] that must follow each batch of findings.
pub fn found(state: &mut State, world: &World<'_>, finding: &Claim<'_>, journal: &mut Journal) {
    detect::finding(&mut Desk { state, world, journal }, finding);
}

/// Decides what a customer's draft sets off: the incidents that tell how its asset stands.
///
/// # Errors
/// [`Refused`] when nobody looks.
pub fn drafted(
    state: &mut State,
    world: &World<'_>,
    request: &Request,
    journal: &mut Journal,
) -> Result<Vec<IncidentId>, Refused> {
    draft::ask(&mut Desk { state, world, journal }, request)
}

/// When [`step`] wants to be called again even if nothing happens.
#[must_use]
pub fn wake_at(state: &State, world: &World<'_>) -> Option<Timestamp> {
    timer::next(state, world)
}

/// State, world and journal together: what every deciding function works on.
pub(crate) struct Desk<'a, 'w> {
    pub(crate) state: &'a mut State,
    pub(crate) world: &'a World<'w>,
    pub(crate) journal: &'a mut Journal,
}

impl<'w> Desk<'_, 'w> {
    pub(crate) fn now(&self) -> Timestamp {
        self.world.now
    }

    pub(crate) fn rule(&self, id: &RuleId) -> Option<&'w Rule> {
        self.world.rules.rules.get(id).map(|rule| &**rule)
    }

    /// Writes a line into the timeline and the audit trail.
    pub(crate) fn note(&mut self, incident: Option<IncidentId>, what: &str, text: impl Into<String>) {
        self.note_by(incident, "engine", what, text);
    }

    pub(crate) fn note_by(&mut self, incident: Option<IncidentId>, by: &str, what: &str, text: impl Into<String>) {
        let entry = Entry { at: self.now(), incident, by: by.into(), what: what.into(), text: text.into() };
        self.journal.log.push(Change::Entry(entry));
    }

    /// Hands out an effect of an incident and returns its id.
    pub(crate) fn emit(&mut self, incident: IncidentId, act: crate::effect::Act) -> EffectId {
        let number = match self.state.incidents.get_mut(&incident) {
            Some(i) => {
                i.effects += 1;
                i.effects
            }
            None => 0,
        };
        let id = format!("{incident}-{number}");
        self.journal.log.push(Change::Effect(Effect { id: id.clone(), incident, act }));
        self.journal.incidents.insert(incident);
        id
    }

    fn source(&mut self, notice: Notice) {
        let now = self.now();
        match notice {
            Notice::Health { source, stream, health } => {
                let view = self.state.sources.entry(source).or_default();
                match stream {
                    Some(stream) if health == Health::Ok => {
                        view.streams.remove(&*stream);
                    }
                    Some(stream) => {
                        view.streams.insert(stream.to_string(), health);
                    }
                    None => {
                        if health != Health::Ok {
                            view.live_since = None;
                        }
                        view.health = health;
                    }
                }
            }
            Notice::CaughtUp { source } => {
                let view = self.state.sources.entry(source).or_default();
                view.live_since.get_or_insert(now);
            }
            Notice::Counted { .. } | Notice::Complaint { .. } => {}
        }
    }
}

impl SourceView {
    /// A source of which nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        let streams = std::collections::BTreeMap::new();
        Self { health: Health::Ok, streams, live_since: None, last_finding: None, forgets: false }
    }

    /// Whether silence of this source means that nothing is being written.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.live_since.is_some() && matches!(self.health, Health::Ok | Health::Ended)
    }

    /// The same for one of its streams (`None`: for all of them), which may be unreadable while the source is well.
    #[must_use]
    pub fn reads(&self, stream: Option<&str>) -> bool {
        let unreadable = |(name, health): (&String, &Health)| {
            matches!(health, Health::Degraded { .. }) && stream.is_none_or(|stream| stream == name)
        };
        self.is_live() && !self.streams.iter().any(unreadable)
    }

    /// Whether silence of a stream that has spoken proves that nothing is wrong any more: that of a file which is gone does not.
    #[must_use]
    pub fn hears(&self, stream: &str) -> bool {
        self.reads(Some(stream)) && self.streams.get(stream) != Some(&Health::Missing)
    }
}

impl Default for SourceView {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
