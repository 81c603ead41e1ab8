//! The names in folders, by what they were rotated from: thousands of logs in one folder each ask for theirs, and must not read the
//! whole folder each.
//!
//! Start at [`Folders::rotated_from`]. What was read is used again only while the folder has not changed, by its own times, and
//! had rested when it was read: a change within one tick of the kernel's clock would not show.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::siblings;

/// So long a folder must have rested: longer than a tick of the clock, also of file systems that keep whole seconds.
const REST: Duration = Duration::from_secs(3);
/// Of more folders the names are not kept.
const MOST: usize = 64;

/// The names in folders, as they were read last. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Folders(Arc<Mutex<HashMap<PathBuf, Arc<Listing>>>>);

#[derive(Debug)]
struct Listing {
    /// Device, inode, and when it was changed last.
    stamp: Stamp,
    /// The names that stand for another one, rotated away.
    plain: HashMap<String, Vec<String>>,
    /// The same, packed by gzip.
    packed: HashMap<String, Vec<String>>,
}

type Stamp = (u64, u64, i64, i64);

impl Folders {
    /// The names in `folder` that `base` has become when it was rotated (`packed`: and packed by gzip).
    pub(crate) fn rotated_from(&self, folder: &Path, base: &str, packed: bool) -> Vec<String> {
        let listing = self.listing(folder);
        let names = if packed { &listing.packed } else { &listing.plain };
        names.get(base).cloned().unwrap_or_default()
    }

    fn listing(&self, folder: &Path) -> Arc<Listing> {
        let stamp = stamp(folder);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(folder).filter(|known| Some(known.stamp) == stamp) {
            return known.clone();
        }
        let listing = Arc::new(Listing::read(folder, stamp.unwrap_or_default()));
        if stamp.is_some_and(has_rested) {
            if kept.len() >= MOST {
                kept.clear();
            }
            kept.insert(folder.to_owned(), listing.clone());
        } else {
            kept.remove(folder);
        }
        listing
    }
}

impl Listing {
    /// A folder that cannot be read has no names.
    fn read(folder: &Path, stamp: Stamp) -> Self {
        let mut listing = Self { stamp, plain: HashMap::new(), packed: HashMap::new() };
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let (names, was) = match name.strip_suffix(".gz") {
                Some(was) => (&mut listing.packed, was),
                None => (&mut listing.plain, &*name),
            };
            for base in siblings::bases(was) {
                names.entry(base).or_default().push(name.clone());
            }
        }
        listing
    }
}

fn stamp(folder: &Path) -> Option<Stamp> {
    let meta = fs::metadata(folder).ok()?;
    Some((meta.dev(), meta.ino(), meta.ctime(), meta.ctime_nsec()))
}

/// Whether the folder has not changed for long, by the clock of now; one that lies ahead of it has not.
fn has_rested((_, _, changed, _): Stamp) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let changed = Duration::from_secs(u64::try_from(changed).unwrap_or_default());
    now.checked_sub(changed).is_some_and(|rested| rested > REST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_read_again_when_it_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (folders, path) = (Folders::default(), folder.path());
        let write = |name: &str| fs::write(path.join(name), "x").unwrap();
        let names = |packed: bool| {
            let mut names = folders.rotated_from(path, "a.log", packed);
            names.sort_unstable();
            names
        };
        ["a.log", "a.log.1", "a-2026.log", "a.log.2.gz", "b.log.1"].iter().for_each(|name| write(name));
        assert_eq!(
            (names(false), names(true)),
            (vec!["a-2026.log".into(), "a.log.1".into()], vec!["a.log.2.gz".to_owned()])
        );
        assert!(folders.0.lock().unwrap().is_empty(), "it has just changed");
        // As if it had been read, and had rested, at another time.
        let stale = |stamp: Stamp| {
            let listing = Listing { stamp, plain: HashMap::new(), packed: HashMap::new() };
            folders.0.lock().unwrap().insert(path.to_owned(), Arc::new(listing));
        };
        let now = stamp(path).unwrap();
        stale(now);
        assert!(names(false).is_empty(), "what is kept is used");
        stale((now.0, now.1, now.2, now.3 - 1));
        assert_eq!(names(false).len(), 2, "but not when the folder has changed");
        assert_eq!(folders.rotated_from(&path.join("none"), "a.log", false), [""; 0]);
        let seconds = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
        let rested = |ago: i64| has_rested((0, 0, seconds - ago, 0));
        assert_eq!([-100, 0, 2, 100].map(rested), [false, false, false, true]);
    }
}
