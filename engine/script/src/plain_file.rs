//! Reads files that people name or drop into a folder, and never waits for what only looks like one.
//!
//! Start at [`text`].

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

/// What is said of a path at which no regular file is.
pub const NOT_PLAIN: &str = "this is not a regular file";
/// The way out of it.
pub(crate) const NOT_PLAIN_HINT: &str = "replace it by a plain text file";

/// Opens a regular file or what a link leads to; `None` where a folder, a pipe or a device is.
///
/// # Errors
/// When the system refuses.
pub fn open(path: &Path) -> io::Result<Option<File>> {
    // Asked before it is opened, since a device may act on that; and asked again, since it may have been replaced.
    if !fs::metadata(path)?.is_file() {
        return Ok(None);
    }
    // Opening a named pipe would wait for its writer.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    Ok(file.metadata()?.is_file().then_some(file))
}

/// The text of a regular file.
///
/// # Errors
/// When the system refuses, or it is no regular file or not UTF-8.
pub fn text(path: &Path) -> io::Result<String> {
    String::from_utf8(bytes(path)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The bytes of a regular file.
pub(crate) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = open(path)?.ok_or_else(|| io::Error::other(format!("{NOT_PLAIN}; {NOT_PLAIN_HINT}")))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}
