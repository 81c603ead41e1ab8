//! The world in which the process dies: what it reads, what it does, and what must be true in the end.
//!
//! Start at [`Scene::live`] and [`Scene::check`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use heinzel_core::block::{Block, Shape};
use heinzel_core::effect::Act;
use heinzel_core::incident::Status;
use heinzel_core::parse::Format;
use heinzel_core::plan::Action;
use heinzel_core::policy::{Breaker, Budget, Mode, Rate};
use heinzel_core::probe::{Fact, Probe};
use heinzel_core::step::Command;
use heinzel_core::time::{Span, Timestamp};
use heinzel_store::lock::Lock;
use heinzel_store::sqlite::{Options, Sqlite};
use heinzel_store::{Filter, Progress};
use jiff::tz::TimeZone;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::*;
use super::fault::{Fault, FaultPlan, Faulty, Side};
use crate::pipeline::{Candidates, Lane, Manner};
use crate::run::state_of;

/// What the source reads, block by block: a block may hold nothing but a checkpoint.
const LOG: [&str; 7] =
    ["job 1 failed\n", "all is well\n", "job 2 failed\njob 3 failed\n", "", "alarm 1 rings\n", "all is well\n", ""];

/// A fix of two steps, of which only what is missing is done; a rule without one only tells.
const RULES: [(&str, &str); 2] = [
    (
        "job",
        r#"#{
    title: "a job failed",
    severity: "high",
    match: [`^job (?<id>\d+) failed$`],
    fields: #{ id: "int" },
    asset: |e| "job:" + e.id,
    probe: |i| #{ job: probe.command(["/seen", "" + i.id],
        #{ pattern: `^job is (?<state>failed|mended|tidy)$`, fields: #{ state: "enum(failed,mended,tidy)" } }) },
    fix: |i, facts| {
        let id = "" + i.id;
        let steps = [step.command(["/mend", id]).timeout("20ms"), step.command(["/tidy", id]).timeout("20ms")];
        switch facts.job.state { "failed" => steps, "mended" => [steps[1]], _ => [] }
    },
    verify: |i, facts| [check.command(["/seen", "" + i.id])],
    within: "1s",
    stable: "0s",
    cooldown: "1s",
}"#,
    ),
    (
        "alarm",
        r#"#{
    title: "an alarm rings",
    severity: "high",
    match: [`^alarm (?<id>\d+) rings$`],
    fields: #{ id: "int" },
    asset: |e| "alarm:" + e.id,
}"#,
    ),
];

pub(super) fn live() -> Arc<Live> {
    static LIVE: OnceLock<Arc<Live>> = OnceLock::new();
    let load = || {
        let folder = tempfile::tempdir().unwrap();
        let pack = folder.path().join("x");
        fs::create_dir_all(pack.join("samples")).unwrap();
        fs::write(pack.join("pack.toml"), "name = \"x\"\nversion = \"1.0.0\"\nmin_engine = \"0.1.0\"\n").unwrap();
        for (name, text) in RULES {
            fs::write(pack.join(format!("{name}.rhai")), text).unwrap();
            let line = if name == "job" { "job 1 failed" } else { "alarm 1 rings" };
            fs::write(
                pack.join(format!("samples/{name}.toml")),
                format!("[[sample]]\nline = \"{line}\"\nfires = true\n"),
            )
            .unwrap();
        }
        let (mut live, problems) = Live::load(&[folder.path().to_owned()], None);
        let errors: Vec<String> = problems.iter().filter(|p| p.is_error()).map(ToString::to_string).collect();
        assert_eq!(errors, Vec::<String>::new());
        // Shorter than a rule may say, because hundreds of lives wait for it.
        for rule in live.rules.rules.values_mut() {
            Arc::make_mut(rule).patience.within = Duration::from_millis(20);
        }
        Arc::new(live)
    };
    LIVE.get_or_init(load).clone()
}

