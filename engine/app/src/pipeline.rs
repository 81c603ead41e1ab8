//! From a block to findings: decode, scan, parse the candidates, match, type the captures.
//!
//! One [`Lane`] a source. The same code runs in production, `replay`, `test` and `explain`; only where the blocks come
//! from differs.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use heinzel_core::block::{Block, Record, Shape, SourceId};
use heinzel_core::clock::{self, ClockComplaint, ClockPolicy, ClockWatch};
use heinzel_core::event::{Clock, Event, Place, Stamp};
use heinzel_core::finding::{Finding, Refused, Role};
use heinzel_core::parse::{Context, Format, Parsed, parse};
use heinzel_core::rule::Rule;
use heinzel_core::task::Task;
use heinzel_core::time::Timestamp;
use heinzel_matching::{Names, PatternId, View};
use heinzel_source::cron::{cron_task, is_cron};
use jiff::tz::TimeZone;

use crate::live::Live;
use candidates::Candidates;

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
}

/// What a block came to.
#[derive(Debug, Default)]
pub(crate) struct Scanned {
    /// In the order of the records.
    pub(crate) findings: Vec<Finding>,
    /// Matches whose captures did not fit their types.
    pub(crate) refused: Vec<Refused>,
    /// Wrong clocks, each said once.
    pub(crate) complaints: Vec<ClockComplaint>,
    /// Records that were parsed because a rule might want them.
    pub(crate) candidates: u64,
}

/// One source's way from blocks to findings.
#[derive(Debug)]
pub(crate) struct Lane {
    source: SourceId,
    manner: Manner,
    /// Whether the source is read to its end: only then an old line means a wrong clock.
    live: bool,
    /// Lines without a time count at the time of the line before them, not at the time of reading.
    old: bool,
    last: Option<Timestamp>,
    policy: ClockPolicy,
    watch: ClockWatch,
    /// The rules it was prepared for, and what the matcher needs of them for this source.
    prepared: Option<(Arc<Live>, View)>,
    candidates: Candidates,
}

