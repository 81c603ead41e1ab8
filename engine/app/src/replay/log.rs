//! One log file: read in blocks of whole lines, which are scanned in any order and counted up in theirs.
//!
//! Of a plain file only where a block ends is found in the order of the file; its bytes are read by the thread that scans it,
//! into that core's cache. Two cores took 59 ms for the quiet log of the benches so, and 67 when one read at a time (the best
//! tenth of twenty runs, 2026-11-23).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use heinzel_core::block::{Block, Shape, SourceId, StreamId};
use heinzel_core::findings::Findings;
use heinzel_core::time::Timestamp;
use heinzel_source::encoding;

use crate::clock;
use crate::live::Live;
use crate::pipeline::{Candidates, Lane, Manner, Scanned, Sequel, Way};

/// How much is read and scanned at once, in bytes: what a core's own cache holds.
const BLOCK: usize = 256 << 10;
/// How much of a block's end is looked at for a line end, in bytes; where there is none, all of the block is.
const END: usize = 4 << 10;
/// How much of a line is looked at for its time, in bytes.
const LOOKED_AT: usize = 4096;
/// A line longer than this is cut into pieces, in bytes.
const LONGEST_LINE: usize = 16 << 20;

/// One file, plain or compressed, or stdin (`-`).
pub(crate) struct Log {
    path: PathBuf,
    stream: StreamId,
    read_at: Timestamp,
    input: Input,
    /// Where the next block begins.
    offset: u64,
    /// What was read behind the last line end, where reading cannot begin anywhere.
    rest: Vec<u8>,
    ended: bool,
    lane: Lane,
}

/// Where the bytes come from.
enum Input {
    /// Can be read at any place, by any thread.
    Plain(Arc<File>),
    /// Is there once only: a pipe, or what is unpacked.
    Made(Box<dyn Read + Send>),
}

impl Input {
    /// Appends some bytes, about [`BLOCK`]; none: that was all. The first of `bytes` stand at `offset` in a file.
    fn append_to(&mut self, bytes: &mut Vec<u8>, offset: u64) -> io::Result<usize> {
        if bytes.capacity() - bytes.len() < BLOCK {
            // With room for what is left of a line, so that the next time need not grow; no more, or blocks would.
            bytes.reserve_exact(BLOCK + BLOCK / 16);
        }
        match self {
            Self::Plain(file) => read_on(file, bytes, offset),
            Self::Made(made) => made.take(BLOCK as u64).read_to_end(bytes),
        }
    }
}

/// Appends what follows, in one call, and into memory that need not be cleared first.
fn read_on(file: &File, bytes: &mut Vec<u8>, offset: u64) -> io::Result<usize> {
    loop {
        let at = offset + bytes.len() as u64;
        match rustix::io::pread(file, rustix::buffer::spare_capacity(bytes), at) {
            Err(rustix::io::Errno::INTR) => {}
            got => return Ok(got?),
        }
    }
}

/// A block that is next in its file, and how it is to be scanned. Its bytes may still have to be read.
pub(crate) struct Next {
    block: Block,
    way: Arc<Way>,
    /// So many bytes of this file.
    unread: Option<(Arc<File>, usize)>,
}

impl Next {
    /// The block with its bytes.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) fn read(self) -> io::Result<(Block, Arc<Way>)> {
        let Self { mut block, way, unread } = self;
        if let Some((file, length)) = unread {
            let bytes = &mut block.bytes;
            bytes.clear();
            bytes.reserve_exact(length);
            while bytes.len() < length && read_on(&file, bytes, block.offset)? > 0 {}
            bytes.truncate(length);
            // Cut short since its end was found.
            if bytes.last().is_some_and(|last| *last != b'\n') {
                bytes.push(b'\n');
            }
        }
        // As the sources do.
        if block.offset == 0 {
            block.bytes.drain(..encoding::mark_of(&block.bytes));
        }
        encoding::uncolour(&mut block.bytes, std::iter::empty());
        Ok((block, way))
    }
}

