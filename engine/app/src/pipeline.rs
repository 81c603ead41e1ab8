//! From a block to findings: decode, scan, parse the candidates, match, type the captures.
//!
//! One [`Lane`] a source; start at [`Way::read`]. The same code runs in production, `replay`, `test` and `explain`; only where
//! the blocks come from differs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use heinzel_core::block::{Block, Record, Shape, SourceId, StreamId};
use heinzel_core::clock::{self, ClockComplaint, ClockPolicy, ClockWatch};
use heinzel_core::event::{Clock, Event, Stamp};
use heinzel_core::finding::{Refused, Role};
use heinzel_core::findings::Findings;
use heinzel_core::parse::{self, Context, Format, Read, Reader, parse, programs};
use heinzel_core::rule::Rule;
use heinzel_core::task::Task;
use heinzel_core::time::Timestamp;
use heinzel_core::trigger::Trigger;
use heinzel_matching::{Message, Names, PatternId, View};
use heinzel_source::cron::{cron_task, is_cron};
use jiff::tz::TimeZone;

use crate::live::Live;
pub(crate) use candidates::Candidates;

mod candidates;

/// How one source's records are to be read.
#[derive(Clone, Debug)]
pub(crate) struct Manner {
    /// How lines are written.
    pub(crate) format: Format,
    /// The zone of times that name none.
    pub(crate) zone: TimeZone,
    /// The year of times that name none.
    pub(crate) year: Option<i16>,
    /// The program, where the operator says it.
    pub(crate) program: Option<String>,
    /// Whether customers can write there.
    pub(crate) customers: bool,
}

/// What a block came to.
#[derive(Debug)]
pub(crate) struct Scanned {
    /// In the order of the records.
    pub(crate) findings: Findings,
    /// Matches whose captures did not fit their types.
    pub(crate) refused: Vec<Refused>,
    /// Wrong clocks, each said once.
    pub(crate) complaints: Vec<ClockComplaint>,
    /// Records that were parsed because a rule might want them.
    pub(crate) candidates: u64,
    /// Where the first record with a time of its own stands, and the last such time.
    dated: Option<(u64, Timestamp)>,
}

impl Scanned {
    /// Nothing was found in this block, yet.
    pub(crate) fn nothing(block: &Block) -> Self {
        let findings = Findings::new(block.source.clone(), block.stream.clone(), block.read_at);
        Self { findings, refused: Vec::new(), complaints: Vec::new(), candidates: 0, dated: None }
    }

    /// How much memory it takes, in bytes, as far as it grows with the block.
    pub(crate) fn size(&self) -> usize {
        self.findings.size() + self.refused.len() * size_of::<Refused>()
    }

    /// Takes in what a later part of the same block came to.
    pub(crate) fn append(&mut self, later: Self) {
        self.findings.append(&later.findings);
        self.refused.extend(later.refused);
        self.complaints.extend(later.complaints);
        self.candidates += later.candidates;
        self.dated = match (self.dated, later.dated) {
            (Some((first, _)), Some((_, last))) => Some((first, last)),
            (one, other) => one.or(other),
        };
    }
}

/// How the blocks of one source are read with the rules in force. The same for all its blocks, so that several of them can
/// be read at a time.
#[derive(Debug)]
pub(crate) struct Way {
    source: SourceId,
    manner: Manner,
    /// Lines without a time count at the time of the line before them, not at the time of reading.
    old: bool,
    live: Arc<Live>,
    view: View,
}

/// One source, and how it is read.
#[derive(Debug)]
pub(crate) struct Lane {
    source: SourceId,
    manner: Manner,
    old: bool,
    /// Whether the source is read to its end: only then an old line means a wrong clock.
    live: bool,
    /// By stream, where that decides which rules apply.
    ways: BTreeMap<Option<StreamId>, Arc<Way>>,
}

/// So many streams of a source have a way of their own; the others share one.
const WAYS: usize = 64;

impl Lane {
    /// The lane of a source.
    pub(crate) fn new(source: SourceId, manner: Manner) -> Self {
        Self { source, manner, old: false, live: false, ways: BTreeMap::new() }
    }

