//! A store that fails or "dies" where a test says.
//!
//! Start at [`Faulty::new`]. A test counts the calls of a faultless run ([`FaultPlan::calls`]), then runs once more for
//! each of them with a fault before it, and once with a fault behind it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use heinzel_core::block::Checkpoint;
use heinzel_core::effect::EffectId;
use heinzel_core::incident::{Incident, IncidentId};
use heinzel_core::state::Change;
use heinzel_core::time::Timestamp;
use heinzel_store::audit::AuditReport;
use heinzel_store::error::StoreError;
use heinzel_store::{Filter, Health, Loaded, Numbered, Retained, Retention, Store, StoredEffect};

/// On which side of the call the fault lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Nothing was stored.
    Before,
    /// It was stored, and the caller did not learn of it.
    After,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The process dies: a panic, and every later call of any kind is an error.
    Crash,
    /// [`StoreError::Full`].
    Full,
    /// [`StoreError::Locked`].
    Locked,
    /// [`StoreError::Other`], which does not pass.
    Broken,
}

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// At which call, counted from 1 over [`Store::commit`] and [`Store::started`] together.
    pub(super) nth: u64,
    /// Before or after it. An error after the call is what a database behind a network can do; SQLite cannot.
    pub(super) side: Side,
    /// What happens.
    pub(super) kind: Kind,
}

/// Which faults to make, and what happened so far. Shared between the test and the store.
#[derive(Debug, Default)]
pub(super) struct FaultPlan {
    /// The faults.
    pub(super) faults: Vec<Fault>,
    /// Calls of [`Store::commit`] and [`Store::started`] so far.
    pub(super) calls: u64,
    /// Faults made so far.
    pub(super) made: Vec<Fault>,
    /// The process is "dead".
    pub(super) dead: bool,
}

impl FaultPlan {
    /// A shared plan with these faults.
    #[must_use]
    pub(super) fn new(faults: &[Fault]) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self { faults: faults.to_vec(), ..Self::default() }))
    }
}

/// A store with faults.
#[derive(Debug)]
pub(super) struct Faulty<S> {
    inner: S,
    plan: Arc<Mutex<FaultPlan>>,
}

impl<S: Store> Faulty<S> {
    /// `inner`, with the faults of `plan`.
    #[must_use]
    pub(super) const fn new(inner: S, plan: Arc<Mutex<FaultPlan>>) -> Self {
        Self { inner, plan }
    }

    fn plan(&self) -> MutexGuard<'_, FaultPlan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alive(&self) -> Result<(), StoreError> {
        if self.plan().dead { Err(error(Kind::Crash)) } else { Ok(()) }
    }

    fn counted<T>(&mut self, call: impl FnOnce(&mut S) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.alive()?;
        let nth = {
            let mut plan = self.plan();
            plan.calls += 1;
            plan.calls
        };
        self.fault(nth, Side::Before)?;
        let done = call(&mut self.inner)?;
        self.fault(nth, Side::After)?;
        Ok(done)
    }

    fn fault(&self, nth: u64, side: Side) -> Result<(), StoreError> {
        let mut plan = self.plan();
        let Some(fault) = plan.faults.iter().copied().find(|f| f.nth == nth && f.side == side) else { return Ok(()) };
        plan.made.push(fault);
        plan.dead |= fault.kind == Kind::Crash;
        // The guard must be gone before the panic, or the plan would be poisoned for the test.
        drop(plan);
        if fault.kind == Kind::Crash {
            panic!("simulated crash {side:?} call {nth} to the store");
        }
        Err(error(fault.kind))
    }
}

fn error(kind: Kind) -> StoreError {
    let (tried, place) = ("simulate a fault in", "the store".to_owned());
    match kind {
        Kind::Full => StoreError::Full { tried, place, cause: "simulated".into() },
        Kind::Locked => StoreError::Locked { tried, place, cause: "simulated".into() },
        Kind::Broken => StoreError::Other { tried, place, why: "simulated".into(), cause: None },
        Kind::Crash => StoreError::Other { tried, place, why: "the process is dead".into(), cause: None },
    }
}

