//! Several log files as one stream of findings, the earliest first, read ahead on several threads.
//!
//! Start at [`with`].

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use heinzel_core::block::SourceId;
use heinzel_core::findings::{Claim, Findings};
use heinzel_core::time::Timestamp;

use super::log::{Came, Log, Next, Tally};
use super::presence::Presence;
use crate::in_order::{InOrder, Piece};
use crate::live::Live;
use crate::pipeline::Candidates;

/// Reads the logs on so many threads (one: the caller's) while `merged` asks for their findings.
///
/// # Errors
/// What `merged` returns.
pub(crate) fn with<T>(
    logs: Vec<Log>,
    live: &Arc<Live>,
    presence: &Presence,
    threads: NonZeroUsize,
    merged: impl FnOnce(&mut Merge<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    // Enough that no thread must wait for the other, and little where there are many files.
    let depth = (16 * threads.get()).div_ceil(logs.len().max(1));
    let sources = logs.iter().map(|log| log.source().clone()).collect();
    let queues = logs.iter().map(Queue::new).collect();
    let back = Back { queues, spare: Vec::new(), read: 0, stopped: false };
    let ahead =
        Ahead { live, presence, depth, logs: Mutex::new(logs), back: Mutex::new(back), changed: Condvar::new() };
    let heads = ahead.back().queues.iter().map(|_| None).collect();
    let mut merge = Merge { ahead: &ahead, sources, heads, alone: None };
    if threads.get() == 1 {
        merge.alone = Some(Candidates::default());
        return merged(&mut merge);
    }
    std::thread::scope(|scope| {
        let work = || {
            let _stop = Stop(&ahead);
            let order = InOrder::new(|done: &Done| done.came.as_ref().map_or(0, Came::size), |done| ahead.give(done));
            let take = || ahead.take().map(|(log, piece)| Piece { ticket: order.draw(log), piece, hand_over: true });
            order.run(threads, take, |errand, candidates: &mut Candidates| scan(&ahead, errand, candidates));
        };
        scope.spawn(work);
        let _stop = Stop(&ahead);
        merged(&mut merge)
    })
}

/// The findings of all logs, as far as they are asked for.
pub(crate) struct Merge<'a> {
    ahead: &'a Ahead<'a>,
    sources: Vec<SourceId>,
    /// By log: findings, and how many of them were given. `None`: there are no more.
    heads: Vec<Option<(Findings, usize)>>,
    /// Where there is one thread only, it reads when it needs something.
    alone: Option<Candidates>,
}

/// What is read ahead.
struct Ahead<'a> {
    live: &'a Arc<Live>,
    presence: &'a Presence,
    /// How many blocks of one log are under way or wait at most.
    depth: usize,
    logs: Mutex<Vec<Log>>,
    back: Mutex<Back>,
    /// A block was scanned, or findings were taken away.
    changed: Condvar,
}

struct Back {
    queues: Vec<Queue>,
    /// Memory of blocks that are done with.
    spare: Vec<Vec<u8>>,
    /// Bytes read since it was last asked.
    read: u64,
    stopped: bool,
}

/// What waits of one log.
struct Queue {
    under_way: usize,
    ready: VecDeque<Findings>,
    ended: bool,
    error: Option<anyhow::Error>,
    tally: Tally,
}

/// So many bytes are read at most before it is said how far reading has come.
const TELLING: u64 = 8 << 20;

/// A block to be scanned, of the log with this number.
struct Errand {
    log: usize,
    next: io::Result<Next>,
}

struct Done {
    log: usize,
    came: io::Result<Came>,
}

fn scan(ahead: &Ahead<'_>, errand: Errand, candidates: &mut Candidates) -> Done {
    let came = errand.next.and_then(Next::read).map(|(block, way)| {
        ahead.presence.look(&block, &way);
        Came::of(block, &way, candidates)
    });
    Done { log: errand.log, came }
}

impl Queue {
    fn new(log: &Log) -> Self {
        Self { under_way: 0, ready: VecDeque::new(), ended: false, error: None, tally: log.tally() }
    }

    fn ahead(&self) -> usize {
        self.under_way + self.ready.len()
    }
}

