//! How many files a source follows at most: each is open, and whoever may create files below a glob must not take every
//! descriptor that the engine has for programs, sockets and its store.
//!
//! Start at [`Crowd::admit`].

use std::collections::HashSet;
use std::path::PathBuf;

use rustix::process::{Resource, getrlimit};

/// The room for files.
pub(super) struct Crowd {
    most: usize,
    /// The globs of which it was said that they fit too many; not again before there was room.
    said: HashSet<String>,
}

impl Crowd {
    /// Half of what the limit of open files leaves.
    pub(super) fn new() -> Self {
        let limit = getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok());
        Self { most: limit.unwrap_or(usize::MAX) / 2, said: HashSet::new() }
    }

    /// Leaves of the files that a glob has brought up as many as there is room for, the first ones; a complaint when it begins to
    /// leave some out.
    pub(super) fn admit(&mut self, pattern: &str, followed: usize, fresh: &mut Vec<PathBuf>) -> Option<String> {
        let room = self.most.saturating_sub(followed);
        let over = fresh.len().saturating_sub(room);
        fresh.truncate(room);
        if over == 0 {
            self.said.remove(pattern);
            return None;
        }
        self.said.insert(pattern.to_owned()).then(|| {
            format!(
                "`{pattern}` fits {over} files more than can be followed: a source may hold {} open, half of the limit of open files; narrow `path`, leave some out with `exclude`, or raise LimitNOFILE= of the service",
                self.most
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, Instant};

    use heinzel_core::time::Timestamp;

    use super::super::{Begin, Out, Set, Wake};
    use super::{Crowd, HashSet};
    use crate::settings::File;

    #[test]
    fn many_files_leave_room_for_others() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: usize| fs::write(folder.path().join(format!("{name}.log")), "x\n").unwrap();
        write(0);
        let mut file = File::plain(&folder.path().join("*.log"));
        // Another glob has room.
        file.paths.push(format!("{}/*.other", folder.path().display()));
        let mut set = Set::new(&file, Begin::Beginning, Vec::new(), Timestamp::EPOCH);
        set.crowd = Crowd { most: 3, said: HashSet::new() };
        (1..6).for_each(write);
        let names = Wake { all: true, names: true, ..Wake::default() };
        let mut look = || {
            let round = set.round(&names, Instant::now());
            let said = round.out.iter().filter(|out| matches!(out, Out::Complaint(text) if text.contains("3 files more") && text.contains("LimitNOFILE")));
            (said.count(), set.paths().count())
        };
        assert_eq!(look(), (1, 3));
        assert_eq!(look(), (0, 3), "it is said once");
        (0..6).for_each(|name| drop(fs::remove_file(folder.path().join(format!("{name}.log")))));
        for minutes in 1..6 {
            set.round(&names, Instant::now() + Duration::from_secs(60 * minutes));
        }
        write(9);
        set.round(&names, Instant::now());
        assert!(set.paths().any(|path| path.ends_with("9.log")), "who goes makes room");
        assert!(Crowd::new().most > 100);
    }
    #[test]
    fn thousands_of_logs_in_a_folder_are_found_in_a_moment() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..4_000 {
            for ending in ["", ".1"] {
                fs::write(folder.path().join(format!("site{number}.log{ending}")), "").unwrap();
            }
        }
        let began = Instant::now();
        let file = File::plain(&folder.path().join("*"));
        let set = Set::new(&file, Begin::End, Vec::new(), Timestamp::EPOCH);
        assert!(set.paths().all(|path| path.extension().unwrap() == "log"), "rotated ones go with theirs");
        // Each against each other took minutes.
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    }
}
