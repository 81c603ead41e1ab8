//! HTML as the Markdown that answers know: paragraphs, lists, bold, code, links. Nothing else survives, least of all a script.
//!
//! A converter of our own: the crates for it bring a browser's parser, and know more Markdown than forms show.

use std::collections::BTreeSet;

use heinzel_core::unseen::is_unseen;

use crate::front_matter::is_address;

/// Elements that go with all that is in them.
const SILENT: [&str; 16] = [
    "script", "style", "iframe", "object", "embed", "noscript", "template", "svg", "math", "head", "title", "textarea",
    "select", "audio", "video", "canvas",
];

/// Elements that begin and end a paragraph.
const BLOCKS: [&str; 26] = [
    "p",
    "div",
    "section",
    "article",
    "header",
    "footer",
    "main",
    "aside",
    "blockquote",
    "table",
    "tbody",
    "thead",
    "tr",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "pre",
    "hr",
    "dl",
    "dt",
    "dd",
    "figure",
    "address",
];

/// Elements of running text that mean nothing here.
const PLAIN: [&str; 24] = [
    "span", "i", "em", "u", "s", "small", "big", "font", "sub", "sup", "abbr", "mark", "center", "td", "th", "body",
    "html", "label", "cite", "q", "del", "ins", "wbr", "nobr",
];

/// Converts HTML (or plain text, whose line breaks then count). Also says what was left out.
#[must_use]
pub(crate) fn to_markdown(html: &str) -> (String, Vec<String>) {
    let mut made = Made::default();
    let plain = html.match_indices('<').all(|(at, _)| tag(&html[at..]).is_none());
    let mut rest = html;
    while !rest.is_empty() {
        let next = rest.find('<').unwrap_or(rest.len());
        made.text(&rest[..next], plain);
        rest = &rest[next..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, behind)| behind);
            continue;
        }
        let Some((tag, behind)) = tag(rest) else {
            if let Some(behind) = rest.strip_prefix('<') {
                made.text("<", plain);
                rest = behind;
            }
            continue;
        };
        rest = behind;
        if SILENT.contains(&&*tag.name) && !tag.closing {
            made.dropped.insert(format!("<{}>", tag.name));
            rest = skip(rest, &tag.name);
            continue;
        }
        made.tag(&tag);
    }
    made.paragraph();
    (made.out.trim().to_owned(), made.dropped.into_iter().collect())
}

/// One tag.
struct Tag {
    name: String,
    closing: bool,
    href: Option<String>,
}

/// The tag with which the text begins, and what is behind it. A `<` that begins none is text.
fn tag(text: &str) -> Option<(Tag, &str)> {
    let inside = text.strip_prefix('<')?;
    let closing = inside.starts_with('/');
    let inside = inside.strip_prefix('/').unwrap_or(inside);
    if !inside.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!' || c == '?') {
        return None;
    }
    let mut quote = None;
    // A tag that never ends swallows the rest, as in browsers.
    let mut end = inside.len();
    for (at, c) in inside.char_indices() {
        match (quote, c) {
            (None, '>') => {
                end = at;
                break;
            }
            (None, '"' | '\'') if inside[..at].trim_end().ends_with('=') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    let behind = inside.get(end + 1..).unwrap_or_default();
    let inside = &inside[..end];
    let length = inside.find(|c: char| !(c.is_ascii_alphanumeric() || c == ':' || c == '-')).unwrap_or(inside.len());
    let name = inside[..length].to_ascii_lowercase();
    Some((Tag { href: attribute(&inside[length..], "href"), name, closing }, behind))
}

/// The value of an attribute.
fn attribute(text: &str, wanted: &str) -> Option<String> {
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let length = rest.find(|c: char| c.is_whitespace() || c == '=' || c == '/').unwrap_or(rest.len());
        let (name, behind) = (&rest[..length], rest[length..].trim_start());
        let Some(value) = behind.strip_prefix('=').map(str::trim_start) else {
            rest = if length == 0 { behind.get(1..).unwrap_or_default().trim_start() } else { behind };
            continue;
        };
        let (value, behind) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
            _ => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(entities(value).trim().to_owned());
        }
        rest = behind.trim_start();
    }
    None
}

/// What is behind the end of an element.
fn skip<'a>(text: &'a str, name: &str) -> &'a str {
    let mut at = 0;
    while let Some(begin) = text[at..].find("</").map(|n| at + n) {
        let after = &text[begin + 2..];
        if after.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name)) {
            return after.split_once('>').map_or("", |(_, behind)| behind);
        }
        at = begin + 2;
    }
    ""
}

