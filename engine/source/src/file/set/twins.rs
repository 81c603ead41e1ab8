//! Names under a glob that are no files of their own: further names of a followed file, and names that are not text.
//!
//! Start at [`Set::is_twin`] and [`Set::complain_of_nameless`].

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Out, Set, expand_one};
use crate::file::identity::{Key, Seen};

/// Which file each followed path names; looked up when first asked.
#[derive(Default)]
pub(super) struct Names(Option<HashMap<Key, PathBuf>>);

impl Set {
    /// Whether `path` only is another name (a hard link, or through a folder that is a link) of a file that is followed: its lines
    /// would be found twice.
    pub(super) fn is_twin(&mut self, path: &Path, names: &mut Names) -> bool {
        let Some(key) = key_of(path) else { return false };
        if let Some(other) = self.twins.remove(path) {
            if key_of(&other) == Some(key) {
                self.twins.insert(path.to_owned(), other);
                return true;
            }
            self.inherit(path, &other, key);
        }
        let names = names.0.get_or_insert_with(|| {
            let followed = self.followed.keys();
            followed.filter_map(|path| Some((key_of(path)?, path.clone()))).collect()
        });
        match names.get(&key) {
            Some(other) if other != path => {
                self.news.push(Out::Complaint(format!(
                    "{} is another name of {}, which is followed: it is read once, under that name; leave one of them out with `exclude`",
                    path.display(),
                    other.display()
                )));
                self.twins.insert(path.to_owned(), other.clone());
                true
            }
            _ => {
                names.insert(key, path.to_owned());
                false
            }
        }
    }

    /// `other` no longer names the file: it is read on under `path` from where it was left.
    fn inherit(&mut self, path: &Path, other: &Path, key: Key) {
        let Some(state) = self.followed.get(other).and_then(|followed| followed.tail.state_of(key)) else { return };
        self.inherited.insert(path.to_owned(), state);
        if fs::symlink_metadata(other).is_err()
            && let Some(gone) = self.leave(other)
        {
            self.news.push(Out::Checkpoint(gone.stream, String::new()));
        }
    }

    /// Says which names the globs leave out because they are not UTF-8: a checkpoint and a rule name a file by text.
    pub(super) fn complain_of_nameless(&mut self) {
        for path in self.globs.iter().flat_map(|pattern| nameless(pattern)) {
            if !self.is_excluded(&path) && self.nameless.insert(path.clone()) {
                self.news.push(Out::Complaint(format!(
                    "{path:?} is not read: its name is not UTF-8; rename it, and let its program write to that name"
                )));
            }
        }
    }
}

fn key_of(path: &Path) -> Option<Key> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|meta| Seen::of(&meta).key)
}

/// Files and folders that `pattern` would match, were their names text.
fn nameless(pattern: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut above = PathBuf::new();
    for part in Path::new(pattern) {
        let text = part.to_string_lossy();
        if let Some(wanted) = glob::Pattern::new(&text).ok().filter(|_| text.contains(['*', '?', '['])) {
            for folder in expand_one(&above.to_string_lossy()) {
                for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                    let name = entry.file_name();
                    if name.to_str().is_none() && wanted.matches(&name.to_string_lossy()) {
                        found.push(entry.path());
                    }
                }
            }
        }
        above.push(part);
    }
    found
}
