//! Customers, assets, contacts.

use heinzel_core::asset::Asset;
use heinzel_core::customer::{Contact, Customer, NamedAsset};
use heinzel_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Put;
use super::row::{list, maybe_time, micros, small};
use crate::sqlite::fail::Fail;

pub(super) fn put_customer(conn: &Connection, customer: &Customer) -> Result<Put, Fail> {
    let before = self::customer(conn, &customer.id)?;
    if before.as_ref() == Some(customer) {
        return Ok(Put::Same);
    }
    let Customer { id, name, email, language, since, last_seen } = customer;
    conn.prepare_cached(
        "INSERT INTO customer (id, name, email, language, since, last_seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO UPDATE SET name = ?2, email = ?3, language = ?4, since = ?5, last_seen = ?6",
    )?
    .execute(params![id, name, email, language, micros(*since), micros(*last_seen)])?;
    let address = email.as_deref().map(address);
    conn.prepare_cached("DELETE FROM contact WHERE customer = ?1 AND address IS NOT ?2")?
        .execute(params![id, address])?;
    if let Some(address) = address {
        conn.prepare_cached("INSERT OR IGNORE INTO contact (customer, address) VALUES (?1, ?2)")?
            .execute([id, &address])?;
    }
    Ok(if before.is_some() { Put::Changed } else { Put::New })
}

/// As addresses are compared: mail servers take either case.
fn address(email: &str) -> String {
    email.trim().to_lowercase()
}

pub(super) fn customer(conn: &Connection, id: &str) -> Result<Option<Customer>, Fail> {
    let mut found =
        conn.prepare_cached("SELECT id, name, email, language, since, last_seen FROM customer WHERE id = ?1")?;
    Ok(found.query_row([id], read_customer).optional()?)
}

pub(super) fn customers(conn: &Connection) -> Result<Vec<Customer>, Fail> {
    let mut found =
        conn.prepare_cached("SELECT id, name, email, language, since, last_seen FROM customer ORDER BY id")?;
    let rows = found.query_map([], read_customer)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_customer(row: &Row<'_>) -> rusqlite::Result<Customer> {
    Ok(Customer {
        id: row.get(0)?,
        name: row.get(1)?,
        email: row.get(2)?,
        language: row.get(3)?,
        since: maybe_time(row, 4)?,
        last_seen: maybe_time(row, 5)?,
    })
}

pub(super) fn put_asset(conn: &Connection, asset: &NamedAsset) -> Result<Put, Fail> {
    let before = self::asset(conn, &asset.asset.id)?;
    if before.as_ref() == Some(asset) {
        return Ok(Put::Same);
    }
    let NamedAsset { asset: Asset { id, aliases, owner, depends_on, protected }, name } = asset;
    conn.prepare_cached(
        "INSERT INTO asset (id, owner, name, protected, aliases, depends_on) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO UPDATE SET owner = ?2, name = ?3, protected = ?4, aliases = ?5, depends_on = ?6",
    )?
    .execute(params![
        id,
        owner,
        name,
        protected,
        serde_json::to_string(aliases)?,
        serde_json::to_string(depends_on)?
    ])?;
    Ok(if before.is_some() { Put::Changed } else { Put::New })
}

pub(super) fn remove_asset(conn: &Connection, id: &str) -> Result<bool, Fail> {
    Ok(conn.prepare_cached("DELETE FROM asset WHERE id = ?1")?.execute([id])? > 0)
}

pub(super) fn asset(conn: &Connection, id: &str) -> Result<Option<NamedAsset>, Fail> {
    let mut found =
        conn.prepare_cached("SELECT id, owner, name, protected, aliases, depends_on FROM asset WHERE id = ?1")?;
    Ok(found.query_row([id], read_asset).optional()?)
}

pub(super) fn assets_of(conn: &Connection, customer: &str) -> Result<Vec<NamedAsset>, Fail> {
    let mut found = conn.prepare_cached(
        "SELECT id, owner, name, protected, aliases, depends_on FROM asset WHERE owner = ?1 ORDER BY id",
    )?;
    let rows = found.query_map([customer], read_asset)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn assets(conn: &Connection) -> Result<Vec<NamedAsset>, Fail> {
    let mut found =
        conn.prepare_cached("SELECT id, owner, name, protected, aliases, depends_on FROM asset ORDER BY id")?;
    let rows = found.query_map([], read_asset)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_asset(row: &Row<'_>) -> rusqlite::Result<NamedAsset> {
    let asset = Asset {
        id: row.get(0)?,
        aliases: list(row, 4)?,
        owner: row.get(1)?,
        depends_on: list(row, 5)?,
        protected: row.get(3)?,
    };
    Ok(NamedAsset { asset, name: row.get(2)? })
}

/// A bounce that is told again, or an older one, counts once.
pub(super) fn bounced(conn: &Connection, email: &str, why: &str, at: Timestamp) -> Result<usize, Fail> {
    let address = address(email);
    conn.prepare_cached(
        "UPDATE contact SET bounces = bounces + 1, bounced_at = ?2, bounced_why = ?3
         WHERE address = ?1 AND (bounced_at IS NULL OR bounced_at < ?2)",
    )?
    .execute(params![address, at.as_micros(), why])?;
    let known: i64 = conn
        .prepare_cached("SELECT count(*) FROM contact WHERE address = ?1")?
        .query_row([address], |row| row.get(0))?;
    Ok(usize::try_from(known).unwrap_or(0))
}

/// All contacts, and when their customers were last seen or heard of.
pub(super) fn contacts(conn: &Connection) -> Result<Vec<Contact>, Fail> {
    let mut found = conn.prepare_cached(
        "SELECT contact.customer, address, bounces, bounced_at, bounced_why,
                nullif(max(coalesce(last_seen, 0), coalesce(draft_at, 0), coalesce(ticket_at, 0)), 0)
         FROM contact LEFT JOIN customer ON customer.id = contact.customer
                      LEFT JOIN heard ON heard.customer = contact.customer
         ORDER BY contact.customer, address",
    )?;
    let rows = found.query_map([], |row| {
        Ok(Contact {
            customer: row.get(0)?,
            address: row.get(1)?,
            bounces: small(row, 2)?,
            bounced_at: maybe_time(row, 3)?,
            bounced_why: row.get(4)?,
            used_at: maybe_time(row, 5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
