//! The shape of a message: its words and signs, with a slot wherever a value stands that differs from line to line.
//!
//! Start at [`tokens`].

use std::ops::Range;

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Piece {
    /// A word that the program writes.
    Word(Box<str>),
    /// A bracket, quote, comma, colon, …
    Sign(char),
    /// A number, address, path, name of a user, …: a value.
    Slot,
}

/// A piece and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) piece: Piece,
    pub(crate) span: Range<usize>,
}

/// Signs that always stand by themselves.
const SIGNS: &[char] = &['=', ',', ';', '(', ')', '[', ']', '{', '}', '"', '\'', '<', '>', '|'];
/// Tokens behind these are not looked at: a message is told by its beginning.
const MOST: usize = 200;

/// The tokens of a message. Brackets with nothing but values in them are left out: programs write them or not.
pub(crate) fn tokens(message: &str) -> Vec<Token> {
    let mut all = Vec::new();
    let mut chunk = 0..0;
    for (at, letter) in message.char_indices().chain([(message.len(), ' ')]) {
        // A path may have `?a=b` behind it.
        let in_path = letter == '=' && message[chunk.clone()].starts_with('/');
        if in_path || !letter.is_whitespace() && !SIGNS.contains(&letter) {
            chunk.end = at + letter.len_utf8();
            continue;
        }
        read_chunk(message, chunk.clone(), &mut all);
        if !letter.is_whitespace() {
            push(&mut all, Piece::Sign(letter), at..at + letter.len_utf8());
        }
        let behind = (at + letter.len_utf8()).min(message.len());
        chunk = behind..behind;
        if all.len() > MOST {
            break;
        }
    }
    find_dates(&mut all);
    find_users(&mut all);
    let all = join_lists(without_empty_brackets(all));
    all.into_iter().take(MOST).collect()
}

fn push(all: &mut Vec<Token>, piece: Piece, span: Range<usize>) {
    // Values side by side are one.
    if let (Piece::Slot, Some(Token { piece: Piece::Slot, span: before })) = (&piece, all.last_mut()) {
        before.end = span.end;
    } else {
        all.push(Token { piece, span });
    }
}

/// What stands between blanks and signs.
fn read_chunk(message: &str, span: Range<usize>, all: &mut Vec<Token>) {
    let text = &message[span.clone()];
    let core = text.trim_end_matches(['.', ':', '!', '?']);
    if core.is_empty() {
        if text.starts_with(':') {
            push(all, Piece::Sign(':'), span.start..span.start + 1);
        }
        return;
    }
    let ends_with_colon = text[core.len()..].contains(':');
    if is_value_with_colons(core) {
        push(all, Piece::Slot, span.start..span.start + core.len());
    } else {
        let mut at = span.start;
        for (number, part) in core.split(':').enumerate() {
            if number > 0 {
                push(all, Piece::Sign(':'), at - 1..at);
            }
            if !part.is_empty() {
                let piece = if is_value(part) { Piece::Slot } else { Piece::Word(part.into()) };
                push(all, piece, at..at + part.len());
            }
            at += part.len() + 1;
        }
    }
    if ends_with_colon {
        let at = span.start + core.len();
        push(all, Piece::Sign(':'), at..at + 1);
    }
}

/// A time of day, an IPv6 or hardware address, `host:port`.
fn is_value_with_colons(text: &str) -> bool {
    let Some((before, last)) = text.rsplit_once(':') else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let name = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    let address = || text.bytes().all(|b| b.is_ascii_hexdigit() || b == b':') && text.matches(':').count() >= 3;
    let time = || text.bytes().all(|b| b.is_ascii_digit() || b":.,-T+Z".contains(&b));
    (digits(last) && !before.is_empty() && name(before)) || address() || time()
}

/// Whether a part without colons is a value: it has a digit, or is a path, a mail address or a dotted name.
fn is_value(part: &str) -> bool {
    let dotted = || {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.matches(['.', '$']).count() >= 2
            && part.chars().all(|c| c.is_alphanumeric() || "._$-".contains(c))
            && !part.contains("..")
    };
    let mail = || part.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'));
    part.bytes().any(|b| b.is_ascii_digit()) || (part.starts_with('/') && part.len() > 1) || mail() || dotted()
}

