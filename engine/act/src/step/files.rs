//! Removing, truncating, moving files; mode and owner.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::time::{Duration, Instant, SystemTime};

use heinzel_core::field::FieldType;
use heinzel_core::glob::Glob;
use heinzel_core::plan::{Action, Step};
use heinzel_core::time::Span;
use heinzel_process::How;
use rustix::fs::{AtFlags, Dir, Gid, Uid, chownat, renameat, unlinkat};

use super::path::{Entry, Place, cannot};
use super::replace::{copy, write_template};
use super::{Done, Stop};
use crate::Hands;
use crate::program::{blocking, ending, run};

/// How getent(1) ends when there is no such user or group.
const NO_SUCH_KEY: How = How::Exit(2);

/// One step on files, with all it may use: it runs where it may block.
pub(super) struct Job {
    /// The effect's id.
    pub(super) id: String,
    /// What to do.
    pub(super) action: Action,
    /// Allowed folders.
    pub(super) roots: Vec<String>,
    /// How many files it may touch.
    pub(super) most: u32,
    /// When to stop, between two files or two blocks of one.
    pub(super) until: Option<Instant>,
    /// The owner and group of a chown.
    owner: Option<(u32, u32)>,
}

impl Hands {
    /// Runs one step on files under `policy.allow.paths`.
    pub(super) async fn change_files(&self, id: &str, step: &Step) -> Done {
        let owner = match &step.action {
            Action::Chown { owner, group, .. } => {
                let uid = number_of("passwd", owner, step.timeout).await?;
                Some((uid, number_of("group", group, step.timeout).await?))
            }
            _ => None,
        };
        let job = Job {
            id: id.to_owned(),
            action: step.action.clone(),
            roots: self.allow.paths.clone(),
            most: self.max_targets,
            until: Instant::now().checked_add(step.timeout),
            owner,
        };
        blocking(move || job.run()).await.map_err(Stop::Failed)?
    }
}

/// The number of a user or group. Asked of getent, because users may live in LDAP.
async fn number_of(database: &str, name: &str, timeout: Duration) -> Result<u32, Stop> {
    let what = if database == "passwd" { "user" } else { "group" };
    FieldType::User.accept(name).map_err(|no| Stop::Target(format!("{what} `{name}` {no}")))?;
    let argv = ["getent", database, "--", name].map(String::from);
    let ended = run(&argv, timeout).await.map_err(Stop::Start)?;
    let text = String::from_utf8_lossy(&ended.stdout);
    match text.lines().next().and_then(|line| line.split(':').nth(2)).and_then(|number| number.parse().ok()) {
        Some(number) if ended.how == How::Exit(0) => Ok(number),
        _ if ended.how == NO_SUCH_KEY => Err(Stop::Target(format!("there is no {what} `{name}` on this host"))),
        _ => Err(Stop::Failed(ending(&argv, timeout, &ended))),
    }
}

impl Job {
    fn run(&self) -> Done {
        match &self.action {
            // These look at the clock themselves.
            Action::Remove { path, older_than } => self.remove(path, *older_than),
            Action::Copy { from, to } => copy(self, from, to),
            // It has waited for its turn, and whoever gave up on it may be taking the fix back by now.
            _ if self.is_late() => {
                Err(Stop::Failed("the time was over before it could begin; nothing was done".into()))
            }
            Action::Truncate { path } => self.truncate(path),
            Action::Chmod { path, mode } => self.chmod(path, *mode),
            Action::Chown { path, .. } => self.chown(path),
            Action::Move { from, to } => self.rename(from, to),
            Action::WriteTemplate { path, template, values } => write_template(self, path, template, values),
            other => Err(Stop::Target(format!("{} is no step on files", other.describe()))),
        }
    }

