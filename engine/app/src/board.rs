//! The incidents, as they were last stored: what the ticket form may know of.
//!
//! Written by the pump when something is stored, read by the HTTP side without asking the pump.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// The number of the newest incident that ever hung there.
    newest: AtomicU64,
    news: broadcast::Sender<Arc<Incident>>,
    bounces: broadcast::Sender<Bounce>,
}

impl Board {
    /// A board with what was stored before the start.
    pub(crate) fn new<'a>(incidents: impl IntoIterator<Item = &'a Incident>) -> Self {
        let known: BTreeMap<_, _> = incidents.into_iter().map(|i| (i.id, Arc::new(i.clone()))).collect();
        let newest = AtomicU64::new(known.keys().next_back().copied().unwrap_or(0));
        let (news, bounces) = (broadcast::channel(WAITING).0, broadcast::channel(WAITING).0);
        Self { incidents: RwLock::new(known), newest, news, bounces }
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
                self.newest.fetch_max(incident.id, Ordering::SeqCst);
            }
            // Nobody listens: nobody is told.
            let _ = self.news.send(incident);
        }
    }

    /// One incident.
    pub(crate) fn incident(&self, id: IncidentId) -> Option<Arc<Incident>> {
        self.incidents.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Whether an incident is decided and not stored yet. One that is not here otherwise was taken down long after its end.
    pub(crate) fn is_coming(&self, id: IncidentId) -> bool {
        id > self.newest.load(Ordering::SeqCst)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn incident(id: IncidentId, ended: Option<i64>) -> Change {
        let ended =
            ended.map(|end| format!(r#","resolved_at":"{}""#, Timestamp::from_seconds(end))).unwrap_or_default();
        let text = format!(
            r#"{{"id":{id},"rule":"a.b","asset":"vm:1","title":"t","severity":"high","status":"open",
            "opened":"1970-01-01T00:00:00Z","opened_at":"1970-01-01T00:00:00Z","last_seen":"1970-01-01T00:00:00Z","findings":1,
            "cause":{{"place":{{"source":"s","stream":"x","offset":0}},"fields":{{}},"message":"m"}}{ended}}}"#
        );
        Change::Incident(Box::new(serde_json::from_str(&text).unwrap()))
    }

    #[test]
    fn what_was_taken_down_is_not_taken_for_what_is_coming() {
        let board = Board::new([]);
        assert!(board.is_coming(1));
        board.show(&[incident(1, Some(1_000))]);
        assert!(!board.is_coming(1) && board.is_coming(2));
        board.show(&[incident(2, Some(100_000))]);
        assert!(board.incident(1).is_none() && !board.is_coming(1), "it ended more than a day ago");
    }
}
