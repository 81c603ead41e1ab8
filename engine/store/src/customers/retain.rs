//! Removes what is old, a bounded amount at a time, and what a customer wants forgotten.

use std::time::Duration;

use heinzel_core::draft::Owner;
use heinzel_core::time::Timestamp;
use rusqlite::Connection;
use serde::Serialize;

use super::examples;
use crate::sqlite::fail::Fail;

/// Rows of each table that one call removes at most. Keeps the wait of others short.
const BATCH: u64 = 500;

/// How long to keep what was said. Customers and assets are the shop's: they stay until it removes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Drafts, what was shown for them and what was said to it, after they were last looked at.
    pub drafts: Duration,
    /// Tickets, after they were sent.
    pub tickets: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        Self { drafts: days(90), tickets: days(400) }
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
    /// There is more to remove: call again.
    pub more: bool,
}

/// What was removed of a customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// They were in the list of customers.
    pub customer: bool,
    /// Assets.
    pub assets: u64,
    /// Drafts.
    pub drafts: u64,
    /// Tickets.
    pub tickets: u64,
    /// Examples learned from their drafts.
    pub examples: u64,
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
        more: false,
    };
    let more = [removed.drafts, removed.shown, removed.feedback, removed.tickets].contains(&BATCH);
    Ok(Retained { more, ..removed })
}

pub(super) fn forget(conn: &Connection, customer: &str) -> Result<Forgotten, Fail> {
    let count = |sql: &str| -> Result<u64, Fail> { Ok(conn.prepare_cached(sql)?.execute([customer])? as u64) };
    for table in ["shown", "feedback"] {
        count(&format!("DELETE FROM {table} WHERE draft IN (SELECT id FROM draft WHERE customer = ?1)"))?;
    }
    count("DELETE FROM contact WHERE customer = ?1")?;
    count("DELETE FROM heard WHERE customer = ?1")?;
    let source = examples::source(&Owner::Customer(customer.to_owned()));
    Ok(Forgotten {
        drafts: count("DELETE FROM draft WHERE customer = ?1")?,
        tickets: count("DELETE FROM ticket WHERE customer = ?1")?,
        assets: count("DELETE FROM asset WHERE owner = ?1")?,
        customer: count("DELETE FROM customer WHERE id = ?1")? > 0,
        examples: conn.prepare_cached("DELETE FROM example WHERE source = ?1")?.execute([source])? as u64,
    })
}
