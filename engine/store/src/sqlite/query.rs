//! Questions of the command line and the dashboard.

use std::path::Path;

use heinzel_core::effect::Effect;
use heinzel_core::incident::{Incident, IncidentId, Status};
use heinzel_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use super::fail::{self, Fail};
use super::file::{beside, place};
use super::migrate;
use super::trail::{self, number, words};
use crate::error::StoreError;
use crate::{Filter, Health, Progress, StoredEffect, versioned};

/// Incidents that fit. The filter runs here and not in SQL, so that patterns mean the same as everywhere else; only
/// bodies that fit are parsed.
pub(super) fn incidents(conn: &Connection, filter: &Filter) -> Result<Vec<Incident>, Fail> {
    let mut all = conn.prepare_cached(&rows_of(filter))?;
    let mut rows = all.query([])?;
    let mut incidents = Vec::new();
    let limit = filter.limit.unwrap_or(usize::MAX);
    while incidents.len() < limit
        && let Some(row) = rows.next()?
    {
        if !fits(filter, row)? {
            continue;
        }
        match versioned::read::<Incident>(&words(row, 7)?) {
            Ok(incident) => incidents.push(incident),
            Err(why) => tracing::warn!(incident = number(row, 0)?, why, "an incident cannot be read; left out"),
        }
    }
    Ok(incidents)
}

/// How many fit; no body is read.
pub(super) fn incident_count(conn: &Connection, filter: &Filter) -> Result<usize, Fail> {
    let mut all = conn.prepare_cached(&rows_of(filter))?;
    let mut rows = all.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        count += usize::from(fits(filter, row)?);
    }
    Ok(count)
}

/// Those that may fit, the newest first.
fn rows_of(filter: &Filter) -> String {
    let open_only = !filter.status.is_empty() && !filter.status.contains(&Status::Resolved);
    let clause = if open_only { "WHERE resolved_at IS NULL" } else { "" };
    format!(
        "SELECT id, rule, asset, status, opened, last_seen, resolved_at, body FROM incident {clause} ORDER BY id DESC"
    )
}

fn fits(filter: &Filter, row: &Row<'_>) -> Result<bool, Fail> {
    if let Some(rule) = &filter.rule
        && !rule.fits(&words(row, 1)?)
    {
        return Ok(false);
    }
    if let Some(asset) = &filter.asset
        && !asset.fits(&words(row, 2)?)
    {
        return Ok(false);
    }
    if !filter.status.is_empty() {
        let status = words(row, 3)?;
        if !filter.status.iter().any(|wanted| wanted.word() == status) {
            return Ok(false);
        }
    }
    if let Some(since) = filter.since {
        let times: [Option<i64>; 3] = [row.get(4)?, row.get(5)?, row.get(6)?];
        return Ok(times.into_iter().flatten().any(|time| Timestamp::from_micros(time) >= since));
    }
    Ok(true)
}

pub(super) fn incident(conn: &Connection, file: &Path, id: IncidentId) -> Result<Option<Incident>, Fail> {
    let body = conn
        .prepare_cached("SELECT body FROM incident WHERE id = ?1")?
        .query_row([id.cast_signed()], |row| words(row, 0))
        .optional()?;
    body.map(|body| versioned::read(&body)).transpose().map_err(|why| {
        Fail::Known(StoreError::Unreadable { place: place(file), table: "incident", key: id.to_string(), why })
    })
}

pub(super) fn effects(conn: &Connection, id: IncidentId) -> Result<Vec<StoredEffect>, Fail> {
    let mut found =
        conn.prepare_cached("SELECT id, body, state, outcome FROM effect WHERE incident = ?1 ORDER BY number")?;
    let mut rows = found.query([id.cast_signed()])?;
    let mut effects = Vec::new();
    while let Some(row) = rows.next()? {
        match effect(row)? {
            Ok(effect) => effects.push(effect),
            Err(why) => tracing::warn!(effect = words(row, 0)?, why, "an effect cannot be read; left out"),
        }
    }
    Ok(effects)
}

fn effect(row: &Row<'_>) -> Result<Result<StoredEffect, String>, Fail> {
    let body = words(row, 1)?;
    let progress = match words(row, 2)?.as_str() {
        "queued" => Progress::Queued,
        "started" => Progress::Started,
        _ => Progress::Over,
    };
    let outcome = row.get::<_, Option<String>>(3)?;
    Ok(versioned::read::<Effect>(&body).and_then(|effect| {
        let result = outcome.map(|text| versioned::read(&text)).transpose()?;
        Ok(StoredEffect { effect, progress, result })
    }))
}

pub(super) fn health(conn: &Connection, file: &Path) -> Result<Health, Fail> {
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
    let unfinished = conn.query_row("SELECT count(*) FROM effect WHERE state <> 'over'", [], |row| number(row, 0))?;
    Ok(Health {
        place: place(file),
        format: migrate::version(conn)?,
        bytes: size(file),
        wal_bytes: size(&beside(file, "-wal")),
        free_bytes: fail::free(file),
        newest_entry: trail::end(conn, "head")?.map_or(0, |head| head.seq),
        unfinished,
    })
}
