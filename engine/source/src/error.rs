//! Why a source stopped reading.

use std::io;

use heinzel_process::stream::StreamError;

use crate::feed::Closed;

/// Why a source stopped reading. The supervisor shows it and tries again.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The engine stops; nothing is wrong.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// Something could not be read, opened or bound.
    #[error("{what}")]
    Io {
        /// What was tried, and on what.
        what: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A program could not be started.
    #[error(transparent)]
    Start(#[from] StreamError),
    /// Something is not as it must be; the text says what, and the way out.
    #[error("{0}")]
    Broken(String),
}

impl SourceError {
    /// An I/O error with what was tried.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// That the engine stops is no error of the source.
pub(crate) fn unless_closed(result: Result<(), SourceError>) -> Result<(), SourceError> {
    match result {
        Err(SourceError::Closed(_)) => Ok(()),
        other => other,
    }
}
