//! How many files all sources follow at most: each is open, and whoever may create files below a glob must not take every
//! descriptor that the engine has for programs, sockets and its store.
//!
//! Start at [`Crowd::admit`].

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use rustix::process::{Resource, getrlimit};

use crate::settings::Followed;

/// The room for files.
pub(super) struct Crowd {
    most: usize,
    /// How many all sources follow.
    all: Followed,
    /// How many of them are this one's.
    own: usize,
    /// The globs of which it was said that they fit too many; not again before there was room.
    said: HashSet<String>,
}

impl Crowd {
    /// Half of what the limit of open files leaves, together with those who count in the same place.
    pub(super) fn new(all: Followed) -> Self {
        let limit = getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok());
        Self { most: limit.unwrap_or(usize::MAX) / 2, all, own: 0, said: HashSet::new() }
    }

    /// This one follows so many by now. Returns how many all do.
    fn count(&mut self, followed: usize) -> usize {
        self.all.0.fetch_add(followed, Ordering::Relaxed);
        let own = std::mem::replace(&mut self.own, followed);
        self.all.0.fetch_sub(own, Ordering::Relaxed) - own
    }

    /// Leaves of the files that a glob has brought up as many as there is room for, the first ones; a complaint when it begins to
    /// leave some out.
    pub(super) fn admit(&mut self, pattern: &str, followed: usize, fresh: &mut Vec<PathBuf>) -> Option<String> {
        let room = self.most.saturating_sub(self.count(followed));
        let over = fresh.len().saturating_sub(room);
        fresh.truncate(room);
        // Before another one counts.
        self.count(followed + fresh.len());
        if over == 0 {
            self.said.remove(pattern);
            return None;
        }
        self.said.insert(pattern.to_owned()).then(|| {
            format!(
                "`{pattern}` fits {over} files more than can be followed: all sources together may hold {} open, half of the limit of open files; narrow `path`, leave some out with `exclude`, or raise LimitNOFILE= of the service",
                self.most
            )
        })
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.count(0);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, Instant};

    use heinzel_core::time::Timestamp;

    use super::super::{Begin, Out, Set, Wake};
    use super::{Crowd, HashSet};
    use crate::settings::{File, Followed};

    #[test]
    fn many_files_leave_room_for_others() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: usize| fs::write(folder.path().join(format!("{name}.log")), "x\n").unwrap();
        write(0);
        let mut file = File::plain(&folder.path().join("*.log"));
        // Another glob has room.
        file.paths.push(format!("{}/*.other", folder.path().display()));
        let mut set = Set::new(&file, Begin::Beginning, Vec::new(), Timestamp::EPOCH);
        set.crowd = Crowd { most: 3, all: Followed::default(), own: 0, said: HashSet::new() };
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
        assert!(Crowd::new(Followed::default()).most > 100);
    }

    #[test]
    fn what_one_source_follows_another_has_no_room_for() {
        let all = Followed::default();
        let crowd = || Crowd { most: 5, all: all.clone(), own: 0, said: HashSet::new() };
        let files = |many: usize| (0..many).map(|number| format!("/{number}").into()).collect::<Vec<_>>();
        let (mut one, mut other) = (crowd(), crowd());
        let (mut first, mut second) = (files(3), files(3));
        assert!(one.admit("/a/*", 0, &mut first).is_none());
        assert!(
            other.admit("/b/*", 0, &mut second).is_some_and(|said| said.contains("all sources together may hold 5"))
        );
        assert_eq!((first.len(), second.len()), (3, 2));
        // A file of the first is gone, and then all of it.
        assert!(one.admit("/a/*", 2, &mut files(0)).is_none());
        assert!(other.admit("/b/*", 2, &mut files(1)).is_none());
        drop(one);
        assert!(other.admit("/b/*", 3, &mut files(2)).is_none());
        drop(other);
        assert_eq!(crowd().count(0), 0);
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
