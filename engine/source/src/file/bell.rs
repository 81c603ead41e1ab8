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
        // All that is told of a file whose name was given to another while we hold it open is that it has one name less.
        let written = matches!(event.kind, EventKind::Modify(ModifyKind::Data(_)));
        let mut inside = self.inside();
        let Inside { wake, followed, .. } = &mut *inside;
        wake.all |= event.need_rescan();
        wake.names |= about_names;
        for path in event.paths.iter().filter_map(|name| followed.get(name)) {
            wake.hear(path, written);
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

#[cfg(test)]
mod tests {
    use notify::event::{AccessKind, CreateKind, DataChange, Flag, MetadataKind, RemoveKind, RenameMode};

    use super::*;

    fn told(kind: EventKind, name: &str) -> Wake {
        let bell = Bell::new().unwrap();
        let path: Arc<Path> = Path::new("/logs/a").into();
        bell.name([("/real/a".into(), path)].into());
        bell.hear(&Event::new(kind).add_path(name.into()));
        let mut wake = Wake::default();
        bell.answer(&mut wake).unwrap();
        wake
    }

    #[test]
    fn what_happened_to_a_name_is_told_from_what_was_written_to_its_file() {
        let wake = told(EventKind::Modify(ModifyKind::Data(DataChange::Any)), "/real/a");
        assert_eq!((wake.names, wake.paths.len(), wake.grown.len()), (false, 0, 1));
        let others = [
            (EventKind::Create(CreateKind::File), true),
            (EventKind::Remove(RemoveKind::File), true),
            (EventKind::Modify(ModifyKind::Name(RenameMode::From)), true),
            (EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)), false),
        ];
        for (kind, about_names) in others {
            let wake = told(kind, "/real/a");
            assert_eq!((wake.names, wake.grown.len()), (about_names, 0), "{kind:?}");
            assert_eq!(wake.paths, ["/logs/a".into()].into(), "{kind:?}");
        }
    }

    #[test]
    fn what_nobody_follows_and_who_only_reads_say_nothing() {
        assert!(told(EventKind::Access(AccessKind::Any), "/real/a").is_empty());
        assert!(told(EventKind::Modify(ModifyKind::Data(DataChange::Any)), "/real/b").is_empty());
    }

    #[test]
    fn what_was_missed_is_everything_and_the_end_is_the_end() {
        let bell = Bell::new().unwrap();
        bell.hear(&Event::new(EventKind::Other).set_flag(Flag::Rescan));
        let mut wake = Wake::default();
        bell.answer(&mut wake).unwrap();
        assert!(wake.all);
        bell.stop();
        assert_eq!(bell.answer(&mut wake), Err(Closed));
    }
}