pub(super) fn policy() -> Policy {
    let many = Rate { count: 1000, within: Span::seconds(3600) };
    let mut policy = Policy {
        modes: BTreeMap::from([("*".into(), Mode::Auto)]),
        budget: Budget { rule: many, asset: many, host: many },
        breaker: Breaker { failures: many, demote: many, spread: many.count },
        max_rounds: 100,
        ..Policy::default()
    };
    for program in ["/seen", "/mend", "/tidy"] {
        policy.allow.commands.push(vec![program.into(), "*".into()]);
    }
    policy
}

/// Where the "process" dies while an effect is performed: at the nth, before or after it is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Death {
    pub(super) nth: u64,
    pub(super) side: Side,
}

/// What outlives a process.
#[derive(Debug, Default)]
pub(super) struct World {
    /// What was done: `mend 1`.
    pub(super) done: Vec<String>,
    /// Which people were told.
    told: u64,
    /// Effects performed in this life, and where it ends.
    performed: u64,
    death: Option<Death>,
    died: bool,
    /// How many blocks the source was told are stored.
    acked: usize,
    /// What this life knows of the store: incidents that are not at their end, effects without an outcome.
    unsettled: BTreeSet<u64>,
    unfinished: BTreeSet<EffectId>,
    opened: usize,
    /// The engine said that the store takes nothing.
    pub(super) trouble: Option<String>,
    /// Asks again at once, so that no moment of trouble passes unseen, however busy the machine is.
    pub(super) always_asks: bool,
    /// Then the source hands over one more block, and the engine is stopped.
    pub(super) stop_in_trouble: bool,
    /// Then an operator speaks, the store takes everything again, and the engine is stopped: what was answered, and how much
    /// had been done by then.
    pub(super) order_in_trouble: Option<Command>,
    pub(super) ordered: Option<(Said, usize)>,
}

/// The world and what this life of the engine is connected to it with.
#[derive(Clone)]
pub(super) struct Hand {
    world: Arc<Mutex<World>>,
    inbox: mpsc::Sender<Message>,
    stop: CancellationToken,
}

impl Hand {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The source hands over the next block, once the one before is stored.
    fn feed(&self, number: usize) {
        let Some(text) = LOG.get(number) else { return self.end_if_settled() };
        let manner = Manner { format: Format::Auto, zone: TimeZone::UTC, year: None, program: None, customers: false };
        let block = Block {
            source: "log".into(),
            stream: "log".into(),
            offset: 0,
            bytes: text.as_bytes().to_vec(),
            shape: Shape::Lines,
            checkpoint: None,
            read_at: clock::now(),
            ack: None,
        };
        let scanned = Lane::new("log".into(), manner).way(&live(), &block.stream, &block.shape).read(
            &block,
            false,
            &mut Candidates::default(),
        );
        let hand = self.clone();
        // One of the source's streams comes with the second block and goes with the sixth.
        let checkpoint = match number {
            1 => Checkpoint { source: "log".into(), stream: "other".into(), state: "there".into() },
            5 => Checkpoint { source: "log".into(), stream: "other".into(), state: "".into() },
            _ => Checkpoint { source: "log".into(), stream: "log".into(), state: (number + 1).to_string().into() },
        };
        let ack = Ack::new(move || {
            if !matches!(number, 1 | 5) {
                hand.world().acked = number + 1;
            }
            hand.feed(number + 1);
        });
        let scanned = Scanned {
            source: "log".into(),
            findings: scanned.findings,
            refused: scanned.refused,
            complaints: Vec::new(),
            bytes: text.len() as u64,
            candidates: scanned.candidates,
            checkpoint: Some(checkpoint),
            ack: Some(ack),
            held: None,
        };
        self.inbox.try_send(Message::Scanned(Box::new(scanned))).unwrap();
    }