impl Log {
    /// Opens a file; `.gz` and `.zst` are unpacked.
    ///
    /// # Errors
    /// When it cannot be opened or its beginning is not what its name says.
    pub(crate) fn open(path: &Path, number: usize, manner: &Manner) -> anyhow::Result<Self> {
        let what = || format!("open {}", path.display());
        let name = path.display().to_string();
        let (input, read_at) = if name == "-" {
            (Input::Made(Box::new(io::stdin())), clock::now())
        } else {
            let file = File::open(path).with_context(what)?;
            let changed = file.metadata().and_then(|m| m.modified()).with_context(what)?;
            let read_at = jiff::Timestamp::try_from(changed).map_or_else(|_| clock::now(), Timestamp::from);
            let buffered = |file| BufReader::with_capacity(1 << 16, file);
            let input = match path.extension().and_then(|e| e.to_str()) {
                Some("gz") => Input::Made(Box::new(flate2::bufread::MultiGzDecoder::new(buffered(file)))),
                Some("zst") => Input::Made(Box::new(
                    ruzstd::decoding::StreamingDecoder::new(buffered(file))
                        .with_context(|| format!("unpack {name}: it does not begin like a .zst file; is it one?"))?,
                )),
                _ if file.metadata().is_ok_and(|of| of.is_file()) => Input::Plain(Arc::new(file)),
                _ => Input::Made(Box::new(file)),
            };
            (input, read_at)
        };
        let source = if number == 0 { "replay".into() } else { format!("replay-{number}") };
        let lane = Lane::of_old_lines(source.into(), manner.clone());
        let (path, stream) = (path.to_owned(), name.into());
        Ok(Self { path, stream, read_at, input, offset: 0, rest: Vec::new(), ended: false, lane })
    }

    /// The source that stands for it.
    pub(crate) fn source(&self) -> &SourceId {
        self.lane.source()
    }

    /// Nothing of it is counted up yet.
    pub(crate) fn tally(&self) -> Tally {
        Tally {
            path: self.path.clone(),
            bytes: 0,
            lines: 0,
            complaints: Vec::new(),
            refused: BTreeMap::new(),
            span: None,
            sequel: Sequel::of(&self.lane),
        }
    }

    /// The next block, in the memory of one that is done with; `None`: that was all.
    ///
    /// # Errors
    /// When it cannot be read or unpacked.
    pub(crate) fn next(&mut self, live: &Arc<Live>, spare: Vec<u8>) -> io::Result<Option<Next>> {
        if self.ended {
            return Ok(None);
        }
        let (bytes, unread) = match self.ends_after()? {
            Some((file, length)) => (spare, Some((file, length))),
            None => (self.whole_lines(spare)?, None),
        };
        let offset = self.offset;
        self.offset += unread.as_ref().map_or(bytes.len(), |(_, length)| *length) as u64;
        let block = Block {
            source: self.lane.source().clone(),
            stream: self.stream.clone(),
            offset,
            bytes,
            shape: Shape::Lines,
            checkpoint: None,
            read_at: self.read_at,
            ack: None,
        };
        let way = self.lane.way(live, &block.stream, &block.shape);
        Ok(Some(Next { block, way, unread }))
    }

    /// How long the next block of a plain file is, up to the last line end in it; `None`: reading it must say.
    fn ends_after(&self) -> io::Result<Option<(Arc<File>, usize)>> {
        let Input::Plain(file) = &self.input else { return Ok(None) };
        let (mut end, begin) = ([0; END], BLOCK - END);
        let read = loop {
            match rustix::io::pread(file, &mut end, self.offset + begin as u64) {
                Err(rustix::io::Errno::INTR) => {}
                read => break read?,
            }
        };
        let last = memchr::memrchr(b'\n', &end[..read]).filter(|_| read == END);
        Ok(last.map(|at| (file.clone(), begin + at + 1)))
    }