/// The Markdown made so far.
#[derive(Default)]
struct Made {
    out: String,
    /// The paragraph that is being made.
    line: String,
    /// The lists that are open: how many items a numbered one has had, or `None` for bullets.
    lists: Vec<Option<usize>>,
    /// The mark of the list item whose first paragraph is being made.
    item: Option<String>,
    /// Where in the line bold text began.
    bold: Option<usize>,
    code: Option<usize>,
    /// Where in the line a link's text began, and where it leads.
    link: Option<(usize, String)>,
    dropped: BTreeSet<String>,
}

impl Made {
    fn text(&mut self, text: &str, plain: bool) {
        let text = entities(text);
        for c in text.chars() {
            match c {
                '\n' if plain => {
                    if self.line.ends_with('\n') {
                        self.paragraph();
                    } else if !self.line.is_empty() {
                        self.line.push('\n');
                    }
                }
                c if c.is_whitespace() => {
                    if !self.line.is_empty() && !self.line.ends_with([' ', '\n']) {
                        self.line.push(' ');
                    }
                }
                c if c.is_control() || is_unseen(c) => {}
                // Between backticks nothing can be escaped.
                '`' if self.code.is_some() => self.line.push('\''),
                '{' | '%' | '#' if self.code.is_some() && self.line.ends_with('{') => self.line.extend([' ', c]),
                '%' | '#' if self.line.ends_with('{') => self.line.extend(['\\', c]),
                '\\' | '`' | '*' | '[' | ']' | '<' | '{' | '_' if self.code.is_none() => self.line.extend(['\\', c]),
                c => self.line.push(c),
            }
        }
    }

    fn tag(&mut self, tag: &Tag) {
        match (&*tag.name, tag.closing) {
            ("br", _) => {
                if self.line.ends_with('\n') {
                    self.paragraph();
                } else if !self.line.trim().is_empty() {
                    self.close_inline();
                    self.line.truncate(self.line.trim_end().len());
                    self.line.push('\n');
                }
            }
            ("ul", false) => self.list(None),
            ("ol", false) => self.list(Some(0)),
            ("ul" | "ol", true) => {
                self.paragraph();
                self.lists.pop();
                self.item = None;
            }
            ("li", false) => {
                self.paragraph();
                let mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{number}. ")
                    }
                    _ => "- ".to_owned(),
                };
                self.item = Some(mark);
            }
            ("li", true) => self.paragraph(),
            ("b" | "strong", _) if self.code.is_some() => {}
            ("b" | "strong", false) => self.bold = self.bold.or(Some(self.line.len())),
            ("b" | "strong", true) => self.close_bold(),
            ("code" | "tt" | "kbd" | "samp", false) => self.code = self.code.or(Some(self.line.len())),
            ("code" | "tt" | "kbd" | "samp", true) => self.close_code(),
            ("a", false) => {
                self.close_link();
                if let Some(href) = &tag.href {
                    self.link = Some((self.line.len(), href.clone()));
                }
            }
            ("a", true) => self.close_link(),
            (name, closing) if BLOCKS.contains(&name) => {
                self.paragraph();
                // A heading is a paragraph in bold.
                if name.len() == 2 && name.starts_with('h') && name != "hr" && !closing {
                    self.bold = Some(0);
                }
            }
            ("td" | "th", true) => self.text(" ", false),
            (name, _) if PLAIN.contains(&name) => {}
            (name, false) => _ = self.dropped.insert(format!("<{name}>")),
            (_, true) => {}
        }
    }

    fn list(&mut self, number: Option<usize>) {
        self.paragraph();
        self.lists.push(number);
    }

    fn close_inline(&mut self) {
        self.close_code();
        self.close_link();
        self.close_bold();
    }

    fn close_bold(&mut self) {
        if let Some(begin) = self.bold.take() {
            self.wrap(begin, "**", "**");
        }
    }

    fn close_code(&mut self) {
        if let Some(begin) = self.code.take() {
            self.wrap(begin, "`", "`");
        }
    }

    fn close_link(&mut self) {
        let Some((begin, href)) = self.link.take() else { return };
        if is_address(&href) && !href.contains('{') {
            self.wrap(begin, "[", &format!("]({href})"));
        } else if !href.starts_with('#') {
            let scheme = href.split(':').next().unwrap_or_default();
            let known = ["http", "mailto", "tel"].contains(&&*scheme.to_lowercase());
            self.dropped.insert(if known {
                format!("the link to {href}")
            } else {
                "a link that leads nowhere".to_owned()
            });
        }
    }

    /// Puts marks around what has been written since `begin`, if it is anything.
    fn wrap(&mut self, begin: usize, open: &str, close: &str) {
        let Some(text) = self.line.get(begin..).filter(|text| !text.trim().is_empty()) else { return };
        let before = text.len() - text.trim_start().len();
        let after = text.len() - text.trim_end().len();
        let end = self.line.len() - after;
        self.line.insert_str(end, close);
        self.line.insert_str(begin + before, open);
        // What was opened behind this begins later now.
        let others = [self.bold.as_mut(), self.code.as_mut(), self.link.as_mut().map(|(at, _)| at)];
        others.into_iter().flatten().filter(|at| **at > begin).for_each(|at| *at += open.len());
    }

    /// Ends the paragraph or list item that is being made.
    fn paragraph(&mut self) {
        self.close_inline();
        let line = std::mem::take(&mut self.line);
        let text = line.trim();
        if text.is_empty() {
            return;
        }
        let depth = self.lists.len().saturating_sub(1);
        let mark = self.item.take();
        if !self.out.is_empty() {
            // Items of a list follow each other; paragraphs have a blank line between them.
            let tight = mark.is_some() && self.out.lines().last().is_some_and(is_item);
            self.out.push_str(if tight { "\n" } else { "\n\n" });
        }
        let indent = "  ".repeat(depth);
        let first = mark.unwrap_or_else(|| if self.lists.is_empty() { String::new() } else { "  ".to_owned() });
        for (number, line) in text.lines().enumerate() {
            if number > 0 {
                self.out.push('\n');
                self.out.push_str(&" ".repeat(indent.len() + first.len()));
            } else {
                self.out.push_str(&indent);
                self.out.push_str(&first);
            }
            // What begins a list or heading at the beginning of a line did not do so in HTML.
            let line = line.trim();
            let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            if line.starts_with(['-', '+', '#', '>', '=', '|', '~']) {
                self.out.push('\\');
                self.out.push_str(line);
            } else if digits > 0 && line[digits..].starts_with(['.', ')']) {
                self.out.push_str(&line[..digits]);
                self.out.push('\\');
                self.out.push_str(&line[digits..]);
            } else {
                self.out.push_str(line);
            }
        }
    }
}

