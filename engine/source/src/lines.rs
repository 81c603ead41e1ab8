//! Cuts a stream of bytes into lines of bounded length.
//!
//! Start at [`Lines::push`].

/// The longest line that is kept whole, in bytes; more is cut off and counted. As long as syslog-ng's and rsyslog's
/// largest usual settings, and far beyond what a person reads.
pub(crate) const LINE_LIMIT: usize = 262_144;

/// How much may travel in one block: enough to be worth a transaction, small enough not to keep others waiting.
pub(crate) const BLOCK_BYTES: usize = 1 << 20;
/// How many records may travel in one block.
pub(crate) const BLOCK_RECORDS: usize = 2_000;

/// Cuts a stream of bytes into lines.
#[derive(Debug)]
pub(crate) struct Lines {
    limit: usize,
    held: Vec<u8>,
    /// The line under way is over the limit.
    over: bool,
    cut: u64,
}

impl Lines {
    /// Lines of at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, held: Vec::new(), over: false, cut: 0 }
    }

    /// Takes bytes and calls `line` for each complete line, without its end (`\n` or `\r\n`).
    pub(crate) fn push(&mut self, mut bytes: &[u8], mut line: impl FnMut(&[u8])) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (head, rest) = bytes.split_at(end);
            bytes = &rest[1..];
            if self.held.is_empty() && !self.over && head.len() <= self.limit {
                line(trim_cr(head));
            } else {
                self.hold(head);
                self.finish(&mut line);
            }
        }
        self.hold(bytes);
    }

    /// Hands over the line under way, if there is one: the stream has ended.
    pub(crate) fn finish(&mut self, mut line: impl FnMut(&[u8])) {
        if !self.held.is_empty() || self.over {
            line(trim_cr(&self.held));
        } else {
            return;
        }
        self.cut += u64::from(self.over);
        self.over = false;
        self.held.clear();
        self.held.shrink_to(self.limit.min(64 * 1024));
    }

    /// How many lines were cut since this was last asked.
    pub(crate) fn take_cut(&mut self) -> u64 {
        std::mem::take(&mut self.cut)
    }

    fn hold(&mut self, bytes: &[u8]) {
        let room = self.limit - self.held.len();
        self.over |= bytes.len() > room;
        self.held.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

fn trim_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(limit: usize, chunks: &[&[u8]]) -> (Vec<String>, u64) {
        let mut lines = Lines::new(limit);
        let mut seen = Vec::new();
        let mut note = |line: &[u8]| seen.push(String::from_utf8_lossy(line).into_owned());
        for chunk in chunks {
            lines.push(chunk, &mut note);
        }
        lines.finish(&mut note);
        (seen, lines.take_cut())
    }

    #[test]
    fn lines_come_whole_however_they_are_read() {
        assert_eq!(cut(9, &[b"a\nb", b"c\r\n", b"\nd"]), (["a", "bc", "", "d"].map(str::to_owned).to_vec(), 0));
        assert_eq!(cut(3, &[b"abcdef\nxyz\n"]), (["abc", "xyz"].map(str::to_owned).to_vec(), 1));
        assert_eq!(cut(3, &[b"ab", b"cd", b"ef\nx"]), (["abc", "x"].map(str::to_owned).to_vec(), 1));
    }

    proptest! {
        #[test]
        fn chunks_make_no_difference(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..200), step in 1..17usize) {
            let chunks: Vec<&[u8]> = bytes.chunks(step).collect();
            prop_assert_eq!(cut(7, &chunks), cut(7, &[&bytes]));
        }
    }
}
