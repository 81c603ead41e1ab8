//! One incident through probe, plan, gates and steps.
//!
//! Start at [`begin`]; then everything is driven by [`done`], when an effect comes back, and by the timers. What a stage
//! may become stands in one place each: [`probed`], [`gates`], [`stepped`]; the checks in `verify`, the way back in
//! `rollback`, the end in `end`.

use std::collections::BTreeMap;

use serde_json::json;

use crate::effect::{Act, EffectId, Outcome, incident_of};
use crate::gate::{self, Verdict};
use crate::incident::{Incident, IncidentId, Status};
use crate::plan::{Action, Plan, Step};
use crate::policy::Mode;
use crate::probe::{Fact, Facts};
use crate::rule::{Case, Proposal, Rule};
use crate::run::{End, Run, Stage};
use crate::state::{Change, FixStart};
use crate::step::{Desk, again, end, record, rollback, tell, verify};

/// Starts an attempt to repair an incident, or hands it over where the rule has no fix.
pub(super) fn begin(desk: &mut Desk<'_, '_>, id: IncidentId) {
    let Some((rule, number)) = rule_of(desk, id).map(|(r, i)| (r, i.run.as_ref().map_or(0, |run| run.number) + 1))
    else {
        return;
    };
    if !rule.has.fix {
        if gate::mode_of(desk.state, desk.world, &rule.id) != Mode::Observe {
            tell::escalate(desk, id, "the rule has no fix", None);
        }
        return;
    }
    let run = Run {
        number,
        version: rule.version.clone(),
        started: desk.now(),
        round: 0,
        facts: Facts::new(),
        done: Vec::new(),
        approved: None,
        cleared: false,
        touched: false,
        told: again::known(desk, id),
        begun: None,
        stage: Stage::Probing { waiting: BTreeMap::new() },
    };
    if let Some(incident) = desk.state.incidents.get_mut(&id) {
        incident.run = Some(run);
        incident.status = Status::Healing;
        incident.verdict = None;
    }
    look(desk, id);
}

/// Sends the probes of a round out.
pub(super) fn look(desk: &mut Desk<'_, '_>, id: IncidentId) {
    let Some((rule, incident)) = rule_of(desk, id) else { return gone(desk, id) };
    let case = case(desk, incident);
    let probes = if rule.has.probe { rule.logic.probe(&case) } else { Ok(BTreeMap::new()) };
    let probes = match probes {
        Ok(probes) => probes,
        Err(error) => return record::script_failed(desk, rule, Some(id), &error),
    };
    let mut waiting = BTreeMap::new();
    let mut facts = Facts::new();
    for (name, probe) in probes {
        match desk.world.policy.allow.probe(&probe) {
            Ok(()) => {
                waiting.insert(desk.emit(id, Act::Probe { probe }), name);
            }
            Err(no) => {
                desk.note(Some(id), "probe", format!("{name}: {no}"));
                facts.insert(name, Fact::Blind { why: no.to_string() });
            }
        }
    }
    let go_on = waiting.is_empty();
    if let Some(run) = run_mut(desk, id) {
        run.facts = facts;
    }
    set_stage(desk, id, Status::Healing, Stage::Probing { waiting });
    if go_on {
        plan(desk, id);
    }
}

/// The rule was removed: nothing leads on from here.
pub(super) fn gone(desk: &mut Desk<'_, '_>, id: IncidentId) {
    fail(desk, id, "its rule is gone");
}

/// Ends a run that cannot go on. What an earlier round has done is taken back, as was planned then.
pub(super) fn fail(desk: &mut Desk<'_, '_>, id: IncidentId, why: &str) {
    let why = why.to_owned();
    match run_mut(desk, id).and_then(|run| run.begun.clone().filter(|_| run.touched)) {
        Some(begun) => rollback::begin(desk, id, begun, &why),
        None => end::finish(desk, id, None, End::Failed { why, rolled_back: false }),
    }
}

