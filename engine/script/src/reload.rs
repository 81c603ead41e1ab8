//! Notices when something under a folder changes: rules, answers, or one file. Building, testing and swapping is the caller's.
//!
//! Start at [`Watch::start`]. The system's events tell at once; what they do not tell (the folder was moved away and another put
//! into its place, a link leads elsewhere, a file behind a link was written) is found by looking now and then.

use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
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
/// How often is looked at the files themselves, at most.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Looking may take this part of the time.
const SHARE: u32 = 1_000;
/// Folders lie so deep in one another at most: packs, samples, answers.
const DEPTH: usize = 4;

/// Watches a folder until it is dropped.
#[derive(Debug)]
pub struct Watch {
    watcher: Arc<Mutex<Option<RecommendedWatcher>>>,
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
        Self::every(LOOK_EVERY, folder, kinds, changed)
    }

    fn every(
        pause: Duration,
        folder: &Path,
        kinds: &[&str],
        changed: impl FnMut() + Send + 'static,
    ) -> Result<Self, WatchError> {
        let kinds: Vec<OsString> = kinds.iter().map(OsString::from).collect();
        let counts = move |path: &Path| !is_hidden(path) && may_be_of(path, &kinds);
        Self::over(folder, RecursiveMode::Recursive, pause, counts, changed)
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
        Self::over(folder, RecursiveMode::NonRecursive, LOOK_EVERY, counts, move || {
            let now = plain_file::bytes(&file).ok();
            if before.as_ref() != Some(&now) {
                before = Some(now);
                changed();
            }
        })
    }

    fn over(
        folder: &Path,
        mode: RecursiveMode,
        pause: Duration,
        counts: impl Fn(&Path) -> bool + Clone + Send + 'static,
        changed: impl FnMut() + Send + 'static,
    ) -> Result<Self, WatchError> {
        let failed = |source: notify::Error| WatchError { folder: folder.to_owned(), source };
        let (news, arrivals) = channel();
        let told = counts.clone();
        let mut watcher = notify::recommended_watcher(move |event| tell(&news, &told, event)).map_err(failed)?;
        watcher.watch(folder, mode).map_err(failed)?;
        let watcher = Arc::new(Mutex::new(Some(watcher)));
        let eye = Eye { folder: folder.to_owned(), mode, pause, watcher: watcher.clone() };
        let known = eye.look(&counts);
        let run = move || eye.listen(known, &arrivals, &counts, changed);
        let thread = std::thread::Builder::new().name("watch".into()).spawn(run);
        let thread = thread.map_err(|error| failed(notify::Error::io(error)))?;
        Ok(Self { watcher, thread: Some(thread) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // The watcher owns the sender: without it the thread's receiver ends.
        drop(self.watcher.lock().unwrap_or_else(PoisonError::into_inner).take());
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

/// What the thread of a watch looks at.
struct Eye {
    folder: PathBuf,
    mode: RecursiveMode,
    pause: Duration,
    watcher: Arc<Mutex<Option<RecommendedWatcher>>>,
}

impl Eye {
    fn listen(
        &self,
        mut known: u64,
        arrivals: &Receiver<()>,
        counts: &dyn Fn(&Path) -> bool,
        mut changed: impl FnMut(),
    ) {
        let (mut pause, mut is_watched) = (self.pause, true);
        loop {
            match arrivals.recv_timeout(pause) {
                Ok(()) => {
                    if settle(arrivals).is_err() {
                        return;
                    }
                    known = self.look(counts);
                }
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    let begin = Instant::now();
                    let now = self.look(counts);
                    pause = self.pause.max(begin.elapsed() * SHARE);
                    let is_new = std::mem::replace(&mut known, now) != now;
                    if is_new || !is_watched {
                        is_watched = self.watch_anew();
                    }
                    if !is_new {
                        continue;
                    }
                }
            }
            changed();
        }
    }

    /// What is in the folder by now may not be what was watched there. Whether it is now.
    fn watch_anew(&self) -> bool {
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(watcher) = watcher.as_mut() else { return true };
        // It may be gone, and its watch with it.
        let _ = watcher.unwatch(&self.folder);
        watcher.watch(&self.folder, self.mode).is_ok()
    }

    /// Tells the files apart that are there now from those at another time: which, how large, when written.
    fn look(&self, counts: &dyn Fn(&Path) -> bool) -> u64 {
        let depth = if self.mode == RecursiveMode::Recursive { DEPTH } else { 1 };
        look(&self.folder, counts, depth)
    }
}

fn look(folder: &Path, counts: &dyn Fn(&Path) -> bool, depth: usize) -> u64 {
    // What cannot be read is not there; the caller's reading says why.
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let mut sum = 1_u64;
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| counts(path)) {
        let Ok(file) = std::fs::metadata(&path) else { continue };
        let mut hash = DefaultHasher::new();
        path.hash(&mut hash);
        if file.is_dir() {
            let below = if depth > 1 { look(&path, counts, depth - 1) } else { 0 };
            below.hash(&mut hash);
        } else {
            (file.dev(), file.ino(), file.len(), file.mtime(), file.mtime_nsec()).hash(&mut hash);
        }
        // In whatever order the system names them.
        sum = sum.wrapping_add(hash.finish());
    }
    sum
}

/// Waits until nothing has come for a while.
fn settle(arrivals: &Receiver<()>) -> Result<(), RecvTimeoutError> {
    let patience = Instant::now() + PATIENCE;
    loop {
        let left = REST.min(patience.saturating_duration_since(Instant::now()));
        match arrivals.recv_timeout(left) {
            Ok(()) if Instant::now() < patience => {}
            Ok(()) | Err(RecvTimeoutError::Timeout) => return Ok(()),
            Err(gone) => return Err(gone),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder `rules` with one pack, and what was noticed there.
    struct Place {
        folder: tempfile::TempDir,
        _watch: Watch,
        noticed: Receiver<()>,
    }

    impl Place {
        /// The folder is made by this.
        fn new(make: impl Fn(&Path)) -> Self {
            let folder = tempfile::tempdir().unwrap();
            make(folder.path());
            let (tell, noticed) = channel();
            let rules = folder.path().join("rules");
            let told = move || {
                // The test is over.
                let _ = tell.send(());
            };
            let watch = Watch::every(Duration::from_millis(50), &rules, &["rhai"], told).unwrap();
            Self { folder, _watch: watch, noticed }
        }

        fn at(&self, path: &str) -> PathBuf {
            self.folder.path().join(path)
        }

        #[track_caller]
        fn notices(&self, what: &str) {
            self.noticed.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|_| panic!("{what} is not noticed"));
            // One change may be noticed in two parts.
            while self.noticed.recv_timeout(Duration::from_millis(500)).is_ok() {}
        }
    }

    fn pack(folder: &Path) {
        fs::create_dir_all(folder.join("web")).unwrap();
        fs::write(folder.join("web/x.rhai"), "1").unwrap();
    }

    #[test]
    fn a_folder_that_is_removed_and_written_again_is_noticed() {
        let place = Place::new(|folder| pack(&folder.join("rules")));
        fs::remove_dir_all(place.at("rules")).unwrap();
        place.notices("that it is gone");
        pack(&place.at("rules"));
        place.notices("that it is there again");
        fs::write(place.at("rules/web/x.rhai"), "12").unwrap();
        place.notices("a later change");
    }

    #[test]
    fn a_folder_that_takes_the_place_of_another_is_noticed_and_so_are_changes_in_it() {
        let place = Place::new(|folder| pack(&folder.join("rules")));
        pack(&place.at("new"));
        fs::write(place.at("new/web/y.rhai"), "2").unwrap();
        fs::rename(place.at("rules"), place.at("old")).unwrap();
        fs::rename(place.at("new"), place.at("rules")).unwrap();
        place.notices("the other folder");
        fs::write(place.at("rules/web/y.rhai"), "34").unwrap();
        place.notices("a change in it");
    }

    #[test]
    fn links_that_lead_elsewhere_and_files_behind_links_are_noticed() {
        let place = Place::new(|folder| {
            for release in ["1", "2"] {
                pack(&folder.join(release));
            }
            fs::write(folder.join("2/web/x.rhai"), "12").unwrap();
            symlink(folder.join("1"), folder.join("rules")).unwrap();
            fs::write(folder.join("y"), "1").unwrap();
            for release in ["1", "2"] {
                symlink(folder.join("y"), folder.join(release).join("web/y.rhai")).unwrap();
            }
        });
        fs::remove_file(place.at("rules")).unwrap();
        symlink(place.at("2"), place.at("rules")).unwrap();
        place.notices("where the link leads");
        fs::write(place.at("2/web/x.rhai"), "123").unwrap();
        place.notices("a change there");
        fs::write(place.at("y"), "12").unwrap();
        place.notices("a change of a file behind a link");
    }
}
