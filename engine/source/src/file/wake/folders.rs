//! Events of the folders in which followed files lie, or may appear.
//!
//! Start at [`Folders::hear`]. The reading thread asks the kernel itself: by notify each event would come through a thread of
//! notify's, and a line would wait for two.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init, remove_watch};
use rustix::fs::{AtFlags, FileType, StatxFlags};
use rustix::io::Errno;

use super::{explain, identity};
use crate::file::set::{Set, Wake};

/// More folders than this are left to the poll: watches are a scarce resource of the whole machine.
const MOST_FOLDERS: usize = 4_096;
/// The new name of a renamed file is forgotten when no event has named it for so long.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);
/// Renames of which only the old name was told so far. The new one comes right behind it, or never.
const MOST_MOVED: usize = 64;
/// Room for the events that are read at once, in bytes: some 80. Little, since a line waits while it is made.
const EVENTS: usize = 3 * 1024;
/// After so many events there may be more.
const MANY: usize = EVENTS / 300;

fn wanted() -> WatchFlags {
    WatchFlags::MODIFY
        | WatchFlags::ATTRIB
        | WatchFlags::CREATE
        | WatchFlags::DELETE
        | WatchFlags::MOVED_FROM
        | WatchFlags::MOVED_TO
        | WatchFlags::DELETE_SELF
        | WatchFlags::MOVE_SELF
        | WatchFlags::ONLYDIR
}

/// The watched folders.
pub(super) struct Folders {
    inotify: OwnedFd,
    watched: HashMap<PathBuf, Watched>,
    /// By the number of the watch. Two paths of one folder share it.
    names: HashMap<i32, HashMap<OsString, Named>>,
    /// The followed paths of files that were moved away, by the number of the move.
    moved: Vec<(u32, Vec<Arc<Path>>)>,
}

struct Watched {
    /// Device and inode: a folder that is created again needs a new watch.
    identity: (u64, u64),
    watch: i32,
}

/// A name in a folder under which events speak of followed paths.
struct Named {
    paths: Vec<Arc<Path>>,
    /// A followed file was given this name; when an event named it last. A program writes on to a rotated file until it is
    /// told to reopen.
    renamed: Option<Instant>,
}

impl Folders {
    pub(super) fn new() -> Result<Self, Errno> {
        let inotify = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        Ok(Self { inotify, watched: HashMap::new(), names: HashMap::new(), moved: Vec::new() })
    }

    /// Watches the folders of a set; says what cannot be watched.
    pub(super) fn follow(&mut self, set: &Set) -> Option<String> {
        let wanted: HashSet<PathBuf> = set.folders().into_iter().take(MOST_FOLDERS).collect();
        let gone: Vec<PathBuf> = self.watched.keys().filter(|folder| !wanted.contains(*folder)).cloned().collect();
        gone.iter().for_each(|folder| self.leave(folder));
        let mut trouble = None;
        for folder in wanted {
            // A missing folder is nothing to complain about: the poll finds it when it comes.
            let Some(identity) = identity(&folder) else { continue };
            if self.watched.get(&folder).is_some_and(|watched| watched.identity == identity) {
                continue;
            }
            self.leave(&folder);
            match add_watch(&self.inotify, &folder, self::wanted()) {
                Ok(watch) => drop(self.watched.insert(folder, Watched { identity, watch })),
                Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(why) => trouble = Some(explain(&format!("watch {}", folder.display()), &why.into())),
            }
        }
        trouble
    }

    fn leave(&mut self, folder: &Path) {
        let Some(Watched { watch, .. }) = self.watched.remove(folder) else { return };
        if self.watched.values().all(|other| other.watch != watch) {
            self.names.remove(&watch);
            // The folder may be gone, and its watch with it.
            let _ = remove_watch(&self.inotify, watch);
        }
    }

