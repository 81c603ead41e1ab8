//! Full disks, locks, damaged files, other versions.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use heinzel_core::incident::Status;
use heinzel_core::rule::RuleId;
use heinzel_core::state::{Change, Paused};
use heinzel_core::window::Window;
use rusqlite::Connection;

use super::super::migrate::{self, Formats};
use super::super::{FILE, fail::Fail};
use super::*;
use crate::error::StoreError;

/// About 1.2 MB in one commit.
fn flood() -> Vec<Change> {
    let text = "x".repeat(4000);
    let mut changes: Vec<Change> = (0..300).map(|n| logged(n, &text)).collect();
    changes.push(Change::Effect(effect("1-1-1", 1)));
    changes
}

/// Nothing of the flood is there; after room was made the same call succeeds, once.
fn fails_full_then_succeeds(store: &mut Sqlite, make_room: impl FnOnce(&mut Sqlite)) {
    store.commit(&[logged(1, "before")], &[]).unwrap();
    for _ in 0..2 {
        let error = store.commit(&flood(), &[checkpoint("a", "1")]).unwrap_err();
        assert!(matches!(error, StoreError::Full { .. }) && error.is_passing(), "{error:?}");
        assert!(error.to_string().contains(FILE) && error.to_string().contains("no space"), "{error}");
        assert_eq!(store.entries(0, 999).unwrap().len(), 1);
        let loaded = store.load(at(0)).unwrap();
        assert_eq!((loaded.unfinished.len(), loaded.checkpoints.len()), (0, 0));
    }
    make_room(store);
    store.commit(&flood(), &[checkpoint("a", "1")]).unwrap();
    assert_eq!(store.entries(0, 999).unwrap().len(), 301);
    assert_eq!(store.load(at(0)).unwrap().checkpoints.len(), 1);
    assert_eq!(store.verify_audit(&mut |_, _| {}).unwrap().broken, None);
}

#[test]
fn a_database_that_may_not_grow_takes_the_same_commit_later() {
    let mut scene = Scene::new();
    let pages: i64 = scene.store.conn.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    let most = |store: &Sqlite, pages: i64| {
        store.conn.pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0)).unwrap();
    };
    most(&scene.store, pages + 20);
    fails_full_then_succeeds(&mut scene.store, |store| most(store, 1 << 30));
}

#[test]
fn a_store_that_was_taken_away_takes_nothing_until_it_is_put_back() {
    let root = tempfile::tempdir().unwrap();
    let (folder, aside) = (root.path().join("state"), root.path().join("aside"));
    let open = || Sqlite::open(Lock::take(&folder).unwrap(), &Options::default()).unwrap();
    let mut store = open();
    store.commit(&[Change::Effect(effect("1-1-1", 1))], &[]).unwrap();
    let gone = |store: &mut Sqlite, file: &str| {
        for error in [
            store.commit(&[logged(1, "lost")], &[]).unwrap_err(),
            store.started(&"1-1-1".to_owned()).unwrap_err(),
            store.present().unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::Gone { .. }) && error.is_passing(), "{error:?}");
            assert!(error.to_string().contains(&format!("state/{file} is no longer the file")), "{error}");
        }
    };
    fs::rename(&folder, &aside).unwrap();
    gone(&mut store, "heinzel.lock");
    let mut other = open();
    gone(&mut store, "heinzel.lock");
    other.commit(&[logged(1, "its own")], &[]).unwrap();
    drop(other);
    fs::remove_dir_all(&folder).unwrap();
    fs::rename(&aside, &folder).unwrap();
    store.present().unwrap();
    store.started(&"1-1-1".to_owned()).unwrap();
    // The file alone, with the lock where it was.
    fs::rename(folder.join(FILE), folder.join("old.db")).unwrap();
    fs::copy(folder.join("old.db"), folder.join(FILE)).unwrap();
    gone(&mut store, FILE);
}

/// A small file system of its own. Needs root.
struct Tmpfs(std::path::PathBuf);

