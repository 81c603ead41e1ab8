//! Says that something may have changed: events of the followed files and of the folders in which files may appear.
//!
//! Start at [`Watch::follow`]. Two kinds of events, since neither sees all: notify watches the folders, which tell of new names
//! and of writes to the files in them, and linemux watches the files that their folder does not tell of: behind symlinks, with
//! other hard links, mounted over a name, in a folder that cannot be watched. Only its events are used, never its lines. A file
//! that both watched would wake four threads for one line, and the line would wait for all of them: measured on two cores, 216
//! µs instead of 135 from `write()` to matched (2026-11-21). If the kernel's limits are reached, [`Watch::trouble`] says so
//! and the poll goes on alone.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use linemux::MuxedEvents;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use rustix::fs::{AtFlags, FileType, StatxFlags};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::bell::Bell;
use super::set::Set;

/// How long to leave a broken watch alone before it is built anew.
const AGAIN: Duration = Duration::from_secs(60);
/// More folders than this are left to the poll: watches are a scarce resource of the whole machine.
const MOST_FOLDERS: usize = 4_096;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is inside stays usable whatever panicked: a text.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a path at once, in the thread that calls it; `false`: it cannot now.
type AtOnce = Arc<dyn Fn(&Path) -> bool + Send + Sync>;

/// The watches of a source.
pub(crate) struct Watch {
    bell: Arc<Bell>,
    runtime: Handle,
    at_once: AtOnce,
    folders: Option<Folders>,
    files: Option<Files>,
    trouble: Option<String>,
    built_at: Instant,
}

struct Folders {
    watcher: RecommendedWatcher,
    /// With device and inode: a folder that is created again needs a new watch.
    watched: HashMap<PathBuf, (u64, u64)>,
}

struct Files {
    add: mpsc::UnboundedSender<PathBuf>,
    /// With device and inode, to notice when a path names another file.
    watched: HashMap<PathBuf, (u64, u64)>,
    trouble: Arc<Mutex<Option<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Files {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    /// Watches that ring `bell`. `at_once` must not wait for who calls [`Watch::follow`].
    pub(crate) fn new(
        bell: Arc<Bell>,
        runtime: Handle,
        at_once: impl Fn(&Path) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            bell,
            runtime,
            at_once: Arc::new(at_once),
            folders: None,
            files: None,
            trouble: None,
            // Far enough back that the first follow builds at once.
            built_at: Instant::now().checked_sub(AGAIN).unwrap_or_else(Instant::now),
        }
    }

    /// Why there are no wake-ups, or not all. `None`: all is well.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Watches what the set follows now.
    pub(crate) fn follow(&mut self, set: &Set) {
        if self.trouble.is_some() && self.built_at.elapsed() >= AGAIN {
            (self.folders, self.files, self.trouble) = (None, None, None);
        }
        let had_trouble = self.trouble.is_some();
        if !had_trouble && self.folders.is_none() {
            self.built_at = Instant::now();
            self.build();
        }
        self.name(set);
        let mut trouble = self.trouble.take();
        if let Some(folders) = &mut self.folders {
            trouble = trouble.or(folders.follow(set));
        }
        if self.files.as_ref().is_some_and(|files| files.has_switched_link(set)) {
            // linemux cannot forget a file, and still watches what the link pointed to.
            self.files = None;
            self.files = self.start_files().inspect_err(|why| trouble = Some(why.clone())).ok();
        }
        let folders = self.folders.as_ref();
        let is_untold = |path: &&Path| !folders.is_some_and(|folders| folders.tells_of(path));
        // A missing file is told of by its folder when it comes.
        let untold: Vec<_> = set.paths().filter(is_untold).filter_map(|path| Some((path, identity(path)?))).collect();
        if self.files.is_none() && !had_trouble && !untold.is_empty() {
            // Not before: it costs a thread, and of inotify's instances a machine has few.
            self.files = self.start_files().inspect_err(|why| trouble = Some(why.clone())).ok();
        }
        if let Some(files) = &mut self.files {
            files.follow(untold);
            trouble = trouble.or_else(|| lock(&files.trouble).clone());
        }
        self.trouble = trouble;
    }

