//! Tickets.

use heinzel_core::incident::IncidentId;
use heinzel_core::ticket::{Sent, Ticket, TicketId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::reader::Range;
use super::row::{list, time};
use super::{Put, TicketPut};
use crate::sqlite::fail::Fail;

const COLUMNS: &str = "id, customer, asset, subject, body, language, page, created, draft, answer_used, incidents";

pub(super) fn put(conn: &Connection, ticket: &Ticket) -> Result<TicketPut, Fail> {
    let before = self::ticket(conn, &ticket.id)?;
    let mut now = match &before {
        Some(before) => again(before.clone(), ticket.clone()),
        None => ticket.clone(),
    };
    let was = before.as_ref().and_then(|before| before.draft.clone());
    if let Some(draft) = now.draft.as_ref().filter(|draft| was.as_ref() != Some(draft))
        && of_draft(conn, draft)?.is_some_and(|other| other != now.id)
    {
        now.draft = was;
    }
    now.incidents.sort_unstable();
    now.incidents.dedup();
    let put = TicketPut { before, now };
    if put.put() == Put::Same {
        return Ok(put);
    }
    let Ticket { id, customer, asset, subject, body, language, page, created, draft, answer_used, incidents } =
        &put.now;
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
    Ok(put)
}

/// A known ticket that is told of again. The help desk tells of it at each later article: what the customer wrote, and when,
/// is what the first time said. Of the rest, what is not said again is not unknown because of that.
fn again(before: Ticket, told: Ticket) -> Ticket {
    Ticket {
        customer: told.customer.or(before.customer),
        asset: told.asset.or(before.asset),
        draft: told.draft.or(before.draft),
        answer_used: told.answer_used.or(before.answer_used),
        incidents: [before.incidents, told.incidents].concat(),
        ..before
    }
}

pub(super) fn answered(conn: &Connection, id: &str, answer: &str) -> Result<Option<TicketPut>, Fail> {
    let Some(mut ticket) = ticket(conn, id)? else { return Ok(None) };
    ticket.answer_used = Some(answer.to_owned());
    put(conn, &ticket).map(Some)
}

pub(super) fn ticket(conn: &Connection, id: &str) -> Result<Option<Ticket>, Fail> {
    let mut found = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM ticket WHERE id = ?1"))?;
    Ok(found.query_row([id], read).optional()?)
}

/// The ticket that a draft became.
pub(super) fn of_draft(conn: &Connection, draft: &str) -> Result<Option<TicketId>, Fail> {
    let mut found = conn.prepare_cached("SELECT id FROM ticket WHERE draft = ?1 ORDER BY created, id LIMIT 1")?;
    Ok(found.query_row([draft], |row| row.get(0)).optional()?)
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
