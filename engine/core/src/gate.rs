//! The gates between a plan and its first step, in the order in which they are asked.
//!
//! Start at [`ask`]. Every gate answers, so that `explain` shows them all; the first that does not pass decides.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::incident::Incident;
use crate::plan::{Check, Plan};
use crate::policy::Mode;
use crate::rule::{Rule, RuleId};
use crate::run::{LOCK, Run};
use crate::spot::with_its_like;
use crate::state::State;
use crate::step::World;
use crate::time::{Span, Timestamp};

/// What a gate says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "says", rename_all = "snake_case")]
pub enum Verdict {
    /// Go on.
    Pass,
    /// Not now; ask again later.
    Wait {
        /// Why.
        why: String,
    },
    /// Only with an operator's approval.
    Approval {
        /// Why.
        why: String,
    },
    /// No.
    Refuse {
        /// Why, and the way out.
        why: String,
    },
}

/// One gate's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The gate.
    pub gate: String,
    /// What it says.
    #[serde(flatten)]
    pub verdict: Verdict,
}

struct Question<'a> {
    state: &'a State,
    world: &'a World<'a>,
    rule: &'a Rule,
    incident: &'a Incident,
    /// The attempt that asks; `None`: one that is yet to begin.
    run: Option<&'a Run>,
    plan: &'a Plan,
}

type Gate = fn(&Question<'_>) -> Verdict;

/// Whether a gate is asked again while a plan is carried out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Before its first step alone.
    Once,
    /// Again: it is the operator's word, which may have become another one.
    Again,
}

/// The gate by which an operator stops all fixes.
pub const PAUSE: &str = "pause";
/// What a step is refused by at the place of action whose program could not be started: nothing was done then.
pub const START: &str = "start";
/// The gate that asks how far the rule may go.
pub const MODE: &str = "mode";

/// The gates, in order. What can never be right is refused first, what may become right later waits last.
const GATES: [(&str, Gate, Asked); 11] = [
    (MODE, mode, Asked::Again),
    ("breaker", breaker, Asked::Once),
    ("target", target, Asked::Once),
    ("allow-list", allow_list, Asked::Again),
    ("cooldown", cooldown, Asked::Once),
    ("budget", budget, Asked::Once),
    ("protected", protected, Asked::Again),
    ("approval", approval, Asked::Again),
    ("draft", draft, Asked::Again),
    (PAUSE, pause, Asked::Again),
    (LOCK, lock, Asked::Once),
];

/// Asks every gate whether `plan` may start now.
#[must_use]
pub fn ask(state: &State, world: &World<'_>, rule: &Rule, incident: &Incident, plan: &Plan) -> Vec<Answer> {
    let question = Question { state, world, rule, incident, run: incident.run.as_ref(), plan };
    GATES.iter().map(|(gate, ask, _)| Answer { gate: (*gate).to_owned(), verdict: ask(&question) }).collect()
}

/// The operator's word alone: what may have changed since a plan passed the gates. `None`: it may still be carried out.
#[must_use]
pub fn ask_again(state: &State, world: &World<'_>, rule: &Rule, incident: &Incident, plan: &Plan) -> Option<Answer> {
    let question = Question { state, world, rule, incident, run: incident.run.as_ref(), plan };
    let asked = GATES.iter().filter(|(_, _, asked)| *asked == Asked::Again);
    let answers = asked.map(|(gate, ask, _)| Answer { gate: (*gate).to_owned(), verdict: ask(&question) });
    answers.into_iter().find(|answer| answer.verdict != Verdict::Pass)
}

/// Which gate would refuse a plan like this to another attempt. `None`: none would, though one may make it wait or ask.
#[must_use]
pub(crate) fn refuses_anew(
    state: &State,
    world: &World<'_>,
    rule: &Rule,
    incident: &Incident,
    plan: &Plan,
) -> Option<(&'static str, String)> {
    let question = Question { state, world, rule, incident, run: None, plan };
    GATES.iter().find_map(|(gate, ask, _)| match ask(&question) {
        Verdict::Refuse { why } => Some((*gate, why)),
        Verdict::Pass | Verdict::Wait { .. } | Verdict::Approval { .. } => None,
    })
}

