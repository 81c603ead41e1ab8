//! Hands effects to the crate that acts, and its answers back to the pump.

use std::sync::Arc;

use heinzel_act::Hands;
use heinzel_core::effect::{Effect, Outcome};
use heinzel_core::state::Change;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::console::Console;
use crate::pump::{Message, Out};

/// Performs effects, each in a task of its own, and shows what happens on the terminal.
pub(crate) struct Performer {
    hands: Arc<Hands>,
    back: mpsc::Sender<Message>,
    tasks: TaskTracker,
    console: Console,
}

impl Performer {
    /// A performer whose answers go to `back`; `tasks` is what to wait for when stopping.
    pub(crate) fn new(hands: Hands, back: mpsc::Sender<Message>, tasks: TaskTracker, console: Console) -> Self {
        Self { hands: Arc::new(hands), back, tasks, console }
    }
}

impl Out for Performer {
    fn perform(&mut self, effect: Effect) {
        let (hands, back) = (self.hands.clone(), self.back.clone());
        self.tasks.spawn(async move {
            let inner = tokio::spawn({
                let effect = effect.clone();
                async move { hands.perform(&effect).await }
            });
            // A panic in an effect is a bug, but its plan must still get an answer.
            let outcome = inner.await.unwrap_or_else(|e| Outcome::Failed { why: format!("the engine failed: {e}") });
            // The pump is gone only when the engine stops; the store then knows that the effect was started.
            let _ = back.send(Message::Done(effect.id, outcome)).await;
        });
    }

    fn show(&mut self, changes: &[Change]) {
        self.console.show(changes);
    }
}
