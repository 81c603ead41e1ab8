//! Which paths a round looks at.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use heinzel_core::time::Timestamp;

use super::{Begin, Set, Wake};
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
