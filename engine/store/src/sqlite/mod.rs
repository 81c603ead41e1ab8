//! The embedded store: one SQLite file in the state folder.
//!
//! Start at [`Sqlite::open`]. The engine's process is the only writer (it holds the [`Lock`]); others may read meanwhile
//! with [`Sqlite::open_read_only`].
//!
//! The file is in WAL mode. A commit is synced (`synchronous=FULL`); a mark that an effect is about to be tried is only
//! handed to the kernel (`NORMAL`), which survives `kill -9`. The next commit's sync makes it durable as well. A thread of
//! its own writes the log back into the file (`checkpoint`), so that no commit has to.
//!
//! The format's version is `user_version`; each format has one file in `migrations/`, run in one transaction. They only
//! go forward.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use heinzel_core::block::Checkpoint;
use heinzel_core::effect::EffectId;
use heinzel_core::incident::{Incident, IncidentId};
use heinzel_core::state::Change;
use heinzel_core::time::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::audit::AuditReport;
use crate::error::StoreError;
use crate::lock::{Anchor, Lock};
use crate::{Filter, Health, Loaded, Numbered, Retained, Retention, Store, StoredEffect};

pub(crate) mod checkpoint;
mod commit;
pub(crate) mod fail;
pub(crate) mod file;
mod load;
pub(crate) mod migrate;
mod query;
mod retain;
mod trail;

#[cfg(test)]
mod tests;

use checkpoint::Checkpointer;
use fail::Fail;
use file::{beside, place};
use migrate::Formats;

/// The file's name in the state folder.
pub const FILE: &str = "heinzel.db";

/// What the file is, and how it became so. "Hein" in ASCII tells it from other SQLite databases.
pub(crate) const FORMATS: Formats = Formats { application: 0x4865_696e, all: &[include_str!("migrations/1.sql")] };

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// The running boot ([`crate::boot::current`]). `None`: after every start, unfinished effects count as started.
    pub boot: Option<String>,
    /// How long a call waits for another program's lock before it fails as [`StoreError::Locked`].
    pub patience: Duration,
    /// So many bytes of the write-ahead log are written before they are needed ([`RESERVE`] or nothing).
    pub reserve: u64,
}

/// As long as the write-ahead log becomes before it is written back, in bytes, and somewhat more.
pub const RESERVE: u64 = 5 << 20;

impl Default for Options {
    fn default() -> Self {
        Self { boot: None, patience: Duration::from_secs(2), reserve: 0 }
    }
}

/// The embedded store.
#[derive(Debug)]
pub struct Sqlite {
    // Before the lock: fields are dropped in order, and the file must be closed when the lock goes.
    conn: Connection,
    file: PathBuf,
    boot: Option<String>,
    sync: Option<Sync>,
    checkpointer: Option<Checkpointer>,
    /// The files without which it would be another engine's, or nobody's; none for a reader.
    anchors: Vec<Anchor>,
    _lock: Option<Lock>,
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        // Before the connection closes, which writes the log back for the last time and removes it.
        if let Some(mut checkpointer) = self.checkpointer.take() {
            checkpointer.stop(&mut self.conn);
        }
    }
}

/// How much a transaction is synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sync {
    /// To the disk.
    Full,
    /// To the kernel.
    Normal,
}

impl Sqlite {
    /// Opens the store in the lock's folder, creates it when there is none, and brings an older format up to date.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] and [`StoreError::Newer`] for a file that is not (or no longer) ours to write: it is left
    /// as it is. Others when it cannot be created, opened or migrated.
    pub fn open(lock: Lock, options: &Options) -> Result<Self, StoreError> {
        let file = lock.folder().join(FILE);
        let mut conn = file::open(&file, options.patience, &FORMATS)?;
        if let Err(error) = reserve(&beside(&file, "-wal"), options.reserve) {
            tracing::debug!(%error, "no room was reserved for the write-ahead log");
        }
        let checkpointer = Checkpointer::start(&mut conn, &file).map_err(|fail| fail.explain("open", &file))?;
        let found = Anchor::of(&file).map_err(|error| Fail::from(error).explain("open", &file))?;
        Ok(Self {
            conn,
            file,
            anchors: vec![lock.anchor().clone(), found],
            boot: options.boot.clone(),
            sync: None,
            checkpointer: Some(checkpointer),
            _lock: Some(lock),
        })
    }

    /// Opens the store in `folder` for reading, also while an engine runs on it. Neither creates nor migrates.
    ///
    /// # Errors
    /// [`StoreError`] when there is no store, or its format is not this version's.
    pub fn open_read_only(folder: &Path, patience: Duration) -> Result<Self, StoreError> {
        let file = folder.join(FILE);
        let conn = file::open_read_only(&file, patience, &FORMATS)?;
        Ok(Self { conn, file, boot: None, sync: None, checkpointer: None, anchors: Vec::new(), _lock: None })
    }

    /// The database file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Looks whether what is written still lies where it was opened.
    fn anchored(&self, tried: &'static str) -> Result<(), StoreError> {
        let gone = self.anchors.iter().find(|anchor| !anchor.holds());
        gone.map_or(Ok(()), |gone| {
            Err(StoreError::Gone { tried, place: place(&self.file), file: gone.path().to_owned() })
        })
    }

