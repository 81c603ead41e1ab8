//! The audit trail in the database. What a sound chain is, [`crate::audit`] says.

use heinzel_core::incident::IncidentId;
use heinzel_core::state::Entry;
use heinzel_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fail::Fail;
use crate::Numbered;
use crate::audit::{AuditReport, Check, End, Hash, Link, hash};

const COLUMNS: &str = r#"seq, at, incident, "by", what, "text", prev, hash"#;

/// Appends to the trail.
pub(super) struct Writer<'a> {
    conn: &'a Connection,
    end: End,
}

impl<'a> Writer<'a> {
    /// Starts behind the newest entry, as the record of it says: if entries at the end were cut off, the next one
    /// leaves the gap that shows it.
    pub(super) fn at_end(conn: &'a Connection) -> Result<Self, Fail> {
        let highest: i64 =
            conn.prepare_cached("SELECT coalesce(max(seq), 0) FROM audit")?.query_row([], |row| row.get(0))?;
        let highest = highest.cast_unsigned();
        let end = match end(conn, "head")? {
            Some(head) if head.seq >= highest => head,
            // Someone was here. To stop would be a way to stop Heinzel; going on leaves a break that `verify` finds.
            Some(head) => {
                tracing::error!(entry = highest, "there are audit entries that Heinzel did not write");
                End { seq: highest, hash: head.hash }
            }
            None => {
                tracing::error!(entry = highest, "the record of the newest audit entry is missing");
                let anchor = end(conn, "anchor")?.map_or(0, |anchor| anchor.seq);
                End { seq: highest.max(anchor), hash: [0; 32] }
            }
        };
        Ok(Self { conn, end })
    }

    pub(super) fn append(&mut self, entry: &Entry) -> Result<(), Fail> {
        let seq = self.end.seq + 1;
        let next = hash(&self.end.hash, seq, entry);
        self.conn
            .prepare_cached(
                r#"INSERT INTO audit (seq, at, incident, "by", what, "text", prev, hash)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"#,
            )?
            .execute(params![
                seq.cast_signed(),
                entry.at.as_micros(),
                entry.incident.map(u64::cast_signed),
                entry.by,
                entry.what,
                entry.text,
                self.end.hash,
                next,
            ])?;
        self.end = End { seq, hash: next };
        Ok(())
    }

    /// Records the newest entry.
    pub(super) fn finish(self) -> Result<(), Fail> {
        set_end(self.conn, "head", self.end)
    }
}

/// One of the recorded ends; `None` when its record is missing or not a hash.
pub(super) fn end(conn: &Connection, which: &str) -> Result<Option<End>, Fail> {
    let found: Option<(i64, Vec<u8>)> = conn
        .prepare_cached("SELECT seq, hash FROM audit_end WHERE which = ?1")?
        .query_row([which], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(found.and_then(|(seq, hash)| Some(End { seq: seq.cast_unsigned(), hash: Hash::try_from(hash).ok()? })))
}

pub(super) fn set_end(conn: &Connection, which: &str, end: End) -> Result<(), Fail> {
    conn.prepare_cached(
        "INSERT INTO audit_end (which, seq, hash) VALUES (?1, ?2, ?3)
         ON CONFLICT (which) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
    )?
    .execute(params![which, end.seq.cast_signed(), end.hash])?;
    Ok(())
}

/// Checks the whole trail.
pub(super) fn verify(conn: &Connection, progress: &mut dyn FnMut(u64, u64)) -> Result<AuditReport, Fail> {
    let anchor = end(conn, "anchor")?.unwrap_or(End::GENESIS);
    let head = end(conn, "head")?;
    let total = head.map_or(0, |head| head.seq.saturating_sub(anchor.seq));
    let mut check = Check::behind(anchor);
    let mut done = 0;
    progress(done, total);
    let mut broken = walk(conn, u64::MAX >> 1, &mut check, &mut || {
        done += 1;
        if done % 1024 == 0 {
            progress(done, total.max(done));
        }
    })?;
    if broken.is_none() {
        broken = check.end(head).err();
    }
    progress(done, total.max(done));
    Ok(check.report(broken))
}

/// Leads `check` over all entries up to number `last`; stops at the first that is broken.
pub(super) fn walk(
    conn: &Connection,
    last: u64,
    check: &mut Check,
    each: &mut dyn FnMut(),
) -> Result<Option<crate::audit::Broken>, Fail> {
    let mut all = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM audit WHERE seq <= ?1 ORDER BY seq"))?;
    let mut rows = all.query([last.cast_signed()])?;
    while let Some(row) = rows.next()? {
        // Numbers below zero are not ours; like zero, they come before every entry.
        let seq = row.get::<_, i64>(0)?.max(0).cast_unsigned();
        let link = Link { seq, entry: entry(row)?, prev: row.get(6)?, hash: row.get(7)? };
        if let Err(broken) = check.next(&link) {
            return Ok(Some(broken));
        }
        each();
    }
    Ok(None)
}

pub(super) fn timeline(conn: &Connection, id: IncidentId) -> Result<Vec<Numbered>, Fail> {
    let sql = format!("SELECT {COLUMNS} FROM audit WHERE incident = ?1 ORDER BY seq");
    numbered(conn, &sql, &[id.cast_signed()])
}

pub(super) fn entries(conn: &Connection, after: u64, limit: usize) -> Result<Vec<Numbered>, Fail> {
    let sql = format!("SELECT {COLUMNS} FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2");
    numbered(conn, &sql, &[i64::try_from(after).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX)])
}

pub(super) fn newest(conn: &Connection, limit: usize) -> Result<Vec<Numbered>, Fail> {
    let sql = format!("SELECT {COLUMNS} FROM audit ORDER BY seq DESC LIMIT ?1");
    let mut entries = numbered(conn, &sql, &[i64::try_from(limit).unwrap_or(i64::MAX)])?;
    entries.reverse();
    Ok(entries)
}

pub(super) fn count(conn: &Connection, after: u64) -> Result<usize, Fail> {
    let mut counted = conn.prepare_cached("SELECT count(*) FROM audit WHERE seq > ?1")?;
    let count = counted.query_row([i64::try_from(after).unwrap_or(i64::MAX)], |row| number(row, 0))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

fn numbered(conn: &Connection, sql: &str, values: &[i64]) -> Result<Vec<Numbered>, Fail> {
    let mut found = conn.prepare_cached(sql)?;
    let rows = found.query_map(rusqlite::params_from_iter(values), |row| {
        Ok(Numbered { seq: number(row, 0)?, entry: entry(row)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        at: Timestamp::from_micros(row.get(1)?),
        incident: row.get::<_, Option<i64>>(2)?.map(i64::cast_unsigned),
        by: words(row, 3)?,
        what: words(row, 4)?,
        text: words(row, 5)?,
    })
}

/// An unsigned number, stored as the signed one with the same bits.
pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

/// Text, with what is not UTF-8 replaced: one damaged row must not stop the reading of the others. Its JSON or its hash
/// will tell.
pub(super) fn words(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    let value = row.get_ref(column)?;
    let bytes = value
        .as_bytes()
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, value.data_type(), Box::new(error)))?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}