    /// Learns the names under which events speak of the followed paths: pairs of both.
    pub(super) fn name(&mut self, names: &[(PathBuf, Arc<Path>)], now: Instant) {
        let mut before = std::mem::take(&mut self.names);
        for (name, path) in names {
            let (Some(folder), Some(file)) = (name.parent(), name.file_name()) else { continue };
            let Some(watched) = self.watched.get(folder) else { continue };
            let named = self.names.entry(watched.watch).or_default().entry(file.to_owned());
            let paths = &mut named.or_insert_with(|| Named { paths: Vec::new(), renamed: None }).paths;
            if !paths.contains(path) {
                paths.push(path.clone());
            }
        }
        for watch in self.watched.values().map(|watched| watched.watch) {
            let renamed = before.remove(&watch).unwrap_or_default().into_iter();
            let recent = renamed.filter(|(_, name)| name.renamed.is_some_and(|at| now < at + FORGOTTEN_AFTER));
            let names = self.names.entry(watch).or_default();
            for (name, named) in recent {
                names.entry(name).or_insert(named);
            }
        }
    }

    /// Whether the watched folder of a path tells of every write to the file that the path names.
    pub(super) fn tells_of(&self, path: &Path) -> bool {
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

    /// Adds what the kernel has to tell to `wake`.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub(super) fn hear(&mut self, wake: &mut Wake, now: Instant) -> Result<(), Errno> {
        let Self { inotify, watched, names, moved } = self;
        let mut room = [MaybeUninit::uninit(); EVENTS];
        let mut events = Reader::new(inotify.as_fd(), &mut room);
        for number in 1.. {
            let event = match events.next() {
                Ok(event) => event,
                Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
                Err(why) => return Err(why),
            };
            let (watch, what) = (event.wd(), event.events());
            if what.contains(ReadFlags::QUEUE_OVERFLOW) {
                (wake.all, wake.names) = (true, true);
            } else if what.contains(ReadFlags::IGNORED) {
                // The folder is gone: one of this name that comes again is another.
                watched.retain(|_, watched| watched.watch != watch);
                names.remove(&watch);
            } else if let Some(name) = event.file_name() {
                let names = names.entry(watch).or_default();
                hear(names, moved, OsStr::from_bytes(name.to_bytes()), what, event.cookie(), wake, now);
            } else {
                wake.names |= what.intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT);
            }
            if events.is_buffer_empty() && number < MANY {
                // To be told that there is no more would be another call of the kernel.
                break;
            }
        }
        Ok(())
    }
}

impl AsFd for Folders {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// Hears what happened to a name in a folder.
fn hear(
    names: &mut HashMap<OsString, Named>,
    moved: &mut Vec<(u32, Vec<Arc<Path>>)>,
    name: &OsStr,
    what: ReadFlags,
    cookie: u32,
    wake: &mut Wake,
    now: Instant,
) {
    let mut named = names.get_mut(name);
    if let Some(at) = named.as_mut().and_then(|named| named.renamed.as_mut()) {
        *at = now;
    }
    let paths = named.map_or(&[][..], |named| &named.paths);
    let about_names =
        what.intersects(ReadFlags::CREATE | ReadFlags::DELETE | ReadFlags::MOVED_FROM | ReadFlags::MOVED_TO);
    wake.names |= about_names;
    paths.iter().for_each(|path| wake.hear(path, about_names));
    if what.contains(ReadFlags::MOVED_FROM) && !paths.is_empty() {
        moved.truncate(MOST_MOVED - 1);
        moved.insert(0, (cookie, paths.to_vec()));
    }
    if what.contains(ReadFlags::MOVED_TO)
        && let Some(at) = moved.iter().position(|(of, _)| *of == cookie)
    {
        let (_, paths) = moved.remove(at);
        paths.iter().for_each(|path| wake.hear(path, true));
        names.entry(name.to_owned()).or_insert(Named { paths, renamed: Some(now) });
    }
}

#[cfg(test)]
mod tests;
