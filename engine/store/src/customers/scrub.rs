//! Takes what was removed from the disk, too.
//!
//! SQLite leaves the bytes of what is deleted where they were until it needs the room. [`write_over`] has it put zeros
//! there; what remains even so are copies in the write-ahead log, and those that were left on a page when its rows moved
//! to another one. [`Remains::remove`] ends both.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::sqlite::fail::Fail;

/// What may still be found on the disk of what was removed.
#[derive(Debug, Default)]
pub(super) struct Remains {
    in_log: AtomicBool,
    in_file: AtomicBool,
}

/// From now on zeros are written over whatever is deleted.
pub(super) fn write_over(conn: &Connection) -> Result<(), Fail> {
    conn.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    Ok(())
}

impl Remains {
    /// Something was removed, or not; the file is to be cleaned of it, too, or the log alone.
    pub(super) fn leave(&self, any: bool, in_file: bool) {
        if any {
            self.in_log.store(true, Ordering::SeqCst);
            self.in_file.fetch_or(in_file, Ordering::SeqCst);
        }
    }

    /// Removes them; they count as there until it is done.
    pub(super) fn remove(&self, conn: &Connection) -> Result<(), Fail> {
        if self.in_file.load(Ordering::SeqCst) {
            // The copy that is made in passing may be large: not in memory.
            conn.pragma_update(None, "temp_store", "FILE")?;
            let made = conn.execute_batch("VACUUM");
            conn.pragma_update(None, "temp_store", "MEMORY")?;
            made?;
            self.in_file.store(false, Ordering::SeqCst);
        }
        if self.in_log.load(Ordering::SeqCst) {
            if !empty_log(conn)? {
                let why =
                    "a program that is reading it, such as a report, keeps the write-ahead log; it is tried again";
                return Err(Fail::Why(why.to_owned()));
            }
            self.in_log.store(false, Ordering::SeqCst);
        }
        Ok(())
    }
}

/// Empties the write-ahead log; `false`: somebody reads what is in it. Whoever copies it to the file at the same time, as our own
/// thread for that does, is through in a moment, and SQLite does not wait for them.
fn empty_log(conn: &Connection) -> Result<bool, Fail> {
    let end = Instant::now() + Duration::from_secs(1);
    loop {
        let busy: bool = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if !busy || Instant::now() >= end {
            return Ok(!busy);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
