//! What happens, line by line on stdout, from a thread of its own: a terminal that is stopped must not stop the engine.

use std::io::Write as _;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use heinzel_core::state::{Change, Entry};

use crate::text::after_colon;

/// How what happens is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    /// One line an entry, for people.
    Text,
    /// One JSON object an entry.
    Json,
}

/// Lines that may wait for a slow terminal; what comes on top is left out and counted. The store has it all.
const WAITING: usize = 4096;
/// How long the last lines may take when stopping.
const FAREWELL: Duration = Duration::from_millis(500);
/// How much of an entry's text a line shows, in bytes.
const SHOWN: usize = 400;

/// The way to the terminal.
#[derive(Debug)]
pub(crate) struct Console {
    show: Show,
    /// `None` only while being dropped.
    lines: Option<SyncSender<String>>,
    written: Receiver<()>,
    left_out: u64,
}

impl Console {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(crate) fn start(show: Show) -> std::io::Result<Self> {
        let (lines, waiting) = sync_channel(WAITING);
        let (done, written) = sync_channel(1);
        std::thread::Builder::new().name("console".into()).spawn(move || {
            write(&waiting);
            drop(done);
        })?;
        Ok(Self { show, lines: Some(lines), written, left_out: 0 })
    }

    /// Shows the entries among what has just been stored.
    pub(crate) fn show(&mut self, changes: &[Change]) {
        for change in changes {
            let Change::Entry(entry) = change else { continue };
            let mut line = self.words(entry);
            if self.left_out > 0 {
                line = format!("{}\n{line}", self.gap());
            }
            let Some(lines) = &self.lines else { return };
            match lines.try_send(line) {
                Ok(()) => self.left_out = 0,
                Err(TrySendError::Full(_)) => self.left_out += 1,
                // The terminal is gone; the engine goes on.
                Err(TrySendError::Disconnected(_)) => {}
            }
        }
    }

    fn gap(&self) -> String {
        match self.show {
            Show::Json => format!("{{\"left_out\":{}}}", self.left_out),
            Show::Text => {
                format!("({} lines left out: the terminal was too slow; `heinzel audit show` has them)", self.left_out)
            }
        }
    }

    fn words(&self, entry: &Entry) -> String {
        match self.show {
            Show::Json => crate::text::json(entry).unwrap_or_default(),
            Show::Text => {
                let incident = entry.incident.map(|id| format!(" #{id}")).unwrap_or_default();
                format!("{}{incident} {}{}", entry.at, entry.what, after_colon(&entry.text, SHOWN))
            }
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        drop(self.lines.take());
        // Ends when the last line is written; a terminal that is stopped is not waited for.
        let _ = self.written.recv_timeout(FAREWELL);
    }
}

fn write(lines: &Receiver<String>) {
    while let Ok(line) = lines.recv() {
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}
