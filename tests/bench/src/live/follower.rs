//! The engine's file source and its matcher on a file, as the daemon runs them: source, bounded channel, scanning thread,
//! or the thread that reads where nothing waits.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use heinzel_core::block::{Block, Delivery, Health, Notice, Shape};
use heinzel_core::parse::{self, Format};
use heinzel_matching::Names;
use heinzel_source::outlet::{Outlet, Taker};
use heinzel_source::settings::{Common, File as FileSettings, Kind, Source, Start};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::matching::ours::Ours;

/// Blocks between source and scanner, as in the daemon.
const BLOCKS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(60);

/// A block that was read and matched.
pub struct Read {
    /// Where it ends in the file.
    pub end: usize,
    /// When all of it was matched.
    pub at: Instant,
}

/// Follows a file until it is stopped.
pub struct Follower {
    runtime: Runtime,
    stop: CancellationToken,
    scanner: JoinHandle<anyhow::Result<(Vec<Read>, u64)>>,
    progress: Arc<Progress>,
}

#[derive(Default)]
struct Progress {
    caught_up: AtomicBool,
    bytes: AtomicU64,
}

impl Follower {
    /// Makes the file, and begins to follow it from its beginning. Every block is compared with what will be written.
    pub fn start(file: &Path, ours: Ours, written: Arc<[u8]>) -> anyhow::Result<Self> {
        File::create(file).with_context(|| format!("create {}", file.display()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let stop = CancellationToken::new();
        let (out, inbox) = mpsc::channel(BLOCKS);
        let (queued, found, progress) = (AtomicUsize::new(0), Mutex::default(), Arc::new(Progress::default()));
        let scanner = Arc::new(Scanner { ours, written, queued, found, progress: progress.clone() });
        let out = Outlet::new(out, scanner.clone());
        let common = Common {
            name: "live".into(),
            format: Format::Auto,
            zone: None,
            start: Start::Beginning,
            program: None,
            customers: false,
        };
        let source = Source { common, kind: Kind::File(FileSettings::plain(file)) };
        let told = stop.clone();
        runtime.spawn(async move {
            let now = Arc::new(|| jiff::Timestamp::now().into());
            // It ends when `stop` says so; an error in it is told as the source's health.
            let _ = heinzel_source::spawn(source, Vec::new(), out, now, told).await;
        });
        let scanner = std::thread::Builder::new().name("scanner".into()).spawn(move || scanner.run(inbox))?;
        let follower = Self { runtime, stop, scanner, progress };
        follower.wait("the file to be watched", |progress| progress.caught_up.load(Ordering::Acquire))?;
        Ok(follower)
    }

    /// Waits until so many bytes have been matched.
    pub fn await_bytes(&self, bytes: u64) -> anyhow::Result<()> {
        self.wait("all bytes", |progress| progress.bytes.load(Ordering::Acquire) >= bytes)
    }

    /// Stops; returns the blocks in the order in which they came, and the pairs in them.
    pub fn stop(self) -> anyhow::Result<(Vec<Read>, u64)> {
        self.stop.cancel();
        let found = self.scanner.join().map_err(|_| anyhow::anyhow!("the scanning thread failed"))?;
        self.runtime.shutdown_timeout(PATIENCE);
        found
    }

    fn wait(&self, what: &str, done: impl Fn(&Progress) -> bool) -> anyhow::Result<()> {
        let begin = Instant::now();
        while !done(&self.progress) {
            if self.scanner.is_finished() {
                // Its error comes with `stop`.
                return Ok(());
            }
            if begin.elapsed() > PATIENCE {
                bail!("waited for {what} in vain: {} bytes were matched", self.progress.bytes.load(Ordering::Acquire));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

/// What the daemon's scanner does: it takes blocks from the channel, or from who brings them.
struct Scanner {
    ours: Ours,
    written: Arc<[u8]>,
    queued: AtomicUsize,
    found: Mutex<Found>,
    progress: Arc<Progress>,
}

#[derive(Default)]
struct Found {
    reads: Vec<Read>,
    pairs: u64,
    /// What went wrong where nobody could be told.
    failed: Option<anyhow::Error>,
}

impl Taker for Scanner {
    fn queued(&self) {
        self.queued.fetch_add(1, Ordering::AcqRel);
    }

    fn take(&self, delivery: Delivery) -> Option<Delivery> {
        if self.queued.load(Ordering::Acquire) > 0 {
            return Some(delivery);
        }
        let Ok(mut found) = self.found.try_lock() else { return Some(delivery) };
        if let Err(error) = self.scan(delivery, &mut found) {
            found.failed = Some(error);
        }
        None
    }
}

impl Scanner {
    fn run(&self, mut inbox: mpsc::Receiver<Delivery>) -> anyhow::Result<(Vec<Read>, u64)> {
        while let Some(delivery) = inbox.blocking_recv() {
            let mut found = self.found();
            self.queued.fetch_sub(1, Ordering::AcqRel);
            self.scan(delivery, &mut found)?;
        }
        let Found { reads, pairs, failed } = std::mem::take(&mut *self.found());
        failed.map_or(Ok((reads, pairs)), Err)
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn scan(&self, delivery: Delivery, found: &mut Found) -> anyhow::Result<()> {
        let progress = &self.progress;
        match delivery {
            // Only how far the source has come.
            Delivery::Block(block) if block.bytes.is_empty() => {}
            Delivery::Block(block) => {
                ensure!(block.shape == Shape::Lines, "the file source gave records, not lines");
                found.pairs += pairs(&self.ours, &block);
                let at = Instant::now();
                let next = found.reads.last().map_or(0, |read| read.end);
                ensure!(
                    block.offset == next as u64,
                    "byte {next} was expected, byte {} came: lost or double",
                    block.offset
                );
                let end = next + block.bytes.len();
                ensure!(
                    self.written.get(next..end) == Some(&*block.bytes),
                    "the block at byte {next} is not what was written"
                );
                ensure!(block.bytes.ends_with(b"\n"), "the block at byte {next} ends within a line");
                found.reads.push(Read { end, at });
                progress.bytes.store(end as u64, Ordering::Release);
            }
            Delivery::Notice(Notice::CaughtUp { .. }) => progress.caught_up.store(true, Ordering::Release),
            Delivery::Notice(Notice::Health { health: Health::Degraded { why }, .. }) => bail!("{why}"),
            Delivery::Notice(Notice::Counted { what, times, .. }) => bail!("the source counted {times} {what}"),
            Delivery::Notice(_) => {}
        }
        Ok(())
    }
}

fn pairs(ours: &Ours, block: &Block) -> u64 {
    let mut pairs = 0;
    ours.candidates(&block.bytes, |range, candidates| {
        let text = parse::text(&block.bytes[range]);
        ours.hits(candidates, &text, &Names::default(), |hit| {
            pairs += 1;
            hit.captures().for_each(|capture| drop(std::hint::black_box(capture)));
        });
    });
    pairs
}
