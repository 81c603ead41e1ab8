//! Log files, by path or glob, followed for ever.
//!
//! Start at [`run`]. The parts, in the order in which bytes meet them: `wake` says that something may have changed (events
//! of linemux and notify, and a slow poll in case one is missed); `set` knows the globs and asks one `tail` a path; a tail
//! knows which files its path has named (`siblings`, `identity`) and reads each through a `handle`, which divides the bytes
//! into `records`.
//!
//! A missing or unreadable file is a health that is shown, never an error. Rotated-away files are read to their end, also
//! when they were rotated while Heinzel was not running, as long as they are not compressed. `start` applies only where
//! there is no checkpoint; a file that appears under a glob while it is watched is read from its beginning.

mod wake;

mod set;
mod since;

mod tail;

mod siblings;

mod handle;

mod identity;

mod records;

use std::sync::Arc;
use std::time::Instant;

use heinzel_core::block::{Block, Checkpoint, Health, Shape, StreamId};
use heinzel_core::parse::{Context, parse};
use jiff::tz::TimeZone;

use self::set::{Out, Round, Set, Wake};
use self::since::TimeOf;
use self::wake::Watch;
use crate::feed::{Closed, Feed};
use crate::settings::{self, Common};

/// Why a file source ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine stops, or takes nothing any more.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// A defect stopped the reading thread.
    #[error("read the files of source `{source_name}`")]
    Reader {
        /// The source.
        source_name: String,
        /// What the runtime says.
        #[source]
        cause: tokio::task::JoinError,
    },
}

/// Reads the files until told to stop.
///
/// # Errors
/// [`Error::Closed`] when told to stop; [`Error::Reader`] when the reading thread broke.
pub async fn run(
    feed: Feed,
    common: Common,
    settings: settings::File,
    checkpoints: Vec<Checkpoint>,
) -> Result<(), Error> {
    let broken = |cause| Error::Reader { source_name: feed.source.to_string(), cause };
    let begin = set::begin(common.start, (feed.now)(), time_of(&feed, &common));
    let poll = settings.poll;
    let mut set = tokio::task::spawn_blocking(move || Set::new(&settings, begin, checkpoints)).await.map_err(broken)?;
    let mut watch = Watch::new();
    let mut shown: Option<String> = None;
    let mut wake = Wake { all: true, names: false, ..Wake::default() };
    let mut polled_at = tokio::time::Instant::now();
    // Said once all is read after the start, and again after each time a file had more than one look could read.
    let mut owes_caught_up = true;
    let mut follow = true;
    loop {
        let round: Round;
        (set, watch, round) = tokio::task::spawn_blocking(move || {
            if follow {
                // Before the look: what is written after the look is then an event.
                watch.follow(&set);
            }
            let round = set.round(&wake, Instant::now());
            (set, watch, round)
        })
        .await
        .map_err(broken)?;
        follow = false;
        if watch.trouble() != shown.as_deref() {
            shown = watch.trouble().map(str::to_owned);
            // Whoever heard of the trouble no longer takes silence for silence.
            owes_caught_up = true;
            let health = shown.clone().map_or(Health::Ok, |why| Health::Degraded { why });
            feed.health(None, health).await?;
        }
        owes_caught_up |= round.behind;
        for out in round.out {
            hand_over(&feed, out).await?;
        }
        wake = Wake::default();
        if round.changed {
            follow = true;
            wake.all = true;
            continue;
        }
        if round.more {
            continue;
        }
        if std::mem::take(&mut owes_caught_up) {
            feed.caught_up().await?;
        }
        let next_poll = polled_at + poll;
        let next = round.again_at.map_or(next_poll, |at| next_poll.min(at.into()));
        tokio::select! {
            biased;
            () = feed.stop.cancelled() => return Err(Closed.into()),
            changed = watch.next() => wake = changed,
            () = tokio::time::sleep_until(next) => {}
        }
        if tokio::time::Instant::now() >= next_poll {
            polled_at = tokio::time::Instant::now();
            (wake.all, wake.names, follow) = (true, true, true);
        }
    }
}

async fn hand_over(feed: &Feed, out: Out) -> Result<(), Closed> {
    match out {
        Out::Chunk(stream, chunk) => {
            let checkpoint = chunk.state.write();
            feed.block(block(feed, stream, chunk.offset, chunk.bytes, chunk.shape, checkpoint)).await
        }
        Out::Checkpoint(stream, state) => feed.block(block(feed, stream, 0, Vec::new(), Shape::Lines, state)).await,
        Out::Health(stream, health) => feed.health(Some(stream), health).await,
        Out::Counted(what, times) => feed.counted(what, times).await,
    }
}

fn block(feed: &Feed, stream: StreamId, offset: u64, bytes: Vec<u8>, shape: Shape, state: String) -> Block {
    let checkpoint = Checkpoint { source: feed.source.clone(), stream: stream.clone(), state };
    Block {
        source: feed.source.clone(),
        stream,
        offset,
        bytes,
        shape,
        checkpoint: Some(checkpoint),
        read_at: (feed.now)(),
        ack: None,
    }
}

/// Finds the time of a record, for `start = "since …"`.
fn time_of(feed: &Feed, common: &Common) -> TimeOf {
    let zone = common.zone.as_deref().and_then(|name| TimeZone::get(name).ok()).unwrap_or_else(TimeZone::system);
    let (format, now) = (common.format, feed.now.clone());
    Arc::new(move |line| {
        let context = Context { zone: zone.clone(), read_at: now(), year: None };
        parse(format, line.strip_suffix(b"\r").unwrap_or(line), &context).stamp.time
    })
}

#[cfg(test)]
mod tests;
