//! What happens, line by line on stdout, from a thread of its own: a terminal that is stopped must not stop the engine.

use std::io::Write as _;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use heinzel_core::state::{Change, Entry};

use crate::text::plain;

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
/// How much of an entry's text a line shows, in bytes.
const SHOWN: usize = 400;

/// The way to the terminal.
#[derive(Debug)]
pub(crate) struct Console {
    show: Show,
    lines: SyncSender<String>,
    left_out: u64,
}

impl Console {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(crate) fn start(show: Show) -> std::io::Result<Self> {
        let (lines, written) = sync_channel(WAITING);
        std::thread::Builder::new().name("console".into()).spawn(move || write(&written))?;
        Ok(Self { show, lines, left_out: 0 })
    }

    /// Shows the entries among what has just been stored.
    pub(crate) fn show(&mut self, changes: &[Change]) {
        for change in changes {
            let Change::Entry(entry) = change else { continue };
            let mut line = self.words(entry);
            if self.left_out > 0 {
                line = format!(
                    "({} lines left out: the terminal was too slow; `heinzel audit show` has them)\n{line}",
                    self.left_out
                );
            }
            match self.lines.try_send(line) {
                Ok(()) => self.left_out = 0,
                Err(TrySendError::Full(_)) => self.left_out += 1,
                // The terminal is gone; the engine goes on.
                Err(TrySendError::Disconnected(_)) => {}
            }
        }
    }

    fn words(&self, entry: &Entry) -> String {
        match self.show {
            Show::Json => serde_json::to_string(entry).unwrap_or_default(),
            Show::Text => {
                let incident = entry.incident.map(|id| format!(" #{id}")).unwrap_or_default();
                format!("{}{incident} {}: {}", entry.at, entry.what, plain(&entry.text, SHOWN))
            }
        }
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
