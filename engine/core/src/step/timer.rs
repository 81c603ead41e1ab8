//! What becomes due by itself: checks, held plans, approvals, notifications, absences and overdue tasks.
//!
//! An absence is judged only while its source is being read to its end; until then it is held and said so once.

use std::time::Duration;

use crate::event::Place;
use crate::incident::{Cause, IncidentId};
use crate::rule::{Rule, RuleId};
use crate::run::{End, Stage};
use crate::state::State;
use crate::step::{Desk, World, detect, heal, verify};
use crate::time::Timestamp;
use crate::trigger::Trigger;

/// How often what is over is forgotten.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// Starts of fixes are kept for the longest budget anybody would set.
const FIXES_KEPT: Duration = Duration::from_secs(7 * 86_400);

/// Forgets windows that can no longer matter and incidents that can no longer reopen. The store keeps the incidents.
fn prune(desk: &mut Desk<'_, '_>) {
    let now = desk.now();
    while desk.state.fixes.front().is_some_and(|f| f.at + FIXES_KEPT < now) {
        desk.state.fixes.pop_front();
    }
    let mut forgotten = Vec::new();
    for (id, windows) in &desk.state.windows {
        let trigger = desk.world.rules.rules.get(id).map(|rule| &rule.trigger);
        let memory = match trigger {
            Some(Trigger::Absence { .. } | Trigger::Overdue { .. }) => continue,
            Some(trigger) => trigger.memory(),
            None => Duration::from_secs(86_400),
        };
        for (key, window) in windows {
            let open = window.incident.and_then(|i| desk.state.incidents.get(&i)).is_some_and(|i| !i.is_resolved());
            if !open && window.newest.is_none_or(|t| t + memory < now) {
                forgotten.push((id.clone(), key.clone()));
            }
        }
    }
    for (id, key) in forgotten {
        if let Some(windows) = desk.state.windows.get_mut(&id) {
            windows.remove(&key);
        }
        desk.journal.windows.insert((id, key));
    }
    let reopen = |rule: &RuleId| desk.world.rules.rules.get(rule).map_or(Duration::ZERO, |r| r.reopen);
    let over: Vec<IncidentId> = desk
        .state
        .incidents
        .values()
        .filter(|i| i.notice.is_none() && i.resolved_at.is_some_and(|t| t + reopen(&i.rule) < now))
        .map(|i| i.id)
        .collect();
    for id in over {
        desk.state.forget_incident(id, desk.journal);
    }
}

/// Prepares windows for rules that wait for something: they count from when the engine first knew them.
pub(super) fn arm(desk: &mut Desk<'_, '_>) {
    let now = desk.now();
    let orphan = |i: &&crate::incident::Incident| {
        let waits = i.run.as_ref().is_some_and(|run| !run.stage.is_over() && !run.stage.holds_lock());
        waits && !desk.world.rules.rules.contains_key(&i.rule)
    };
    let orphans: Vec<IncidentId> = desk.state.incidents.values().filter(orphan).map(|i| i.id).collect();
    for id in orphans {
        heal::overtake(desk, id);
        heal::escalate(desk, id, "its rule is gone");
    }
    for rule in desk.world.rules.rules.values() {
        if !matches!(rule.trigger, Trigger::Absence { .. }) {
            continue;
        }
        if desk.state.rules.get(&rule.id).and_then(|r| r.known_since).is_none() {
            desk.state.record(rule).known_since = Some(now);
            desk.journal.rules.insert(rule.id.clone());
        }
        if rule.by.is_empty() {
            let windows = desk.state.windows.entry(rule.id.clone()).or_default();
            if !windows.contains_key("") {
                windows.entry(String::new()).or_default();
                desk.journal.windows.insert((rule.id.clone(), String::new()));
            }
        }
    }
}