    /// Runs `work` in one transaction that is durable, or nothing.
    fn write<T>(
        &mut self,
        tried: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fail>,
    ) -> Result<T, StoreError> {
        self.anchored(tried)?;
        let written = self.sync(Sync::Full).and_then(|()| {
            let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            // Dropping the transaction, on any error, rolls it back.
            let done = work(&tx)?;
            tx.commit()?;
            Ok(done)
        });
        written.map_err(|fail| fail.explain(tried, &self.file))
    }

    fn read<T>(&self, tried: &'static str, work: impl FnOnce(&Connection) -> Result<T, Fail>) -> Result<T, StoreError> {
        // One transaction, so that several queries see one state while another process writes.
        let read = self.conn.unchecked_transaction().map_err(Fail::from).and_then(|tx| work(&tx));
        read.map_err(|fail| fail.explain(tried, &self.file))
    }

    /// Sets how much the next transaction is synced. Each call says what it needs, so that no failed call can leave a
    /// commit with too little.
    fn sync(&mut self, sync: Sync) -> Result<(), Fail> {
        if !self.conn.is_autocommit() {
            // A rollback failed before; without this every later call would fail.
            self.conn.execute_batch("ROLLBACK")?;
        }
        if self.sync != Some(sync) {
            self.sync = None;
            let level = match sync {
                Sync::Full => "FULL",
                Sync::Normal => "NORMAL",
            };
            self.conn.pragma_update(None, "synchronous", level)?;
            self.sync = Some(sync);
        }
        Ok(())
    }
}

/// What is tried before an effect.
const MARK: &str = "mark an effect as started in";

impl Store for Sqlite {
    fn present(&self) -> Result<(), StoreError> {
        self.anchored("look after")
    }

    fn load(&mut self, recent: Timestamp) -> Result<Loaded, StoreError> {
        self.read("load", |conn| load::load(conn, self.boot.as_deref(), recent))
    }

    fn commit(&mut self, changes: &[Change], checkpoints: &[Checkpoint]) -> Result<(), StoreError> {
        if changes.is_empty() && checkpoints.is_empty() {
            return Ok(());
        }
        let boot = self.boot.clone();
        self.write("commit to", |tx| commit::commit(tx, boot.as_deref(), changes, checkpoints))
    }

    fn started(&mut self, effect: &EffectId) -> Result<(), StoreError> {
        self.anchored(MARK)?;
        let marked = self.sync(Sync::Normal).and_then(|()| commit::started(&self.conn, self.boot.as_deref(), effect));
        match marked {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::NotWaiting { place: place(&self.file), effect: effect.clone() }),
            Err(fail) => Err(fail.explain(MARK, &self.file)),
        }
    }

    fn retain(&mut self, now: Timestamp, keep: &Retention) -> Result<Retained, StoreError> {
        self.write("remove old rows from", |tx| retain::retain(tx, now, keep))
    }

    fn incidents(&self, filter: &Filter) -> Result<Vec<Incident>, StoreError> {
        self.read("read incidents from", |conn| query::incidents(conn, filter))
    }

    fn incident_count(&self, filter: &Filter) -> Result<usize, StoreError> {
        self.read("count incidents in", |conn| query::incident_count(conn, filter))
    }

    fn newest_entries(&self, limit: usize) -> Result<Vec<Numbered>, StoreError> {
        self.read("read the audit trail from", |conn| trail::newest(conn, limit))
    }

    fn entry_count(&self, after: u64) -> Result<usize, StoreError> {
        self.read("count the audit trail of", |conn| trail::count(conn, after))
    }

    fn incident(&self, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        self.read("read an incident from", |conn| query::incident(conn, &self.file, id))
    }

    fn timeline(&self, id: IncidentId) -> Result<Vec<Numbered>, StoreError> {
        self.read("read a timeline from", |conn| trail::timeline(conn, id))
    }

    fn effects(&self, id: IncidentId) -> Result<Vec<StoredEffect>, StoreError> {
        self.read("read effects from", |conn| query::effects(conn, id))
    }

    fn entries(&self, after: u64, limit: usize) -> Result<Vec<Numbered>, StoreError> {
        self.read("read the audit trail of", |conn| trail::entries(conn, after, limit))
    }

    fn verify_audit(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<AuditReport, StoreError> {
        self.read("verify the audit trail of", |conn| trail::verify(conn, progress))
    }

    fn health(&self) -> Result<Health, StoreError> {
        self.read("look at", |conn| query::health(conn, &self.file))
    }
}

/// Makes the write-ahead log as long as it will become. A commit then writes over bytes that the file system knows already,
/// and its sync waits for these bytes alone: 0.1 ms instead of 0.4 at p50, 1 instead of 5 and more at p99 (ext4). What
/// stands behind the last valid frame is nothing to SQLite, as after every time that it began the log anew.
fn reserve(log: &Path, bytes: u64) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().append(true).open(log)?;
    let length = file.metadata()?.len();
    let Some(missing) = bytes.checked_sub(length).filter(|&missing| missing > 0) else { return Ok(()) };
    let written = io::copy(&mut io::repeat(0).take(missing), &mut file).and_then(|_| file.sync_all());
    if written.is_err() {
        // A full disk: what was taken is given back.
        file.set_len(length)?;
    }
    written
}