impl Lane {
    /// The lane of a source.
    pub(crate) fn new(source: SourceId, manner: Manner) -> Self {
        let (policy, watch) = (ClockPolicy::default(), ClockWatch::default());
        let candidates = Candidates::default();
        Self { source, manner, live: false, old: false, last: None, policy, watch, prepared: None, candidates }
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

    /// Reads a block with these rules.
    pub(crate) fn read(&mut self, live: &Arc<Live>, block: &Block) -> Scanned {
        if !self.prepared.as_ref().is_some_and(|(old, _)| Arc::ptr_eq(old, live)) {
            self.prepared = Some((live.clone(), live.matcher.view(&self.source, None)));
        }
        let mut scanned = Scanned::default();
        let Some((live, view)) = self.prepared.take() else { return scanned };
        let mut candidates = std::mem::take(&mut self.candidates);
        let (format, context) = (self.manner.format, self.context(block.read_at));
        candidates.find(&view, block, format, live.wants_cron, |line, messages| {
            messages.extend_from_slice(parse(format, line, &context).message.as_bytes());
        });
        let mut stamps = Stamps::of(&block.shape);
        for (range, patterns) in candidates.iter() {
            scanned.candidates += 1;
            let stamp = stamps.at(range.start);
            let mut event = self.event(block, range, stamp);
            scanned.complaints.extend(self.watch.look(&event, self.live, &self.policy));
            if event.clock == Clock::Own {
                self.last = Some(event.time);
            } else if let Some(last) = self.last.filter(|_| self.old) {
                event.time = last;
            }
            for claim in claims(&live, &view, &self.source, &event, patterns, self.manner.program.as_deref()) {
                match claim {
                    Ok(finding) => scanned.findings.push(finding),
                    Err(refused) => scanned.refused.push(refused),
                }
            }
        }
        self.prepared = Some((live, view));
        self.candidates = candidates;
        scanned
    }

    fn context(&self, read_at: Timestamp) -> Context {
        Context { zone: self.manner.zone.clone(), read_at, year: self.manner.year }
    }

    fn event(&self, block: &Block, range: Range<usize>, stamp: Option<&Stamp>) -> Event {
        let offset = block.offset + range.start as u64;
        let text = without_end(block.bytes.get(range).unwrap_or_default());
        let parsed = match stamp {
            Some(stamp) => Parsed { stamp: stamp.clone(), message: String::from_utf8_lossy(text).into_owned() },
            None => parse(self.manner.format, text, &self.context(block.read_at)),
        };
        self.assemble(
            Place { source: self.source.clone(), stream: block.stream.clone(), offset, line: None },
            parsed,
            block.read_at,
        )
    }

    /// Puts an event together from its parts; cron's lines become task records here.
    pub(crate) fn assemble(&self, place: Place, parsed: Parsed, read_at: Timestamp) -> Event {
        let mut event = clock::event(place, parsed, read_at, &self.policy);
        let is_cron = event.stamp.program.as_deref().is_some_and(is_cron);
        if is_cron && event.stamp.task.is_none() {
            let pid = event.stamp.pid;
            event.stamp.task =
                cron_task(&event.message, pid, Some(event.time), event.stamp.host.as_deref()).map(Box::new);
        }
        event
    }

    /// Parses a line as this lane would.
    pub(crate) fn parse(&self, line: &str, read_at: Timestamp) -> Event {
        let parsed = parse(self.manner.format, line.trim_end_matches(['\n', '\r']).as_bytes(), &self.context(read_at));
        self.assemble(Place::named(&self.source), parsed, read_at)
    }
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

/// What the rules claim about one event.
pub(crate) fn claims(
    live: &Live,
    view: &View,
    source: &SourceId,
    event: &Event,
    candidates: &[PatternId],
    program: Option<&str>,
) -> Vec<Result<Finding, Refused>> {
    let mut claims = Vec::new();
    if is_own(event) {
        return claims;
    }
    let tags = tags(&event.place.stream);
    let names = names(event, program, &tags);
    let task = event.stamp.task.as_deref();
    if !candidates.is_empty() {
        view.find(candidates, &event.message, &names, &mut |hit| {
            let Some(rule) = live.rules.rules.get(hit.rule) else { return };
            if let (Some(_), Role::Match(_)) = (&rule.task, hit.role)
                && task_role(rule, task) != Some(Role::Task)
            {
                return;
            }
            let captures: Vec<_> = hit.captures().collect();
            let captures: Vec<(&str, &str)> = captures.iter().map(|(name, text)| (*name, &**text)).collect();
            claims.push(Finding::claim(rule, hit.role, event, &captures));
        });
    }
    if task.is_some() {
        for one in live.task_rules(source) {
            let role = match task_role(&one.rule, task) {
                Some(Role::Task) if !one.rule.patterns.is_empty() => continue,
                Some(Role::Task) if one.is_look_alike(&event.message) => Role::TaskOther,
                Some(role) => role,
                None => continue,
            };
            claims.push(Finding::claim(&one.rule, role, event, &[]));
        }
    }
    claims
}

/// Whether Heinzel wrote it. As a service its words go to the journal, which it reads; they quote the lines it found, and
/// a rule would find its line there a second time, count it, and never see a quiet time.
fn is_own(event: &Event) -> bool {
    event.stamp.program.as_deref() == Some(env!("CARGO_PKG_NAME"))
}

/// The names that a rule's `program` is compared with.
pub(crate) fn names<'a>(event: &'a Event, program: Option<&'a str>, tags: &'a [&'a str]) -> Names<'a> {
    let stamp = &event.stamp;
    Names {
        program: program.or(stamp.program.as_deref()),
        unit: stamp.unit.as_deref(),
        tags,
        task_kind: stamp.task.as_deref().map(|t| &*t.kind),
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
mod tests {
    use super::*;

    #[test]
    fn own_words_that_quote_a_line_are_not_found_again() {
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
        let live = Arc::new(Live::load(&[rules], None).0);
        let manner = Manner { format: Format::Syslog, zone: TimeZone::UTC, year: None, program: None };
        let mut lane = Lane::new("syslog".into(), manner);
        let check = |lane: &mut Lane, program: &str, found: usize| {
            let line = format!("2026-11-21T10:00:00+00:00 web1 {program}[7]: cp: x: No space left on device\n");
            let (source, stream) = ("syslog".into(), "/var/log/syslog".into());
            let bytes = line.into_bytes();
            let (checkpoint, ack, read_at) = (None, None, Timestamp::from_seconds(1_795_255_200));
            let block = Block { source, stream, offset: 0, bytes, shape: Shape::Lines, checkpoint, read_at, ack };
            assert_eq!(lane.read(&live, &block).findings.len(), found, "{program}");
        };
        check(&mut lane, "backup", 1);
        check(&mut lane, "heinzel", 0);
    }
}