/// Does everything that is due.
pub(super) fn run(desk: &mut Desk<'_, '_>) {
    let now = desk.now();
    if now.since(desk.state.pruned) >= PRUNE_EVERY {
        desk.state.pruned = now;
        prune(desk);
    }
    let due: Vec<IncidentId> = desk.state.incidents.values().filter(|i| is_due(i, now)).map(|i| i.id).collect();
    for id in due {
        incident(desk, id);
    }
    for rule in desk.world.rules.rules.values() {
        match rule.trigger {
            Trigger::Absence { absence } => absent(desk, rule, absence),
            Trigger::Overdue { overdue } => overdue_tasks(desk, rule, overdue),
            _ => {}
        }
    }
}

fn is_due(incident: &crate::incident::Incident, now: Timestamp) -> bool {
    if incident.notice.as_ref().is_some_and(|n| n.next.is_some_and(|t| t <= now)) {
        return true;
    }
    match incident.run.as_ref().map(|run| &run.stage) {
        Some(Stage::Verifying { waiting, next, .. }) => waiting.is_empty() && *next <= now,
        Some(Stage::Held { .. } | Stage::AwaitingApproval { .. }) => true,
        _ => false,
    }
}

fn incident(desk: &mut Desk<'_, '_>, id: IncidentId) {
    let now = desk.now();
    let expires = desk.world.policy.approval_expires;
    let Some(incident) = desk.state.incidents.get(&id) else { return };
    if let Some(notice) = &incident.notice
        && notice.next.is_some_and(|t| t <= now)
    {
        let (reason, tries) = (notice.reason.clone(), notice.tries + 1);
        heal::send(desk, id, &reason, tries);
    }
    let Some(run) = heal::run_mut(desk, id) else { return };
    match &run.stage {
        Stage::Verifying { waiting, next, .. } if waiting.is_empty() && *next <= now => verify::round(desk, id),
        Stage::Held { plan, .. } => {
            let plan = plan.clone();
            heal::gates(desk, id, plan);
        }
        Stage::AwaitingApproval { plan, since } if *since + expires.0 <= now => {
            let plan = plan.clone();
            desk.note(Some(id), "vetoed", format!("nobody approved within {expires}"));
            heal::finish(desk, id, Some(plan), End::Vetoed { by: "nobody in time".into() });
        }
        _ => {}
    }
}

fn absent(desk: &mut Desk<'_, '_>, rule: &Rule, absence: Duration) {
    let now = desk.now();
    let Some(windows) = desk.state.windows.get(&rule.id) else { return };
    let known = desk.state.rules.get(&rule.id).and_then(|r| r.known_since);
    let mut due = Vec::new();
    for (key, window) in windows {
        let Some(since) = window.newest.or(known) else { continue };
        let open = window.incident.and_then(|id| desk.state.incidents.get(&id)).is_some_and(|i| !i.is_resolved());
        if !open && since + absence <= now {
            due.push((key.clone(), since, window.cause.clone(), window.held));
        }
    }
    for (key, since, cause, held) in due {
        if let Some(source) = deaf_source(desk.state, rule, cause.as_deref()) {
            if !held {
                desk.note(
                    None,
                    "absence-held",
                    format!(
                        "{}: nothing seen since {since}, but {source} is not being read; judged when it is",
                        rule.id
                    ),
                );
                mark_held(desk, &rule.id, &key, true);
            }
            continue;
        }
        mark_held(desk, &rule.id, &key, false);
        let message = format!("not seen since {since}, for more than {}", crate::time::Span(absence));
        let cause = waited_for(rule, cause.as_deref(), message);
        let asset = asset_of(desk, rule, &cause);
        detect::open(desk, rule, &key, asset, now, cause);
    }
}

fn overdue_tasks(desk: &mut Desk<'_, '_>, rule: &Rule, overdue: Duration) {
    let now = desk.now();
    let Some(windows) = desk.state.windows.get(&rule.id) else { return };
    let mut due = Vec::new();
    for (key, window) in windows {
        let open = window.incident.and_then(|id| desk.state.incidents.get(&id)).is_some_and(|i| !i.is_resolved());
        let long = window.running.iter().find(|(_, started)| **started + overdue <= now);
        if let Some((task, started)) = long.filter(|_| !open) {
            due.push((key.clone(), task.clone(), *started, window.cause.clone()));
        }
    }
    for (key, task, started, cause) in due {
        if deaf_source(desk.state, rule, cause.as_deref()).is_some() {
            continue;
        }
        let message = format!("task {task} runs since {started}, longer than {}", crate::time::Span(overdue));
        let cause = waited_for(rule, cause.as_deref(), message);
        let asset = asset_of(desk, rule, &cause);
        detect::open(desk, rule, &key, asset, now, cause);
    }
}

