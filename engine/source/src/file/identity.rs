//! Which file it is, and how far it is read: what a file source's checkpoint says.
//!
//! Start at [`Mark`]. A path says little about a log: it is renamed, truncated, replaced, and inode numbers are used again.
//! So a mark holds device, inode, a hash of the file's first bytes and a hash of the bytes right before the offset.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use serde::{Deserialize, Serialize};

/// How many of a file's first bytes are hashed, at most.
pub(crate) const HEAD: usize = 256;
/// How many bytes before the offset are hashed, at most.
pub(crate) const TRAIL: usize = 64;
/// Heads shorter than this are too likely alike to tell, without looking for it, that a file is a copy of another.
const TELLING: usize = 32;
/// The version of [`State`].
const VERSION: u32 = 1;

/// A file as the kernel knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

/// What one look at a file's metadata says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) key: Key,
    pub(crate) size: u64,
    /// When it was last written, in nanoseconds since 1970.
    pub(crate) mtime_ns: i64,
}

impl Seen {
    pub(crate) fn of(meta: &Metadata) -> Self {
        Self {
            key: Key { device: meta.dev(), inode: meta.ino() },
            size: meta.len(),
            mtime_ns: meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec()),
        }
    }
}

/// How far one file is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    /// The first byte that is not delivered.
    pub(crate) offset: u64,
    /// Hash of the first `head_len` bytes.
    pub(crate) head: u64,
    pub(crate) head_len: usize,
    /// These bytes themselves: a copy shorter than `head_len` is recognised by all it has, since logs begin alike.
    #[serde(default, with = "latin")]
    pub(crate) begin: Vec<u8>,
    /// Hash of the `trail_len` bytes before `offset`.
    pub(crate) trail: u64,
    pub(crate) trail_len: usize,
    /// When the file was last written, as far as was seen.
    pub(crate) mtime_ns: i64,
    /// The offset lies inside a cut line, whose rest is to be skipped.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) skipping: bool,
    /// Read to its end and no longer open: it need not be found again.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) done: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// What a file turns out to be, compared with a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Likeness {
    /// It has all the bytes that were read, and perhaps more.
    Continues,
    /// It has the same beginning but is shorter than what was read: a copy made before the last bytes were written.
    Shorter,
    /// Another file.
    Other,
}

impl Mark {
    /// Of a file that is nowhere, last written at `mtime_ns`, of which not a byte was seen.
    pub(crate) fn nowhere(mtime_ns: i64) -> Self {
        let nothing = hash(&[]);
        Self {
            device: u64::MAX,
            inode: u64::MAX,
            offset: 0,
            head: nothing,
            head_len: 0,
            begin: Vec::new(),
            trail: nothing,
            trail_len: 0,
            mtime_ns,
            skipping: false,
            done: false,
        }
    }

    pub(crate) fn key(&self) -> Key {
        Key { device: self.device, inode: self.inode }
    }

    /// Whether `file` (of `size` bytes) still is what this mark was made from, by its bytes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn compare(&self, file: &File, size: u64) -> io::Result<Likeness> {
        if size < self.head_len as u64 {
            let all = bytes_at(file, 0, self.head_len)?;
            let is_copy = !all.is_empty() && size < self.offset && self.begin.starts_with(&all);
            return Ok(if is_copy { Likeness::Shorter } else { Likeness::Other });
        }
        if hash(&bytes_at(file, 0, self.head_len)?) != self.head {
            return Ok(Likeness::Other);
        }
        if size < self.offset {
            return Ok(if self.has_bytes() { Likeness::Shorter } else { Likeness::Other });
        }
        let trail = bytes_at(file, self.offset.saturating_sub(self.trail_len as u64), self.trail_len)?;
        Ok(if hash(&trail) == self.trail { Likeness::Continues } else { Likeness::Other })
    }

    /// Whether not a byte of the file was seen.
    pub(crate) fn is_empty(&self) -> bool {
        self.offset == 0 && self.head_len == 0
    }

    /// Whether a byte is known that a copy can be looked for by.
    pub(crate) fn has_bytes(&self) -> bool {
        self.head_len > 0
    }

    /// Whether its first bytes are enough to take whatever begins with them for a copy.
    pub(crate) fn is_telling(&self) -> bool {
        self.head_len >= TELLING
    }
}

/// Bytes as text, a character each: of most logs it is what they say.
mod latin {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) if text.is_ascii() => Cow::Borrowed(text),
            _ => bytes.iter().copied().map(char::from).collect(),
        };
        serializer.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.chars().map(u8::try_from).collect::<Result<_, _>>().map_err(serde::de::Error::custom)
    }
}

/// A stream's checkpoint: the files that its path has named, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    v: u32,
    /// Empty: the path named no file yet, so whatever appears is new.
    pub(crate) files: Vec<Mark>,
}

impl State {
    pub(crate) fn new(files: Vec<Mark>) -> Self {
        Self { v: VERSION, files }
    }

    /// Stands for a checkpoint that cannot be read: one file that is nowhere to be found.
    pub(crate) fn unusable() -> Self {
        Self::new(vec![Mark { offset: 1, ..Mark::nowhere(i64::MAX) }])
    }

    /// Reads a checkpoint's text. `None`: damaged, or of another version.
    pub(crate) fn read(text: &str) -> Option<Self> {
        serde_json::from_str::<Self>(text).ok().filter(|state| state.v == VERSION)
    }

    pub(crate) fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Up to `len` bytes of `file` from `offset` on; fewer where the file ends.
pub(crate) fn bytes_at(file: &File, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    let mut got = 0;
    while got < len {
        match file.read_at(&mut bytes[got..], offset + got as u64) {
            Ok(0) => break,
            Ok(read) => got += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(got);
    Ok(bytes)
}

/// FNV-1a, 64 bits: stable across versions, which the standard library's hasher is not. It tells files apart, it protects
/// nothing.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}
