//! The thread of a file source: it looks at the files, reads them and hands over what it read.
//!
//! Start at [`Reader::run`], the thread, and [`Reader::read_at_once`], the short way: a change of thread costs more than the
//! reading of a line, so whoever hears that a file has grown reads it, if nobody reads just then and nothing is waiting.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use heinzel_core::block::{Block, Checkpoint, Delivery, Health, Notice, Shape, StateText, StreamId};
use tokio::runtime::Handle;

use super::bell::{Bell, PAUSE};
use super::set::{Out, Round, Set, Wake};
use super::wake::Watch;
use crate::feed::{Closed, Feed};

/// Why the thread ended.
pub(crate) enum End {
    /// The engine stops, or takes nothing any more.
    Closed,
    /// Reading panicked elsewhere.
    Broke,
}

impl From<Closed> for End {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

/// The files of a source, read and handed over.
pub(crate) struct Reader {
    desk: Mutex<Desk>,
    bell: Arc<Bell>,
    runtime: Handle,
}

/// Of whoever reads just now.
struct Desk {
    set: Set,
    feed: Feed,
    /// What was read and is not handed over yet, in order.
    unsent: VecDeque<Delivery>,
    /// When bytes were read last.
    read_at: Instant,
    /// When the thread looks again by itself.
    looks_at: Instant,
    /// Rounds have left something to be done.
    more: bool,
    changed: bool,
    again_at: Option<Instant>,
    /// To be said once all is read after the start, and again after each time a file had more than one look could read.
    owes_caught_up: bool,
}

impl Reader {
    pub(crate) fn new(set: Set, feed: Feed, bell: Arc<Bell>, runtime: Handle) -> Self {
        let now = Instant::now();
        let desk = Desk {
            set,
            feed,
            unsent: VecDeque::new(),
            read_at: now,
            looks_at: now,
            more: false,
            changed: false,
            again_at: None,
            owes_caught_up: true,
        };
        Self { desk: Mutex::new(desk), bell, runtime }
    }

    /// Reads until told to stop, and looks at everything every `poll`.
    pub(crate) fn run(self: &Arc<Self>, poll: Duration) -> End {
        match self.follow(poll) {
            Err(end) => end,
            Ok(never) => match never {},
        }
    }

    fn follow(self: &Arc<Self>, poll: Duration) -> Result<std::convert::Infallible, End> {
        let mut watch = Watch::new(self.bell.clone(), self.runtime.clone(), {
            let reader = self.clone();
            move |path: &Path| reader.read_at_once(path)
        });
        let mut shown: Option<String> = None;
        let mut wake = Wake { all: true, names: false, ..Wake::default() };
        let mut polled_at = Instant::now();
        let mut follow = true;
        loop {
            self.bell.check()?;
            // Kept while it sets the watches and hands over: those who hear do not wait for it.
            let mut desk = self.desk()?;
            if std::mem::take(&mut follow) {
                // Before the look: what is written after the look is then an event.
                watch.follow(&desk.set);
            }
            if watch.trouble() != shown.as_deref() {
                shown = watch.trouble().map(str::to_owned);
                // Whoever heard of the trouble no longer takes silence for silence.
                desk.owes_caught_up = true;
                let health = shown.clone().map_or(Health::Ok, |why| Health::Degraded { why });
                desk.health(None, health);
            }
            let now = Instant::now();
            let round = desk.set.round(&wake, now);
            desk.note(round, now);
            desk.send(&self.runtime)?;
            wake = Wake::default();
            if std::mem::take(&mut desk.changed) {
                follow = true;
                wake.all = true;
                continue;
            }
            if desk.more {
                continue;
            }
            if std::mem::take(&mut desk.owes_caught_up) {
                let source = desk.feed.source.clone();
                desk.unsent.push_back(Delivery::Notice(Notice::CaughtUp { source }));
                desk.send(&self.runtime)?;
            }
            let next_poll = polled_at + poll;
            let next = desk.again_at.map_or(next_poll, |at| next_poll.min(at));
            desk.looks_at = next;
            let pause = desk.read_at + PAUSE;
            drop(desk);
            wake = self.bell.wait(next, pause)?;
            if Instant::now() >= next_poll {
                polled_at = Instant::now();
                (wake.all, wake.names, follow) = (true, true, true);
            }
        }
    }

