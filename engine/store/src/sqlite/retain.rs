//! Removes what is old, a bounded amount at a time.

use std::time::Duration;

use heinzel_core::state::Entry;
use heinzel_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::fail::Fail;
use super::trail::{self, Writer};
use crate::audit::{Check, End, Hash};
use crate::{Retained, Retention};

/// Rows of each table that one call removes at most. Keeps the pause between two commits short.
const BATCH: u64 = 2_000;

pub(super) fn retain(conn: &Connection, now: Timestamp, keep: &Retention) -> Result<Retained, Fail> {
    let before = |kept| (now - kept).as_micros();
    let batch = BATCH.cast_signed();
    // Those with an effect under way (a notification that is still to be delivered) wait for it.
    let incidents = ids(
        conn,
        "SELECT id FROM incident WHERE resolved_at < ?1
         AND NOT EXISTS (SELECT 1 FROM effect WHERE effect.incident = incident.id AND effect.state <> 'over')
         ORDER BY resolved_at LIMIT ?2",
        before(keep.incidents),
    )?;
    for id in &incidents {
        conn.prepare_cached("DELETE FROM effect WHERE incident = ?1")?.execute([id])?;
        conn.prepare_cached("DELETE FROM incident WHERE id = ?1")?.execute([id])?;
    }
    // Outcomes come without a time and there is no clock here: an effect's age counts from the first look at it.
    let seen = conn.execute(
        "UPDATE effect SET old_from = ?1 WHERE state = 'over' AND number IN
         (SELECT number FROM effect WHERE state = 'over' AND old_from IS NULL LIMIT ?2)",
        [now.as_micros(), batch],
    )? as u64;
    let effects = conn.execute(
        "DELETE FROM effect WHERE state = 'over' AND number IN
         (SELECT number FROM effect WHERE state = 'over' AND old_from < ?1 AND NOT EXISTS
             (SELECT 1 FROM incident WHERE incident.id = effect.incident AND incident.resolved_at IS NULL)
          LIMIT ?2)",
        [before(keep.effects), batch],
    )? as u64;
    let fixes = conn.execute(
        "DELETE FROM fix_start WHERE rowid IN (SELECT rowid FROM fix_start WHERE at < ?1 ORDER BY at LIMIT ?2)",
        [before(keep.fixes), batch],
    )? as u64;
    let (entries, more_entries) = cut_audit(conn, now, before(keep.audit))?;
    let more = incidents.len() as u64 == BATCH || [seen, effects, fixes].contains(&BATCH) || more_entries;
    Ok(Retained { incidents: incidents.len() as u64, effects, fixes, entries, more })
}

/// Times that lie further ahead than this were written by a clock that has been set back since.
const AHEAD: Duration = Duration::from_secs(86_400);

/// Cuts off the oldest entries, up to the first that is younger than `before`, and says so in the trail. What a clock
/// wrote that was far ahead is as old as what came after it. Returns how many, and whether there are more.
fn cut_audit(conn: &Connection, now: Timestamp, before: i64) -> Result<(u64, bool), Fail> {
    let anchor = trail::end(conn, "anchor")?.unwrap_or(End::GENESIS);
    // Stops at the first young entry, so this reads no more than what can be removed.
    let young: Option<i64> = conn
        .prepare_cached("SELECT seq FROM audit WHERE at >= ?1 AND at <= ?2 ORDER BY seq LIMIT 1")?
        .query_row([before, (now + AHEAD).as_micros()], |row| row.get(0))
        .optional()?;
    let old: Option<u64> = conn
        .prepare_cached("SELECT seq FROM audit WHERE seq < ?1 AND at < ?2 ORDER BY seq DESC LIMIT 1")?
        .query_row([young.unwrap_or(i64::MAX), before], |row| trail::number(row, 0))
        .optional()?;
    let Some(old) = old else { return Ok((0, false)) };
    let last = anchor.seq.saturating_add(BATCH).min(old);
    let newest: Option<(u64, Vec<u8>)> = conn
        .prepare_cached("SELECT seq, hash FROM audit WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1")?
        .query_row([last.cast_signed()], |row| Ok((trail::number(row, 0)?, row.get(1)?)))
        .optional()?;
    let Some((last, hash)) = newest else { return Ok((0, false)) };
    // What was tampered with is evidence; it stays, and with it all that came later.
    let mut check = Check::behind(anchor);
    if let Some(broken) = trail::walk(conn, last, &mut check, &mut || {})? {
        tracing::error!(entry = broken.seq, why = broken.why, "the audit trail is broken; nothing of it is removed");
        return Ok((0, false));
    }
    let Ok(hash) = Hash::try_from(hash) else { return Ok((0, false)) };
    trail::set_end(conn, "anchor", End { seq: last, hash })?;
    let removed =
        conn.prepare_cached("DELETE FROM audit WHERE seq <= ?1")?.execute(params![last.cast_signed()])? as u64;
    let mut writer = Writer::at_end(conn)?;
    writer.append(&Entry {
        at: now,
        incident: None,
        by: "engine".into(),
        what: "retention".into(),
        text: format!("removed audit entries {} to {last}, the oldest ones", anchor.seq + 1),
    })?;
    writer.finish()?;
    Ok((removed, removed == BATCH))
}

fn ids(conn: &Connection, sql: &str, before: i64) -> Result<Vec<i64>, Fail> {
    let mut found = conn.prepare_cached(sql)?;
    let rows = found.query_map([before, BATCH.cast_signed()], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
