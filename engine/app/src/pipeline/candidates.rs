//! Which records of a block a rule might want.
//!
//! Start at [`Candidates::find`]. The raw block is scanned once. A message is a piece of its line, so that finds all,
//! except where something in the line is escaped: the few lines of which that is true are decoded and scanned for themselves.

use std::ops::Range;

use heinzel_core::block::{Block, Shape};
use heinzel_core::event::Stamp;
use heinzel_core::parse::{Format, REPEATED, may_escape, verbatim};
use heinzel_matching::{Borders, PatternId, View};
use heinzel_source::cron::is_cron;
use memchr::{memchr, memmem, memrchr};

use super::without_end;

/// Records in the order of the block, each at most once. To be kept and filled again: it keeps its memory.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    records: Vec<Candidate>,
    patterns: Vec<PatternId>,
    /// Where the records of the block end, where it knows that itself.
    ends: Vec<usize>,
    escaped: Escaped,
}

/// A record, and the patterns that might fit.
#[derive(Clone, Debug)]
struct Candidate {
    record: Range<usize>,
    patterns: Range<usize>,
}

/// The messages of lines that do not end with them as they stand: with escapes, or in brackets.
#[derive(Debug, Default)]
struct Escaped {
    lines: Vec<Range<usize>>,
    messages: Vec<u8>,
    ends: Vec<usize>,
}

impl Candidates {
    /// Finds them. `message` appends what the parser makes of a line with escapes.
    pub(super) fn find(
        &mut self,
        view: &View,
        block: &Block,
        format: Format,
        wants_cron: bool,
        message: impl Fn(&[u8], &mut Vec<u8>),
    ) {
        self.records.clear();
        self.patterns.clear();
        match &block.shape {
            Shape::Lines => {
                self.scan(view, &block.bytes, Borders::Lines);
                self.escaped.find(&block.bytes, format, message);
                if !self.escaped.lines.is_empty() {
                    self.scan_escaped(view);
                }
                if wants_cron {
                    self.cron_lines(&block.bytes);
                }
            }
            Shape::Records(records) => {
                let mut ends = std::mem::take(&mut self.ends);
                ends.clear();
                ends.extend(records.iter().map(|r| r.end));
                self.scan(view, &block.bytes, Borders::Ends(&ends));
                self.ends = ends;
                let mut start = 0;
                for record in records {
                    let tells = |stamp: &Stamp| {
                        stamp.task.is_some() || (wants_cron && stamp.program.as_deref().is_some_and(is_cron))
                    };
                    if record.stamp.as_deref().is_some_and(tells) {
                        self.records.push(Candidate { record: start..record.end, patterns: 0..0 });
                    }
                    start = record.end;
                }
            }
        }
        // The one with patterns stays.
        if !self.records.is_sorted_by(|a, b| a.record.start < b.record.start) {
            self.records.sort_by_key(|one| (one.record.start, one.patterns.is_empty()));
            self.records.dedup_by_key(|one| one.record.start);
        }
    }

    /// The records with their patterns.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (Range<usize>, &[PatternId])> {
        self.records.iter().map(|one| (one.record.clone(), self.patterns.get(one.patterns.clone()).unwrap_or_default()))
    }

    fn scan(&mut self, view: &View, bytes: &[u8], borders: Borders<'_>) {
        view.scan(bytes, borders, &mut |record, patterns| {
            let first = self.patterns.len();
            self.patterns.extend_from_slice(patterns);
            self.records.push(Candidate { record, patterns: first..self.patterns.len() });
        });
    }

    /// What the raw scan said of lines with escapes does not count.
    fn scan_escaped(&mut self, view: &View) {
        let escaped = std::mem::take(&mut self.escaped);
        self.records.retain(|one| escaped.lines.binary_search_by_key(&one.record.start, |line| line.start).is_err());
        let first = self.records.len();
        self.scan(view, &escaped.messages, Borders::Ends(&escaped.ends));
        for one in &mut self.records[first..] {
            let number = escaped.ends.partition_point(|&end| end <= one.record.start);
            one.record = escaped.lines.get(number).cloned().unwrap_or_default();
        }
        self.escaped = escaped;
    }

    fn cron_lines(&mut self, bytes: &[u8]) {
        for word in ["CRON", "cron"] {
            let mut behind = 0;
            for at in memmem::find_iter(bytes, word) {
                if at >= behind {
                    let record = line_around(bytes, at);
                    behind = record.end;
                    self.records.push(Candidate { record, patterns: 0..0 });
                }
            }
        }
    }
}

