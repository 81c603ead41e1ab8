//! Whether what has ended without a repair is tried once more: at the next finding, when an operator says so, or never.
//!
//! Start at [`next`]. A gate that refused may open: then the next finding is planned again, under all gates. What a rule handed
//! over is looked at again by what is found an hour later: its probes may see then what they did not see before. A fix that
//! failed and a plan that was denied wait for an operator.

use serde::{Deserialize, Serialize};

use crate::gate;
use crate::incident::{Incident, IncidentId};
use crate::plan::Plan;
use crate::policy::Mode;
use crate::rule::Rule;
use crate::run::{End, Known, Run, Stage};
use crate::state::State;
use crate::step::{Desk, World, command, end, heal, rollback};
use crate::time::{Span, Timestamp};

/// How long what a rule handed over rests at least. A line that was wrong, or forged, must not keep its asset from being looked at
/// when the fault is real; and one that comes every second must not have the probes run as often.
const HANDED_OVER: Span = Span::seconds(3_600);

/// What becomes by itself of an incident whose newest attempt is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Next {
    /// Its next finding is planned again.
    Finding,
    /// The same, as soon as this gate lets it.
    Open {
        /// The gate.
        gate: String,
        /// What it says now.
        why: String,
    },
    /// What is found from then on is planned again.
    Later {
        /// When.
        from: Timestamp,
    },
    /// Nothing: it was handed to a human.
    Human,
}

/// What becomes of an incident by itself. `None`: it is over, something is under way, or its rule repairs nothing.
#[must_use]
pub fn next(state: &State, world: &World<'_>, incident: &Incident) -> Option<Next> {
    Some(Over::of(world, incident)?.next(state, world))
}

/// The problem of an open incident was seen again, in a line written at `heard` by our clock.
pub(super) fn seen(desk: &mut Desk<'_, '_>, id: IncidentId, heard: Timestamp) {
    let Some(over) = desk.state.incidents.get(&id).and_then(|incident| Over::of(desk.world, incident)) else { return };
    let since = match over.end {
        // Observed so far; by now the rule may do more.
        End::NotDone { .. } => desk.state.rules.get(&over.rule.id).and_then(|record| record.evidence.since),
        _ => over.rests_until.or(Some(over.run.started)),
    };
    let is_news = since.is_none_or(|since| since < heard);
    if !is_news {
        return;
    }
    let mode = gate::mode_at(desk.state, desk.world, &over.rule.id, &over.incident.asset);
    let again = match over.end {
        // The plan is told where it was only written down.
        End::NotDone { mode: before } if mode < Mode::Approve => *before < mode,
        _ => mode >= Mode::Approve && over.next(desk.state, desk.world) == Next::Finding,
    };
    if again {
        heal::begin(desk, id);
    }
}

/// The newest attempt of an incident that is not over, which itself is.
struct Over<'a> {
    rule: &'a Rule,
    incident: &'a Incident,
    run: &'a Run,
    plan: Option<&'a Plan>,
    end: &'a End,
    /// Until when what its rule handed over rests, as long as nobody has said that they know of it.
    rests_until: Option<Timestamp>,
}

impl<'a> Over<'a> {
    /// `None`: the incident is over, something is under way, or its rule repairs nothing.
    fn of(world: &World<'a>, incident: &'a Incident) -> Option<Self> {
        let rule = world.rules.rules.get(&incident.rule).filter(|rule| rule.has.fix && !incident.is_resolved())?;
        let run = incident.run.as_ref()?;
        let Stage::Over { plan, end } = &run.stage else { return None };
        let rests = matches!(end, End::HandedOver { .. }) && incident.acknowledged_by.is_none();
        let rests_until = rests.then(|| run.started + rule.cooldown.max(HANDED_OVER.0));
        Some(Self { rule, incident, run, plan: plan.as_ref(), end, rests_until })
    }

