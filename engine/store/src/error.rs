//! What can go wrong with a store, by what the caller can do about it.

/// The underlying error. Boxed, so that every back end's own error fits behind one trait.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What can go wrong with a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No space. Passing.
    #[error("{tried} {place}: no space left on its file system; free some")]
    Full {
        /// What was tried.
        tried: &'static str,
        /// Which store.
        place: String,
        /// Why.
        #[source]
        cause: Cause,
    },
    /// Someone else holds it. Passing.
    #[error("{tried} {place}: another program has locked it; end that program (`fuser -v {place}` names it)")]
    Locked {
        /// What was tried.
        tried: &'static str,
        /// Which store.
        place: String,
        /// Why.
        #[source]
        cause: Cause,
    },
    /// It was removed, moved or replaced while it was open. Passing, since it may be put back.
    #[error(
        "{tried} {place}: {} is no longer the file that this engine opened; put it back, or stop this engine and start it anew",
        file.display()
    )]
    Gone {
        /// What was tried.
        tried: &'static str,
        /// Which store.
        place: String,
        /// Which file of it.
        file: std::path::PathBuf,
    },
    /// It is not what it should be.
    #[error(
        "{tried} {place}: {why}; stop Heinzel and restore the file from a backup, or move it away together with its \
         `-wal` and `-shm` files to start anew ({behind})"
    )]
    Corrupt {
        /// What was tried.
        tried: &'static str,
        /// Which store.
        place: String,
        /// What is wrong.
        why: String,
        /// What is lost when it is moved away.
        behind: &'static str,
        /// Why, where there is an underlying error.
        #[source]
        cause: Option<Cause>,
    },
    /// A newer Heinzel wrote it.
    #[error(
        "open {place}: written by a newer Heinzel (format {found}, this one knows up to {known}); install that version \
         again, or restore the backup from before the upgrade"
    )]
    Newer {
        /// Which store.
        place: String,
        /// Its format.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// One row cannot be read.
    #[error("read {table} {key} in {place}: {why}")]
    Unreadable {
        /// Which store.
        place: String,
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
        /// Why.
        why: String,
    },
    /// The effect may not be performed: nothing in the store says that it waits.
    #[error("start effect {effect}: in {place} it is unknown or already over; it is not performed")]
    NotWaiting {
        /// Which store.
        place: String,
        /// The effect.
        effect: String,
    },
    /// Anything else.
    #[error("{tried} {place}: {why}")]
    Other {
        /// What was tried.
        tried: &'static str,
        /// Which store.
        place: String,
        /// What went wrong, and the way out where there is one.
        why: String,
        /// Why, where there is an underlying error.
        #[source]
        cause: Option<Cause>,
    },
}

impl StoreError {
    /// Whether it goes away by itself or by the operator's doing while Heinzel runs: the very same call may then be made
    /// again.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Locked { .. } | Self::Gone { .. })
    }
}