/// An effect came back.
pub(super) fn done(desk: &mut Desk<'_, '_>, effect: &EffectId, outcome: Outcome) {
    desk.journal.log.push(Change::EffectOver(effect.clone(), outcome.clone()));
    let Some(id) = incident_of(effect) else { return };
    let Some(incident) = desk.state.incidents.get(&id) else { return };
    if incident.notice.as_ref().is_some_and(|notice| notice.effect == *effect) {
        return tell::delivered(desk, id, outcome);
    }
    match incident.run.as_ref().map(|run| &run.stage) {
        Some(Stage::Probing { waiting }) if waiting.contains_key(effect) => probed(desk, id, effect, outcome),
        Some(Stage::Acting { effect: out, .. }) if out == effect => stepped(desk, id, outcome),
        Some(Stage::Verifying { waiting, .. }) if waiting.contains_key(effect) => {
            verify::seen(desk, id, effect, outcome);
        }
        Some(Stage::RollingBack { effect: out, .. }) if out == effect => rollback::stepped(desk, id, outcome),
        // Of a stage that is over: noted above, nothing to decide.
        _ => {}
    }
}

fn probed(desk: &mut Desk<'_, '_>, id: IncidentId, effect: &EffectId, outcome: Outcome) {
    let fact = verify::fact_of(outcome);
    let Some(run) = run_mut(desk, id) else { return };
    let Stage::Probing { waiting } = &mut run.stage else { return };
    let Some(name) = waiting.remove(effect) else { return };
    let all = waiting.is_empty();
    let text = match &fact {
        Fact::Seen { report } => format!("{name}: {report}"),
        Fact::Blind { why } => format!("{name}: could not look: {why}"),
    };
    run.facts.insert(name, fact);
    desk.journal.incidents.insert(id);
    desk.note(Some(id), "probe", text);
    if all {
        plan(desk, id);
    }
}

/// Asks the rule for its plan, then the gates.
fn plan(desk: &mut Desk<'_, '_>, id: IncidentId) {
    let Some((rule, incident)) = rule_of(desk, id) else { return gone(desk, id) };
    let Some(run) = incident.run.as_ref() else { return };
    let (case, touched) = (case(desk, incident), run.touched);
    let made = rule.logic.fix(&case, &run.facts, &run.done).and_then(|proposal| {
        let (steps, why) = match proposal {
            Proposal::Steps(steps) => (steps, None),
            Proposal::HandOver { why } => (Vec::new(), Some(why)),
        };
        let verify = if rule.has.verify && why.is_none() { rule.logic.verify(&case, &run.facts)? } else { Vec::new() };
        let rollback = if rule.has.rollback { rule.logic.rollback(&case, &run.facts)? } else { Vec::new() };
        let (version, patience) = (rule.version.clone(), rule.patience);
        Ok((Plan { version, round: run.round, steps, verify, rollback, patience }, why))
    });
    let (plan, handed_over) = match made {
        Ok(made) => made,
        Err(error) => return record::script_failed(desk, rule, Some(id), &error),
    };
    if run.version != rule.version {
        if run.round > 0 {
            return fail(desk, id, "the rule changed between two rounds of its plan");
        }
        // It waited for an approval or a lock: what is begun now is begun by the text of now.
        if let Some(run) = run_mut(desk, id) {
            run.version = rule.version.clone();
        }
    }
    if let Some(why) = handed_over {
        desk.note(Some(id), "plan", format!("hand over: {why}"));
        // What earlier rounds did has not helped.
        if touched {
            rollback::begin(desk, id, plan, &why);
        } else {
            end::finish(desk, id, None, End::HandedOver { why });
        }
        return;
    }
    if plan.steps.is_empty() {
        desk.note(Some(id), "plan", "the probes leave nothing to do; the checks decide");
        return verify::begin(desk, id, plan, false);
    }
    let words: Vec<String> = plan.steps.iter().map(|s| s.action.describe()).collect();
    desk.note(Some(id), "plan", words.join("; "));
    let last_only = |(at, step): (usize, &Step)| step.action == Action::Replan && at + 1 < plan.steps.len();
    if plan.steps.iter().enumerate().any(last_only) {
        return fail(desk, id, "the plan goes on after `step.replan()`, which must come last");
    }
    gates(desk, id, plan);
}

