//! One spelling for all spellings of a word: case, umlauts, accents, ß.
//!
//! `ä`, `ae` and `a` become one, composed or not; so do `ß` and `ss`. That makes a few different words equal, on both
//! sides alike, which costs less than the drafts typed without umlauts.

/// Appends the folded word to `out`.
pub(crate) fn fold(word: &str, out: &mut String) {
    let begin = out.len();
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        if c.is_ascii() {
            let c = c.to_ascii_lowercase();
            if c == 'e' && stands_for_umlaut(&out[begin..], chars.as_str()) {
                continue;
            }
            if c.is_ascii_alphanumeric() {
                out.push(c);
            }
            continue;
        }
        for c in c.to_lowercase() {
            match c {
                // Combining marks: what is left of a decomposed umlaut is its base letter.
                '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200b}'..='\u{200d}' => {}
                'ä' | 'à' | 'á' | 'â' | 'ã' | 'å' | 'ā' | 'ă' | 'ą' | 'æ' => out.push('a'),
                'ö' | 'ò' | 'ó' | 'ô' | 'õ' | 'ø' | 'ō' | 'ő' | 'œ' => out.push('o'),
                'ü' | 'ù' | 'ú' | 'û' | 'ū' | 'ű' | 'ů' => out.push('u'),
                'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => out.push('e'),
                'ì' | 'í' | 'î' | 'ï' | 'ī' | 'ı' => out.push('i'),
                'ç' | 'ć' | 'č' => out.push('c'),
                'ñ' | 'ń' | 'ň' => out.push('n'),
                'ś' | 'š' | 'ş' | 'ș' => out.push('s'),
                'ý' | 'ÿ' => out.push('y'),
                'ź' | 'ż' | 'ž' => out.push('z'),
                'ł' => out.push('l'),
                'ß' => out.push_str("ss"),
                'ﬁ' => out.push_str("fi"),
                'ﬂ' => out.push_str("fl"),
                c if c.is_alphanumeric() => out.push(c),
                _ => {}
            }
        }
    }
}

/// Whether an `e` after `before` is how a keyboard without umlauts writes them. `ue` after a vowel or `q` is none
/// (`neue`, `Quelle`), nor is the end of English words (`issue`, `values`, `continued`).
fn stands_for_umlaut(before: &str, rest: &str) -> bool {
    let mut letters = before.bytes().rev();
    match letters.next() {
        Some(b'a' | b'o') => letters.next().is_some() || !rest.is_empty(),
        Some(b'u') => {
            let before = letters.next();
            let ends = rest.is_empty() || rest.eq_ignore_ascii_case("s") || rest.eq_ignore_ascii_case("d");
            !ends && !matches!(before, Some(b'a' | b'e' | b'i' | b'o' | b'u' | b'q'))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::fold;

    fn check(words: &[&str], expected: &str) {
        for word in words {
            let mut folded = String::new();
            fold(word, &mut folded);
            assert_eq!(folded, expected, "{word}");
        }
    }

    #[test]
    fn spellings_meet() {
        check(&["Überprüfung", "UEBERPRUEFUNG", "uberprufung", "U\u{308}berpru\u{308}fung"], "uberprufung");
        check(&["Straße", "STRASSE", "strasse"], "strasse");
        check(&["läuft", "laeuft", "lauft"], "lauft");
        check(&["möchte", "moechte", "mochte"], "mochte");
        check(&["café", "cafe", "CAFE\u{301}"], "cafe");
    }

    #[test]
    fn an_e_of_its_own_stays() {
        check(&["neue"], "neue");
        check(&["Quelle"], "quelle");
        check(&["Steuer"], "steuer");
        check(&["issue"], "issue");
        check(&["Issues"], "issues");
        check(&["queue"], "queue");
        check(&["don't"], "dont");
    }

    #[test]
    fn other_scripts_stay() {
        check(&["СЕРВЕР", "сервер"], "сервер");
        check(&["服务器"], "服务器");
    }
}
