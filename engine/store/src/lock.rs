//! The state folder and its lock: one engine owns a store, as long as both lie where it opened them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

/// The lock's file in the state folder.
const FILE: &str = "heinzel.lock";
/// How long a dead owner's lock is waited for.
const LEFTOVER: Duration = Duration::from_secs(5);
/// How long whoever only asks who the owner is may seem to be one ([`owner_of`]).
const ASKED: Duration = Duration::from_millis(100);

/// The right to write to the store in a folder. Held until it is dropped, or the process ends in whatever way.
#[derive(Debug)]
pub struct Lock {
    folder: PathBuf,
    anchor: Anchor,
    // The kernel's lock lives as long as the open file. The file itself stays: removing it would let two processes
    // lock two files of the same name.
    _file: File,
}

/// The lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// Another process owns the store.
    #[error(
        "lock {}: another Heinzel{} owns this state folder; stop that one, or give this one its own folder",
        file.display(), pid.map_or(String::new(), |pid| format!(" (process {pid})"))
    )]
    Held {
        /// The lock file.
        file: PathBuf,
        /// The owner, where it could be read.
        pid: Option<u32>,
    },
    /// The folder or the file cannot be used.
    #[error("{tried} {}: the user that runs Heinzel must be able to write there", path.display())]
    Unusable {
        /// What was tried.
        tried: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        cause: io::Error,
    },
}

impl Lock {
    /// Takes the lock of `folder`. Creates the folder, for its owner only, when there is none; the mode of one that exists
    /// is the operator's.
    ///
    /// Does not wait for a living owner, but for those who only ask who that is. And an engine that was killed while it started a program leaves a copy of itself
    /// that holds the lock for the moment until it becomes that program: a dead owner's lock is waited for, up to 5 s.
    ///
    /// # Errors
    /// [`NotTaken::Held`] when another process (or another place in this one) has it; [`NotTaken::Unusable`] when
    /// folder or lock file cannot be created or opened.
    pub fn take(folder: &Path) -> Result<Self, NotTaken> {
        let unusable = |tried, path: &Path| {
            let path = path.to_owned();
            move |cause| NotTaken::Unusable { tried, path, cause }
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(unusable("create the state folder", folder))?;
        if let Ok(found) = fs::metadata(folder)
            && found.permissions().mode() & 0o022 != 0
        {
            tracing::warn!(folder = %folder.display(), "others may write to the state folder; `chmod go-w` it");
        }
        let path = folder.join(FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(unusable("open the lock file", &path))?;
        let begun = Instant::now();
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    let pid = owner(&mut file);
                    let patience = if pid.is_some_and(is_alive) { ASKED } else { LEFTOVER };
                    if begun.elapsed() > patience {
                        return Err(NotTaken::Held { file: path, pid });
                    }
                    // The kernel's waiting lock knows no time limit.
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(errno) => return Err(unusable("lock", &path)(errno.into())),
            }
        }
        // Only for the message of whoever comes second: a failure (disk full) must not stop the start.
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(file, "{}", std::process::id()));
        if let Err(error) = written {
            tracing::warn!(file = %path.display(), %error, "cannot write the process id into the lock file");
        }
        let anchor = file.metadata().map(|found| Anchor::new(&path, &found)).map_err(unusable("look at", &path))?;
        Ok(Self { folder: folder.to_owned(), anchor, _file: file })
    }

    /// The lock's file, which tells whether the folder is still the one that was locked.
    #[must_use]
    pub const fn anchor(&self) -> &Anchor {
        &self.anchor
    }

    /// The state folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// A file as it was when it was opened. As long as it is open, no other file has its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl Anchor {
    /// That of the file at this path.
    ///
    /// # Errors
    /// When there is none, or it cannot be looked at.
    pub fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::new(path, &fs::metadata(path)?))
    }

    fn new(path: &Path, found: &fs::Metadata) -> Self {
        Self { path: path.to_owned(), identity: (found.dev(), found.ino()) }
    }

    /// Whether it still lies where it lay: nobody has removed, moved or replaced it, or a folder above it.
    #[must_use]
    pub fn holds(&self) -> bool {
        Self::of(&self.path).is_ok_and(|now| now == *self)
    }

    /// Where it lay.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The process that owns a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its number, where it could be read.
    pub pid: Option<u32>,
}

/// Who owns the store in `folder` at this moment; `None`: nobody. Makes nothing.
#[must_use]
pub fn owner_of(folder: &Path) -> Option<Owner> {
    let mut file = File::open(folder.join(FILE)).ok()?;
    // Shared and for a moment only: whoever wants to own it meanwhile tries again ([`Lock::take`]).
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(rustix::io::Errno::WOULDBLOCK) => Some(Owner { pid: owner(&mut file) }),
        _ => None,
    }
}

/// Who wrote its number into the lock file last.
fn owner(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn is_alive(pid: u32) -> bool {
    // Not for a dead one that nobody has waited for yet: it holds nothing any more.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_has_it_and_may_follow() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("state/heinzel");
        let lock = Lock::take(&folder).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        let second = Lock::take(&folder).unwrap_err();
        let NotTaken::Held { pid, .. } = &second else { panic!("{second}") };
        assert_eq!(*pid, Some(std::process::id()));
        assert!(second.to_string().contains("heinzel.lock"), "{second}");
        assert_eq!(owner_of(&folder), Some(Owner { pid: Some(std::process::id()) }));
        drop(lock);
        assert_eq!(owner_of(&folder), None);
        Lock::take(&folder).unwrap();
    }

    #[test]
    fn a_folder_that_is_moved_replaced_or_put_back_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let (folder, aside) = (root.path().join("state"), root.path().join("aside"));
        assert_eq!(owner_of(&folder), None);
        let lock = Lock::take(&folder).unwrap();
        assert!(lock.anchor().holds());
        fs::rename(&folder, &aside).unwrap();
        assert!(!lock.anchor().holds());
        let other = Lock::take(&folder).unwrap();
        assert!(other.anchor().holds() && !lock.anchor().holds());
        fs::remove_dir_all(&folder).unwrap();
        fs::rename(&aside, &folder).unwrap();
        assert!(lock.anchor().holds() && !other.anchor().holds());
    }

    #[test]
    fn what_a_killed_engine_left_behind_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::take(folder.path()).unwrap();
        // No process has this number: it is above the highest that the kernel gives.
        fs::write(folder.path().join("heinzel.lock"), "4294967295\n").unwrap();
        let leftover = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            drop(lock);
        });
        Lock::take(folder.path()).unwrap();
        leftover.join().unwrap();
    }

    #[test]
    fn whoever_only_asks_who_owns_it_does_not_stop_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heinzel.lock");
        // The number of the last owner belongs to somebody else by now.
        fs::write(&path, format!("{}\n", std::process::id())).unwrap();
        let asks = File::open(&path).unwrap();
        flock(&asks, FlockOperation::NonBlockingLockShared).unwrap();
        let asking = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            drop(asks);
        });
        Lock::take(folder.path()).unwrap();
        asking.join().unwrap();
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_named() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("state");
        fs::write(&path, "").unwrap();
        assert!(Lock::take(&path).unwrap_err().to_string().contains("state folder"));
    }
}
