//! Removes a customer who wants to be forgotten.

use std::collections::BTreeSet;

use heinzel_core::asset::{AssetId, tells_of};
use heinzel_core::customer::NamedAsset;
use heinzel_core::draft::{DraftId, Owner};
use rusqlite::Connection;

use super::{Customers, examples, locked, people};
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
    /// Assets that stay, since others may need them and what protects them must hold: without owner and name, and without
    /// the aliases that [tell of them](heinzel_core::asset::tells_of).
    pub assets: Vec<AssetId>,
    /// Assets that are gone, because their ids told of them. Protected ones, and those that others need, are among those
    /// that stay.
    pub removed: Vec<AssetId>,
}

impl Forgotten {
    /// Nothing was known of them.
    #[must_use]
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Customers {
    /// Removes all that is known of a customer: for those who ask for it. Their assets stay, without owner and name, but for
    /// those whose ids tell of them. Drafts
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

    /// Removes an asset, also from the drafts and tickets that were about it. Whether there was one. What it leaves on the
    /// disk goes with the next [`Self::scrub`].
    ///
    /// # Errors
    /// [`StoreError`]; nothing is removed then.
    pub fn remove_asset(&self, id: &str) -> Result<bool, StoreError> {
        let shared = &self.shared;
        let storing = locked(&shared.storing);
        shared.store_taken(&storing)?;
        let removed = shared.write("remove an asset from", |tx| remove_asset(tx, id))?;
        drop(storing);
        shared.remains.leave(removed, true);
        Ok(removed)
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
    let (removed, assets) = disown(conn, customer)?;
    Ok(Forgotten {
        customer: known.iter().any(|rows| *rows > 0),
        drafts,
        tickets: count("DELETE FROM ticket WHERE customer = ?1")?,
        examples: conn.prepare_cached("DELETE FROM example WHERE source = ?1")?.execute([source])? as u64,
        assets,
        removed,
    })
}

/// Takes a customer's assets from them: which of them are gone, and which stay.
fn disown(conn: &Connection, customer: &str) -> Result<(Vec<AssetId>, Vec<AssetId>), Fail> {
    let theirs = people::assets_of(conn, customer)?;
    if theirs.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let all = people::assets(conn)?;
    let is_named = |one: &&NamedAsset| tells_of(&one.asset.id, customer) && !one.asset.protected;
    let mut gone: BTreeSet<AssetId> = theirs.iter().filter(is_named).map(|one| one.asset.id.clone()).collect();
    // What stays needs what it needs.
    loop {
        let stay = all.iter().filter(|one| !gone.contains(&one.asset.id));
        let needed: BTreeSet<&AssetId> = stay.flat_map(|one| &one.asset.depends_on).collect();
        let before = gone.len();
        gone = gone.iter().filter(|id| !needed.contains(id)).cloned().collect();
        if gone.len() == before {
            break;
        }
    }
    for id in &gone {
        remove_asset(conn, id)?;
    }
    let mut stay = Vec::new();
    for mut one in theirs.into_iter().filter(|one| !gone.contains(&one.asset.id)) {
        one.asset.aliases.retain(|alias| !tells_of(alias, customer));
        (one.asset.owner, one.name) = (None, None);
        people::put_asset(conn, &one)?;
        stay.push(one.asset.id);
    }
    Ok((gone.into_iter().collect(), stay))
}

fn remove_asset(conn: &Connection, id: &str) -> Result<bool, Fail> {
    for table in ["draft", "ticket"] {
        conn.prepare_cached(&format!("UPDATE {table} SET asset = NULL WHERE asset = ?1"))?.execute([id])?;
    }
    people::remove_asset(conn, id)
}
