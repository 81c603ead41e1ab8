//! The way from all sources into the engine: one bounded channel, and a shorter way for a little that comes alone.
//!
//! Start at [`Outlet`]. To wake a thread costs some 50 µs, more than to read and scan a line. So who brings a small block may
//! give it to the [`Taker`] in its own thread, when nothing is on its way through the channel that must come before it.

use std::sync::Arc;

use heinzel_core::block::Delivery;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::feed::Closed;

/// Whoever receives from the channel, and may take a delivery without it.
pub trait Taker: Send + Sync {
    /// A delivery goes into the channel now.
    fn queued(&self);

    /// Takes a delivery in the calling thread and returns when it is done with; or, if that could mean to wait or to overtake
    /// what is in the channel, gives it back.
    fn take(&self, delivery: Delivery) -> Option<Delivery>;
}

/// A way into the engine. Cheap to clone.
#[derive(Clone)]
pub struct Outlet {
    channel: mpsc::Sender<Delivery>,
    taker: Option<Arc<dyn Taker>>,
}

impl From<mpsc::Sender<Delivery>> for Outlet {
    /// The channel alone.
    fn from(channel: mpsc::Sender<Delivery>) -> Self {
        Self { channel, taker: None }
    }
}

/// Room for one delivery in the channel.
pub(crate) struct Room<'a> {
    permit: mpsc::Permit<'a, Delivery>,
    taker: Option<&'a dyn Taker>,
}

impl Room<'_> {
    /// Fills it.
    pub(crate) fn fill(self, delivery: Delivery) {
        if let Some(taker) = self.taker {
            taker.queued();
        }
        self.permit.send(delivery);
    }
}

impl Outlet {
    /// The channel, with the one who receives from it. Everything that goes into the channel must go through this, or a
    /// clone of it.
    #[must_use]
    pub fn new(channel: mpsc::Sender<Delivery>, taker: Arc<dyn Taker>) -> Self {
        Self { channel, taker: Some(taker) }
    }

    /// Hands over, and waits for room.
    ///
    /// # Errors
    /// [`Closed`] when nobody receives any more.
    pub async fn send(&self, delivery: Delivery) -> Result<(), Closed> {
        self.room().await?.fill(delivery);
        Ok(())
    }

    /// Puts a delivery into the channel if there is room; else gives it back.
    ///
    /// # Errors
    /// [`Closed`] when nobody receives any more.
    pub fn try_send(&self, delivery: Delivery) -> Result<Option<Delivery>, Closed> {
        match self.channel.try_reserve() {
            Ok(permit) => {
                self.with(permit).fill(delivery);
                Ok(None)
            }
            Err(TrySendError::Full(())) => Ok(Some(delivery)),
            Err(TrySendError::Closed(())) => Err(Closed),
        }
    }

    /// As [`Outlet::try_send`]; but if nothing is before it, the delivery is done with in the calling thread.
    ///
    /// # Errors
    /// [`Closed`] when nobody receives any more.
    pub fn try_hand(&self, delivery: Delivery) -> Result<Option<Delivery>, Closed> {
        let left = match &self.taker {
            Some(taker) => taker.take(delivery),
            None => Some(delivery),
        };
        left.map_or(Ok(None), |left| self.try_send(left))
    }

    /// Waits for room in the channel.
    pub(crate) async fn room(&self) -> Result<Room<'_>, Closed> {
        self.channel.reserve().await.map(|permit| self.with(permit)).map_err(|_| Closed)
    }

    /// Returns when nobody receives any more.
    pub async fn closed(&self) {
        self.channel.closed().await;
    }

    /// Whether nobody receives any more.
    #[must_use]
    pub(crate) fn is_closed(&self) -> bool {
        self.channel.is_closed()
    }

    fn with<'a>(&'a self, permit: mpsc::Permit<'a, Delivery>) -> Room<'a> {
        Room { permit, taker: self.taker.as_deref() }
    }
}
