//! The way out of a source: blocks and news to the pump, over one bounded channel.

use std::sync::Arc;

use heinzel_core::block::{Block, Delivery, Health, Notice, SourceId, StreamId};
use heinzel_core::time::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Says what time it is. The only clock is the caller's.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The pump no longer takes anything: stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the engine is stopping")]
pub struct Closed;

/// A source's way out. Sending waits while the pump is behind: that is the back-pressure.
#[derive(Clone)]
pub struct Feed {
    /// The source's name.
    pub source: SourceId,
    /// What time it is.
    pub now: Clock,
    /// Told when to stop.
    pub stop: CancellationToken,
    out: mpsc::Sender<Delivery>,
}

impl Feed {
    /// A feed of `source` into `out`.
    #[must_use]
    pub fn new(source: SourceId, out: mpsc::Sender<Delivery>, now: Clock, stop: CancellationToken) -> Self {
        Self { source, now, stop, out }
    }

    /// Hands over a block.
    ///
    /// # Errors
    /// [`Closed`] when the engine stops; the block is then not stored and will be read again from the checkpoint.
    pub async fn block(&self, block: Block) -> Result<(), Closed> {
        self.send(Delivery::Block(block)).await
    }

    /// Says how a stream (or the whole source) is doing.
    ///
    /// # Errors
    /// [`Closed`] when the engine stops.
    pub async fn health(&self, stream: Option<StreamId>, health: Health) -> Result<(), Closed> {
        self.send(Delivery::Notice(Notice::Health { source: self.source.clone(), stream, health })).await
    }

    /// Counts something that was changed or lost.
    ///
    /// # Errors
    /// [`Closed`] when the engine stops.
    pub async fn counted(&self, what: &'static str, times: u64) -> Result<(), Closed> {
        self.send(Delivery::Notice(Notice::Counted { source: self.source.clone(), what, times })).await
    }

    /// Says that everything there was to read is read.
    ///
    /// # Errors
    /// [`Closed`] when the engine stops.
    pub async fn caught_up(&self) -> Result<(), Closed> {
        self.send(Delivery::Notice(Notice::CaughtUp { source: self.source.clone() })).await
    }

    async fn send(&self, delivery: Delivery) -> Result<(), Closed> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Closed),
            sent = self.out.send(delivery) => sent.map_err(|_| Closed),
        }
    }
}
