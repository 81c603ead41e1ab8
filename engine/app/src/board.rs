//! The incidents, as they were last stored: what the ticket form may know of.
//!
//! Written by the pump when something is stored, read by the HTTP side without asking the pump.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use heinzel_core::incident::{Incident, IncidentId};
use heinzel_core::state::Change;
use heinzel_core::time::Timestamp;
use heinzel_knowledge::contacts::{Bounce, bounce};
use tokio::sync::broadcast;

/// How long after its end an incident is still news for its customers.
pub(crate) const FRESH: Duration = Duration::from_secs(86_400);
/// News that may wait for a slow reader; one that misses some looks at the incident again.
const WAITING: usize = 256;

/// What hangs on the wall for customers.
pub(crate) struct Board {
    incidents: RwLock<BTreeMap<IncidentId, Arc<Incident>>>,
    news: broadcast::Sender<Arc<Incident>>,
    bounces: broadcast::Sender<Bounce>,
}

impl Board {
    /// A board with what was stored before the start.
    pub(crate) fn new<'a>(incidents: impl IntoIterator<Item = &'a Incident>) -> Self {
        let known = incidents.into_iter().map(|i| (i.id, Arc::new(i.clone()))).collect();
        let (news, bounces) = (broadcast::channel(WAITING).0, broadcast::channel(WAITING).0);
        Self { incidents: RwLock::new(known), news, bounces }
    }

    /// Takes what has just been stored.
    pub(crate) fn show(&self, changes: &[Change]) {
        for change in changes {
            let Change::Incident(incident) = change else { continue };
            if let Some(bounce) = bounce(incident) {
                // Nobody remembers customers: nobody needs to know.
                let _ = self.bounces.send(bounce);
            }
            let incident = Arc::new((**incident).clone());
            {
                let mut known = self.incidents.write().unwrap_or_else(PoisonError::into_inner);
                if let Some(end) = incident.resolved_at {
                    known.retain(|_, old| old.resolved_at.is_none_or(|then| end.since(then) <= FRESH));
                }
                known.insert(incident.id, incident.clone());
            }
            // Nobody listens: nobody is told.
            let _ = self.news.send(incident);
        }
    }

    /// One incident.
    pub(crate) fn incident(&self, id: IncidentId) -> Option<Arc<Incident>> {
        self.incidents.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// What is picked of those that are open, or ended within [`FRESH`], newest first.
    pub(crate) fn fresh<T>(&self, now: Timestamp, pick: impl Fn(&Arc<Incident>) -> Option<T>) -> Vec<T> {
        let known = self.incidents.read().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |i: &&Arc<Incident>| i.resolved_at.is_none_or(|end| now.since(end) <= FRESH);
        known.values().rev().filter(is_fresh).filter_map(pick).collect()
    }

    /// Every mail that came back, from now on.
    pub(crate) fn bounces(&self) -> broadcast::Receiver<Bounce> {
        self.bounces.subscribe()
    }

    /// Every incident from now on, whenever it changes.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Arc<Incident>> {
        self.news.subscribe()
    }
}
