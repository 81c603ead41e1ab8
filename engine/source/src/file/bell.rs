//! What others have to tell the reading thread: that files have changed which no watched folder tells of, and that it is to end.
//!
//! Start at [`Bell::hear`]. Several rings are one.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::event::{Event, EventKind, ModifyKind};
use rustix::event::{EventfdFlags, eventfd};

use super::set::Wake;
use crate::feed::Closed;

#[derive(Default)]
struct Inside {
    wake: Wake,
    stopped: bool,
    /// The followed paths, by the names under which events may speak of them.
    followed: HashMap<PathBuf, Arc<Path>>,
}

/// Between the reading thread and those who wake it.
pub(crate) struct Bell {
    inside: Mutex<Inside>,
    /// Readable when it was rung and not answered.
    rung: OwnedFd,
}

impl Bell {
    /// # Errors
    /// When the system gives no more file descriptors.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { inside: Mutex::default(), rung: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)? })
    }

    /// Events speak of the followed paths under these names from now on.
    pub(crate) fn name(&self, followed: HashMap<PathBuf, Arc<Path>>) {
        self.inside().followed = followed;
    }

    /// Hears an event.
    pub(crate) fn hear(&self, event: &Event) {
        if !event.need_rescan() && matches!(event.kind, EventKind::Access(_)) {
            return;
        }
        let about_names =
            matches!(event.kind, EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)));
        let mut inside = self.inside();
        let Inside { wake, followed, .. } = &mut *inside;
        wake.all |= event.need_rescan();
        wake.names |= about_names;
        for path in event.paths.iter().filter_map(|name| followed.get(name)) {
            wake.hear(path, about_names);
        }
        self.ring(inside);
    }

    /// Something may have changed, and nobody knows what.
    pub(crate) fn all(&self) {
        let mut inside = self.inside();
        inside.wake.all = true;
        self.ring(inside);
    }

    /// This path may have changed.
    pub(crate) fn path(&self, path: PathBuf) {
        let mut inside = self.inside();
        inside.wake.paths.insert(path);
        self.ring(inside);
    }

    /// The reading thread is to end.
    pub(crate) fn stop(&self) {
        let mut inside = self.inside();
        inside.stopped = true;
        self.ring(inside);
    }

    /// Adds to `wake` what was told since this was last asked.
    ///
    /// # Errors
    /// [`Closed`] when the reading thread is to end.
    pub(crate) fn answer(&self, wake: &mut Wake) -> Result<(), Closed> {
        let mut inside = self.inside();
        // Nothing was rung: nothing to take back.
        let _ = rustix::io::read(&self.rung, &mut [0; 8]);
        if inside.stopped {
            return Err(Closed);
        }
        wake.add(std::mem::take(&mut inside.wake));
        Ok(())
    }

    fn ring(&self, inside: MutexGuard<'_, Inside>) {
        // It fails only when it was rung 2^64 times without an answer: it is readable then.
        let _ = rustix::io::write(&self.rung, &1_u64.to_ne_bytes());
        drop(inside);
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // What is inside stays usable whatever panicked: sets of paths.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.rung.as_fd()
    }
}
