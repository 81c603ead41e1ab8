//! The way back of a fix: what is taken back, and where that stops.
//!
//! Start at [`begin`]. It is asked for by a step that failed (`heal`), checks that do not hold (`verify`), a gate that refuses to
//! go on between two rounds (`heal`), a rule that fails there or is gone (`heal::fail`), an operator who denies to go on and a
//! question that nobody answered (`again`).

use crate::effect::{Act, Outcome};
use crate::gate;
use crate::incident::{IncidentId, Status};
use crate::plan::Plan;
use crate::run::{End, Stage};
use crate::step::{Desk, end, heal};

/// Starts the way back of what was begun, or ends the run where there is none. `plan`, of a later round, may not have passed the
/// gates: neither its steps are gone nor its way back.
pub(super) fn begin(desk: &mut Desk<'_, '_>, id: IncidentId, plan: Plan, why: &str) {
    let begun = heal::run_mut(desk, id).and_then(|run| run.begun.clone());
    act(desk, id, begun.unwrap_or(plan), 0, why.to_owned());
}

/// Hands out step `at` of the way back, or ends the run behind the last one.
fn act(desk: &mut Desk<'_, '_>, id: IncidentId, plan: Plan, at: usize, why: String) {
    let Some(step) = plan.rollback.get(at).cloned() else {
        let rolled_back = !plan.rollback.is_empty();
        return end::finish(desk, id, Some(plan), End::Failed { why, rolled_back });
    };
    let halted = desk.state.incidents.get(&id).and_then(|incident| {
        let halted = gate::halted(desk.state, desk.world, &incident.asset);
        // One that waited between two rounds held no lock.
        halted.or_else(|| gate::locked(desk.state, desk.world, incident, &plan))
    });
    if let Some(halted) = halted {
        let why = format!("{why}; and the way back stopped before `{}`: {halted}", step.action.describe());
        return end::finish(desk, id, Some(plan), End::Failed { why, rolled_back: false });
    }
    let text = format!("{} of {}: {} (because {why})", at + 1, plan.rollback.len(), step.action.describe());
    desk.note(Some(id), "rollback", text);
    let effect = desk.emit(id, Act::Step { step });
    heal::set_stage(desk, id, Status::Healing, Stage::RollingBack { plan, at, effect, why });
}

/// A step of the way back came back.
pub(super) fn stepped(desk: &mut Desk<'_, '_>, id: IncidentId, outcome: Outcome) {
    let Some(Stage::RollingBack { plan, at, why, .. }) = heal::run_mut(desk, id).map(|run| run.stage.clone()) else {
        return;
    };
    let what = plan.rollback.get(at).map(|s| s.action.describe()).unwrap_or_default();
    let problem = match outcome {
        Outcome::Done { detail } => {
            desk.note(Some(id), "rollback", format!("done: {what}: {detail}"));
            return act(desk, id, plan, at + 1, why);
        }
        Outcome::Failed { why } | Outcome::Refused { why, .. } => why,
        Outcome::Unknown => "the engine was interrupted; whether it was done is unknown".into(),
        Outcome::Saw { .. } => "it was answered like a probe".into(),
    };
    desk.note(Some(id), "rollback", format!("failed: {what}: {problem}"));
    let why = format!("{why}; and the way back stopped at `{what}`: {problem}");
    end::finish(desk, id, Some(plan), End::Failed { why, rolled_back: false });
}
