//! Drafts that answers were found to fit.

use heinzel_core::draft::{Example, Origin, Owner};
use heinzel_core::redact::Redacted;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::MOST_EXAMPLES;
use super::row::small;
use crate::sqlite::fail::Fail;

/// Learns one example; whether anything changed for a ranker.
pub(super) fn learn(conn: &Connection, example: &Example, owner: &Owner) -> Result<bool, Fail> {
    if example.text.bare().is_empty() {
        // Nothing but personal data: nothing to learn from.
        return Ok(false);
    }
    let source = source(owner);
    let known: Option<(String, String)> = conn
        .prepare_cached("SELECT text, origin FROM example WHERE answer = ?1 AND source = ?2")?
        .query_row(params![example.answer, source], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let origin = |word: &str| Origin::ALL.into_iter().find(|origin| origin.word() == word);
    if let Some((text, before)) = &known {
        let before = origin(before).unwrap_or(Origin::Written);
        if text == example.text.as_str() && example.origin <= before {
            // The same event told twice, or the same words again: it changes no text.
            return Ok(false);
        }
        if example.origin < before {
            return Ok(false);
        }
    }
    conn.prepare_cached(
        "INSERT INTO example (answer, source, language, text, origin, count) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (answer, source) DO UPDATE SET language = ?3, text = ?4, origin = ?5, count = count + ?6",
    )?
    .execute(params![
        example.answer,
        source,
        example.language,
        example.text.as_str(),
        example.origin.word(),
        example.count.max(1)
    ])?;
    // What says least and is oldest makes room.
    conn.prepare_cached(
        "DELETE FROM example WHERE number IN (SELECT number FROM example WHERE answer = ?1
         ORDER BY CASE origin WHEN 'confirmed' THEN 0 WHEN 'logged' THEN 1 ELSE 2 END, number DESC LIMIT -1 OFFSET ?2)",
    )?
    .execute(params![example.answer, MOST_EXAMPLES as i64])?;
    Ok(true)
}

/// Whether there are some of this owner.
pub(super) fn has_taught(conn: &Connection, owner: &Owner) -> Result<bool, Fail> {
    let mut found = conn.prepare_cached("SELECT 1 FROM example WHERE source = ?1 LIMIT 1")?;
    Ok(found.exists([source(owner)])?)
}

/// All of them: the same words from several owners are one example.
pub(super) fn all(conn: &Connection) -> Result<Vec<Example>, Fail> {
    let mut found = conn.prepare_cached(
        "SELECT answer, language, text, origin, sum(count) FROM example
         GROUP BY answer, language, text, origin ORDER BY answer, language, text",
    )?;
    let mut rows = found.query([])?;
    let mut all: Vec<Example> = Vec::new();
    while let Some(row) = rows.next()? {
        let word: String = row.get(3)?;
        let example = Example {
            answer: row.get(0)?,
            language: row.get(1)?,
            text: Redacted::kept(row.get(2)?),
            origin: Origin::ALL.into_iter().find(|origin| origin.word() == word).unwrap_or(Origin::Written),
            count: small(row, 4)?,
        };
        match all.last_mut() {
            Some(last)
                if (&last.answer, &last.language, &last.text)
                    == (&example.answer, &example.language, &example.text) =>
            {
                last.origin = last.origin.max(example.origin);
                last.count = last.count.saturating_add(example.count);
            }
            _ => all.push(example),
        }
    }
    Ok(all)
}

/// Stands for the owner: tells two apart without naming either.
pub(super) fn source(owner: &Owner) -> String {
    let (kind, id) = match owner {
        Owner::Customer(id) => ("customer", id),
        Owner::Key(key) => ("key", key),
    };
    let hash = Sha256::new().chain_update(kind).chain_update([0]).chain_update(id).finalize();
    hash[..12].iter().map(|byte| format!("{byte:02x}")).collect()
}
