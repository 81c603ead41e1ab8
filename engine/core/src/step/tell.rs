//! Telling people: what a notification says, and what becomes of it.
//!
//! An incident has at most one notification under way; a newer one takes its place. Of one rule at most [`MOST_TOLD`] are sent in an
//! hour.

use std::time::Duration;

use crate::effect::{Act, Message, Outcome};
use crate::gate;
use crate::incident::{IncidentId, Notice, Status};
use crate::policy::Mode;
use crate::step::Desk;
use crate::time::Timestamp;

/// Hands an incident to a person. A rule that only observes bothers nobody, unless it has touched something. `also`: what has
/// become of the rule, which is told in any case.
pub(super) fn escalate(desk: &mut Desk<'_, '_>, id: IncidentId, reason: &str, also: Option<String>) {
    hand_over(desk, id, reason);
    let Some(incident) = desk.state.incidents.get(&id) else { return };
    let touched = incident.run.as_ref().is_some_and(|run| run.touched);
    let observes = gate::mode_of(desk.state, desk.world, &incident.rule) == Mode::Observe;
    if touched || !observes {
        send(desk, id, reason, also, 1);
    } else {
        tell_of_rule(desk, id, reason, also);
    }
}

/// Leaves an incident to a person and tells nobody: whoever is to know was told of the same before.
pub(super) fn hand_over(desk: &mut Desk<'_, '_>, id: IncidentId, reason: &str) {
    let Some(incident) = desk.state.incidents.get_mut(&id) else { return };
    incident.status = Status::NeedsHuman;
    incident.verdict = Some(reason.to_owned());
    desk.journal.incidents.insert(id);
    desk.note(Some(id), "needs-human", reason);
}

/// Tells what has become of a rule by an incident, and why; nothing where nothing has.
pub(super) fn tell_of_rule(desk: &mut Desk<'_, '_>, id: IncidentId, reason: &str, also: Option<String>) {
    if also.is_some() {
        send(desk, id, reason, also, 1);
    }
}

/// Sends a notification about an incident.
pub(super) fn tell(desk: &mut Desk<'_, '_>, id: IncidentId, reason: &str) {
    send(desk, id, reason, None, 1);
}

/// Sends it once more.
pub(super) fn again(desk: &mut Desk<'_, '_>, id: IncidentId) {
    let Some(notice) = desk.state.incidents.get(&id).and_then(|i| i.notice.clone()) else { return };
    send(desk, id, &notice.reason, notice.also, notice.tries + 1);
}

/// Takes back what is not delivered yet, because it asks for what is decided or offers what is over. What it says of the rule
/// stays to be told.
pub(super) fn withdraw(desk: &mut Desk<'_, '_>, id: IncidentId) {
    let Some(incident) = desk.state.incidents.get_mut(&id) else { return };
    desk.journal.incidents.insert(id);
    incident.notice = incident.notice.take().filter(|notice| notice.also.is_some());
    if let Some(notice) = &mut incident.notice {
        notice.reason = "there is news of its rule".into();
    }
}

/// Of how many incidents of a rule people are told within an hour. Whoever may write into a log may invent names, and a storm
/// has one cause: nobody reads hundreds of messages, and a receiver that counts them would let none through.
const MOST_TOLD: usize = 30;
const HOUR: Duration = Duration::from_secs(3_600);

/// Whether people may be told of one more incident of the rule. The last one says that it is.
enum Turn {
    Yes,
    Last,
    No,
}

/// Counts a notification. What the operator has listed is not kept from being told by names that somebody invents.
fn turn(desk: &mut Desk<'_, '_>, id: IncidentId) -> Turn {
    let now = desk.now();
    let Some(incident) = desk.state.incidents.get(&id) else { return Turn::No };
    let is_listed = desk.world.assets.get(&desk.world.assets.resolve(&incident.asset)).is_some();
    let told = desk.state.told.entry((incident.rule.clone(), is_listed)).or_default();
    // One that is yet to come says that our clock was set back; it would count for as long as that.
    told.retain(|at| *at <= now && *at + HOUR > now);
    if told.len() >= MOST_TOLD {
        return Turn::No;
    }
    told.push_back(now);
    if told.len() == MOST_TOLD { Turn::Last } else { Turn::Yes }
}

