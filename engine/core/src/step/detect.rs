//! From findings to incidents: window, trigger, dedupe, reopen, clear.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::asset::AssetId;
use crate::clock::Lag;
use crate::event::Place;
use crate::field::FieldType;
use crate::finding::{Finding, Role};
use crate::findings::Claim;
use crate::incident::{Cause, Incident, IncidentId, Status};
use crate::key;
use crate::rule::{Rule, RuleId};
use crate::run::{End, Stage};
use crate::state::SourceView;
use crate::step::{Desk, again, end, heal, record, tell, timer};
use crate::task::TaskState;
use crate::time::Timestamp;
use crate::trigger::Trigger;
use crate::window::{Seen, Window};

/// When a problem was seen.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    /// By the clock of who wrote the line.
    time: Timestamp,
    /// By ours.
    read_at: Timestamp,
    /// The line was read as soon as it came, and not found in a log that had grown for long.
    fresh: bool,
}

impl Moment {
    /// Seen by the engine itself.
    pub(super) fn by_us(now: Timestamp) -> Self {
        Self { time: now, read_at: now, fresh: true }
    }

    fn in_line(desk: &Desk<'_, '_>, finding: &Claim<'_>) -> Self {
        let live_since = desk.state.sources.get(finding.source).and_then(|view| view.live_since);
        let fresh = live_since.is_some_and(|since| since <= finding.read_at);
        Self { time: finding.time, read_at: finding.read_at, fresh }
    }

    /// When it was, by our clock, and what that tells of the writer's, of which `known` was known.
    fn heard(self, known: Option<Lag>) -> (Timestamp, Option<Lag>) {
        if !self.fresh {
            return (self.time.min(self.read_at), known);
        }
        let lag = Lag::of(self.time, self.read_at);
        let least = known.map_or(lag, |known| known.min(lag));
        (least.written(self.time, self.read_at), Some(least))
    }
}

/// Takes one finding in.
pub(super) fn finding(desk: &mut Desk<'_, '_>, finding: &Claim<'_>) {
    let Some(rule) = desk.rule(finding.rule) else { return };
    if desk.state.is_off(rule) {
        count_one(&mut desk.state.counters.off, &rule.id);
        return;
    }
    count_one(&mut desk.state.counters.findings, &rule.id);
    match desk.state.sources.get_mut(finding.source) {
        Some(view) => view.last_finding = Some(finding.time),
        None => {
            let view = SourceView { last_finding: Some(finding.time), ..SourceView::new() };
            desk.state.sources.insert(finding.source.clone(), view);
        }
    }
    // Without an incident there is nothing to clear, and the rule need not be asked for an asset.
    if clears(rule, finding) && desk.state.incidents_of(&rule.id).any(|i| !i.is_resolved()) {
        clear(desk, rule, finding);
    }
    if matches!(finding.role, Role::Clear(_)) {
        return;
    }
    let mut key = std::mem::take(&mut desk.journal.key);
    key.clear();
    key::write(rule, finding, &mut key);
    count(desk, rule, &key, finding);
    desk.journal.key = key;
}

fn count_one(counter: &mut BTreeMap<RuleId, u64>, rule: &RuleId) {
    match counter.get_mut(rule) {
        Some(count) => *count += 1,
        None => drop(counter.insert(rule.clone(), 1)),
    }
}

