//! What speaks for a rule and against it: evidence, demotion, breaker, and rules that fail themselves.

use crate::gate;
use crate::incident::IncidentId;
use crate::policy::Mode;
use crate::rule::{LogicError, Rule, RuleId};
use crate::step::{Desk, heal};
use crate::time::Timestamp;

/// A fix that changed something did not hold.
pub(super) fn failed(desk: &mut Desk<'_, '_>, rule: &RuleId, id: IncidentId, why: &str) {
    let now = desk.now();
    let evidence = &mut desk.state.record(rule).evidence;
    evidence.failed += 1;
    remember(&mut evidence.failures, now);
    went_badly(desk, rule, Some(id), "a fix did not hold");
    trip(desk, rule, id, why);
}

/// A script failed: said in the timeline; over a limit, the rule is switched off.
pub(super) fn script_failed(desk: &mut Desk<'_, '_>, rule: &Rule, id: Option<IncidentId>, error: &LogicError) {
    let errors = desk.state.counters.script_errors.entry(rule.id.clone()).or_default();
    *errors += 1;
    // Lines that make a rule fail may come in floods; without an incident it is said once and then counted.
    if id.is_some() || *errors == 1 || error.over_limit {
        desk.note(id, "script", error.to_string());
    }
    if error.over_limit {
        desk.state.record(&rule.id).off = Some((rule.version.clone(), error.to_string()));
        desk.journal.rules.insert(rule.id.clone());
        desk.note(id, "rule-off", format!("{} is switched off until its file changes: {error}", rule.id));
    }
    if let Some(id) = id {
        heal::fail(desk, id, &format!("its rule failed: {error}"));
    }
}

/// Something speaks against the rule; enough of it takes it one mode down.
pub(super) fn went_badly(desk: &mut Desk<'_, '_>, rule: &RuleId, id: Option<IncidentId>, why: &str) {
    let now = desk.now();
    let limit = desk.world.policy.breaker.demote;
    let mode = gate::mode_of(desk.state, desk.world, rule);
    let settings = gate::settings_of(desk.world, rule);
    let record = desk.state.record(rule);
    remember(&mut record.evidence.bad, now);
    desk.journal.rules.insert(rule.clone());
    let lately = record.evidence.bad.iter().filter(|t| **t + limit.within.0 > now).count();
    if lately < limit.count as usize || mode == Mode::Observe {
        return;
    }
    let Some(lower) = mode.more_timid() else { return };
    (record.mode, record.over) = (Some(lower), Some(settings));
    record.evidence.bad.clear();
    record.evidence.since = Some(now);
    desk.note(
        id,
        "demoted",
        format!("{rule} goes from {mode} down to {lower}: {lately} times in {}: {why}", limit.within),
    );
}

/// Opens the breaker of a rule when enough of its fixes have failed lately.
fn trip(desk: &mut Desk<'_, '_>, rule: &RuleId, id: IncidentId, why: &str) {
    let now = desk.now();
    let limit = desk.world.policy.breaker.failures;
    let record = desk.state.record(rule);
    let lately = record.evidence.failures.iter().filter(|t| **t + limit.within.0 > now).count();
    if record.breaker.is_none() && lately >= limit.count as usize {
        let why = format!("{lately} fixes failed in {}, the last with: {why}", limit.within);
        record.breaker = Some((now, why.clone()));
        desk.note(Some(id), "breaker", format!("the breaker of {rule} opens: {why}"));
    }
}

fn remember(times: &mut std::collections::VecDeque<Timestamp>, now: Timestamp) {
    times.push_back(now);
    if times.len() > 50 {
        times.pop_front();
    }
}
