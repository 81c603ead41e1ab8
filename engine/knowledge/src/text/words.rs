//! Where words begin and end.

/// The byte ranges of the words of a text. An apostrophe inside of a word belongs to it, but for a final `'s`.
pub(crate) fn words(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text.get(at..)?.find(char::is_alphanumeric)?;
        let mut end = start;
        for (i, c) in text[start..].char_indices() {
            if belongs(c) {
                end = start + i + c.len_utf8();
            } else if matches!(c, '\'' | '’') && end > start {
                let rest = &text[start + i + c.len_utf8()..];
                let mut after = rest.chars();
                let next = after.next();
                let possessive = matches!(next, Some('s' | 'S')) && !after.next().is_some_and(char::is_alphanumeric);
                if possessive {
                    at = start + i + c.len_utf8() + 1;
                    return Some((start, end));
                }
                if !next.is_some_and(char::is_alphanumeric) {
                    break;
                }
            } else {
                break;
            }
        }
        at = end;
        Some((start, end))
    })
}

/// Letters, digits, and the marks that go on top of letters.
fn belongs(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200c}' | '\u{200d}')
}

#[cfg(test)]
mod tests {
    use super::words;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = words(text).map(|(start, end)| &text[start..end]).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn words_are_found() {
        check("Mein Server (vm100) startet nicht…", &["Mein", "Server", "vm100", "startet", "nicht"]);
        check("E-Mail-Postfach", &["E", "Mail", "Postfach"]);
        check("I don't know the server's name's", &["I", "don't", "know", "the", "server", "name"]);
        check("'quoted' it’s", &["quoted", "it"]);
        check("u\u{308}ber", &["u\u{308}ber"]);
        check("", &[]);
    }
}
