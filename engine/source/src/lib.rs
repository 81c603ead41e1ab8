//! What produces blocks: files, journald, syslog, exec, task histories; checkpoints.
//!
//! Start at [`spawn`]. Every kind of source is one module with one `run`, which reads until it is told to stop or something
//! breaks; the supervisor restarts it with capped back-off and shows it degraded in between. Nothing here decides anything.

pub mod settings;

pub mod feed;
pub mod supervisor;

pub mod file;

use heinzel_core::block::{Checkpoint, Delivery};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::feed::Clock;
use crate::settings::{Kind, Source};
use crate::supervisor::{Seat, supervise};

/// Starts a source under its own supervisor. It ends when `stop` is cancelled or nobody takes its deliveries any more.
///
/// `checkpoints` are those last stored for this source; `out` is bounded, and a full channel is the back-pressure.
pub fn spawn(
    source: Source,
    checkpoints: Vec<Checkpoint>,
    out: mpsc::Sender<Delivery>,
    now: Clock,
    stop: CancellationToken,
) -> JoinHandle<()> {
    let Source { common, kind } = source;
    let seat = Seat { source: common.name.clone(), out, now, stop };
    tokio::spawn(async move {
        // One line a kind: `run(feed, common, settings, checkpoints)`.
        match kind {
            Kind::File(file) => {
                supervise(seat, checkpoints, |feed, known| file::run(feed, common.clone(), file.clone(), known)).await;
            }
            // Events arrive over HTTP: the server owns this kind and there is nothing to run.
            Kind::Push(_) => {}
            Kind::Journald(_)
            | Kind::Syslog(_)
            | Kind::Exec(_)
            | Kind::Proxmox(_)
            | Kind::TaskLines(_)
            | Kind::Cron(_) => supervisor::absent(&seat).await,
        }
    })
}
