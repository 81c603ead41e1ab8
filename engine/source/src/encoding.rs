//! Bytes that no rule could read as they are: a terminal's colours, byte order marks, UTF-16.
//!
//! Start at [`uncolour`].

/// Begins what a terminal takes for a command.
const ESCAPE: u8 = 0x1b;
/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// So many of the first bytes tell whether it is UTF-16, where there is no byte order mark.
const TELLING: usize = 16;

/// Takes the sequences out that colour a text (`ESC [ … m`, and the `ESC [ K` that comes with them): they stand in the middle of the
/// words that rules look for. `ends`, where records end, follow along.
pub fn uncolour<'a>(bytes: &mut Vec<u8>, ends: impl Iterator<Item = &'a mut usize>) {
    let Some(first) = memchr::memchr(ESCAPE, bytes) else { return };
    let mut ends = ends.skip_while(|end| **end <= first).peekable();
    let (mut from, mut to) = (first, first);
    while from < bytes.len() {
        from += sequence(&bytes[from..]);
        // What is no colour stays, the escape too.
        let rest = bytes.get(from + 1..).unwrap_or_default();
        let until = memchr::memchr(ESCAPE, rest).map_or(bytes.len(), |at| from + 1 + at);
        bytes.copy_within(from..until, to);
        while let Some(end) = ends.next_if(|end| **end <= until) {
            *end -= from - to;
        }
        to += until - from;
        from = until;
    }
    bytes.truncate(to);
}

/// How long the sequences are that `bytes` begin with; 0: they begin with none.
fn sequence(bytes: &[u8]) -> usize {
    let mut length = 0;
    while let Some(rest) = bytes[length..].strip_prefix(&[ESCAPE, b'[']) {
        let parameters = rest.iter().take_while(|b| matches!(b, b'0'..=b'9' | b';' | b':')).count();
        if !matches!(rest.get(parameters), Some(b'm' | b'K')) {
            break;
        }
        length += 2 + parameters + 1;
    }
    length
}

/// How long the byte order mark is that a file begins with; it is no part of its first line.
#[must_use]
pub fn mark_of(beginning: &[u8]) -> usize {
    if beginning.starts_with(MARK) { MARK.len() } else { 0 }
}

/// Whether a file that begins so is UTF-16. `None`: there is too little of it to tell.
#[must_use]
pub fn is_wide(beginning: &[u8]) -> Option<bool> {
    if beginning.starts_with(b"\xff\xfe") || beginning.starts_with(b"\xfe\xff") {
        return Some(true);
    }
    let (pairs, _) = beginning.get(..TELLING)?.as_chunks::<2>();
    let little = pairs.iter().all(|pair| pair[0] != 0 && pair[1] == 0);
    let big = pairs.iter().all(|pair| pair[0] == 0 && pair[1] != 0);
    Some(little || big)
}

/// What an operator is told of such a file.
#[must_use]
pub fn wide(path: &std::path::Path) -> String {
    format!(
        "{}: it is written in UTF-16, in which nothing is found; let its program write UTF-8 (for a file that is there: `iconv -f UTF-16 -t UTF-8`)",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clean(text: &str, mut ends: Vec<usize>) -> (String, Vec<usize>) {
        let mut bytes = text.as_bytes().to_vec();
        uncolour(&mut bytes, ends.iter_mut());
        (String::from_utf8(bytes).unwrap(), ends)
    }

    #[test]
    fn colours_go_and_everything_else_stays() {
        let check = |text: &str, expected: &str| assert_eq!(clean(text, Vec::new()).0, expected, "{text:?}");
        check("plain\n", "plain\n");
        check("\x1b[1;31mFAULT\x1b[0m id=1\n", "FAULT id=1\n");
        check("a \x1b[01;31m\x1b[Kred\x1b[m\x1b[K b\n", "a red b\n");
        check("\x1b[38;2;1;2;3mx\x1b[38:5:1my\x1b[0m", "xy");
        check("\x1b[2Jgone \x1b]0;title\x07 \x1b", "\x1b[2Jgone \x1b]0;title\x07 \x1b");
        check("\x1b[1;3\n1m", "\x1b[1;3\n1m");
        check("\x1b\x1b[1mx", "\x1bx");
        check("\x1b[0m", "");
    }

    #[test]
    fn the_ends_of_records_follow() {
        let text = "one\n\x1b[1mtwo\x1b[0m\nthree\n\x1b[0m\n";
        let ends = vec![4, 16, 22, 27];
        assert_eq!(clean(text, ends), ("one\ntwo\nthree\n\n".to_owned(), vec![4, 8, 14, 15]));
    }

    #[test]
    fn utf_16_is_told_by_its_mark_or_its_zeros() {
        let wide = |text: &str, big: bool| -> Vec<u8> {
            text.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
        };
        assert_eq!(is_wide(&wide("\u{feff}x", false)), Some(true));
        assert_eq!(is_wide(&wide("\u{feff}x", true)), Some(true));
        for big in [false, true] {
            assert_eq!(is_wide(&wide("2026-11-23 FAULT", big)), Some(true));
            assert_eq!(is_wide(&wide("2026", big)), None);
        }
        assert_eq!(is_wide(b"2026-11-23 a line of text"), Some(false));
        assert_eq!(is_wide(&[0; 64]), Some(false), "a hole");
    }

    proptest! {
        #[test]
        fn records_stay_the_same_but_for_their_colours(
            records in prop::collection::vec("(\x1b\\[[0-9;]{0,3}[mKJ]|\x1b|[a-c\\[m0-9]){0,6}", 0..6),
        ) {
            let records: Vec<String> = records.into_iter().map(|record| record + "\n").collect();
            let ends = records.iter().scan(0, |at, record| { *at += record.len(); Some(*at) }).collect();
            let (all, ends) = clean(&records.concat(), ends);
            let starts = std::iter::once(0).chain(ends.iter().copied());
            for ((start, end), record) in starts.zip(&ends).zip(&records) {
                prop_assert_eq!(&all[start..*end], &clean(record, Vec::new()).0);
            }
        }
    }
}
