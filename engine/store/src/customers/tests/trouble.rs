//! Damaged files, other versions, other programs.

use std::fs;

use rusqlite::Connection;

use super::*;
use crate::error::StoreError;

#[test]
fn a_damaged_file_is_refused_and_left_as_it_is() {
    let check = |name: &str, damage: &dyn Fn(&std::path::Path)| {
        let scene = Scene::new();
        for number in 0..500 {
            scene.customers.put_customer(&customer(&number.to_string())).unwrap();
        }
        let Scene { folder, customers } = scene;
        drop(customers);
        let file = folder.path().join(FILE);
        damage(&file);
        let before = fs::read(&file).ok();
        let open = || Customers::open(folder.path()).and_then(|customers| customers.customer("250").map(drop));
        let error = open().unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{name}: {error:?}");
        let text = error.to_string();
        assert!(text.contains(FILE) && text.contains("backup") && text.contains("learned"), "{name}: {text}");
        assert!(!text.contains("open incidents"), "{name}: {text}");
        assert_eq!(fs::read(&file).ok(), before, "{name}");
    };
    check("empty", &|file| fs::write(file, "").unwrap());
    check("text", &|file| fs::write(file, "not a database\n".repeat(1000)).unwrap());
    check("noise after the first page", &|file| {
        let mut bytes = fs::read(file).unwrap();
        bytes[4096..].fill(0x5a);
        fs::write(file, bytes).unwrap();
    });
    check("log without its database", &|file| {
        fs::rename(file, file.with_file_name("customers.db-wal")).unwrap();
    });
    check("the engine's own", &|file| {
        let lock = crate::lock::Lock::take(file.parent().unwrap()).unwrap();
        drop(crate::sqlite::Sqlite::open(lock, &crate::sqlite::Options::default()).unwrap());
        fs::rename(file.with_file_name(crate::sqlite::FILE), file).unwrap();
    });
}

#[test]
fn a_newer_file_is_refused() {
    let Scene { folder, customers } = Scene::new();
    drop(customers);
    let other = Connection::open(folder.path().join(FILE)).unwrap();
    other.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(other);
    for error in [Customers::open(folder.path()).map(drop), Reader::open(folder.path(), Duration::ZERO).map(drop)] {
        let error = error.unwrap_err();
        assert!(matches!(error, StoreError::Newer { found: 99, known: 2, .. }), "{error:?}");
    }
}

#[test]
fn a_reader_neither_creates_nor_writes() {
    let folder = tempfile::tempdir().unwrap();
    let error = Reader::open(folder.path(), Duration::ZERO).unwrap_err();
    assert!(error.to_string().contains("heinzel run"), "{error}");
    assert!(!folder.path().join(FILE).exists());
    let scene = Scene::new();
    scene.customers.put_customer(&customer("kim")).unwrap();
    let reader = scene.reader();
    assert_eq!(reader.customers().unwrap(), [customer("kim")]);
    assert!(reader.conn.execute("DELETE FROM customer", []).is_err());
}

#[test]
fn a_locked_file_takes_the_same_call_later() {
    let scene = Scene::new();
    let other = Connection::open(scene.folder.path().join(FILE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = scene.customers.put_customer(&customer("kim")).unwrap_err();
    assert!(error.is_passing(), "{error}");
    // Asking goes on meanwhile.
    assert_eq!(scene.customers.customer("kim").unwrap(), None);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(scene.customers.put_customer(&customer("kim")).unwrap(), Put::New);
}

#[test]
fn nobody_else_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new();
    let mode = fs::metadata(scene.folder.path().join(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
}
