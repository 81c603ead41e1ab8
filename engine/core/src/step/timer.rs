//! What becomes due by itself: checks, held plans, approvals, notifications, absences and overdue tasks.
//!
//! Start at [`run`]; [`next`] says when that is to be called again. An absence is judged only while its source is being read to
//! its end; until then it is held and said so once.

use std::time::Duration;

use crate::block::SourceId;
use crate::event::Place;
use crate::gate;
use crate::incident::{Cause, Incident, IncidentId};
use crate::rule::{Rule, RuleId};
use crate::run::{LOCK, Stage};
use crate::state::{REMEMBERED, SourceView, State};
use crate::step::{Desk, World, again, detect, heal, tell, verify};
use crate::time::{Span, Timestamp};
use crate::trigger::Trigger;
use crate::window::Window;

/// How often the gates are asked about all plans that are held, whatever holds them.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How often what is over is forgotten.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// A window whose newest finding lies further ahead than any line may was filled while the clock was wrong.
const AHEAD: Duration = Duration::from_secs(10 * 60);
/// How soon what waits is asked again when its rule had no room for an incident.
const NO_ROOM: Duration = Duration::from_secs(10 * 60);

/// Does everything that is due.
pub(super) fn run(desk: &mut Desk<'_, '_>) {
    let now = desk.now();
    desk.state.looked = now;
    // Before the last time: the clock was set back.
    if now < desk.state.pruned || now.since(desk.state.pruned) >= PRUNE_EVERY {
        desk.state.pruned = now;
        prune(desk);
    }
    let mut due: Vec<IncidentId> = desk.state.incidents.values().filter(|i| is_due(i, now)).map(|i| i.id).collect();
    due.extend(held(desk));
    for id in due {
        incident(desk, id);
    }
    let due = |(_, _, _, at): &(_, _, _, Timestamp)| *at <= now;
    let ripe: Vec<(&Rule, String)> =
        waiting(desk.state, desk.world).filter(due).map(|(rule, key, ..)| (rule, key.to_owned())).collect();
    for (rule, key) in ripe {
        overdue(desk, rule, &key);
    }
}

fn is_due(incident: &Incident, now: Timestamp) -> bool {
    if incident.notice.as_ref().is_some_and(|notice| tell::is_due(notice, now)) {
        return true;
    }
    match incident.run.as_ref().map(|run| &run.stage) {
        Some(Stage::Verifying { waiting, since, next, .. }) => waiting.is_empty() && (*next <= now || *since > now),
        Some(Stage::AwaitingApproval { .. }) => true,
        _ => false,
    }
}

/// The held plans about which the gates are asked now: those that what held them lets go, and all of them once in a while. A
/// storm may leave hundreds held, while lines go on coming.
fn held(desk: &mut Desk<'_, '_>) -> Vec<IncidentId> {
    let now = desk.now();
    let recent = |asked: Timestamp| asked <= now && now.since(asked) < ASK_EVERY;
    let all = !desk.state.asked.is_some_and(recent);
    let mut busy = None;
    let is_held =
        |incident: &&Incident| matches!(incident.run.as_ref().map(|run| &run.stage), Some(Stage::Held { .. }));
    let mut due = Vec::new();
    for incident in desk.state.incidents.values().filter(is_held) {
        let Some(Stage::Held { gate, plan, .. }) = incident.run.as_ref().map(|run| &run.stage) else { continue };
        let still = match &**gate {
            _ if all => false,
            gate::PAUSE => gate::halted(desk.state, desk.world, &incident.asset).is_some(),
            LOCK => {
                let busy = busy.get_or_insert_with(|| gate::busy(desk.state, desk.world));
                busy.contains(&desk.world.assets.resolve(&incident.asset))
                    || plan.objects().any(|object| busy.contains(object))
            }
            _ => false,
        };
        if !still {
            due.push(incident.id);
        }
    }
    if all && !due.is_empty() {
        desk.state.asked = Some(now);
    }
    due
}

fn incident(desk: &mut Desk<'_, '_>, id: IncidentId) {
    let now = desk.now();
    let expires = desk.world.policy.approval_expires;
    let Some(incident) = desk.state.incidents.get(&id) else { return };
    if let Some(notice) = &incident.notice
        && tell::is_due(notice, now)
    {
        tell::again(desk, id);
    }
    let Some(run) = heal::run_mut(desk, id) else { return };
    match &run.stage {
        Stage::Verifying { waiting, since, next, .. } if waiting.is_empty() && (*next <= now || *since > now) => {
            verify::round(desk, id);
        }
        Stage::Held { plan, .. } => {
            let plan = plan.clone();
            heal::gates(desk, id, plan);
        }
        Stage::AwaitingApproval { plan, since } if *since + expires.0 <= now => {
            let plan = plan.clone();
            again::expire(desk, id, plan, expires);
        }
        _ => {}
    }
}

