//! Text for people. What comes from logs is made harmless before it reaches a terminal.

use std::fmt::Write as _;
use std::path::PathBuf;

use heinzel_core::finding::excerpt;
use heinzel_core::unseen::is_unseen;

/// The text on one line, without control characters (so no ANSI sequence survives) and without what nobody sees, cut at `limit` bytes.
pub(crate) fn plain(text: &str, limit: usize) -> String {
    let cut = excerpt(text, limit);
    let mut out = String::with_capacity(cut.len());
    for c in cut.chars() {
        match c {
            '\n' => out.push_str(" ⏎ "),
            '\t' => out.push(' '),
            c if c.is_control() || is_unseen(c) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "{}", c.escape_unicode());
            }
            c => out.push(c),
        }
    }
    if cut.len() < text.len() {
        out.push('…');
    }
    out
}

/// [`plain`] behind a colon; nothing where there is no text, as with a reason that nobody gave.
pub(crate) fn after_colon(text: &str, limit: usize) -> String {
    if text.trim().is_empty() { String::new() } else { format!(": {}", plain(text, limit)) }
}

/// [`plain`] for a text of several lines, which stay lines; nothing is cut.
pub(crate) fn lines(text: &str) -> String {
    text.split('\n').map(|line| plain(line, usize::MAX)).collect::<Vec<_>>().join("\n")
}

/// A number of things: `1 error`, `2 errors`.
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Folders as people write them.
pub(crate) fn folders(folders: &[PathBuf]) -> String {
    let names: Vec<String> = folders.iter().map(|f| f.display().to_string()).collect();
    if names.is_empty() { "any folder (`--rules` or `rules.folders` names one)".into() } else { names.join(", ") }
}

/// A table: the columns as wide as their widest cell, the last one free.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count());
        cells.chain(head.get(column).map(|h| h.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut out = String::new();
    let head: Vec<String> = head.iter().map(|&h| h.to_owned()).collect();
    for row in std::iter::once(&head).chain(rows) {
        let mut line = String::new();
        for (cell, &width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// A value as one line of JSON. JSON leaves some control characters as they are that terminals obey (U+007F to U+009F):
/// they are escaped, too.
pub(crate) fn json(value: &impl serde::Serialize) -> serde_json::Result<String> {
    let text = serde_json::to_string(value)?;
    if !text.contains(char::is_control) {
        return Ok(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if c.is_control() {
            // Writing to a String cannot fail. All of them are below U+10000.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Ok(out)
}

/// A text made safe to stand in HTML.
pub(crate) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The longest run of backticks that a code span holds. cmark-gfm (`MAXBACKTICKS`) knows no fence of more than 80.
const LONGEST_RUN: usize = 32;

/// A text of one line as a code span of Markdown (CommonMark 0.31, 6.1): nothing in it is markup, whatever it is. A run of
/// backticks that no fence can be sure to outlast becomes apostrophes.
pub(crate) fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    if longest > LONGEST_RUN {
        return code(&text.replace('`', "'"));
    }
    let fence = "`".repeat(longest + 1);
    // A backtick at an end would belong to the fence. A reader takes both spaces away again.
    let pad = if longest > 0 { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_a_log_reaches_a_terminal_as_a_command() {
        assert_eq!(plain("a\u{1b}[31mred\u{7}\u{9b}2J", 100), "a\\u{1b}[31mred\\u{7}\\u{9b}2J");
        assert_eq!(plain("exe\u{202e}gpj.x", 100), "exe\\u{202e}gpj.x");
        assert_eq!(plain("a\u{61c}b\u{2028}c", 100), "a\\u{61c}b\\u{2028}c");
        assert_eq!(plain("ä€x", 3), "ä…");
        assert_eq!(plain("a\nb", 100), "a ⏎ b");
        assert_eq!((after_colon("a\nb", 100), after_colon(" ", 100)), (": a ⏎ b".into(), String::new()));
        assert_eq!(lines("a\n  \u{1b}[2Jb\n"), "a\n  \\u{1b}[2Jb\n");
    }

    #[test]
    fn json_has_no_control_characters_and_means_the_same() {
        let text = "a\u{1b}[2J\u{9b}31m\u{7f} \u{85}ö";
        let said = json(&text).unwrap();
        assert_eq!(said, r#""a\u001b[2J\u009b31m\u007f \u0085ö""#);
        assert_eq!(serde_json::from_str::<String>(&said).unwrap(), text);
    }

    #[test]
    fn html_is_text() {
        assert_eq!(
            html("<script>alert('x')&\"</script>"),
            "&lt;script&gt;alert(&#39;x&#39;)&amp;&quot;&lt;/script&gt;"
        );
    }

    #[test]
    fn code_has_no_markup() {
        for (text, span) in [
            ("", ""),
            ("site:shop", "`site:shop`"),
            ("**b** [x](http://e) <img src=x>", "`**b** [x](http://e) <img src=x>`"),
            ("`", "`` ` ``"),
            ("a `b` c", "`` a `b` c ``"),
            ("``` `<img src=x>` ````x", "````` ``` `<img src=x>` ````x `````"),
            ("ends with \\", "`ends with \\`"),
        ] {
            assert_eq!(code(text), span);
        }
        assert_eq!(code(&format!("{} <b>", "`".repeat(100))), format!("`{} <b>`", "'".repeat(100)));
    }

    #[test]
    fn tables_line_up() {
        let rows = vec![vec!["1".into(), "x".into()], vec!["1000".into(), "y".into()]];
        assert_eq!(table(&["id", "what"], &rows), "id    what\n1     x\n1000  y\n");
    }
}
