//! Which paths a round looks at.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use heinzel_core::time::Timestamp;

use super::{Begin, Out, ROUND, Round, Set, Wake};
use crate::settings::File;

#[test]
fn only_what_has_grown_or_is_due_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    ["a.log", "b.log", "c.log"].iter().for_each(|name| fs::write(path(name), "x\n").unwrap());
    let file = File::plain(&path("*.log"));
    let mut set = Set::new(&file, Begin::Beginning, Vec::new(), Timestamp::EPOCH);
    let begin = Instant::now();
    let all = Wake::everything();
    while set.round(&all, begin).more {}
    let due = |set: &Set, paths: &[&str], at| -> Vec<PathBuf> {
        let paths = paths.iter().map(|name| path(name)).collect();
        set.due(&Wake { paths, ..Wake::default() }, at).into_iter().collect()
    };
    assert_eq!(due(&set, &["b.log", "other.log"], begin), [path("b.log")]);
    assert_eq!(set.due(&all, begin).len(), 3);
    assert_eq!(set.again_at(), None);

    // A rotated file lingers: its path is looked at again, until it is closed.
    fs::rename(path("a.log"), path("a.log.1")).unwrap();
    let round = set.round(&Wake { paths: [path("a.log")].into(), ..Wake::default() }, begin);
    let again = round.again_at.unwrap();
    assert!(due(&set, &[], begin).is_empty());
    assert_eq!(due(&set, &[], again), [path("a.log")]);
    fs::remove_file(path("a.log.1")).unwrap();
    let mut at = again;
    for _ in 0..10 {
        at += Duration::from_secs(60);
        set.round(&all, at);
    }
    assert_eq!(set.paths().count(), 2, "it is gone");
    assert_eq!((set.again_at(), due(&set, &["a.log"], at)), (None, Vec::new()), "nor is it waited for");

    // One that waits, and is read on under another name.
    fs::rename(path("b.log"), path("b.log.1")).unwrap();
    fs::write(path("b.log"), "new\n").unwrap();
    fs::hard_link(path("b.log"), path("d.log")).unwrap();
    while set.round(&all, at).more {}
    set.round(&all, at);
    assert!(set.again_at().is_some());
    fs::remove_file(path("b.log")).unwrap();
    set.round(&all, at);
    assert_eq!(set.paths().collect::<Vec<_>>(), [path("c.log"), path("d.log")]);
    let late = at + Duration::from_secs(3_600);
    assert!(!due(&set, &[], late).contains(&path("b.log")), "a path that is not followed is waited for");
}

/// A folder with logs that are followed and read.
struct Scene {
    folder: tempfile::TempDir,
    set: Set,
    now: Instant,
}

impl Scene {
    fn follow(names: &[String]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        names.iter().for_each(|name| fs::write(folder.path().join(name), "x\n").unwrap());
        let set = Set::new(&File::plain(&folder.path().join("*.log")), Begin::Beginning, Vec::new(), Timestamp::EPOCH);
        let mut scene = Self { folder, set, now: Instant::now() };
        while scene.set.round(&Wake::everything(), scene.now).more {}
        scene
    }

    fn append(&self, name: &str, bytes: usize) {
        let mut file = OpenOptions::new().append(true).open(self.folder.path().join(name)).unwrap();
        file.write_all("a line\n".repeat(bytes / 7).as_bytes()).unwrap();
    }

    fn grown(&mut self, names: &[String]) -> Round {
        let mut wake = Wake::default();
        names.iter().for_each(|name| wake.hear(&self.folder.path().join(name).into(), true));
        self.set.round(&wake, self.now)
    }
}

/// The names of the files that a round brought bytes of, and how many in all.
fn read(round: &Round) -> (Vec<String>, usize) {
    let chunks = round.out.iter().filter_map(|out| match out {
        Out::Chunk(path, chunk) => Some((Path::new(&**path).file_name()?.to_string_lossy().into_owned(), chunk)),
        _ => None,
    });
    let (names, bytes): (Vec<_>, Vec<usize>) = chunks.map(|(name, chunk)| (name, chunk.bytes.len())).unzip();
    (names, bytes.iter().sum())
}

#[test]
fn many_files_that_grow_at_once_are_read_in_rounds() {
    let names: Vec<String> = (10..50).map(|number| format!("{number}.log")).collect();
    let mut scene = Scene::follow(&names);
    names.iter().for_each(|name| scene.append(name, 200_000));
    let mut round = scene.grown(&names);
    let mut all = 0;
    loop {
        let bytes = read(&round).1;
        assert!(bytes < ROUND + 200_000, "{bytes}");
        all += bytes;
        if !round.more {
            break;
        }
        round = scene.set.round(&Wake::default(), scene.now);
    }
    assert_eq!(all, 40 * (200_000 / 7) * 7);
}

#[test]
fn what_waits_for_its_turn_or_its_time_is_not_put_off_by_what_grows() {
    let names = ["a.log", "b.log"].map(str::to_owned);
    let mut scene = Scene::follow(&names);
    // More than a round takes.
    scene.append("a.log", 2 * ROUND);
    assert!(scene.set.round(&Wake::everything(), scene.now).more);
    scene.append("b.log", 70);
    assert_eq!(read(&scene.grown(&names[1..])).0.first().unwrap(), "a.log");
    while scene.set.round(&Wake::default(), scene.now).more {}

    // The last line of a rotated file, which has no end.
    fs::write(scene.folder.path().join("a.log"), "y").unwrap();
    fs::rename(scene.folder.path().join("a.log"), scene.folder.path().join("a.log.1")).unwrap();
    while scene.set.round(&Wake::everything(), scene.now).more {}
    scene.now = scene.set.again_at().unwrap();
    scene.append("b.log", 70);
    assert_eq!(read(&scene.grown(&names[1..])).0, ["a.log", "b.log"]);
}
