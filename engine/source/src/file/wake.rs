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
    start_files: StartFiles,
    folders: Option<Folders>,
    /// Why there are none.
    no_folders: Option<String>,
    files: Option<Files>,
    /// Why they could not be started.
    no_files: Option<String>,
    /// Why not all is watched.
    trouble: Option<String>,
    /// When something was built last, or could not be.
    tried_at: Option<Instant>,
}

type StartFiles = fn(Arc<Bell>, &Handle) -> Result<Files, String>;

impl Watch {
    /// Watches nothing yet. Others wake who waits by `bell`.
    pub(crate) fn new(bell: Arc<Bell>, runtime: Handle) -> Self {
        Self {
            bell,
            runtime,
            start_files: Files::start,
            folders: None,
            no_folders: None,
            files: None,
            no_files: None,
            trouble: None,
            tried_at: None,
        }
    }

    /// Why there are no wake-ups, or not all. `None`: all is well.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Watches what the set follows now.
    pub(crate) fn follow(&mut self, set: &Set) {
        let again = self.tried_at.is_none_or(|at| at.elapsed() >= AGAIN);
        if self.folders.is_none() && (again || self.no_folders.is_none()) {
            self.tried_at = Some(Instant::now());
            let folders = Folders::new().map_err(|why| explain("watch the folders of the files", &why.into()));
            (self.folders, self.no_folders) = either(folders);
        }
        let names = names(set);
        let unwatched = self.folders.as_mut().and_then(|folders| {
            let unwatched = folders.follow(set);
            folders.learn(&names, Instant::now());
            unwatched
        });
        self.bell.name(names.into_iter().collect());
        let is_old = |files: &Files| files.has_switched_link(set) || again && files.trouble().is_some();
        if self.files.as_ref().is_some_and(is_old) {
            (self.files, self.no_files) = (None, None);
        }
        let folders = self.folders.as_ref();
        let is_untold = |path: &&Path| !folders.is_some_and(|folders| folders.tells_of(path));
        // A missing file is told of by its folder when it comes.
        let untold: Vec<_> = set.paths().filter(is_untold).filter_map(|path| Some((path, identity(path)?))).collect();
        if self.files.is_none() && !untold.is_empty() && (again || self.no_files.is_none()) {
            // Not before: it costs a thread, and of inotify's instances a machine has few.
            self.tried_at = Some(Instant::now());
            (self.files, self.no_files) = either((self.start_files)(self.bell.clone(), &self.runtime));
        }
        let no_files = self.no_files.clone().filter(|_| !untold.is_empty());
        if let Some(files) = &mut self.files {
            files.follow(untold);
        }
        let trouble = self.no_folders.clone().or(unwatched).or(no_files);
        self.trouble = trouble.or_else(|| self.files.as_ref().and_then(Files::trouble));
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
                let why = explain("learn what has changed in the folders of the files", &why.into());
                (self.folders, self.no_folders) = (None, Some(why));
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

/// What came of trying, as the one or the other.
fn either<T>(tried: Result<T, String>) -> (Option<T>, Option<String>) {
    match tried {
        Ok(made) => (Some(made), None),
        Err(why) => (None, Some(why)),
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use heinzel_core::time::Timestamp;

    use super::*;
    use crate::file::tail::Begin;
    use crate::settings::File;

    #[tokio::test]
    async fn what_cannot_be_watched_is_trouble_as_long_as_it_is_needed_and_not_tried_all_the_time() {
        static TRIED: AtomicUsize = AtomicUsize::new(0);
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("a.log");
        fs::write(folder.path().join("target"), "").unwrap();
        symlink(folder.path().join("target"), &link).unwrap();
        let set = Set::new(&File::plain(&link), Begin::Beginning, Vec::new(), Timestamp::EPOCH);
        let mut watch = Watch::new(Arc::new(Bell::new().unwrap()), Handle::current());
        watch.start_files = |_, _| {
            TRIED.fetch_add(1, Ordering::Relaxed);
            Err("no more".into())
        };
        for _ in 0..5 {
            watch.follow(&set);
            assert_eq!(watch.trouble(), Some("no more"));
        }
        assert_eq!(TRIED.load(Ordering::Relaxed), 1);
        watch.tried_at = watch.tried_at.and_then(|at| at.checked_sub(AGAIN));
        watch.follow(&set);
        assert_eq!((TRIED.load(Ordering::Relaxed), watch.trouble()), (2, Some("no more")));

        fs::remove_file(&link).unwrap();
        fs::write(&link, "").unwrap();
        watch.follow(&set);
        assert_eq!(watch.trouble(), None, "the folder tells of a file");
    }

    #[tokio::test]
    async fn who_waits_hears_all_that_comes_in_a_pause_at_once_and_the_end_amid_it() {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = ["a.log", "b.log"].iter().map(|name| folder.path().join(name)).collect();
        paths.iter().for_each(|path| fs::write(path, "").unwrap());
        let file =
            File { paths: paths.iter().map(|path| path.display().to_string()).collect(), ..File::plain(&paths[0]) };
        let set = Set::new(&file, Begin::Beginning, Vec::new(), Timestamp::EPOCH);
        let bell = Arc::new(Bell::new().unwrap());
        let mut watch = Watch::new(bell.clone(), Handle::current());
        watch.follow(&set);
        let late = || Instant::now() + Duration::from_secs(600);
        let mut files = paths.iter().map(|path| fs::OpenOptions::new().append(true).open(path).unwrap());
        let (mut first, mut second) = (files.next().unwrap(), files.next().unwrap());
        first.write_all(b"1\n").unwrap();
        bell.path("c.log".into());
        let (runs, told) = std::sync::mpsc::channel();
        let writer = std::thread::spawn(move || {
            runs.send(()).unwrap();
            second.write_all(b"2\n").unwrap();
        });
        told.recv().unwrap();
        let pause = Instant::now() + Duration::from_secs(2);
        let wake = watch.wait(late(), pause).unwrap();
        assert_eq!((wake.grown.len(), wake.paths.len()), (2, 1));
        assert!(Instant::now() >= pause);
        writer.join().unwrap();
        assert!(watch.wait(Instant::now(), Instant::now()).unwrap().is_empty());

        first.write_all(b"3\n").unwrap();
        let stopper = std::thread::spawn(move || bell.stop());
        assert!(watch.wait(late(), late()).is_err());
        stopper.join().unwrap();
    }
}
