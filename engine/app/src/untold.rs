//! Who could not be told: messages that no webhook has taken.

use std::collections::BTreeMap;

use heinzel_core::effect::{EffectId, Outcome, incident_of};
use heinzel_core::incident::{Incident, IncidentId, Status};
use heinzel_core::state::State;
use heinzel_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What is known since the start of messages that did not arrive, by incident.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tries(BTreeMap<IncidentId, (Timestamp, String)>);

/// The messages for somebody that are not delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Untold {
    /// How many.
    pub(crate) messages: usize,
    /// When the first of them failed, where it failed since the start.
    pub(crate) since: Option<Timestamp>,
    /// Why the last one of them failed.
    pub(crate) why: String,
}

impl Tries {
    /// An effect came back. Asked before it is decided what that means.
    pub(crate) fn came_back(&mut self, state: &State, effect: &EffectId, outcome: &Outcome, now: Timestamp) {
        let incident = incident_of(effect).and_then(|id| state.incidents.get(&id));
        let Some(incident) = incident.filter(|i| i.notice.as_ref().is_some_and(|n| n.effect == *effect)) else {
            return;
        };
        if let Outcome::Failed { why } = outcome {
            self.0.retain(|id, _| state.incidents.contains_key(id));
            self.0.entry(incident.id).or_insert((now, String::new())).1.clone_from(why);
        } else {
            self.0.remove(&incident.id);
        }
    }

    /// Whom it concerns now. Of what is over, or goes on by itself, nobody needs to be told any more.
    pub(crate) fn untold(&self, state: &State) -> BTreeMap<String, Untold> {
        let mut all: BTreeMap<String, Untold> = BTreeMap::new();
        let waits = |i: &&Incident| matches!(i.status, Status::NeedsHuman | Status::AwaitingApproval);
        for incident in state.incidents.values().filter(waits) {
            let Some((since, why)) = self.of(incident) else { continue };
            let untold =
                all.entry(incident.told_to().to_owned()).or_insert(Untold { messages: 0, since, why: why.clone() });
            untold.messages += 1;
            untold.since = untold.since.into_iter().chain(since).min();
            if since.is_some() {
                untold.why = why;
            }
        }
        all
    }

    fn of(&self, incident: &Incident) -> Option<(Option<Timestamp>, String)> {
        if let Some((since, why)) = self.0.get(&incident.id) {
            return Some((Some(*since), why.clone()));
        }
        // From before a restart.
        incident.notice.as_ref().filter(|notice| notice.next.is_some())?;
        Some((None, format!("as before the last start; `heinzel incident view {}` says why", incident.id)))
    }
}
