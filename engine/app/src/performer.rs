//! Hands effects to the crate that acts, and its answers back to the pump.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use heinzel_act::Hands;
use heinzel_core::effect::{Act, Effect, EffectId, Outcome};
use heinzel_core::state::Change;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::TaskTracker;

use crate::board::Board;
use crate::console::Console;
use crate::pump::{Message, Out};

/// Performs effects, each in a task of its own, and shows what happens on the terminal.
pub(crate) struct Performer {
    hands: Arc<Hands>,
    back: mpsc::Sender<Message>,
    tasks: TaskTracker,
    console: Console,
    board: Arc<Board>,
    probes: Arc<Semaphore>,
    running: Running,
}

/// What is being performed at this moment: who stops the engine is told what it waits for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running(Arc<Mutex<BTreeMap<EffectId, String>>>);

impl Running {
    /// In words, each with its incident.
    pub(crate) fn words(&self) -> Vec<String> {
        self.all().values().cloned().collect()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<EffectId, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So many probes look at a time; the others wait for their turn. A storm of incidents must not become a storm of
/// processes on a machine that is already in trouble. What hangs, ends by its own timeout.
const PROBES: usize = 16;

impl Performer {
    /// A performer whose answers go to `back`; `tasks` is what to wait for when stopping, and `running` says what that is.
    pub(crate) fn new(
        hands: Hands,
        back: mpsc::Sender<Message>,
        tasks: TaskTracker,
        console: Console,
        board: Arc<Board>,
        running: Running,
    ) -> Self {
        let probes = Arc::new(Semaphore::new(PROBES));
        Self { hands: Arc::new(hands), back, tasks, console, board, probes, running }
    }
}

impl Out for Performer {
    fn perform(&mut self, effect: Effect) {
        let (hands, back) = (self.hands.clone(), self.back.clone());
        let probes = matches!(effect.act, Act::Probe { .. }).then(|| self.probes.clone());
        let running = self.running.clone();
        running.all().insert(effect.id.clone(), format!("incident {}: {}", effect.incident, effect.act.describe()));
        self.tasks.spawn(async move {
            let _turn = match probes {
                // It is never closed.
                Some(probes) => probes.acquire_owned().await.ok(),
                None => None,
            };
            let inner = tokio::spawn({
                let effect = effect.clone();
                async move { hands.perform(&effect).await }
            });
            // A panic in an effect is a bug, but its plan must still get an answer.
            let outcome = inner.await.unwrap_or_else(|e| Outcome::Failed { why: format!("the engine failed: {e}") });
            running.all().remove(&effect.id);
            // The pump is gone only when the engine stops; the store then knows that the effect was started.
            let _ = back.send(Message::Done(effect.id, outcome)).await;
        });
    }

    fn show(&mut self, changes: &[Change]) {
        self.console.show(changes);
        self.board.show(changes);
    }

    fn running(&self) -> Vec<String> {
        self.running.words()
    }
}