    /// Somebody who always wants to know how it is.
    async fn watch(self, ask: mpsc::Sender<Asked>, orders: mpsc::Sender<Order>, plan: Arc<Mutex<FaultPlan>>) {
        loop {
            let (answer, wait) = oneshot::channel();
            if ask.send(Asked::Report(answer)).await.is_err() {
                return;
            }
            let Ok(report) = wait.await else { return };
            if report.store_problem.is_some() {
                let first = self.world().trouble.replace(report.store_problem.unwrap_or_default()).is_none();
                let order = self.world().order_in_trouble.clone().filter(|_| first);
                if let Some(command) = order {
                    let (answer, wait) = oneshot::channel();
                    orders.send(Order { by: "kim".into(), command, answer }).await.ok().unwrap();
                    let said = wait.await.unwrap();
                    let mut world = self.world();
                    world.ordered = Some((said, world.done.len()));
                    plan.lock().unwrap().faults.clear();
                    self.stop.cancel();
                }
                if first && self.world().stop_in_trouble {
                    self.feed(LOG.len() - 1);
                    self.stop.cancel();
                }
            }
            let always_asks = self.world().always_asks;
            if !always_asks {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    fn end_if_settled(&self) {
        let world = self.world();
        let all = world.acked == LOG.len() && world.opened == 4;
        if all && world.unsettled.is_empty() && world.unfinished.is_empty() {
            self.stop.cancel();
        }
    }
}

impl Out for Hand {
    fn perform(&mut self, effect: Effect) {
        let mut world = self.world();
        world.performed += 1;
        let nth = world.performed;
        let dies = |side| world.death.is_some_and(|death| death.nth == nth && death.side == side);
        let (before, after) = (dies(Side::Before), dies(Side::After));
        if before {
            world.died = true;
            drop(world);
            panic!("simulated crash before effect {nth}");
        }
        let outcome = match &effect.act {
            Act::Probe { probe: Probe::Command { argv, .. } } => {
                let is_done = |what: &str| world.done.contains(&format!("{what} {}", argv[1]));
                let state = match (is_done("mend"), is_done("tidy")) {
                    (_, true) => "tidy",
                    (true, false) => "mended",
                    (false, false) => "failed",
                };
                let report = json!({ "exit": i32::from(state != "tidy"), "lines": 1, "state": state });
                Outcome::Saw { fact: Fact::Seen { report } }
            }
            Act::Step { step } => {
                let Action::Command { argv } = &step.action else { panic!("{effect:?}") };
                let what = format!("{} {}", argv[0].trim_start_matches('/'), argv[1]);
                world.done.push(what);
                Outcome::Done { detail: "ok".into() }
            }
            Act::Notify { .. } => {
                world.told += 1;
                Outcome::Done { detail: "ok".into() }
            }
            Act::Probe { .. } => panic!("{effect:?}"),
        };
        if after {
            world.died = true;
            drop(world);
            panic!("simulated crash after effect {nth}");
        }
        drop(world);
        // Not all at one time, so that they are decided and stored one by one.
        let (inbox, late) = (self.inbox.clone(), Duration::from_millis(2 * (nth % 5)));
        tokio::spawn(async move {
            tokio::time::sleep(late).await;
            let _ = inbox.send(Message::Done(effect.id, outcome)).await;
        });
    }

    fn show(&mut self, changes: &[Change]) {
        let mut world = self.world();
        for change in changes {
            match change {
                Change::Incident(incident) => world.incident(incident),
                Change::Effect(effect) => {
                    world.unfinished.insert(effect.id.clone());
                }
                Change::EffectOver(id, _) => {
                    world.unfinished.remove(id);
                }
                _ => {}
            }
        }
        drop(world);
        self.end_if_settled();
    }

    fn running(&self) -> Vec<String> {
        Vec::new()
    }
}

impl World {
    fn incident(&mut self, incident: &heinzel_core::incident::Incident) {
        self.opened = self.opened.max(incident.id as usize);
        let told = incident.status == Status::NeedsHuman && incident.notice.is_none();
        if incident.is_resolved() || told {
            self.unsettled.remove(&incident.id);
        } else {
            self.unsettled.insert(incident.id);
        }
    }
}

pub(super) struct Scene {
    folder: TempDir,
    world: Arc<Mutex<World>>,
}

/// What one life of the process saw.
pub(super) struct Life {
    /// It ended by itself, and these are its counters.
    pub(super) counts: Option<Counts>,
    pub(super) plan: Arc<Mutex<FaultPlan>>,
}

impl Scene {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), world: Arc::default() }
    }