    /// Reads what was appended to a followed path. `false`: the thread must do it.
    fn read_at_once(&self, path: &Path) -> bool {
        let mut desk = match self.desk.try_lock() {
            Ok(desk) => desk,
            // Broken: the thread finds that out, too.
            Err(TryLockError::WouldBlock | TryLockError::Poisoned(_)) => return false,
        };
        let now = Instant::now();
        if !desk.is_clear() || now < desk.read_at + PAUSE {
            return false;
        }
        let round = desk.set.grown(path, now);
        desk.note(round, now);
        self.bell.was_read(now);
        // Closed: the thread is told to stop by others.
        let sent = desk.send_what_fits().is_ok();
        let sooner = desk.again_at.is_some_and(|at| at < desk.looks_at);
        if sent && (!desk.is_clear() || sooner) {
            self.bell.wake();
        }
        true
    }

    fn desk(&self) -> Result<MutexGuard<'_, Desk>, End> {
        self.desk.lock().map_err(|_| End::Broke)
    }
}

impl Desk {
    /// Nothing is waiting to be done or handed over.
    fn is_clear(&self) -> bool {
        self.unsent.is_empty() && !self.more && !self.changed && !self.owes_caught_up
    }

    /// Keeps what a round brought, and what it left to be done.
    fn note(&mut self, round: Round, now: Instant) {
        let Round { out, more, behind, again_at, changed } = round;
        self.owes_caught_up |= behind;
        self.changed |= changed;
        (self.more, self.again_at) = (more, again_at);
        for out in out {
            self.put(out, now);
        }
    }

    fn put(&mut self, out: Out, now: Instant) {
        let delivery = match out {
            Out::Chunk(stream, chunk) => {
                self.read_at = now;
                let state = StateText::later(move || chunk.state.write());
                Delivery::Block(self.block(stream, chunk.offset, chunk.bytes, chunk.shape, state))
            }
            Out::Checkpoint(stream, state) => {
                Delivery::Block(self.block(stream, 0, Vec::new(), Shape::Lines, state.into()))
            }
            Out::Health(stream, health) => return self.health(Some(stream), health),
            Out::Complaint(text) => Delivery::Notice(Notice::Complaint { source: self.feed.source.clone(), text }),
            Out::Counted(what, times) => {
                Delivery::Notice(Notice::Counted { source: self.feed.source.clone(), what, times })
            }
        };
        self.unsent.push_back(delivery);
    }

    fn health(&mut self, stream: Option<StreamId>, health: Health) {
        let source = self.feed.source.clone();
        self.unsent.push_back(Delivery::Notice(Notice::Health { source, stream, health }));
    }

    fn block(&self, stream: StreamId, offset: u64, bytes: Vec<u8>, shape: Shape, state: StateText) -> Block {
        let source = self.feed.source.clone();
        let checkpoint = Some(Checkpoint { source: source.clone(), stream: stream.clone(), state });
        Block { source, stream, offset, bytes, shape, checkpoint, read_at: (self.feed.now)(), ack: None }
    }

    /// Hands over everything, and waits for room.
    fn send(&mut self, runtime: &Handle) -> Result<(), Closed> {
        loop {
            self.send_what_fits()?;
            let Some(next) = self.unsent.pop_front() else { return Ok(()) };
            runtime.block_on(self.feed.send(next))?;
        }
    }

    fn send_what_fits(&mut self) -> Result<(), Closed> {
        while let Some(next) = self.unsent.pop_front() {
            if let Some(next) = self.feed.try_hand(next)? {
                self.unsent.push_front(next);
                break;
            }
        }
        Ok(())
    }
}
