//! What the kernel tells of folders, by real folders.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;

use heinzel_core::time::Timestamp;
use tempfile::TempDir;

use super::super::names;
use super::*;
use crate::file::tail::Begin;
use crate::settings;

struct Scene {
    folder: TempDir,
    set: Set,
    folders: Folders,
    now: Instant,
}

impl Scene {
    /// Follows these files of a folder that holds `logs`, and `link`, which is another name of it.
    fn follow(files: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        symlink(folder.path().join("logs"), folder.path().join("link")).unwrap();
        let paths = files.iter().map(|file| folder.path().join(file).display().to_string()).collect();
        let file = settings::File { paths, ..settings::File::plain(Path::new("")) };
        let set = Set::new(&file, Begin::Beginning, Vec::new(), Timestamp::EPOCH);
        let mut scene = Self { folder, set, folders: Folders::new().unwrap(), now: Instant::now() };
        scene.look();
        scene
    }

    fn look(&mut self) {
        assert_eq!(self.folders.follow(&self.set), None);
        self.folders.learn(&names(&self.set), self.now);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str) {
        OpenOptions::new().append(true).create(true).open(self.path(name)).unwrap().write_all(b"x\n").unwrap();
    }

    fn hear(&mut self) -> Wake {
        let mut wake = Wake::default();
        self.folders.hear(&mut wake, self.now).unwrap();
        wake
    }

    fn hear_all(&mut self) -> Wake {
        let mut all = Wake::default();
        loop {
            let wake = self.hear();
            if wake.is_empty() {
                return all;
            }
            all.add(wake);
        }
    }

    /// What has grown, and nothing else has happened.
    fn grown(&mut self) -> Vec<PathBuf> {
        let wake = self.hear();
        assert!(!wake.is_about_names() && wake.paths.is_empty(), "{wake:?}");
        wake.grown.iter().map(|path| path.to_path_buf()).collect()
    }
}

#[test]
fn a_followed_file_that_comes_is_news_of_names_and_then_it_grows() {
    let mut scene = Scene::follow(&["logs/a.log"]);
    scene.write("logs/a.log");
    let wake = scene.hear();
    assert!(wake.names);
    assert_eq!(wake.paths, [scene.path("logs/a.log")].into());
    scene.write("logs/a.log");
    scene.write("logs/a.log");
    assert_eq!(scene.grown(), [scene.path("logs/a.log")]);
    assert!(scene.hear().is_empty());
}

#[test]
fn what_is_written_beside_the_followed_wakes_nobody() {
    let mut scene = Scene::follow(&["logs/a.log"]);
    scene.write("logs/other");
    assert!(scene.hear().names, "it may be what a glob looks for");
    scene.write("logs/other");
    assert!(scene.hear().is_empty());
}

#[test]
fn a_folder_of_two_names_tells_of_the_files_under_both() {
    let mut scene = Scene::follow(&["logs/a.log", "link/b.log"]);
    scene.write("logs/a.log");
    scene.write("logs/b.log");
    scene.hear();
    scene.write("logs/a.log");
    assert_eq!(scene.grown(), [scene.path("logs/a.log")]);
    scene.write("logs/b.log");
    assert_eq!(scene.grown(), [scene.path("link/b.log")]);
    // One of the names is given up: the other is still told of.
    let link = scene.path("link");
    scene.folders.leave(&link);
    scene.write("logs/a.log");
    assert_eq!(scene.grown(), [scene.path("logs/a.log")]);
    assert!(scene.folders.tells_of(&scene.path("logs/a.log")) && !scene.folders.tells_of(&scene.path("link/b.log")));
}

#[test]
fn a_renamed_file_is_told_of_under_its_new_name_until_nobody_writes_to_it() {
    let mut scene = Scene::follow(&["logs/a.log"]);
    scene.write("logs/a.log");
    fs::rename(scene.path("logs/a.log"), scene.path("logs/a.log.1")).unwrap();
    fs::rename(scene.path("logs/a.log.1"), scene.path("logs/a.log.2")).unwrap();
    assert_eq!(scene.hear().paths, [scene.path("logs/a.log")].into());
    for _ in 0..3 {
        scene.now += FORGOTTEN_AFTER - Duration::from_secs(1);
        scene.look();
        scene.write("logs/a.log.2");
        assert_eq!(scene.grown(), [scene.path("logs/a.log")]);
    }
    scene.now += FORGOTTEN_AFTER;
    scene.look();
    scene.write("logs/a.log.2");
    assert!(scene.hear().is_empty());
}

#[test]
fn renames_to_elsewhere_do_not_add_up() {
    let mut scene = Scene::follow(&["logs/a.log"]);
    for number in 0..2 * MOST_MOVED {
        scene.write("logs/a.log");
        fs::rename(scene.path("logs/a.log"), scene.path(&format!("a.log.{number}"))).unwrap();
    }
    assert!(scene.hear().names);
    assert_eq!(scene.folders.moved.len(), MOST_MOVED);
}

