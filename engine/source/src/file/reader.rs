//! The thread of a file source: it waits for news, looks at the files, reads them and hands over what it read.
//!
//! Start at [`Reader::run`]. One thread does it all, since a change of thread costs more than the reading of a line.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use heinzel_core::block::{Block, Checkpoint, Delivery, Health, Notice, Shape, StateText, StreamId};
use tokio::runtime::Handle;

use super::bell::Bell;
use super::set::{Out, Set, Wake};
use super::wake::Watch;
use crate::feed::{Closed, Feed};

/// So long at least lies between two readings of a file that grows without a rest: each takes what came in between. A file
/// that has been quiet for so long is read at once.
const PAUSE: Duration = Duration::from_millis(1);

/// The files of a source, read and handed over.
pub(crate) struct Reader {
    set: Set,
    feed: Feed,
    bell: Arc<Bell>,
    runtime: Handle,
    /// When bytes were read last.
    read_at: Instant,
}

impl Reader {
    pub(crate) fn new(set: Set, feed: Feed, bell: Arc<Bell>, runtime: Handle) -> Self {
        Self { set, feed, bell, runtime, read_at: Instant::now() }
    }

    /// Reads until told to stop, and looks at everything every `poll`.
    pub(crate) fn run(mut self, poll: Duration) -> Closed {
        match self.follow(poll) {
            Err(closed) => closed,
            Ok(never) => match never {},
        }
    }

    fn follow(&mut self, poll: Duration) -> Result<Infallible, Closed> {
        let mut watch = Watch::new(self.bell.clone(), self.runtime.clone());
        let mut shown: Option<String> = None;
        let mut wake = Wake { all: true, ..Wake::default() };
        let mut polled_at = Instant::now();
        let mut follow = true;
        // To be said once all is read after the start, and again after each time a file had more than one look could read.
        let mut owes_caught_up = true;
        loop {
            if std::mem::take(&mut follow) {
                // Before the look: what is written after the look is then an event.
                watch.follow(&self.set);
            }
            if watch.trouble() != shown.as_deref() {
                shown = watch.trouble().map(str::to_owned);
                // Whoever heard of the trouble no longer takes silence for silence.
                owes_caught_up = true;
                let health = shown.clone().map_or(Health::Ok, |why| Health::Degraded { why });
                self.health(None, health)?;
            }
            let now = Instant::now();
            let round = self.set.round(&wake, now);
            for out in round.out {
                self.hand_over(out, now)?;
            }
            owes_caught_up |= round.behind;
            wake = Wake { all: round.changed, ..Wake::default() };
            follow = round.changed;
            if round.changed || round.more {
                self.bell.answer(&mut wake)?;
                continue;
            }
            if std::mem::take(&mut owes_caught_up) {
                self.send(Delivery::Notice(Notice::CaughtUp { source: self.feed.source.clone() }))?;
            }
            let next_poll = polled_at + poll;
            let next = round.again_at.map_or(next_poll, |at| next_poll.min(at));
            wake = watch.wait(next, self.read_at + PAUSE)?;
            if Instant::now() >= next_poll {
                polled_at = Instant::now();
                (wake, follow) = (Wake::everything(), true);
            }
        }
    }

    fn hand_over(&mut self, out: Out, now: Instant) -> Result<(), Closed> {
        let source = self.feed.source.clone();
        match out {
            Out::Chunk(stream, chunk) => {
                self.read_at = now;
                let state = StateText::later(move || chunk.state.write());
                self.block(stream, chunk.offset, chunk.bytes, chunk.shape, state)
            }
            Out::Checkpoint(stream, state) => self.block(stream, 0, Vec::new(), Shape::Lines, state.into()),
            Out::Health(stream, health) => self.health(Some(stream), health),
            Out::Complaint(text) => self.send(Delivery::Notice(Notice::Complaint { source, text })),
            Out::Counted(what, times) => self.send(Delivery::Notice(Notice::Counted { source, what, times })),
        }
    }

    fn health(&self, stream: Option<StreamId>, health: Health) -> Result<(), Closed> {
        let source = self.feed.source.clone();
        self.send(Delivery::Notice(Notice::Health { source, stream, health }))
    }

    fn block(
        &self,
        stream: StreamId,
        offset: u64,
        bytes: Vec<u8>,
        shape: Shape,
        state: StateText,
    ) -> Result<(), Closed> {
        let source = self.feed.source.clone();
        let checkpoint = Some(Checkpoint { source: source.clone(), stream: stream.clone(), state });
        let read_at = (self.feed.now)();
        self.send(Delivery::Block(Block { source, stream, offset, bytes, shape, checkpoint, read_at, ack: None }))
    }

    /// Hands over, and waits for room.
    fn send(&self, delivery: Delivery) -> Result<(), Closed> {
        match self.feed.try_hand(delivery)? {
            None => Ok(()),
            Some(left) => self.runtime.block_on(self.feed.send(left)),
        }
    }
}
