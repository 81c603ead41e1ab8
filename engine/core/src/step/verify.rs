//! Whether a fix holds: rounds of checks until all have held without a break for their time.
//!
//! All checks must hold for the first time within `patience.within` and then for `patience.stable_for`; a [`Check::Quiet`]
//! must have been quiet for its whole time, counted from the last step, while its source was being read. The time in which
//! nobody looked counts for neither.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::effect::{Act, EffectId, Outcome};
use crate::incident::{IncidentId, Status};
use crate::plan::{Check, Plan};
use crate::probe::Fact;
use crate::run::{End, Stage};
use crate::step::{Desk, end, heal, rollback};

/// The most rounds of checks in one verify, so that a long quiet time does not mean thousands of probes.
const ROUNDS: u32 = 60;
/// A round that begins so much later than it was due follows a time in which nobody looked: the machine slept, its clock was
/// set, or the store took nothing.
const LATE: Duration = Duration::from_secs(60);

/// Starts the checks. `unsure`: a step's outcome is unknown, so failing checks lead to another look, not to the way back.
pub(super) fn begin(desk: &mut Desk<'_, '_>, id: IncidentId, plan: Plan, unsure: bool) {
    let now = desk.now();
    if plan.verify.is_empty() {
        let why = "nothing proves the fix: the rule's `verify` is empty";
        return end::finish(desk, id, Some(plan), End::Failed { why: why.into(), rolled_back: false });
    }
    let words: Vec<String> = plan.verify.iter().map(Check::describe).collect();
    desk.note(Some(id), "verify", words.join("; "));
    let stage = Stage::Verifying {
        plan,
        since: now,
        resumed: None,
        holding_since: None,
        waiting: BTreeMap::new(),
        broken: Vec::new(),
        next: now,
        unsure,
    };
    heal::set_stage(desk, id, Status::Healing, stage);
    round(desk, id);
}

/// After a restart nobody knows whether the checks held meanwhile, and what they look at may itself be starting: they must
/// hold for their whole time once more, and have their whole time to begin to.
pub(super) fn resume(desk: &mut Desk<'_, '_>) {
    let now = desk.now();
    for incident in desk.state.incidents.values_mut() {
        let id = incident.id;
        if let Some(Stage::Verifying { resumed, holding_since, .. }) = incident.run.as_mut().map(|run| &mut run.stage) {
            (*resumed, *holding_since) = (Some(now), None);
            desk.journal.incidents.insert(id);
        }
    }
}

/// Sends the next round of checks out.
pub(super) fn round(desk: &mut Desk<'_, '_>, id: IncidentId) {
    let now = desk.now();
    let Some(run) = heal::run_mut(desk, id) else { return };
    let Stage::Verifying { plan, resumed, holding_since, next, .. } = &mut run.stage else { return };
    if now.since(*next) > LATE {
        // As after a restart.
        (*resumed, *holding_since) = (Some(now), None);
    }
    let checks = plan.verify.clone();
    let mut out = BTreeMap::new();
    let mut refused = Vec::new();
    for (number, check) in checks.iter().enumerate() {
        let Check::Report { probe, .. } = check else { continue };
        match desk.world.policy.allow.probe(probe) {
            Ok(()) => {
                out.insert(desk.emit(id, Act::Probe { probe: probe.clone() }), number);
            }
            Err(no) => refused.push(no.to_string()),
        }
    }
    let judge_now = out.is_empty();
    if let Some(run) = heal::run_mut(desk, id)
        && let Stage::Verifying { waiting, broken, .. } = &mut run.stage
    {
        *waiting = out;
        *broken = refused;
    }
    desk.journal.incidents.insert(id);
    if judge_now {
        judge(desk, id);
    }
}