    /// Whether the time is over.
    pub(super) fn is_late(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    fn remove(&self, path: &str, older_than: Option<Duration>) -> Done {
        // Only `*` makes a pattern: `?` and `[` are ordinary letters of file names.
        let folder = path.trim_end_matches('/').rsplit_once('/').map_or("", |(folder, _)| folder);
        if folder.contains('*') {
            return Err(Stop::Target(format!(
                "`{path}` has a `*` in a folder's name; it may stand in the last part only"
            )));
        }
        let place = Place::find(&self.roots, path)?;
        let is_pattern = place.name.contains('*');
        let names = if is_pattern { names(&place)? } else { vec![OsString::from(&place.name)] };
        let (mut targets, mut skipped, mut young) = (Vec::new(), 0_usize, 0_usize);
        for name in names {
            if self.is_late() {
                return Err(Stop::Failed("the time was over while listing; nothing was removed".into()));
            }
            let Some(entry) = place.entry(&name)? else { continue };
            if !is_removable(&entry) {
                if !is_pattern {
                    return Err(Stop::Target(format!("`{path}` is {}, and only files are removed", entry.kind())));
                }
                skipped += 1;
            } else if older_than.is_some_and(|least| age(&entry) < least) {
                young += 1;
            } else {
                targets.push(name);
            }
        }
        let mut spared = Vec::new();
        if skipped > 0 {
            spared.push(format!("{skipped} folders, links or devices"));
        }
        if young > 0 {
            spared.push(format!("{young} younger than {}", Span(older_than.unwrap_or_default())));
        }
        let spared = if spared.is_empty() { String::new() } else { format!(" (left alone: {})", spared.join(", ")) };
        if targets.is_empty() {
            return Err(Stop::Target(format!("nothing matched `{path}`{spared}")));
        }
        if targets.len() > usize::try_from(self.most).unwrap_or(usize::MAX) {
            return Err(Stop::Target(format!(
                "`{path}` matched {} files, `policy.max_targets` is {}; raise it, or narrow the pattern",
                targets.len(),
                self.most
            )));
        }
        let mut removed = 0_usize;
        for name in &targets {
            let partly = || format!("removed {removed} of {}", targets.len());
            if self.is_late() {
                return Err(Stop::Failed(format!("the time was over; {}", partly())));
            }
            match unlinkat(place.at(), name, AtFlags::empty()) {
                Ok(()) => removed += 1,
                // Somebody else was faster.
                Err(rustix::io::Errno::NOENT) => {}
                Err(error) => {
                    let error = std::io::Error::from(error);
                    return Err(Stop::Failed(format!("`{}`: {error}; {}", name.display(), partly())));
                }
            }
        }
        let files = if removed == 1 { "file" } else { "files" };
        Ok(format!("removed {removed} {files}{spared}"))
    }

    fn truncate(&self, path: &str) -> Done {
        let entry = Place::find(&self.roots, path)?.single_file()?;
        let file = entry.open_to_write().map_err(|e| cannot("open", path, e))?;
        file.set_len(0).map_err(|e| cannot("truncate", path, e))?;
        Ok(format!("cut {} bytes", entry.metadata.len()))
    }

    fn chmod(&self, path: &str, mode: u32) -> Done {
        if mode > 0o7777 {
            return Err(Stop::Target(format!("mode {mode:o} is more than 7777")));
        }
        let entry = Place::find(&self.roots, path)?.single_file()?;
        let before = entry.metadata.mode() & 0o7777;
        std::fs::set_permissions(entry.path(), PermissionsExt::from_mode(mode))
            .map_err(|e| cannot("chmod", path, e))?;
        Ok(format!("mode was {before:04o}, is {mode:04o}"))
    }

    fn chown(&self, path: &str) -> Done {
        let Some((uid, gid)) = self.owner else { return Err(Stop::Target("no owner is known".into())) };
        let entry = Place::find(&self.roots, path)?.single_file()?;
        let (old_uid, old_gid) = (entry.metadata.uid(), entry.metadata.gid());
        let (owner, group) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        chownat(entry.held(), "", owner, group, AtFlags::EMPTY_PATH).map_err(|e| cannot("chown", path, e))?;
        Ok(format!("owner was {old_uid}:{old_gid}, is {uid}:{gid}"))
    }

    fn rename(&self, from: &str, to: &str) -> Done {
        let (source, target) = (Place::find(&self.roots, from)?, Place::find(&self.roots, to)?);
        let moved = source.file()?;
        if let Some(existing) = target.replaceable()?
            && (existing.metadata.dev(), existing.metadata.ino()) == (moved.metadata.dev(), moved.metadata.ino())
        {
            return Err(Stop::Target(format!("`{from}` and `{to}` are the same file")));
        }
        match renameat(source.at(), &source.name, target.at(), &target.name) {
            Ok(()) => Ok(format!("moved {} bytes", moved.metadata.len())),
            Err(rustix::io::Errno::XDEV) => Err(Stop::Target(format!(
                "`{to}` is on another file system; use copy, and remove when the copy is verified"
            ))),
            Err(error) => Err(cannot("move", from, error)),
        }
    }
}

/// The names in the folder that fit the pattern, in order. As in a shell, `*` does not begin a hidden name, and beside a
/// `*` a `?` is any one letter.
fn names(place: &Place) -> Result<Vec<OsString>, Stop> {
    let failed = |error| cannot("list the folder of", &place.path, error);
    let glob = Glob(place.name.clone());
    let mut names = Vec::new();
    for entry in Dir::new(place.folder()?).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let bytes = entry.file_name().to_bytes();
        let is_hidden = bytes.starts_with(b".") && !place.name.starts_with('.');
        if bytes != b"." && bytes != b".." && !is_hidden && glob.fits(&String::from_utf8_lossy(bytes)) {
            names.push(OsStr::from_bytes(bytes).to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Plain files, and what dead programs leave behind: sockets and pipes.
fn is_removable(entry: &Entry) -> bool {
    let kind = entry.metadata.file_type();
    kind.is_file() || kind.is_socket() || kind.is_fifo()
}

/// Time since the last change of its content; nothing when that lies in the future.
fn age(entry: &Entry) -> Duration {
    entry
        .metadata
        .modified()
        .ok()
        .and_then(|changed| SystemTime::now().duration_since(changed).ok())
        .unwrap_or_default()
}
