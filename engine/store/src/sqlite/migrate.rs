//! Formats of the file: each is reached from the one before by one SQL file.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::fail::Fail;
use super::place;
use crate::error::StoreError;

/// "Hein" in ASCII: tells our file from other SQLite databases (see `application_id` in file(1)'s magic).
pub(super) const APPLICATION: i32 = 0x4865_696e;

/// `ALL[n]` leads from format n to n + 1. Never edited once released.
pub(super) const ALL: &[&str] = &[include_str!("migrations/1.sql")];

/// The newest format.
pub(super) fn newest() -> u32 {
    ALL.len() as u32
}

/// The file's format; 0 for an empty database.
pub(super) fn version(conn: &Connection) -> Result<u32, Fail> {
    Ok(conn.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// The file's format, unless it is another program's or a newer Heinzel's: then it is refused.
pub(super) fn check(conn: &Connection, file: &Path) -> Result<u32, StoreError> {
    let explain = |fail: Fail| fail.explain("open", file);
    let found = version(conn).map_err(explain)?;
    let application: i32 =
        conn.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(|error| explain(error.into()))?;
    if application != APPLICATION {
        let why = "this is a database of another program".to_owned();
        return Err(StoreError::Corrupt { tried: "open", place: place(file), why, cause: None });
    }
    if found > newest() {
        return Err(StoreError::Newer { place: place(file), found, known: newest() });
    }
    Ok(found)
}

/// Brings the file to the newest of `formats`, one transaction each.
pub(super) fn up(conn: &mut Connection, file: &Path, formats: &[&str]) -> Result<(), StoreError> {
    let mut found = version(conn).map_err(|fail| fail.explain("open", file))?;
    while let Some(sql) = formats.get(found as usize) {
        let reached = found + 1;
        migrate(conn, sql, reached).map_err(|fail| fail.explain("bring up to date", file))?;
        if found > 0 {
            tracing::info!(file = %file.display(), format = reached, "the store is brought to a new format");
        }
        found = reached;
    }
    Ok(())
}

fn migrate(conn: &mut Connection, sql: &str, reached: u32) -> Result<(), Fail> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    tx.execute_batch(sql)?;
    tx.pragma_update(None, "application_id", APPLICATION)?;
    tx.pragma_update(None, "user_version", reached)?;
    tx.commit()?;
    Ok(())
}
