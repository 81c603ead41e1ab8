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

#[cfg(test)]
mod tests {
    use super::super::customers;

    #[test]
    fn a_quote_that_does_not_close_is_named_where_it_opens() {
        let check = |list: &str, ids: &[&str], opened: Option<(u64, &str)>| {
            let imported = customers(list.as_bytes(), |_| None, |_| Ok(()));
            let taken: Vec<&str> = imported.rows.iter().map(|row| &*row.record.id).collect();
            assert_eq!(taken, ids, "{list}");
            let said: Vec<(u64, bool)> =
                imported.complaints.iter().map(|one| (one.line, one.why.starts_with("a quote opens"))).collect();
            assert_eq!(said, opened.map(|(line, _)| (line, true)).into_iter().collect::<Vec<_>>(), "{list}");
            let end = opened.map_or("", |(_, end)| end);
            assert!(imported.complaints.iter().all(|one| one.why.ends_with(end)), "{:?}", imported.complaints);
        };
        check("id;name\nC5;\"unclosed\nC6;x\nC7;y\n", &[], Some((2, "to line 4")));
        check("id;name\r\n\r\nC4;\"x\"\r\n\r\nC5;\"unclosed\r\nC6;x", &["C4"], Some((5, "to line 6")));
        check("id;name;email\nC5;\"two\nlines\";\"unclosed\nC6;x;\n", &[], Some((3, "to line 4")));
        // Another row's quote ends it.
        check("id;name\nC5;\"unclosed\nC6;\"x\"\nC7;y\n", &["C7"], Some((2, "to line 3")));
        check("id;name\nC5;\"Kim\" Lee\nC7;y\n", &["C7"], Some((2, "to line 2")));
        check(
            "id;name\nC5;\"Kim \"\"K\"\" Lee\" \nC6;12\" rack\nC7;\"\"\nC8;\"\"\"\"\n",
            &["C5", "C6", "C7", "C8"],
            None,
        );
        check("id\tname\n\"C5\"\t\"Kim;\n\"\n", &["C5"], None);
    }
}