/// Why nothing may be done on an asset at the moment: the kill switch is on, or an operator works there.
#[must_use]
pub fn halted(state: &State, world: &World<'_>, asset: &str) -> Option<String> {
    if let Some(paused) = &state.paused {
        return Some(format!("{} paused all fixes at {}; `heinzel resume` ends it", paused.by, paused.at));
    }
    let now = world.now;
    let on =
        |m: &&crate::policy::Maintenance| m.from <= now && now < m.until && world.assets.is_meant(&m.assets, asset);
    let maintenance = world.policy.maintenance.iter().find(on)?;
    Some(format!("maintenance on {asset} until {}", maintenance.until))
}

/// Which other incident's run works where a plan of this incident would: on its asset, or, for another asset, on one of its
/// units or files (two sites of one PHP service).
#[must_use]
pub fn locked(state: &State, world: &World<'_>, incident: &Incident, plan: &Plan) -> Option<String> {
    // The asset file may have changed since one of them was opened.
    let asset = world.assets.resolve(&incident.asset);
    let holders = state.incidents.values().filter(|other| other.id != incident.id);
    holders.filter(|other| other.run.as_ref().is_some_and(Run::holds_lock)).find_map(|other| {
        let there = if world.assets.resolve(&other.asset) == asset {
            &asset
        } else {
            plan.objects().find(|object| held_plans(other).any(|held| held.objects().any(|held| held == *object)))?
        };
        Some(format!("incident {} is working on {there}", other.id))
    })
}

/// The plans by which a run that holds its lock works.
fn held_plans(incident: &Incident) -> impl Iterator<Item = &Plan> {
    let run = incident.run.as_ref().filter(|run| run.holds_lock());
    run.into_iter().flat_map(|run| run.stage.plan().into_iter().chain(run.begun.as_ref()))
}

/// The assets, units and files on which some incident's run works.
pub(crate) fn busy(state: &State, world: &World<'_>) -> BTreeSet<String> {
    let mut busy = BTreeSet::new();
    for other in state.incidents.values().filter(|other| other.run.as_ref().is_some_and(Run::holds_lock)) {
        busy.insert(world.assets.resolve(&other.asset));
        busy.extend(held_plans(other).flat_map(Plan::objects).cloned());
    }
    busy
}

/// The mode a rule has now: what was decided later comes before the settings. Once the settings have changed since, the
/// more timid of both counts, so that an operator who edits them is never overruled by an older promotion.
#[must_use]
pub fn mode_of(state: &State, world: &World<'_>, rule: &RuleId) -> Mode {
    grounds_of(state, world, rule).0
}

/// The mode a rule has on an asset: less than elsewhere after what happened there.
#[must_use]
pub fn mode_at(state: &State, world: &World<'_>, rule: &RuleId, asset: &str) -> Mode {
    let mode = mode_of(state, world, rule);
    let there = state.rules.get(rule).and_then(|record| record.mode_with(world.assets, asset));
    there.map_or(mode, |there| there.min(mode))
}

/// What gives a rule its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grounds {
    /// The settings.
    Settings,
    /// A promotion or demotion.
    Decided,
}

impl Grounds {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Decided => "decided",
        }
    }
}

/// The mode a rule has now, and what gives it.
#[must_use]
pub fn grounds_of(state: &State, world: &World<'_>, rule: &RuleId) -> (Mode, Grounds) {
    let settings = settings_of(world, rule);
    match state.rules.get(rule).map(|r| (r.mode, r.over)) {
        Some((Some(decided), Some(over))) if over != settings && settings <= decided => (settings, Grounds::Settings),
        Some((Some(decided), _)) => (decided, Grounds::Decided),
        _ => (settings, Grounds::Settings),
    }
}

/// The mode that the settings give a rule.
pub(crate) fn settings_of(world: &World<'_>, rule: &RuleId) -> Mode {
    world.policy.mode(rule, world.rules.rules.get(rule).map_or(Mode::Auto, |rule| rule.automation))
}

fn refuse(why: impl Into<String>) -> Verdict {
    Verdict::Refuse { why: why.into() }
}

fn mode(q: &Question<'_>) -> Verdict {
    match mode_at(q.state, q.world, &q.rule.id, &q.incident.asset) {
        mode @ (Mode::Observe | Mode::Suggest) => refuse(format!(
            "{} is in mode {mode}{}; `heinzel policy promote {}` shows the evidence and lets it go further",
            q.rule.id,
            only_there(q, mode),
            q.rule.id
        )),
        Mode::Approve | Mode::Auto => Verdict::Pass,
    }
}