impl Ahead<'_> {
    fn back(&self) -> MutexGuard<'_, Back> {
        self.back.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next block of the log of which the least is there. Waits for one that may be read on.
    fn take(&self) -> Option<(usize, Errand)> {
        let mut back = self.back();
        loop {
            if back.stopped || back.queues.iter().all(|queue| queue.ended) {
                return None;
            }
            let open = back.queues.iter().enumerate().filter(|(_, queue)| !queue.ended && queue.ahead() < self.depth);
            match open.min_by_key(|(_, queue)| queue.ahead()).map(|(log, _)| log) {
                None => back = self.changed.wait(back).unwrap_or_else(PoisonError::into_inner),
                Some(log) => {
                    if let Some(errand) = self.read(log, back) {
                        return Some((log, errand));
                    }
                    back = self.back();
                }
            }
        }
    }

    fn read(&self, log: usize, mut back: MutexGuard<'_, Back>) -> Option<Errand> {
        back.queues[log].under_way += 1;
        let spare = back.spare.pop().unwrap_or_default();
        drop(back);
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let next = logs[log].next(self.live, spare).transpose();
        if next.as_ref().is_none_or(Result::is_err) {
            let queue = &mut self.back().queues[log];
            queue.ended = true;
            queue.under_way -= usize::from(next.is_none());
            self.changed.notify_all();
        }
        Some(Errand { log, next: next? })
    }

    fn give(&self, done: Done) -> bool {
        let mut back = self.back();
        let Back { queues, spare, read, stopped } = &mut *back;
        let queue = &mut queues[done.log];
        let was_full = queue.ahead() >= self.depth;
        queue.under_way -= 1;
        let mut is_wanted = was_full || queue.ended;
        match done.came {
            Ok(_) if queue.error.is_some() => {}
            Ok(came) => {
                let (findings, bytes) = queue.tally.add(came);
                *read += bytes.len() as u64;
                spare.push(bytes);
                if !findings.is_empty() {
                    queue.ready.push_back(findings);
                    is_wanted |= queue.ready.len() > self.depth / 2;
                }
            }
            // What comes behind it is not counted, as if nothing were missing.
            Err(error) => {
                queue.error.get_or_insert(queue.tally.failed(error));
                queue.ended = true;
                is_wanted = true;
            }
        }
        // Waking a thread costs as much as scanning a block.
        if is_wanted || *read >= TELLING {
            self.changed.notify_all();
        }
        !*stopped
    }
}

impl Merge<'_> {
    /// Reads on where there is nothing to give. `read` is told how many bytes were read.
    ///
    /// # Errors
    /// When a file cannot be read; the message names it.
    pub(crate) fn fill(&mut self, read: &dyn Fn(u64)) -> anyhow::Result<()> {
        for log in 0..self.heads.len() {
            let is_empty =
                |head: &Option<(Findings, usize)>| head.as_ref().is_none_or(|(all, given)| *given >= all.len());
            if is_empty(&self.heads[log]) {
                self.heads[log] = self.findings(log, read)?.map(|findings| (findings, 0));
            }
        }
        Ok(())
    }

    /// The next findings of one log, at least one. `None`: there are no more.
    fn findings(&mut self, log: usize, read: &dyn Fn(u64)) -> anyhow::Result<Option<Findings>> {
        let mut back = self.ahead.back();
        loop {
            read(std::mem::take(&mut back.read));
            let stopped = back.stopped;
            let queue = &mut back.queues[log];
            let was_full = queue.ahead() >= self.ahead.depth;
            if let Some(findings) = queue.ready.pop_front() {
                if was_full {
                    self.ahead.changed.notify_all();
                }
                return Ok(Some(findings));
            }
            if let Some(error) = queue.error.take() {
                return Err(error);
            }
            if queue.ended && queue.under_way == 0 {
                return Ok(None);
            }
            anyhow::ensure!(!stopped, "reading the logs met a mistake in heinzel itself; please report it");
            back = match &mut self.alone {
                None => self.ahead.changed.wait(back).unwrap_or_else(PoisonError::into_inner),
                Some(candidates) => {
                    if let Some(errand) = self.ahead.read(log, back) {
                        self.ahead.give(scan(self.ahead, errand, candidates));
                    }
                    self.ahead.back()
                }
            };
        }
    }

    /// The next finding of all files.
    ///
    /// # Errors
    /// When a file cannot be read; the message names it.
    pub(crate) fn next(&mut self, read: &dyn Fn(u64)) -> anyhow::Result<Option<Claim<'_>>> {
        self.fill(read)?;
        let time =
            |head: &Option<(Findings, usize)>| Some(head.as_ref().and_then(|(all, given)| all.get(*given))?.time);
        let earliest = self.heads.iter_mut().filter(|head| head.is_some()).min_by_key(|head| time(head));
        let Some(Some((findings, given))) = earliest else { return Ok(None) };
        *given += 1;
        Ok(findings.get(*given - 1))
    }

    /// The time of the first line.
    pub(crate) fn first_time(&self) -> Option<Timestamp> {
        self.ahead.back().queues.iter().filter_map(|queue| queue.tally.span.map(|(first, _)| first)).min()
    }

    /// The time of the last line.
    pub(crate) fn last_time(&self) -> Option<Timestamp> {
        self.ahead.back().queues.iter().filter_map(|queue| queue.tally.span.map(|(_, last)| last)).max()
    }

    /// The sources that stand for the files.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &SourceId> {
        self.sources.iter()
    }

    /// Looks at what each file came to.
    pub(crate) fn tallies(&self, mut look: impl FnMut(&Tally)) {
        self.ahead.back().queues.iter().for_each(|queue| look(&queue.tally));
    }
}

/// Whoever goes, in whatever way, is not waited for.
struct Stop<'a>(&'a Ahead<'a>);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.back().stopped = true;
        self.0.changed.notify_all();
    }
}
