//! The rotated-away files beside a log: `error.log.1`, `error.log-20260101`, `error-20260101.log`.
//!
//! Start at [`list`]; [`packed`] lists those that gzip has compressed. Other compressed ones are left alone.

use std::cmp::Reverse;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::folders::Folders;
use super::identity::{Key, Likeness, Mark, Seen};

/// Endings of compressed files.
const COMPRESSED: &[&str] = &["gz", "bz2", "xz", "zst", "lz4", "lzma", "Z", "zip", "br"];
/// Numbers from here on are dates or seconds, not ages.
const LARGEST_AGE: u64 = 9_999;

/// In nanoseconds.
pub(crate) const SECOND: i64 = 1_000_000_000;

/// How old a rotated file is by its name: greater is newer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Age {
    /// A date or the like: later texts are newer.
    Dated(String),
    /// `.1`, `.2`: higher numbers are older. `.old` counts as 1.
    Numbered(Reverse<u64>),
}

/// A rotated-away file.
#[derive(Clone, Debug)]
pub(crate) struct Sibling {
    pub(crate) path: PathBuf,
    pub(crate) seen: Seen,
    age: Age,
}

impl Sibling {
    /// Oldest first: by the time of the last write; the name decides between equals.
    pub(crate) fn order(&self) -> (i64, &Age) {
        (self.seen.mtime_ns, &self.age)
    }

    /// Whether the name says that it was rotated after `other`; `false` where names of different kinds say nothing.
    pub(crate) fn is_named_after(&self, other: &Self) -> bool {
        std::mem::discriminant(&self.age) == std::mem::discriminant(&other.age) && self.age > other.age
    }
}

/// Whether `name` ends like a compressed file.
pub(crate) fn is_compressed(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| COMPRESSED.contains(&ending))
}

/// Whether `name` is what `base` becomes when it is rotated, and how old it then is.
pub(crate) fn rotated(base: &str, name: &str) -> Option<Age> {
    if is_compressed(name) || name == base {
        return None;
    }
    if let Some(age) = name.strip_prefix(base).and_then(age) {
        return Some(age);
    }
    let (stem, ending) = base.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())?;
    let middle = name.strip_prefix(stem)?.strip_suffix(ending)?.strip_suffix('.')?;
    age(middle)
}

/// The names of which `name` is what they become when they are rotated ([`rotated`]): what it may be the rest of, without looking
/// at all others beside it.
pub(crate) fn bases(name: &str) -> Vec<String> {
    if is_compressed(name) {
        return Vec::new();
    }
    let ages = |text: &'_ str| -> Vec<usize> {
        let begins = text.char_indices().skip(1).filter(|(_, c)| matches!(c, '.' | '-' | '_'));
        begins.map(|(at, _)| at).filter(|at| age(&text[*at..]).is_some()).collect()
    };
    let mut bases: Vec<String> = ages(name).into_iter().map(|at| name[..at].to_owned()).collect();
    if let Some((before, ending)) = name.rsplit_once('.') {
        bases.extend(ages(before).into_iter().map(|at| format!("{}.{ending}", &before[..at])));
    }
    bases
}

fn age(text: &str) -> Option<Age> {
    let rest = text.strip_prefix(['.', '-', '_'])?;
    if matches!(rest, "old" | "prev" | "bak") {
        return Some(Age::Numbered(Reverse(1)));
    }
    let dated = |c: char| c.is_ascii_digit() || matches!(c, '-' | '_' | '.' | ':' | 'T' | 'Z');
    if !rest.starts_with(|c: char| c.is_ascii_digit()) || !rest.chars().all(dated) {
        return None;
    }
    match rest.parse::<u64>() {
        Ok(number) if number <= LARGEST_AGE => Some(Age::Numbered(Reverse(number))),
        _ => Some(Age::Dated(rest.to_owned())),
    }
}

