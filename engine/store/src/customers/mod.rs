//! What is remembered of customers: who they are, what is theirs, what they drafted and sent, what helped them.
//!
//! Start at [`Customers::open`]. A file of its own beside the engine's, with connections of its own: however many drafts
//! come in, no repair waits for them. Reports read through a [`Reader`], also beside a running engine.
//!
//! # What is promised
//! - **Asking is quick.** Whose a draft is, is known in memory for the last tens of thousands of drafts; everything else
//!   that answering a draft needs is one indexed query, and learned examples are a shared list.
//! - **Noting never waits.** [`Customers::note_draft`] and [`Customers::note_shown`] put their news into memory, of bounded
//!   size; a thread stores them, many at a time. What there is no room for is dropped and counted ([`Health::dropped`]).
//!   A claim on a draft is never dropped.
//! - **The rest is stored when the call returns**, in about a tenth of a millisecond: it survives a killed process, not
//!   necessarily a power cut (`synchronous=NORMAL`).
//! - **Twice is once.** Every call may be made again with the same words.
//! - **The text of a draft comes here only as [`Redacted`](heinzel_core::redact::Redacted)**, and only if the operator
//!   keeps texts.
//!
//! Only the engine's process writes (it holds the [`Lock`](crate::lock::Lock) of the state folder).

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use heinzel_core::customer::{Customer, NamedAsset};
use heinzel_core::draft::{Draft, Example, Feedback, Owner, Shown};
use heinzel_core::ticket::{Ticket, TicketId};
use heinzel_core::time::Timestamp;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use serde::Serialize;

use crate::error::StoreError;
use crate::sqlite::checkpoint::Checkpointer;
use crate::sqlite::fail::{self, Fail};
use crate::sqlite::file;
use crate::sqlite::migrate::{self, Formats};

mod drafts;
mod examples;
mod forget;
mod people;
mod reader;
mod retain;
mod row;
mod scrub;
mod tickets;
mod writer;

#[cfg(test)]
mod tests;

pub use forget::Forgotten;
pub use reader::{Heard, Range, Reader};
pub use retain::{Retained, Retention};

/// The file's name in the state folder.
pub const FILE: &str = "customers.db";

/// "HeiC" in ASCII tells the file from other databases, also from the engine's own.
const FORMATS: Formats =
    Formats { application: 0x4865_6943, all: &[include_str!("migrations/1.sql"), include_str!("migrations/2.sql")] };

/// How long a call waits for another program's lock.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is remembered of customers. Shared by all that ask: every call takes `&self`.
#[derive(Debug)]
pub struct Customers {
    shared: Arc<Shared>,
    writer: Option<writer::Writer>,
    checkpointer: Option<Checkpointer>,
}

/// What callers and the writing thread share.
#[derive(Debug)]
struct Shared {
    file: PathBuf,
    /// The only connection that writes.
    conn: Mutex<Connection>,
    /// For what is asked while a draft is answered: never behind a write.
    asking: Mutex<Connection>,
    notes: writer::Notes,
    /// Held while notes are stored, over several transactions.
    storing: Mutex<()>,
    examples: Mutex<Arc<[Example]>>,
    remains: scrub::Remains,
}

/// What a put came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Put {
    /// It was not there.
    New,
    /// It was there, with other words.
    Changed,
    /// It was there already, just so.
    Same,
}

/// What a put of a ticket came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketPut {
    /// The ticket as it was; `None`: it was not there.
    pub before: Option<Ticket>,
    /// As it is now.
    pub now: Ticket,
}

impl TicketPut {
    /// The same in a word.
    #[must_use]
    pub fn put(&self) -> Put {
        match &self.before {
            None => Put::New,
            Some(before) if *before == self.now => Put::Same,
            Some(_) => Put::Changed,
        }
    }
}

/// Whose a draft id is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nobody had used it: from now on it is yours.
    First,
    /// It is yours.
    Yours,
    /// It is somebody else's. Whoever asks must not learn even that.
    Foreign,
}

/// How the file is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Where it is.
    pub place: String,
    /// The format's version.
    pub format: u32,
    /// Its size, in bytes.
    pub bytes: u64,
    /// The size of its write-ahead log, in bytes.
    pub wal_bytes: u64,
    /// What is free on its file system, in bytes, where known.
    pub free_bytes: Option<u64>,
    /// Notes that wait to be stored.
    pub waiting: u64,
    /// Notes that were dropped since the start: there was no room, or they could not be stored.
    pub dropped: u64,
}