impl Tmpfs {
    fn mount(path: &Path, size: &str) -> Option<Self> {
        let options = format!("size={size}");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "heinzel-test"]).arg(path).output();
        done.is_ok_and(|done| done.status.success()).then(|| Self(path.to_owned()))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_takes_the_same_commit_later() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_mounted) = Tmpfs::mount(folder.path(), "3m") else {
        // Straight to the terminal: what a passing test prints by macro is not shown.
        let skipped = "SKIPPED a_full_disk_takes_the_same_commit_later: mounting a tmpfs needs root\n";
        std::io::stderr().write_all(skipped.as_bytes()).unwrap();
        return;
    };
    let mut store = Sqlite::open(Lock::take(folder.path()).unwrap(), &options("boot")).unwrap();
    let ballast = folder.path().join("ballast");
    // As much as fits; less than a commit needs is left.
    let filled = fs::write(&ballast, vec![0; 4 << 20]).unwrap_err();
    assert_eq!(filled.kind(), std::io::ErrorKind::StorageFull);
    let size = fs::metadata(&ballast).unwrap().len();
    fs::OpenOptions::new().write(true).open(&ballast).unwrap().set_len(size - (256 << 10)).unwrap();
    fails_full_then_succeeds(&mut store, |_| fs::remove_file(&ballast).unwrap());
    // Not a byte is left: marks cannot be written either, and say so.
    let _ = fs::write(&ballast, vec![0; 4 << 20]);
    let mut last = Ok(());
    for _ in 0..1000 {
        last = store.started(&"1-1-1".to_owned());
        if last.is_err() {
            break;
        }
    }
    assert!(matches!(last, Err(StoreError::Full { .. })), "{last:?}");
    fs::remove_file(&ballast).unwrap();
    store.started(&"1-1-1".to_owned()).unwrap();
}

#[test]
fn a_locked_database_takes_the_same_call_later() {
    let mut scene = Scene::new();
    scene.commit(&[Change::Effect(effect("1-1-1", 1))]);
    let other = Connection::open(scene.store.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let changes = [logged(1, "a")];
    for _ in 0..2 {
        let error = scene.store.commit(&changes, &[]).unwrap_err();
        assert!(matches!(error, StoreError::Locked { .. }) && error.is_passing(), "{error:?}");
        assert!(error.to_string().contains("fuser"), "{error}");
        assert!(scene.store.started(&"1-1-1".to_owned()).unwrap_err().is_passing());
        assert!(scene.store.retain(at(1), &crate::Retention::default()).unwrap_err().is_passing());
    }
    other.execute_batch("ROLLBACK").unwrap();
    scene.commit(&changes);
    scene.store.started(&"1-1-1".to_owned()).unwrap();
    assert_eq!(scene.store.entries(0, 9).unwrap().len(), 1);
}

#[test]
fn every_commit_is_synced_whatever_came_before() {
    let mut scene = Scene::new();
    let level =
        |scene: &Scene| -> i64 { scene.store.conn.pragma_query_value(None, "synchronous", |r| r.get(0)).unwrap() };
    scene.commit(&[Change::Effect(effect("1-1-1", 1))]);
    assert_eq!(level(&scene), 2, "FULL");
    scene.store.started(&"1-1-1".to_owned()).unwrap();
    assert_eq!(level(&scene), 1, "NORMAL");
    assert!(scene.store.started(&"9".to_owned()).is_err());
    scene.commit(&[logged(1, "a")]);
    assert_eq!(level(&scene), 2, "FULL");
}

#[test]
fn a_transaction_left_open_does_not_stop_the_next_commit() {
    let mut scene = Scene::new();
    scene.store.conn.execute_batch("BEGIN IMMEDIATE; INSERT INTO meta VALUES ('half', 'done')").unwrap();
    scene.commit(&[logged(1, "a")]);
    let half: i64 = scene.store.conn.query_row("SELECT count(*) FROM meta", [], |row| row.get(0)).unwrap();
    assert_eq!(half, 0);
}

fn open(folder: &Path) -> Result<Sqlite, StoreError> {
    Sqlite::open(Lock::take(folder).unwrap(), &options("boot"))
}

#[test]
fn a_damaged_file_is_refused_and_left_as_it_is() {
    let check = |name: &str, damage: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(folder.path()).unwrap();
        store.commit(&flood(), &[]).unwrap();
        drop(store);
        damage(folder.path());
        let files = || {
            let read = |found: std::io::Result<fs::DirEntry>| {
                let path = found.unwrap().path();
                (path.clone(), fs::read(path).unwrap())
            };
            let mut files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(read).collect();
            files.retain(|(path, _)| !path.ends_with("heinzel.lock") && !path.to_string_lossy().ends_with("-shm"));
            files.sort();
            files
        };
        let before = files();
        let error = open(folder.path()).and_then(|mut store| store.load(at(0)).map(drop)).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }) && !error.is_passing(), "{name}: {error:?}");
        let text = error.to_string();
        assert!(text.contains(FILE) && text.contains("backup") && text.contains("move it away"), "{name}: {text}");
        let after = files();
        for (path, bytes) in &before {
            assert!(after.contains(&(path.clone(), bytes.clone())), "{name}: {} was changed", path.display());
        }
    };
    check("empty", &|folder| fs::write(folder.join(FILE), "").unwrap());
    check("text", &|folder| fs::write(folder.join(FILE), "not a database\n".repeat(1000)).unwrap());
    check("no beginning", &|folder| {
        let mut bytes = fs::read(folder.join(FILE)).unwrap();
        bytes[..100].fill(0xff);
        fs::write(folder.join(FILE), bytes).unwrap();
    });
    check("noise after the first page", &|folder| {
        let mut bytes = fs::read(folder.join(FILE)).unwrap();
        bytes[4096..].fill(0x5a);
        fs::write(folder.join(FILE), bytes).unwrap();
    });
    check("log without its database", &|folder| {
        fs::rename(folder.join(FILE), folder.join("heinzel.db-wal")).unwrap();
    });
    check("another program's", &|folder| {
        fs::remove_file(folder.join(FILE)).unwrap();
        let other = Connection::open(folder.join(FILE)).unwrap();
        other.execute_batch("CREATE TABLE songs (name TEXT)").unwrap();
    });
}

