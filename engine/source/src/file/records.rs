//! Divides bytes into records: whole lines, cut lines, records of several lines. Pure.
//!
//! Start at [`Rules::divide`].

use std::time::Duration;

use heinzel_core::block::Record;

use super::folders::Folders;
use crate::settings::{Border, Multiline};

/// A record of several lines that grows beyond this is divided, in bytes.
const LONGEST_RECORD: usize = 1 << 20;

/// How a source's bytes become records.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// A longer line is cut, in bytes without its line end.
    pub(crate) max_line: usize,
    /// How several lines make one record.
    pub(crate) multiline: Option<Multiline>,
    /// How much is read into one block, in bytes.
    pub(crate) block: usize,
    /// How long a rotated-away file whose last line has no end must be quiet before that line counts as whole.
    pub(crate) settle: Duration,
    /// How long a rotated-away or deleted file is kept open after its last byte: programs write on until told to reopen.
    pub(crate) linger: Duration,
    /// So much is unpacked of one compressed file at most, in bytes.
    pub(crate) unpacked: u64,
    /// The names beside the logs of the source.
    pub(crate) folders: Folders,
}

/// How far a buffer divides into whole records.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Division {
    /// So many bytes from the buffer's start are whole records.
    pub(crate) whole: usize,
    /// The last of them was cut at `whole`, inside a line that was too long; it still needs its `\n`.
    pub(crate) cut: bool,
    /// Where records of several lines end, counting the `\n` that a cut adds.
    pub(crate) ends: Vec<usize>,
    /// Records divided because they had too many lines or bytes.
    pub(crate) divided: u64,
}

impl Rules {
    /// How much of a file is held at most, in bytes: a block, or a line that is too long.
    pub(crate) fn most(&self) -> usize {
        self.block.max(self.max_line + 1)
    }

    /// Divides `bytes`, which begin at a record's beginning. `last`: the last record is complete even though no other
    /// begins behind it.
    pub(crate) fn divide(&self, bytes: &[u8], last: bool) -> Division {
        match &self.multiline {
            None => self.divide_lines(bytes),
            Some(multiline) => self.divide_records(bytes, multiline, last),
        }
    }

    fn divide_lines(&self, bytes: &[u8]) -> Division {
        let mut start: usize = 0;
        loop {
            // From the far end of the longest allowed line backwards: one step takes many short lines.
            let end = bytes.len().min(start.saturating_add(self.max_line + 1));
            match bytes[start..end].iter().rposition(|&b| b == b'\n') {
                Some(at) => start += at + 1,
                None if bytes.len() - start > self.max_line => {
                    let whole = start + cut_at(&bytes[start..], self.max_line);
                    return Division { whole, cut: true, ..Division::default() };
                }
                None => return Division { whole: start, ..Division::default() },
            }
        }
    }

    fn divide_records(&self, bytes: &[u8], multiline: &Multiline, last: bool) -> Division {
        let mut division = Division::default();
        let (mut record, mut line, mut lines): (usize, usize, usize) = (0, 0, 0);
        loop {
            let longest = bytes.len().min(line.saturating_add(self.max_line + 1));
            let (end, cut) = match bytes[line..longest].iter().position(|&b| b == b'\n') {
                Some(at) => (line + at + 1, false),
                None if bytes.len() - line > self.max_line => (line + cut_at(&bytes[line..], self.max_line), true),
                None => break,
            };
            if lines > 0 {
                let continues = continues(&multiline.border, &bytes[line..end]);
                let full = lines >= multiline.max_lines || end - record > LONGEST_RECORD;
                if !continues || full {
                    division.divided += u64::from(continues);
                    division.ends.push(line);
                    (record, lines) = (line, 0);
                }
            }
            if cut {
                division.ends.push(end + 1);
                return Division { whole: end, cut, ..division };
            }
            lines += 1;
            line = end;
        }
        if last && line > record {
            division.ends.push(line);
            record = line;
        }
        Division { whole: record, ..division }
    }
}

fn continues(border: &Border, line: &[u8]) -> bool {
    match border {
        Border::Indent => matches!(line.first(), Some(b' ' | b'\t')),
        Border::Start(regex) => {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            !regex.is_match(line.strip_suffix(b"\r").unwrap_or(line))
        }
    }
}

/// The largest length up to `max` that does not end inside a UTF-8 character, where the bytes are UTF-8 at all.
fn cut_at(line: &[u8], max: usize) -> usize {
    let inside = |at: usize| line.get(at).is_some_and(|b| b & 0xc0 == 0x80);
    (max.saturating_sub(3)..=max).rev().find(|&at| at > 0 && !inside(at)).unwrap_or(max)
}

