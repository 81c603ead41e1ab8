//! Hot reload: something changed, build everything, run the samples, swap one pointer; on any failure keep the old set.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use heinzel_script::reload::Watch;
use tokio::sync::mpsc;

use crate::live::Live;
use crate::pump::Message;
use crate::scanner::Current;

/// Watches the rules and the asset file until dropped.
pub(crate) struct Reload {
    _watches: Vec<Watch>,
}

impl Reload {
    /// Starts watching. A folder that cannot be watched is said and left alone; the others are watched.
    pub(crate) fn start(
        folders: &[PathBuf],
        assets: Option<&Path>,
        current: &Current,
        pump: &mpsc::Sender<Message>,
    ) -> Self {
        // One at a time, from reading to swapping: else an older set could come last.
        let turn = Arc::new(Mutex::new(()));
        let again = || {
            let (folders, assets) = (folders.to_vec(), assets.map(Path::to_owned));
            let (current, pump, turn) = (current.clone(), pump.clone(), turn.clone());
            move || {
                let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
                reload(&folders, assets.as_deref(), &current, &pump);
            }
        };
        let watched: BTreeSet<&PathBuf> = folders.iter().collect();
        let mut watches: Vec<_> = watched.into_iter().map(|folder| Watch::start(folder, again())).collect();
        if let Some(file) = assets {
            let (again, path, mut before) = (again(), file.to_owned(), None);
            watches.push(Watch::beside(file, move || {
                // The configuration's folder may hold the store, too.
                let now = std::fs::read(&path).ok();
                if before.as_ref() != Some(&now) {
                    before = Some(now);
                    again();
                }
            }));
        }
        let said = |error| tracing::warn!("{:#}; changes there count from the next start", anyhow::Error::new(error));
        Self { _watches: watches.into_iter().filter_map(|watch| watch.map_err(said).ok()).collect() }
    }
}

fn reload(folders: &[PathBuf], assets: Option<&Path>, current: &Current, pump: &mpsc::Sender<Message>) {
    let (live, problems) = Live::load(folders, assets);
    let errors: Vec<String> = problems.iter().filter(|p| p.is_error()).map(ToString::to_string).collect();
    if errors.is_empty() {
        tracing::info!(rules = live.rules.rules.len(), "reloaded");
        let live = Arc::new(live);
        // The pump first: it must know a new rule before the scanner finds something for it.
        let _ = pump.blocking_send(Message::Reloaded(live.clone()));
        current.swap(live);
        return;
    }
    let why = errors.join("\n");
    tracing::error!("reload failed, the old rules stay in force:\n{why}");
    // The engine is stopping.
    let _ = pump.blocking_send(Message::ReloadFailed(why));
}
