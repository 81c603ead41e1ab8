//! One log file: read in blocks of whole lines, which are scanned in any order and counted up in theirs.

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
    /// What was read behind the last line end.
    rest: Vec<u8>,
    ended: bool,
    lane: Lane,
}

/// Where the bytes come from.
enum Input {
    Plain(File),
    Made(Box<dyn Read + Send>),
}

impl Input {
    /// Appends some bytes, about [`BLOCK`]; none: that was all.
    fn append_to(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        if bytes.capacity() - bytes.len() < BLOCK {
            // With room for what is left of a line, so that the next time need not grow; no more, or blocks would.
            bytes.reserve_exact(BLOCK + BLOCK / 16);
        }
        match self {
            // In one call, and into memory that need not be cleared first.
            Self::Plain(file) => loop {
                match rustix::io::read(&*file, rustix::buffer::spare_capacity(bytes)) {
                    Err(rustix::io::Errno::INTR) => {}
                    got => return Ok(got?),
                }
            },
            Self::Made(made) => made.take(BLOCK as u64).read_to_end(bytes),
        }
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
                _ => Input::Plain(file),
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

    /// The next block, in the memory of one that is done with, and how it is to be scanned; `None`: that was all.
    ///
    /// # Errors
    /// When it cannot be read or unpacked.
    pub(crate) fn block(&mut self, live: &Arc<Live>, spare: Vec<u8>) -> io::Result<Option<(Block, Arc<Way>)>> {
        if self.ended {
            return Ok(None);
        }
        let mut bytes = self.whole_lines(spare)?;
        let offset = self.offset;
        self.offset += bytes.len() as u64;
        // As the sources do.
        if offset == 0 {
            bytes.drain(..encoding::mark_of(&bytes));
        }
        encoding::uncolour(&mut bytes, std::iter::empty());
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
        Ok(Some((block, way)))
    }

    /// The next bytes up to the last line end in them; at the end of the file, all of them.
    fn whole_lines(&mut self, mut bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        bytes.clear();
        bytes.append(&mut self.rest);
        loop {
            let from = bytes.len();
            if self.input.append_to(&mut bytes)? == 0 {
                self.ended = true;
                if !bytes.is_empty() && !bytes.ends_with(b"\n") {
                    bytes.push(b'\n');
                }
                return Ok(bytes);
            }
            if let Some(end) = memchr::memrchr(b'\n', &bytes[from..]).map(|at| from + at + 1) {
                self.rest.extend_from_slice(&bytes[end..]);
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
