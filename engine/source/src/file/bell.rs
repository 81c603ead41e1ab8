//! What has changed since the reading thread looked last, and how it waits for that.
//!
//! Start at [`Bell::wait`]. Whoever hears of a change notes the paths and rings; several rings are one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use notify::{Event, EventKind, event::ModifyKind};

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
    /// The path that was read at once last, and when.
    read: Option<(PathBuf, Instant)>,
}

/// Between those who hear of changes and the reading thread.
#[derive(Default)]
pub(crate) struct Bell {
    inside: Mutex<Inside>,
    rings: Condvar,
    /// The names under which events may speak of a followed path.
    names: Mutex<HashMap<PathBuf, PathBuf>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is inside stays usable whatever panicked: sets of paths.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bell {
    /// Events speak of the followed paths under these names from now on.
    pub(crate) fn name(&self, names: HashMap<PathBuf, PathBuf>) {
        *lock(&self.names) = names;
    }

    /// Hears an event. Of a file that has only got more bytes, `at_once` is asked first whether it reads them itself.
    pub(crate) fn hear(&self, event: &Event, mut at_once: impl FnMut(&Path) -> bool) {
        let about_names =
            matches!(event.kind, EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)));
        if !event.need_rescan() && matches!(event.kind, EventKind::Access(_)) {
            return;
        }
        let paths: Vec<PathBuf> = {
            let names = lock(&self.names);
            event.paths.iter().filter_map(|path| names.get(path)).cloned().collect()
        };
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

    /// The path was read at `now` by who heard of it.
    pub(crate) fn was_read(&self, path: &Path, now: Instant) {
        let mut inside = lock(&self.inside);
        match &mut inside.read {
            Some((last, at)) if last == path => *at = now,
            read => *read = Some((path.to_path_buf(), now)),
        }
    }

    /// Notes a path that was just read at once, without a ring: what is told of it now is most likely the same once more,
    /// and if not, the next look finds it. `false`: it was not.
    pub(crate) fn note_if_just_read(&self, path: &Path) -> bool {
        let mut inside = lock(&self.inside);
        let just = inside.read.as_ref().is_some_and(|(last, at)| last == path && at.elapsed() < PAUSE);
        if just {
            inside.wake.paths.insert(path.to_path_buf());
        }
        just
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
            let read = inside.read.as_ref().map_or(pause, |(_, at)| pause.max(*at + PAUSE));
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
