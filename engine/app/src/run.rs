//! `heinzel run`: one straight function from the configuration to the last flush.
//!
//! Stopping goes in the order of the data: sources, scanner, running effects, pump, store; each with a name and a deadline.
//! An operator is heard, and told what is still running, until nothing runs any more.
//! A second signal ends at once; nothing is lost by that, because the store is always ahead of what was done.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use heinzel_act::Hands;
use heinzel_core::asset::Asset;
use heinzel_core::block::{Checkpoint, Health, Notice, SourceId};
use heinzel_core::gate;
use heinzel_core::state::{REMEMBERED, SourceView, State};
use heinzel_core::step::World;
use heinzel_script::problem::Problem;
use heinzel_source::outlet::Outlet;
use heinzel_source::settings::{Followed, Kind, Source};
use heinzel_store::customers::Customers;
use heinzel_store::sqlite::{Options, RESERVE, Sqlite};
use heinzel_store::{Loaded, Retention, Store as _, Unfinished};
use jiff::tz::TimeZone;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::board::Board;
use crate::config::Config;
use crate::console::{Console, Show};
use crate::exit::{Ends, Exit};
use crate::learning::Learning;
use crate::live::Live;
use crate::performer::{Performer, Running};
use crate::pipeline::Manner;
use crate::pump::{Inbox, Message, Pump};
use crate::scanner::{Current, Scanner};
use crate::service::Service;
use crate::text::count;
use crate::watch::{Reload, Swap};
use crate::{clock, control, doubts, front, in_order, server, state_folder, strays};

/// From so many bytes on the logs are known well enough to give advice.
const LEARNED: u64 = 1 << 20;
/// How far back resolved incidents and started fixes are loaded: as long as any reopen window or budget may be.
pub(crate) const RECENT: Duration = REMEMBERED;
/// Blocks between sources and scanner. Each has at most about 1 MiB, so this bounds the memory of what is read ahead.
const BLOCKS: usize = 8;
/// Messages between scanner, effects and pump.
const MESSAGES: usize = 256;
/// How long running effects may go on when stopping.
const FAREWELL: Duration = Duration::from_secs(20);

/// Runs until told to stop.
pub(crate) fn run(config: Config, json: bool) -> anyhow::Result<Exit> {
    start_log(json);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("heinzel")
        .enable_all()
        .build()
        .context("start the runtime")?;
    let exit = runtime.block_on(Box::pin(daemon(config, json)));
    // A thread that hangs in a foreign file system must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(2));
    exit
}

