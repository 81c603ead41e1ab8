//! Log files as streams of findings, merged by time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use heinzel_core::block::{Block, Shape, SourceId, StreamId};
use heinzel_core::event::Clock;
use heinzel_core::findings::{Claim, Findings};
use heinzel_core::time::Timestamp;

use crate::clock;
use crate::live::Live;
use crate::pipeline::{Candidates, Lane, Manner, Sequel, parse_line};

/// How much is read and scanned at once, in bytes.
const BLOCK: usize = 1 << 20;
/// How much of a line is looked at for its time, in bytes.
const LOOKED_AT: usize = 4096;
/// A line longer than this is cut into pieces, in bytes.
const LONGEST_LINE: usize = 16 << 20;

/// One file, plain or compressed, or stdin (`-`).
pub(crate) struct Log {
    pub(crate) bytes: u64,
    pub(crate) lines: u64,
    pub(crate) complaints: Vec<String>,
    pub(crate) refused: BTreeMap<String, u64>,
    path: PathBuf,
    stream: StreamId,
    read_at: Timestamp,
    input: Box<dyn Read>,
    /// What was read behind the last line end.
    rest: Vec<u8>,
    /// The memory of the block before.
    spare: Vec<u8>,
    ended: bool,
    lane: Lane,
    sequel: Sequel,
    candidates: Candidates,
    /// What the last block came to, and how much of it was given.
    ready: Findings,
    given: usize,
    /// The times of the first and the last line, as far as they have one.
    span: Option<(Timestamp, Timestamp)>,
}

impl Log {
    /// Opens a file; `.gz` and `.zst` are unpacked.
    ///
    /// # Errors
    /// When it cannot be opened or its beginning is not what its name says.
    pub(crate) fn open(path: &Path, number: usize, manner: &Manner) -> anyhow::Result<Self> {
        let what = || format!("open {}", path.display());
        let name = path.display().to_string();
        let (input, read_at): (Box<dyn Read>, Timestamp) = if name == "-" {
            (Box::new(std::io::stdin()), clock::now())
        } else {
            let file = File::open(path).with_context(what)?;
            let changed = file.metadata().and_then(|m| m.modified()).with_context(what)?;
            let read_at = jiff::Timestamp::try_from(changed).map_or_else(|_| clock::now(), Timestamp::from);
            let buffered = |file| BufReader::with_capacity(1 << 16, file);
            let input: Box<dyn Read> = match path.extension().and_then(|e| e.to_str()) {
                Some("gz") => Box::new(flate2::bufread::MultiGzDecoder::new(buffered(file))),
                Some("zst") => Box::new(
                    ruzstd::decoding::StreamingDecoder::new(buffered(file))
                        .with_context(|| format!("unpack {name}: it does not begin like a .zst file; is it one?"))?,
                ),
                _ => Box::new(file),
            };
            (input, read_at)
        };
        let source = if number == 0 { "replay".into() } else { format!("replay-{number}") };
        let lane = Lane::of_old_lines(source.into(), manner.clone());
        let stream: StreamId = name.into();
        Ok(Self {
            bytes: 0,
            lines: 0,
            complaints: Vec::new(),
            refused: BTreeMap::new(),
            path: path.to_owned(),
            ready: Findings::new(lane.source().clone(), stream.clone(), read_at),
            stream,
            read_at,
            input,
            rest: Vec::new(),
            spare: Vec::new(),
            ended: false,
            sequel: Sequel::of(&lane),
            candidates: Candidates::default(),
            given: 0,
            lane,
            span: None,
        })
    }

