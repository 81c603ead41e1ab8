//! Columns of rows, as our types.

use heinzel_core::time::Timestamp;
use rusqlite::{Result, Row};

/// A number that is stored as SQLite's signed one.
pub(super) fn small(row: &Row<'_>, column: usize) -> Result<u32> {
    let number: i64 = row.get(column)?;
    // Nothing that we write is negative or that large; a file that was edited must not stop a report.
    Ok(u32::try_from(number).unwrap_or(if number < 0 { 0 } else { u32::MAX }))
}

pub(super) fn time(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    row.get(column).map(Timestamp::from_micros)
}

pub(super) fn maybe_time(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_micros))
}

/// A JSON list; one that was edited into something else is empty.
pub(super) fn list<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<Vec<T>> {
    Ok(serde_json::from_str(&row.get::<_, String>(column)?).unwrap_or_default())
}

pub(super) fn micros(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_micros)
}
