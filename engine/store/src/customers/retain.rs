//! Removes what is old, a bounded amount at a time.

use std::time::Duration;

use heinzel_core::time::Timestamp;
use rusqlite::Connection;
use serde::Serialize;

use crate::sqlite::fail::Fail;

/// Rows of each table that one call removes at most. Keeps the wait of others short.
const BATCH: u64 = 500;

/// Drafts of strangers that are kept at most: everybody can be one, as often as they like, and the disk is that of the engine.
const MOST_STRANGERS: u64 = 200_000;

/// How long to keep what was said. Customers and assets are the shop's: they stay until it removes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Drafts, what was shown for them and what was said to it, after they were last looked at.
    pub drafts: Duration,
    /// Tickets, after they were sent.
    pub tickets: Duration,
    /// What tickets say, if it goes before them.
    pub ticket_texts: Duration,
}

impl Retention {
    /// All of it longer by a time.
    #[must_use]
    pub fn longer_by(&self, time: Duration) -> Self {
        let longer = |kept: Duration| kept.saturating_add(time);
        Self { drafts: longer(self.drafts), tickets: longer(self.tickets), ticket_texts: longer(self.ticket_texts) }
    }
}

impl Default for Retention {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        Self { drafts: days(90), tickets: days(400), ticket_texts: days(90) }
    }
}

/// What retention removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Retained {
    /// Drafts.
    pub drafts: u64,
    /// Items shown.
    pub shown: u64,
    /// Feedback.
    pub feedback: u64,
    /// Tickets.
    pub tickets: u64,
    /// Subjects and bodies of tickets that stay.
    pub ticket_texts: u64,
    /// There is more to remove: call again.
    pub more: bool,
}

impl Retained {
    /// Whether it removed anything.
    pub(super) fn any(self) -> bool {
        [self.drafts, self.shown, self.feedback, self.tickets, self.ticket_texts].iter().any(|count| *count > 0)
    }
}

pub(super) fn retain(conn: &Connection, now: Timestamp, keep: &Retention) -> Result<Retained, Fail> {
    let before = |kept: Duration| (now - kept).as_micros();
    let cut = |sql: &str, before: i64| -> Result<u64, Fail> {
        Ok(conn.prepare_cached(sql)?.execute([before, BATCH.cast_signed()])? as u64)
    };
    let drafts = before(keep.drafts);
    let removed = Retained {
        shown: cut(
            "DELETE FROM shown WHERE rowid IN (SELECT rowid FROM shown WHERE at < ?1 ORDER BY at LIMIT ?2)",
            drafts,
        )?,
        feedback: cut(
            "DELETE FROM feedback WHERE rowid IN (SELECT rowid FROM feedback WHERE at < ?1 ORDER BY at LIMIT ?2)",
            drafts,
        )?,
        drafts: cut(
            "DELETE FROM draft WHERE rowid IN (SELECT rowid FROM draft WHERE last_at < ?1 ORDER BY last_at LIMIT ?2)",
            drafts,
        )?,
        tickets: cut(
            "DELETE FROM ticket WHERE rowid IN (SELECT rowid FROM ticket WHERE created < ?1 ORDER BY created LIMIT ?2)",
            before(keep.tickets),
        )?,
        ticket_texts: cut(
            "UPDATE ticket SET subject = '', body = '' WHERE rowid IN (SELECT rowid FROM ticket
             WHERE created < ?1 AND (subject <> '' OR body <> '') ORDER BY created LIMIT ?2)",
            before(keep.ticket_texts),
        )?,
        more: false,
    };
    let crowd = crowd(conn, MOST_STRANGERS)?;
    let removed = Retained { drafts: removed.drafts + crowd, more: crowd == BATCH, ..removed };
    let more = removed.more
        || [removed.drafts, removed.shown, removed.feedback, removed.tickets, removed.ticket_texts].contains(&BATCH);
    Ok(Retained { more, ..removed })
}

/// Removes the oldest drafts of strangers beyond the `most`, with what was shown for them and said to it.
pub(super) fn crowd(conn: &Connection, most: u64) -> Result<u64, Fail> {
    let oldest = {
        let mut found = conn
            .prepare_cached("SELECT id FROM draft WHERE customer IS NULL ORDER BY last_at DESC LIMIT ?1 OFFSET ?2")?;
        let rows = found.query_map([BATCH.cast_signed(), most.cast_signed()], |row| row.get(0))?;
        rows.collect::<Result<Vec<String>, _>>()?
    };
    for id in &oldest {
        for (table, key) in [("shown", "draft"), ("feedback", "draft"), ("draft", "id")] {
            conn.prepare_cached(&format!("DELETE FROM {table} WHERE {key} = ?1"))?.execute([id])?;
        }
    }
    Ok(oldest.len() as u64)
}