/// Sends it as the try of this number.
fn send(desk: &mut Desk<'_, '_>, id: IncidentId, reason: &str, also: Option<String>, tries: u32) {
    let Some(incident) = desk.state.incidents.get(&id) else { return };
    let rule = incident.rule.clone();
    // A newer notification takes the place of one that is not delivered; what that said of the rule goes with it.
    let also = also.or_else(|| incident.notice.as_ref()?.also.clone());
    let mut reason = reason.to_owned();
    if tries == 1 {
        match turn(desk, id) {
            Turn::Last => reason.push_str(&format!(
                "; this is message {MOST_TOLD} about {rule} within an hour, and more are not sent: `heinzel incident list` \
                 shows what else there is"
            )),
            // What has become of the rule is told in any case.
            Turn::No if also.is_none() => {
                let text = format!("not sent ({reason}): people were told of {MOST_TOLD} incidents of {rule} within an hour");
                return desk.note(Some(id), "told", text);
            }
            Turn::No | Turn::Yes => {}
        }
    }
    let Some(incident) = desk.state.incidents.get(&id) else { return };
    let plan = incident.run.as_ref().and_then(|run| run.stage.plan());
    let message = Message {
        incident: id,
        rule: incident.rule.to_string(),
        title: incident.title.clone(),
        severity: incident.severity,
        asset: incident.asset.clone(),
        customers: incident.customers.iter().cloned().collect(),
        host: incident.cause.host.clone(),
        reason: also.as_ref().map_or_else(|| reason.clone(), |also| format!("{reason}; {also}")),
        steps: plan.map(|p| p.steps.iter().map(|s| s.action.describe()).collect()).unwrap_or_default(),
    };
    let to = incident.told_to().to_owned();
    let effect = desk.emit(id, Act::Notify { to, message });
    if let Some(incident) = desk.state.incidents.get_mut(&id) {
        incident.notice = Some(Notice { effect, reason, also, tries, next: None });
    }
}

/// Whether it is time for the next try. One that lies further ahead than any pause was set by a clock that has been set back.
pub(super) fn is_due(notice: &Notice, now: Timestamp) -> bool {
    notice.next.is_some_and(|next| next <= now || next.since(now).as_secs() > NOTICE_PAUSE_S << NOTICE_TRIES)
}

/// How often a notification is tried, and how long after the first try the second follows; the pause doubles.
const NOTICE_TRIES: u32 = 8;
const NOTICE_PAUSE_S: u64 = 15;

/// A notification came back.
pub(super) fn delivered(desk: &mut Desk<'_, '_>, id: IncidentId, outcome: Outcome) {
    let now = desk.now();
    let Some(incident) = desk.state.incidents.get_mut(&id) else { return };
    desk.journal.incidents.insert(id);
    // What is over and told makes room.
    desk.state.full.clear();
    let problem = match outcome {
        Outcome::Done { detail } => {
            incident.notice = None;
            incident.told = Some(now);
            return desk.note(Some(id), "told", detail);
        }
        Outcome::Refused { why, .. } => {
            // Nobody can be told, and another try would not change that.
            incident.notice = None;
            return desk.note(Some(id), "told", why);
        }
        Outcome::Failed { why } => why,
        Outcome::Unknown | Outcome::Saw { .. } => "whether it arrived is unknown".into(),
    };
    let Some(notice) = incident.notice.as_mut() else { return };
    let tries = notice.tries;
    if tries >= NOTICE_TRIES {
        incident.notice = None;
        return desk.note(Some(id), "told", format!("given up after {tries} tries: {problem}"));
    }
    notice.next = Some(now + Duration::from_secs(NOTICE_PAUSE_S << tries.min(10)));
    desk.note(Some(id), "told", format!("try {tries} failed: {problem}"));
}