/// Opens a regular file for reading. Never waits, as opening a pipe would. Where the kernel allows it (own files, or all with
/// CAP_FOWNER), reading leaves the file's access time alone: else each read after a write would write the inode.
///
/// # Errors
/// When the kernel refuses, or it is no regular file.
pub(crate) fn open(path: &Path) -> io::Result<(File, Seen)> {
    let open = |flags: OFlags| {
        let flags = i32::try_from(flags.bits()).unwrap_or(0);
        OpenOptions::new().read(true).custom_flags(flags).open(path)
    };
    let file = match open(OFlags::NONBLOCK | OFlags::NOATIME) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => open(OFlags::NONBLOCK)?,
        opened => opened?,
    };
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok((file, Seen::of(&meta)))
}

/// The rotated-away files of `path` that are not empty, oldest first. For a symlink also those of the file it points to.
/// A folder that cannot be read has none.
pub(crate) fn list(path: &Path, folders: &Folders) -> Vec<Sibling> {
    let mut found = list_of(path, folders, false);
    found.sort_by(|a, b| a.order().cmp(&b.order()));
    found
}

/// The same, of those that gzip has compressed; by their names, since not every packer keeps the time. One that is still there as
/// it was is only being packed, and left out.
pub(crate) fn packed(path: &Path, folders: &Folders) -> Vec<Sibling> {
    let mut found = list_of(path, folders, true);
    found.retain(|sibling| !sibling.path.with_extension("").exists());
    found.sort_by(|a, b| a.age.cmp(&b.age));
    found
}

/// Whether the file `key`, last written at `mtime_ns`, was rotated away from `path`: it, or what was packed of it, lies beside it.
pub(crate) fn has_been_rotated(path: &Path, key: Key, mtime_ns: i64) -> bool {
    let (Some(folder), Some(base)) = (path.parent(), path.file_name().and_then(OsStr::to_str)) else { return false };
    fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { return false };
        let plain = if is_compressed(name) { name.rsplit_once('.').map_or(name, |(plain, _)| plain) } else { name };
        // Not every packer keeps more than the second.
        let is_it = |seen: Seen| seen.key == key || seen.mtime_ns / SECOND >= mtime_ns / SECOND;
        rotated(base, plain).is_some() && entry.metadata().is_ok_and(|meta| is_it(Seen::of(&meta)))
    })
}

fn list_of(path: &Path, folders: &Folders, packed: bool) -> Vec<Sibling> {
    let mut found: Vec<Sibling> = Vec::new();
    let target = fs::canonicalize(path).ok().filter(|target| target != path);
    for base in std::iter::once(path).chain(target.as_deref()) {
        let (Some(folder), Some(name)) = (base.parent(), base.file_name().and_then(OsStr::to_str)) else { continue };
        for other in folders.rotated_from(folder, name, packed) {
            let was = if packed { other.strip_suffix(".gz").unwrap_or(&other) } else { &other };
            let Some(age) = rotated(name, was) else { continue };
            let path = folder.join(&other);
            // Links are no files here.
            let Ok(meta) = fs::symlink_metadata(&path) else { continue };
            let seen = Seen::of(&meta);
            if meta.is_file() && seen.size > 0 && !found.iter().any(|other| other.seen.key == seen.key) {
                found.push(Sibling { path, seen, age });
            }
        }
    }
    found
}