impl Customers {
    /// Opens the file in `folder`, creates it when there is none, and brings an older format up to date.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] and [`StoreError::Newer`] for a file that is not (or no longer) ours to write: it is left
    /// as it is. Others when it cannot be created, opened or migrated.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let file = folder.join(FILE);
        let mut conn = file::open(&file, PATIENCE, &FORMATS)?;
        let explain = |fail: Fail| fail.explain("open", &file);
        conn.pragma_update(None, "synchronous", "NORMAL").map_err(|error| explain(error.into()))?;
        scrub::write_over(&conn).map_err(explain)?;
        let asking = file::connect(&file, OpenFlags::SQLITE_OPEN_READ_WRITE, PATIENCE)
            .and_then(|asking| {
                asking.pragma_update(None, "query_only", true)?;
                Ok(asking)
            })
            .map_err(explain)?;
        let examples = Mutex::new(examples::all(&asking).map_err(explain)?.into());
        let checkpointer = Checkpointer::start(&mut conn, &file).map_err(explain)?;
        let notes = writer::Notes::default();
        let shared = Arc::new(Shared {
            file,
            conn: Mutex::new(conn),
            asking: Mutex::new(asking),
            notes,
            storing: Mutex::default(),
            examples,
            remains: scrub::Remains::default(),
        });
        let writer = writer::Writer::start(Arc::clone(&shared)).map_err(|fail| fail.explain("open", &shared.file))?;
        Ok(Self { shared, writer: Some(writer), checkpointer: Some(checkpointer) })
    }

    /// Stores a customer as the shop describes them. Their address becomes a contact; another address of before is one no
    /// more.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is stored then.
    pub fn put_customer(&self, customer: &Customer) -> Result<Put, StoreError> {
        self.shared.write("store a customer in", |tx| people::put_customer(tx, customer))
    }

    /// Stores an asset as the shop describes it.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is stored then.
    pub fn put_asset(&self, asset: &NamedAsset) -> Result<Put, StoreError> {
        self.shared.write("store an asset in", |tx| people::put_asset(tx, asset))
    }

    /// Stores many customers and assets, all or none: an import.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is stored then.
    pub fn put_all(&self, customers: &[Customer], assets: &[NamedAsset]) -> Result<(), StoreError> {
        self.shared.write("import into", |tx| {
            customers.iter().try_for_each(|customer| people::put_customer(tx, customer).map(drop))?;
            assets.iter().try_for_each(|asset| people::put_asset(tx, asset).map(drop))
        })
    }

    /// One customer.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn customer(&self, id: &str) -> Result<Option<Customer>, StoreError> {
        self.shared.ask("read a customer from", |conn| people::customer(conn, id))
    }

    /// One asset.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn asset(&self, id: &str) -> Result<Option<NamedAsset>, StoreError> {
        self.shared.ask("read an asset from", |conn| people::asset(conn, id))
    }

    /// A customer's assets, by id.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub fn assets_of(&self, customer: &str) -> Result<Vec<NamedAsset>, StoreError> {
        self.shared.ask("read assets from", |conn| people::assets_of(conn, customer))
    }

    /// All assets, by id: for the engine's graph of assets.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub fn assets(&self) -> Result<Vec<NamedAsset>, StoreError> {
        self.shared.ask("read assets from", people::assets)
    }

    /// Claims a draft id for `owner`: whoever used it first has it. The claim is noted, so that it holds after a restart.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be found out; then it must be treated as [`Claim::Foreign`].
    pub fn claim(&self, draft: &str, owner: &Owner, now: Timestamp) -> Result<Claim, StoreError> {
        if self.shared.notes.are_full() {
            self.flush()?;
        }
        self.shared.notes.claim(draft, owner, now, || self.stored_owner(draft))
    }

    /// Whose a draft is; `None`: nobody has used the id.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be found out.
    pub fn owner_of(&self, draft: &str) -> Result<Option<Owner>, StoreError> {
        match self.shared.notes.owner_of(draft) {
            Some(owner) => Ok(Some(owner)),
            None => self.stored_owner(draft),
        }
    }

    fn stored_owner(&self, draft: &str) -> Result<Option<Owner>, StoreError> {
        self.shared.ask("read a draft from", |conn| drafts::owner(conn, draft))
    }

    /// Notes how a draft stands. Owner and first time stay those of the claim, and what was found last stays when nothing is
    /// found any more. Never waits.
    pub fn note_draft(&self, draft: Draft) {
        self.shared.notes.draft(draft);
    }

    /// Notes what was shown. Never waits.
    pub fn note_shown(&self, shown: Vec<Shown>) {
        self.shared.notes.shown(shown);
    }

    /// Waits until all that was noted before is stored.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be stored; it is kept and tried again.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.shared.store_notes()
    }

    /// Stores a customer's word on what was shown. `false`: it was there already.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is stored then.
    pub fn put_feedback(&self, feedback: &Feedback) -> Result<bool, StoreError> {
        self.shared.write("store feedback in", |tx| drafts::put_feedback(tx, feedback))
    }

    /// One draft, also if it is not stored yet.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn draft(&self, id: &str) -> Result<Option<Draft>, StoreError> {
        self.flush()?;
        self.shared.ask("read a draft from", |conn| drafts::draft(conn, id))
    }

    /// Whether an item was shown for a draft.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be read or written.
    pub fn has_shown(&self, draft: &str, item: &str) -> Result<bool, StoreError> {
        self.flush()?;
        self.shared.ask("read what was shown from", |conn| drafts::has_shown(conn, draft, item))
    }

    /// Stores a ticket. Where it comes again, its text, language, page and time stay those of the first time; customer,
    /// asset, draft and the answer that was used are only replaced by others, and incidents are added to those known. A draft
    /// becomes one ticket, the first that says so: in another it is left out.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is stored then.
    pub fn put_ticket(&self, ticket: &Ticket) -> Result<TicketPut, StoreError> {
        self.shared.write("store a ticket in", |tx| tickets::put(tx, ticket))
    }

    /// Notes the answer that support used for a ticket. `None`: there is no such ticket.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is stored then.
    pub fn answered_ticket(&self, id: &str, answer: &str) -> Result<Option<TicketPut>, StoreError> {
        self.shared.write("store a ticket in", |tx| tickets::answered(tx, id, answer))
    }

    /// The ticket that a draft became.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn ticket_of_draft(&self, draft: &str) -> Result<Option<TicketId>, StoreError> {
        self.shared.ask("read a ticket from", |conn| tickets::of_draft(conn, draft))
    }

    /// One ticket.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn ticket(&self, id: &str) -> Result<Option<Ticket>, StoreError> {
        self.shared.ask("read a ticket from", |conn| tickets::ticket(conn, id))
    }

    /// Whether anything was learned from a customer's drafts and tickets.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn has_taught(&self, customer: &str) -> Result<bool, StoreError> {
        let owner = Owner::Customer(customer.to_owned());
        self.shared.ask("read examples from", |conn| examples::has_taught(conn, &owner))
    }

    /// Learns that a draft of `owner` is answered by an answer. One example of each owner for an answer is kept, the
    /// newest that says most; of all owners together [`MOST_EXAMPLES`] for an answer. `false`: nothing changed.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is stored then.
    pub fn learn(&self, example: &Example, owner: &Owner) -> Result<bool, StoreError> {
        let changed = self.shared.write("learn an example in", |tx| examples::learn(tx, example, owner))?;
        if changed {
            self.learned_anew()?;
        }
        Ok(changed)
    }

    /// All learned examples, by answer, language and text.
    #[must_use]
    pub fn examples(&self) -> Arc<[Example]> {
        Arc::clone(&locked(&self.shared.examples))
    }

    fn learned_anew(&self) -> Result<(), StoreError> {
        let all = self.shared.ask("read examples from", examples::all)?;
        *locked(&self.shared.examples) = all.into();
        Ok(())
    }

    /// Mail to an address came back. How many customers have it.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is stored then.
    pub fn bounced(&self, address: &str, why: &str, at: Timestamp) -> Result<usize, StoreError> {
        self.shared.write("note a bounce in", |tx| people::bounced(tx, address, why, at))
    }

    /// Removes what is older than `keep` says, a bounded amount a call: call again while [`Retained::more`], and
    /// [`Self::scrub`] then.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is removed then.
    pub fn retain(&self, now: Timestamp, keep: &Retention) -> Result<Retained, StoreError> {
        let retained = self.shared.write("remove old rows from", |tx| retain::retain(tx, now, keep))?;
        self.shared.remains.leave(retained.any(), false);
        Ok(retained)
    }

    /// A reader for reports, with a connection of its own.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be opened once more, or what is noted cannot be stored first.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        self.flush()?;
        Reader::of(self.shared.file.clone(), PATIENCE)
    }

    /// How the file is doing.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn health(&self) -> Result<Health, StoreError> {
        let shared = &self.shared;
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
        let (waiting, dropped) = shared.notes.numbers();
        Ok(Health {
            place: file::place(&shared.file),
            format: shared.ask("look at", migrate::version)?,
            bytes: size(&shared.file),
            wal_bytes: size(&file::beside(&shared.file, "-wal")),
            free_bytes: fail::free(&shared.file),
            waiting,
            dropped,
        })
    }
}