impl Escaped {
    fn find(&mut self, bytes: &[u8], format: Format, message: impl Fn(&[u8], &mut Vec<u8>)) {
        self.lines.clear();
        self.messages.clear();
        self.ends.clear();
        // The message of a syslog line that stands for several ends before its line does.
        let sign = match format {
            Format::Syslog => REPEATED,
            _ if may_escape(format) => "\\",
            _ => return,
        };
        let mut behind = 0;
        for at in memmem::find_iter(bytes, sign) {
            if at < behind {
                continue;
            }
            let line = line_around(bytes, at);
            behind = line.end;
            let text = without_end(&bytes[line.clone()]);
            if format == Format::Syslog || !verbatim(format, text) {
                message(text, &mut self.messages);
                self.messages.push(b'\n');
                self.ends.push(self.messages.len());
                self.lines.push(line);
            }
        }
    }
}

/// The line that holds the byte `at`, with its end.
fn line_around(bytes: &[u8], at: usize) -> Range<usize> {
    let start = memrchr(b'\n', &bytes[..at]).map_or(0, |before| before + 1);
    let end = memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |behind| at + behind + 1);
    start..end
}

#[cfg(test)]
mod tests {
    use heinzel_core::parse::{Context, parse};
    use heinzel_core::time::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::live::Live;

    /// The records that are candidates, and how many patterns each has.
    fn check(format: Format, text: &str, expected: &[(&str, usize)]) {
        check_rule("storage.disk-full", format, text, expected);
    }

    fn check_rule(rule: &str, format: Format, text: &str, expected: &[(&str, usize)]) {
        let rules = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
        let mut live = Live::load(&[rules], None).0;
        live.rules.rules.retain(|id, _| &*id.0 == rule);
        let matcher = heinzel_matching::Matcher::new(live.rules.rules.values().map(|rule| &**rule)).unwrap();
        let block = Block {
            source: "s".into(),
            stream: "s".into(),
            offset: 0,
            bytes: text.as_bytes().to_vec(),
            shape: Shape::Lines,
            checkpoint: None,
            read_at: Timestamp::EPOCH,
            ack: None,
        };
        let context = Context { zone: TimeZone::UTC, read_at: Timestamp::EPOCH, year: None };
        let mut candidates = Candidates::default();
        // The second time with the memory of the first.
        for _ in 0..2 {
            let view = matcher.view("s", None).with_message(super::super::message(format));
            candidates.find(&view, &block, format, true, |line, messages| {
                messages.extend_from_slice(parse(format, line, &context).message.as_bytes());
            });
            let found = candidates.iter().map(|(record, patterns)| (text[record].trim_end(), patterns.len()));
            assert_eq!(found.collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_escaped_is_looked_for_in_its_message_and_all_else_in_its_line() {
        let plain = "web1 cp: x: No space left on device";
        let escaped = r#"{"msg":"a\nb: No space left\u0020on device"}"#;
        let other = r#"{"msg":"all is \"well\"","was":"No space left on device"}"#;
        check(Format::Auto, plain, &[(plain, 1)]);
        check(
            Format::Auto,
            &format!("x\n{plain}\n{escaped}\r\n{other}\n\\\n{plain}\n"),
            &[(plain, 1), (escaped, 1), (plain, 1)],
        );
        check(Format::Json, escaped, &[(escaped, 1)]);
        check(Format::Plain, escaped, &[]);
    }

    #[test]
    fn a_line_that_stands_for_several_is_looked_at_as_one_of_them() {
        // The patterns end with `$`.
        let line = "Nov 21 10:00:00 ns1 named[7]: message repeated 2 times: [ zone a.example/IN: expired]";
        check_rule("dns.zone-expired", Format::Syslog, &format!("x\n{line}\nx"), &[(line, 2)]);
        check_rule("dns.zone-expired", Format::Auto, line, &[(line, 2)]);
    }

    #[test]
    fn lines_of_cron_are_candidates_once_each() {
        let job = "Nov 21 10:00:00 web1 CRON[7]: (root) CMD (cron-apt)";
        let full = r"Nov 21 10:00:00 web1 cron[7]: No space left on device \";
        check(Format::Syslog, &format!("{job}\nx\n{full}\n{job}"), &[(job, 0), (full, 1), (job, 0)]);
    }
}
