//! Exact tokens: error codes, domains, e-mail hosts, paths, long numbers. Two texts that share one speak of the same.

use super::hash;

/// At most so many a text: a pasted log has thousands, of which the first say as much as all.
const MOST: usize = 64;

/// The hashes of a text's exact tokens, each once, in the order of the text.
#[must_use]
pub(crate) fn exact_tokens(text: &str) -> Vec<u64> {
    tokens(text, is_exact)
}

/// The same of an example draft, without what was only that customer's: a number of an order, a time, an amount. Another
/// customer who has the same one writes about something else.
#[must_use]
pub(crate) fn codes(text: &str) -> Vec<u64> {
    tokens(text, |token| is_exact(token) && is_code(token))
}

/// The same of a draft, only those by which a program tells one fault from all others: `0x800CCC0E`, `AH01071`, `5.7.1`,
/// `ERR_SSL_PROTOCOL_ERROR`, not `550` or `example.com`.
#[must_use]
pub(crate) fn telling(text: &str) -> Vec<u64> {
    tokens(text, |token| is_exact(token) && is_telling(token))
}

fn tokens(text: &str, is_wanted: impl Fn(&str) -> bool) -> Vec<u64> {
    let mut tokens = Vec::new();
    let mut lower = String::new();
    let parts = |c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>' | '(' | ')' | '[' | ']' | ',' | ';');
    let mut chunks = text.split(parts).peekable();
    while let Some(chunk) = chunks.next() {
        let is_amount = chunk.bytes().all(|b| b.is_ascii_digit()) && chunks.peek().is_some_and(|unit| is_unit(unit));
        if is_amount {
            continue;
        }
        let chunk = chunk.trim_matches(|c: char| !c.is_alphanumeric() && c != '/');
        if chunk.len() < 3 || chunk.len() > 128 || !is_wanted(chunk) {
            continue;
        }
        lower.clear();
        // Of an address only the host: the customer's own name is nobody else's.
        let kept = chunk.rsplit_once('@').map_or(chunk, |(_, host)| host);
        lower.extend(kept.chars().flat_map(char::to_lowercase));
        let trimmed = lower.trim_start_matches("https://").trim_start_matches("http://").trim_start_matches("www.");
        let token = hash(trimmed.trim_end_matches('/').as_bytes());
        if !tokens.contains(&token) {
            tokens.push(token);
            if tokens.len() == MOST {
                break;
            }
        }
    }
    tokens
}

/// Whether a number before this word says how much there is of something, and is no code: `300 MB`.
fn is_unit(word: &str) -> bool {
    const UNITS: &str = "kb mb gb tb kib mib gib mbit gbit ms px euro eur usd chf dollar prozent percent";
    let word = word.trim_end_matches(|c: char| c.is_ascii_punctuation() && c != '%' && c != '$');
    matches!(word, "€" | "$" | "%") || UNITS.split(' ').any(|unit| unit.eq_ignore_ascii_case(word))
}

/// Whether a token is more than a word: three digits, digits with dots or dashes, underscores, an address, a path, a domain.
/// `POP3`, `IPv6` and `2FA` are words.
fn is_exact(token: &str) -> bool {
    let digits = token.bytes().filter(u8::is_ascii_digit).count();
    let letters = token.chars().any(char::is_alphabetic);
    let is_word = token.chars().all(char::is_alphanumeric);
    if digits >= 3 || (digits > 0 && letters && !is_word) {
        return true;
    }
    if digits > 0 {
        return token.contains('.') && digits >= 2;
    }
    if token.contains('_') || token.contains('@') {
        return true;
    }
    if let Some(path) = token.strip_prefix('/') {
        return path.contains('/');
    }
    // A domain: letters, a dot, letters, nothing else. "end.Next" of a missing space is one, too, and matches nothing.
    token.split_once('.').is_some_and(|(name, rest)| {
        name.chars().count() >= 2
            && rest.chars().filter(|c| c.is_alphanumeric()).count() >= 2
            && token.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '/' | ':'))
    })
}

/// Whether a program or a person who makes names has made it: `550`, `5.7.1`, `AH00558`, `0x800CCC0E`, `example.com`, not
/// `113542617` or `8:30am`.
fn is_code(token: &str) -> bool {
    let digits = token.bytes().filter(u8::is_ascii_digit).count();
    let begins = token.starts_with(char::is_alphabetic);
    let is_hex = token.starts_with("0x") || token.starts_with("0X");
    digits == 0
        || is_hex
        || token.contains(['.', '_', '/', '@'])
        || (digits == 3 && token.len() == 3)
        || (begins && digits >= 3)
}

/// Whether no person has made it, nor chosen it: letters and three digits, three numbers with dots, or words in capitals.
fn is_telling(token: &str) -> bool {
    if token.contains(['/', '@', '-']) {
        return false;
    }
    let digits = token.bytes().filter(u8::is_ascii_digit).count();
    let is_word = token.bytes().all(|b| b.is_ascii_alphanumeric());
    let is_status = token.split('.').count() == 3 && token.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let is_shouted = token.contains('_') && token.bytes().all(|b| b.is_ascii_uppercase() || matches!(b, b'_' | b':'));
    is_status || is_shouted || (is_word && is_code(token) && digits >= 3 && digits < token.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let expected: Vec<u64> = expected.iter().map(|token| hash(token.as_bytes())).collect();
        assert_eq!(exact_tokens(text), expected, "{text:?}");
    }

    #[test]
    fn codes_hosts_paths_and_numbers_are_exact() {
        check("550 5.7.1 rejected", &["550", "5.7.1"]);
        check("Fehler: ERR_CERT_DATE_INVALID!", &["err_cert_date_invalid"]);
        check("max@example.org und https://www.Example.com/", &["example.org", "example.com"]);
        check("siehe /var/log/mail.log", &["/var/log/mail.log"]);
        check("Rechnung RE-2024, vm100", &["re-2024", "vm100"]);
        check("500 und 300 MB, 550 GB. 100 %", &["500"]);
    }

    #[test]
    fn words_are_none() {
        check("Mein Server startet nicht. Warum? 12 Mal and/or e-mail z.B. POP3 IPv6 2FA TYPO3", &[]);
    }

    #[test]
    fn of_an_example_only_what_another_customer_may_have_too() {
        let text = "order 113542617735902 at 8:30am, 500gb: 550 5.7.1 from mx.example.com, AH00558 in /etc/apache2/sites 0x800CCC0E";
        let expected = ["550", "5.7.1", "mx.example.com", "ah00558", "/etc/apache2/sites", "0x800ccc0e"];
        assert_eq!(codes(text), expected.map(|one| hash(one.as_bytes())));
        assert_eq!(exact_tokens(text).len(), expected.len() + 3);
    }

    #[test]
    fn of_a_draft_what_tells_one_fault_from_all_others() {
        let text = "550 5.7.1 0x800CCC0E AH01071: NET::ERR_CERT_INVALID wp_posts 2026.11.23x max@mx1.example.com RE-20241 4711 500gb PHP8 1.2.3.4";
        let expected = ["5.7.1", "0x800ccc0e", "ah01071", "net::err_cert_invalid"];
        assert_eq!(telling(text), expected.map(|one| hash(one.as_bytes())));
    }
}