    fn build(&mut self) {
        let (bell, at_once) = (self.bell.clone(), self.at_once.clone());
        let watcher = RecommendedWatcher::new(
            move |event: notify::Result<Event>| match event {
                Ok(event) => bell.hear(&event, |path| at_once(path)),
                Err(_) => bell.all(),
            },
            notify::Config::default(),
        );
        match watcher {
            Ok(watcher) => self.folders = Some(Folders { watcher, watched: HashMap::new() }),
            Err(why) => self.trouble = Some(explain("watch the folders of the files", &why.to_string())),
        }
    }

    fn start_files(&self) -> Result<Files, String> {
        let events = MuxedEvents::new().map_err(|why| explain("watch the files", &why.to_string()))?;
        let (add, paths) = mpsc::unbounded_channel();
        let trouble = Arc::new(Mutex::new(None));
        let task = self.runtime.spawn(listen(events, paths, self.bell.clone(), trouble.clone()));
        Ok(Files { add, watched: HashMap::new(), trouble, task })
    }

    /// Learns under which names events may speak of a path: linemux resolves links in the folder, and a folder's events
    /// name the file behind a link.
    fn name(&self, set: &Set) {
        let mut names = HashMap::new();
        for path in set.paths() {
            names.insert(path.to_path_buf(), path.to_path_buf());
            if let (Some(folder), Some(name)) = (path.parent().and_then(|f| f.canonicalize().ok()), path.file_name()) {
                names.insert(folder.join(name), path.to_path_buf());
            }
            if let Ok(target) = path.canonicalize() {
                names.insert(target, path.to_path_buf());
            }
        }
        self.bell.name(names);
    }
}

impl Folders {
    fn follow(&mut self, set: &Set) -> Option<String> {
        let wanted: HashSet<PathBuf> = set.folders().into_iter().take(MOST_FOLDERS).collect();
        let gone: Vec<PathBuf> = self.watched.keys().filter(|folder| !wanted.contains(*folder)).cloned().collect();
        for folder in gone {
            self.watched.remove(&folder);
            let _ = self.watcher.unwatch(&folder);
        }
        let mut trouble = None;
        for folder in wanted {
            // A missing folder is nothing to complain about: the poll finds it when it comes.
            let Some(identity) = identity(&folder) else { continue };
            if self.watched.get(&folder) == Some(&identity) {
                continue;
            }
            if self.watched.remove(&folder).is_some() {
                let _ = self.watcher.unwatch(&folder);
            }
            match self.watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => drop(self.watched.insert(folder, identity)),
                Err(why) => trouble = Some(explain(&format!("watch {}", folder.display()), &why.to_string())),
            }
        }
        trouble
    }

    /// Whether the watched folder of a path tells of every write to the file that the path names.
    fn tells_of(&self, path: &Path) -> bool {
        let Some(folder) = path.parent().filter(|folder| self.watched.contains_key(*folder)) else { return false };
        let look = |path: &Path, flags| {
            rustix::fs::statx(rustix::fs::CWD, path, flags, StatxFlags::BASIC_STATS | StatxFlags::MNT_ID).ok()
        };
        let Some((file, folder)) = look(path, AtFlags::SYMLINK_NOFOLLOW).zip(look(folder, AtFlags::empty())) else {
            return false;
        };
        let is_link = FileType::from_raw_mode(file.stx_mode.into()) == FileType::Symlink;
        !is_link && file.stx_nlink == 1 && file.stx_mnt_id == folder.stx_mnt_id
    }
}

impl Files {
    fn has_switched_link(&self, set: &Set) -> bool {
        set.paths().any(|path| {
            fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink())
                && self.watched.get(path).is_some_and(|watched| identity(path).is_some_and(|now| now != *watched))
        })
    }

    fn follow<'a>(&mut self, paths: impl IntoIterator<Item = (&'a Path, (u64, u64))>) {
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
                    Err(why) => {
                        *lock(&trouble) = Some(explain(&format!("watch {}", path.display()), &why.to_string()));
                    }
                }
                // What was written before the watch began.
                bell.path(path);
            }
            event = events.next_event(), if watches_any => match event {
                Ok(Some(event)) => bell.hear(&event, |_| false),
                Ok(None) => watches_any = false,
                Err(_) => bell.all(),
            },
        }
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

fn explain(tried: &str, why: &str) -> String {
    let way = if why.contains("Permission denied") {
        "Let the user that Heinzel runs as read the folder (on Debian, the group `adm` reads most logs)"
    } else {
        "If a limit is reached, raise it: `sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512`"
    };
    format!("{tried}: {why}; files are looked at every few seconds instead. {way}")
}
