//! Folders of packs: what is loaded, what is said, and the watch on them.

use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use super::{SAMPLES, shown, with};
use crate::pack::{Version, load};
use crate::plain_file;
use crate::reload::Watch;

const HEAD: &str = "name = \"web\"\nversion = \"1.0.0\"\nmin_engine = \"0.1.0\"\n";

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn said(files: &[(&str, &str)]) -> (usize, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    let loaded = load(folder.path());
    let lines = loaded.problems.iter().map(|p| {
        let file = p.file.strip_prefix(folder.path()).unwrap().display();
        format!("{file}:{}:{} {}", p.line, p.column, p.message)
    });
    (loaded.rule_set().rules.len(), lines.collect())
}

#[test]
fn one_bad_rule_does_not_hide_the_others() {
    let (rules, problems) = said(&[
        ("README.md", "not a pack"),
        ("web/pack.toml", HEAD),
        ("web/a.rhai", &with("")),
        ("web/b.rhai", "#{ nonsense"),
        ("web/c.rhai", &with("")),
        ("web/samples/a.toml", SAMPLES),
        ("web/samples/c.toml", SAMPLES),
        ("web/samples/d.toml", SAMPLES),
    ]);
    assert_eq!(rules, 2);
    assert_eq!(
        problems,
        [
            "web/b.rhai:1:12 Expecting ':' to follow the property 'nonsense' in this object map literal",
            "web/samples/d.toml:1:1 these samples belong to no rule: there is no d.rhai",
        ]
    );
}

#[test]
fn rules_where_none_are_looked_for_are_named() {
    let rule = with("");
    let (rules, problems) = said(&[
        ("bar.rhai", &rule),
        ("web/pack.toml", HEAD),
        ("web/Qux.RHAI", &rule),
        ("web/a.rhai", &format!("\u{feff}{rule}")),
        ("web/samples/a.toml", SAMPLES),
        ("web/sub/baz.rhai", &rule),
    ]);
    assert_eq!(rules, 1);
    assert_eq!(
        problems,
        [
            "bar.rhai:1:1 this rule is not loaded: it is in no pack",
            "web/Qux.RHAI:1:1 this rule is not loaded: its name does not end with `.rhai`",
            "web/sub/baz.rhai:1:1 this rule is not loaded: it is in a folder of its pack",
        ]
    );
}

#[test]
fn pack_heads_are_checked() {
    let check = |head: &str, expected: &str| {
        let (rules, problems) =
            said(&[("web/pack.toml", head), ("web/a.rhai", &with("")), ("web/samples/a.toml", SAMPLES)]);
        assert_eq!((rules, problems), (0, vec![expected.to_owned()]), "{head}");
    };
    check(&HEAD.replace("web", "mail"), "web/pack.toml:1:8 the pack is called `mail`, its folder `web`");
    check(&HEAD.replace("1.0.0", "1.0"), "web/pack.toml:2:11 `1.0` is no version");
    check(
        &HEAD.replace("0.1.0", "99.0.0"),
        &format!("web/pack.toml:3:14 the pack needs heinzel 99.0.0, this is {}", Version::engine()),
    );
    check(
        &format!("{HEAD}auhtor = \"x\"\n"),
        "web/pack.toml:4:1 unknown field `auhtor`, expected one of `name`, `version`, `min_engine`, `description`",
    );
    check("name = \"web\"\n", "web/pack.toml:1:1 missing field `version`");
    let (rules, problems) = said(&[("web/a.rhai", &with("")), ("web/samples/a.toml", SAMPLES)]);
    assert_eq!((rules, problems), (0, vec!["web/pack.toml:1:1 the pack `web` has no pack.toml".to_owned()]));
}

#[test]
fn broken_samples_and_names_leave_the_rule_out() {
    let (rules, problems) =
        said(&[("web/pack.toml", HEAD), ("web/a.rhai", &with("")), ("web/samples/a.toml", "[[sample]\n")]);
    assert_eq!((rules, problems.len()), (0, 1), "{problems:?}");
    let (rules, problems) =
        said(&[("web/pack.toml", HEAD), ("web/A b.rhai", &with("")), ("web/samples/A b.toml", SAMPLES)]);
    assert_eq!((rules, problems), (0, vec!["web/A b.rhai:1:1 `A b` is no name of a rule".to_owned()]));
}

#[test]
fn what_editors_keep_beside_a_file_is_none_of_the_pack() {
    let folder = tempfile::tempdir().unwrap();
    let files = [("web/pack.toml", HEAD), ("web/a.rhai", &with("")), ("web/samples/a.toml", SAMPLES)];
    write(folder.path(), &files);
    write(folder.path(), &[("web/.b.rhai", "#{ nonsense"), (".old/c.rhai", "#{ nonsense")]);
    for lock in ["web/.#a.rhai", "web/samples/.#a.toml"] {
        std::os::unix::fs::symlink("kim@web1.4711:1795255200", folder.path().join(lock)).unwrap();
    }
    let loaded = load(folder.path());
    assert_eq!((loaded.rule_set().rules.len(), shown(&loaded.problems)), (1, String::new()));
}

#[test]
fn files_that_are_no_text_are_problems_not_panics() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("web/pack.toml", HEAD)]);
    std::fs::write(folder.path().join("web/a.rhai"), b"#{ title: \"\xff\" }").unwrap();
    std::fs::write(folder.path().join("web/b.rhai"), " ".repeat(300_000)).unwrap();
    std::fs::create_dir(folder.path().join("web/c.rhai")).unwrap();
    let loaded = load(folder.path());
    let messages: Vec<&str> = loaded.problems.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "the file is not valid UTF-8 from here on",
            "the file is larger than 262144 bytes",
            "this is not a regular file"
        ],
        "{}",
        shown(&loaded.problems)
    );
    assert_eq!(loaded.problems[0].column, 12);
    assert!(load(&folder.path().join("absent")).has_errors());
}

