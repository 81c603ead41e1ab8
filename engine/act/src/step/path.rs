//! Finding a file under an allowed folder, whatever its owners try with links in between.
//!
//! Start at [`Place::find`]. Customers own files below the folders that an operator allows, and can replace any part of
//! a path by a symbolic link at any time, also between our look and our act. So a path is never used twice: each folder
//! on the way is opened from the one before it, links are not followed, and what was looked at is held open and is what
//! is acted on.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use rustix::fs::{CWD, Mode, OFlags, openat};

use super::Stop;

/// A folder that is held open, and a name in it.
#[derive(Debug)]
pub(super) struct Place {
    /// The folder (`O_PATH`).
    folder: OwnedFd,
    /// The name, without any `/`.
    pub(super) name: String,
    /// The whole path, for messages.
    pub(super) path: String,
}

/// Something in a folder that is held open (`O_PATH`: neither read nor written, and a link itself, not its target).
#[derive(Debug)]
pub(super) struct Entry {
    held: File,
    /// What it is, as of now.
    pub(super) metadata: Metadata,
}

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Place {
    /// Walks to the folder that holds `path`, from the deepest of `roots` that contains it. The root itself is the
    /// operator's word and may be a link.
    ///
    /// # Errors
    /// [`Stop::Target`] for links, missing folders and paths outside the roots; [`Stop::Failed`] when the system refuses.
    pub(super) fn find(roots: &[String], path: &str) -> Result<Self, Stop> {
        let below = |root: &String| {
            let root = root.trim_end_matches('/');
            let rest = path.strip_prefix(root)?.strip_prefix('/')?;
            (!root.is_empty()).then(|| (root.to_owned(), rest.to_owned()))
        };
        let Some((root, rest)) = roots.iter().filter_map(below).max_by_key(|(root, _)| root.len()) else {
            return Err(Stop::Target(format!("`{path}` is in no folder of `policy.allow.paths`")));
        };
        let mut parts: Vec<&str> = rest.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        if parts.contains(&"..") {
            return Err(Stop::Target(format!("`{path}` contains `/../`, which leaves the folder it names")));
        }
        let Some(name) = parts.pop().filter(|name| !name.contains('\0')) else {
            return Err(Stop::Target(format!("`{path}` names no file")));
        };
        let mut folder = openat(CWD, &root, FOLDER, Mode::empty()).map_err(|e| cannot("open", &root, e))?;
        let mut walked = root;
        for part in parts {
            walked = format!("{walked}/{part}");
            folder = match openat(&folder, part, FOLDER | OFlags::NOFOLLOW, Mode::empty()) {
                Ok(next) => next,
                Err(rustix::io::Errno::NOTDIR | rustix::io::Errno::LOOP) => {
                    return Err(Stop::Target(format!(
                        "`{walked}` is a link or a file, not a folder; links are not followed below a folder of \
                         `policy.allow.paths`, so name the real path"
                    )));
                }
                Err(error) => return Err(cannot("open", &walked, error)),
            };
        }
        Ok(Self { folder, name: name.to_owned(), path: path.to_owned() })
    }

    /// The folder, opened anew for reading and syncing.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn folder(&self) -> Result<OwnedFd, Stop> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(&self.folder, ".", flags, Mode::empty()).map_err(|e| cannot("open the folder of", &self.path, e))
    }

    /// The folder, for `*at` calls.
    pub(super) fn at(&self) -> &OwnedFd {
        &self.folder
    }

    /// Takes hold of what has this name in the folder; `None` when nothing has.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn entry(&self, name: &OsStr) -> Result<Option<Entry>, Stop> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let held = match openat(&self.folder, name, flags, Mode::empty()) {
            Ok(held) => File::from(held),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => return Err(cannot("look at", &self.path, error)),
        };
        let metadata = held.metadata().map_err(|e| cannot("look at", &self.path, e))?;
        Ok(Some(Entry { held, metadata }))
    }

    /// Takes hold of the regular file that must be here.
    ///
    /// # Errors
    /// [`Stop::Target`] when there is nothing, or something else.
    pub(super) fn file(&self) -> Result<Entry, Stop> {
        match self.entry(OsStr::new(&self.name))? {
            Some(entry) if entry.metadata.is_file() => Ok(entry),
            Some(entry) => {
                Err(Stop::Target(format!("`{}` is {}, and steps change only plain files", self.path, entry.kind())))
            }
            None => Err(Stop::Target(format!("`{}` does not exist", self.path))),
        }
    }

    /// The same, and it must have no second name: through a hard link a change would reach a file elsewhere.
    ///
    /// # Errors
    /// [`Stop::Target`].
    pub(super) fn single_file(&self) -> Result<Entry, Stop> {
        let entry = self.file()?;
        match entry.metadata.nlink() {
            0 | 1 => Ok(entry),
            names => Err(Stop::Target(format!(
                "`{}` has {names} names (hard links), and the change would reach the others too; look who made them",
                self.path
            ))),
        }
    }

    /// The file that a new one would replace: none, or one that may be replaced.
    ///
    /// # Errors
    /// [`Stop::Target`] when it is no plain file or has a second name.
    pub(super) fn replaceable(&self) -> Result<Option<Entry>, Stop> {
        match self.entry(OsStr::new(&self.name))? {
            None => Ok(None),
            Some(_) => self.single_file().map(Some),
        }
    }
}

impl Entry {
    /// What it is, with its article.
    pub(super) fn kind(&self) -> &'static str {
        match self.metadata.file_type() {
            kind if kind.is_symlink() => "a symbolic link",
            kind if kind.is_dir() => "a folder",
            kind if kind.is_file() => "a file",
            kind if kind.is_socket() => "a socket",
            kind if kind.is_fifo() => "a pipe",
            _ => "a device",
        }
    }

    /// The held file, for `*at` calls with `AT_EMPTY_PATH`.
    pub(super) fn held(&self) -> &File {
        &self.held
    }

    /// A path to exactly the held file, wherever it is now (proc_pid_fd(5)).
    pub(super) fn path(&self) -> String {
        format!("/proc/self/fd/{}", self.held.as_raw_fd())
    }

    /// Opens exactly the held file for reading.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn open_to_read(&self) -> io::Result<File> {
        File::open(self.path())
    }

    /// Opens exactly the held file for writing.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn open_to_write(&self) -> io::Result<File> {
        File::options().write(true).open(self.path())
    }
}

/// A failure of the system, except that what is missing is a wrong target.
pub(super) fn cannot(what: &str, path: &str, error: impl Into<io::Error>) -> Stop {
    let error: io::Error = error.into();
    match error.kind() {
        io::ErrorKind::NotFound => Stop::Target(format!("`{path}` does not exist")),
        _ => Stop::Failed(format!("{what} `{path}`: {error}")),
    }
}