/// The windows of rules that wait for something, as far as no incident is open for them, and when each is due.
fn waiting<'s, 'w>(
    state: &'s State,
    world: &World<'w>,
) -> impl Iterator<Item = (&'w Rule, &'s str, &'s Window, Timestamp)> + use<'s, 'w> {
    let rules = world.rules.rules.values().map(|rule| &**rule);
    let rules = rules.filter(|rule| matches!(rule.trigger, Trigger::Absence { .. } | Trigger::Overdue { .. }));
    let of_rule =
        move |rule: &'w Rule| state.windows.get(&rule.id).into_iter().flatten().map(move |(k, w)| (rule, k, w));
    rules.filter(|rule| !state.is_off(rule)).flat_map(of_rule).filter_map(move |(rule, key, window)| {
        let open = window.incident.and_then(|id| state.incidents.get(&id)).is_some_and(|i| !i.is_resolved());
        let at = due_at(state, rule, key).filter(|_| !open)?;
        Some((rule, key.as_str(), window, at))
    })
}

/// When a window of a rule that waits becomes due by itself.
pub(super) fn due_at(state: &State, rule: &Rule, key: &str) -> Option<Timestamp> {
    let window = state.windows.get(&rule.id)?.get(key)?;
    let due = window.due_at(&rule.trigger, state.rules.get(&rule.id).and_then(|r| r.known_since))?;
    // What a source wrote while nobody listened is lost, so its silence counts only from then on.
    let sources = concerned(state, rule, window.cause.as_deref()).filter(|(_, view)| view.forgets);
    let heard = sources.filter_map(|(_, view)| view.live_since).max();
    Some(heard.map_or(due, |heard| due.max(heard + rule.trigger.memory())))
}

/// What a rule waits for has not come in time.
fn overdue(desk: &mut Desk<'_, '_>, rule: &Rule, key: &str) {
    let now = desk.now();
    let Some(window) = desk.state.windows.get(&rule.id).and_then(|w| w.get(key)) else { return };
    let (cause, held) = (window.cause.clone(), window.held);
    let known = desk.state.rules.get(&rule.id).and_then(|r| r.known_since);
    let message = match rule.trigger {
        Trigger::Overdue { overdue } => {
            let Some((task, began)) = window.running.iter().min_by_key(|(_, began)| **began) else { return };
            format!("task {task} runs since {began}, longer than {}", Span(overdue))
        }
        _ => {
            let since = window.newest.or(known).unwrap_or(now);
            format!("not seen since {since}, for more than {}", Span(rule.trigger.memory()))
        }
    };
    if let Some(source) = deaf_source(desk.state, rule, cause.as_deref()) {
        if !held {
            let text = format!("{}: {message}; but {source} is not being read; judged when it is", rule.id);
            desk.note(None, "absence-held", text);
            mark_held(desk, &rule.id, key, true);
        }
        return;
    }
    mark_held(desk, &rule.id, key, false);
    let cause = waited_for(rule, cause.as_deref(), message);
    let asset = asset_of(desk, rule, &cause);
    detect::open(desk, rule, key, asset, detect::Moment::by_us(now), cause);
    put_off(desk, rule, key);
}

/// There was no room for an incident: it is asked again later, and not at every turn of the loop.
fn put_off(desk: &mut Desk<'_, '_>, rule: &Rule, key: &str) {
    let again = desk.now() + NO_ROOM - rule.trigger.memory();
    let Some(window) = desk.state.windows.get_mut(&rule.id).and_then(|w| w.get_mut(key)) else { return };
    let is_open = |id: IncidentId| desk.state.incidents.get(&id).is_some_and(|i| !i.is_resolved());
    if !window.incident.is_some_and(is_open) {
        window.rested = Some(again);
        desk.journal.windows.insert((rule.id.clone(), key.to_owned()));
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

/// The sources that what a rule waits for may come from: the one that its newest finding came from, else all that it looks at.
fn concerned<'s>(
    state: &'s State,
    rule: &'s Rule,
    cause: Option<&Cause>,
) -> impl Iterator<Item = (&'s SourceId, &'s SourceView)> {
    // One that is not configured any more will never say anything: then those that are count.
    let own = cause.and_then(|cause| state.sources.get_key_value(&cause.place.source));
    let concerns = |name: &str| rule.sources.is_empty() || rule.sources.iter().any(|g| g.fits(name));
    let all = own.is_none().then(|| state.sources.iter().filter(move |(name, _)| concerns(name)));
    own.into_iter().chain(all.into_iter().flatten())
}

/// A source that the rule depends on and that is not being read, if there is one.
fn deaf_source(state: &State, rule: &Rule, cause: Option<&Cause>) -> Option<String> {
    let mut concerned = concerned(state, rule, cause).peekable();
    if concerned.peek().is_none() {
        return Some("its source".into());
    }
    let stream = |name: &SourceId| cause.filter(|c| c.place.source == *name).map(|c| &*c.place.stream);
    concerned.find(|(name, view)| !view.reads(stream(name))).map(|(name, _)| format!("source {name}"))
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
                // Not those that were over when it was last asked.
                times.extend(world.policy.maintenance.iter().map(|m| m.until).filter(|t| *t > state.looked).min());
            }
            _ => {}
        }
    }
    // What is held is judged when news of its source comes.
    times.extend(waiting(state, world).filter(|(_, _, window, _)| !window.held).map(|(.., at)| at));
    times.into_iter().min()
}

