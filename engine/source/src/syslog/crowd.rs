//! Says that connections are turned away: whoever is closed may lose lines, so silence proves nothing meanwhile.
//!
//! Start at [`Crowd::say`]. The health of the source, or of the one address that is concerned, is degraded from the first time on
//! until [`CALM`] after the last one.

use std::collections::BTreeMap;
use std::time::Duration;

use heinzel_core::block::{Health, StreamId};
use tokio::time::Instant;

use crate::feed::{Closed, Feed};

/// How long it must not happen again until all is well.
pub(super) const CALM: Duration = Duration::from_secs(60);

/// What is wrong at the moment, and until when; `None` is the whole source.
#[derive(Debug, Default)]
pub(super) struct Crowd(BTreeMap<Option<StreamId>, Instant>);

impl Crowd {
    /// It happened (again): `why` names limit, place and way out, and is said once until all is well.
    ///
    /// # Errors
    /// [`Closed`] when the engine stops.
    pub(super) async fn say(
        &mut self,
        feed: &Feed,
        stream: Option<StreamId>,
        why: impl FnOnce() -> String,
    ) -> Result<(), Closed> {
        if self.0.insert(stream.clone(), Instant::now() + CALM).is_none() {
            feed.health(stream, Health::Degraded { why: why() }).await?;
        }
        Ok(())
    }

    /// Waits until something has been calm for long enough; for ever where nothing is wrong.
    pub(super) async fn calm(&self) {
        match self.0.values().min() {
            Some(&at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    /// Says of all that has been calm for long enough that it is well.
    ///
    /// # Errors
    /// [`Closed`] when the engine stops.
    pub(super) async fn say_well(&mut self, feed: &Feed) -> Result<(), Closed> {
        let now = Instant::now();
        let well: Vec<_> = self.0.iter().filter(|(_, at)| **at <= now).map(|(stream, _)| stream.clone()).collect();
        for stream in well {
            self.0.remove(&stream);
            let is_source = stream.is_none();
            feed.health(stream, Health::Ok).await?;
            if is_source {
                // From here on silence means again that nothing is sent.
                feed.caught_up().await?;
            }
        }
        Ok(())
    }
}