/// Where a rule has this mode, if not everywhere.
fn only_there(q: &Question<'_>, mode: Mode) -> String {
    if mode == mode_of(q.state, q.world, &q.rule.id) {
        return String::new();
    }
    format!(" for {}, after what happened there", with_its_like(q.world.assets, &q.incident.asset))
}

fn breaker(q: &Question<'_>) -> Verdict {
    if q.state.is_off(q.rule) {
        return refuse(format!("{} is switched off, because it exceeded a limit, until its file changes", q.rule.id));
    }
    let Some(record) = q.state.rules.get(&q.rule.id) else { return Verdict::Pass };
    let everywhere = record.breaker.as_ref().map(|(since, why)| (String::new(), *since, &**why));
    let open = everywhere.or_else(|| {
        let (asset, since, why) = record.breaker_with(q.world.assets, &q.incident.asset)?;
        Some((format!(" for {}", with_its_like(q.world.assets, asset)), since, why))
    });
    match open {
        Some((place, since, why)) => refuse(format!(
            "the breaker of {}{place} is open since {since}: {why}; find the cause, then `heinzel policy promote {}`",
            q.rule.id, q.rule.id
        )),
        None => Verdict::Pass,
    }
}

fn target(q: &Question<'_>) -> Verdict {
    use crate::plan::Action::{
        Chmod, Chown, Command, Copy, Http, Move, Remove, Signal, Systemd, TaskRetry, Truncate, WriteTemplate,
    };
    let empty = |text: &String| text.trim().is_empty();
    for step in q.plan.steps.iter().chain(&q.plan.rollback) {
        let bad = match &step.action {
            Systemd { unit, .. } => empty(unit) || unit.contains('*'),
            Command { argv } => argv.is_empty() || argv.iter().any(empty),
            Remove { path, .. } => {
                empty(path) || path.rsplit('/').next().is_none_or(|last| last.chars().all(|c| "*?".contains(c)))
            }
            Truncate { path } | Chmod { path, .. } | WriteTemplate { path, .. } => empty(path) || path.contains('*'),
            Chown { path, owner, group } => empty(path) || path.contains('*') || empty(owner) || empty(group),
            Copy { from, to } | Move { from, to } => empty(from) || empty(to) || from.contains('*') || to.contains('*'),
            Signal { name, pid, .. } => empty(name) || name.contains('*') || *pid == Some(0) || *pid == Some(1),
            Http { url, .. } => empty(url),
            TaskRetry { kind, target } => empty(kind) || empty(target),
            crate::plan::Action::Wait { .. } | crate::plan::Action::Replan => false,
        };
        if bad {
            return refuse(format!(
                "`{}` names no target or too wide a one; the rule must name exactly what it means",
                step.action.describe()
            ));
        }
    }
    Verdict::Pass
}

/// So many grants that a plan lacks are named.
const MOST_SAID: usize = 5;

fn allow_list(q: &Question<'_>) -> Verdict {
    let allow = &q.world.policy.allow;
    let steps = q.plan.steps.iter().chain(&q.plan.rollback).map(|step| allow.step(step));
    // What may not be proved is not begun: it would be taken for a fix that did not hold, and be taken back.
    let checks = q.plan.verify.iter().filter_map(|check| match check {
        Check::Report { probe, .. } => Some(allow.probe(probe)),
        Check::Quiet { .. } => None,
    });
    // All of it at once: each grant costs the operator a restart.
    let mut lacking: Vec<String> = Vec::new();
    for no in steps.chain(checks).filter_map(Result::err).map(|no| no.to_string()) {
        if !lacking.contains(&no) {
            lacking.push(no);
        }
    }
    match lacking.len() {
        0 => return Verdict::Pass,
        many if many > MOST_SAID => {
            lacking.truncate(MOST_SAID);
            lacking.push(format!(
                "and {} more; `heinzel rules show {}` shows what it needs",
                many - MOST_SAID,
                q.rule.id
            ));
        }
        _ => {}
    }
    refuse(lacking.join("; "))
}