    /// The next bytes up to the last line end in them; at the end of the file, all of them.
    fn whole_lines(&mut self, mut bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        bytes.clear();
        bytes.append(&mut self.rest);
        loop {
            let from = bytes.len();
            if self.input.append_to(&mut bytes, self.offset)? == 0 {
                self.ended = true;
                if !bytes.is_empty() && !bytes.ends_with(b"\n") {
                    bytes.push(b'\n');
                }
                return Ok(bytes);
            }
            if let Some(end) = memchr::memrchr(b'\n', &bytes[from..]).map(|at| from + at + 1) {
                if matches!(self.input, Input::Made(_)) {
                    self.rest.extend_from_slice(&bytes[end..]);
                }
                bytes.truncate(end);
                return Ok(bytes);
            }
            if bytes.len() > LONGEST_LINE {
                bytes.push(b'\n');
                return Ok(bytes);
            }
        }
    }
}

/// What a block came to, by itself.
pub(crate) struct Came {
    scanned: Scanned,
    /// Its bytes, which are done with.
    pub(crate) spare: Vec<u8>,
    lines: u64,
    /// The times of its first and last line, as far as they have one.
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Came {
    /// Scans a block.
    pub(crate) fn of(block: Block, way: &Way, candidates: &mut Candidates) -> Self {
        let mut scanned = way.read(&block, false, candidates);
        let newlines = |bytes: &[u8]| bytecount::count(bytes, b'\n') as u64;
        let (mut at, mut line) = (0, 1);
        scanned.findings.number_lines(|place| {
            let place = usize::try_from(place - block.offset).unwrap_or(usize::MAX).min(block.bytes.len());
            line += newlines(&block.bytes[at..place]);
            at = place;
            line
        });
        let lines = line - 1 + newlines(&block.bytes[at..]);
        // Only lines that a rule may want are parsed; the clock also needs the others' times, of which the outermost do.
        let mut all = block.bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        let (first, last) = (all.next(), all.next_back());
        let time = |line: &[u8]| way.time(&line[..line.len().min(LOOKED_AT)], block.read_at);
        let (first, last) = (first.and_then(time), last.and_then(time));
        Self { scanned, spare: block.bytes, lines, first, last }
    }

    /// How much memory it takes, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.scanned.size() + self.spare.len()
    }
}

/// What the blocks of one file came to, counted up in their order.
pub(crate) struct Tally {
    path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) lines: u64,
    pub(crate) complaints: Vec<String>,
    pub(crate) refused: BTreeMap<String, u64>,
    /// The times of the first and the last line, as far as they have one.
    pub(crate) span: Option<(Timestamp, Timestamp)>,
    sequel: Sequel,
}

impl Tally {
    /// Counts a block, and gives what was found in it.
    pub(crate) fn add(&mut self, came: Came) -> (Findings, Vec<u8>) {
        let Came { mut scanned, spare, lines, first, last } = came;
        self.sequel.settle(&mut scanned);
        scanned.findings.add_to_lines(self.lines);
        self.lines += lines;
        if self.bytes == 0 && encoding::is_wide(&spare) == Some(true) {
            self.complaints.push(encoding::wide(&self.path));
        }
        self.bytes += spare.len() as u64;
        let last = last.or(first.filter(|_| self.span.is_none()));
        self.span = match (self.span, last) {
            (Some((start, end)), Some(last)) => Some((start, end.max(last))),
            (None, Some(last)) => Some((first.unwrap_or(last), last)),
            (span, None) => span,
        };
        for refused in scanned.refused {
            *self.refused.entry(refused.to_string()).or_default() += 1;
        }
        self.complaints.extend(scanned.complaints.into_iter().map(|c| c.text));
        (scanned.findings, spare)
    }

    /// Says what could not be read.
    pub(crate) fn failed(&self, error: io::Error) -> anyhow::Error {
        let path = self.path.display();
        let what = match self.path.extension().and_then(|e| e.to_str()) {
            Some(kind @ ("gz" | "zst")) => {
                format!(
                    "unpack {path}: it is no whole .{kind} file; is it cut off, or only named so? After {} lines",
                    self.lines
                )
            }
            _ => format!("read {path}"),
        };
        anyhow::Error::new(error).context(what)
    }
}
