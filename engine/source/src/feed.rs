//! The way out of a source: blocks and news to the scanner, over one bounded channel.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use heinzel_core::block::{Block, Checkpoint, Delivery, Health, Notice, Shape, SourceId, StreamId};
use heinzel_core::time::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::encoding::uncolour;
use crate::outlet::Outlet;

/// Says what time it is. The only clock is the caller's.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The engine no longer takes anything: stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the engine is stopping")]
pub struct Closed;

/// The checkpoints of what a source has handed over, the newest of each stream.
#[derive(Clone, Default)]
pub(crate) struct HandedOver(Arc<Mutex<HashMap<StreamId, Checkpoint>>>);

impl HandedOver {
    /// These were stored when the source was started.
    pub(crate) fn from(checkpoints: Vec<Checkpoint>) -> Self {
        Self(Arc::new(Mutex::new(checkpoints.into_iter().map(|c| (c.stream.clone(), c)).collect())))
    }

    /// The newest of each stream.
    pub(crate) fn newest(&self) -> Vec<Checkpoint> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StreamId, Checkpoint>> {
        // What is inside stays usable whatever panicked: whole checkpoints.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A source's way out. Sending waits while the engine is behind: that is the back-pressure.
#[derive(Clone)]
pub struct Feed {
    /// The source's name.
    pub source: SourceId,
    /// What time it is.
    pub now: Clock,
    /// Told when to stop.
    pub stop: CancellationToken,
    out: Outlet,
    handed_over: Option<HandedOver>,
}

impl Feed {
    /// A feed of `source` into `out`.
    #[must_use]
    pub fn new(source: SourceId, out: impl Into<Outlet>, now: Clock, stop: CancellationToken) -> Self {
        Self { source, now, stop, out: out.into(), handed_over: None }
    }

    /// The same feed; the checkpoints that go through it are kept in `handed_over`.
    pub(crate) fn remembered_in(self, handed_over: HandedOver) -> Self {
        Self { handed_over: Some(handed_over), ..self }
    }

    /// Hands over a block, without a terminal's colours.
    ///
    /// # Errors
    /// [`Closed`] when the engine stops; the block is then not stored and will be read again from the checkpoint.
    pub async fn block(&self, mut block: Block) -> Result<(), Closed> {
        match &mut block.shape {
            Shape::Lines => uncolour(&mut block.bytes, std::iter::empty()),
            Shape::Records(records) => uncolour(&mut block.bytes, records.iter_mut().map(|record| &mut record.end)),
        }
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

    /// Says something that an operator must know once: what may be missing, where, and the way out.
    ///
    /// # Errors
    /// [`Closed`] when the engine stops.
    pub async fn complaint(&self, text: String) -> Result<(), Closed> {
        self.send(Delivery::Notice(Notice::Complaint { source: self.source.clone(), text })).await
    }

    /// Says that everything there was to read is read.
    ///
    /// # Errors
    /// [`Closed`] when the engine stops.
    pub async fn caught_up(&self) -> Result<(), Closed> {
        self.send(Delivery::Notice(Notice::CaughtUp { source: self.source.clone() })).await
    }

    /// Hands over what a source has put together itself.
    ///
    /// # Errors
    /// [`Closed`] when the engine stops; the delivery then counts as not handed over.
    pub async fn send(&self, delivery: Delivery) -> Result<(), Closed> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Closed),
            room = self.out.room() => {
                let room = room?;
                self.put(delivery, |delivery| {
                    room.fill(delivery);
                    Ok(None)
                }).map(drop)
            }
        }
    }

    /// Hands it over if that can be done without waiting, in this thread if nothing is before it; else gives it back.
    ///
    /// # Errors
    /// [`Closed`] when the engine stops.
    pub fn try_hand(&self, delivery: Delivery) -> Result<Option<Delivery>, Closed> {
        self.put(delivery, |delivery| self.out.try_hand(delivery))
    }

    fn put(
        &self,
        delivery: Delivery,
        hand: impl FnOnce(Delivery) -> Result<Option<Delivery>, Closed>,
    ) -> Result<Option<Delivery>, Closed> {
        // Held over all: what is sent is known to be sent, and what comes after the stop is neither.
        let mut handed_over = self.handed_over.as_ref().map(HandedOver::lock);
        if self.stop.is_cancelled() {
            return Err(Closed);
        }
        let checkpoint = match &delivery {
            Delivery::Block(block) if handed_over.is_some() => block.checkpoint.clone(),
            _ => None,
        };
        let left = hand(delivery)?;
        if let (None, Some(known), Some(checkpoint)) = (&left, &mut handed_over, checkpoint) {
            match checkpoint.state.is_gone() {
                true => drop(known.remove(&checkpoint.stream)),
                false => drop(known.insert(checkpoint.stream.clone(), checkpoint)),
            }
        }
        Ok(left)
    }
}
