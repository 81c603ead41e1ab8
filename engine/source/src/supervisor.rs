//! Keeps a source running: restarts it with capped back-off, and shows it degraded in between.
//!
//! Start at [`supervise`]. Every source has its own supervisor, so one source's failure never touches the others.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use heinzel_core::block::{Checkpoint, Delivery, Health, Notice, SourceId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::feed::{Clock, Feed, HandedOver};
use crate::outlet::Outlet;

/// The first wait after a failure; doubled each time.
pub(crate) const BACK_OFF_FIRST: Duration = Duration::from_secs(1);
/// The longest wait after a failure.
pub(crate) const BACK_OFF_LONGEST: Duration = Duration::from_secs(60);
/// A source that ran so long counts as well: the next failure starts from [`BACK_OFF_FIRST`] again.
pub(crate) const WELL_AFTER: Duration = Duration::from_secs(60);
/// A restarted source that lived so long is shown as well again.
pub(crate) const SHOWN_WELL_AFTER: Duration = Duration::from_secs(1);
/// How long a source may take to end once told to stop, before it is dropped.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Where a supervised source stands: its name, its way out, its clock, its stop.
#[derive(Clone)]
pub(crate) struct Seat {
    /// The source's name.
    pub(crate) source: SourceId,
    /// Where its deliveries go.
    pub(crate) out: Outlet,
    /// What time it is.
    pub(crate) now: Clock,
    /// Told when to stop.
    pub(crate) stop: CancellationToken,
}

/// Runs `attempt` until it ends well or the engine stops; after an error or a panic, again, with back-off.
///
/// Each attempt gets the newest checkpoints that were handed over, so that a restart neither repeats nor skips anything.
/// An attempt that returns `Ok` without being told to stop is [`Health::Ended`]. Waits are tokio time: cancellable, and
/// a test may pause them.
pub(crate) async fn supervise<A, F, E>(seat: Seat, checkpoints: Vec<Checkpoint>, mut attempt: A)
where
    A: FnMut(Feed, Vec<Checkpoint>) -> F,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Error + Send + 'static,
{
    let handed_over = HandedOver::from(checkpoints);
    let mut back_off = BACK_OFF_FIRST;
    if seat.health(Health::Ok).await.is_err() {
        return;
    }
    let mut shown_well = true;
    loop {
        let started = Instant::now();
        // A child of the stop: an attempt is also told to end when nobody takes its deliveries any more.
        let stop = seat.stop.child_token();
        // Straight into the engine's channel: a task in between would cost every line two changes of thread.
        let feed = Feed::new(seat.source.clone(), seat.out.clone(), seat.now.clone(), stop.clone())
            .remembered_in(handed_over.clone());
        let mut running = tokio::spawn(attempt(feed, handed_over.newest()));
        let ended = loop {
            tokio::select! {
                biased;
                () = seat.stop.cancelled() => {
                    if tokio::time::timeout(STOP_WITHIN, &mut running).await.is_err() {
                        tracing::warn!(source = %seat.source, "source did not stop in time and was dropped");
                        running.abort();
                    }
                    return;
                }
                ended = &mut running => break ended,
                () = seat.out.closed(), if !stop.is_cancelled() => stop.cancel(),
                () = tokio::time::sleep_until(started + SHOWN_WELL_AFTER), if !shown_well => {
                    shown_well = true;
                    if seat.health(Health::Ok).await.is_err() {
                        stop.cancel();
                    }
                }
            }
        };
        // What is left of it, if anything, hands over nothing more.
        stop.cancel();
        if seat.stop.is_cancelled() || seat.out.is_closed() {
            return;
        }
        let why = match ended {
            Ok(Ok(())) => {
                let _ = seat.health(Health::Ended).await;
                return;
            }
            Ok(Err(error)) => chain(&error),
            Err(panic) => format!("a defect in Heinzel stopped the source, please report it: {panic}"),
        };
        if started.elapsed() >= WELL_AFTER {
            back_off = BACK_OFF_FIRST;
        }
        tracing::warn!(source = %seat.source, error = %why, retry_after_s = back_off.as_secs(), "source failed");
        let why = format!("{why}; trying again in {} s", back_off.as_secs());
        if seat.health(Health::Degraded { why }).await.is_err() {
            return;
        }
        shown_well = false;
        tokio::select! {
            biased;
            () = seat.stop.cancelled() => return,
            () = tokio::time::sleep(back_off) => {}
        }
        back_off = (back_off * 2).min(BACK_OFF_LONGEST);
    }
}

/// Nobody takes deliveries any more, or the engine stops.
struct Over;

impl Seat {
    async fn health(&self, health: Health) -> Result<(), Over> {
        self.send(Delivery::Notice(Notice::Health { source: self.source.clone(), stream: None, health })).await
    }

    async fn send(&self, delivery: Delivery) -> Result<(), Over> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Over),
            sent = self.out.send(delivery) => sent.map_err(|_| Over),
        }
    }
}

/// The error and everything that caused it, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
