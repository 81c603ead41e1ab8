//! Which bracket of a script is not closed, as far as its lines' indentation tells.
//!
//! Start at [`unclosed`]. What a parser says of it is where it gave up, which is often many lines further down.

/// A bracket that is open.
struct Open {
    /// What opens: `{`, `[` or `(`.
    bracket: char,
    line: usize,
    /// By how much its line is indented.
    indent: usize,
}

/// The bracket, and its line from 1, that seems not to be closed: what closes it stands at the beginning of a line that is indented
/// otherwise, is of another kind, or is missing.
pub(crate) fn unclosed(text: &str) -> Option<(char, usize)> {
    let mut open: Vec<Open> = Vec::new();
    // What a text or comment that goes over several lines ends with.
    let mut within: Option<&str> = None;
    for (number, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let mut rest = line;
        loop {
            if let Some(end) = within {
                let Some(at) = end_of(rest, end) else { break };
                rest = &rest[at..];
                within = None;
            }
            let Some((at, c)) = rest.char_indices().find(|(_, c)| "{}[]()\"'`/".contains(*c)) else { break };
            let is_first = rest.len() == line.len() && line[..at].trim().is_empty();
            let tail = &rest[at + 1..];
            rest = tail;
            match c {
                '"' => within = Some("\""),
                '\'' => within = Some("'"),
                '`' => within = Some("`"),
                '/' if tail.starts_with('/') => break,
                '/' if tail.starts_with('*') => within = Some("*/"),
                '/' => {}
                '{' | '[' | '(' => open.push(Open { bracket: c, line: number + 1, indent }),
                _ => {
                    let last = open.pop()?;
                    let fits = matches!((last.bracket, c), ('{', '}') | ('[', ']') | ('(', ')'));
                    if !fits || (is_first && last.indent != indent && last.line != number + 1) {
                        return Some((last.bracket, last.line));
                    }
                }
            }
        }
    }
    open.pop().map(|last| (last.bracket, last.line))
}

/// Behind the end of a text or comment.
fn end_of(text: &str, end: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find(end)?;
        // In double and single quotes a backslash makes the next sign one of the text.
        let slashes = text[..at].bytes().rev().take_while(|byte| *byte == b'\\').count();
        if !matches!(end, "\"" | "'") || slashes % 2 == 0 {
            return Some(at + end.len());
        }
        from = at + end.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bracket_that_is_not_closed() {
        let check = |text: &str, expected: Option<(char, usize)>| assert_eq!(unclosed(text), expected, "{text}");
        check("#{\n    a: 1,\n}\n", None);
        check("#{\n    a: 1,\n", Some(('{', 1)));
        check("#{\n    fix: |i| {\n        [1, 2]\n    ,\n    b: 2,\n}\n", Some(('{', 2)));
        check("#{\n    match: [\n        `a(b{`,\n    b: 2,\n}\n", Some(('[', 2)));
        check("#{\n    a: f(1, 2,\n    b: 2,\n}\n", Some(('(', 2)));
        check("#{\n    // it's {\n    a: \"\\\"}\", b: '{', /* {\n [ */ c: `\n}`,\n}\n", None);
        check("#{\n    if a { b }\n    else {\n        c\n    }\n}\n", None);
        check("}\n", None);
        check("", None);
    }
}