/// Asks the gates and does what the first that does not pass says.
pub(super) fn gates(desk: &mut Desk<'_, '_>, id: IncidentId, plan: Plan) {
    let Some((rule, incident)) = rule_of(desk, id) else { return };
    let was_held_by = match incident.run.as_ref().map(|run| &run.stage) {
        Some(Stage::Held { gate, .. }) => Some(gate.clone()),
        _ => None,
    };
    let mode = gate::mode_at(desk.state, desk.world, &rule.id, &incident.asset);
    let answers = gate::ask(desk.state, desk.world, rule, incident, &plan);
    let Some(answer) = answers.into_iter().find(|a| a.verdict != Verdict::Pass) else {
        // What was held may be hours old, and another incident's fix may have mended it: look again.
        return if was_held_by.is_some() { look(desk, id) } else { act(desk, id, plan, 0) };
    };
    let now = desk.now();
    let gate = answer.gate;
    match answer.verdict {
        Verdict::Pass => {}
        Verdict::Wait { why } => {
            if was_held_by.as_ref() != Some(&gate) {
                desk.note(Some(id), "gate", format!("gate `{gate}` holds: {why}"));
                set_stage(desk, id, Status::Healing, Stage::Held { plan, gate, since: now });
            }
        }
        Verdict::Approval { why } => {
            let approved = run_mut(desk, id).and_then(|run| run.approved.as_ref());
            let other = approved.is_some_and(|approved| approved.is_outdated_by(&plan));
            let named = if other { format!(" --plan {}", plan.mark()) } else { String::new() };
            let ways = format!("`heinzel approve {id}{named}` or `heinzel deny {id}`");
            desk.note(Some(id), "gate", format!("gate `{gate}` asks for approval: {why}; {ways}"));
            set_stage(desk, id, Status::AwaitingApproval, Stage::AwaitingApproval { plan, since: now });
            tell::tell(desk, id, &format!("a fix waits for approval: {why}; {ways}"));
        }
        Verdict::Refuse { why } => {
            desk.note(Some(id), "gate", format!("gate `{gate}` refused: {why}"));
            if incident_touched(desk, id) {
                return rollback::begin(desk, id, plan, &format!("gate `{gate}` refused to go on: {why}"));
            }
            let end = if gate == gate::MODE { End::NotDone { mode } } else { End::Refused { gate, why } };
            end::finish(desk, id, Some(plan), end);
        }
    }
}

/// Hands out step `at` of the plan, or goes on behind the last one.
fn act(desk: &mut Desk<'_, '_>, id: IncidentId, plan: Plan, at: usize) {
    let now = desk.now();
    let Some(step) = plan.steps.get(at).cloned() else { return verify::begin(desk, id, plan, false) };
    let Some(incident) = desk.state.incidents.get(&id) else { return };
    if at > 0
        && let Some(halted) = gate::halted(desk.state, desk.world, &incident.asset)
    {
        return stop(desk, id, plan, &step, &halted);
    }
    if step.action == Action::Replan {
        return replan(desk, id, plan);
    }
    if at == 0 {
        let fix = FixStart { rule: incident.rule.clone(), asset: incident.asset.clone(), incident: id, at: now };
        desk.journal.log.push(Change::Fix(fix.clone()));
        desk.state.fixes.push_back(fix);
        if let Some(run) = run_mut(desk, id) {
            run.begun = Some(plan.clone());
        }
    }
    desk.note(Some(id), "step", format!("{} of {}: {}", at + 1, plan.steps.len(), step.action.describe()));
    let effect = desk.emit(id, Act::Step { step });
    set_stage(desk, id, Status::Healing, Stage::Acting { plan, at, effect });
}

/// Plans once more after a step whose outcome is unknown and whose checks fail: the probes see what it left behind.
pub(super) fn look_again(desk: &mut Desk<'_, '_>, id: IncidentId, plan: Plan, why: &str) {
    desk.note(Some(id), "plan", format!("looking again after an interrupted step, because {why}"));
    replan(desk, id, plan);
}

fn replan(desk: &mut Desk<'_, '_>, id: IncidentId, plan: Plan) {
    let most = desk.world.policy.max_rounds;
    let Some(run) = run_mut(desk, id) else { return };
    if run.round + 1 >= most {
        let why =
            format!("after {most} rounds of planning it is not well; `policy.max_rounds` sets how many there may be");
        return rollback::begin(desk, id, plan, &why);
    }
    run.round += 1;
    look(desk, id);
}

