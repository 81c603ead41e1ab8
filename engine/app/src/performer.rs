//! Hands effects to the crate that acts, and its answers back to the pump.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use heinzel_act::Hands;
use heinzel_core::effect::{Act, Effect, EffectId, Outcome};
use heinzel_core::state::Change;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
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
    told: Arc<Semaphore>,
    running: Running,
    /// The engine is stopping: whoever waits for its turn is not begun. It stays queued for the next start.
    closing: CancellationToken,
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
/// So many notifications are on their way at a time. Each holds a connection for as long as its receiver takes: a storm must take
/// neither all of our descriptors nor the receiver.
const TOLD: usize = 8;

impl Performer {
    /// A performer whose answers go to `back`; `tasks` is what to wait for when stopping, and `running` says what that is.
    pub(crate) fn new(
        hands: Hands,
        back: mpsc::Sender<Message>,
        tasks: TaskTracker,
        console: Console,
        board: Arc<Board>,
        running: Running,
        closing: CancellationToken,
    ) -> Self {
        let [probes, told] = [PROBES, TOLD].map(|most| Arc::new(Semaphore::new(most)));
        Self { hands: Arc::new(hands), back, tasks, console, board, probes, told, running, closing }
    }
}

impl Out for Performer {
    fn perform(&mut self, effect: Effect) {
        let (hands, back) = (self.hands.clone(), self.back.clone());
        let turns = match effect.act {
            Act::Probe { .. } => Some(self.probes.clone()),
            Act::Notify { .. } => Some(self.told.clone()),
            Act::Step { .. } => None,
        };
        let (running, closing) = (self.running.clone(), self.closing.clone());
        running.all().insert(effect.id.clone(), format!("incident {}: {}", effect.incident, effect.act.describe()));
        self.tasks.spawn(async move {
            let _turn = match turns {
                Some(turns) => tokio::select! {
                    biased;
                    () = closing.cancelled() => {
                        running.all().remove(&effect.id);
                        return;
                    }
                    // It is never closed.
                    turn = turns.acquire_owned() => turn.ok(),
                },
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

#[cfg(test)]
mod tests {
    use heinzel_act::settings::ActSettings;
    use heinzel_core::effect::Message as Note;
    use heinzel_core::policy::Policy;
    use heinzel_core::severity::Severity;

    use super::*;
    use crate::console::Show;

    #[tokio::test]
    async fn a_storm_of_notifications_takes_turns_and_a_stop_does_not_wait_for_those_that_wait() {
        // It takes every connection, and never answers.
        let receiver = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", receiver.local_addr().unwrap());
        let settings: ActSettings = toml::from_str(&format!("[webhooks.operator]\nurl = \"{url}\"\n")).unwrap();
        let hands = Hands::new(&settings, &Policy::default()).unwrap();
        let (back, _answers) = mpsc::channel(64);
        let (tasks, running, closing) = (TaskTracker::new(), Running::default(), CancellationToken::new());
        let (console, board) = (Console::start(Show::Json).unwrap(), Arc::new(Board::new([])));
        let mut performer =
            Performer::new(hands, back, tasks.clone(), console, board, running.clone(), closing.clone());
        for incident in 0..30 {
            let message = Note {
                incident,
                rule: "a.b".into(),
                title: "t".into(),
                severity: Severity::High,
                asset: "host:a".into(),
                customers: Vec::new(),
                host: None,
                reason: "why".into(),
                steps: Vec::new(),
            };
            let act = Act::Notify { to: "operator".into(), message };
            performer.perform(Effect { id: format!("{incident}-1"), incident, act });
        }
        let mut taken = Vec::new();
        while taken.len() < TOLD {
            taken.push(receiver.accept().await.unwrap());
        }
        let more = tokio::time::timeout(std::time::Duration::from_millis(300), receiver.accept()).await;
        assert!(more.is_err(), "more than {TOLD} at a time");
        assert_eq!(running.words().len(), 30);
        closing.cancel();
        tasks.close();
        let gone = async {
            while running.words().len() > TOLD {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(5), gone).await.expect("they wait on");
        drop((taken, receiver));
        tokio::time::timeout(std::time::Duration::from_secs(20), tasks.wait()).await.unwrap();
    }
}