/// Where a marked file is now.
pub(crate) enum Found<'a> {
    /// Renamed.
    Same(&'a Sibling, File, Seen),
    /// Copied; the copy has all the bytes that were read.
    Copy(&'a Sibling, File, Seen),
    /// Copied before the last bytes were read; there is nothing new in the copy.
    Shorter(&'a Sibling),
}

impl<'a> Found<'a> {
    pub(crate) fn sibling(&self) -> &'a Sibling {
        match self {
            Self::Same(sibling, ..) | Self::Copy(sibling, ..) | Self::Shorter(sibling) => sibling,
        }
    }
}

/// Looks for the file that `mark` was made from among `siblings` (oldest first): by device and inode, else by its bytes.
/// A copy is not older than the last write that was seen.
pub(crate) fn find<'a>(mark: &Mark, siblings: &'a [Sibling]) -> Option<Found<'a>> {
    let compare = |sibling: &Sibling| {
        let (file, seen) = open(&sibling.path).ok()?;
        let likeness = mark.compare(&file, seen.size).ok()?;
        (seen.key == sibling.seen.key).then_some((file, seen, likeness))
    };
    let same = siblings.iter().find(|sibling| sibling.seen.key == mark.key());
    if let Some(sibling) = same
        && let Some((file, seen, Likeness::Continues)) = compare(sibling)
    {
        return Some(Found::Same(sibling, file, seen));
    }
    if !mark.has_bytes() {
        return None;
    }
    // Oldest first: the copy was made from this very content, later ones begin with other bytes. However few bytes were read,
    // the copy begins with them; if another file does, too, no more than these bytes are taken for read.
    siblings.iter().filter(|sibling| sibling.seen.mtime_ns >= mark.mtime_ns).find_map(|sibling| {
        match compare(sibling)? {
            (file, seen, Likeness::Continues) => Some(Found::Copy(sibling, file, seen)),
            (_, _, Likeness::Shorter) => Some(Found::Shorter(sibling)),
            (_, _, Likeness::Other) => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_names_are_recognised() {
        let check = |base: &str, name: &str, is: bool| assert_eq!(rotated(base, name).is_some(), is, "{base} {name}");
        check("error.log", "error.log.1", true);
        check("error.log", "error.log-20260101", true);
        check("error.log", "error.log.2026-01-01T10:00:00Z", true);
        check("error.log", "error.log.old", true);
        check("error.log", "error-20260101.log", true);
        check("error.log", "error.1.log", true);
        check("syslog", "syslog.1", true);
        check("error.log", "error.log", false);
        check("error.log", "error.log.1.gz", false);
        check("error.log", "error.log-20260101.xz", false);
        check("error.log", "error_ssl.log", false);
        check("error.log", "other.log.1", false);
        check("error.log", "error.log.backup", false);
        check("a", "ab.1", false);
    }

    #[test]
    fn what_a_name_may_have_been_is_what_it_was_rotated_from() {
        let names = [
            "error.log",
            "error.log.1",
            "error.log-20260101",
            "error.log.2026-01-01T10:00:00Z",
            "error.log.old",
            "error-20260101.log",
            "error.1.log",
            "syslog",
            "syslog.1",
            "error.log.1.gz",
            "error_ssl.log",
            "a",
            "ab.1",
            "a.1",
            "a.1.2",
            ".1",
            "1.",
            "a.",
            "a.1.",
            "x.2026.01.log",
            "x.2026.log",
            "x.log",
            "x.bak",
            "x",
            "ä-1.log",
            "ä.log",
            "a-1-2_3.b",
            "a-1.b",
            "a.b",
            "-1",
            ".log",
            "-1.log",
        ];
        let all = names.iter().flat_map(|name| bases(name).into_iter().chain([(*name).to_owned()])).collect::<Vec<_>>();
        for name in &all {
            let bases = bases(name);
            for base in &all {
                assert_eq!(bases.contains(base), rotated(base, name).is_some(), "{base} {name}");
            }
        }
    }

    #[test]
    fn names_tell_the_order() {
        let newer = |base: &str, older: &str, newer: &str| {
            assert!(rotated(base, older).unwrap() < rotated(base, newer).unwrap(), "{older} {newer}");
        };
        newer("a.log", "a.log.10", "a.log.2");
        newer("a.log", "a.log.2", "a.log.1");
        newer("a.log", "a.log-20251231", "a.log-20260101");
        newer("a.log", "a.log.1700000000", "a.log.1700086400");
    }
}
