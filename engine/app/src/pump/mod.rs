//! The one loop that owns the state: inputs in, decisions, one transaction, then effects out.
//!
//! Start at [`Pump::run`]. The order is the promise of the whole engine: an input is decided, its changes, the effects it
//! asks for and how far its source was read are stored in one transaction, and only then is anything done or acknowledged.
//! Only probes, which change nothing, begin at once: what they see soon is stored in the same transaction, so that a fix
//! with a probe waits for the disk once and not twice.
//! When the store cannot take it (disk full, locked, moved away), the loop keeps the batch and tries again; meanwhile the
//! bounded channels fill and the sources wait. Nothing is dropped, whoever asks is told why, and a pause counts at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use heinzel_core::block::{Ack, Checkpoint, Health, SourceId, StreamId};
use heinzel_core::effect::{Effect, EffectId, Outcome};
use heinzel_core::gate;
use heinzel_core::policy::Policy;
use heinzel_core::state::{Change, Journal, SourceView, State};
use heinzel_core::step::{Input, Reply, World, drafted, found, step, wake_at};
use heinzel_core::time::Timestamp;
use heinzel_store::error::StoreError;
use heinzel_store::{Retention, Store, Unfinished};
use tokio::sync::oneshot;

use crate::clock;
use crate::lapse::Lapse;
use crate::live::Live;
use crate::report::{Counts, Outlook, Report};

pub(crate) use message::{Asked, Inbox, Message, Order, Said, Scanned};
use trouble::{Tries, unstored};

mod message;
mod trouble;

/// The engine stops while the store takes nothing. What is not stored yet must not be followed by anything that is.
struct GaveUp;