    fn next(&self, state: &State, world: &World<'_>) -> Next {
        if let Some(from) = self.rests_until {
            return if from < world.now { Next::Finding } else { Next::Later { from } };
        }
        if !self.may_be_followed() {
            return Next::Human;
        }
        let refused = self.plan.and_then(|plan| gate::refuses_anew(state, world, self.rule, self.incident, plan));
        refused.map_or(Next::Finding, |(gate, why)| Next::Open { gate: gate.to_owned(), why })
    }

    /// Whether another attempt may follow without an operator's word: nothing was tried that failed, and nobody said no.
    fn may_be_followed(&self) -> bool {
        match self.end {
            // What was refused where it was to be done would be refused there again; but memory may be there again.
            End::Refused { gate, .. } => self.run.begun.is_none() || [gate::PAUSE, gate::START].contains(&&**gate),
            End::NotDone { .. } | End::Expired { .. } | End::Stopped { .. } => true,
            End::Verified | End::Vetoed { .. } | End::Failed { .. } | End::HandedOver { .. } | End::Overtaken => false,
        }
    }
}

/// What a person was told of the attempt that is over, and need not be told once more.
pub(super) fn known(desk: &Desk<'_, '_>, id: IncidentId) -> Option<Known> {
    let incident = desk.state.incidents.get(&id).filter(|incident| incident.told.is_some())?;
    match &incident.run.as_ref()?.stage {
        Stage::Over { end: End::Refused { .. }, .. } => Some(Known::Refused),
        Stage::Over { end: End::HandedOver { why }, .. } => Some(Known::HandedOver { why: why.clone() }),
        _ => None,
    }
}

/// An operator has it planned anew, whatever became of it before.
pub(super) fn retry(desk: &mut Desk<'_, '_>, by: &str, id: IncidentId) -> Result<String, String> {
    let status = command::unresolved(desk, id)?;
    let incident = &desk.state.incidents[&id];
    let rule = incident.rule.clone();
    if incident.run.as_ref().is_some_and(|run| !run.stage.is_over()) {
        return Err(format!(
            "incident {id} is {status}, and its fix is not over; `heinzel incident view {id}` says more"
        ));
    }
    match desk.rule(&rule) {
        None => return Err(format!("{rule}, the rule of incident {id}, is not loaded; `heinzel check` says why")),
        Some(rule) if !rule.has.fix => return Err(format!("{} has no fix: it only reports", rule.id)),
        Some(_) => {}
    }
    desk.note_by(Some(id), by, "retry", "planned anew, under all gates");
    heal::begin(desk, id);
    Ok(format!("incident {id} is planned anew, under all gates (`heinzel incident view {id}`)"))
}

/// Ends a run whose plan nobody wants carried out; what an earlier round has done is taken back.
pub(super) fn veto(desk: &mut Desk<'_, '_>, id: IncidentId, plan: Plan, by: &str) {
    if !heal::incident_touched(desk, id) {
        return end::finish(desk, id, Some(plan), End::Vetoed { by: by.to_owned() });
    }
    if let Some(rule) = desk.state.incidents.get(&id).map(|i| i.rule.clone()) {
        desk.state.record(&rule).evidence.vetoed += 1;
        desk.journal.rules.insert(rule);
    }
    rollback::begin(desk, id, plan, &format!("{by} denied to go on"));
}

/// Ends a run that nobody approved in time, which says nothing about its rule; what an earlier round has done is taken back.
pub(super) fn expire(desk: &mut Desk<'_, '_>, id: IncidentId, plan: Plan, after: Span) {
    desk.note(Some(id), "expired", format!("nobody approved within {after}"));
    if heal::incident_touched(desk, id) {
        rollback::begin(desk, id, plan, &format!("nobody approved within {after} to go on"));
    } else {
        end::finish(desk, id, Some(plan), End::Expired { after });
    }
}

/// Ends a run that does nothing, because the incident ends or a person takes over.
pub(super) fn overtake(desk: &mut Desk<'_, '_>, id: IncidentId) {
    let Some(run) = heal::run_mut(desk, id) else { return };
    if !run.stage.is_over() && !run.holds_lock() {
        let plan = run.stage.plan().cloned();
        end::finish(desk, id, plan, End::Overtaken);
    }
}
