//! What reports ask for.
//!
//! Start at [`Reader::open`]; works beside a running engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use heinzel_core::customer::{Contact, Customer, CustomerId, NamedAsset};
use heinzel_core::draft::{Draft, DraftId, Example, Feedback, Shown};
use heinzel_core::ticket::{Sent, Ticket};
use heinzel_core::time::Timestamp;
use rusqlite::Connection;

use super::{FILE, FORMATS, drafts, examples, people, row, tickets};
use crate::error::StoreError;
use crate::sqlite::fail::Fail;
use crate::sqlite::file;

/// A range of time: from, and up to but not including.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
}

impl Range {
    /// All times.
    pub const ALL: Self = Self { from: Timestamp::MIN, until: Timestamp::MAX };

    pub(super) fn micros(self) -> [i64; 2] {
        [self.from.as_micros(), self.until.as_micros()]
    }
}

/// When a customer was last heard of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Their last draft with a claim.
    pub draft: Option<Timestamp>,
    /// Their last ticket.
    pub ticket: Option<Timestamp>,
}

/// Reads for reports.
#[derive(Debug)]
pub struct Reader {
    pub(super) conn: Connection,
    file: PathBuf,
}

impl Reader {
    /// Opens the file in `folder` for reading, also while an engine runs on it. Neither creates nor migrates.
    ///
    /// # Errors
    /// [`StoreError`] when there is no such file, or its format is not this version's.
    pub fn open(folder: &Path, patience: Duration) -> Result<Self, StoreError> {
        Self::of(folder.join(FILE), patience)
    }

    pub(super) fn of(file: PathBuf, patience: Duration) -> Result<Self, StoreError> {
        Ok(Self { conn: file::open_read_only(&file, patience, &FORMATS)?, file })
    }

    /// All customers, by id.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub fn customers(&self) -> Result<Vec<Customer>, StoreError> {
        self.read("read customers from", people::customers)
    }

    /// All assets, by id.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub fn assets(&self) -> Result<Vec<NamedAsset>, StoreError> {
        self.read("read assets from", people::assets)
    }

    /// All contacts, by customer and address.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub fn contacts(&self) -> Result<Vec<Contact>, StoreError> {
        self.read("read contacts from", people::contacts)
    }

    /// When each customer was last heard of; those that never were are not in it.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn heard(&self) -> Result<BTreeMap<CustomerId, Heard>, StoreError> {
        self.read("read when customers were heard of from", |conn| {
            let mut found = conn.prepare("SELECT customer, draft_at, ticket_at FROM heard")?;
            let rows = found.query_map([], |row| {
                let heard = Heard { draft: row::maybe_time(row, 1)?, ticket: row::maybe_time(row, 2)? };
                Ok((row.get(0)?, heard))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Drafts last looked at in the range, by time.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub fn drafts(&self, range: Range) -> Result<Vec<Draft>, StoreError> {
        self.read("read drafts from", |conn| drafts::within(conn, range))
    }

    /// What was shown in the range, by time.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn shown(&self, range: Range) -> Result<Vec<Shown>, StoreError> {
        self.read("read what was shown from", |conn| drafts::shown(conn, range))
    }

    /// Of the drafts that were shown something in the range: what came first in the list they were shown last.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn first_shown(&self, range: Range) -> Result<BTreeMap<DraftId, String>, StoreError> {
        self.read("read what was shown from", |conn| drafts::first_shown(conn, range))
    }

    /// Feedback given in the range, by time.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn feedback(&self, range: Range) -> Result<Vec<Feedback>, StoreError> {
        self.read("read feedback from", |conn| drafts::feedback(conn, range))
    }

    /// Tickets sent in the range, by time.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub fn tickets(&self, range: Range) -> Result<Vec<Ticket>, StoreError> {
        self.read("read tickets from", |conn| tickets::within(conn, range))
    }

    /// That tickets were sent in the range, by time, without what they say.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn sent(&self, range: Range) -> Result<Vec<Sent>, StoreError> {
        self.read("read tickets from", |conn| tickets::sent(conn, range))
    }

    /// All learned examples.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub fn examples(&self) -> Result<Vec<Example>, StoreError> {
        self.read("read examples from", examples::all)
    }

    fn read<T>(&self, tried: &'static str, work: impl FnOnce(&Connection) -> Result<T, Fail>) -> Result<T, StoreError> {
        work(&self.conn).map_err(|fail| fail.explain(tried, &self.file))
    }
}