    /// A lane for lines that were written long ago.
    pub(crate) fn of_old_lines(source: SourceId, manner: Manner) -> Self {
        Self { old: true, ..Self::new(source, manner) }
    }

    /// The source's name.
    pub(crate) fn source(&self) -> &SourceId {
        &self.source
    }

    /// Everything written so far has been read.
    pub(crate) fn caught_up(&mut self) {
        self.live = true;
    }

    /// Whether everything written has been read.
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    /// How blocks of a stream are read with these rules.
    pub(crate) fn way(&mut self, live: &Arc<Live>, stream: &StreamId, shape: &Shape) -> Arc<Way> {
        if self.ways.values().next().is_some_and(|way| !Arc::ptr_eq(&way.live, live)) {
            self.ways.clear();
        }
        // Records from elsewhere say by themselves what program they are from; so do the lines of most formats.
        let programs = programs(self.manner.format).filter(|_| matches!(shape, Shape::Lines));
        let own = programs.filter(|_| self.ways.contains_key(&Some(stream.clone())) || self.ways.len() < WAYS);
        let key = own.map(|_| stream.clone());
        if let Some(way) = self.ways.get(&key) {
            return way.clone();
        }
        let (source, manner) = (self.source.clone(), self.manner.clone());
        let names: Option<Vec<&str>> = own.map(|programs| match manner.program.as_deref() {
            Some(program) => vec![program],
            None => tags(stream).into_iter().chain(programs.iter().copied()).collect(),
        });
        let names = names.as_ref().map(|names| Names { tags: names, ..Names::default() });
        let view = live.matcher.view(&source, names.as_ref()).with_message(message(manner.format));
        let way = Arc::new(Way { source, manner, old: self.old, live: live.clone(), view });
        self.ways.insert(key, way.clone());
        way
    }
}

/// How messages stand in lines of this format.
fn message(format: Format) -> Message {
    match format {
        Format::Plain => Message::Whole,
        Format::Auto | Format::Json | Format::Logfmt => Message::Part,
        _ => Message::End,
    }
}

impl Way {
    /// Reads a block; `is_live`: what it holds is fresh. What depends on the blocks before it is put right by a [`Sequel`].
    pub(crate) fn read(&self, block: &Block, is_live: bool, candidates: &mut Candidates) -> Scanned {
        let context = Context { zone: self.manner.zone.clone(), read_at: block.read_at, year: self.manner.year };
        let reader = Reader::new(self.manner.format, &context);
        candidates.find(&self.view, block, self.manner.format, self.live.wants_cron, |line, messages| {
            messages.extend_from_slice(reader.read(line).message.as_bytes());
        });
        let program = self.manner.program.as_deref();
        let tags = if program.is_some() { Vec::new() } else { tags(&block.stream) };
        let seer = Seer { source: &self.source, live: &self.live, view: &self.view, program, tags: &tags };
        let (policy, mut watch) = (ClockPolicy::default(), ClockWatch::default());
        let mut scanned = Scanned::nothing(block);
        let mut stamps = Stamps::of(&block.shape);
        for (range, patterns) in candidates.iter() {
            scanned.candidates += 1;
            let stamp = stamps.at(range.start);
            let offset = block.offset + range.start as u64;
            let text = without_end(block.bytes.get(range).unwrap_or_default());
            let read = match stamp {
                Some(stamp) => Read { header: stamp.into(), message: parse::text(text) },
                None => reader.read(text),
            };
            let mut event = event(&self.source, read, block.read_at);
            if stamp.is_none() && program.is_some() {
                // The operator says who writes here, instead of the lines.
                event.header.unit = None;
            }
            event.header.by_customer |= self.manner.customers;
            (event.stream, event.offset) = (&block.stream, offset);
            scanned.complaints.extend(watch.look(&event, is_live, &policy));
            if event.clock == Clock::Own {
                let first = scanned.dated.map_or(offset, |(first, _)| first);
                scanned.dated = Some((first, event.time));
            } else if let Some((_, last)) = scanned.dated.filter(|_| self.old) {
                event.time = last;
            }
            seer.see(&event, patterns, &mut scanned.findings, &mut scanned.refused);
        }
        scanned
    }
}

