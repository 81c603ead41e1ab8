//! The searches for those patterns that some sources want: rules are narrowed to sources and programs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::choice::Shape;
use crate::plan::Plan;

/// So many searches are kept; sources beyond them search for all and leave out.
const PARTS: usize = 16;
/// So many sources of each are remembered for the matcher after this one; the others ask for themselves.
const ASKERS: usize = 64;

/// By set of patterns: the search for it.
#[derive(Debug, Default)]
pub(crate) struct Parts(Mutex<Vec<Part>>);

#[derive(Debug)]
struct Part {
    /// Which sources.
    askers: Vec<Asker>,
    /// By pattern: whether it is in it.
    wanted: Arc<[bool]>,
    plan: Arc<Plan>,
}

/// A source, with the names of all its records, where they are known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asker {
    pub(crate) source: String,
    pub(crate) names: Option<Vec<String>>,
}

impl Parts {
    /// The search for these patterns alone, made by `make` if there is none yet. `None`: there are too many already.
    pub(crate) fn get(
        &self,
        asker: Asker,
        wanted: &Arc<[bool]>,
        make: impl FnOnce() -> Option<Plan>,
    ) -> Option<Arc<Plan>> {
        let mut parts = self.lock();
        if let Some(part) = parts.iter_mut().find(|part| part.wanted == *wanted) {
            if part.askers.len() < ASKERS && !part.askers.contains(&asker) {
                part.askers.push(asker);
            }
            return Some(Arc::clone(&part.plan));
        }
        let plan = Arc::new((parts.len() < PARTS).then(make)??);
        parts.push(Part { askers: vec![asker], wanted: Arc::clone(wanted), plan: Arc::clone(&plan) });
        Some(plan)
    }

    /// Who asked for parts, each with the shape of its search.
    pub(crate) fn askers(&self) -> Vec<(Asker, Option<Shape>)> {
        let each = |part: &Part| part.askers.iter().map(|asker| (asker.clone(), part.plan.shape)).collect::<Vec<_>>();
        self.lock().iter().flat_map(each).collect()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Part>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
