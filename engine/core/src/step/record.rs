//! What speaks for a rule and against it: evidence, demotion, breaker, and rules that fail themselves.
//!
//! What happens on one customer's assets stops the rule there; what happens to several of them stops it everywhere.

use crate::gate;
use crate::incident::IncidentId;
use crate::policy::{Mode, Rate};
use crate::rule::{LogicError, Rule, RuleId};
use crate::spot::{remember, with_its_like};
use crate::step::{Desk, heal};

/// A fix that changed something did not hold. Returns what has become of the rule by that, for the operator.
pub(super) fn failed(desk: &mut Desk<'_, '_>, rule: &RuleId, id: IncidentId, why: &str) -> Option<String> {
    let now = desk.now();
    let evidence = &mut desk.state.record(rule).evidence;
    evidence.failed += 1;
    remember(&mut evidence.failures, now);
    let demoted = went_badly(desk, rule, id, "a fix did not hold");
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

/// An operator has denied a plan: their word counts for the rule as a whole.
pub(super) fn vetoed(desk: &mut Desk<'_, '_>, rule: &RuleId, id: IncidentId, why: &str) -> Option<String> {
    let now = desk.now();
    let limit = desk.world.policy.breaker.demote;
    let evidence = &mut desk.state.record(rule).evidence;
    remember(&mut evidence.vetoes, now);
    let times = limit.lately(evidence.vetoes.iter().copied(), now);
    if times < limit.count as usize {
        return went_badly(desk, rule, id, why);
    }
    let times = if times == 1 { "a denied plan".into() } else { format!("{times} denied plans") };
    demote(desk, rule, id, &format!("{times} in {}, the last: {why}", limit.within))
}

/// Something speaks against the rule; enough of it takes it one mode down, there or everywhere, which the operator must be told.
pub(super) fn went_badly(desk: &mut Desk<'_, '_>, rule: &RuleId, id: IncidentId, why: &str) -> Option<String> {
    let (now, assets, breaker) = (desk.now(), desk.world.assets, desk.world.policy.breaker);
    let limit = breaker.demote;
    let asset = desk.state.incidents.get(&id)?.asset.clone();
    desk.journal.rules.insert(rule.clone());
    let record = desk.state.record(rule);
    remember(&mut record.evidence.bad, now);
    remember(&mut record.spot(&asset).bad, now);
    let apart = record.lately_apart(assets, |spot| &spot.bad, limit, now);
    if apart >= breaker.spread as usize {
        let times = if apart == 1 {
            "a bad experience".into()
        } else {
            format!("bad experiences with {apart} customers or assets")
        };
        return demote(desk, rule, id, &format!("{times} in {}, the last: {why}", limit.within));
    }
    let there = record.bad_with(assets, &asset, limit, now);
    if there < limit.count as usize {
        return None;
    }
    let mode = gate::mode_at(desk.state, desk.world, rule, &asset);
    let lower = mode.more_timid()?;
    let record = desk.state.record(rule);
    record.settle(assets, &asset, now);
    record.spot(&asset).mode = Some(lower);
    let times = if there == 1 { "a bad experience".into() } else { format!("{there} bad experiences") };
    let place = with_its_like(assets, &asset);
    let text = format!(
        "{rule} goes from {mode} down to {lower} for {place} after {times} in {}, the last: {why}",
        limit.within
    );
    desk.note(Some(id), "demoted", text.clone());
    Some(text)
}

/// Takes a rule one mode down, everywhere.
fn demote(desk: &mut Desk<'_, '_>, rule: &RuleId, id: IncidentId, why: &str) -> Option<String> {
    let mode = gate::mode_of(desk.state, desk.world, rule);
    let lower = mode.more_timid()?;
    let record = desk.state.record(rule);
    record.evidence.bad.clear();
    record.evidence.vetoes.clear();
    record.spots.values_mut().for_each(|spot| spot.bad.clear());
    set_mode(desk, rule, lower);
    let text = format!("{rule} goes from {mode} down to {lower} after {why}");
    desk.note(Some(id), "demoted", text.clone());
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

/// Opens the breaker of a rule, there or everywhere, when enough of its fixes have failed lately.
fn trip(desk: &mut Desk<'_, '_>, rule: &RuleId, id: IncidentId, why: &str) -> Option<String> {
    let (now, assets, breaker) = (desk.now(), desk.world.assets, desk.world.policy.breaker);
    let Rate { count, within } = breaker.failures;
    let asset = desk.state.incidents.get(&id)?.asset.clone();
    let record = desk.state.record(rule);
    remember(&mut record.spot(&asset).failures, now);
    if record.breaker.is_some() {
        return None;
    }
    let apart = record.lately_apart(assets, |spot| &spot.failures, breaker.failures, now);
    let there = record.failed_with(assets, &asset, breaker.failures, now);
    let fixes = |many: usize| if many == 1 { "1 fix".into() } else { format!("{many} fixes") };
    let (times, place) = if apart >= breaker.spread as usize {
        let times = if apart == 1 { fixes(there) } else { format!("fixes for {apart} customers or assets") };
        record.breaker = Some((now, format!("{times} failed in {within}, the last with: {why}")));
        (times, String::new())
    } else if there >= count as usize && record.breaker_with(assets, &asset).is_none() {
        let times = fixes(there);
        record.spot(&asset).breaker = Some((now, format!("{times} failed in {within}, the last with: {why}")));
        (times, format!(" for {}", with_its_like(assets, &asset)))
    } else {
        return None;
    };
    let because = format!("{times} failed in {within}");
    desk.note(Some(id), "breaker", format!("the breaker of {rule} opens{place}: {because}, the last with: {why}"));
    Some(format!("the breaker of {rule} opens{place}, because {because}; `heinzel policy promote {rule}` closes it"))
}