fn start_log(json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("HEINZEL_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    // Set once a process; a second try can only come from a test.
    let _ = if json { builder.json().try_init() } else { builder.with_target(false).try_init() };
}

/// From the configuration to the last flush. Long, because the order of starting and stopping is all that it says, and is read
/// in one piece.
async fn daemon(config: Config, json: bool) -> anyhow::Result<Exit> {
    let config = Arc::new(config);
    // From here on a signal ends the engine in good order, also one that comes while it starts.
    let mut signals = Signals::listen()?;
    // The store first: without it nothing may happen.
    let lock = state_folder::lock(&config.state)?;
    let anchor = lock.anchor().clone();
    let mut store =
        Sqlite::open(lock, &Options { boot: heinzel_store::boot::current(), reserve: RESERVE, ..Options::default() })?;
    let mut restored = state_of(store.load(clock::now() - RECENT)?);
    // Known before they speak: the silence of one that has not reported yet proves nothing.
    for source in &config.sources {
        let forgets = matches!(source.kind, Kind::Syslog(_) | Kind::Exec(_) | Kind::Push(_));
        restored.state.sources.insert(source.common.name.clone(), SourceView { forgets, ..SourceView::new() });
    }

    // The rules: what is sound counts, what is not is said.
    let learning = Arc::new(Learning::open(&config.state));
    let (live, problems) = Live::after(&Live::default(), &config.rules, config.assets.as_deref(), learning.advice());
    for problem in problems.iter().filter(|p| p.is_error()) {
        tracing::error!("{problem}");
    }
    // Without the asset file nobody would know what is protected.
    if let Some(problem) = problems.iter().find(|p| p.is_error() && config.assets.as_ref() == Some(&p.file)) {
        return Err(Ends::with(Exit::Wrong, format!("the assets cannot be used:\n{problem}")));
    }
    let errors = problems.iter().filter(|p| p.is_error()).count();
    // Who is asked by the ticket form remembers customers, and which assets the shop says are theirs.
    let bound = server::bind(&config).await?;
    let customers = match &bound {
        Some(_) => Some(Arc::new(Customers::open(&config.state)?)),
        None => None,
    };
    let sent: Vec<Asset> = match &customers {
        Some(customers) => customers.assets()?.into_iter().map(|one| one.asset).collect(),
        None => Vec::new(),
    };
    let live = Arc::new(live.knowing(&sent));
    let current = Current::new(live.clone());

    // The way of a line: sources → scanner → pump → effects → pump.
    let (to_scanner, from_sources) = mpsc::channel(BLOCKS);
    let (to_pump, from_all) = mpsc::channel::<Message>(MESSAGES);
    let (ask, asked) = mpsc::channel(MESSAGES);
    let (to_order, orders) = mpsc::channel(MESSAGES);
    let (stop_sources, stop_control, stop_pump) =
        (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
    let running = Running::default();
    let effects = TaskTracker::new();
    // Before anything is read: a start that fails here has done nothing.
    let listener = control::listen(&state_folder::socket(&config.state))?;
    let hands = Hands::new(&config.act, &config.policy).map_err(|e| Ends::with(Exit::Wrong, e.to_string()))?;
    let console = Console::start(if json { Show::Json } else { Show::Text }).context("start the console")?;
    let board = Arc::new(Board::new(restored.state.incidents.values()));
    let (tasks, closing) = (effects.clone(), stop_sources.clone());
    let performer = Performer::new(hands, to_pump.clone(), tasks, console, board.clone(), running.clone(), closing);
    let retention =
        Retention { incidents: config.store.incidents.0, audit: config.store.audit.0, ..Retention::default() };
    let modes = modes(&restored.state, &live, &config, &host_name());
    let mut pump = Pump::new(
        restored.state,
        live.clone(),
        config.policy.clone(),
        host_name(),
        Box::new(store),
        retention,
        performer,
    );
    pump.counts.started = Some(clock::now());
    if errors > 0 {
        pump.counts.load = Some(load_problem(&live, errors));
    }
    let (listens, ready) = tokio::sync::oneshot::channel();
    pump.ready = Some(listens);
    let inbox = Inbox { messages: from_all, orders, asked, closing: stop_sources.clone(), stop: stop_pump.clone() };
    let pump = spawn_pump(pump, inbox, restored.unfinished)?;

    let manners = config.sources.iter().map(|s| Ok((s.common.name.clone(), manner(s)?)));
    let manners: BTreeMap<SourceId, Manner> = manners.collect::<anyhow::Result<_>>()?;
    let scanner = Arc::new(Scanner::new(to_pump.clone(), current.clone(), manners, learning.clone()));
    let to_scanner = Outlet::new(to_scanner, scanner.clone());
    let scan = move || scanner.run(from_sources, in_order::threads());
    let scanner = std::thread::Builder::new().name("scanner".into()).spawn(scan).context("start the scanner")?;
    announce(&config, &live, &modes, &problems);
    let awaits_rules = errors > 0 && live.rules.rules.is_empty();
    let sources = TaskTracker::new();
    let followed = Followed::default();
    for mut source in config.sources.iter().cloned() {
        if let Kind::File(file) = &mut source.kind {
            file.followed = followed.clone();
        }
        let known: Vec<Checkpoint> =
            restored.checkpoints.iter().filter(|c| c.source == source.common.name).cloned().collect();
        // While there was never a rule, nothing could be found in what is read, and it would not be read again.
        if awaits_rules {
            let why = "not read yet: no rule could be loaded".to_owned();
            let notice =
                Notice::Health { source: source.common.name.clone(), stream: None, health: Health::Degraded { why } };
            // The loop is gone only when the engine stops.
            let _ = to_pump.send(Message::Notice(notice)).await;
            let (current, out, stop) = (current.clone(), to_scanner.clone(), stop_sources.clone());
            sources.spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = current.has_rules() => {}
                }
                // Its supervisor panics on no input; who stops waits for it.
                let _ = heinzel_source::spawn(source, known, out, Arc::new(clock::now), stop).await;
            });
            continue;
        }
        let run = heinzel_source::spawn(source, known, to_scanner.clone(), Arc::new(clock::now), stop_sources.clone());
        sources.spawn(async move { drop(run.await) });
    }
    let swap = Swap::new(&current, &to_pump, &learning, &config.policy, sent);
    let front =
        customers.map(|customers| front::open(&config, customers, &board, &current, &swap, &to_pump, &to_order));
    let front = front.transpose()?;
    let http = bound.zip(front.as_ref()).map(|(bound, front)| {
        bound.open(to_scanner.clone(), ask.clone(), front.desk.clone(), awaits_rules, stop_sources.clone())
    });
    let edited = config.origin.clone().watch();
    let reload = Reload::start(&config.rules, config.assets.as_deref(), &swap);
    let advice = tokio::spawn(advise(swap, learning.clone()));
    let service =
        Service::from_environment().map(|service| tokio::spawn(service.keep(ready, ask.clone(), stop_sources.clone())));
    let forget = front::forgetting(front.as_ref().map(|front| front.desk.clone()), &config.state, &to_order);
    let ways = control::Ways { orders: to_order, ask, config: config.clone(), forget };
    let control = tokio::spawn(control::serve(listener, anchor, ways, stop_control.clone()));

    // Without its loop the engine would look alive and do nothing; whoever started it starts it again.
    let broke = tokio::select! {
        () = signals.next() => None,
        () = to_pump.closed() => Some("the loop that decides"),
        () = to_scanner.closed() => Some("the scanner"),
    };
    drop(to_scanner);
    match broke {
        None => tracing::info!("stopping; a second signal ends at once"),
        Some(what) => tracing::error!("{what} has failed, which is a bug; stopping"),
    }
    tokio::spawn(async move {
        signals.next().await;
        std::process::exit(Exit::Broke as i32);
    });
    drop((reload, edited));
    drop(front);
    advice.abort();
    stop_sources.cancel();
    sources.close();
    within("sources", Duration::from_secs(10), sources.wait()).await;
    if let Some(http) = http {
        within("HTTP", Duration::from_secs(5), http).await;
    }
    within("scanner", Duration::from_secs(10), tokio::task::spawn_blocking(move || scanner.join().is_ok())).await;
    effects.close();
    if tokio::time::timeout(FAREWELL, effects.wait()).await.is_err() {
        for running in running.words() {
            tracing::warn!(
                "{running}: still running after {} s; stopping without it. At the next start its checks decide what became of it",
                FAREWELL.as_secs()
            );
        }
    }
    // Until here an operator is heard and told what is waited for.
    stop_control.cancel();
    within("control", Duration::from_secs(5), control).await;
    stop_pump.cancel();
    drop(to_pump);
    within("pump", Duration::from_secs(15), tokio::task::spawn_blocking(move || pump.join().is_ok())).await;
    if let Some(service) = service {
        within("the service manager", Duration::from_secs(2), service).await;
    }
    learning.store();
    tracing::info!("stopped");
    Ok(if broke.is_some() { Exit::Broke } else { Exit::Ok })
}

