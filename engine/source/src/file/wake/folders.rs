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

use super::explain;
use crate::file::set::{Set, Wake};

/// More folders than this are left to the poll: watches are a scarce resource of the whole machine.
const MOST_FOLDERS: usize = 4_096;
/// The new name of a renamed file is forgotten when no event has named it for so long.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);
/// Renames of which only the old name was told so far. The new one comes right behind it, or never.
const MOST_MOVED: usize = 64;
/// Room for the events that are read at once, in bytes: some 80. Little, since a line waits while it is made.
const EVENTS: usize = 3 * 1024;
/// After so many events it is enough for once: somebody may make them as fast as they are heard.
const MOST_EVENTS: usize = 1_024;
/// After so many events there may be more.
const MANY: usize = EVENTS / 300;

/// What is told of a folder.
const WANTED: WatchFlags = WatchFlags::MODIFY
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// The watched folders.
pub(super) struct Folders {
    inotify: OwnedFd,
    /// With the number of the watch.
    watched: HashMap<PathBuf, i32>,
    /// By the number of the watch. Two paths of one folder share it.
    names: HashMap<i32, HashMap<OsString, Named>>,
    /// The followed paths of files that were moved away, by the number of the move.
    moved: Vec<(u32, Vec<Arc<Path>>)>,
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

    /// Watches the folders of a set; says what cannot be watched. A folder that is watched already is asked for again: it may
    /// have been made anew, with the inode of the old one, and nobody may have told.
    pub(super) fn follow(&mut self, set: &Set) -> Option<String> {
        let mut wanted = set.folders();
        // The same ones each time, and the same trouble; first those in which there are files already.
        let of_files: HashSet<&Path> = set.paths().filter_map(Path::parent).collect();
        wanted.sort_unstable();
        wanted.sort_by_key(|folder| !of_files.contains(&**folder));
        let mut trouble = (wanted.len() > MOST_FOLDERS).then(|| {
            format!(
                "watch {} folders: a source watches {MOST_FOLDERS}, files in the others are looked at every few seconds instead; divide `path` among several sources",
                wanted.len()
            )
        });
        wanted.truncate(MOST_FOLDERS);
        let kept: HashSet<&PathBuf> = wanted.iter().collect();
        let gone: Vec<PathBuf> = self.watched.keys().filter(|folder| !kept.contains(folder)).cloned().collect();
        gone.iter().for_each(|folder| self.leave(folder));
        for folder in wanted {
            // A missing folder is nothing to complain about: the poll finds it when it comes.
            if !folder.is_dir() {
                self.leave(&folder);
                continue;
            }
            match add_watch(&self.inotify, &folder, WANTED) {
                Ok(watch) => {
                    if self.watched.get(&folder) != Some(&watch) {
                        self.leave(&folder);
                        self.watched.insert(folder, watch);
                    }
                }
                Err(why) => {
                    self.leave(&folder);
                    if why != Errno::NOENT && why != Errno::NOTDIR {
                        trouble = Some(explain(&format!("watch {}", folder.display()), &why.into()));
                    }
                }
            }
        }
        trouble
    }

    fn leave(&mut self, folder: &Path) {
        let Some(watch) = self.watched.remove(folder) else { return };
        if self.watched.values().all(|other| *other != watch) {
            self.names.remove(&watch);
            // The folder may be gone, and its watch with it.
            let _ = remove_watch(&self.inotify, watch);
        }
    }

    /// Learns the names under which events speak of the followed paths: pairs of both.
    pub(super) fn learn(&mut self, names: &[(PathBuf, Arc<Path>)], now: Instant) {
        let mut before = std::mem::take(&mut self.names);
        for (name, path) in names {
            let (Some(folder), Some(file)) = (name.parent(), name.file_name()) else { continue };
            let Some(watch) = self.watched.get(folder) else { continue };
            let named = self.names.entry(*watch).or_default().entry(file.to_owned());
            let paths = &mut named.or_insert_with(|| Named { paths: Vec::new(), renamed: None }).paths;
            if !paths.contains(path) {
                paths.push(path.clone());
            }
        }
        for &watch in self.watched.values() {
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

    /// Adds what the kernel has to tell to `wake`; not all of it, if it is very much.
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
                wake.add(Wake::everything());
            } else if what.contains(ReadFlags::IGNORED) {
                // The folder is gone: one of this name that comes again is another.
                watched.retain(|_, watched| *watched != watch);
                names.remove(&watch);
            } else if let Some(name) = event.file_name() {
                let names = names.entry(watch).or_default();
                hear(names, moved, OsStr::from_bytes(name.to_bytes()), what, event.cookie(), wake, now);
            } else {
                wake.folders |= what.intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT);
            }
            // To be told that there is no more would be another call of the kernel.
            if events.is_buffer_empty() && !(MANY..MOST_EVENTS).contains(&number) {
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
    wake.folders |= about_names && what.contains(ReadFlags::ISDIR);
    paths.iter().for_each(|path| wake.hear(path, what.contains(ReadFlags::MODIFY)));
    if what.contains(ReadFlags::MOVED_FROM) && !paths.is_empty() {
        moved.truncate(MOST_MOVED - 1);
        moved.insert(0, (cookie, paths.to_vec()));
    }
    if what.contains(ReadFlags::MOVED_TO)
        && let Some(at) = moved.iter().position(|(of, _)| *of == cookie)
    {
        let (_, paths) = moved.remove(at);
        paths.iter().for_each(|path| wake.hear(path, false));
        let named = names.entry(name.to_owned()).or_insert_with(|| Named { paths: Vec::new(), renamed: Some(now) });
        if named.renamed.is_some() {
            named.paths = paths;
        }
    }
}

#[cfg(test)]
mod tests;