/// A check's probe came back.
pub(super) fn seen(desk: &mut Desk<'_, '_>, id: IncidentId, effect: &EffectId, outcome: Outcome) {
    let fact = fact_of(outcome);
    let Some(run) = heal::run_mut(desk, id) else { return };
    let Stage::Verifying { plan, waiting, broken, .. } = &mut run.stage else { return };
    let Some(number) = waiting.remove(effect) else { return };
    let all = waiting.is_empty();
    if let Some(check) = plan.verify.get(number)
        && check.holds(&fact) != Some(true)
    {
        let but = match &fact {
            Fact::Seen { report } => format!("it reports {report}"),
            Fact::Blind { why } => format!("the probe could not look: {why}"),
        };
        broken.push(format!("{} ({but})", check.describe()));
    }
    desk.journal.incidents.insert(id);
    if all {
        judge(desk, id);
    }
}

/// A round is complete: proved, broken, or once more.
fn judge(desk: &mut Desk<'_, '_>, id: IncidentId) {
    let now = desk.now();
    let Some(incident) = desk.state.incidents.get(&id) else { return };
    let heard = incident.last_heard();
    let place = &incident.cause.place;
    let view = desk.state.sources.get(&place.source);
    let live = view.is_some_and(|view| view.hears(&place.stream));
    // What was said while nobody listened is lost: then its silence counts from when somebody did.
    let listens = view.filter(|view| view.forgets).and_then(|view| view.live_since);
    let source = place.source.clone();
    let Some(run) = heal::run_mut(desk, id) else { return };
    let touched = run.touched;
    let Stage::Verifying { plan, since, resumed, holding_since, broken, next, unsure, .. } = &mut run.stage else {
        return;
    };
    if *since > now {
        // The clock was set back: the time of the checks begins anew.
        (*since, *resumed, *holding_since) = (now, None, None);
    }
    let quiet = plan.verify.iter().filter_map(|c| if let Check::Quiet { time } = c { Some(*time) } else { None }).max();
    let noisy = quiet.is_some() && heard > *since;
    let deaf = quiet.is_some() && !live;
    if noisy {
        broken.push(format!("quiet: the problem was seen again at {heard}"));
    } else if deaf {
        broken.push(format!("quiet: source {source} is not being read, and its silence proves nothing"));
    }
    let patience = plan.patience;
    let held = holding_since.is_some();
    if broken.is_empty() {
        let from = *holding_since.get_or_insert(now);
        let silent = resumed.unwrap_or(*since).max(listens.filter(|_| quiet.is_some()).unwrap_or(*since));
        let until = (from + patience.stable_for).max(silent + quiet.unwrap_or_default());
        if now >= until {
            let plan = plan.clone();
            desk.note(Some(id), "check", format!("all {} checks held until {now}", plan.verify.len()));
            return end::finish(desk, id, Some(plan), End::Verified);
        }
        let pause = patience.every.max(until.since(from) / ROUNDS);
        *next = (now + pause).min(until);
        if !held {
            desk.note(Some(id), "check", format!("all checks hold; they must until {until}"));
        }
        return;
    }
    *holding_since = None;
    // A program outlives the engine that was killed beside it. To try a second one while the first may still be at it
    // would be to do it twice.
    let longest = plan.steps.iter().map(|step| step.timeout).max().filter(|_| *unsure).unwrap_or_default();
    let within = patience.within.max(longest);
    let deadline =
        resumed.unwrap_or(*since) + within + if deaf { quiet.unwrap_or_default() * 2 } else { Duration::ZERO };
    if now < deadline && (*unsure || !noisy) {
        *next = (now + patience.every).min(deadline);
        return;
    }
    let (plan, unsure, why) = (plan.clone(), *unsure, broken.join("; "));
    desk.note(Some(id), "check", format!("failed: {why}"));
    if unsure {
        heal::look_again(desk, id, plan, &why);
    } else if touched {
        rollback::begin(desk, id, plan, &why);
    } else {
        end::finish(desk, id, Some(plan), End::Failed { why, rolled_back: false });
    }
}

/// What an effect's outcome says as a fact.
pub(super) fn fact_of(outcome: Outcome) -> Fact {
    match outcome {
        Outcome::Saw { fact } => fact,
        Outcome::Failed { why } | Outcome::Refused { why, .. } => Fact::Blind { why },
        Outcome::Done { .. } => Fact::Blind { why: "the probe was answered like a step".into() },
        Outcome::Unknown => Fact::Blind { why: "the engine was interrupted".into() },
    }
}
