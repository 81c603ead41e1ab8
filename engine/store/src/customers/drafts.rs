//! Drafts, what was shown for them, and what customers said to it.

use std::collections::BTreeMap;

use heinzel_core::draft::{Deed, Draft, DraftId, Feedback, Nothing, Owner, Shown, Top};
use heinzel_core::redact::Redacted;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::reader::Range;
use super::row::{small, time};
use crate::sqlite::fail::Fail;

const COLUMNS: &str = "id, customer, form_key, language, page, field, asset, first_at, last_at, words, hold_out, top_item, \
                       confidence, no_item, text";

/// Stores drafts as they stand. Owner and first time are those of the first row, and what was found last stays when nothing is
/// found any more: who is held out is compared by it with those who saw it.
pub(super) fn put<'d>(conn: &Connection, drafts: impl IntoIterator<Item = &'d Draft>) -> Result<(), Fail> {
    let mut put = conn.prepare_cached(
        "INSERT INTO draft (id, customer, form_key, language, page, field, asset, first_at, last_at, words, hold_out,
                            top_item, confidence, no_item, text)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
         ON CONFLICT (id) DO UPDATE SET language = ?4, page = ?5, field = ?6, asset = ?7, last_at = ?9, words = ?10,
            hold_out = ?11, top_item = coalesce(?12, top_item), confidence = coalesce(?13, confidence), no_item = ?14,
            text = ?15",
    )?;
    let mut heard = conn.prepare_cached(
        "INSERT INTO heard (customer, draft_at) VALUES (?1, ?2)
         ON CONFLICT (customer) DO UPDATE SET draft_at = max(coalesce(draft_at, ?2), ?2)",
    )?;
    for draft in drafts {
        let (customer, key) = match &draft.owner {
            Owner::Customer(id) => (Some(id), None),
            Owner::Key(key) => (None, Some(key)),
        };
        put.execute(params![
            draft.id,
            customer,
            key,
            draft.language,
            draft.page,
            draft.field,
            draft.asset,
            draft.first.as_micros(),
            draft.last.as_micros(),
            draft.words,
            draft.hold_out,
            draft.top.as_ref().map(|top| &top.item),
            draft.top.as_ref().map(|top| top.confidence),
            draft.nothing.map(Nothing::word),
            draft.text.as_ref().map(Redacted::as_str),
        ])?;
        if let Some(customer) = customer {
            heard.execute(params![customer, draft.last.as_micros()])?;
        }
    }
    Ok(())
}

pub(super) fn put_shown(conn: &Connection, shown: &[Shown]) -> Result<(), Fail> {
    let mut put = conn.prepare_cached(
        "INSERT INTO shown (draft, at, item, rank, confidence, ranker) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for one in shown {
        put.execute(params![one.draft, one.at.as_micros(), one.item, one.rank, one.confidence, one.ranker])?;
    }
    Ok(())
}

pub(super) fn put_feedback(conn: &Connection, feedback: &Feedback) -> Result<bool, Fail> {
    let Feedback { draft, what, answer, at } = feedback;
    let new = conn
        .prepare_cached("INSERT OR IGNORE INTO feedback (draft, what, answer, at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![draft, what.word(), answer.as_deref().unwrap_or_default(), at.as_micros()])?;
    Ok(new > 0)
}

pub(super) fn owner(conn: &Connection, id: &str) -> Result<Option<Owner>, Fail> {
    let mut found = conn.prepare_cached("SELECT customer, form_key FROM draft WHERE id = ?1")?;
    Ok(found.query_row([id], |row| read_owner(row, 0)).optional()?)
}

fn read_owner(row: &Row<'_>, column: usize) -> rusqlite::Result<Owner> {
    Ok(match row.get(column)? {
        Some(customer) => Owner::Customer(customer),
        None => Owner::Key(row.get(column + 1)?),
    })
}

pub(super) fn draft(conn: &Connection, id: &str) -> Result<Option<Draft>, Fail> {
    let mut found = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM draft WHERE id = ?1"))?;
    Ok(found.query_row([id], read).optional()?)
}

/// Drafts last looked at in the range, by time.
pub(super) fn within(conn: &Connection, range: Range) -> Result<Vec<Draft>, Fail> {
    let mut found = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM draft WHERE last_at >= ?1 AND last_at < ?2 ORDER BY last_at, id"
    ))?;
    let rows = found.query_map(range.micros(), read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Draft> {
    let nothing: Option<String> = row.get(13)?;
    let top = match (row.get(11)?, row.get(12)?) {
        (Some(item), Some(confidence)) => Some(Top { item, confidence }),
        _ => None,
    };
    Ok(Draft {
        id: row.get(0)?,
        owner: read_owner(row, 1)?,
        language: row.get(3)?,
        page: row.get(4)?,
        field: row.get(5)?,
        asset: row.get(6)?,
        first: time(row, 7)?,
        last: time(row, 8)?,
        words: small(row, 9)?,
        hold_out: row.get(10)?,
        top,
        nothing: nothing.and_then(|word| Nothing::ALL.into_iter().find(|nothing| nothing.word() == word)),
        text: row.get::<_, Option<String>>(14)?.map(Redacted::kept),
    })
}

/// Feedback given in the range, by time. Words that this version does not know are left out.
pub(super) fn feedback(conn: &Connection, range: Range) -> Result<Vec<Feedback>, Fail> {
    let mut found = conn.prepare_cached(
        "SELECT draft, what, answer, at FROM feedback WHERE at >= ?1 AND at < ?2 ORDER BY at, draft, what, answer",
    )?;
    let mut rows = found.query(range.micros())?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let word: String = row.get(1)?;
        let Some(what) = Deed::ALL.into_iter().find(|deed| deed.word() == word) else { continue };
        let answer: String = row.get(2)?;
        let answer = (!answer.is_empty()).then_some(answer);
        all.push(Feedback { draft: row.get(0)?, what, answer, at: time(row, 3)? });
    }
    Ok(all)
}

/// Whether an item was shown for a draft.
pub(super) fn has_shown(conn: &Connection, draft: &str, item: &str) -> Result<bool, Fail> {
    let mut statement = conn.prepare_cached("SELECT 1 FROM shown WHERE draft = ?1 AND item = ?2")?;
    Ok(statement.exists((draft, item))?)
}

/// Of the drafts that were shown something in the range: what came first in the list they were shown last.
pub(super) fn first_shown(conn: &Connection, range: Range) -> Result<BTreeMap<DraftId, String>, Fail> {
    let mut found = conn
        .prepare_cached("SELECT draft, item FROM shown WHERE rank = 1 AND at >= ?1 AND at < ?2 ORDER BY at, rowid")?;
    let rows = found.query_map(range.micros(), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What was shown in the range, by time.
pub(super) fn shown(conn: &Connection, range: Range) -> Result<Vec<Shown>, Fail> {
    let mut found = conn.prepare_cached(
        "SELECT draft, at, item, rank, confidence, ranker FROM shown WHERE at >= ?1 AND at < ?2 ORDER BY at, rowid",
    )?;
    let rows = found.query_map(range.micros(), |row| {
        Ok(Shown {
            draft: row.get(0)?,
            at: time(row, 1)?,
            item: row.get(2)?,
            rank: row.get(3)?,
            confidence: row.get(4)?,
            ranker: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
