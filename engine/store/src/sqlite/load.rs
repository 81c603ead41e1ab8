//! Reads what a start needs.

use std::collections::{BTreeMap, VecDeque};

use heinzel_core::block::Checkpoint;
use heinzel_core::effect::Effect;
use heinzel_core::incident::{Incident, IncidentId};
use heinzel_core::rule::RuleId;
use heinzel_core::state::{FixStart, Paused, RuleRecord};
use heinzel_core::time::Timestamp;
use heinzel_core::window::Window;
use rusqlite::{Connection, OptionalExtension};
use serde::de::DeserializeOwned;

use super::commit::{LAST_INCIDENT, PAUSED};
use super::fail::Fail;
use super::trail::{number, words};
use crate::{Complaint, Loaded, Unfinished, versioned};

/// Everything needed to start. Rows that cannot be read are left out, or replaced by what is safe, with a complaint.
pub(super) fn load(conn: &Connection, boot: Option<&str>, recent: Timestamp) -> Result<Loaded, Fail> {
    let mut complaints = Complaints(Vec::new());
    let incidents = incidents(conn, recent, &mut complaints)?;
    let windows = windows(conn, &mut complaints)?;
    let rules = rules(conn, recent, &mut complaints)?;
    let paused = paused(conn, recent, &mut complaints)?;
    let last_incident = last_incident(conn, &mut complaints)?;
    let unfinished = unfinished(conn, boot, &mut complaints)?;
    Ok(Loaded {
        incidents,
        windows,
        rules,
        fixes: fixes(conn, recent)?,
        paused,
        last_incident,
        checkpoints: checkpoints(conn)?,
        unfinished,
        complaints: complaints.0,
    })
}

struct Complaints(Vec<Complaint>);

impl Complaints {
    /// Reads a body; when that fails, notes why and what happens without it.
    fn read<T: DeserializeOwned>(&mut self, table: &'static str, key: &str, body: &str, without: &str) -> Option<T> {
        versioned::read(body).map_err(|why| self.note(table, key, &why, without)).ok()
    }

    fn note(&mut self, table: &'static str, key: &str, why: &str, without: &str) {
        self.0.push(Complaint { table, key: key.to_owned(), why: format!("{why}; {without}") });
    }
}

fn incidents(conn: &Connection, recent: Timestamp, complaints: &mut Complaints) -> Result<Vec<Incident>, Fail> {
    const WITHOUT: &str = "the engine does not know this incident; its symptom opens a new one";
    let mut found = conn
        .prepare_cached("SELECT id, body FROM incident WHERE resolved_at IS NULL OR resolved_at >= ?1 ORDER BY id")?;
    let mut rows = found.query([recent.as_micros()])?;
    let mut incidents = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, body) = (number(row, 0)?, words(row, 1)?);
        match complaints.read::<Incident>("incident", &id.to_string(), &body, WITHOUT) {
            Some(incident) if incident.id == id => incidents.push(incident),
            Some(other) => {
                let why = format!("its body is that of incident {}", other.id);
                complaints.note("incident", &id.to_string(), &why, WITHOUT);
            }
            None => {}
        }
    }
    Ok(incidents)
}

fn windows(conn: &Connection, complaints: &mut Complaints) -> Result<BTreeMap<RuleId, BTreeMap<String, Window>>, Fail> {
    let mut found = conn.prepare_cached(r#"SELECT rule, key, body FROM "window" ORDER BY rule, key"#)?;
    let mut rows = found.query([])?;
    let mut windows: BTreeMap<RuleId, BTreeMap<String, Window>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (rule, key) = (words(row, 0)?, words(row, 1)?);
        let named = format!("{rule} {key}");
        let without = "it starts to count anew";
        if let Some(window) = complaints.read("window", &named, &words(row, 2)?, without) {
            windows.entry(RuleId::from(rule.as_str())).or_default().insert(key, window);
        }
    }
    Ok(windows)
}