/// Lets the rules be searched for as this machine's logs advise: when something has been learned, and then once a day.
async fn advise(swap: Swap, learning: Arc<Learning>) {
    let mut looked = tokio::time::interval(Duration::from_secs(600));
    let mut next = tokio::time::Instant::now();
    loop {
        looked.tick().await;
        if learning.seen() < LEARNED || tokio::time::Instant::now() < next {
            continue;
        }
        next = tokio::time::Instant::now() + Duration::from_secs(86_400);
        let (swap, learning) = (swap.clone(), learning.clone());
        let work = move || {
            learning.store();
            swap.advise();
        };
        if tokio::task::spawn_blocking(work).await.is_err() {
            tracing::warn!(
                "searching as the logs advise has failed, which is a bug; the rules are searched for as before"
            );
        }
    }
}

/// The pump has a thread of its own: it waits for the disk, and nothing else may wait for that.
fn spawn_pump(
    pump: Pump<Performer>,
    inbox: Inbox,
    unfinished: Vec<Unfinished>,
) -> anyhow::Result<std::thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Handle::current();
    let run = move || {
        runtime.block_on(Box::pin(pump.run(inbox, unfinished)));
    };
    std::thread::Builder::new().name("pump".into()).spawn(run).context("start the pump")
}

async fn within<T>(what: &'static str, limit: Duration, end: impl Future<Output = T>) {
    if tokio::time::timeout(limit, end).await.is_err() {
        tracing::warn!(what, limit_s = limit.as_secs(), "did not stop in time; going on without it");
    }
}

/// What asks the engine to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    /// Somebody watches it run; when their terminal closes, it stops.
    is_watched: bool,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
        let interrupt = signal(SignalKind::interrupt()).context("listen for SIGINT")?;
        let hangup = signal(SignalKind::hangup()).context("listen for SIGHUP")?;
        let is_watched = std::io::stdin().is_terminal() || std::io::stderr().is_terminal();
        Ok(Self { terminate, interrupt, hangup, is_watched })
    }

    /// The next one, also one that has come since listening began.
    async fn next(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => {}
            }
            if self.is_watched {
                return;
            }
            // Many daemons read their settings anew on it. To end here would leave the machine without an engine: for
            // systemd that is an end in good order, after which nothing is started again.
            tracing::warn!(
                "SIGHUP does nothing here: rules and assets count as soon as they are written, an edit of heinzel.toml after a restart"
            );
        }
    }
}

/// What a start goes on from.
pub(crate) struct Restored {
    pub(crate) state: State,
    pub(crate) checkpoints: Vec<Checkpoint>,
    pub(crate) unfinished: Vec<Unfinished>,
}

