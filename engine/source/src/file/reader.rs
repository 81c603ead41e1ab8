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
use super::wake::{PAUSE, Watch};
use crate::feed::{Closed, Feed};

/// After a look for names there is none for so many times as long as it took, whatever happens: whoever makes and removes
/// names without a rest has a fifth of a core at most.
const RESTS: u32 = 4;

/// The files of a source, read and handed over.
pub(crate) struct Reader {
    set: Set,
    feed: Feed,
    bell: Arc<Bell>,
    runtime: Handle,
    /// Until then nothing is read that comes in: it is read together.
    rests_until: Instant,
}

impl Reader {
    pub(crate) fn new(set: Set, feed: Feed, bell: Arc<Bell>, runtime: Handle) -> Self {
        Self { set, feed, bell, runtime, rests_until: Instant::now() }
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
        let mut wake = Wake { names: false, ..Wake::everything() };
        let mut polled_at = Instant::now();
        // To be said once all is read after the start, and again after each time a file had more than one look could read.
        let mut owes_caught_up = true;
        // News of names is kept until there may be a look for them again.
        let (mut put_off, mut names_from) = (Wake::default(), Instant::now());
        loop {
            let now = Instant::now();
            if wake.folders {
                // Before the look: what is written after the look is then an event.
                watch.follow(&self.set);
                wake.all = true;
            }
            let round = self.set.round(&wake, now);
            if wake.is_about_names() {
                names_from = Instant::now() + RESTS * now.elapsed();
            }
            if watch.trouble() != shown.as_deref() {
                shown = watch.trouble().map(str::to_owned);
                // Whoever heard of the trouble no longer takes silence for silence.
                owes_caught_up = true;
                let health = shown.clone().map_or(Health::Ok, |why| Health::Degraded { why });
                self.health(None, health)?;
            }
            for out in round.out {
                self.hand_over(out, now)?;
            }
            owes_caught_up |= round.behind;
            let goes_on = round.changed || round.more;
            if !goes_on && std::mem::take(&mut owes_caught_up) {
                self.send(Delivery::Notice(Notice::CaughtUp { source: self.feed.source.clone() }))?;
            }
            let next_poll = polled_at + poll;
            let put_off_until = (!put_off.is_empty()).then_some(names_from);
            let next = [round.again_at, put_off_until].into_iter().flatten().fold(next_poll, Instant::min);
            // Amid a large file it is only heard what has happened meanwhile: other files must not wait for its end.
            let (until, pause) = if goes_on { (now, now) } else { (next, self.rests_until) };
            wake = watch.wait(until, pause)?;
            let now = Instant::now();
            if now >= next_poll {
                polled_at = now;
                wake = Wake::everything();
            } else if wake.is_about_names() && now < names_from {
                let grown = std::mem::take(&mut wake.grown);
                put_off.add(std::mem::replace(&mut wake, Wake { grown, ..Wake::default() }));
                self.rests_until = self.rests_until.max(now + PAUSE);
            }
            if now >= names_from || wake.all {
                wake.add(std::mem::take(&mut put_off));
            }
            wake.folders |= round.changed;
        }
    }

    fn hand_over(&mut self, out: Out, now: Instant) -> Result<(), Closed> {
        let source = self.feed.source.clone();
        match out {
            Out::Chunk(stream, chunk) => {
                self.rests_until = self.rests_until.max(now + PAUSE);
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
