//! What operators say.

use serde::{Deserialize, Serialize};

use crate::gate;
use crate::incident::{Incident, IncidentId, Status};
use crate::policy::Mode;
use crate::rule::RuleId;
use crate::run::{Approved, Run, Stage};
use crate::state::Paused;
use crate::step::{Desk, again, end, heal, record, tell};

/// What an operator says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// I know of it.
    Acknowledge {
        /// The incident.
        incident: IncidentId,
    },
    /// It is over.
    Resolve {
        /// The incident.
        incident: IncidentId,
        /// How it ended.
        note: String,
    },
    /// Carry the plan out.
    Approve {
        /// The incident.
        incident: IncidentId,
        /// The mark of the plan that is meant; needed when it is another than one that was approved before.
        #[serde(default)]
        plan: Option<String>,
    },
    /// Do not carry the plan out.
    Deny {
        /// The incident.
        incident: IncidentId,
        /// Why not.
        why: String,
    },
    /// Plan anew what was handed to a human.
    Retry {
        /// The incident.
        incident: IncidentId,
    },
    /// Start no fix until [`Command::Resume`].
    Pause {
        /// Why.
        why: String,
    },
    /// Fixes may start again.
    Resume,
    /// Let a rule go further; also closes its breaker and switches it on again.
    Promote {
        /// The rule.
        rule: RuleId,
        /// How far; without it one mode bolder.
        to: Option<Mode>,
    },
    /// Take a rule back.
    Demote {
        /// The rule.
        rule: RuleId,
        /// How far; without it one mode more timid.
        to: Option<Mode>,
    },
    /// Something is about to be erased from what is remembered of customers, beside the engine's own store. Here it is only
    /// written down, and not whose or which: the trail cannot be changed, and would go on telling it.
    Erase {
        /// What.
        what: Erased,
    },
}

/// What is erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Erased {
    /// A customer.
    Customer,
    /// An asset that the shop's systems told of.
    Asset {
        /// The part of its id before the colon.
        kind: String,
        /// No fix touched it without approval.
        protected: bool,
    },
}

/// Does it, or says why not.
pub(super) fn obey(desk: &mut Desk<'_, '_>, by: &str, command: Command) -> Result<String, String> {
    match command {
        Command::Acknowledge { incident } => acknowledge(desk, by, incident),
        Command::Resolve { incident, note } => resolve(desk, by, incident, &note),
        Command::Approve { incident, plan } => approve(desk, by, incident, plan.as_deref()),
        Command::Deny { incident, why } => deny(desk, by, incident, &why),
        Command::Retry { incident } => again::retry(desk, by, incident),
        Command::Pause { why } => {
            let earlier = desk.state.paused.take().map(|paused| paused.why).filter(|_| why.is_empty());
            desk.state.paused = Some(Paused { by: by.to_owned(), at: desk.now(), why: earlier.unwrap_or(why.clone()) });
            desk.journal.paused = true;
            desk.note_by(None, by, "paused", why);
            Ok("no fix starts until `heinzel resume`; running steps end, the next ones do not start".into())
        }
        Command::Resume => {
            if desk.state.paused.take().is_none() {
                return Ok("nothing is paused; fixes may start".into());
            }
            desk.journal.paused = true;
            desk.note_by(None, by, "resumed", "fixes may start again");
            Ok("fixes may start again".into())
        }
        Command::Promote { rule, to } => promote(desk, by, &rule, to),
        Command::Demote { rule, to } => demote(desk, by, &rule, to),
        Command::Erase { what } => {
            let text = erased(&what);
            desk.note_by(None, by, "erased", text.clone());
            Ok(text)
        }
    }
}

fn erased(what: &Erased) -> String {
    let (what, more) = match what {
        Erased::Customer => ("a customer is forgotten; which one".to_owned(), ""),
        Erased::Asset { kind, protected } => {
            let more = if *protected { "; it was protected" } else { "" };
            (format!("an asset of the kind `{kind}` is removed; which one"), more)
        }
    };
    format!("{what}, the trail does not say, since it cannot be changed{more}")
}

