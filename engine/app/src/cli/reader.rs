//! The store, opened for reading beside a running engine.

use std::path::Path;
use std::time::Duration;

use heinzel_store::sqlite::Sqlite;

use crate::exit::{Ends, Exit};

/// How long a reader waits for the writer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Opens the store for reading.
///
/// # Errors
/// When there is none yet, or it cannot be read.
pub(super) fn open(state: &Path) -> anyhow::Result<Sqlite> {
    if !state.join(heinzel_store::sqlite::FILE).exists() {
        let text = format!("there is no store in {} yet; `heinzel run` makes one", state.display());
        return Err(Ends::with(Exit::Engine, text));
    }
    Ok(Sqlite::open_read_only(state, PATIENCE)?)
}