/// Counts a finding in the window of its key.
fn count(desk: &mut Desk<'_, '_>, rule: &Rule, key: &str, finding: &Claim<'_>) {
    let waits = matches!(rule.trigger, Trigger::Absence { .. } | Trigger::Overdue { .. });
    let moment = Moment::in_line(desk, finding);
    let window = match desk.state.windows.get_mut(&rule.id).and_then(|windows| windows.get_mut(key)) {
        Some(window) => window,
        None => {
            make_room(desk, rule);
            desk.state.windows.entry(rule.id.clone()).or_default().entry(key.to_owned()).or_default()
        }
    };
    if !std::mem::replace(&mut window.noted, true) {
        desk.journal.windows.insert((rule.id.clone(), key.to_owned()));
    }
    let held_by = window.incident;
    let mut seen = window.see(&rule.trigger, finding, moment.fresh);
    if let Trigger::Count { count, .. } = rule.trigger {
        for _ in 1..finding.times.min(count) {
            if seen == Seen::Fires {
                break;
            }
            seen = window.see(&rule.trigger, finding, moment.fresh);
        }
    }
    if let Some(id) = held_by.filter(|id| desk.state.incidents.get(id).is_some_and(|i| !i.is_resolved())) {
        if waits {
            if timer::due_at(desk.state, rule, key).is_none_or(|at| at > desk.now()) {
                resolve(desk, id, "what was waited for has come");
            }
        } else if matches!(finding.role, Role::Match(_) | Role::Task) {
            join(desk, id, moment);
        }
        return;
    }
    match seen {
        Seen::Late => count_one(&mut desk.state.counters.late, &rule.id),
        Seen::Fires if !waits => fire(desk, rule, key, finding, moment),
        Seen::Fires | Seen::Counts | Seen::Nothing => {}
    }
}

/// Makes room for one more key.
fn make_room(desk: &mut Desk<'_, '_>, rule: &Rule) {
    let Some(windows) = desk.state.windows.get_mut(&rule.id) else { return };
    if windows.len() < Window::MOST_KEYS {
        return;
    }
    let mut ages: Vec<(Option<Timestamp>, &String)> = windows.iter().map(|(k, w)| (w.newest, k)).collect();
    let most = Window::MOST_KEYS / 10;
    ages.select_nth_unstable(most);
    let old: Vec<String> = ages[..most].iter().map(|(_, key)| (*key).clone()).collect();
    *desk.state.counters.evicted.entry(rule.id.clone()).or_default() += old.len() as u64;
    for key in old {
        windows.remove(&key);
        desk.journal.windows.insert((rule.id.clone(), key));
    }
}

fn fire(desk: &mut Desk<'_, '_>, rule: &Rule, key: &str, finding: &Claim<'_>, moment: Moment) {
    let asset = asset_of(desk, rule, finding);
    open(desk, rule, key, asset, moment, Cause::of(finding));
}

fn asset_of(desk: &mut Desk<'_, '_>, rule: &Rule, finding: &Claim<'_>) -> AssetId {
    asset(desk, rule, &finding.to_finding())
}

/// The asset a finding concerns: the rule's word, else for task rules the task's target, else the host.
pub(super) fn asset(desk: &mut Desk<'_, '_>, rule: &Rule, finding: &Finding) -> AssetId {
    if rule.has.asset {
        match rule.logic.asset(finding) {
            Ok(Some(name)) => return desk.world.assets.resolve(&name),
            Ok(None) => {}
            Err(error) => record::script_failed(desk, rule, None, &error),
        }
    }
    // Lines may carry a task without being about one: of systemd's lines about the death of a unit only the last does.
    let task = finding.task.as_deref().filter(|_| rule.task.is_some());
    default_asset(desk, task, finding.host.as_deref())
}

fn default_asset(desk: &Desk<'_, '_>, task: Option<&crate::task::Task>, host: Option<&str>) -> AssetId {
    if let Some(task) = task
        && let Some(target) = task.target.as_deref().filter(|t| FieldType::Ident.accept(t).is_ok())
    {
        let known = desk.world.assets.resolve(target);
        let kind = Some(&*task.kind).filter(|kind| FieldType::Ident.accept(kind).is_ok()).unwrap_or("task");
        return if known == target { format!("{kind}:{target}") } else { known };
    }
    desk.world.assets.resolve(&format!("host:{}", host.unwrap_or(desk.world.host)))
}

