//! Tickets.

use heinzel_core::incident::IncidentId;
use heinzel_core::ticket::{Sent, Ticket};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Put;
use super::reader::Range;
use super::row::{list, time};
use crate::sqlite::fail::Fail;

const COLUMNS: &str = "id, customer, asset, subject, body, language, page, created, draft, answer_used, incidents";

pub(super) fn put(conn: &Connection, ticket: &Ticket) -> Result<Put, Fail> {
    let before = self::ticket(conn, &ticket.id)?;
    let mut ticket = ticket.clone();
    if let Some(before) = &before {
        // What was found out about it meanwhile is not unknown because the help desk tells of it again.
        ticket.incidents.extend(&before.incidents);
        ticket.answer_used = ticket.answer_used.or_else(|| before.answer_used.clone());
        ticket.draft = ticket.draft.or_else(|| before.draft.clone());
    }
    ticket.incidents.sort_unstable();
    ticket.incidents.dedup();
    if before.as_ref() == Some(&ticket) {
        return Ok(Put::Same);
    }
    let Ticket { id, customer, asset, subject, body, language, page, created, draft, answer_used, incidents } = &ticket;
    conn.prepare_cached(
        "INSERT OR REPLACE INTO ticket
             (id, customer, asset, subject, body, language, page, created, draft, answer_used, incidents)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        id,
        customer,
        asset,
        subject,
        body,
        language,
        page,
        created.as_micros(),
        draft,
        answer_used,
        serde_json::to_string(incidents)?
    ])?;
    if let Some(customer) = customer {
        conn.prepare_cached(
            "INSERT INTO heard (customer, ticket_at) VALUES (?1, ?2)
             ON CONFLICT (customer) DO UPDATE SET ticket_at = max(coalesce(ticket_at, ?2), ?2)",
        )?
        .execute(params![customer, created.as_micros()])?;
    }
    Ok(if before.is_some() { Put::Changed } else { Put::New })
}

pub(super) fn link(conn: &Connection, id: &str, incidents: &[IncidentId]) -> Result<bool, Fail> {
    let Some(mut ticket) = ticket(conn, id)? else { return Ok(false) };
    ticket.incidents.extend(incidents);
    put(conn, &ticket)?;
    Ok(true)
}

pub(super) fn ticket(conn: &Connection, id: &str) -> Result<Option<Ticket>, Fail> {
    let mut found = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM ticket WHERE id = ?1"))?;
    Ok(found.query_row([id], read).optional()?)
}

/// Tickets sent in the range, by time.
pub(super) fn within(conn: &Connection, range: Range) -> Result<Vec<Ticket>, Fail> {
    let mut found = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM ticket WHERE created >= ?1 AND created < ?2 ORDER BY created, id"
    ))?;
    let rows = found.query_map(range.micros(), read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// That they were sent, without what they say.
pub(super) fn sent(conn: &Connection, range: Range) -> Result<Vec<Sent>, Fail> {
    let mut found = conn.prepare_cached(
        "SELECT id, customer, draft, created FROM ticket WHERE created >= ?1 AND created < ?2 ORDER BY created, id",
    )?;
    let rows = found.query_map(range.micros(), |row| {
        Ok(Sent { id: row.get(0)?, customer: row.get(1)?, draft: row.get(2)?, created: time(row, 3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Ticket> {
    Ok(Ticket {
        id: row.get(0)?,
        customer: row.get(1)?,
        asset: row.get(2)?,
        subject: row.get(3)?,
        body: row.get(4)?,
        language: row.get(5)?,
        page: row.get(6)?,
        created: time(row, 7)?,
        draft: row.get(8)?,
        answer_used: row.get(9)?,
        incidents: list::<IncidentId>(row, 10)?,
    })
}