fn is_item(line: &str) -> bool {
    let line = line.trim_start();
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    line.starts_with("- ") || (digits > 0 && line[digits..].starts_with(". "))
}

/// Names of characters that text modules use.
const NAMED: [(&str, &str); 38] = [
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("apos", "'"),
    ("nbsp", " "),
    ("auml", "ä"),
    ("ouml", "ö"),
    ("uuml", "ü"),
    ("Auml", "Ä"),
    ("Ouml", "Ö"),
    ("Uuml", "Ü"),
    ("szlig", "ß"),
    ("euro", "€"),
    ("ndash", "–"),
    ("mdash", "–"),
    ("hellip", "…"),
    ("laquo", "«"),
    ("raquo", "»"),
    ("bdquo", "„"),
    ("ldquo", "“"),
    ("rdquo", "”"),
    ("sbquo", "‚"),
    ("lsquo", "‘"),
    ("rsquo", "’"),
    ("bull", "•"),
    ("middot", "·"),
    ("copy", "©"),
    ("reg", "®"),
    ("trade", "™"),
    ("eacute", "é"),
    ("egrave", "è"),
    ("agrave", "à"),
    ("ccedil", "ç"),
    ("deg", "°"),
    ("sect", "§"),
    ("times", "×"),
    ("shy", ""),
];

/// The text with its character references resolved, once; what is unknown stays as it is.
fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let end = after.char_indices().take(12).find(|(_, c)| *c == ';').map(|(at, _)| at);
        let known = end.and_then(|end| {
            let name = &after[..end];
            if let Some(number) = name.strip_prefix('#') {
                let hex = number.strip_prefix(['x', 'X']);
                let code = hex.map_or_else(|| number.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok())?;
                return Some(char::from_u32(code).filter(|c| *c != '\0').map(String::from).unwrap_or_default());
            }
            NAMED.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned())
        });
        match (known, end) {
            (Some(text), Some(end)) => {
                out.push_str(&text);
                rest = &after[end + 1..];
            }
            _ => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}