/// Opens, joins or reopens the incident of a rule and asset.
pub(super) fn open(desk: &mut Desk<'_, '_>, rule: &Rule, key: &str, asset: AssetId, moment: Moment, cause: Cause) {
    let now = desk.now();
    let subject = (rule.id.clone(), asset.clone());
    let known = desk.state.subjects.get(&subject).and_then(|id| desk.state.incidents.get(id));
    let (id, begin) = match known.map(|i| (i.id, i.resolved_at, moment.heard(i.lag).0)) {
        Some((id, None, _)) => {
            join(desk, id, moment);
            (id, false)
        }
        // A line from before the end, read late: it belongs to what is over. Stamps may have whole seconds only. An end
        // that has not come yet says that our clock was set back.
        Some((id, Some(end), heard)) if heard + Duration::from_secs(1) < end && end <= now => {
            count_one(&mut desk.state.counters.late, &rule.id);
            join(desk, id, moment);
            (id, false)
        }
        Some((id, Some(end), _)) if now.since(end) <= rule.reopen => {
            reopen(desk, rule, id, moment, cause);
            (id, true)
        }
        _ => match create(desk, rule, asset, moment, cause) {
            Some(id) => (id, true),
            None => return,
        },
    };
    if let Some(window) = desk.state.windows.get_mut(&rule.id).and_then(|w| w.get_mut(key)) {
        window.incident = Some(id);
    }
    if begin {
        heal::begin(desk, id);
    }
}

/// Whether there is room for one more incident of the rule: people write logs, and may choose names of assets without
/// end. What the operator has listed has room while there is any; the others of one log have half of what those of other logs
/// leave. One that is over makes room; when all are open, the new one is counted and left out.
fn has_room(desk: &mut Desk<'_, '_>, rule: &RuleId, asset: &str, place: &Place) -> bool {
    let assets = desk.world.assets;
    let is_listed = |asset: &str| assets.get(asset).is_some();
    // A flood of invented names must not cost a look at all incidents each.
    let log = (!is_listed(asset)).then(|| (rule.clone(), place.source.clone(), place.stream.clone()));
    if log.as_ref().is_some_and(|log| desk.state.full.contains(log)) {
        count_one(&mut desk.state.counters.crowded, rule);
        return false;
    }
    let (mut kept, mut alike, mut over, mut over_alike) = (0, 0, None, None);
    for incident in desk.state.incidents_of(rule) {
        kept += 1;
        let from = &incident.cause.place;
        let is_alike = from.source == place.source && from.stream == place.stream && !is_listed(&incident.asset);
        alike += usize::from(is_alike);
        if incident.is_resolved() && incident.notice.is_none() {
            let one = Some((incident.resolved_at, incident.id));
            over = over.min(one).or(one);
            if is_alike {
                over_alike = over_alike.min(one).or(one);
            }
        }
    }
    let share = Incident::MOST_OF_RULE.saturating_sub((kept - alike) / 2);
    let makes_room = if kept >= 2 * Incident::MOST_OF_RULE {
        over
    } else if !is_listed(asset) && alike >= share {
        over_alike
    } else {
        return true;
    };
    if let Some((_, oldest)) = makes_room {
        desk.state.forget_incident(oldest, desk.journal);
        return true;
    }
    let left_out = desk.state.counters.crowded.entry(rule.clone()).or_default();
    *left_out += 1;
    if *left_out == 1 {
        let text = format!(
            "{rule} has {kept} open incidents, {alike} of them about names from {} that are no known assets; more of those are counted and not opened (`heinzel incident resolve`; who writes there?)",
            place.stream
        );
        desk.note(None, "crowded", text);
    }
    if desk.state.full.len() < Incident::MOST_OF_RULE {
        desk.state.full.extend(log);
    }
    false
}

/// Opens an incident, where there is room for it.
pub(super) fn create(
    desk: &mut Desk<'_, '_>,
    rule: &Rule,
    asset: AssetId,
    moment: Moment,
    cause: Cause,
) -> Option<IncidentId> {
    if !has_room(desk, &rule.id, &asset, &cause.place) {
        return None;
    }
    desk.state.last_incident += 1;
    let id = desk.state.last_incident;
    let text = format!("{} on {asset}: {}", rule.title, cause.message);
    let (heard, lag) = moment.heard(None);
    let incident = Incident {
        id,
        rule: rule.id.clone(),
        title: rule.title.clone(),
        severity: rule.severity,
        status: Status::Open,
        acknowledged_by: None,
        opened: moment.time,
        opened_at: desk.now(),
        last_seen: moment.time,
        heard: Some(heard),
        lag,
        findings: 1,
        reopened: 0,
        resolved_at: None,
        verdict: None,
        cause,
        origin: None,
        customers: desk.world.assets.customers(&asset),
        dependants: desk.world.assets.dependants(&asset),
        answer: rule.answer.clone(),
        escalate: rule.escalate.clone(),
        run: None,
        told: None,
        notice: None,
        effects: 0,
        asset,
    };
    desk.state.insert_incident(incident);
    desk.journal.incidents.insert(id);
    desk.state.record(&rule.id).evidence.incidents += 1;
    desk.journal.rules.insert(rule.id.clone());
    desk.note(Some(id), "opened", text);
    Some(id)
}

