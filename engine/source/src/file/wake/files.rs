//! Events of single files that no watched folder tells of, by linemux.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use linemux::MuxedEvents;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::{explain, identity};
use crate::file::bell::Bell;
use crate::file::identity::Key;
use crate::file::set::Set;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is inside stays usable whatever panicked: a text.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The watched files.
pub(super) struct Files {
    add: mpsc::UnboundedSender<PathBuf>,
    /// With the file that a path named, to notice when it names another.
    watched: HashMap<PathBuf, Key>,
    trouble: Arc<Mutex<Option<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Files {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Files {
    /// Watches nothing yet. What is heard rings `bell`.
    pub(super) fn start(bell: Arc<Bell>, runtime: &Handle) -> Result<Self, String> {
        let events = MuxedEvents::new().map_err(|why| explain("watch the files", &why))?;
        let (add, paths) = mpsc::unbounded_channel();
        let trouble = Arc::new(Mutex::new(None));
        let task = runtime.spawn(listen(events, paths, bell, trouble.clone()));
        Ok(Self { add, watched: HashMap::new(), trouble, task })
    }

    /// Why not all of them are watched.
    pub(super) fn trouble(&self) -> Option<String> {
        lock(&self.trouble).clone()
    }

    /// Whether a link points elsewhere: linemux cannot forget a file, and still watches what it pointed to.
    pub(super) fn has_switched_link(&self, set: &Set) -> bool {
        set.paths().any(|path| {
            fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink())
                && self.watched.get(path).is_some_and(|watched| identity(path).is_some_and(|now| now != *watched))
        })
    }

    /// Watches these, too.
    pub(super) fn follow<'a>(&mut self, paths: impl IntoIterator<Item = (&'a Path, Key)>) {
        for (path, identity) in paths {
            if !self.watched.contains_key(path) && self.add.send(path.to_path_buf()).is_ok() {
                self.watched.insert(path.to_path_buf(), identity);
            }
        }
    }
}

/// Adds files to linemux and passes its events on, until dropped.
async fn listen(
    mut events: MuxedEvents,
    mut paths: mpsc::UnboundedReceiver<PathBuf>,
    bell: Arc<Bell>,
    trouble: Arc<Mutex<Option<String>>>,
) {
    let mut watches_any = false;
    loop {
        tokio::select! {
            path = paths.recv() => {
                let Some(path) = path else { return };
                match events.add_file(&path).await {
                    Ok(_) => watches_any = true,
                    Err(why) if why.kind() == std::io::ErrorKind::InvalidInput => {}
                    Err(why) => *lock(&trouble) = Some(explain(&format!("watch {}", path.display()), &why)),
                }
                // What was written before the watch began.
                bell.path(path);
            }
            event = events.next_event(), if watches_any => match event {
                Ok(Some(event)) => bell.hear(&event),
                Ok(None) => watches_any = false,
                Err(_) => bell.all(),
            },
        }
    }
}