/// Prepares windows for rules that wait for something: they count from when the engine first knew them.
pub(super) fn arm(desk: &mut Desk<'_, '_>) {
    let now = desk.now();
    let orphan = |i: &&Incident| {
        let waits = i.run.as_ref().is_some_and(|run| !run.stage.is_over() && !run.stage.is_acting());
        waits && !desk.world.rules.rules.contains_key(&i.rule)
    };
    let orphans: Vec<IncidentId> = desk.state.incidents.values().filter(orphan).map(|i| i.id).collect();
    for id in orphans {
        heal::gone(desk, id);
    }
    for (id, record) in &mut desk.state.rules {
        if record.known_since.is_some() && !desk.world.rules.rules.contains_key(id) {
            (record.known_since, record.known_as) = (None, None);
            desk.journal.rules.insert(id.clone());
        }
    }
    for rule in desk.world.rules.rules.values() {
        if !matches!(rule.trigger, Trigger::Absence { .. }) {
            continue;
        }
        let record = desk.state.record(&rule.id);
        let was_away = record.known_since.is_none();
        if record.known_as.as_ref() != Some(&rule.version) {
            (record.known_since, record.known_as) = (Some(now), Some(rule.version.clone()));
            desk.journal.rules.insert(rule.id.clone());
        }
        let windows = desk.state.windows.entry(rule.id.clone()).or_default();
        if rule.by.is_empty() && !windows.contains_key("") {
            windows.entry(String::new()).or_default();
            desk.journal.windows.insert((rule.id.clone(), String::new()));
        }
        // While it was away nobody listened: what it waits for may have come.
        for (key, window) in windows.iter_mut().filter(|_| was_away) {
            window.rested = Some(now);
            desk.journal.windows.insert((rule.id.clone(), key.clone()));
        }
    }
}

/// Forgets windows that can no longer matter and incidents that can no longer reopen. The store keeps the incidents.
fn prune(desk: &mut Desk<'_, '_>) {
    let now = desk.now();
    while desk.state.fixes.front().is_some_and(|f| f.at + REMEMBERED < now) {
        desk.state.fixes.pop_front();
    }
    set_back(desk);
    for (id, record) in &mut desk.state.rules {
        if record.forget_spots(now) {
            desk.journal.rules.insert(id.clone());
        }
    }
    let mut forgotten = Vec::new();
    for (id, windows) in &desk.state.windows {
        let trigger = desk.world.rules.rules.get(id).map(|rule| &rule.trigger);
        let memory = match trigger {
            Some(Trigger::Absence { .. }) => continue,
            Some(trigger) => trigger.memory(),
            // It may only be left out, until its pack is mended: what it waits for must not be forgotten meanwhile.
            None => REMEMBERED,
        };
        for (key, window) in windows {
            let open = window.incident.and_then(|i| desk.state.incidents.get(&i)).is_some_and(|i| !i.is_resolved());
            if !open && window.running.is_empty() && window.newest.max(window.read_at).is_none_or(|t| t + memory < now)
            {
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

/// What was filled, and what began to be waited for, while our clock was ahead of what it says by now counts from now on: else
/// nothing would be missed until that time comes.
fn set_back(desk: &mut Desk<'_, '_>) {
    let now = desk.now();
    let is_ahead = |time: Option<Timestamp>| time.is_some_and(|time| time.since(now) > AHEAD);
    for (id, windows) in &mut desk.state.windows {
        for (key, window) in windows {
            let (filled, rested) = (is_ahead(window.newest), is_ahead(window.rested));
            if filled {
                window.rest(now);
                window.newest = Some(now);
            } else if rested {
                window.rested = Some(now);
            }
            if filled || rested {
                desk.journal.windows.insert((id.clone(), key.clone()));
            }
        }
    }
    for (id, record) in desk.state.rules.iter_mut().filter(|(_, record)| is_ahead(record.known_since)) {
        record.known_since = Some(now);
        desk.journal.rules.insert(id.clone());
    }
}