fn reopen(desk: &mut Desk<'_, '_>, rule: &Rule, id: IncidentId, moment: Moment, cause: Cause) {
    let now = desk.now();
    let Some(incident) = desk.state.incidents.get_mut(&id) else { return };
    let was_fixed = matches!(&incident.run, Some(run) if run.touched
        && matches!(run.stage, Stage::Over { end: End::Verified, .. }));
    incident.status = Status::Open;
    incident.resolved_at = None;
    incident.verdict = None;
    incident.acknowledged_by = None;
    incident.opened = moment.time;
    incident.opened_at = now;
    incident.last_seen = incident.last_seen.max(moment.time);
    let (heard, lag) = moment.heard(None);
    (incident.heard, incident.lag) = (Some(heard), lag);
    incident.findings += 1;
    incident.reopened += 1;
    let text = format!("came back: {}", cause.message);
    incident.cause = cause;
    // The asset may be somebody else's by now, and the rule another one.
    incident.customers = desk.world.assets.customers(&incident.asset);
    incident.dependants = desk.world.assets.dependants(&incident.asset);
    (incident.title, incident.severity) = (rule.title.clone(), rule.severity);
    (incident.answer, incident.escalate) = (rule.answer.clone(), rule.escalate.clone());
    incident.origin = None;
    incident.told = None;
    desk.journal.incidents.insert(id);
    desk.note(Some(id), "reopened", text);
    if was_fixed {
        desk.state.record(&rule.id).evidence.recurred += 1;
        let why = "it came back soon after a verified fix";
        let also = record::went_badly(desk, &rule.id, id, why);
        tell::tell_of_rule(desk, id, why, also);
    }
}

fn join(desk: &mut Desk<'_, '_>, id: IncidentId, moment: Moment) {
    let Some(incident) = desk.state.incidents.get_mut(&id) else { return };
    incident.findings += 1;
    let (heard, lag) = moment.heard(incident.lag);
    (incident.heard, incident.lag) = (Some(incident.last_heard().max(heard)), lag);
    incident.last_seen = incident.last_seen.max(moment.time);
    desk.journal.incidents.insert(id);
    again::seen(desk, id, heard);
}

fn clears(rule: &Rule, finding: &Claim<'_>) -> bool {
    let ended_well = || finding.task.as_ref().is_some_and(|t| matches!(t.state, TaskState::Ok | TaskState::Warning));
    matches!(finding.role, Role::Clear(_)) || (rule.clear.task_ok && finding.role == Role::TaskOther && ended_well())
}

/// A line says that it is well again. It ends the rule's incident on the same asset, unless a fix is in the middle.
fn clear(desk: &mut Desk<'_, '_>, rule: &Rule, finding: &Claim<'_>) {
    let asset = asset_of(desk, rule, finding);
    let Some(&id) = desk.state.subjects.get(&(rule.id.clone(), asset)) else { return };
    let Some(incident) = desk.state.incidents.get(&id) else { return };
    if incident.is_resolved() || incident.last_seen > finding.time {
        return;
    }
    resolve(desk, id, &format!("a line says that it is well again: {}", finding.message));
}

/// Ends an incident, unless a fix is in the middle (whose checks then decide).
pub(super) fn resolve(desk: &mut Desk<'_, '_>, id: IncidentId, verdict: &str) {
    if let Some(run) = heal::run_mut(desk, id).filter(|run| run.holds_lock()) {
        if !std::mem::replace(&mut run.cleared, true) {
            desk.note(Some(id), "cleared", format!("{verdict}; the checks of the running fix decide"));
        }
        return;
    }
    again::overtake(desk, id);
    end::close(desk, id, "engine", verdict);
}