/// Learned examples that are kept of one answer at most. A ranker learns little from more, and no answer may crowd out the
/// others.
pub const MOST_EXAMPLES: usize = 50;

impl Drop for Customers {
    fn drop(&mut self) {
        // What is noted is stored by the thread before it ends.
        drop(self.writer.take());
        if let Some(mut checkpointer) = self.checkpointer.take() {
            checkpointer.stop(&mut locked(&self.shared.conn));
        }
    }
}

impl Shared {
    /// Runs `work` in one transaction.
    fn write<T>(
        &self,
        tried: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fail>,
    ) -> Result<T, StoreError> {
        let mut conn = locked(&self.conn);
        let written = begin(&mut conn).and_then(|tx| {
            // Dropping the transaction, on any error, rolls it back.
            let done = work(&tx)?;
            tx.commit()?;
            Ok(done)
        });
        written.map_err(|fail| fail.explain(tried, &self.file))
    }

    fn ask<T>(&self, tried: &'static str, work: impl FnOnce(&Connection) -> Result<T, Fail>) -> Result<T, StoreError> {
        work(&locked(&self.asking)).map_err(|fail| fail.explain(tried, &self.file))
    }
}

fn begin(conn: &mut Connection) -> Result<Transaction<'_>, Fail> {
    if !conn.is_autocommit() {
        // A rollback failed before; without this every later call would fail.
        conn.execute_batch("ROLLBACK")?;
    }
    Ok(conn.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

/// A panic elsewhere does not end the service: SQLite's transactions and our maps are whole after any call.
fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