impl Way {
    /// The time that a line itself gives, where it can be relied on.
    pub(crate) fn time(&self, line: &[u8], read_at: Timestamp) -> Option<Timestamp> {
        let context = Context { zone: self.manner.zone.clone(), read_at, year: self.manner.year };
        let own = Reader::new(self.manner.format, &context).read(line).header.time;
        let (time, clock) = clock::time_of(own, read_at, &ClockPolicy::default());
        (clock == Clock::Own).then_some(time)
    }

    /// The names that a stream and the operator give to what wrote its lines.
    pub(crate) fn names_of_stream<'a>(&'a self, stream: &'a str) -> Vec<&'a str> {
        self.manner.program.as_deref().map_or_else(|| tags(stream), |program| vec![program])
    }

    /// Whether a line names as its writer one that fits.
    pub(crate) fn is_from(&self, line: &[u8], read_at: Timestamp, fits: impl Fn(&str) -> bool) -> bool {
        let context = Context { zone: self.manner.zone.clone(), read_at, year: self.manner.year };
        let event = event(&self.source, Reader::new(self.manner.format, &context).read(line), read_at);
        let names = names(&event, None, &[]);
        [names.program, names.unit, names.task_kind].into_iter().flatten().any(fits)
    }
}

/// What the blocks of one source have to do with those before them. They come here in their order.
#[derive(Debug)]
pub(crate) struct Sequel {
    old: bool,
    last: Option<Timestamp>,
    watch: ClockWatch,
}

impl Sequel {
    /// Before the first block of a lane.
    pub(crate) fn of(lane: &Lane) -> Self {
        Self::new(lane.old)
    }

    /// Before the first record of a block that is read in pieces.
    pub(crate) fn within(way: &Way) -> Self {
        Self::new(way.old)
    }

    fn new(old: bool) -> Self {
        Self { old, last: None, watch: ClockWatch::default() }
    }

    /// Puts right what could not be known when the block was read: which complaints were said before, and the time of the
    /// line before it.
    pub(crate) fn settle(&mut self, scanned: &mut Scanned) {
        scanned.complaints.retain(|complaint| self.watch.is_new(complaint.fault));
        if let Some(last) = self.last.filter(|_| self.old) {
            scanned.findings.date(scanned.dated.map_or(u64::MAX, |(first, _)| first), last);
        }
        self.last = scanned.dated.map(|(_, last)| last).or(self.last);
    }
}

/// Puts an event together: the time it counts in, and cron's lines as task records. Its place is the beginning of the source.
pub(crate) fn event<'a>(source: &'a SourceId, read: Read<'a>, read_at: Timestamp) -> Event<'a> {
    let Read { mut header, message } = read;
    let (time, clock) = clock::time_of(header.time, read_at, &ClockPolicy::default());
    if header.task.is_none() && !header.by_customer && header.program.as_deref().is_some_and(is_cron) {
        header.task =
            cron_task(&message, header.pid, Some(time), header.host.as_deref()).map(|task| Cow::Owned(Box::new(task)));
    }
    Event { source, stream: source, offset: 0, time, clock, read_at, header, message }
}

/// Parses one line by itself, with all that its header says.
pub(crate) fn parse_line<'a>(manner: &Manner, source: &'a SourceId, line: &str, read_at: Timestamp) -> Event<'a> {
    let context = Context { zone: manner.zone.clone(), read_at, year: manner.year };
    let parsed = parse(manner.format, line.trim_end_matches(['\n', '\r']).as_bytes(), &context);
    event(source, Read { header: parsed.stamp.into(), message: parsed.message.into() }, read_at)
}

/// The stamp of the record that begins at a place, found in one pass from the front.
struct Stamps<'a> {
    records: &'a [Record],
    next: usize,
    start: usize,
}

impl<'a> Stamps<'a> {
    fn of(shape: &'a Shape) -> Self {
        let records = match shape {
            Shape::Lines => &[][..],
            Shape::Records(records) => records,
        };
        Self { records, next: 0, start: 0 }
    }

