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
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use heinzel_core::block::Checkpoint;
use heinzel_core::effect::EffectId;
use heinzel_core::incident::{Incident, IncidentId};
use heinzel_core::state::Change;
use heinzel_core::time::Timestamp;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::audit::AuditReport;
use crate::error::StoreError;
use crate::lock::Lock;
use crate::{Filter, Health, Loaded, Numbered, Retained, Retention, Store, StoredEffect};

mod checkpoint;
mod commit;
mod fail;
mod load;
mod migrate;
mod query;
mod retain;
mod trail;

#[cfg(test)]
mod tests;

use checkpoint::Checkpointer;
use fail::Fail;

/// The file's name in the state folder.
pub const FILE: &str = "heinzel.db";

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
        let size = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
        if size(&file) == 0 && size(&beside(&file, "-wal")) > 0 {
            // SQLite would silently delete the log of a database that is gone.
            let why = format!("it is missing or empty, but its log {FILE}-wal is there");
            return Err(StoreError::Corrupt { tried: "open", place: place(&file), why, cause: None });
        }
        if !file.exists() {
            create(&file, options.patience)?;
        }
        if size(&file) == 0 {
            let why = "it is empty".to_owned();
            return Err(StoreError::Corrupt { tried: "open", place: place(&file), why, cause: None });
        }
        narrow(&file);
        let explain = |fail: Fail| fail.explain("open", &file);
        let mut conn = connect(&file, OpenFlags::SQLITE_OPEN_READ_WRITE, options.patience).map_err(explain)?;
        // First of all: configuring writes into the file.
        migrate::check(&conn, &file)?;
        configure(&conn).map_err(explain)?;
        migrate::up(&mut conn, &file, migrate::ALL)?;
        if let Err(error) = reserve(&beside(&file, "-wal"), options.reserve) {
            tracing::debug!(%error, "no room was reserved for the write-ahead log");
        }
        let checkpointer = Some(Checkpointer::start(&mut conn, &file).map_err(explain)?);
        Ok(Self { conn, file, boot: options.boot.clone(), sync: None, checkpointer, _lock: Some(lock) })
    }

    /// Opens the store in `folder` for reading, also while an engine runs on it. Neither creates nor migrates.
    ///
    /// # Errors
    /// [`StoreError`] when there is no store, or its format is not this version's.
    pub fn open_read_only(folder: &Path, patience: Duration) -> Result<Self, StoreError> {
        let file = folder.join(FILE);
        let other = |why: &str| StoreError::Other { tried: "open", place: place(&file), why: why.into(), cause: None };
        match fs::metadata(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(other("there is no store yet; `heinzel run` creates it"));
            }
            Err(error) => {
                let why = "only the user that runs Heinzel (and root) can read it".to_owned();
                return Err(StoreError::Other {
                    tried: "open",
                    place: place(&file),
                    why,
                    cause: Some(Box::new(error)),
                });
            }
            Ok(_) => {}
        }
        // Readers of a WAL database share its index file with the writer and therefore need to write that one. Only
        // where this is forbidden (a copy on read-only media) the plain read-only mode is the right one.
        let read = |flags| {
            let conn = connect(&file, flags, patience)?;
            conn.pragma_update(None, "query_only", true)?;
            // The first look into the file; opening it alone reads nothing.
            migrate::version(&conn)?;
            Ok(conn)
        };
        let conn = read(OpenFlags::SQLITE_OPEN_READ_WRITE)
            .or_else(|fail: Fail| if fail.is_forbidden() { read(OpenFlags::SQLITE_OPEN_READ_ONLY) } else { Err(fail) })
            .map_err(|fail| fail.explain("open", &file))?;
        if migrate::check(&conn, &file)? < migrate::newest() {
            return Err(other("its format is older than this version's; `heinzel run` brings it up to date"));
        }
        Ok(Self { conn, file, boot: None, sync: None, checkpointer: None, _lock: None })
    }

    /// The database file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Runs `work` in one transaction that is durable, or nothing.
    fn write<T>(
        &mut self,
        tried: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fail>,
    ) -> Result<T, StoreError> {
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

impl Store for Sqlite {
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
        let marked = self.sync(Sync::Normal).and_then(|()| commit::started(&self.conn, self.boot.as_deref(), effect));
        match marked {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::NotWaiting { place: place(&self.file), effect: effect.clone() }),
            Err(fail) => Err(fail.explain("mark an effect as started in", &self.file)),
        }
    }

    fn retain(&mut self, now: Timestamp, keep: &Retention) -> Result<Retained, StoreError> {
        self.write("remove old rows from", |tx| retain::retain(tx, now, keep))
    }

    fn incidents(&self, filter: &Filter) -> Result<Vec<Incident>, StoreError> {
        self.read("read incidents from", |conn| query::incidents(conn, filter))
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

/// Creates the database completely under another name and then gives it its own, so that a file with that name always
/// is a whole database: one that is empty was damaged.
fn create(file: &Path, patience: Duration) -> Result<(), StoreError> {
    let new = beside(file, ".new");
    let io = |error: io::Error| Fail::from(error).explain("create", file);
    for left in [new.clone(), beside(&new, "-wal"), beside(&new, "-shm"), beside(&new, "-journal")] {
        match fs::remove_file(&left) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
    }
    let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).map_err(io)?;
    let mut conn = connect(&new, OpenFlags::SQLITE_OPEN_READ_WRITE, patience)
        .and_then(|conn| configure(&conn).map(|()| conn))
        .map_err(|fail| fail.explain("create", file))?;
    migrate::up(&mut conn, &new, migrate::ALL)?;
    // Closing writes the log back into the file and removes it.
    conn.close().map_err(|(_, error)| Fail::from(error).explain("create", file))?;
    made.sync_all().map_err(io)?;
    fs::rename(&new, file).map_err(io)?;
    let folder = file.parent().unwrap_or(file);
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)
}

fn connect(file: &Path, flags: OpenFlags, patience: Duration) -> Result<Connection, Fail> {
    // No mutex: a connection is used by one thread at a time, as `&mut self` and `!Sync` say.
    let conn = Connection::open_with_flags(file, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(patience)?;
    conn.set_prepared_statement_cache_capacity(64);
    // Functions and virtual tables in a schema that someone tampered with are not to be trusted.
    conn.pragma_update(None, "trusted_schema", false)?;
    // Sorting must work with a full disk.
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(conn)
}

fn configure(conn: &Connection) -> Result<(), Fail> {
    let mode: String = conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Fail::Why("its file system cannot share memory between processes; use a local disk".into()));
    }
    // After a flood, 64 MiB of log is kept for reuse and no more.
    conn.pragma_update(None, "journal_size_limit", 64 << 20)?;
    // 4 MiB of pages: the default 2 MiB is a little small for 10,000 windows.
    conn.pragma_update(None, "cache_size", -4096)?;
    Ok(())
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

/// Takes the rights of others to a file that is there: what customers wrote into their logs is in it.
fn narrow(file: &Path) {
    for path in [file.to_owned(), beside(file, "-wal"), beside(file, "-shm")] {
        let Ok(found) = fs::metadata(&path) else { continue };
        if found.permissions().mode() & 0o077 != 0
            && let Err(error) = fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
        {
            tracing::warn!(file = %path.display(), %error, "others can read the store; `chmod 600` it");
        }
    }
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn place(file: &Path) -> String {
    file.display().to_string()
}
