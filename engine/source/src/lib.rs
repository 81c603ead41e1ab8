//! What produces blocks: files, journald, syslog, exec, task histories; checkpoints.
//!
//! Start at [`spawn`]. Every kind of source is one module with one `run`, which reads until it is told to stop or something
//! breaks; the supervisor restarts it with capped back-off and shows it degraded in between. Nothing here decides anything.

pub mod error;
pub mod feed;
pub mod outlet;
pub mod settings;
mod supervisor;

mod exec;
mod file;
pub mod journald;
mod lines;

pub mod syslog;

pub mod encoding;

pub mod cron;
mod decode;
pub mod proxmox;
pub mod task_lines;

use heinzel_core::block::{Checkpoint, Health};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::feed::{Clock, Feed};
use crate::outlet::Outlet;
use crate::settings::{Kind, Source};
use crate::supervisor::{Seat, supervise};

/// Starts a source under its own supervisor. It ends when `stop` is cancelled or nobody takes its deliveries any more.
///
/// `checkpoints` are those last stored for this source; `out` is bounded, and a full channel is the back-pressure.
pub fn spawn(
    source: Source,
    checkpoints: Vec<Checkpoint>,
    out: impl Into<Outlet>,
    now: Clock,
    stop: CancellationToken,
) -> JoinHandle<()> {
    let Source { common, kind } = source;
    let seat = Seat { source: common.name.clone(), out: out.into(), now, stop };
    tokio::spawn(async move {
        // One line a kind: `run(feed, common, settings, checkpoints)`.
        match kind {
            Kind::File(file) => {
                supervise(seat, checkpoints, |feed, known| file::run(feed, common.clone(), file.clone(), known)).await;
            }
            // Events arrive over HTTP: the server owns this kind and there is nothing to run. It listens from the start.
            Kind::Push(_) => {
                let feed = Feed::new(seat.source, seat.out, seat.now, seat.stop);
                // Closed: the engine is stopping.
                let _ = feed.health(None, Health::Ok).await;
                let _ = feed.caught_up().await;
            }
            Kind::Journald(journal) => {
                supervise(seat, checkpoints, |feed, known| journald::run(feed, common.clone(), journal.clone(), known))
                    .await;
            }
            Kind::Syslog(syslog) => {
                supervise(seat, checkpoints, |feed, known| syslog::run(feed, common.clone(), syslog.clone(), known))
                    .await;
            }
            Kind::Exec(exec) => {
                supervise(seat, checkpoints, |feed, known| exec::run(feed, common.clone(), exec.clone(), known)).await;
            }
            Kind::Proxmox(proxmox) => {
                supervise(seat, checkpoints, |feed, known| proxmox::run(feed, common.clone(), proxmox.clone(), known))
                    .await;
            }
            Kind::TaskLines(tasks) => {
                let file = settings::File::plain(&tasks.path);
                supervise(seat, checkpoints, |feed, known| {
                    let (common, tasks, file) = (common.clone(), tasks.clone(), file.clone());
                    decode::through(
                        feed,
                        {
                            let common = common.clone();
                            move |inner| file::run(inner, common, file, known)
                        },
                        move |block| task_lines::decode(block, &tasks, &common),
                    )
                })
                .await;
            }
            Kind::Cron(settings::Cron { path: Some(path) }) => {
                let file = settings::File::plain(&path);
                supervise(seat, checkpoints, |feed, known| {
                    let (common, file, mut jobs) = (common.clone(), file.clone(), cron::Jobs::default());
                    decode::through(
                        feed,
                        {
                            let common = common.clone();
                            move |inner| file::run(inner, common, file, known)
                        },
                        move |block| (jobs.decode(block, &common), 0),
                    )
                })
                .await;
            }
            Kind::Cron(settings::Cron { path: None }) => {
                supervise(seat, checkpoints, |feed, known| {
                    let (common, mut jobs) = (common.clone(), cron::Jobs::default());
                    decode::through(
                        feed,
                        {
                            let common = common.clone();
                            move |inner| journald::run(inner, common, cron::journal(), known)
                        },
                        move |block| (jobs.decode(block, &common), 0),
                    )
                })
                .await;
            }
        }
    })
}
