//! The one loop that owns the state: inputs in, decisions, one transaction, then effects out.
//!
//! Start at [`Pump::run`]. The order is the promise of the whole engine: an input is decided, its changes, the effects it
//! asks for and how far its source was read are stored in one transaction, and only then is anything done or acknowledged.
//! Only probes, which change nothing, begin at once: what they see soon is stored in the same transaction, so that a fix
//! with a probe waits for the disk once and not twice.
//! When the store cannot take it (disk full, locked), the loop keeps the batch and tries again; meanwhile the bounded
//! channels fill and the sources wait. Nothing is dropped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use heinzel_core::block::{Ack, Checkpoint, Notice, SourceId, StreamId};
use heinzel_core::effect::{Effect, EffectId, Outcome};
use heinzel_core::finding::Refused;
use heinzel_core::policy::Policy;
use heinzel_core::state::{Change, Journal, State};
use heinzel_core::step::{Command, Input, Reply, World, step, wake_at};
use heinzel_store::{Retention, Store, Unfinished};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::live::Live;
use crate::report::{Counts, Report};

/// What an operator is told: it is done, or why not.
pub(crate) type Said = Result<String, String>;

/// What the pump is told.
pub(crate) enum Message {
    /// A block, scanned.
    Scanned(Scanned),
    /// News of a source.
    Notice(Notice),
    /// An effect came back.
    Done(EffectId, Outcome),
    /// An operator speaks.
    Command {
        /// Who.
        by: String,
        /// What.
        command: Command,
        /// Where the answer goes, once it is stored.
        answer: oneshot::Sender<Said>,
    },
    /// How is everything?
    Report(oneshot::Sender<Report>),
    /// Other rules or assets are in force.
    Reloaded(Arc<Live>),
    /// A reload failed; the old set stays.
    ReloadFailed(String),
}

/// What a block came to, on its way to the decision.
pub(crate) struct Scanned {
    pub(crate) source: SourceId,
    pub(crate) findings: Vec<heinzel_core::finding::Finding>,
    pub(crate) refused: Vec<Refused>,
    pub(crate) complaints: Vec<String>,
    pub(crate) bytes: u64,
    pub(crate) candidates: u64,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) ack: Option<Ack>,
}

/// Where effects go to be performed, and where people read what happens.
pub(crate) trait Out: Send {
    /// Performs an effect and tells the pump what became of it. Must not block.
    fn perform(&mut self, effect: Effect);
    /// Shows what has just been stored.
    fn show(&mut self, changes: &[Change]);
}

/// Quiet progress (checkpoints, half-filled windows) is stored at least this often; anything that leads to an effect, an
/// entry or an acknowledgement is stored at once.
const LAZY: Duration = Duration::from_millis(500);
/// So long a decision waits for the probes that it asked for, to be stored together with what they see. Shorter than a
/// synced write on most disks, so a slow probe loses little by it.
const LOOK: Duration = Duration::from_millis(3);
/// Inputs decided together at most before they are stored.
const BATCH: usize = 256;
/// How often what is too old is removed from the store.
const RETENTION_EVERY: Duration = Duration::from_secs(3600);

/// The loop's own things.
pub(crate) struct Pump<O: Out> {
    pub(crate) state: State,
    pub(crate) live: Arc<Live>,
    pub(crate) policy: Policy,
    pub(crate) host: String,
    pub(crate) store: Box<dyn Store>,
    pub(crate) retention: Retention,
    pub(crate) out: O,
    pub(crate) counts: Counts,
    journal: Journal,
    batch: Batch,
}

/// What is decided and not stored yet.
#[derive(Default)]
struct Batch {
    checkpoints: BTreeMap<(SourceId, StreamId), Checkpoint>,
    acks: Vec<Ack>,
    answers: Vec<(oneshot::Sender<Said>, Said)>,
    since: Option<Instant>,
    looking: Option<Instant>,
}

impl<O: Out> Pump<O> {
    /// A pump that goes on from `state`.
    pub(crate) fn new(
        state: State,
        live: Arc<Live>,
        policy: Policy,
        host: String,
        store: Box<dyn Store>,
        retention: Retention,
        out: O,
    ) -> Self {
        let counts = Counts::default();
        let (journal, batch) = (Journal::default(), Batch::default());
        Self { state, live, policy, host, store, retention, out, counts, journal, batch }
    }