pub(super) fn unresolved(desk: &Desk<'_, '_>, id: IncidentId) -> Result<Status, String> {
    match desk.state.incidents.get(&id) {
        None if id == 0 || id > desk.state.last_incident => {
            let newest = match desk.state.last_incident {
                0 => "; there was none so far".to_owned(),
                newest => format!("; the newest is {newest}, and `heinzel incident list` shows those that are open"),
            };
            Err(format!("there is no incident {id}{newest}"))
        }
        None => Err(format!(
            "incident {id} is not open any more; `heinzel incident view {id}` says how it ended, as long as it is kept"
        )),
        Some(i) if i.is_resolved() => Err(format!("incident {id} is resolved already")),
        Some(i) => Ok(i.status),
    }
}

fn acknowledge(desk: &mut Desk<'_, '_>, by: &str, id: IncidentId) -> Result<String, String> {
    unresolved(desk, id)?;
    if let Some(incident) = desk.state.incidents.get_mut(&id) {
        incident.acknowledged_by = Some(by.to_owned());
    }
    desk.journal.incidents.insert(id);
    desk.note_by(Some(id), by, "acknowledged", format!("{by} knows of it"));
    Ok(format!("incident {id} is acknowledged by {by}"))
}

fn resolve(desk: &mut Desk<'_, '_>, by: &str, id: IncidentId, note: &str) -> Result<String, String> {
    unresolved(desk, id)?;
    if heal::run_mut(desk, id).is_some_and(|run| run.holds_lock()) {
        return Err(format!(
            "a fix for incident {id} is in the middle; wait until it ends (`heinzel incident view {id}`), or stop it with `heinzel pause`"
        ));
    }
    again::overtake(desk, id);
    let verdict = if note.is_empty() { format!("resolved by {by}") } else { format!("resolved by {by}: {note}") };
    end::close(desk, id, by, &verdict);
    Ok(format!("incident {id} is resolved"))
}

fn approve(desk: &mut Desk<'_, '_>, by: &str, id: IncidentId, meant: Option<&str>) -> Result<String, String> {
    let status = unresolved(desk, id)?;
    let waiting = heal::run_mut(desk, id).and_then(|run| match &run.stage {
        Stage::AwaitingApproval { plan, .. } => Some(plan.clone()),
        _ => None,
    });
    let Some(plan) = waiting else {
        return Err(format!(
            "incident {id} is {status} and waits for no approval; `heinzel incident view {id}` says why"
        ));
    };
    let words: Vec<String> = plan.steps.iter().map(|s| s.action.describe()).collect();
    let approved = heal::run_mut(desk, id).and_then(|run| run.approved.as_ref());
    let is_known = approved.is_none_or(|approved| !approved.is_outdated_by(&plan));
    if !meant.map_or(is_known, |meant| meant == plan.mark()) {
        return Err(format!(
            "the plan of incident {id} is another by now: {}; look at it (`heinzel incident view {id}`), and if it is to be carried out, `heinzel approve {id} --plan {}`",
            words.join("; "),
            plan.mark()
        ));
    }
    desk.note_by(Some(id), by, "approved", words.join("; "));
    if let Some(run) = heal::run_mut(desk, id) {
        run.approved =
            Some(Approved { by: by.to_owned(), round: plan.round, steps: plan.steps, rollback: plan.rollback });
    }
    // Nobody needs to be asked any more.
    tell::withdraw(desk, id);
    // What was approved may be hours old: look again. The approval holds for exactly the steps that were shown.
    heal::look(desk, id);
    Ok(format!(
        "approved; the probes look again and the fix starts if its plan is still the same (`heinzel incident view {id}`)"
    ))
}

fn deny(desk: &mut Desk<'_, '_>, by: &str, id: IncidentId, why: &str) -> Result<String, String> {
    let status = unresolved(desk, id)?;
    let plan = heal::run_mut(desk, id).and_then(|run| match &run.stage {
        Stage::AwaitingApproval { plan, .. } => Some(plan.clone()),
        _ => None,
    });
    let Some(plan) = plan else {
        return Err(format!("incident {id} is {status} and waits for no approval"));
    };
    let incident = &desk.state.incidents[&id];
    let (rule, asset) = (incident.rule.clone(), incident.asset.clone());
    let before = gate::mode_at(desk.state, desk.world, &rule, &asset);
    desk.note_by(Some(id), by, "denied", why);
    again::veto(desk, id, plan, by);
    let is_over = heal::run_mut(desk, id).is_none_or(|run| run.stage.is_over());
    let then = if is_over { "needs a human now" } else { "takes back what was done so far" };
    let after = gate::mode_at(desk.state, desk.world, &rule, &asset);
    let place = if gate::mode_of(desk.state, desk.world, &rule) == after { "" } else { " there" };
    let demoted =
        if after < before { format!("; {rule} goes from {before} down to {after}{place}") } else { String::new() };
    Ok(format!("denied; incident {id} {then}{demoted}"))
}