    /// The next finding.
    fn head(&self) -> Option<Claim<'_>> {
        self.ready.get(self.given)
    }

    /// Reads on until there is a finding or the end.
    fn fill(&mut self, live: &Arc<Live>, read: &dyn Fn(u64)) -> anyhow::Result<()> {
        while self.given >= self.ready.len() && !self.ended {
            let bytes = self.whole_lines()?;
            read(bytes.len() as u64);
            let offset = self.bytes;
            self.bytes += bytes.len() as u64;
            let first_line = self.lines;
            let newlines = |bytes: &[u8]| memchr::memchr_iter(b'\n', bytes).count() as u64;
            self.lines += newlines(&bytes);
            self.look_at_times(&bytes);
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
            let mut scanned = self.lane.way(live).read(&block, false, &mut self.candidates);
            self.sequel.settle(&mut scanned);
            let (mut at, mut line) = (0, first_line + 1);
            scanned.findings.number_lines(|place| {
                let place = usize::try_from(place - offset).unwrap_or(usize::MAX).min(block.bytes.len());
                line += newlines(&block.bytes[at..place]);
                at = place;
                line
            });
            (self.ready, self.given) = (scanned.findings, 0);
            for refused in scanned.refused {
                *self.refused.entry(refused.to_string()).or_default() += 1;
            }
            self.complaints.extend(scanned.complaints.into_iter().map(|c| c.text));
            self.spare = block.bytes;
        }
        Ok(())
    }

    fn what(&self) -> String {
        let path = self.path.display();
        match self.path.extension().and_then(|e| e.to_str()) {
            Some(kind @ ("gz" | "zst")) => {
                format!(
                    "unpack {path}: it is no whole .{kind} file; is it cut off, or only named so? After {} lines",
                    self.lines
                )
            }
            _ => format!("read {path}"),
        }
    }

    /// Only lines that a rule may want are parsed; the clock also needs the others' times, of which the outermost do.
    fn look_at_times(&mut self, bytes: &[u8]) {
        let mut lines = bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        let (first, last) = (lines.next(), lines.next_back());
        let time = |line: &[u8]| {
            let line = String::from_utf8_lossy(&line[..line.len().min(LOOKED_AT)]);
            let event = parse_line(self.lane.manner(), self.lane.source(), &line, self.read_at);
            (event.clock == Clock::Own).then_some(event.time)
        };
        let first = first.filter(|_| self.span.is_none()).and_then(time);
        let last = last.and_then(time).or(first);
        self.span = match (self.span, first, last) {
            (Some((start, end)), _, Some(last)) => Some((start, end.max(last))),
            (None, first, Some(last)) => Some((first.unwrap_or(last), last)),
            (span, ..) => span,
        };
    }

    /// The next bytes up to the last line end in them; at the end of the file, all of them.
    fn whole_lines(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = std::mem::take(&mut self.spare);
        bytes.clear();
        bytes.append(&mut self.rest);
        loop {
            let from = bytes.len();
            // One byte more than is wanted, so that the end of the wanted is no reason to grow.
            bytes.reserve(BLOCK + 1);
            let wanted = (&mut self.input).take(BLOCK as u64);
            let got = { wanted }.read_to_end(&mut bytes).with_context(|| self.what())?;
            if got == 0 {
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

/// Several files as one stream of findings, the earliest first.
pub(crate) struct Merge(Vec<Log>);

impl Merge {
    pub(crate) fn new(logs: Vec<Log>) -> Self {
        Self(logs)
    }

    /// Reads on where there is nothing to give.
    ///
    /// # Errors
    /// When a file cannot be read; the message names it.
    pub(crate) fn fill(&mut self, live: &Arc<Live>, read: &dyn Fn(u64)) -> anyhow::Result<()> {
        self.0.iter_mut().try_for_each(|log| log.fill(live, read))
    }

    /// The next finding of all files.
    ///
    /// # Errors
    /// When a file cannot be read; the message names it.
    pub(crate) fn next(&mut self, live: &Arc<Live>, read: &dyn Fn(u64)) -> anyhow::Result<Option<Claim<'_>>> {
        self.fill(live, read)?;
        let head = |log: &&mut Log| log.head().map_or(Timestamp::MAX, |finding| finding.time);
        let Some(log) = self.0.iter_mut().min_by_key(head) else { return Ok(None) };
        log.given += 1;
        Ok(log.ready.get(log.given - 1))
    }

    /// The time of the first line.
    pub(crate) fn first_time(&self) -> Option<Timestamp> {
        self.0.iter().filter_map(|log| log.span.map(|(first, _)| first)).min()
    }

    /// The time of the last line.
    pub(crate) fn last_time(&self) -> Option<Timestamp> {
        self.0.iter().filter_map(|log| log.span.map(|(_, last)| last)).max()
    }

    /// The sources that stand for the files.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &SourceId> {
        self.0.iter().map(|log| log.lane.source())
    }

    pub(crate) fn into_logs(self) -> Vec<Log> {
        self.0
    }
}