/// Takes NUL bytes off the beginnings of lines (a writer that goes on at its old offset after a truncate leaves a hole that
/// reads as NULs). Lines of nothing else vanish. Returns how many lines had any. `ends` follows along.
pub(crate) fn strip_nuls(bytes: &mut Vec<u8>, ends: &mut Vec<usize>) -> u64 {
    if !bytes.contains(&0) {
        return 0;
    }
    let mut clean = Vec::with_capacity(bytes.len());
    let mut stripped = 0;
    let mut moved = ends.iter().copied().peekable();
    let mut new_ends = Vec::with_capacity(ends.len());
    let mut at = 0;
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        at += line.len();
        let text = &line[line.iter().position(|&b| b != 0).unwrap_or(line.len())..];
        stripped += u64::from(text.len() != line.len());
        if text.len() == line.len() || text != b"\n" {
            clean.extend_from_slice(text);
        }
        while moved.next_if(|&end| end <= at).is_some() {
            if clean.len() > new_ends.last().copied().unwrap_or(0) {
                new_ends.push(clean.len());
            }
        }
    }
    *bytes = clean;
    *ends = new_ends;
    stripped
}

/// The records of a block, from where they end.
pub(crate) fn records(ends: Vec<usize>) -> Vec<Record> {
    ends.into_iter().map(|end| Record { end, stamp: None }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(max_line: usize, border: Option<Border>) -> Rules {
        let multiline = border.map(|border| Multiline { border, max_lines: 3, wait: Duration::from_secs(1) });
        Rules {
            max_line,
            multiline,
            block: 1 << 20,
            settle: Duration::ZERO,
            linger: Duration::ZERO,
            unpacked: 0,
            folders: Folders::default(),
        }
    }

    #[test]
    fn whole_lines_are_told_from_the_rest() {
        let check = |bytes: &str, whole: usize, cut: bool| {
            let division = rules(4, None).divide(bytes.as_bytes(), false);
            assert_eq!((division.whole, division.cut), (whole, cut), "{bytes:?}");
        };
        check("", 0, false);
        check("ab", 0, false);
        check("ab\n", 3, false);
        check("ab\ncd", 3, false);
        check("abcd\nx", 5, false);
        check("abcd", 0, false);
        check("abcde", 4, true);
        check("a\nabcde\n", 6, true);
        check("\n\n\n", 3, false);
        check("abcä\n", 3, true);
    }

    #[test]
    fn indented_lines_belong_to_the_record_before() {
        let check = |bytes: &str, last: bool, whole: usize, ends: &[usize], divided: u64| {
            let division = rules(100, Some(Border::Indent)).divide(bytes.as_bytes(), last);
            assert_eq!((division.whole, &division.ends[..], division.divided), (whole, ends, divided), "{bytes:?}");
        };
        check("a\n", false, 0, &[], 0);
        check("a\n", true, 2, &[2], 0);
        check("a\n b\nc\n", false, 5, &[5], 0);
        check("a\n b\nc\n", true, 7, &[5, 7], 0);
        check("a\n b\nc", true, 5, &[5], 0);
        check(" a\n b\nc\n", false, 6, &[6], 0);
        check("a\n b\n c\n d\ne\n", false, 11, &[8, 11], 1);
    }

    #[test]
    fn a_pattern_can_begin_records_and_long_lines_are_cut_inside_them() {
        let start = || Some(Border::Start(regex::bytes::Regex::new(r"^\d").unwrap()));
        let division = rules(100, start()).divide(b"1 a\nat x\n2 b\n", false);
        assert_eq!((division.whole, division.ends), (9, vec![9]));
        let division = rules(4, start()).divide(b"1 a\nat xyz\n2 b\n", false);
        assert_eq!(division, Division { whole: 8, cut: true, ends: vec![9], divided: 0 });
    }

    #[test]
    fn nuls_go_from_the_beginnings_of_lines_only() {
        let check = |bytes: &[u8], ends: &[usize], clean: &[u8], clean_ends: &[usize], count: u64| {
            let (mut bytes, mut ends) = (bytes.to_vec(), ends.to_vec());
            assert_eq!(strip_nuls(&mut bytes, &mut ends), count);
            assert_eq!((&bytes[..], &ends[..]), (clean, clean_ends));
        };
        check(b"a\nb\n", &[2, 4], b"a\nb\n", &[2, 4], 0);
        check(b"\0\0a\nb\0c\n", &[4, 8], b"a\nb\0c\n", &[2, 6], 1);
        check(b"a\n\0\0\nb\n", &[2, 5, 7], b"a\nb\n", &[2, 4], 1);
        check(b"\0\n", &[2], b"", &[], 1);
    }
}