/// The mode that a rule has, as long as there is one of this name.
fn mode_of(desk: &Desk<'_, '_>, id: &RuleId) -> Result<Mode, String> {
    desk.rule(id).ok_or_else(|| format!("there is no rule `{id}`; `heinzel policy show` lists them"))?;
    Ok(gate::mode_of(desk.state, desk.world, id))
}

fn promote(desk: &mut Desk<'_, '_>, by: &str, id: &RuleId, to: Option<Mode>) -> Result<String, String> {
    let mode = mode_of(desk, id)?;
    let now = desk.now();
    let record = desk.state.record(id);
    let stuck = record.breaker.is_some() || record.off.is_some() || record.stuck_spots().next().is_some();
    let to = match (to, mode.bolder()) {
        (Some(to), _) => to,
        (None, _) if stuck => mode,
        (None, Some(bolder)) => bolder,
        (None, None) => return Err(format!("{id} is in mode {mode} already, the boldest there is")),
    };
    if to < mode {
        return Err(format!("{id} is in mode {mode}, which goes further than {to}; use `heinzel policy demote`"));
    }
    if to == mode && !stuck {
        return Err(format!("{id} is in mode {mode} already"));
    }
    let closed = record.breaker.take().map(|_| "; its breaker is closed");
    let on = record.off.take().map(|_| "; it is switched on again");
    let freed: Vec<&str> = record.stuck_spots().map(|(asset, _)| &**asset).collect();
    let freed = match &freed[..] {
        [] => String::new(),
        few if few.len() <= 5 => format!("; it does for {} what it does elsewhere", few.join(", ")),
        [first, more @ ..] => {
            format!("; it does for {first} and {} other assets what it does elsewhere", more.len())
        }
    };
    record.spots.clear();
    record.evidence.failures.clear();
    record.evidence.vetoes.clear();
    record.evidence.bad.clear();
    record.evidence.since = Some(now);
    desk.journal.rules.insert(id.clone());
    if to > mode {
        record::set_mode(desk, id, to);
    }
    let way = if to > mode { format!("goes from {mode} to {to}") } else { format!("stays in mode {mode}") };
    let text = format!("{id} {way}{}{}{freed}", closed.unwrap_or_default(), on.unwrap_or_default());
    desk.note_by(None, by, "promoted", text.clone());
    Ok(text)
}

fn demote(desk: &mut Desk<'_, '_>, by: &str, id: &RuleId, to: Option<Mode>) -> Result<String, String> {
    let mode = mode_of(desk, id)?;
    let to = match (to, mode.more_timid()) {
        (Some(to), _) if to < mode => to,
        (Some(to), _) => return Err(format!("{id} is in mode {mode}, which does not go further than {to}")),
        (None, Some(lower)) => lower,
        (None, None) => return Err(format!("{id} is in mode {mode} already, the most timid there is")),
    };
    record::set_mode(desk, id, to);
    let text = format!("{id} goes from {mode} to {to}");
    desk.note_by(None, by, "demoted", text.clone());
    // A plan is one permission.
    let runs = |i: &&Incident| i.rule == *id && i.run.as_ref().is_some_and(Run::holds_lock);
    let running: Vec<String> = desk.state.incidents.values().filter(runs).map(|i| i.id.to_string()).collect();
    Ok(match &running[..] {
        [] => text,
        [one] => format!(
            "{text}; a fix for incident {one} is running and goes on; `heinzel pause` stops it before its next step"
        ),
        many => format!(
            "{text}; fixes for incidents {} are running and go on; `heinzel pause` stops them before their next steps",
            many.join(", ")
        ),
    })
}
