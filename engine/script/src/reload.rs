//! Notices when something under a folder changes: rules, answers, or one file. Building, testing and swapping is the caller's.
//!
//! Start at [`Watch::start`].

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notify::event::EventKind;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use crate::pack::is_hidden;
use crate::plain_file;

/// Editors and package managers write many files at once: the folder must rest so long before it is read.
const REST: Duration = Duration::from_millis(200);
/// A folder that never rests is read nevertheless after so long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Watches a folder until it is dropped.
#[derive(Debug)]
pub struct Watch {
    watcher: Option<RecommendedWatcher>,
    thread: Option<JoinHandle<()>>,
}

/// The folder cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("watch the folder {}", folder.display())]
pub struct WatchError {
    /// The folder.
    pub folder: PathBuf,
    /// Why not.
    #[source]
    pub source: notify::Error,
}

impl Watch {
    /// Watches files with these extensions in `folder` and all below, but none whose name begins with a dot; calls `changed`
    /// (on a thread of its own) each time one has changed and the folder then rested for 200 ms. Dropping the watch ends it.
    ///
    /// # Errors
    /// [`WatchError`] when the folder does not exist or the system has no watches left.
    pub fn start(folder: &Path, kinds: &[&str], changed: impl FnMut() + Send + 'static) -> Result<Self, WatchError> {
        let kinds: Vec<OsString> = kinds.iter().map(OsString::from).collect();
        let counts = move |path: &Path| !is_hidden(path) && may_be_of(path, &kinds);
        Self::over(folder, RecursiveMode::Recursive, counts, changed)
    }

    /// Watches one file; calls `changed` when it says something else than the last time, and at the first news. It may be a
    /// link, and what it leads to may be switched.
    ///
    /// # Errors
    /// [`WatchError`] when its folder does not exist or the system has no watches left.
    pub fn of_file(file: &Path, mut changed: impl FnMut() + Send + 'static) -> Result<Self, WatchError> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let kinds: Vec<OsString> = file.extension().map(OsString::from).into_iter().collect();
        let counts = move |path: &Path| may_be_of(path, &kinds);
        let (file, mut before) = (file.to_owned(), None);
        // Its folder may hold much that is written all the time, such as the store.
        Self::over(folder, RecursiveMode::NonRecursive, counts, move || {
            let now = plain_file::bytes(&file).ok();
            if before.as_ref() != Some(&now) {
                before = Some(now);
                changed();
            }
        })
    }

    fn over(
        folder: &Path,
        depth: RecursiveMode,
        counts: impl Fn(&Path) -> bool + Send + 'static,
        changed: impl FnMut() + Send + 'static,
    ) -> Result<Self, WatchError> {
        let failed = |source: notify::Error| WatchError { folder: folder.to_owned(), source };
        let (news, arrivals) = channel();
        let mut watcher = notify::recommended_watcher(move |event| tell(&news, &counts, event)).map_err(failed)?;
        watcher.watch(folder, depth).map_err(failed)?;
        let run = move || listen(&arrivals, changed);
        let thread = std::thread::Builder::new().name("watch".into()).spawn(run);
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
            tracing::error!("a thread that watches rules or answers has panicked");
        }
    }
}

fn tell(news: &Sender<()>, counts: &dyn Fn(&Path) -> bool, event: notify::Result<notify::Event>) {
    match event {
        Ok(event) if matches!(event.kind, EventKind::Access(_)) => {}
        // A store or a log that lies in the folder is written all the time and is none of them.
        Ok(event) if !event.paths.is_empty() && !event.paths.iter().any(|path| counts(path)) => {}
        Ok(_) => {
            // No receiver: the watch is being dropped.
            let _ = news.send(());
        }
        Err(error) => {
            tracing::warn!(%error, "a watch on rules or answers complains; they are read again");
            let _ = news.send(());
        }
    }
}

/// Whether it is of one of these kinds, or may be a folder.
fn may_be_of(path: &Path, kinds: &[OsString]) -> bool {
    path.extension().is_none_or(|extension| kinds.iter().any(|kind| kind == extension))
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