/// Where effects go to be performed, and where people read what happens.
pub(crate) trait Out: Send {
    /// Performs an effect and tells the pump what became of it. Must not block.
    fn perform(&mut self, effect: Effect);
    /// Shows what has just been stored.
    fn show(&mut self, changes: &[Change]);
    /// What is being performed, in words.
    fn running(&self) -> Vec<String>;
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
/// And how soon there is a next time when there was too much for one.
const RETENTION_MORE: Duration = Duration::from_secs(1);
/// How often it is looked whether the store still lies where it was opened.
const PRESENT_EVERY: Duration = Duration::from_secs(5);
/// A plan begun longer ago than this is not carried on after a restart without looking: somebody may have repaired it.
const STALE: Duration = Duration::from_secs(600);

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
    /// Told once every source listens or has said why it does not.
    pub(crate) ready: Option<oneshot::Sender<()>>,
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
        Self { state, live, policy, host, store, retention, out, counts, ready: None, journal, batch }
    }

    /// Runs until told to stop and the channel is empty, or the channel is closed.
    pub(crate) async fn run(mut self, mut inbox: Inbox, unfinished: Vec<Unfinished>) -> Self {
        self.decide(Input::Restarted);
        let again = self.recover(unfinished);
        if self.commit(&mut inbox).await.is_err() {
            return self;
        }
        self.dispatch(again, &mut inbox).await;
        let mut retain_at = Instant::now() + RETENTION_EVERY;
        let (mut lapse, mut more) = (self.lapse(), false);
        let mut present_at = Instant::now() + PRESENT_EVERY;
        self.tell_ready();
        loop {
            // Before waiting for anything: what was decided last may be urgent, also when it was decided by a failure.
            self.look(&inbox);
            while self.is_urgent() {
                if self.commit(&mut inbox).await.is_err() {
                    return self;
                }
                self.look(&inbox);
            }
            if retain_at <= Instant::now() {
                let now = clock::now();
                more = self.retain(now, if more { lapse.ahead(now) } else { lapse.by(now) });
                retain_at = Instant::now() + if more { RETENTION_MORE } else { RETENTION_EVERY };
            }
            if present_at <= Instant::now() {
                if self.be_present(&mut inbox).await.is_err() {
                    return self;
                }
                present_at = Instant::now() + PRESENT_EVERY;
            }
            let next = retain_at.min(present_at);
            let patience = self.patience().min(next.saturating_duration_since(Instant::now()));
            tokio::select! {
                biased;
                () = inbox.stop.cancelled() => break,
                Some(asked) = inbox.asked.recv() => self.answer(asked, inbox.closing.is_cancelled()),
                Some(order) = inbox.orders.recv() => self.obey(order),
                message = inbox.messages.recv() => match message {
                    Some(message) => self.take(message),
                    None => break,
                },
                () = tokio::time::sleep(patience) => {}
            }
            for _ in 1..BATCH {
                let Ok(message) = inbox.messages.try_recv() else { break };
                self.take(message);
            }
            self.decide(Input::Tick);
        }
        inbox.closing.cancel();
        while let Ok(message) = inbox.messages.try_recv() {
            self.take(message);
        }
        while let Ok(order) = inbox.orders.try_recv() {
            self.obey(order);
        }
        // When it gives up, that is said; what is not stored is read again at the next start.
        let _ = self.commit(&mut inbox).await;
        self
    }

    /// Decides about the effects of the process before this one and returns those to perform (again): what only looks or
    /// tells, and steps of which it is certain that they were not tried. All others are unknown: their checks decide.
    fn recover(&mut self, unfinished: Vec<Unfinished>) -> Vec<Effect> {
        let stored: BTreeSet<EffectId> = unfinished.iter().map(|one| one.effect.id.clone()).collect();
        // A row that could not be read: without an answer its run would hold the asset's lock for ever.
        let lost: Vec<EffectId> = self.state.awaited().difference(&stored).cloned().collect();
        for effect in lost {
            self.decide(Input::Done { effect, outcome: Outcome::Unknown });
        }
        let mut again = Vec::new();
        for one in unfinished {
            let maybe_started = one.may_have_started();
            let effect = one.effect;
            let step = effect.act.changes_world();
            let outcome = if step && (maybe_started || self.must_look_first(&effect)) {
                Outcome::Unknown
            } else if !self.state.awaited().contains(&effect.id) {
                Outcome::Refused { gate: "restart".into(), why: "nobody waits for it any more".into() }
            } else {
                again.push(effect);
                continue;
            };
            self.decide(Input::Done { effect: effect.id, outcome });
        }
        again
    }

    /// Whether a step that was certainly not tried must not simply be tried now: all fixes are paused, the operator's word
    /// has become another one, or its plan is old.
    fn must_look_first(&self, effect: &Effect) -> bool {
        let incident = self.state.incidents.get(&effect.incident);
        let Some((incident, run)) = incident.and_then(|i| Some((i, i.run.as_ref()?))) else { return true };
        let forbidden = || {
            let rule = self.live.rules.rules.get(&incident.rule)?;
            gate::ask_again(&self.state, &self.world(), rule, incident, run.stage.plan()?)
        };
        self.state.paused.is_some() || run.started + STALE < clock::now() || forbidden().is_some()
    }

    fn world(&self) -> World<'_> {
        let (rules, assets) = (&self.live.rules, &self.live.assets);
        World { rules, assets, policy: &self.policy, now: clock::now(), host: &self.host }
    }

    fn decide(&mut self, input: Input) -> Reply {
        let now = clock::now();
        let world =
            World { rules: &self.live.rules, assets: &self.live.assets, policy: &self.policy, now, host: &self.host };
        step(&mut self.state, &world, input, &mut self.journal)
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Scanned(scanned) => self.scanned(*scanned),
            Message::Notice(notice) => {
                self.counts.notice(&notice);
                self.decide(Input::Notice(notice));
                self.tell_ready();
            }
            Message::Done(effect, outcome) => {
                self.counts.tries.came_back(&self.state, &effect, &outcome, clock::now());
                self.decide(Input::Done { effect, outcome });
            }
            Message::Drafted { request, answer } => {
                let (rules, assets, now) = (&self.live.rules, &self.live.assets, clock::now());
                let world = World { rules, assets, policy: &self.policy, now, host: &self.host };
                // A form that went away is no concern of ours; what was set off goes on.
                let _ = answer.send(drafted(&mut self.state, &world, &request, &mut self.journal));
            }
            Message::Reloaded(live) => {
                self.live = live;
                (self.counts.reload, self.counts.load) = (None, None);
                self.decide(Input::Reloaded);
            }
            Message::ReloadFailed(why) => {
                self.counts.reload_failures += 1;
                self.counts.reload = Some(why);
            }
        }
    }

    /// A source that is missing or fails cannot be waited for.
    fn tell_ready(&mut self) {
        let listens = |source: &SourceView| source.live_since.is_some() || source.health != Health::Ok;
        if self.ready.is_some() && self.state.sources.values().all(listens) {
            // Whoever waited may have had enough.
            let _ = self.ready.take().map(|ready| ready.send(()));
        }
    }

    fn scanned(&mut self, scanned: Scanned) {
        self.counts.block(&scanned);
        let now = clock::now();
        let world =
            World { rules: &self.live.rules, assets: &self.live.assets, policy: &self.policy, now, host: &self.host };
        for finding in scanned.findings.iter() {
            found(&mut self.state, &world, &finding, &mut self.journal);
        }
        // They are decided: there is room for others.
        drop(scanned.held);
        if let Some(checkpoint) = scanned.checkpoint {
            self.batch.checkpoints.insert((checkpoint.source.clone(), checkpoint.stream.clone()), checkpoint);
        }
        self.batch.acks.extend(scanned.ack);
    }

    fn answer(&self, asked: Asked, stopping: bool) {
        // A reader that went away is no concern of ours.
        match asked {
            Asked::Report(answer) => drop(answer.send(Report::of(self, stopping))),
            Asked::Outlook(incident, answer) => {
                let outlook = |incident| Outlook::of(&self.state, &self.world(), incident);
                drop(answer.send(self.state.incidents.get(&incident).map(outlook)));
            }
        }
    }

    fn obey(&mut self, order: Order) {
        if let Some(reply) = self.decide(Input::Command { by: order.by, command: order.command }) {
            self.batch.answers.push((order.answer, reply));
        }
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

    /// Begins the probes that were just asked for. They need not be stored first: nothing happens twice by them. While the
    /// engine stops they are stored and stay where they are, like every effect.
    fn look(&mut self, inbox: &Inbox) {
        if inbox.closing.is_cancelled() {
            return;
        }
        for effect in self.journal.looks() {
            self.counts.effects += 1;
            self.out.perform(effect);
        }
    }

    /// How long the loop may sleep.
    fn patience(&self) -> Duration {
        let lazy = self.batch.since.map(|since| LAZY.saturating_sub(since.elapsed()));
        let looking = self.batch.looking.map(|since| LOOK.saturating_sub(since.elapsed()));
        let world = self.world();
        let timer = wake_at(&self.state, &world).map(|at| at.since(world.now).max(Duration::from_millis(1)));
        lazy.into_iter().chain(looking).chain(timer).min().unwrap_or(RETENTION_EVERY).min(RETENTION_EVERY)
    }

    /// Stores the batch, however long it takes, then does what it asks for.
    async fn commit(&mut self, inbox: &mut Inbox) -> Result<(), GaveUp> {
        let (changes, effects) = self.journal.take(&mut self.state);
        let mut batch = std::mem::take(&mut self.batch);
        let checkpoints: Vec<Checkpoint> = batch.checkpoints.into_values().collect();
        if !changes.is_empty() || !checkpoints.is_empty() {
            let mut tries = Tries::default();
            while let Err(error) = self.store.commit(&changes, &checkpoints) {
                for (answer, reply) in batch.answers.drain(..) {
                    // Nobody should wait for a disk that is full for hours.
                    let _ = answer.send(reply.map(|text| unstored(&text, &error.to_string())));
                }
                if !self.wait(&error, &mut tries, inbox).await {
                    tracing::error!(
                        "stopping with undecided input; it is read again from the checkpoints at the next start"
                    );
                    return Err(GaveUp);
                }
            }
            self.counts.commits += 1;
            self.works_again();
        }
        self.out.show(&changes);
        for ack in batch.acks {
            ack.stored();
        }
        for (answer, reply) in batch.answers {
            // An operator who went away has still been obeyed.
            let _ = answer.send(reply);
        }
        self.dispatch(effects, inbox).await;
        Ok(())
    }

    /// Has effects performed that are stored. While the engine stops they stay where they are.
    async fn dispatch(&mut self, effects: Vec<Effect>, inbox: &mut Inbox) {
        for effect in effects {
            if inbox.closing.is_cancelled() {
                return;
            }
            let marked = match self.halted(&effect) {
                Some(refused) => Ok(Marked::Refused(refused)),
                None => self.mark(&effect, inbox).await,
            };
            match marked {
                Ok(Marked::Done) => {
                    self.counts.effects += 1;
                    self.out.perform(effect);
                }
                Ok(Marked::Refused(outcome)) => _ = self.decide(Input::Done { effect: effect.id, outcome }),
                Ok(Marked::Stopping) => return,
                // Not marked means not tried. The rest of the plan waits for an answer, so it gets one.
                Err(error) => {
                    let why = format!("mark `{}` as started: {error}", effect.act.describe());
                    let outcome = Outcome::Refused { gate: "store".into(), why };
                    self.decide(Input::Done { effect: effect.id, outcome });
                }
            }
        }
    }

    /// What a step is refused with that was decided before the pause that is in force now.
    fn halted(&self, effect: &Effect) -> Option<Outcome> {
        let incident = self.state.incidents.get(&effect.incident).filter(|_| effect.act.changes_world())?;
        self.state.paused.as_ref()?;
        let why = gate::halted(&self.state, &self.world(), &incident.asset)?;
        Some(Outcome::Refused { gate: gate::PAUSE.into(), why })
    }

    /// Notes that a step is about to be tried, however long it takes.
    async fn mark(&mut self, effect: &Effect, inbox: &mut Inbox) -> Result<Marked, StoreError> {
        let mut tries = Tries::default();
        while effect.act.changes_world() {
            match self.store.started(&effect.id) {
                Ok(()) => {
                    self.works_again();
                    break;
                }
                Err(error) if error.is_passing() => {
                    if !self.wait(&error, &mut tries, inbox).await || inbox.closing.is_cancelled() {
                        return Ok(Marked::Stopping);
                    }
                    if let Some(refused) = self.halted(effect) {
                        return Ok(Marked::Refused(refused));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Marked::Done)
    }

    /// The time that is believed at the start: what was stored last tells.
    fn lapse(&self) -> Lapse {
        let newest = self.store.newest_entries(1).ok().and_then(|entries| Some(entries.last()?.entry.at));
        Lapse::since(newest, clock::now())
    }

    /// Removes what is too old, by a clock that is so much ahead of the time that is believed; `true`: there is more.
    fn retain(&mut self, now: Timestamp, ahead: Duration) -> bool {
        match self.store.retain(now, &self.retention.longer_by(ahead)) {
            Ok(removed) => {
                tracing::debug!(?removed, "removed what is too old");
                removed.more
            }
            Err(error) => {
                tracing::warn!(%error, "could not remove what is too old; it is tried again in an hour");
                false
            }
        }
    }
}

/// What became of the mark of an effect.
enum Marked {
    /// It stands, or none is needed: it may be performed.
    Done,
    /// It is not to be performed.
    Refused(Outcome),
    /// The engine stops.
    Stopping,
}

#[cfg(test)]
mod tests;