fn mark_held(desk: &mut Desk<'_, '_>, rule: &RuleId, key: &str, held: bool) {
    if let Some(window) = desk.state.windows.get_mut(rule).and_then(|w| w.get_mut(key))
        && window.held != held
    {
        window.held = held;
        desk.journal.windows.insert((rule.clone(), key.to_owned()));
    }
}

/// A source that the rule depends on and that is not being read, if there is one.
fn deaf_source(state: &State, rule: &Rule, cause: Option<&Cause>) -> Option<String> {
    if let Some(cause) = cause {
        let source = &cause.place.source;
        return (!state.sources.get(source).is_some_and(crate::state::SourceView::is_live))
            .then(|| format!("source {source}"));
    }
    let concerns = |name: &str| rule.sources.is_empty() || rule.sources.iter().any(|g| g.fits(name));
    let mut concerned = state.sources.iter().filter(|(name, _)| concerns(name)).peekable();
    if concerned.peek().is_none() {
        return Some("its source".into());
    }
    concerned.find(|(_, view)| !view.is_live()).map(|(name, _)| format!("source {name}"))
}

fn waited_for(rule: &Rule, cause: Option<&Cause>, message: String) -> Cause {
    match cause {
        Some(cause) => Cause { message, ..cause.clone() },
        None => Cause {
            place: Place::named(rule.sources.first().map_or("(any source)", |g| &g.0)),
            host: None,
            fields: std::collections::BTreeMap::new(),
            text_fields: Vec::new(),
            task: None,
            message,
        },
    }
}

fn asset_of(desk: &mut Desk<'_, '_>, rule: &Rule, cause: &Cause) -> String {
    let finding = crate::finding::Finding {
        rule: rule.id.clone(),
        role: crate::finding::Role::Task,
        place: cause.place.clone(),
        time: desk.now(),
        read_at: desk.now(),
        fields: cause.fields.clone(),
        text_fields: cause.text_fields.clone(),
        host: cause.host.clone(),
        program: None,
        task: cause.task.clone(),
        message: cause.message.clone(),
    };
    detect::asset(desk, rule, &finding)
}

/// The next time at which something becomes due.
pub(super) fn next(state: &State, world: &World<'_>) -> Option<Timestamp> {
    let mut times = Vec::new();
    for incident in state.incidents.values() {
        times.extend(incident.notice.as_ref().and_then(|n| n.next));
        match incident.run.as_ref().map(|run| &run.stage) {
            Some(Stage::Verifying { waiting, next, .. }) if waiting.is_empty() => times.push(*next),
            Some(Stage::AwaitingApproval { since, .. }) => times.push(*since + world.policy.approval_expires.0),
            Some(Stage::Held { .. }) => {
                times.extend(world.policy.maintenance.iter().map(|m| m.until).filter(|t| *t > world.now).min());
            }
            _ => {}
        }
    }
    for rule in world.rules.rules.values() {
        let known = state.rules.get(&rule.id).and_then(|r| r.known_since);
        for window in state.windows.get(&rule.id).into_iter().flat_map(|w| w.values()) {
            let open = window.incident.and_then(|id| state.incidents.get(&id)).is_some_and(|i| !i.is_resolved());
            match rule.trigger {
                // What is held is judged when news of its source comes.
                Trigger::Absence { absence } if !open && !window.held => {
                    times.extend(window.newest.or(known).map(|t| t + absence));
                }
                Trigger::Overdue { overdue } if !open => {
                    times.extend(window.running.values().map(|t| *t + overdue).filter(|t| *t > world.now).min());
                }
                _ => {}
            }
        }
    }
    times.into_iter().min()
}