#[test]
fn a_folder_that_comes_again_is_watched_again() {
    let mut scene = Scene::follow(&["logs/a.log"]);
    for _ in 0..3 {
        fs::remove_dir_all(scene.path("logs")).unwrap();
        assert!(scene.hear().folders);
        assert!(!scene.folders.tells_of(&scene.path("logs/a.log")));
        // Some file systems give it the inode of the old one.
        fs::create_dir(scene.path("logs")).unwrap();
        scene.write("logs/a.log");
        scene.look();
        assert!(scene.folders.tells_of(&scene.path("logs/a.log")));
        scene.write("logs/a.log");
        assert_eq!(scene.grown(), [scene.path("logs/a.log")]);
    }
}

#[test]
fn a_folder_that_comes_again_is_watched_again_also_when_nobody_told() {
    let mut scene = Scene::follow(&["logs/a.log"]);
    fs::remove_dir_all(scene.path("logs")).unwrap();
    fs::create_dir(scene.path("logs")).unwrap();
    scene.write("logs/a.log");
    scene.look();
    // Only now is it told that the old one is gone.
    scene.hear();
    scene.write("logs/a.log");
    assert_eq!(scene.grown(), [scene.path("logs/a.log")]);
}

#[test]
fn folders_that_come_or_move_are_news_of_folders() {
    let mut scene = Scene::follow(&["logs/a.log"]);
    fs::create_dir(scene.path("logs/inner")).unwrap();
    assert!(scene.hear().folders);
    fs::rename(scene.path("logs"), scene.path("old")).unwrap();
    assert!(scene.hear().folders);
    scene.write("old/a.log");
    assert!(!scene.hear().folders);
}

#[test]
fn a_change_of_rights_is_a_reason_to_look_at_the_path() {
    let mut scene = Scene::follow(&["logs/a.log"]);
    scene.write("logs/a.log");
    scene.hear();
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o640);
    fs::set_permissions(scene.path("logs/a.log"), readable).unwrap();
    let wake = scene.hear();
    assert_eq!((wake.paths, wake.names), ([scene.path("logs/a.log")].into(), false));
}

#[test]
fn a_name_that_two_renamed_files_had_is_that_of_the_second() {
    let mut scene = Scene::follow(&["logs/a.log", "logs/b.log"]);
    for name in ["a.log", "b.log"] {
        scene.write(&format!("logs/{name}"));
        fs::rename(scene.path(&format!("logs/{name}")), scene.path("logs/old")).unwrap();
    }
    scene.hear();
    scene.write("logs/old");
    assert_eq!(scene.grown(), [scene.path("logs/b.log")]);
}

#[test]
fn a_folder_that_is_none_is_no_trouble() {
    let mut scene = Scene::follow(&["logs/a.log"]);
    fs::remove_dir(scene.path("logs")).unwrap();
    assert!(scene.hear().folders);
    fs::write(scene.path("logs"), "").unwrap();
    scene.look();
    assert!(scene.folders.watched.is_empty());
}

#[test]
fn more_folders_than_are_watched_are_said() {
    let files: Vec<String> = (0..=MOST_FOLDERS).map(|number| format!("{number}/a.log")).collect();
    let most: Vec<&str> = files.iter().map(String::as_str).take(MOST_FOLDERS).collect();
    Scene::follow(&most);
    let paths = files.iter().map(|file| format!("/nowhere/{file}")).collect();
    let set = Set::new(
        &settings::File { paths, ..settings::File::plain(Path::new("")) },
        Begin::Beginning,
        Vec::new(),
        Timestamp::EPOCH,
    );
    let trouble = Folders::new().unwrap().follow(&set).unwrap();
    assert!(trouble.contains("4097 folders") && trouble.contains("several sources"), "{trouble}");
}

#[test]
fn more_events_than_the_kernel_keeps_wake_for_everything() {
    let kept = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let kept: usize = kept.trim().parse().unwrap();
    if kept > 1 << 18 {
        eprintln!("SKIPPED: the kernel keeps {kept} events here");
        return;
    }
    let mut scene = Scene::follow(&["logs/a.log", "logs/b.log"]);
    let open = |name: &str| OpenOptions::new().append(true).create(true).open(scene.path(name)).unwrap();
    // In turns: the kernel makes one of two that are alike.
    let mut files = ["logs/a.log", "logs/b.log"].map(open);
    scene.hear();
    for number in 0..=kept {
        files[number % 2].write_all(b"\n").unwrap();
    }
    let wake = scene.hear_all();
    assert!(wake.all && wake.names && wake.folders);
}

#[test]
fn however_many_events_there_are_each_is_heard() {
    let names: Vec<String> = (0..2 * MOST_EVENTS).map(|number| format!("logs/{number}.log")).collect();
    let mut scene = Scene::follow(&names.iter().map(String::as_str).collect::<Vec<_>>());
    names.iter().for_each(|name| scene.write(name));
    scene.hear_all();
    names.iter().for_each(|name| scene.write(name));
    let first = scene.hear().grown.len();
    assert!((MOST_EVENTS..names.len()).contains(&first), "{first}: not all at once");
    assert_eq!(first + scene.hear_all().grown.len(), names.len());
}