fn cooldown(q: &Question<'_>) -> Verdict {
    let ours = |f: &&crate::state::FixStart| {
        let is_ours = f.rule == q.rule.id && f.asset == q.incident.asset;
        is_ours && f.at <= q.world.now && !started_by_this_run(q, f.incident, f.at)
    };
    let Some(last) = q.state.fixes.iter().rev().find(ours) else { return Verdict::Pass };
    let until = last.at + q.rule.cooldown;
    if until <= q.world.now {
        return Verdict::Pass;
    }
    refuse(format!(
        "the fix ran for {} at {} and rests until {until} ({}); that it is needed again so soon means that it did not hold",
        q.incident.asset,
        last.at,
        Span(q.rule.cooldown)
    ))
}

fn started_by_this_run(q: &Question<'_>, incident: u64, at: Timestamp) -> bool {
    incident == q.incident.id && q.run.is_some_and(|run| run.started <= at)
}

fn budget(q: &Question<'_>) -> Verdict {
    let limits = q.world.policy.budget;
    let now = q.world.now;
    let is_spent = |rate: crate::policy::Rate, fits: &dyn Fn(&crate::state::FixStart) -> bool| {
        // Rounds of one plan are one fix: the first must not stop the second.
        let counts = |f: &&crate::state::FixStart| !started_by_this_run(q, f.incident, f.at) && fits(f);
        rate.is_reached(q.state.fixes.iter().filter(counts).map(|f| f.at), now)
    };
    let full = |what: String, setting: &str, rate: crate::policy::Rate| {
        refuse(format!("{what} has had its {rate}; `policy.budget.{setting}` sets how many fixes may run"))
    };
    if is_spent(limits.rule, &|f| f.rule == q.rule.id) {
        return full(format!("rule {}", q.rule.id), "rule", limits.rule);
    }
    // What concerns a host as a whole is bounded by the host's own budget: unlike faults of it are no hint at one cause.
    let of_host = q.incident.asset.starts_with("host:");
    if !of_host && is_spent(limits.asset, &|f| f.asset == q.incident.asset) {
        return full(format!("asset {}", q.incident.asset), "asset", limits.asset);
    }
    if is_spent(limits.host, &|_| true) {
        return full("this host".into(), "host", limits.host);
    }
    Verdict::Pass
}

fn approved(q: &Question<'_>) -> bool {
    let approved = q.run.and_then(|run| run.approved.as_ref());
    approved.is_some_and(|a| a.steps == q.plan.steps && a.rollback == q.plan.rollback)
}

fn protected(q: &Question<'_>) -> Verdict {
    let assets = q.world.assets;
    // The asset file may have changed since the incident was opened.
    let asset = assets.resolve(&q.incident.asset);
    let is_protected =
        |id: &str| assets.get(id).is_some_and(|a| a.protected) || assets.is_meant(&q.world.policy.protected, id);
    let why = if is_protected(&asset) || is_protected(&q.incident.asset) {
        format!("{asset} is protected")
    } else if let Some(one) = assets.dependants(&asset).iter().find(|id| is_protected(id)) {
        format!("{one}, which needs {asset}, is protected")
    } else {
        return Verdict::Pass;
    };
    if approved(q) || only_waits(q) { Verdict::Pass } else { Verdict::Approval { why } }
}

/// Nobody need be asked whether it may wait and look again: what it then wants to do is another plan.
fn only_waits(q: &Question<'_>) -> bool {
    !q.plan.steps.iter().any(|step| step.action.changes_world())
}

fn approval(q: &Question<'_>) -> Verdict {
    let mode = mode_at(q.state, q.world, &q.rule.id, &q.incident.asset);
    if mode == Mode::Approve && !approved(q) && !only_waits(q) {
        return Verdict::Approval { why: format!("{} is in mode approve{}", q.rule.id, only_there(q, mode)) };
    }
    Verdict::Pass
}

fn draft(q: &Question<'_>) -> Verdict {
    let granted = || q.world.policy.drafts.fix.iter().any(|glob| glob.fits(&q.rule.id.0));
    if q.incident.origin.is_none() || granted() || approved(q) {
        return Verdict::Pass;
    }
    Verdict::Approval { why: format!("a draft set it off, and `policy.drafts.fix` does not name {}", q.rule.id) }
}

fn pause(q: &Question<'_>) -> Verdict {
    halted(q.state, q.world, &q.incident.asset).map_or(Verdict::Pass, |why| Verdict::Wait { why })
}

fn lock(q: &Question<'_>) -> Verdict {
    locked(q.state, q.world, q.incident, q.plan).map_or(Verdict::Pass, |why| Verdict::Wait { why })
}
