//! Says that something may have changed: events of the folders in which files lie or may appear, and of single files.
//!
//! Start at [`Watch::wait`], what the reading thread waits for, and [`Watch::follow`], what is watched. Two kinds of events,
//! since neither sees all: `folders` tells of new names and of writes to the files in them; `files`, by linemux, of those that
//! their folder does not tell of: behind symlinks, with other hard links, mounted over a name, in a folder that cannot be
//! watched. Only linemux's events are used, never its lines. If the kernel's limits are reached, [`Watch::trouble`] says so
//! and the poll goes on alone.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::runtime::Handle;

use self::files::Files;
use self::folders::Folders;
use super::bell::Bell;
use super::identity::{Key, Seen};
use super::set::{Set, Wake};
use crate::feed::Closed;

mod files;
mod folders;

/// So long at least lies between two readings of a file that grows without a rest: each takes what came in between. A file
/// that has been quiet for so long is read at once.
pub(crate) const PAUSE: Duration = Duration::from_millis(1);
/// How long to leave a broken watch alone before it is built anew.
const AGAIN: Duration = Duration::from_secs(60);

/// The watches of a source.
pub(crate) struct Watch {
    bell: Arc<Bell>,
    runtime: Handle,
    folders: Option<Folders>,
    files: Option<Files>,
    trouble: Option<String>,
    /// When something was built last, or could not be.
    tried_at: Option<Instant>,
}

impl Watch {
    /// Watches nothing yet. Others wake who waits by `bell`.
    pub(crate) fn new(bell: Arc<Bell>, runtime: Handle) -> Self {
        Self { bell, runtime, folders: None, files: None, trouble: None, tried_at: None }
    }

    /// Why there are no wake-ups, or not all. `None`: all is well.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Watches what the set follows now.
    pub(crate) fn follow(&mut self, set: &Set) {
        let mut trouble = None;
        let again = self.tried_at.is_none_or(|at| at.elapsed() >= AGAIN);
        let may_start = again || self.trouble.is_none();
        if again && self.files.as_ref().is_some_and(|files| files.trouble().is_some()) {
            self.tried_at = Some(Instant::now());
            self.files = None;
        }
        if again && self.folders.is_none() {
            self.tried_at = Some(Instant::now());
            let cannot = |why: &Errno| trouble = Some(explain("watch the folders of the files", &(*why).into()));
            self.folders = Folders::new().inspect_err(cannot).ok();
        } else if self.folders.is_none() {
            trouble = self.trouble.take();
        }
        let names = names(set);
        if let Some(folders) = &mut self.folders {
            trouble = trouble.or(folders.follow(set));
            folders.learn(&names, Instant::now());
        }
        self.bell.name(names.into_iter().collect());
        if self.files.as_ref().is_some_and(|files| files.has_switched_link(set)) {
            self.files = None;
            self.files = self.start_files().inspect_err(|why| trouble = Some(why.clone())).ok();
        }
        let folders = self.folders.as_ref();
        let is_untold = |path: &&Path| !folders.is_some_and(|folders| folders.tells_of(path));
        // A missing file is told of by its folder when it comes.
        let untold: Vec<_> = set.paths().filter(is_untold).filter_map(|path| Some((path, identity(path)?))).collect();
        if self.files.is_none() && may_start && !untold.is_empty() {
            // Not before: it costs a thread, and of inotify's instances a machine has few.
            self.tried_at = Some(Instant::now());
            self.files = self.start_files().inspect_err(|why| trouble = Some(why.clone())).ok();
        }
        if let Some(files) = &mut self.files {
            files.follow(untold);
            trouble = trouble.or_else(|| files.trouble());
        }
        self.trouble = trouble;
    }

    fn start_files(&self) -> Result<Files, String> {
        Files::start(self.bell.clone(), &self.runtime)
    }

    /// Waits for something to have changed, and then for the end of the `pause`; or until a time.
    ///
    /// # Errors
    /// [`Closed`] when the reading thread is to end.
    pub(crate) fn wait(&mut self, until: Instant, mut pause: Instant) -> Result<Wake, Closed> {
        let mut wake = Wake::default();
        loop {
            let heard = sleep(&self.bell, self.folders.as_ref(), until);
            if heard.rung {
                self.bell.answer(&mut wake)?;
            }
            // More may come until then, which is read with it.
            while heard.any() && Instant::now() < pause.min(until) {
                if sleep(&self.bell, None, pause.min(until)).rung {
                    self.bell.answer(&mut wake)?;
                }
            }
            if heard.told
                && let Some(folders) = &mut self.folders
                && let Err(why) = folders.hear(&mut wake, Instant::now())
            {
                self.trouble = Some(explain("learn what has changed in the folders of the files", &why.into()));
                self.folders = None;
                wake.add(Wake::everything());
            }
            if wake.is_empty() {
                // Of what nobody follows: whoever writes there must not wake us each time.
                pause = Instant::now() + PAUSE;
            }
            if !wake.is_empty() || Instant::now() >= until {
                return Ok(wake);
            }
        }
    }
}

/// What ended a sleep.
struct Heard {
    /// The bell was rung.
    rung: bool,
    /// The folders have something to tell.
    told: bool,
}

impl Heard {
    fn any(&self) -> bool {
        self.rung || self.told
    }
}

/// Sleeps until somebody has something to tell, or until a time.
fn sleep(bell: &Bell, folders: Option<&Folders>, until: Instant) -> Heard {
    let left = until.saturating_duration_since(Instant::now());
    let folders = folders.map_or(bell.as_fd(), AsFd::as_fd);
    let mut ends =
        [PollFd::from_borrowed_fd(bell.as_fd(), PollFlags::IN), PollFd::from_borrowed_fd(folders, PollFlags::IN)];
    match Timespec::try_from(left).map(|left| poll(&mut ends, Some(&left))) {
        Ok(Ok(_) | Err(Errno::INTR)) => {}
        // The kernel never says no to two of them; if it does, it is not asked all the time.
        Ok(Err(_)) | Err(_) => {
            std::thread::sleep(left.min(Duration::from_millis(100)));
            return Heard { rung: true, told: true };
        }
    }
    let [rung, told] = ends.map(|end| !end.revents().is_empty());
    Heard { rung, told }
}

/// The names under which events may speak of followed paths, and these: linemux resolves links in the folder, and a folder's
/// events name the file behind a link.
fn names(set: &Set) -> Vec<(PathBuf, Arc<Path>)> {
    let mut names = Vec::new();
    for path in set.paths() {
        let known: Arc<Path> = path.into();
        names.push((path.to_path_buf(), known.clone()));
        if let (Some(folder), Some(name)) = (path.parent().and_then(|f| f.canonicalize().ok()), path.file_name()) {
            names.push((folder.join(name), known.clone()));
        }
        if let Ok(target) = path.canonicalize() {
            names.push((target, known));
        }
    }
    names
}

fn identity(path: &Path) -> Option<Key> {
    fs::metadata(path).ok().map(|meta| Seen::of(&meta).key)
}

fn explain(tried: &str, why: &io::Error) -> String {
    let way = if why.kind() == io::ErrorKind::PermissionDenied {
        "Let the user that Heinzel runs as read the folder (on Debian, the group `adm` reads most logs)"
    } else {
        "If a limit is reached, raise it: `sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512`"
    };
    let why = match why.raw_os_error().map(Errno::from_raw_os_error) {
        // The kernel's own words are of space on a disk.
        Some(Errno::NOSPC) => "no more watches are allowed".to_owned(),
        _ => why.to_string(),
    };
    format!("{tried}: {why}; files are looked at every few seconds instead. {way}")
}
