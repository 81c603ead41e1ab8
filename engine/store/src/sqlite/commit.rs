//! Writes changes and checkpoints.

use heinzel_core::block::Checkpoint;
use heinzel_core::incident::{Incident, IncidentId};
use heinzel_core::state::{Change, Entry};
use rusqlite::{Connection, OptionalExtension, params};

use super::fail::Fail;
use super::trail::{self, Writer};
use crate::versioned;

/// Key in `meta`: the highest incident number ever given.
pub(super) const LAST_INCIDENT: &str = "last_incident";
/// Key in `meta`: the kill switch.
pub(super) const PAUSED: &str = "paused";

/// Writes everything; the caller's transaction makes it one.
pub(super) fn commit(
    conn: &Connection,
    boot: Option<&str>,
    changes: &[Change],
    checkpoints: &[Checkpoint],
) -> Result<(), Fail> {
    let mut entries: Vec<&Entry> = Vec::new();
    let mut last_incident: IncidentId = 0;
    for change in changes {
        match change {
            Change::Incident(incident) => {
                write_incident(conn, incident)?;
                last_incident = last_incident.max(incident.id);
            }
            Change::Window(rule, key, Some(window)) => {
                conn.prepare_cached(
                    r#"INSERT INTO "window" (rule, key, body) VALUES (?1, ?2, ?3)
                       ON CONFLICT (rule, key) DO UPDATE SET body = excluded.body"#,
                )?
                .execute(params![&*rule.0, key, versioned::write(window)?])?;
            }
            Change::Window(rule, key, None) => {
                conn.prepare_cached(r#"DELETE FROM "window" WHERE rule = ?1 AND key = ?2"#)?
                    .execute(params![&*rule.0, key])?;
            }
            Change::Rule(rule, record) => {
                conn.prepare_cached(
                    "INSERT INTO rule_record (rule, body) VALUES (?1, ?2)
                     ON CONFLICT (rule) DO UPDATE SET body = excluded.body",
                )?
                .execute(params![&*rule.0, versioned::write(record)?])?;
            }
            Change::Fix(fix) => {
                conn.prepare_cached("INSERT INTO fix_start (rule, asset, incident, at) VALUES (?1, ?2, ?3, ?4)")?
                    .execute(params![&*fix.rule.0, fix.asset, fix.incident.cast_signed(), fix.at.as_micros()])?;
            }
            Change::Paused(Some(paused)) => set_meta(conn, PAUSED, &versioned::write(paused)?)?,
            Change::Paused(None) => {
                conn.prepare_cached("DELETE FROM meta WHERE key = ?1")?.execute([PAUSED])?;
            }
            Change::Effect(effect) => {
                let added = conn
                    .prepare_cached(
                        "INSERT INTO effect (id, incident, body, state, boot) VALUES (?1, ?2, ?3, 'queued', ?4)
                         ON CONFLICT (id) DO NOTHING",
                    )?
                    .execute(params![effect.id, effect.incident.cast_signed(), versioned::write(effect)?, boot])?;
                if added == 0 {
                    // To queue it once more could perform it twice.
                    tracing::error!(effect = effect.id, "an effect of this id is stored already; the first one stays");
                }
            }
            Change::EffectOver(id, outcome) => {
                let ended = conn
                    .prepare_cached("UPDATE effect SET state = 'over', outcome = ?2 WHERE id = ?1")?
                    .execute(params![id, versioned::write(outcome)?])?;
                if ended == 0 {
                    tracing::error!(effect = id, "an effect that was never stored is over");
                }
            }
            Change::Entry(entry) => entries.push(entry),
        }
    }
    if last_incident > 0 {
        remember_last_incident(conn, last_incident)?;
    }
    if !entries.is_empty() {
        let mut writer = Writer::at_end(conn)?;
        for entry in entries {
            writer.append(entry)?;
        }
        writer.finish()?;
    }
    for checkpoint in checkpoints {
        write_checkpoint(conn, checkpoint)?;
    }
    Ok(())
}

/// Marks an effect as started; `false` when there is none that waits.
pub(super) fn started(conn: &Connection, boot: Option<&str>, effect: &str) -> Result<bool, Fail> {
    let marked = conn
        .prepare_cached("UPDATE effect SET state = 'started', boot = ?2 WHERE id = ?1 AND state <> 'over'")?
        .execute(params![effect, boot])?;
    Ok(marked > 0)
}

fn write_incident(conn: &Connection, incident: &Incident) -> Result<(), Fail> {
    // A reopened incident may still carry its former end, and one that lacks its end must still be removed one day.
    let ended = incident.is_resolved().then(|| incident.resolved_at.unwrap_or(incident.last_seen).as_micros());
    conn.prepare_cached(
        "INSERT INTO incident (id, rule, asset, status, severity, opened, last_seen, resolved_at, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (id) DO UPDATE SET rule = excluded.rule, asset = excluded.asset, status = excluded.status,
            severity = excluded.severity, opened = excluded.opened, last_seen = excluded.last_seen,
            resolved_at = excluded.resolved_at, body = excluded.body",
    )?
    .execute(params![
        incident.id.cast_signed(),
        &*incident.rule.0,
        incident.asset,
        incident.status.word(),
        incident.severity.word(),
        incident.opened_at.as_micros(),
        incident.last_seen.as_micros(),
        ended,
        versioned::write(incident)?,
    ])?;
    Ok(())
}

fn remember_last_incident(conn: &Connection, id: IncidentId) -> Result<(), Fail> {
    let known: Option<String> = conn
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([LAST_INCIDENT], |row| trail::words(row, 0))
        .optional()?;
    // An unreadable number is as good as none: `load` takes the highest that is found anywhere.
    let known = known.and_then(|text| versioned::read::<IncidentId>(&text).ok()).unwrap_or(0);
    if id > known { set_meta(conn, LAST_INCIDENT, &versioned::write(&id)?) } else { Ok(()) }
}

fn set_meta(conn: &Connection, key: &str, value: &str) -> Result<(), Fail> {
    conn.prepare_cached(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )?
    .execute([key, value])?;
    Ok(())
}

fn write_checkpoint(conn: &Connection, checkpoint: &Checkpoint) -> Result<(), Fail> {
    let Checkpoint { source, stream, state } = checkpoint;
    if state.is_empty() {
        conn.prepare_cached("DELETE FROM checkpoint WHERE source = ?1 AND stream = ?2")?
            .execute([&**source, &**stream])?;
    } else {
        conn.prepare_cached(
            "INSERT INTO checkpoint (source, stream, state) VALUES (?1, ?2, ?3)
             ON CONFLICT (source, stream) DO UPDATE SET state = excluded.state",
        )?
        .execute([&**source, &**stream, state])?;
    }
    Ok(())
}