#[test]
fn whoever_opens_it_says_the_same_of_what_is_no_database() {
    let check = |why: &str, spoil: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().unwrap();
        spoil(&folder.path().join(FILE));
        let writes = open(folder.path()).unwrap_err().to_string();
        let reads = Sqlite::open_read_only(folder.path(), Duration::ZERO).unwrap_err().to_string();
        assert!(writes.contains(why) && reads.contains(why), "{writes}\n{reads}");
    };
    check("it is empty", &|file| fs::write(file, "").unwrap());
    check("it is a folder", &|file| fs::create_dir(file).unwrap());
}

#[test]
fn what_a_killed_first_start_left_is_cleared_away() {
    let folder = tempfile::tempdir().unwrap();
    for left in ["heinzel.db.new", "heinzel.db.new-wal"] {
        fs::write(folder.path().join(left), "half").unwrap();
    }
    open(folder.path()).unwrap().commit(&[logged(1, "a")], &[]).unwrap();
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().contains("new")), "{names:?}");
}

#[test]
fn a_newer_database_is_refused() {
    let scene = Scene::new();
    scene.meddle("PRAGMA user_version = 99");
    let Scene { folder, store } = scene;
    drop(store);
    for error in [open(folder.path()).unwrap_err(), Sqlite::open_read_only(folder.path(), Duration::ZERO).unwrap_err()]
    {
        assert!(matches!(error, StoreError::Newer { found: 99, known: 1, .. }), "{error:?}");
        assert!(error.to_string().contains("install that version"), "{error}");
    }
}