fn rules(
    conn: &Connection,
    recent: Timestamp,
    complaints: &mut Complaints,
) -> Result<BTreeMap<RuleId, RuleRecord>, Fail> {
    let mut found = conn.prepare_cached("SELECT rule, body FROM rule_record ORDER BY rule")?;
    let mut rows = found.query([])?;
    let mut rules = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let rule = words(row, 0)?;
        let without = "its breaker counts as open until someone promotes the rule";
        let record = complaints.read("rule_record", &rule, &words(row, 1)?, without).unwrap_or_else(|| {
            let why = "what was remembered of this rule cannot be read any more".to_owned();
            RuleRecord { breaker: Some((recent, why)), ..RuleRecord::default() }
        });
        rules.insert(RuleId::from(rule.as_str()), record);
    }
    Ok(rules)
}

fn fixes(conn: &Connection, recent: Timestamp) -> Result<VecDeque<FixStart>, Fail> {
    let mut found =
        conn.prepare_cached("SELECT rule, asset, incident, at FROM fix_start WHERE at >= ?1 ORDER BY at, rowid")?;
    let rows = found.query_map([recent.as_micros()], |row| {
        Ok(FixStart {
            rule: RuleId::from(words(row, 0)?.as_str()),
            asset: words(row, 1)?,
            incident: number(row, 2)?,
            at: Timestamp::from_micros(row.get(3)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn meta(conn: &Connection, key: &str) -> Result<Option<String>, Fail> {
    Ok(conn
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| words(row, 0))
        .optional()?)
}

fn paused(conn: &Connection, recent: Timestamp, complaints: &mut Complaints) -> Result<Option<Paused>, Fail> {
    let without = "the engine stays paused until `heinzel resume`";
    Ok(meta(conn, PAUSED)?.map(|text| {
        complaints.read("meta", PAUSED, &text, without).unwrap_or_else(|| Paused {
            by: "engine".into(),
            at: recent,
            why: "the stored kill switch cannot be read any more".into(),
        })
    }))
}

fn last_incident(conn: &Connection, complaints: &mut Complaints) -> Result<IncidentId, Fail> {
    let without = "the highest number found anywhere is used";
    let noted: Option<IncidentId> =
        meta(conn, LAST_INCIDENT)?.and_then(|text| complaints.read("meta", LAST_INCIDENT, &text, without));
    let seen = conn.query_row(
        "SELECT max((SELECT coalesce(max(id), 0) FROM incident), (SELECT coalesce(max(incident), 0) FROM effect),
                    (SELECT coalesce(max(incident), 0) FROM audit))",
        [],
        |row| number(row, 0),
    )?;
    Ok(noted.unwrap_or(0).max(seen))
}

fn checkpoints(conn: &Connection) -> Result<Vec<Checkpoint>, Fail> {
    let mut found = conn.prepare_cached("SELECT source, stream, state FROM checkpoint ORDER BY source, stream")?;
    let rows = found.query_map([], |row| {
        Ok(Checkpoint { source: words(row, 0)?.into(), stream: words(row, 1)?.into(), state: words(row, 2)?.into() })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn unfinished(conn: &Connection, boot: Option<&str>, complaints: &mut Complaints) -> Result<Vec<Unfinished>, Fail> {
    const WITHOUT: &str = "it is never performed and has no outcome";
    let mut found =
        conn.prepare_cached("SELECT id, body, state, boot FROM effect WHERE state <> 'over' ORDER BY number")?;
    let mut rows = found.query([])?;
    let mut unfinished = Vec::new();
    while let Some(row) = rows.next()? {
        let id = words(row, 0)?;
        let Some(effect) = complaints.read::<Effect>("effect", &id, &words(row, 1)?, WITHOUT) else { continue };
        if effect.id != id {
            complaints.note("effect", &id, &format!("its body is that of effect {}", effect.id), WITHOUT);
            continue;
        }
        let queued_under: Option<String> = row.get(3)?;
        unfinished.push(Unfinished {
            effect,
            started: words(row, 2)? == "started",
            same_boot: boot.is_some() && queued_under.as_deref() == boot,
        });
    }
    Ok(unfinished)
}