const DATES: [&str; 19] = [
    "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
    "Oct", "Nov", "Dec",
];

/// `Fri Jul  1 07:57:30 2005` is one value.
fn find_dates(all: &mut Vec<Token>) {
    for at in (0..all.len().saturating_sub(1)).rev() {
        let is_date = matches!(&all[at].piece, Piece::Word(word) if DATES.contains(&&**word));
        if is_date && all[at + 1].piece == Piece::Slot {
            all[at].piece = Piece::Slot;
            all[at].span.end = all[at + 1].span.end;
            all.remove(at + 1);
        }
    }
}

/// The word behind `user` is a user.
fn find_users(all: &mut [Token]) {
    for at in 1..all.len() {
        let (before, here) = all.split_at_mut(at);
        if let (Some(Token { piece: Piece::Word(word), .. }), Some(token)) = (before.last(), here.first_mut())
            && &**word == "user"
            && matches!(token.piece, Piece::Word(_))
        {
            token.piece = Piece::Slot;
        }
    }
}

/// Leaves out `()`, `(10.2 KB)`, `[1234]`.
fn without_empty_brackets(all: Vec<Token>) -> Vec<Token> {
    let mut kept: Vec<Token> = Vec::with_capacity(all.len());
    for token in all {
        let open = match token.piece {
            Piece::Sign(')') => '(',
            Piece::Sign(']') => '[',
            _ => {
                push(&mut kept, token.piece, token.span);
                continue;
            }
        };
        let says_nothing = |token: &Token| match &token.piece {
            Piece::Word(word) => word.len() <= 2,
            Piece::Sign(sign) => matches!(sign, ',' | ':'),
            Piece::Slot => true,
        };
        let start = kept.iter().rposition(|token| !says_nothing(token));
        match start {
            Some(start) if kept[start].piece == Piece::Sign(open) => kept.truncate(start),
            _ => kept.push(token),
        }
    }
    kept
}

/// Values with commas between them are one.
fn join_lists(all: Vec<Token>) -> Vec<Token> {
    let mut kept: Vec<Token> = Vec::with_capacity(all.len());
    for token in all {
        let list = matches!(&kept[..], [.., one, sign]
            if one.piece == Piece::Slot && sign.piece == Piece::Sign(',') && token.piece == Piece::Slot);
        if list {
            kept.pop();
        }
        push(&mut kept, token.piece, token.span);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, shape: &str) {
        let text: Vec<String> = tokens(message)
            .iter()
            .map(|token| match &token.piece {
                Piece::Word(word) => word.to_string(),
                Piece::Sign(sign) => sign.to_string(),
                Piece::Slot => "*".into(),
            })
            .collect();
        assert_eq!(text.join(" "), shape, "{message}");
    }

    #[test]
    fn values_become_slots() {
        check("Failed password for root from 192.0.2.7 port 22 ssh2", "Failed password for root from * port *");
        check("connection from 2001:db8::1 () at Fri Jul  1 07:57:30 2005", "connection from * at *");
        check(
            "open() \"/var/www/x y\" failed (24: Too many open files)",
            "open \" * y \" failed ( * : Too many open files )",
        );
        check("session opened for user news by (uid=9)", "session opened for user * by ( uid = * )");
        check(
            "www.example.com:443 close, 850 bytes sent, 10547 bytes (10.2 KB) received",
            "* close , * bytes sent , * bytes received",
        );
        check("192.0.2.1,192.0.2.2 \"GET /x\" status: 200.", "* \" GET * \" status : *");
        check("GET /x?all=True&since=now done", "GET * done");
        check("state: busy.", "state : busy");
        check("::", ":");
        check("", "");
    }

    #[test]
    fn spans_stand_where_the_pieces_do() {
        let message = "ü [error] 6#6: *2 pool \u{201e}www\u{201c} (a) is 5 ms late.";
        for token in tokens(message) {
            let text = &message[token.span.clone()];
            match token.piece {
                Piece::Word(word) => assert_eq!(&*word, text),
                Piece::Sign(sign) => assert_eq!(sign.to_string(), text),
                Piece::Slot => assert!(!text.trim().is_empty()),
            }
        }
    }
}