/// What this gives; a thread that waits for ever is left behind.
fn in_time<T: Send + 'static>(ask: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = channel();
    std::thread::spawn(move || tell.send(ask()));
    told.recv_timeout(Duration::from_secs(30)).unwrap()
}

fn make_pipe(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

#[test]
fn a_named_pipe_is_said_and_never_waited_for() {
    for name in ["web/pack.toml", "web/a.rhai", "web/samples/a.toml"] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &[("web/pack.toml", HEAD), ("web/a.rhai", &with("")), ("web/samples/a.toml", SAMPLES)]);
        let path = folder.path().join(name);
        for link in [false, true] {
            std::fs::remove_file(&path).unwrap();
            if link {
                make_pipe(&folder.path().join("pipe"));
                std::os::unix::fs::symlink(folder.path().join("pipe"), &path).unwrap();
            } else {
                make_pipe(&path);
            }
            let rules = folder.path().to_owned();
            let loaded = in_time(move || load(&rules));
            let [problem] = &loaded.problems[..] else { panic!("{}", shown(&loaded.problems)) };
            assert_eq!((&problem.file, problem.message.as_str()), (&path, "this is not a regular file"));
            assert_eq!(problem.hint.as_deref(), Some("replace it by a plain text file"));
            let path = path.clone();
            let error = in_time(move || plain_file::text(&path)).unwrap_err().to_string();
            assert_eq!(error, "this is not a regular file; replace it by a plain text file");
        }
    }
}

#[test]
fn versions_compare_as_numbers() {
    let version = |text| Version::parse(text);
    assert!(version("1.10.0") > version("1.9.9"));
    for wrong in ["1", "1.0", "1.0.0.0", "01.0.0", "1.0.x", "", "1.0.-1", "1.0.0-beta"] {
        assert_eq!(version(wrong), None, "{wrong}");
    }
}

#[test]
fn a_burst_of_changes_is_told_and_the_watch_ends() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("web/pack.toml", HEAD)]);
    let (tell, told) = channel();
    let watch = Watch::start(folder.path(), &["rhai", "toml"], move || tell.send(()).unwrap()).unwrap();
    for number in 0..20 {
        write(folder.path(), &[("web/a.rhai", &format!("{number}"))]);
    }
    told.recv_timeout(Duration::from_secs(30)).unwrap();
    write(folder.path(), &[("web/samples/a.toml", "")]);
    told.recv_timeout(Duration::from_secs(30)).unwrap();
    drop(watch);
    assert!(told.try_iter().count() < 20);
    assert!(told.recv().is_err());
    let error = Watch::start(&folder.path().join("absent"), &[], || {}).unwrap_err();
    assert!(error.to_string().starts_with("watch the folder"), "{error}");
}

#[test]
fn what_editors_keep_beside_a_file_is_no_news() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("web/pack.toml", HEAD), ("web/a.rhai", "a")]);
    let (tell, told) = channel();
    let _watch = Watch::start(folder.path(), &["rhai", "toml"], move || tell.send(()).unwrap()).unwrap();
    std::os::unix::fs::symlink("kim@web1.4711:1795255200", folder.path().join("web/.#a.rhai")).unwrap();
    write(folder.path(), &[("web/.b.rhai", "b")]);
    // Longer than the folder must rest.
    assert!(told.recv_timeout(Duration::from_millis(800)).is_err());
    write(folder.path(), &[("web/a.rhai", "b")]);
    assert_eq!(told.recv_timeout(Duration::from_secs(30)), Ok(()));
}

#[test]
fn a_file_that_is_written_in_its_place_is_told_of() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("mail/answers/quota.de.md", "a"), ("own.csv", "a")]);
    let (tell, told) = channel();
    let also = tell.clone();
    let _answers = Watch::start(folder.path(), &["md"], move || tell.send("answers").unwrap()).unwrap();
    let _file = Watch::of_file(&folder.path().join("own.csv"), move || also.send("file").unwrap()).unwrap();
    for (file, expected) in [("mail/answers/quota.de.md", "answers"), ("own.csv", "file"), ("own.csv", "file")] {
        let mut file = std::fs::OpenOptions::new().append(true).open(folder.path().join(file)).unwrap();
        file.write_all(b"b").unwrap();
        assert_eq!(told.recv_timeout(Duration::from_secs(30)), Ok(expected));
    }
    // What says the same is no news: the next is the answers'.
    write(folder.path(), &[("own.csv", "abb")]);
    write(folder.path(), &[("mail/answers/quota.de.md", "c")]);
    assert_eq!(told.recv_timeout(Duration::from_secs(30)), Ok("answers"));
}

#[test]
fn a_watched_file_that_becomes_a_pipe_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("own.csv", "a")]);
    let own = folder.path().join("own.csv");
    let told = in_time(move || {
        let (tell, told) = channel();
        let _watch = Watch::of_file(&own, move || tell.send(()).unwrap()).unwrap();
        let news = || told.recv_timeout(Duration::from_secs(20));
        std::fs::write(&own, "b").unwrap();
        let file = news();
        std::fs::remove_file(&own).unwrap();
        make_pipe(&own);
        (file, news())
    });
    assert_eq!(told, (Ok(()), Ok(())));
}
