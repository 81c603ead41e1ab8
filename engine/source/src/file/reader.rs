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

/// After a look for names there is none for so many times as long as it took, whatever happens but the poll: whoever makes and
/// removes names without a rest has a fifth of a core at most. Lines of a file that has just taken a name wait as long.
const RESTS: u32 = 4;

/// News of names, and when there is a look for them again.
struct Names {
    /// What has happened since the last look.
    put_off: Wake,
    from: Instant,
}

impl Names {
    /// There was a look.
    fn looked(&mut self, began: Instant, ended: Instant) {
        self.from = ended + RESTS * ended.saturating_duration_since(began);
    }

    /// Keeps what must wait of what was heard, and adds what has waited for long enough. Says whether something must wait.
    fn pace(&mut self, wake: &mut Wake, now: Instant) -> bool {
        if wake.is_about_names() {
            let grown = std::mem::take(&mut wake.grown);
            self.put_off.add(std::mem::replace(wake, Wake { grown, ..Wake::default() }));
        }
        if now >= self.from {
            wake.add(std::mem::take(&mut self.put_off));
        }
        !self.put_off.is_empty()
    }

    /// When what waits is due.
    fn due(&self) -> Option<Instant> {
        (!self.put_off.is_empty()).then_some(self.from)
    }
}

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
        let mut wake = Wake::everything();
        let mut polled_at = Instant::now();
        // To be said once all is read after the start, and again after each time a file had more than one look could read.
        let mut owes_caught_up = true;
        let mut names = Names { put_off: Wake::default(), from: polled_at };
        let mut is_first = true;
        loop {
            let began = Instant::now();
            if wake.folders {
                // Before the look: what is written after the look is then an event.
                watch.follow(&self.set);
                wake.all = true;
            }
            let now = Instant::now();
            let round = self.set.round(&wake, now);
            if wake.is_about_names() {
                names.looked(began, Instant::now());
            }
            // Other folders and files are to be watched, and looked at once more when they are.
            names.put_off.folders |= round.changed;
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
            // What this round has found anew was not there when all was said to be read; but the first finds everything anew.
            let is_known = names.put_off.is_empty() || (wake.folders && !is_first);
            is_first = false;
            if !round.more && is_known && std::mem::take(&mut owes_caught_up) {
                self.send(Delivery::Notice(Notice::CaughtUp { source: self.feed.source.clone() }))?;
            }
            let next_poll = polled_at + poll;
            let next = [round.again_at, names.due()].into_iter().flatten().fold(next_poll, Instant::min);
            // Amid a large file it is only heard what has happened meanwhile: other files must not wait for its end.
            let (until, pause) = if round.more { (began, began) } else { (next, self.rests_until) };
            wake = watch.wait(until, pause)?;
            let now = Instant::now();
            if now >= next_poll {
                polled_at = now;
                names.put_off = Wake::default();
                wake = Wake::everything();
                continue;
            }
            if names.pace(&mut wake, now) {
                self.rests_until = self.rests_until.max(now + PAUSE);
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_of_names_waits_for_its_time_and_what_grows_does_not() {
        let begin = Instant::now();
        let after = |ms| begin + Duration::from_millis(ms);
        let mut names = Names { put_off: Wake::default(), from: begin };
        let news = || {
            let mut wake = Wake { names: true, ..Wake::default() };
            wake.hear(&Arc::from(std::path::Path::new("a.log")), true);
            wake
        };
        let mut wake = news();
        names.pace(&mut wake, after(0));
        assert!(wake.names && names.due().is_none(), "nobody looked for long");
        names.looked(after(0), after(10));

        for at in [11, 30, 49] {
            let mut wake = news();
            names.pace(&mut wake, after(at));
            assert_eq!((wake.is_about_names(), wake.grown.len(), names.due()), (false, 1, Some(after(50))));
        }
        let mut wake = Wake::default();
        names.pace(&mut wake, after(50));
        assert!(wake.names && names.due().is_none());
    }

    #[test]
    fn looks_for_names_take_a_fifth_of_the_time() {
        let (mut now, mut looked) = (Instant::now(), Duration::ZERO);
        let begin = now;
        let mut names = Names { put_off: Wake::default(), from: now };
        for number in 0..10_000_u64 {
            // Something happens all the time, and each look finds other files.
            let mut wake = Wake { folders: true, ..Wake::default() };
            names.pace(&mut wake, now);
            let took = Duration::from_micros(if wake.is_about_names() { number % 700 } else { 10 });
            if wake.is_about_names() {
                looked += took;
                names.looked(now, now + took);
                names.put_off.folders = true;
            }
            now += took;
        }
        let share = looked.as_secs_f64() / now.duration_since(begin).as_secs_f64();
        assert!((0.15..0.21).contains(&share), "{share}");
    }
}