#[test]
fn formats_are_reached_one_after_the_other_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.db");
    let mut conn = Connection::open(&file).unwrap();
    const FIRST: &str = "CREATE TABLE a (x INTEGER) STRICT";
    const SECOND: &str = "ALTER TABLE a ADD COLUMN y TEXT";
    let up = |conn: &mut Connection, all| Formats { application: 1, all }.up(conn, &file);
    up(&mut conn, &[FIRST]).unwrap();
    let error = up(&mut conn, &["", "CREATE TABLE b (x TEXT); SELECT * FROM nowhere"]).unwrap_err();
    assert!(error.to_string().contains("bring up to date"), "{error}");
    assert_eq!(migrate::version(&conn).unwrap(), 1);
    assert!(conn.execute_batch("SELECT * FROM b").is_err());
    up(&mut conn, &[FIRST, SECOND]).unwrap();
    assert_eq!(migrate::version(&conn).unwrap(), 2);
    conn.execute_batch("SELECT y FROM a").unwrap();
}

#[test]
fn rows_that_cannot_be_read_are_named_and_fail_to_the_safe_side() {
    let mut scene = Scene::new();
    let rule = RuleId::from("a.b");
    scene.commit(&[
        opened(1, Status::Open),
        opened(2, Status::Open),
        opened(3, Status::Open),
        Change::Window(rule.clone(), "k".into(), Some(Box::new(Window::default()))),
        Change::Rule(rule.clone(), Box::default()),
        Change::Paused(Some(Paused { by: "kim".into(), at: at(1), why: String::new() })),
        Change::Effect(effect("1-1-1", 1)),
        Change::Effect(effect("1-1-2", 1)),
    ]);
    scene.meddle(
        r#"UPDATE incident SET body = '{"v":2,"body":{}}' WHERE id = 1;
           UPDATE incident SET body = (SELECT body FROM incident WHERE id = 3) WHERE id = 2;
           UPDATE "window" SET body = CAST(x'ff' AS TEXT);
           UPDATE rule_record SET body = 'no';
           UPDATE meta SET value = '{"v":7}';
           UPDATE effect SET body = '{"v":1,"body":{"id":"1-1-1"}}' WHERE id = '1-1-1';"#,
    );
    let loaded = scene.store.load(at(77)).unwrap();
    let named: Vec<String> = loaded.complaints.iter().map(|c| format!("{} {}", c.table, c.key)).collect();
    assert_eq!(
        named,
        [
            "incident 1",
            "incident 2",
            "window a.b k",
            "rule_record a.b",
            "meta paused",
            "meta last_incident",
            "effect 1-1-1"
        ]
    );
    assert!(loaded.complaints[0].to_string().contains("version 2"), "{}", loaded.complaints[0]);
    assert!(loaded.complaints[1].to_string().contains("incident 3"), "{}", loaded.complaints[1]);
    assert_eq!(loaded.incidents.iter().map(|i| i.id).collect::<Vec<_>>(), [3]);
    assert_eq!(loaded.last_incident, 3);
    assert!(loaded.rules[&rule].breaker.is_some());
    assert!(loaded.paused.is_some());
    assert_eq!(loaded.unfinished.iter().map(|u| &u.effect.id[..]).collect::<Vec<_>>(), ["1-1-2"]);
    assert!(matches!(scene.store.incident(1), Err(StoreError::Unreadable { table: "incident", .. })));
    assert_eq!(scene.store.incidents(&crate::Filter::default()).unwrap().len(), 2);
}

#[test]
fn out_of_space_is_told_from_other_io_errors() {
    let folder = tempfile::tempdir().unwrap();
    let io = |code: i32| {
        let cause = rusqlite::ffi::Error::new(code);
        Fail::Sql(rusqlite::Error::SqliteFailure(cause, None)).explain("commit to", &folder.path().join(FILE))
    };
    assert!(io(rusqlite::ffi::SQLITE_FULL).is_passing());
    assert!(io(rusqlite::ffi::SQLITE_BUSY_SNAPSHOT).is_passing());
    assert!(!io(rusqlite::ffi::SQLITE_IOERR_READ).is_passing());
    let full = Fail::Io(std::io::ErrorKind::StorageFull.into()).explain("create", folder.path());
    assert!(full.is_passing());
}
