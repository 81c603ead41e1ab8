//! What has changed since the reading thread looked last, and how it waits for that.
//!
//! Start at [`Bell::wait`]. Whoever hears of a change notes the paths and rings; several rings are one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{Event, EventKind, ModifyKind, RenameMode};

use super::set::Wake;
use crate::feed::Closed;

/// So long at least lies between two readings of a file that grows without a rest: each takes what came in between. A file
/// that has been quiet for so long is read at once.
pub(crate) const PAUSE: Duration = Duration::from_millis(1);

#[derive(Default)]
struct Inside {
    wake: Wake,
    rung: bool,
    stopped: bool,
    /// When somebody read who heard of bytes.
    read_at: Option<Instant>,
}

/// Between those who hear of changes and the reading thread.
#[derive(Default)]
pub(crate) struct Bell {
    inside: Mutex<Inside>,
    rings: Condvar,
    names: Mutex<Names>,
}

/// The names under which events may speak of a followed path.
#[derive(Default)]
struct Names {
    followed: HashMap<PathBuf, PathBuf>,
    /// Those of files that were renamed: a program writes on to a rotated file until it is told to reopen. With the time of
    /// the last event.
    renamed: HashMap<PathBuf, (PathBuf, Instant)>,
}

/// The new name of a renamed file is forgotten when no event has named it for so long.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

impl Names {
    fn hear(&mut self, event: &Event, now: Instant) -> Vec<PathBuf> {
        if let (EventKind::Modify(ModifyKind::Name(RenameMode::Both)), [from, to]) = (event.kind, &*event.paths)
            && !self.followed.contains_key(to)
            && let Some(path) = self.path(from, now)
        {
            self.renamed.insert(to.clone(), (path, now));
        }
        event.paths.iter().filter_map(|name| self.path(name, now)).collect()
    }

    fn path(&mut self, name: &Path, now: Instant) -> Option<PathBuf> {
        if let Some(path) = self.followed.get(name) {
            return Some(path.clone());
        }
        let (path, at) = self.renamed.get_mut(name)?;
        *at = now;
        Some(path.clone())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is inside stays usable whatever panicked: sets of paths.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bell {
    /// Events speak of the followed paths under these names from now on.
    pub(crate) fn name(&self, names: HashMap<PathBuf, PathBuf>) {
        let mut inside = lock(&self.names);
        inside.renamed.retain(|name, (_, at)| at.elapsed() < FORGOTTEN_AFTER && !names.contains_key(name));
        inside.followed = names;
    }

    /// Hears an event. Of a file that has only got more bytes, `at_once` is asked first whether it reads them itself.
    pub(crate) fn hear(&self, event: &Event, mut at_once: impl FnMut(&Path) -> bool) {
        let about_names =
            matches!(event.kind, EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)));
        if !event.need_rescan() && matches!(event.kind, EventKind::Access(_)) {
            return;
        }
        let paths = lock(&self.names).hear(event, Instant::now());
        let plain = !about_names && !event.need_rescan();
        let left: Vec<PathBuf> = paths.into_iter().filter(|path| !(plain && at_once(path))).collect();
        if plain && left.is_empty() {
            return;
        }
        let mut inside = lock(&self.inside);
        inside.wake.all |= event.need_rescan();
        inside.wake.names |= about_names;
        inside.wake.paths.extend(left);
        self.ring(inside);
    }

    /// Something may have changed, and nobody knows what.
    pub(crate) fn all(&self) {
        let mut inside = lock(&self.inside);
        inside.wake.all = true;
        self.ring(inside);
    }

    /// This path may have changed.
    pub(crate) fn path(&self, path: PathBuf) {
        let mut inside = lock(&self.inside);
        inside.wake.paths.insert(path);
        self.ring(inside);
    }

    /// There is something to be done, whether or not a path has changed.
    pub(crate) fn wake(&self) {
        self.ring(lock(&self.inside));
    }

    /// The reading thread is to end.
    pub(crate) fn stop(&self) {
        let mut inside = lock(&self.inside);
        inside.stopped = true;
        self.ring(inside);
    }

    /// Bytes were read at `now` by who heard of them.
    pub(crate) fn was_read(&self, now: Instant) {
        lock(&self.inside).read_at = Some(now);
    }

    /// Says whether the reading thread is to end.
    ///
    /// # Errors
    /// [`Closed`] when it is.
    pub(crate) fn check(&self) -> Result<(), Closed> {
        if lock(&self.inside).stopped { Err(Closed) } else { Ok(()) }
    }

    /// Waits for a ring, and then for the end of the pause after a reading (`pause` or one that was told here); or until a
    /// time.
    ///
    /// # Errors
    /// [`Closed`] when the reading thread is to end.
    pub(crate) fn wait(&self, until: Instant, pause: Instant) -> Result<Wake, Closed> {
        let mut inside = lock(&self.inside);
        loop {
            let now = Instant::now();
            let read = inside.read_at.map_or(pause, |at| pause.max(at + PAUSE));
            let end = if inside.rung { read.min(until) } else { until };
            if inside.stopped {
                return Err(Closed);
            }
            if now >= end {
                inside.rung = false;
                return Ok(std::mem::take(&mut inside.wake));
            }
            inside = self.rings.wait_timeout(inside, end - now).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn ring(&self, mut inside: MutexGuard<'_, Inside>) {
        let first = !std::mem::replace(&mut inside.rung, true) || inside.stopped;
        drop(inside);
        if first {
            self.rings.notify_one();
        }
    }
}
