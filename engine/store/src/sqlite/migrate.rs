//! Formats of the file: each is reached from the one before by one SQL file.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::fail::Fail;
use super::file::place;
use crate::error::StoreError;

/// What a kind of file is, and how it became so.
pub(crate) struct Formats {
    /// Tells it from other SQLite databases (see `application_id` in file(1)'s magic).
    pub(crate) application: i32,
    /// `all[n]` leads from format n to n + 1. Never edited once released.
    pub(crate) all: &'static [&'static str],
}

/// The file's format; 0 for an empty database.
pub(crate) fn version(conn: &Connection) -> Result<u32, Fail> {
    Ok(conn.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

impl Formats {
    /// The newest format.
    pub(crate) fn newest(&self) -> u32 {
        self.all.len() as u32
    }

    /// The file's format, unless it is another program's or a newer Heinzel's: then it is refused.
    pub(crate) fn check(&self, conn: &Connection, file: &Path) -> Result<u32, StoreError> {
        let explain = |fail: Fail| fail.explain("open", file);
        let found = version(conn).map_err(explain)?;
        let application: i32 =
            conn.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(|error| explain(error.into()))?;
        if application != self.application {
            return Err(Fail::corrupt("open", file, "this is a database of another program".to_owned()));
        }
        if found > self.newest() {
            return Err(StoreError::Newer { place: place(file), found, known: self.newest() });
        }
        Ok(found)
    }

    /// Brings the file to the newest format, one transaction each.
    pub(crate) fn up(&self, conn: &mut Connection, file: &Path) -> Result<(), StoreError> {
        let mut found = version(conn).map_err(|fail| fail.explain("open", file))?;
        let is_new = found == 0;
        while let Some(sql) = self.all.get(found as usize) {
            let reached = found + 1;
            migrate(conn, sql, self.application, reached).map_err(|fail| fail.explain("bring up to date", file))?;
            if !is_new {
                tracing::info!(file = %file.display(), format = reached, "the store is brought to a new format");
            }
            found = reached;
        }
        Ok(())
    }
}

fn migrate(conn: &mut Connection, sql: &str, application: i32, reached: u32) -> Result<(), Fail> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    tx.execute_batch(sql)?;
    tx.pragma_update(None, "application_id", application)?;
    tx.pragma_update(None, "user_version", reached)?;
    tx.commit()?;
    Ok(())
}