impl<S: Store> Store for Faulty<S> {
    fn load(&mut self, recent: Timestamp) -> Result<Loaded, StoreError> {
        self.alive()?;
        self.inner.load(recent)
    }

    fn commit(&mut self, changes: &[Change], checkpoints: &[Checkpoint]) -> Result<(), StoreError> {
        self.counted(|store| store.commit(changes, checkpoints))
    }

    fn started(&mut self, effect: &EffectId) -> Result<(), StoreError> {
        self.counted(|store| store.started(effect))
    }

    fn present(&self) -> Result<(), StoreError> {
        self.alive()?;
        self.inner.present()
    }

    fn retain(&mut self, now: Timestamp, keep: &Retention) -> Result<Retained, StoreError> {
        self.alive()?;
        self.inner.retain(now, keep)
    }

    fn incidents(&self, filter: &Filter) -> Result<Vec<Incident>, StoreError> {
        self.alive()?;
        self.inner.incidents(filter)
    }

    fn incident(&self, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        self.alive()?;
        self.inner.incident(id)
    }

    fn timeline(&self, id: IncidentId) -> Result<Vec<Numbered>, StoreError> {
        self.alive()?;
        self.inner.timeline(id)
    }

    fn effects(&self, id: IncidentId) -> Result<Vec<StoredEffect>, StoreError> {
        self.alive()?;
        self.inner.effects(id)
    }

    fn entries(&self, after: u64, limit: usize) -> Result<Vec<Numbered>, StoreError> {
        self.alive()?;
        self.inner.entries(after, limit)
    }

    fn newest_entries(&self, limit: usize) -> Result<Vec<Numbered>, StoreError> {
        self.alive()?;
        self.inner.newest_entries(limit)
    }

    fn entry_count(&self, after: u64) -> Result<usize, StoreError> {
        self.alive()?;
        self.inner.entry_count(after)
    }

    fn incident_count(&self, filter: &Filter) -> Result<usize, StoreError> {
        self.alive()?;
        self.inner.incident_count(filter)
    }

    fn verify_audit(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<AuditReport, StoreError> {
        self.alive()?;
        self.inner.verify_audit(progress)
    }

    fn health(&self) -> Result<Health, StoreError> {
        self.alive()?;
        self.inner.health()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use heinzel_core::state::{Change, Entry};
    use heinzel_store::lock::Lock;
    use heinzel_store::sqlite::{Options, Sqlite};

    use super::*;

    /// Commits once, with the fault at that call; returns what the caller saw and what is stored after a restart.
    fn commit_with(side: Side, kind: Kind) -> (&'static str, usize) {
        let folder = tempfile::tempdir().unwrap();
        let open = || Sqlite::open(Lock::take(folder.path()).unwrap(), &Options::default()).unwrap();
        let plan = FaultPlan::new(&[Fault { nth: 2, side, kind }]);
        let mut store = Faulty::new(open(), plan.clone());
        let at = Timestamp::EPOCH;
        let entry = Entry { at, incident: None, by: "engine".into(), what: "x".into(), text: "x".into() };
        let changes = [Change::Entry(entry)];
        store.commit(&changes, &[]).unwrap();
        let seen = match catch_unwind(AssertUnwindSafe(|| store.commit(&changes, &[]))) {
            Ok(Ok(())) => "stored",
            Ok(Err(error)) if error.is_passing() => "passing",
            Ok(Err(_)) => "error",
            Err(_) => "dead",
        };
        assert_eq!(plan.lock().unwrap().made.len(), 1);
        assert_eq!(store.entries(0, 9).is_err(), kind == Kind::Crash);
        drop(store);
        (seen, open().entries(0, 9).unwrap().len())
    }

    #[test]
    fn faults_come_where_the_plan_says() {
        assert_eq!(commit_with(Side::Before, Kind::Crash), ("dead", 1));
        assert_eq!(commit_with(Side::After, Kind::Crash), ("dead", 2));
        assert_eq!(commit_with(Side::Before, Kind::Full), ("passing", 1));
        assert_eq!(commit_with(Side::After, Kind::Locked), ("passing", 2));
        assert_eq!(commit_with(Side::Before, Kind::Broken), ("error", 1));
    }
}
