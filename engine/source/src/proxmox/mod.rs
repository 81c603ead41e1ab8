//! The task history of a Proxmox VE host: `index`, `active`, and one log file a task.
//!
//! Start at [`run`]. It emits one record for each change of a task's state, whose bytes are the task's log, so that
//! patterns look at the log. What is read and how it is kept apart is in `history`, the names of tasks in [`upid`].

mod history;
pub mod upid;

use std::sync::Arc;
use std::time::Duration;

use heinzel_core::block::{Block, Checkpoint, Health, Shape, StreamId};
use notify::{RecursiveMode, Watcher};
use tokio::sync::Notify;

use crate::error::{SourceError, unless_closed};
use crate::feed::Feed;
use crate::settings::{Common, Proxmox};
use history::History;

/// How often is looked without being woken: `active` may lie on a file system that wakes nobody, and a task that is
/// killed changes no file.
const POLL: Duration = Duration::from_secs(2);

/// Reads the task history until it is told to stop.
///
/// # Errors
/// When the folder or `index` cannot be read.
pub async fn run(
    feed: Feed,
    common: Common,
    settings: Proxmox,
    checkpoints: Vec<Checkpoint>,
) -> Result<(), SourceError> {
    unless_closed(follow(&feed, &settings, &common, &checkpoints).await)
}

async fn follow(
    feed: &Feed,
    settings: &Proxmox,
    common: &Common,
    checkpoints: &[Checkpoint],
) -> Result<(), SourceError> {
    let stream: StreamId = Arc::from(settings.folder.join("index").display().to_string());
    let known = checkpoints.iter().find(|checkpoint| checkpoint.stream == stream).map(|c| &*c.state);
    let mut history = History::new(settings.folder.clone(), common.start, (feed.now)(), known);
    let changed = Arc::new(Notify::new());
    // Kept alive for as long as the source reads; without it the poll alone finds the changes.
    let _watcher = watch(settings, &changed);
    let mut healthy = false;
    let mut caught_up = false;
    loop {
        let now = (feed.now)();
        let look = tokio::task::spawn_blocking(move || {
            let seen = history.look(now);
            (history, seen)
        });
        let (back, seen) =
            look.await.map_err(|error| SourceError::Broken(format!("read the task history: {error}")))?;
        history = back;
        let seen = seen.map_err(SourceError::io(format!("read the task history in {}", settings.folder.display())))?;
        if !healthy {
            feed.health(None, Health::Ok).await?;
            healthy = true;
        }
        for (what, times) in seen.counted {
            feed.counted(what, times).await?;
        }
        if let Some(state) = seen.checkpoint {
            let source = feed.source.clone();
            let block = Block {
                source: source.clone(),
                stream: stream.clone(),
                offset: seen.offset,
                bytes: seen.bytes,
                shape: Shape::Records(seen.records),
                checkpoint: Some(Checkpoint { source, stream: stream.clone(), state: state.into() }),
                read_at: now,
                ack: None,
            };
            feed.block(block).await?;
        }
        if seen.more {
            continue;
        }
        if !caught_up {
            feed.caught_up().await?;
            caught_up = true;
        }
        tokio::select! {
            () = feed.stop.cancelled() => return Ok(()),
            () = changed.notified() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

fn watch(settings: &Proxmox, changed: &Arc<Notify>) -> Option<notify::RecommendedWatcher> {
    let changed = Arc::clone(changed);
    let watcher = notify::recommended_watcher(move |_| changed.notify_one());
    let watched = watcher.and_then(|mut watcher| {
        watcher.watch(&settings.folder, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    watched
        .map_err(|error| {
            tracing::warn!(folder = %settings.folder.display(), %error, "cannot watch the folder; looking every 2 s");
        })
        .ok()
}

#[cfg(test)]
mod tests;