    /// Runs until told to stop and the channel is closed or empty.
    pub(crate) async fn run(
        mut self,
        mut inbox: mpsc::Receiver<Message>,
        unfinished: Vec<Unfinished>,
        stop: CancellationToken,
    ) -> Self {
        self.decide(Input::Reloaded);
        self.recover(unfinished).await;
        let mut retained = Instant::now();
        loop {
            let patience = self.patience();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                message = inbox.recv() => match message {
                    Some(message) => self.take(message),
                    None => break,
                },
                () = tokio::time::sleep(patience) => {}
            }
            for _ in 1..BATCH {
                let Ok(message) = inbox.try_recv() else { break };
                self.take(message);
            }
            self.decide(Input::Tick);
            self.look();
            while self.is_urgent() {
                self.commit(&stop).await;
            }
            if retained.elapsed() >= RETENTION_EVERY {
                retained = Instant::now();
                self.retain();
            }
        }
        while let Ok(message) = inbox.try_recv() {
            self.take(message);
        }
        self.commit(&stop).await;
        self
    }

    /// Effects of the process before this one. What may be repeated is performed again; a step that may have been started
    /// is not: its checks decide.
    async fn recover(&mut self, unfinished: Vec<Unfinished>) {
        let stop = CancellationToken::new();
        let mut again = Vec::new();
        for one in unfinished {
            let maybe_started = one.may_have_started();
            let effect = one.effect;
            if effect.act.changes_world() && maybe_started {
                self.decide(Input::Done { effect: effect.id, outcome: Outcome::Unknown });
            } else {
                again.push(effect);
            }
        }
        self.commit(&stop).await;
        self.dispatch(again);
    }

    fn decide(&mut self, input: Input) -> Reply {
        let now = clock::now();
        let world =
            World { rules: &self.live.rules, assets: &self.live.assets, policy: &self.policy, now, host: &self.host };
        step(&mut self.state, &world, input, &mut self.journal)
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Scanned(scanned) => self.scanned(scanned),
            Message::Notice(notice) => {
                self.counts.notice(&notice);
                self.decide(Input::Notice(notice));
            }
            Message::Done(effect, outcome) => {
                self.decide(Input::Done { effect, outcome });
            }
            Message::Command { by, command, answer } => {
                if let Some(reply) = self.decide(Input::Command { by, command }) {
                    self.batch.answers.push((answer, reply));
                }
            }
            Message::Report(to) => {
                // A reader that went away is no concern of ours.
                let _ = to.send(self.report());
            }
            Message::Reloaded(live) => {
                self.live = live;
                self.counts.reload = None;
                self.decide(Input::Reloaded);
            }
            Message::ReloadFailed(why) => {
                self.counts.reload_failures += 1;
                self.counts.reload = Some(why);
            }
        }
    }

    fn scanned(&mut self, scanned: Scanned) {
        self.counts.block(&scanned);
        if !scanned.findings.is_empty() {
            self.decide(Input::Findings(scanned.findings));
        }
        if let Some(checkpoint) = scanned.checkpoint {
            self.batch.checkpoints.insert((checkpoint.source.clone(), checkpoint.stream.clone()), checkpoint);
        }
        self.batch.acks.extend(scanned.ack);
    }

    fn report(&self) -> Report {
        Report::of(self)
    }

    fn is_empty(&self) -> bool {
        self.journal.is_empty() && self.batch.checkpoints.is_empty()
    }

    /// Whether the batch must be stored now.
    fn is_urgent(&mut self) -> bool {
        if self.is_empty() && self.batch.acks.is_empty() && self.batch.answers.is_empty() {
            self.batch.since = None;
            return false;
        }
        let since = *self.batch.since.get_or_insert_with(Instant::now);
        if !self.batch.acks.is_empty() || !self.batch.answers.is_empty() || since.elapsed() >= LAZY {
            return true;
        }
        if self.journal.is_looking() {
            return self.batch.looking.get_or_insert_with(Instant::now).elapsed() >= LOOK;
        }
        self.journal.is_urgent()
    }

    /// Begins the probes that were just asked for. They need not be stored first: nothing happens twice by them.
    fn look(&mut self) {
        for effect in self.journal.looks() {
            self.counts.effects += 1;
            self.out.perform(effect);
        }
    }

    /// How long the loop may sleep.
    fn patience(&self) -> Duration {
        let lazy = self.batch.since.map(|since| LAZY.saturating_sub(since.elapsed()));
        let looking = self.batch.looking.map(|since| LOOK.saturating_sub(since.elapsed()));
        let now = clock::now();
        let world =
            World { rules: &self.live.rules, assets: &self.live.assets, policy: &self.policy, now, host: &self.host };
        let timer = wake_at(&self.state, &world).map(|at| at.since(now).max(Duration::from_millis(1)));
        lazy.into_iter().chain(looking).chain(timer).min().unwrap_or(RETENTION_EVERY).min(RETENTION_EVERY)
    }

    /// Stores the batch, however long it takes, then does what it asks for.
    async fn commit(&mut self, stop: &CancellationToken) {
        let (changes, effects) = self.journal.take(&self.state);
        let batch = std::mem::take(&mut self.batch);
        let checkpoints: Vec<Checkpoint> = batch.checkpoints.into_values().collect();
        let mut pause = Duration::from_millis(50);
        if !changes.is_empty() || !checkpoints.is_empty() {
            while let Err(error) = self.store.commit(&changes, &checkpoints) {
                self.counts.store_failures += 1;
                if self.counts.store.is_none() {
                    tracing::error!(%error, "the store takes nothing; sources wait, and it is tried again");
                }
                self.counts.store = Some(error.to_string());
                if stop.is_cancelled() && pause >= Duration::from_secs(1) {
                    tracing::error!(
                        "stopping with undecided input; it is read again from the checkpoints at the next start"
                    );
                    return;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(5));
            }
            self.counts.commits += 1;
            if self.counts.store.take().is_some() {
                tracing::info!("the store works again");
            }
        }
        self.out.show(&changes);
        for ack in batch.acks {
            ack.stored();
        }
        for (answer, reply) in batch.answers {
            // An operator who went away has still been obeyed.
            let _ = answer.send(reply);
        }
        self.dispatch(effects);
    }

    fn dispatch(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if effect.act.changes_world()
                && let Err(error) = self.store.started(&effect.id)
            {
                // Not marked means not started. The rest of the plan waits for an answer, so it gets one.
                let why = format!("mark `{}` as started: {error}", effect.act.describe());
                self.decide(Input::Done { effect: effect.id, outcome: Outcome::Refused { gate: "store".into(), why } });
                continue;
            }
            self.counts.effects += 1;
            self.out.perform(effect);
        }
    }

    fn retain(&mut self) {
        match self.store.retain(clock::now(), &self.retention) {
            Ok(removed) => tracing::debug!(?removed, "removed what is too old"),
            Err(error) => tracing::warn!(%error, "could not remove what is too old; it is tried again in an hour"),
        }
    }
}
