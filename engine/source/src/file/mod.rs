//! Log files, by path or glob, followed for ever.
//!
//! Start at [`run`]. The parts, in the order in which bytes meet them: `wake` says that something may have changed (events
//! of folders and of linemux, and a slow poll in case one is missed); `set` knows the globs and asks one `tail` a path; a tail
//! knows which files its path has named (`siblings`, `identity`) and reads each through a `handle`, which divides its `content`
//! into `records`.
//!
//! A missing or unreadable file is a health that is shown, never an error. Rotated-away files are read to their end, also
//! when they were rotated (and packed by gzip) while Heinzel was not running; what cannot be found is complained of. `start` applies only where
//! there is no checkpoint; a file that appears under a glob while it is watched is read from its beginning,
//! with those rotated away from it since then.

mod bell;
mod wake;

mod reader;

mod set;
mod since;

mod tail;

mod home;

mod siblings;

mod folders;

mod handle;

mod content;

mod identity;

mod records;

use std::sync::Arc;

use heinzel_core::block::Checkpoint;
use heinzel_core::parse::{Context, parse};
use jiff::tz::TimeZone;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use self::bell::Bell;
use self::reader::Reader;
use self::set::Set;
use self::since::TimeOf;
use crate::feed::{Closed, Feed};
use crate::settings::{self, Common};

/// The stack of the reading thread, in bytes: patterns of globs and of records are matched on it, nothing recurses deep.
const STACK: usize = 512 * 1024;

/// Why a file source ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The engine stops, or takes nothing any more.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The system gives no thread, or no file descriptor.
    #[error("start the reading thread of source `{source_name}`")]
    Start {
        /// The source.
        source_name: String,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
    /// A defect stopped the reading.
    #[error(
        "a defect in Heinzel stopped the reading of source `{source_name}`, please report it with the panic in the log"
    )]
    Reader {
        /// The source.
        source_name: String,
    },
}

/// Reads the files until told to stop, on a thread of its own.
///
/// # Errors
/// [`Error::Closed`] when told to stop; [`Error::Start`] and [`Error::Reader`] when there is no reading thread.
pub(crate) async fn run(
    feed: Feed,
    common: Common,
    settings: settings::File,
    checkpoints: Vec<Checkpoint>,
) -> Result<(), Error> {
    let source_name = feed.source.to_string();
    let runtime = Handle::current();
    let bell = match Bell::new() {
        Ok(bell) => Arc::new(bell),
        Err(cause) => return Err(Error::Start { source_name, cause }),
    };
    // Also when nobody waits for this source any more.
    let _stops = Stops(bell.clone());
    let (tell, mut told) = oneshot::channel();
    let stop = feed.stop.clone();
    let thread = {
        let (bell, now) = (bell.clone(), (feed.now)());
        let begin = set::begin(common.start, now, time_of(&feed, &common));
        let read = move || {
            let set = Set::new(&settings, begin, checkpoints, now);
            // Nobody may want to know.
            let _ = tell.send(Reader::new(set, feed, bell, runtime).run(settings.poll));
        };
        std::thread::Builder::new().name(format!("file {source_name}")).stack_size(STACK).spawn(read)
    };
    // Its end is told; what may still be left of it then is nothing to wait for.
    if let Err(cause) = thread {
        return Err(Error::Start { source_name, cause });
    }
    let end = tokio::select! {
        end = &mut told => end,
        () = stop.cancelled() => {
            bell.stop();
            told.await
        }
    };
    match end {
        Ok(closed) => Err(closed.into()),
        // It panicked before it could tell.
        Err(_) => Err(Error::Reader { source_name }),
    }
}

/// Tells the reading thread to end.
struct Stops(Arc<Bell>);

impl Drop for Stops {
    fn drop(&mut self) {
        self.0.stop();
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