    pub(super) fn open(&self) -> Sqlite {
        let options = Options { boot: Some("one".into()), ..Options::default() };
        Sqlite::open(Lock::take(self.folder.path()).unwrap(), &options).unwrap()
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A pump that nobody runs.
    pub(super) fn pump(&self, state: State) -> Pump<Hand> {
        let (inbox, _) = mpsc::channel(1);
        let out = Hand { world: self.world.clone(), inbox, stop: CancellationToken::new() };
        Pump::new(state, live(), policy(), "here".into(), Box::new(self.open()), Retention::default(), out)
    }

    /// One life of the process, from what is stored to its death or its end.
    pub(super) fn live(&self, faults: &[Fault], death: Option<Death>) -> Life {
        let mut store = self.open();
        let restored = state_of(store.load(clock::now() - Duration::from_secs(86_400)).unwrap());
        let read = restored.checkpoints.iter().find(|c| &*c.stream == "log").map_or(0, |c| c.state.parse().unwrap());
        let (inbox, messages) = mpsc::channel(64);
        let ((to_order, orders), (ask, asked)) = (mpsc::channel(1), mpsc::channel(1));
        let (closing, stop) = (CancellationToken::new(), CancellationToken::new());
        let hand = Hand { world: self.world.clone(), inbox, stop: stop.clone() };
        {
            let mut world = hand.world();
            assert!(world.acked <= read, "the source was told of {}, stored is {read}", world.acked);
            (world.performed, world.death, world.died) = (0, death, false);
            world.unsettled.clear();
            for incident in restored.state.incidents.values() {
                world.incident(incident);
            }
            world.unfinished = restored.unfinished.iter().map(|u| u.effect.id.clone()).collect();
            world.acked = world.acked.max(read);
        }
        let plan = FaultPlan::new(faults);
        let store = Box::new(Faulty::new(store, plan.clone()));
        let (host, out) = ("here".to_owned(), hand.clone());
        let pump = Pump::new(restored.state, live(), policy(), host, store, Retention::default(), out);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let ended = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                hand.feed(read);
                tokio::spawn(hand.watch(ask, to_order, plan.clone()));
                let run = pump.run(Inbox { messages, orders, asked, closing, stop }, restored.unfinished);
                tokio::time::timeout(Duration::from_secs(60), run).await
            })
        }));
        // A dead process has died on purpose; anything else is a bug.
        let dead = plan.lock().unwrap_or_else(PoisonError::into_inner).dead || self.world().died;
        match ended {
            Ok(ended) => Life { counts: Some(ended.expect("it does not come to an end").counts), plan },
            Err(panic) if dead => {
                drop(panic);
                Life { counts: None, plan }
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// What must be true in the end, whatever happened on the way.
    pub(super) fn check(&self, what: &str) {
        let store = self.open();
        let incidents = store.incidents(&Filter::default()).unwrap();
        let mut seen: Vec<(String, Status, u64)> =
            incidents.iter().map(|i| (i.asset.clone(), i.status, i.findings)).collect();
        seen.sort();
        let mut expected = vec![("alarm:1".to_owned(), Status::NeedsHuman, 1)];
        expected.extend((1..=3).map(|id| (format!("job:{id}"), Status::Resolved, 1)));
        assert_eq!(seen, expected, "{what}");
        for incident in &incidents {
            for effect in store.effects(incident.id).unwrap() {
                assert!(effect.progress == Progress::Over && effect.result.is_some(), "{what}: {effect:?}");
            }
        }
        let world = self.world();
        let mut done = world.done.clone();
        done.sort();
        assert_eq!(done, ["mend 1", "mend 2", "mend 3", "tidy 1", "tidy 2", "tidy 3"], "{what}");
        assert!(world.told >= 1, "{what}: nobody was told");
        assert_eq!(store.verify_audit(&mut |_, _| {}).unwrap().broken, None, "{what}");
        drop(store);
        let loaded = self.open().load(Timestamp::EPOCH).unwrap();
        assert_eq!(loaded.unfinished, [], "{what}");
        let read: Vec<(&str, &str)> = loaded.checkpoints.iter().map(|c| (&*c.stream, &*c.state)).collect();
        assert_eq!(read, [("log", "7")], "{what}");
    }
}
