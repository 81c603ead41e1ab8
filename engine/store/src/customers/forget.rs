//! Removes a customer who wants to be forgotten.

use heinzel_core::asset::AssetId;
use heinzel_core::draft::{DraftId, Owner};
use rusqlite::Connection;

use super::{Customers, examples, locked};
use crate::error::StoreError;
use crate::sqlite::fail::Fail;

/// What was removed of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// They were in the list of customers, or known by an address or by when they were heard of.
    pub customer: bool,
    /// Drafts, with what was shown for them and said to it.
    pub drafts: Vec<DraftId>,
    /// Tickets.
    pub tickets: u64,
    /// Examples learned from their drafts and tickets.
    pub examples: u64,
    /// Assets that stay, since others may need them and what protects them must hold: without owner and name.
    pub assets: Vec<AssetId>,
}

impl Forgotten {
    /// Nothing was known of them.
    #[must_use]
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Customers {
    /// Removes all that is known of a customer: for those who ask for it. Their assets stay, without owner and name. Drafts
    /// that were not theirs by name stay, as nobody can tell whose they are, but for those that became a ticket of theirs.
    /// Call [`Self::scrub`] then.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is removed then.
    pub fn forget(&self, customer: &str) -> Result<Forgotten, StoreError> {
        let shared = &self.shared;
        // Until the notes have forgotten them, too, nothing that is noted comes into the file.
        let storing = locked(&shared.storing);
        shared.store_taken(&storing)?;
        let forgotten = shared.write("forget a customer in", |tx| forget(tx, customer))?;
        shared.notes.forget(customer, &forgotten.drafts);
        drop(storing);
        shared.remains.leave(!forgotten.is_nothing(), true);
        self.learned_anew()?;
        Ok(forgotten)
    }

    /// Takes what was removed from the disk, too: else its words would stand in the write-ahead log, and here and there in
    /// the file, until something is written over them. Does nothing when nothing was removed since the last time; after
    /// [`Self::forget`] it writes the whole file anew, which takes about a second for every 100 MB.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be done now, as another program is reading: call again later.
    pub fn scrub(&self) -> Result<(), StoreError> {
        let shared = &self.shared;
        let conn = locked(&shared.conn);
        shared.remains.remove(&conn).map_err(|fail| fail.explain("remove what was deleted from", &shared.file))
    }
}

/// Theirs: by name, or by a ticket of theirs that it became.
const DRAFTS: &str = "SELECT id FROM draft WHERE customer = ?1 OR id IN (SELECT draft FROM ticket WHERE customer = ?1 AND draft IS NOT NULL)";

fn forget(conn: &Connection, customer: &str) -> Result<Forgotten, Fail> {
    let count = |sql: &str| -> Result<u64, Fail> { Ok(conn.prepare_cached(sql)?.execute([customer])? as u64) };
    let list = |sql: &str| -> Result<Vec<String>, Fail> {
        let mut found = conn.prepare_cached(sql)?;
        let rows = found.query_map([customer], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    };
    let drafts = list(&format!("{DRAFTS} ORDER BY id"))?;
    for table in ["shown", "feedback"] {
        count(&format!("DELETE FROM {table} WHERE draft IN ({DRAFTS})"))?;
    }
    count(&format!("DELETE FROM draft WHERE id IN ({DRAFTS})"))?;
    let source = examples::source(&Owner::Customer(customer.to_owned()));
    let known = [
        count("DELETE FROM customer WHERE id = ?1")?,
        count("DELETE FROM contact WHERE customer = ?1")?,
        count("DELETE FROM heard WHERE customer = ?1")?,
    ];
    let assets = list("SELECT id FROM asset WHERE owner = ?1 ORDER BY id")?;
    count("UPDATE asset SET owner = NULL, name = NULL WHERE owner = ?1")?;
    Ok(Forgotten {
        customer: known.iter().any(|rows| *rows > 0),
        drafts,
        tickets: count("DELETE FROM ticket WHERE customer = ?1")?,
        examples: conn.prepare_cached("DELETE FROM example WHERE source = ?1")?.execute([source])? as u64,
        assets,
    })
}
