//! Where one message ends and the next begins on a connection (RFC 6587).
//!
//! Both ways, decided message by message as receivers do: `LEN SP MSG` where a number, a space and a `<` come, else a
//! line. The `<` is asked for because old senders write lines without a priority that begin with a date.

use crate::lines::{LINE_LIMIT, Lines};

/// The longest length that is believed, in digits: a tenth of a gigabyte.
const DIGITS: usize = 8;

/// Cuts a connection's bytes into messages.
#[derive(Debug)]
pub struct Frames {
    lines: Lines,
    state: State,
    cut: u64,
}

#[derive(Debug)]
enum State {
    /// At the beginning of a message: its first bytes, until it is clear which kind it is.
    Begin(Vec<u8>),
    /// In a line.
    Line,
    /// In a counted message: what is kept of it, and how many bytes of it are still to come.
    Counted { kept: Vec<u8>, left: usize },
}

impl Default for Frames {
    fn default() -> Self {
        Self { lines: Lines::new(LINE_LIMIT), state: State::Begin(Vec::new()), cut: 0 }
    }
}

/// What the first bytes of a message say.
enum Kind {
    Unclear,
    Line,
    /// So many bytes, after so many bytes of header.
    Counted(usize, usize),
}

impl Frames {
    /// Takes bytes and calls `message` for each complete message.
    pub fn push(&mut self, mut bytes: &[u8], mut message: impl FnMut(&[u8])) {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Begin(head) => {
                    head.push(bytes[0]);
                    bytes = &bytes[1..];
                    match kind(head) {
                        Kind::Unclear => {}
                        Kind::Line => {
                            let head = std::mem::take(head);
                            self.state = State::Line;
                            self.push_line(&head, &mut message);
                        }
                        Kind::Counted(left, header) => {
                            let kept = head[header..].to_vec();
                            let left = left - kept.len();
                            self.state = State::Counted { kept, left };
                            self.finish_counted(&mut message);
                        }
                    }
                }
                State::Line => {
                    let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
                    let (line, rest) = bytes.split_at(end);
                    bytes = rest;
                    self.push_line(line, &mut message);
                }
                State::Counted { kept, left } => {
                    let (now, rest) = bytes.split_at(bytes.len().min(*left));
                    bytes = rest;
                    let room = LINE_LIMIT.saturating_sub(kept.len());
                    self.cut += u64::from(now.len() > room && room > 0);
                    kept.extend_from_slice(&now[..now.len().min(room)]);
                    *left -= now.len();
                    self.finish_counted(&mut message);
                }
            }
        }
    }

    /// Hands over what is there of the message under way: the connection has ended.
    pub fn finish(&mut self, mut message: impl FnMut(&[u8])) {
        match std::mem::replace(&mut self.state, State::Begin(Vec::new())) {
            State::Begin(head) if head.is_empty() => {}
            State::Begin(rest) => message(&rest),
            State::Counted { kept, .. } => message(&kept),
            State::Line => self.lines.finish(message),
        }
    }

    /// Whether a message is under way.
    #[must_use]
    pub(crate) fn is_amid(&self) -> bool {
        !matches!(&self.state, State::Begin(head) if head.is_empty())
    }

    /// How many messages were cut since this was last asked.
    pub(crate) fn take_cut(&mut self) -> u64 {
        std::mem::take(&mut self.cut) + self.lines.take_cut()
    }

    /// `line` is a piece of one line, at most up to its end.
    fn push_line(&mut self, line: &[u8], message: &mut impl FnMut(&[u8])) {
        self.lines.push(line, message);
        if line.ends_with(b"\n") {
            self.state = State::Begin(Vec::new());
        }
    }

    fn finish_counted(&mut self, message: &mut impl FnMut(&[u8])) {
        if let State::Counted { kept, left: 0 } = &self.state {
            message(kept);
            self.state = State::Begin(Vec::new());
        }
    }
}

fn kind(head: &[u8]) -> Kind {
    let digits = head.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > DIGITS || head[0] == b'0' {
        return Kind::Line;
    }
    match head[digits..] {
        [] | [b' '] => Kind::Unclear,
        [b' ', b'<', ..] => {
            let length = head[..digits].iter().fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
            Kind::Counted(length, digits + 1)
        }
        _ => Kind::Line,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames(chunks: &[&[u8]]) -> (Vec<Vec<u8>>, u64) {
        let mut frames = Frames::default();
        let mut seen = Vec::new();
        for chunk in chunks {
            frames.push(chunk, |message| seen.push(message.to_vec()));
        }
        frames.finish(|message| seen.push(message.to_vec()));
        assert!(!frames.is_amid());
        (seen, frames.take_cut())
    }

    fn check(bytes: &str, expected: &[&str]) {
        let expected: Vec<Vec<u8>> = expected.iter().map(|text| text.as_bytes().to_vec()).collect();
        assert_eq!(frames(&[bytes.as_bytes()]).0, expected, "{bytes:?}");
        let single: Vec<&[u8]> = bytes.as_bytes().chunks(1).collect();
        assert_eq!(frames(&single).0, expected, "{bytes:?}");
    }

    #[test]
    fn both_ways_of_framing_even_mixed() {
        check("<1>a\n<2>b\r\n", &["<1>a", "<2>b"]);
        check("4 <1>a5 <2>bb", &["<1>a", "<2>bb"]);
        check("6 <1>a\nb<2>c\n4 <3>d", &["<1>a\nb", "<2>c", "<3>d"]);
        check("1 <4 <1>a", &["<", "<1>a"]);
    }

    #[test]
    fn lines_that_begin_with_a_number_are_lines() {
        check(
            "2024-01-01 x\n12 monkeys\n0 <x\n123456789 <x\n",
            &["2024-01-01 x", "12 monkeys", "0 <x", "123456789 <x"],
        );
        check("12\n\n", &["12", ""]);
    }

    #[test]
    fn what_the_end_cuts_off_is_kept() {
        check("<1>half", &["<1>half"]);
        check("9 <1>half", &["<1>half"]);
        check("12", &["12"]);
    }

    #[test]
    fn a_message_over_the_limit_is_cut_and_counted_and_the_next_is_whole() {
        let long = "x".repeat(LINE_LIMIT + 10);
        for text in [format!("<1>{long}\n<2>b\n"), format!("{} <1>{long}4 <2>b", long.len() + 3)] {
            for size in [1_000, usize::MAX] {
                let chunks: Vec<&[u8]> = text.as_bytes().chunks(size.min(text.len())).collect();
                let (seen, cut) = frames(&chunks);
                assert_eq!((seen[0].len(), seen[1].as_slice(), cut), (LINE_LIMIT, b"<2>b".as_slice(), 1));
            }
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic_and_chunks_make_no_difference(
            bytes in proptest::collection::vec(prop::sample::select(b"0123456789 <>\nax\0\xff".to_vec()), 0..200), step in 1..17usize,
        ) {
            let chunks: Vec<&[u8]> = bytes.chunks(step).collect();
            prop_assert_eq!(frames(&chunks), frames(&[&bytes]));
        }
    }
}
