//! How an attempt ends, and what that says of its incident and of its rule.
//!
//! Start at [`finish`]; [`close`] ends the incident itself.

use crate::incident::{IncidentId, Status};
use crate::plan::Plan;
use crate::policy::Mode;
use crate::run::{End, Known, Stage};
use crate::step::{Desk, heal, record, tell};

/// Ends a run: releases the lock, keeps the evidence, and closes the incident or hands it over.
pub(super) fn finish(desk: &mut Desk<'_, '_>, id: IncidentId, plan: Option<Plan>, end: End) {
    tell::withdraw(desk, id);
    let Some(run) = heal::run_mut(desk, id) else { return };
    let (touched, known) = (run.touched, run.told.take());
    run.stage = Stage::Over { plan, end: end.clone() };
    desk.journal.incidents.insert(id);
    let Some(rule) = desk.state.incidents.get(&id).map(|i| i.rule.clone()) else { return };
    desk.journal.rules.insert(rule.clone());
    match end {
        End::Verified => {
            if touched {
                desk.state.record(&rule).evidence.verified += 1;
            }
            let verdict = if touched { "repaired: every check held" } else { "well without a fix: every check held" };
            close(desk, id, "engine", verdict);
        }
        End::NotDone { mode } => {
            desk.state.record(&rule).evidence.planned += 1;
            heal::set_status(desk, id, Status::Open);
            if mode == Mode::Suggest {
                tell::tell(desk, id, "a fix is suggested; carry it out by hand");
            }
        }
        End::Refused { gate, why } => {
            let why = format!("gate `{gate}` refused the fix: {why}");
            // A storm of findings may have many incidents tried again for the one fix that the budget lets through.
            if known == Some(Known::Refused) {
                tell::hand_over(desk, id, &why);
            } else {
                tell::escalate(desk, id, &why, None);
            }
        }
        End::Vetoed { by } => {
            desk.state.record(&rule).evidence.vetoed += 1;
            let why = format!("{by} denied the plan");
            let also = record::vetoed(desk, &rule, id, &why);
            heal::set_status(desk, id, Status::NeedsHuman);
            tell::tell_of_rule(desk, id, &why, also);
            if let Some(incident) = desk.state.incidents.get_mut(&id) {
                incident.verdict = Some(why);
            }
        }
        End::Expired { after } => {
            let why = format!("nobody approved the fix within {after}; `heinzel retry {id}` plans it anew");
            tell::escalate(desk, id, &why, None);
        }
        End::Stopped { why } => {
            tell::escalate(desk, id, &format!("{why}; `heinzel retry {id}` plans it anew"), None);
        }
        End::Failed { why, rolled_back } => {
            let back = if rolled_back { "; the way back was gone" } else { "" };
            let also = if touched { record::failed(desk, &rule, id, &why) } else { None };
            let why = if touched { format!("the fix did not hold: {why}{back}") } else { why };
            tell::escalate(desk, id, &why, also);
        }
        End::HandedOver { why } if known == Some(Known::HandedOver { why: why.clone() }) => {
            tell::hand_over(desk, id, &why);
        }
        End::HandedOver { why } => tell::escalate(desk, id, &why, None),
        End::Overtaken => {}
    }
}

/// Closes an incident.
pub(super) fn close(desk: &mut Desk<'_, '_>, id: IncidentId, by: &str, verdict: &str) {
    let now = desk.now();
    tell::withdraw(desk, id);
    desk.state.full.clear();
    if let Some(incident) = desk.state.incidents.get_mut(&id) {
        incident.status = Status::Resolved;
        incident.resolved_at = Some(now);
        incident.verdict = Some(verdict.to_owned());
        desk.journal.incidents.insert(id);
        let rule = incident.rule.clone();
        desk.note_by(Some(id), by, "resolved", verdict);
        for (key, window) in desk.state.windows.get_mut(&rule).into_iter().flatten() {
            if window.incident == Some(id) {
                window.rest(now);
                desk.journal.windows.insert((rule.clone(), key.clone()));
            }
        }
    }
}
