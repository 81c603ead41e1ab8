//! What a file holds: as it is, or as gzip has packed it.
//!
//! Start at [`Content::read_at`]. A packed file is read once, from its beginning to its end: it does not grow. No more than a limit is
//! unpacked of it, so that one which unpacks without end ends nevertheless; and it never lies in memory as a whole.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::identity::{HEAD, Mark, Seen, TRAIL, hash};

/// What is read.
#[derive(Debug)]
pub(crate) enum Content {
    /// The file's own bytes.
    Plain(File),
    /// What gzip has packed into it.
    Packed(Box<Packed>),
}

impl From<File> for Content {
    fn from(file: File) -> Self {
        Self::Plain(file)
    }
}

impl From<Packed> for Content {
    fn from(packed: Packed) -> Self {
        Self::Packed(Box::new(packed))
    }
}

impl Content {
    /// Reads what lies at `position`; of a packed file that must be where the last reading ended.
    ///
    /// # Errors
    /// When a file's own bytes cannot be read. What breaks in a packed one ends it ([`Content::take_trouble`]).
    pub(crate) fn read_at(&mut self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read_at(buffer, position),
            Self::Packed(packed) => Ok(packed.read(buffer, position)),
        }
    }

    /// Looks at the file's metadata. How long a packed file is turns out at its end only.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(crate) fn seen(&self) -> io::Result<Seen> {
        match self {
            Self::Plain(file) => file.metadata().map(|meta| Seen::of(&meta)),
            Self::Packed(packed) => Ok(packed.seen),
        }
    }

    /// What broke since this was last asked, and where lines may be missing.
    pub(crate) fn take_trouble(&mut self) -> Option<String> {
        match self {
            Self::Plain(_) => None,
            Self::Packed(packed) => packed.trouble.take(),
        }
    }
}

/// A file that gzip has packed.
#[derive(Debug)]
pub(crate) struct Packed {
    path: PathBuf,
    seen: Seen,
    unpacked: io::Take<MultiGzDecoder<BufReader<File>>>,
    /// How much of it is unpacked at most, in bytes.
    most: u64,
    /// Nothing more is read.
    ended: bool,
    trouble: Option<String>,
}

/// A packed file that goes on behind a mark.
#[derive(Debug)]
pub(crate) struct Unpacked {
    pub(crate) packed: Packed,
    /// Its first bytes.
    pub(crate) head: Vec<u8>,
    /// The bytes right before the mark.
    pub(crate) trail: Vec<u8>,
}

impl Packed {
    /// Reads up to `most` bytes, from the beginning.
    pub(crate) fn new(path: &Path, file: File, seen: &Seen, most: u64) -> Self {
        // One byte more, to see that there is more.
        let unpacked = MultiGzDecoder::new(BufReader::new(file)).take(most + 1);
        let seen = Seen { size: u64::MAX, ..*seen };
        Self { path: path.to_owned(), seen, unpacked, most, ended: false, trouble: None }
    }

    /// The same, read on from `mark`, if it is what the mark was made from: by its first bytes and those before the mark.
    ///
    /// # Errors
    /// When it cannot be unpacked up to there.
    pub(crate) fn from_mark(
        path: &Path,
        file: &File,
        seen: &Seen,
        mark: &Mark,
        most: u64,
    ) -> io::Result<Option<Unpacked>> {
        let begin = || -> io::Result<Self> {
            let mut file = file.try_clone()?;
            io::Seek::rewind(&mut file)?;
            Ok(Self::new(path, file, seen, most))
        };
        if !mark.has_bytes() || hash(&begin()?.exactly(mark.head_len as u64)?) != mark.head {
            return Ok(None);
        }
        let mut packed = begin()?;
        let head = packed.exactly(mark.offset.min(HEAD as u64))?;
        let trail_at = mark.offset - mark.offset.min(TRAIL as u64);
        let trail = if trail_at < head.len() as u64 {
            let known = &head[usize::try_from(trail_at).unwrap_or(0)..];
            [known, &packed.exactly(mark.offset - head.len() as u64)?].concat()
        } else {
            let between = trail_at - head.len() as u64;
            if io::copy(&mut packed.unpacked.by_ref().take(between), &mut io::sink())? < between {
                return Ok(None);
            }
            packed.exactly(mark.offset - trail_at)?
        };
        let marked = trail.len().checked_sub(mark.trail_len).map(|from| hash(&trail[from..]));
        Ok((marked == Some(mark.trail)).then_some(Unpacked { packed, head, trail }))
    }

    /// The next `count` bytes, or all there are.
    fn exactly(&mut self, count: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.unpacked.by_ref().take(count).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Fills `buffer`, unless it ends or breaks before.
    fn read(&mut self, buffer: &mut [u8], position: u64) -> usize {
        let mut read = 0;
        while read < buffer.len() && !self.ended {
            match self.unpacked.read(&mut buffer[read..]) {
                Ok(0) if self.unpacked.limit() == 0 => {
                    self.break_off(position + read as u64, &format!("it holds more than {} bytes", self.most));
                }
                Ok(0) => self.ended = true,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.break_off(position + read as u64, &error.to_string()),
            }
        }
        read
    }

    fn break_off(&mut self, at: u64, why: &str) {
        self.ended = true;
        let path = self.path.display();
        self.trouble = Some(format!(
            "unpack {path}: {why}; from byte {at} of what is in it on, lines may be missing; look at them with `heinzel replay {path}`"
        ));
    }
}
