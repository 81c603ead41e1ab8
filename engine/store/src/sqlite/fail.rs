//! From SQLite's errors to ours.

use std::io;
use std::path::Path;

use rusqlite::{Error, ErrorCode};

use super::file::place;
use crate::error::StoreError;

/// Why something failed, before it is said what was tried and where.
#[derive(Debug)]
pub(crate) enum Fail {
    Sql(Error),
    Io(io::Error),
    Json(serde_json::Error),
    Why(String),
    Known(StoreError),
}

impl From<Error> for Fail {
    fn from(error: Error) -> Self {
        Self::Sql(error)
    }
}

impl From<io::Error> for Fail {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<serde_json::Error> for Fail {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl Fail {
    /// Whether the file may be read but not written.
    pub(crate) fn is_forbidden(&self) -> bool {
        let Self::Sql(error) = self else { return false };
        matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied)
        )
    }

    /// The file is not what it should be, by our own look at it.
    pub(crate) fn corrupt(tried: &'static str, file: &Path, why: String) -> StoreError {
        StoreError::Corrupt { tried, place: place(file), why, behind: behind(file), cause: None }
    }

    /// Says what was tried, on which file.
    pub(crate) fn explain(self, tried: &'static str, file: &Path) -> StoreError {
        let place = place(file);
        let error = match self {
            Self::Known(error) => return error,
            Self::Why(why) => return StoreError::Other { tried, place, why, cause: None },
            Self::Json(error) => {
                let why = "a change cannot be written as JSON; this is a mistake in Heinzel".to_owned();
                return StoreError::Other { tried, place, why, cause: Some(Box::new(error)) };
            }
            Self::Io(error)
                if error.kind() == io::ErrorKind::StorageFull || error.kind() == io::ErrorKind::QuotaExceeded =>
            {
                return StoreError::Full { tried, place, cause: Box::new(error) };
            }
            Self::Io(error) => {
                let why = "the user that runs Heinzel must be able to write there".to_owned();
                return StoreError::Other { tried, place, why, cause: Some(Box::new(error)) };
            }
            Self::Sql(error) => error,
        };
        let code = error.sqlite_error_code();
        let cause = Box::new(error);
        let why = match code {
            Some(ErrorCode::DiskFull) => return StoreError::Full { tried, place, cause },
            // A full disk also shows as a failed sync, a failed growth of the index file or a file that cannot be made.
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) if is_full(file) => {
                return StoreError::Full { tried, place, cause };
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
                return StoreError::Locked { tried, place, cause };
            }
            Some(ErrorCode::DatabaseCorrupt) => {
                let why = "the database is damaged".to_owned();
                return StoreError::Corrupt { tried, place, why, behind: behind(file), cause: Some(cause) };
            }
            Some(ErrorCode::NotADatabase) => {
                let why = "this is not a database, or its beginning is damaged".to_owned();
                return StoreError::Corrupt { tried, place, why, behind: behind(file), cause: Some(cause) };
            }
            Some(ErrorCode::ReadOnly) => "it is open for reading only, or the user that runs Heinzel may not write it",
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                "the user that runs Heinzel must be able to read and write the file and its folder"
            }
            Some(ErrorCode::SystemIoFailure) => "the disk or file system reports an error; look into the kernel's log",
            _ => "the database refuses it",
        };
        StoreError::Other { tried, place, why: why.to_owned(), cause: Some(cause) }
    }
}

/// What is lost with a file.
fn behind(file: &Path) -> &'static str {
    if file.file_name().is_some_and(|name| name == crate::customers::FILE) {
        "customers, tickets and what was learned from drafts stay behind; nothing of the engine does"
    } else {
        "open incidents, unfinished repairs and the audit trail stay behind"
    }
}

/// Whether the file system is out of space (less than 1 MiB) or of files.
fn is_full(file: &Path) -> bool {
    free(file).is_some_and(|bytes| bytes < 1 << 20)
}

/// What may still be written there, in bytes; 0 when no more files can be made.
pub(crate) fn free(file: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(file.parent()?).ok()?;
    // Some file systems have no fixed number of files and report none at all.
    let out_of_files = found.f_files > 0 && found.f_favail == 0;
    Some(if out_of_files { 0 } else { found.f_bavail.saturating_mul(found.f_frsize) })
}
