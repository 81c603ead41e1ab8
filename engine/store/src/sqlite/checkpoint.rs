//! Writes the write-ahead log back into the database, beside the way of the commits.
//!
//! SQLite would do it inside the commit that makes the log long enough: then one commit in a hundred, and the fix that
//! waits for it, takes several times as long. Here a thread with a connection of its own does it (`PASSIVE`: it waits for
//! nobody and stops nobody), and the commits go on.

use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::{Connection, OpenFlags};

use super::fail::Fail;
use super::file::{connect, place};

/// The log is written back when it has so many pages; SQLite's own number.
const PAGES: i32 = 1000;

/// The thread that writes the log back. Dropping it waits for it to end.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    /// Taken away when dropped: the thread's loop ends with it.
    bell: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread and lets `conn` tell it when the log is long. Without it SQLite's own way stays.
    pub(crate) fn start(conn: &mut Connection, file: &Path) -> Result<Self, Fail> {
        let own = connect(file, OpenFlags::SQLITE_OPEN_READ_WRITE, std::time::Duration::ZERO)?;
        // One ring is enough: whoever rings while it works is answered by the next ring at the latest.
        let (bell, rings) = sync_channel::<()>(1);
        let shown = place(file);
        let work = move || {
            for () in rings {
                if let Err(error) = own.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
                    // The log stays as it is, only longer; the next commit rings again.
                    tracing::debug!(store = shown, %error, "the write-ahead log could not be written back");
                }
            }
        };
        let thread = std::thread::Builder::new().name("checkpoint".into()).spawn(work).map_err(Fail::from)?;
        let ring = bell.clone();
        conn.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
            if pages >= PAGES {
                let _ = ring.try_send(());
            }
            Ok(())
        }))?;
        Ok(Self { bell: Some(bell), thread: Some(thread) })
    }

    /// Ends the thread. The hook of the other connection must be gone by then, since it holds a bell as well.
    pub(crate) fn stop(&mut self, conn: &mut Connection) {
        let _ = conn.wal_hook(None::<fn(&mut rusqlite::hooks::Wal, i32) -> rusqlite::Result<()>>);
        self.bell = None;
        if let Some(thread) = self.thread.take() {
            // A panic there is in the log already; nothing hangs on the thread.
            let _ = thread.join();
        }
    }
}
