//! Hot reload: something changed, build everything, run the samples, swap one pointer; on any failure keep the old set.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
        let mut watched: BTreeSet<PathBuf> = folders.iter().cloned().collect();
        watched.extend(
            assets.and_then(Path::parent).map(|p| if p.as_os_str().is_empty() { ".".into() } else { p.to_owned() }),
        );
        let mut watches = Vec::new();
        for folder in watched {
            let (folders, assets) = (folders.to_vec(), assets.map(Path::to_owned));
            let (current, pump) = (current.clone(), pump.clone());
            match Watch::start(&folder, move || reload(&folders, assets.as_deref(), &current, &pump)) {
                Ok(watch) => watches.push(watch),
                Err(error) => {
                    let error = anyhow::Error::new(error);
                    tracing::warn!("{error:#}; changes there count from the next start");
                }
            }
        }
        Self { _watches: watches }
    }
}

fn reload(folders: &[PathBuf], assets: Option<&Path>, current: &Current, pump: &mpsc::Sender<Message>) {
    let (live, problems) = Live::load(folders, assets);
    let errors: Vec<String> = problems.iter().filter(|p| p.is_error()).map(ToString::to_string).collect();
    let message = if errors.is_empty() {
        tracing::info!(rules = live.rules.rules.len(), "reloaded");
        let live = Arc::new(live);
        current.swap(live.clone());
        Message::Reloaded(live)
    } else {
        let why = errors.join("\n");
        tracing::error!("reload failed, the old rules stay in force:\n{why}");
        Message::ReloadFailed(why)
    };
    // The engine is stopping.
    let _ = pump.blocking_send(message);
}