/// A step came back.
fn stepped(desk: &mut Desk<'_, '_>, id: IncidentId, outcome: Outcome) {
    let Some(run) = run_mut(desk, id) else { return };
    let Stage::Acting { plan, at, .. } = &run.stage else { return };
    let (plan, at) = (plan.clone(), *at);
    let Some(step) = plan.steps.get(at).cloned() else { return };
    let tried = !matches!(outcome, Outcome::Refused { .. });
    run.touched |= tried && step.action.changes_world();
    let touched = run.touched;
    run.done.push(json!({ "step": step.action.describe(), "result": outcome }));
    let what = step.action.describe();
    match outcome {
        Outcome::Done { detail } => {
            desk.note(Some(id), "step", format!("done: {what}: {detail}"));
            act(desk, id, plan, at + 1);
        }
        Outcome::Unknown => {
            desk.note(Some(id), "step", format!("unknown: {what}: the engine was interrupted; the checks decide"));
            verify::begin(desk, id, plan, true);
        }
        Outcome::Refused { gate, why } => {
            desk.note(Some(id), "gate", format!("gate `{gate}` refused `{what}`: {why}"));
            if touched && gate == gate::PAUSE {
                stop(desk, id, plan, &step, &why);
            } else if touched {
                rollback::begin(desk, id, plan, &why);
            } else {
                end::finish(desk, id, Some(plan), End::Refused { gate, why });
            }
        }
        Outcome::Failed { why } => {
            desk.note(Some(id), "step", format!("failed: {what}: {why}"));
            rollback::begin(desk, id, plan, &format!("`{what}` failed: {why}"));
        }
        Outcome::Saw { .. } => {
            rollback::begin(desk, id, plan, &format!("`{what}` was answered like a probe"));
        }
    }
}

/// Ends a run that an operator stops between two steps. Nothing is taken back: that would be a step, too.
fn stop(desk: &mut Desk<'_, '_>, id: IncidentId, plan: Plan, step: &Step, halted: &str) {
    let why = format!("stopped in the middle of the plan, before `{}`: {halted}", step.action.describe());
    end::finish(desk, id, Some(plan), End::Stopped { why });
}

pub(super) fn incident_touched(desk: &Desk<'_, '_>, id: IncidentId) -> bool {
    desk.state.incidents.get(&id).and_then(|i| i.run.as_ref()).is_some_and(|run| run.touched)
}

/// What the rule's functions see of an incident.
pub(crate) fn case(desk: &Desk<'_, '_>, incident: &Incident) -> Case {
    let day_ago = desk.now() - std::time::Duration::from_secs(86_400);
    // What an earlier round of this run has begun is not yet another fix.
    let of_this_run =
        |f: &FixStart| f.incident == incident.id && incident.run.as_ref().is_some_and(|run| run.started <= f.at);
    let ours =
        |f: &&FixStart| f.rule == incident.rule && f.asset == incident.asset && f.at > day_ago && !of_this_run(f);
    let cause = &incident.cause;
    let task = cause.task.as_ref().map(|task| task.words()).unwrap_or_default();
    let typed = |(name, _): &(&String, &crate::field::Value)| !cause.text_fields.contains(name);
    Case {
        incident: incident.id,
        asset: incident.asset.clone(),
        name: crate::asset::plain_name(&incident.asset),
        draft: incident.origin.is_some(),
        host: cause.host.clone(),
        fields: cause.fields.iter().filter(typed).map(|(n, v)| (n.clone(), v.clone())).collect(),
        task,
        count: incident.findings,
        fixes_24h: u32::try_from(desk.state.fixes.iter().filter(ours).count()).unwrap_or(u32::MAX),
        round: incident.run.as_ref().map_or(0, |run| run.round),
    }
}

pub(super) fn rule_of<'d, 'w>(desk: &'d Desk<'_, 'w>, id: IncidentId) -> Option<(&'w Rule, &'d Incident)> {
    let incident = desk.state.incidents.get(&id)?;
    Some((desk.rule(&incident.rule)?, incident))
}

pub(super) fn run_mut<'d>(desk: &'d mut Desk<'_, '_>, id: IncidentId) -> Option<&'d mut Run> {
    desk.state.incidents.get_mut(&id)?.run.as_mut()
}

pub(super) fn set_stage(desk: &mut Desk<'_, '_>, id: IncidentId, status: Status, stage: Stage) {
    if let Some(run) = run_mut(desk, id) {
        run.stage = stage;
    }
    set_status(desk, id, status);
}

pub(super) fn set_status(desk: &mut Desk<'_, '_>, id: IncidentId, status: Status) {
    if let Some(incident) = desk.state.incidents.get_mut(&id) {
        incident.status = status;
        desk.journal.incidents.insert(id);
    }
}