/// The engine's state from what was stored.
pub(crate) fn state_of(loaded: Loaded) -> Restored {
    for complaint in &loaded.complaints {
        tracing::error!("store: {complaint}");
    }
    let mut state = State::from_parts(loaded.incidents, loaded.last_incident);
    state.windows = loaded.windows;
    state.rules = loaded.rules;
    state.fixes = loaded.fixes;
    state.paused = loaded.paused;
    Restored { state, checkpoints: loaded.checkpoints, unfinished: loaded.unfinished }
}

/// How a source's lines are to be read.
pub(crate) fn manner(source: &Source) -> anyhow::Result<Manner> {
    let common = &source.common;
    let zone = match common.zone.as_deref() {
        None => TimeZone::system(),
        Some(name) => TimeZone::get(name).map_err(|e| {
            let text = format!("source `{}`: timezone `{name}`: {e}; names are like Europe/Berlin", common.name);
            Ends::with(Exit::Wrong, text)
        })?,
    };
    let program = common.program.as_deref().map(ToOwned::to_owned);
    Ok(Manner { format: common.format, zone, year: None, program, customers: common.customers })
}

/// This host's name, where it is a valid one.
pub(crate) fn host_name() -> String {
    let uname = rustix::system::uname();
    let name = uname.nodename().to_string_lossy();
    if heinzel_core::field::FieldType::Host.accept(&name).is_ok() { name.into_owned() } else { "localhost".into() }
}

/// What a source reads, in a few words.
fn what(kind: &Kind) -> String {
    match kind {
        Kind::File(file) => file.paths.join(", "),
        Kind::Journald(journal) if journal.units.is_empty() => "the journal".into(),
        Kind::Journald(journal) => format!("the journal of {}", journal.units.join(", ")),
        Kind::Syslog(syslog) => format!("syslog on {:?}", syslog.listen),
        Kind::Exec(exec) => format!("the lines of {}", heinzel_core::plan::quote(&exec.argv)),
        Kind::Proxmox(proxmox) => format!("Proxmox VE tasks in {}", proxmox.folder.display()),
        Kind::TaskLines(tasks) => format!("tasks in {}", tasks.path.display()),
        Kind::Cron(cron) => {
            cron.path.as_ref().map_or("cron in the journal".into(), |p| format!("cron in {}", p.display()))
        }
        Kind::Push(_) => "events posted to /v1/events".into(),
    }
}

/// How many rules have which mode: `3 observe, 1 auto`.
fn modes(state: &State, live: &Live, config: &Config, host: &str) -> String {
    let (rules, assets, policy) = (&live.rules, &live.assets, &config.policy);
    let world = World { rules, assets, policy, now: clock::now(), host };
    let mut modes: BTreeMap<&str, usize> = BTreeMap::new();
    for rule in live.rules.rules.keys() {
        *modes.entry(gate::mode_of(state, &world, rule).word()).or_default() += 1;
    }
    modes.iter().map(|(mode, count)| format!("{count} {mode}")).collect::<Vec<_>>().join(", ")
}

/// Says what is watched and how far rules may go.
fn announce(config: &Config, live: &Live, modes: &str, problems: &[Problem]) {
    let from = config
        .file
        .as_deref()
        .map_or("no configuration: this machine's own logs".into(), |f: &Path| f.display().to_string());
    tracing::info!("{from}; store in {}", config.state.display());
    for source in &config.sources {
        tracing::info!("watching {}: {}", source.common.name, what(&source.kind));
    }
    if config.sources.is_empty() {
        tracing::warn!(
            "nothing to watch: no source is configured and no known log was found; `heinzel init` writes a configuration"
        );
    }
    let packs = if live.packs.is_empty() {
        format!("no packs in {}", crate::text::folders(&config.rules))
    } else {
        live.packs.join(", ")
    };
    let modes = if modes.is_empty() { String::new() } else { format!(" ({modes})") };
    tracing::info!("{}{modes} in {packs}", count(live.rules.rules.len(), "rule"));
    if let Some(doubt) = doubts::no_packs(config, live, problems) {
        tracing::warn!("{}", doubt.text());
    }
    let errors = problems.iter().filter(|p| p.is_error()).count();
    strays::log(&config.policy, live, problems);
    if errors > 0 {
        tracing::error!("{}", load_problem(live, errors));
    }
}

/// What it means that not all rules could be loaded.
fn load_problem(live: &Live, errors: usize) -> String {
    let errors =
        format!("{} when the rules were loaded at the start (`heinzel check` shows them)", count(errors, "error"));
    if live.rules.rules.is_empty() {
        format!(
            "{errors}: there are no rules, and no log is read until there are; it is then read from where it was left"
        )
    } else {
        format!(
            "{errors}: the packs concerned are left out, and nothing is found for them in what is read until they are mended"
        )
    }
}
