//! Notices when something under the rules folder changes. Building, testing and swapping is the caller's.
//!
//! Start at [`Watch::start`].

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notify::event::EventKind;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

/// Editors and package managers write many files at once: the folder must rest so long before it is read.
const REST: Duration = Duration::from_millis(200);
/// A folder that never rests is read nevertheless after so long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Watches the rules folder until it is dropped.
#[derive(Debug)]
pub struct Watch {
    watcher: Option<RecommendedWatcher>,
    thread: Option<JoinHandle<()>>,
}

/// The folder cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("watch the rules folder {}", folder.display())]
pub struct WatchError {
    /// The folder.
    pub folder: PathBuf,
    /// Why not.
    #[source]
    pub source: notify::Error,
}

impl Watch {
    /// Watches `folder` and all below; calls `changed` (on a thread of its own) each time it has changed and then rested for
    /// 200 ms. Dropping the watch ends it.
    ///
    /// # Errors
    /// [`WatchError`] when the folder does not exist or the system has no watches left.
    pub fn start(folder: &Path, changed: impl FnMut() + Send + 'static) -> Result<Self, WatchError> {
        Self::over(folder, RecursiveMode::Recursive, changed)
    }

    /// Watches the folder of one file, and nothing below it. Other files there wake it, too: whoever is called looks whether
    /// it is the file that has changed (it may be a link, and what it leads to was switched).
    ///
    /// # Errors
    /// [`WatchError`] when the folder does not exist or the system has no watches left.
    pub fn beside(file: &Path, changed: impl FnMut() + Send + 'static) -> Result<Self, WatchError> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self::over(folder, RecursiveMode::NonRecursive, changed)
    }

    fn over(folder: &Path, depth: RecursiveMode, changed: impl FnMut() + Send + 'static) -> Result<Self, WatchError> {
        let failed = |source: notify::Error| WatchError { folder: folder.to_owned(), source };
        let (news, arrivals) = channel();
        let mut watcher = notify::recommended_watcher(move |event| tell(&news, event)).map_err(failed)?;
        watcher.watch(folder, depth).map_err(failed)?;
        let run = move || listen(&arrivals, changed);
        let thread = std::thread::Builder::new().name("rules-watch".into()).spawn(run);
        let thread = thread.map_err(|error| failed(notify::Error::io(error)))?;
        Ok(Self { watcher: Some(watcher), thread: Some(thread) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // The watcher owns the sender: without it the thread's receiver ends.
        drop(self.watcher.take());
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the thread that watches the rules folder has panicked");
        }
    }
}

fn tell(news: &Sender<()>, event: notify::Result<notify::Event>) {
    match event {
        Ok(event) if matches!(event.kind, EventKind::Access(_)) => {}
        // A store or a log that lies in the folder is written all the time and is no rule.
        Ok(event) if !event.paths.is_empty() && !event.paths.iter().any(|path| may_matter(path)) => {}
        Ok(_) => {
            // No receiver: the watch is being dropped.
            let _ = news.send(());
        }
        Err(error) => {
            tracing::warn!(%error, "the watch on the rules folder complains; the folder is read again");
            let _ = news.send(());
        }
    }
}

/// Whether it is a rule, a table, or may be a folder.
fn may_matter(path: &Path) -> bool {
    path.extension().is_none_or(|extension| extension == "rhai" || extension == "toml")
}

fn listen(arrivals: &Receiver<()>, mut changed: impl FnMut()) {
    while arrivals.recv().is_ok() {
        let patience = Instant::now() + PATIENCE;
        loop {
            let left = REST.min(patience.saturating_duration_since(Instant::now()));
            match arrivals.recv_timeout(left) {
                Ok(()) if Instant::now() < patience => {}
                Ok(()) | Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        changed();
    }
}
