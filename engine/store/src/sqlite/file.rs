//! A database file: how it is created, opened and brought to its newest format. Each store has its own.

use std::fs;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::fail::Fail;
use super::migrate::{self, Formats};
use crate::error::StoreError;

/// Opens the file for writing, creates it when there is none, and brings an older format up to date.
///
/// # Errors
/// [`StoreError::Corrupt`] and [`StoreError::Newer`] for a file that is not (or no longer) ours to write: it is left as it
/// is. Others when it cannot be created, opened or migrated.
pub(crate) fn open(file: &Path, patience: Duration, formats: &Formats) -> Result<Connection, StoreError> {
    let size = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    let corrupt = |why: String| Fail::corrupt("open", file, why);
    if size(file) == 0 && size(&beside(file, "-wal")) > 0 {
        // SQLite would silently delete the log of a database that is gone.
        let name = file.file_name().unwrap_or_default().display();
        return Err(corrupt(format!("it is missing or empty, but its log {name}-wal is there")));
    }
    if !file.exists() {
        create(file, patience, formats)?;
    }
    check_kind(file)?;
    narrow(file);
    let explain = |fail: Fail| fail.explain("open", file);
    let mut conn = connect(file, OpenFlags::SQLITE_OPEN_READ_WRITE, patience).map_err(explain)?;
    // First of all: configuring writes into the file.
    formats.check(&conn, file)?;
    configure(&conn).map_err(explain)?;
    formats.up(&mut conn, file)?;
    Ok(conn)
}

/// Opens the file for reading, also while an engine runs on it. Neither creates nor migrates.
///
/// # Errors
/// [`StoreError`] when there is no file, or its format is not this version's.
pub(crate) fn open_read_only(file: &Path, patience: Duration, formats: &Formats) -> Result<Connection, StoreError> {
    let other = |why: &str| StoreError::Other { tried: "open", place: place(file), why: why.into(), cause: None };
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(other("there is no store yet; `heinzel run` creates it"));
        }
        Err(error) => {
            let why = "only the user that runs Heinzel (and root) can read it".to_owned();
            return Err(StoreError::Other { tried: "open", place: place(file), why, cause: Some(Box::new(error)) });
        }
        Ok(_) => check_kind(file)?,
    }
    // Readers of a WAL database share its index file with the writer and therefore need to write that one. Only
    // where this is forbidden (a copy on read-only media) the plain read-only mode is the right one.
    let read = |flags| {
        let conn = connect(file, flags, patience)?;
        conn.pragma_update(None, "query_only", true)?;
        // The first look into the file; opening it alone reads nothing.
        migrate::version(&conn)?;
        Ok(conn)
    };
    let conn = read(OpenFlags::SQLITE_OPEN_READ_WRITE)
        .or_else(|fail: Fail| if fail.is_forbidden() { read(OpenFlags::SQLITE_OPEN_READ_ONLY) } else { Err(fail) })
        .map_err(|fail| fail.explain("open", file))?;
    if formats.check(&conn, file)? < formats.newest() {
        return Err(other("its format is older than this version's; `heinzel run` brings it up to date"));
    }
    Ok(conn)
}

/// Refuses what is there but no database: SQLite would take an empty file for a new one, and of a folder it says nothing
/// that helps.
fn check_kind(file: &Path) -> Result<(), StoreError> {
    let why = match fs::metadata(file) {
        Ok(found) if found.is_dir() => "it is a folder",
        Ok(found) if !found.is_file() => "it is no regular file",
        Ok(found) if found.len() == 0 => "it is empty",
        // What cannot be looked at is explained by whoever opens it.
        Ok(_) | Err(_) => return Ok(()),
    };
    Err(Fail::corrupt("open", file, why.to_owned()))
}

/// Creates the database completely under another name and then gives it its own, so that a file with that name always
/// is a whole database: one that is empty was damaged.
fn create(file: &Path, patience: Duration, formats: &Formats) -> Result<(), StoreError> {
    let new = beside(file, ".new");
    let io = |error: io::Error| Fail::from(error).explain("create", file);
    for left in [new.clone(), beside(&new, "-wal"), beside(&new, "-shm"), beside(&new, "-journal")] {
        match fs::remove_file(&left) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
    }
    let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).map_err(io)?;
    let mut conn = connect(&new, OpenFlags::SQLITE_OPEN_READ_WRITE, patience)
        .and_then(|conn| configure(&conn).map(|()| conn))
        .map_err(|fail| fail.explain("create", file))?;
    formats.up(&mut conn, &new)?;
    // Closing writes the log back into the file and removes it.
    conn.close().map_err(|(_, error)| Fail::from(error).explain("create", file))?;
    made.sync_all().map_err(io)?;
    fs::rename(&new, file).map_err(io)?;
    let folder = file.parent().unwrap_or(file);
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)
}

/// A connection as all are made.
pub(crate) fn connect(file: &Path, flags: OpenFlags, patience: Duration) -> Result<Connection, Fail> {
    // No mutex: a connection is used by one thread at a time, as `&mut self` and `!Sync` say.
    let conn = Connection::open_with_flags(file, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(patience)?;
    conn.set_prepared_statement_cache_capacity(64);
    // Functions and virtual tables in a schema that someone tampered with are not to be trusted.
    conn.pragma_update(None, "trusted_schema", false)?;
    // Sorting must work with a full disk.
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(conn)
}

fn configure(conn: &Connection) -> Result<(), Fail> {
    let mode: String = conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Fail::Why("its file system cannot share memory between processes; use a local disk".into()));
    }
    // After a flood, 64 MiB of log is kept for reuse and no more.
    conn.pragma_update(None, "journal_size_limit", 64 << 20)?;
    // 4 MiB of pages: the default 2 MiB is a little small for 10,000 windows.
    conn.pragma_update(None, "cache_size", -4096)?;
    Ok(())
}

/// Takes the rights of others to a file that is there: what customers wrote into their logs is in it.
fn narrow(file: &Path) {
    for path in [file.to_owned(), beside(file, "-wal"), beside(file, "-shm")] {
        let Ok(found) = fs::metadata(&path) else { continue };
        if found.permissions().mode() & 0o077 != 0
            && let Err(error) = fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
        {
            tracing::warn!(file = %path.display(), %error, "others can read the store; `chmod 600` it");
        }
    }
}

/// The file that SQLite keeps beside `file`.
pub(crate) fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// How messages name it.
pub(crate) fn place(file: &Path) -> String {
    file.display().to_string()
}
