//! What speaks for a rule and against it: evidence, demotion, breaker, and rules that fail themselves.

use crate::gate;
use crate::incident::IncidentId;
use crate::policy::Mode;
use crate::rule::{LogicError, Rule, RuleId};
use crate::step::{Desk, heal};
use crate::time::Timestamp;

/// A fix that changed something did not hold. Returns what has become of the rule by that, for the operator.
pub(super) fn failed(desk: &mut Desk<'_, '_>, rule: &RuleId, id: IncidentId, why: &str) -> Option<String> {
    let now = desk.now();
    let evidence = &mut desk.state.record(rule).evidence;
    evidence.failed += 1;
    remember(&mut evidence.failures, now);
    let demoted = went_badly(desk, rule, Some(id), "a fix did not hold");
    let stopped = trip(desk, rule, id, why);
    let also: Vec<String> = demoted.into_iter().chain(stopped).collect();
    (!also.is_empty()).then(|| also.join("; "))
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

/// Something speaks against the rule; enough of it takes it one mode down, which the operator must be told.
pub(super) fn went_badly(desk: &mut Desk<'_, '_>, rule: &RuleId, id: Option<IncidentId>, why: &str) -> Option<String> {
    let now = desk.now();
    let limit = desk.world.policy.breaker.demote;
    let mode = gate::mode_of(desk.state, desk.world, rule);
    let record = desk.state.record(rule);
    remember(&mut record.evidence.bad, now);
    desk.journal.rules.insert(rule.clone());
    let lately = limit.lately(record.evidence.bad.iter().copied(), now);
    if lately < limit.count as usize {
        return None;
    }
    let lower = mode.more_timid()?;
    record.evidence.bad.clear();
    set_mode(desk, rule, lower);
    let times = if lately == 1 { "a bad experience".into() } else { format!("{lately} bad experiences") };
    let text = format!("{rule} goes from {mode} down to {lower} after {times} in {}, the last: {why}", limit.within);
    desk.note(id, "demoted", text.clone());
    Some(text)
}

/// Gives a rule a mode from now on, whatever the settings say; see [`gate::mode_of`] for how long.
pub(super) fn set_mode(desk: &mut Desk<'_, '_>, rule: &RuleId, mode: Mode) {
    let (now, settings) = (desk.now(), gate::settings_of(desk.world, rule));
    let record = desk.state.record(rule);
    (record.mode, record.over) = (Some(mode), Some(settings));
    record.evidence.since = Some(now);
    desk.journal.rules.insert(rule.clone());
}

/// Opens the breaker of a rule when enough of its fixes have failed lately.
fn trip(desk: &mut Desk<'_, '_>, rule: &RuleId, id: IncidentId, why: &str) -> Option<String> {
    let now = desk.now();
    let limit = desk.world.policy.breaker.failures;
    let record = desk.state.record(rule);
    let lately = limit.lately(record.evidence.failures.iter().copied(), now);
    if record.breaker.is_some() || lately < limit.count as usize {
        return None;
    }
    let (count, within) = (if lately == 1 { "1 fix".into() } else { format!("{lately} fixes") }, limit.within);
    let why = format!("{count} failed in {within}, the last with: {why}");
    record.breaker = Some((now, why.clone()));
    desk.note(Some(id), "breaker", format!("the breaker of {rule} opens: {why}"));
    Some(format!(
        "the breaker of {rule} opens, because {count} failed in {within}; `heinzel policy promote {rule}` closes it"
    ))
}

fn remember(times: &mut std::collections::VecDeque<Timestamp>, now: Timestamp) {
    times.push_back(now);
    if times.len() > 50 {
        times.pop_front();
    }
}
