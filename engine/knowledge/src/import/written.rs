//! A row as it stands in the list: where it begins and ends, and whether its quotes close.

/// A row as it stands in the list.
pub(super) struct Written<'l> {
    /// The line that it begins on.
    pub(super) line: u64,
    text: &'l str,
}

impl<'l> Written<'l> {
    /// What stands between two places in the list, without the empty lines around it.
    pub(super) fn between(list: &'l str, from: Option<&csv::Position>, until: &csv::Position) -> Self {
        let (from, line) = from.map_or((0, 0), |from| (from.byte(), from.line()));
        let place = |byte: u64| usize::try_from(byte).unwrap_or(list.len());
        let text = list.get(place(from)..place(until.byte())).unwrap_or_default();
        let row = text.trim_start_matches(['\r', '\n']);
        let before = newlines(&text[..text.len() - row.len()]);
        Self { line: line + before, text: row.trim_end_matches(['\r', '\n']) }
    }

    /// The line that it ends on.
    pub(super) fn last(&self) -> u64 {
        self.line + newlines(self.text)
    }

    /// The line on which a quote opens that does not close where its field ends. The CSV reader takes all that follows
    /// it, other rows too, as its text.
    pub(super) fn unclosed(&self, delimiter: u8) -> Option<u64> {
        if !self.text.contains('"') {
            return None;
        }
        let (mut at, mut line) = (At::Start, self.line);
        for byte in self.text.bytes() {
            at = match (at, byte) {
                (At::Start, b'"') => At::Quoted(line),
                (At::Quoted(opened), b'"') => At::Closed(opened),
                (At::Closed(opened), b'"') | (At::Quoted(opened), _) => At::Quoted(opened),
                (_, byte) if byte == delimiter => At::Start,
                (At::Closed(opened) | At::Behind(opened), b' ' | b'\t') => At::Behind(opened),
                (At::Closed(opened) | At::Behind(opened), _) => return Some(opened),
                (At::Start | At::Plain, _) => At::Plain,
            };
            line += u64::from(byte == b'\n');
        }
        if let At::Quoted(opened) = at { Some(opened) } else { None }
    }
}

/// Where in a field; with the line that its quote opened on.
enum At {
    Start,
    Plain,
    Quoted(u64),
    /// Behind a quote: the last one, or the first of two.
    Closed(u64),
    /// In the spaces behind the last quote.
    Behind(u64),
}

fn newlines(text: &str) -> u64 {
    text.bytes().filter(|byte| *byte == b'\n').count() as u64
}