    fn at(&mut self, place: usize) -> Option<&'a Stamp> {
        while let Some(record) = self.records.get(self.next) {
            if self.start >= place {
                return record.stamp.as_deref();
            }
            self.start = record.end;
            self.next += 1;
        }
        None
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The names of a stream that a rule's `program` may mean: the stem of the file's name and its folder.
pub(crate) fn tags(stream: &str) -> Vec<&str> {
    let path = Path::new(stream);
    let stem = path.file_name().and_then(|n| n.to_str()).map(|n| n.split('.').next().unwrap_or(n));
    let folder = path.parent().and_then(Path::file_name).and_then(|n| n.to_str());
    stem.into_iter().chain(folder).collect()
}

/// Sees what the rules claim about events of one stream.
#[derive(Debug)]
pub(crate) struct Seer<'a> {
    /// The source that rules are narrowed to.
    pub(crate) source: &'a SourceId,
    pub(crate) live: &'a Live,
    pub(crate) view: &'a View,
    /// The program, where the operator says it.
    pub(crate) program: Option<&'a str>,
    /// The stream's [`tags`].
    pub(crate) tags: &'a [&'a str],
}

impl Seer<'_> {
    /// Adds what the rules claim about one event, of which `candidates` are the patterns that might fit.
    pub(crate) fn see(
        &self,
        event: &Event<'_>,
        candidates: &[PatternId],
        findings: &mut Findings,
        refused: &mut Vec<Refused>,
    ) {
        if is_own(event) {
            return;
        }
        let task = event.header.task();
        let mut about = findings.about(event);
        if !candidates.is_empty() {
            let names = names(event, self.program, self.tags);
            // The rule whose pattern matched last.
            let mut last = None;
            self.view.find(candidates, &event.message, &names, &mut |hit| {
                let Some(rule) = self.live.rules.rules.get(hit.rule) else { return };
                if event.header.by_customer && !(rule.takes_customers_word() && matches!(hit.role, Role::Match(_))) {
                    return;
                }
                if let (Some(_), Role::Match(_)) = (&rule.task, hit.role)
                    && task_role(rule, task) != Some(Role::Task)
                {
                    return;
                }
                // One line is one finding, by the first of the rule's patterns that accepts it. A sequence needs to know all.
                let one = matches!(hit.role, Role::Match(_)) && !matches!(rule.trigger, Trigger::Sequence { .. });
                if one && last.as_ref() == Some(&rule.id) {
                    return;
                }
                match about.claim(rule, hit.role, hit.captures()) {
                    Ok(()) if one => last = Some(rule.id.clone()),
                    Ok(()) => {}
                    Err(no) => refused.push(no),
                }
            });
        }
        if task.is_none() {
            return;
        }
        for one in self.live.task_rules(self.source) {
            let role = match task_role(&one.rule, task) {
                Some(Role::Task) if !one.rule.patterns.is_empty() => continue,
                Some(Role::Task) if one.is_look_alike(&event.message) => Role::TaskOther,
                Some(role) => role,
                None => continue,
            };
            let none: [(&str, &str); 0] = [];
            refused.extend(about.claim(&one.rule, role, none).err());
        }
    }
}

/// Whether Heinzel wrote it. As a service its words go to the journal, which it reads; they quote the lines it found, and
/// a rule would find its line there a second time, count it, and never see a quiet time.
pub(crate) fn is_own(event: &Event<'_>) -> bool {
    event.header.program.as_deref() == Some(env!("CARGO_PKG_NAME"))
}

/// The names that a rule's `program` is compared with.
pub(crate) fn names<'a>(event: &'a Event<'_>, program: Option<&'a str>, tags: &'a [&'a str]) -> Names<'a> {
    let header = &event.header;
    Names {
        program: program.or(header.program.as_deref()),
        unit: header.unit.as_deref(),
        tags,
        task_kind: header.task().map(|t| &*t.kind),
    }
}

/// What a task record is to a rule with a task clause.
pub(crate) fn task_role(rule: &Rule, task: Option<&Task>) -> Option<Role> {
    let (clause, task) = (rule.task.as_ref()?, task?);
    if !clause.kind.iter().any(|kind| kind.fits(&task.kind)) {
        return None;
    }
    let counts = clause.state.is_empty() || clause.state.contains(&task.state);
    Some(if counts { Role::Task } else { Role::TaskOther })
}

#[cfg(test)]
mod tests;
