//! Syslog: RFC 3164 and what its relatives write into files, RFC 5424, and the short output of `journalctl`.

use std::borrow::Cow;

use super::cut::Cut;
use super::when::Memo;
use super::{Read, Reading, keep, level, when};
use crate::event::{Header, Level};

/// How far into a line a tag may reach.
const TAG: usize = 160;

/// How a line begins that stands for several.
pub const REPEATED: &str = "message repeated ";

/// Reads a syslog line of any kind. `None` when it does not begin with a time (or `<PRI>` and a time).
pub(super) fn read<'a>(line: &'a str, context: &Reading<'_>) -> Option<Read<'a>> {
    let mut cut = Cut::new(line);
    let mut header = Header::new(context);
    let priority = priority(&mut cut);
    if let Some(number) = priority {
        header.level = Level::from_number(number % 8);
        if let Some(read) = rfc5424(cut, &header, context) {
            return Some(read);
        }
    }
    match time(&mut cut, context) {
        Some(time) => header.time = Some(time),
        // RFC 3164 section 4.3.2: a relay meets messages with a PRI and nothing else it knows.
        None if priority.is_some() => {
            if let Some(tag) = Tag::cut(cut.rest) {
                return Some(tag.into_read(header));
            }
            return Some(Read::new(header, cut.rest));
        }
        None => return None,
    }
    cut.skip_spaces();
    Some(tagged(cut, &header).unwrap_or_else(|| untagged(cut, header)))
}

/// A line with an ISO time that is surely syslog: the time is one of RFC 3339 and a tag follows, or a host and a program with
/// its process id (or the kernel), as syslog daemons write it with templates of their own.
pub(super) fn certain<'a>(line: &'a str, context: &Reading<'_>) -> Option<Read<'a>> {
    let mut cut = Cut::new(line);
    let iso = when::iso(&mut cut, context)?;
    cut.spaces()?;
    let read = tagged(cut, &Header { time: Some(iso.time), ..Header::new(context) })?;
    let header = &read.header;
    let program = header.program.as_deref().unwrap_or_default();
    let is_process = header.pid.is_some() && !program.contains(' ') || program == "kernel";
    ((iso.strict && iso.zoned) || (header.host.is_some() && is_process)).then_some(read)
}

/// The times that syslog lines begin with.
fn time(cut: &mut Cut<'_>, context: &Reading<'_>) -> Option<crate::time::Timestamp> {
    if let Some(iso) = when::iso(cut, context) {
        return Some(iso.time);
    }
    if let Some(time) = when::month_day(cut, context) {
        return Some(time);
    }
    // `2026 Nov  1 10:00:00`
    let mut at = *cut;
    if let Some(year) = at.number(4, 4)
        && at.spaces().is_some()
    {
        let year = Reading { year: i16::try_from(year).ok(), memo: &Memo::default(), ..*context };
        let time = when::month_day(&mut at, &year)?;
        *cut = at;
        return Some(time);
    }
    // `Sat 2026-11-21 10:00:00 CET`: journalctl's short-full, in the zone it runs in.
    let mut at = when::weekday(*cut)?;
    let iso = when::iso(&mut at, context)?;
    let mut zone = at;
    zone.skip_spaces();
    let name = zone.word();
    if (3..=5).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_uppercase()) {
        at = zone;
    }
    *cut = at;
    Some(iso.time)
}

/// `<34>`
fn priority(cut: &mut Cut<'_>) -> Option<u8> {
    let mut at = *cut;
    at.eat("<")?;
    // RFC 5424 section 6.2.1: 23 * 8 + 7 is the largest.
    let number = at.number(1, 3).and_then(|n| u8::try_from(n).ok()).filter(|&n| n <= 191)?;
    at.eat(">")?;
    *cut = at;
    Some(number)
}

/// `host program[1]: message`, or without the host. `None` when no tag follows.
fn tagged<'a>(cut: Cut<'a>, header: &Header<'a>) -> Option<Read<'a>> {
    let mut after = cut;
    let host = after.word();
    if host.ends_with(':') || host.contains("]:") {
        return Tag::cut(cut.rest).map(|tag| tag.into_read(header.clone()));
    }
    if !is_host(host) {
        return None;
    }
    after.skip_spaces();
    let mut read = Tag::cut(without_priority(after.rest))?.into_read(header.clone());
    read.header.host = Some(host.into());
    Some(read)
}

/// `host last message repeated 2 times`: a host, where the first word can be one.
fn untagged<'a>(cut: Cut<'a>, mut header: Header<'a>) -> Read<'a> {
    let mut after = cut;
    let host = after.word();
    if !is_host(host) || after.spaces().is_none() {
        return Read::new(header, cut.rest);
    }
    header.host = Some(host.into());
    Read::new(header, after.rest)
}

fn is_host(word: &str) -> bool {
    let first = word.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b':');
    first
        && word.len() <= 255
        && word
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'%' | b'@' | b'/'))
        && level(word).is_none()
}

/// What follows `daemon.info `, which BusyBox puts before the tag.
fn without_priority(rest: &str) -> &str {
    let behind = || {
        let (word, behind) = rest.split_once(' ')?;
        let (facility, urgency) = word.split_once('.')?;
        let known =
            ["kern", "user", "mail", "daemon", "auth", "authpriv", "syslog", "lpr", "news", "uucp", "cron", "ftp"];
        let is_facility = known.contains(&facility) || facility.strip_prefix("local").is_some_and(|n| n.len() == 1);
        (is_facility && level(urgency).is_some()).then_some(behind)
    };
    behind().unwrap_or(rest)
}

/// `program[pid]:` and what follows.
struct Tag<'a> {
    program: &'a str,
    pid: Option<u32>,
    message: &'a str,
}

impl<'a> Tag<'a> {
    fn cut(rest: &'a str) -> Option<Self> {
        let head = &rest[..rest.floor_char_boundary(TAG)];
        Self::with_pid(rest, head).or_else(|| Self::without_pid(rest, head))
    }

    /// `name[1]:`, `Some Name[1]:`, `name[1] (what it is about):`.
    fn with_pid(rest: &'a str, head: &str) -> Option<Self> {
        let colon = head.find(": ").unwrap_or(head.len());
        let open = head[..colon].find('[')?;
        let close = open + head[open..].find(']')?;
        let pid = &rest[open + 1..close];
        let program = &rest[..open];
        let numeric = !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit());
        if !is_name(program, if numeric { 3 } else { 1 }) {
            return None;
        }
        let behind = &rest[close + 1..];
        let message = match behind.strip_prefix(':') {
            Some(message) => message,
            None => behind.strip_prefix(" (").filter(|_| numeric)?.split_once("):")?.1,
        };
        Some(Self { program, pid: pid.parse().ok(), message: one_space_less(message) })
    }

    /// `name:`, or `name 1.4.1:` as old syslog daemons call themselves.
    fn without_pid(rest: &'a str, head: &str) -> Option<Self> {
        let colon = head.find(": ").or_else(|| head.ends_with(':').then(|| head.len() - 1))?;
        let program = &rest[..colon];
        let versioned = program.split_once(' ').is_some_and(|(name, version)| {
            is_name(name, 1) && version.bytes().all(|b| b.is_ascii_digit() || b == b'.') && !version.is_empty()
        });
        (is_name(program, 1) || versioned).then(|| Self {
            program,
            pid: None,
            message: one_space_less(&rest[colon + 1..]),
        })
    }

    fn into_read(self, mut header: Header<'a>) -> Read<'a> {
        header.program = Some(self.program.into());
        header.pid = self.pid;
        let (times, message) = unrepeated(self.message);
        header.times = times;
        Read::new(header, if self.program == "kernel" { without_uptime(message) } else { message })
    }
}

/// Whether this can be a program's name, of at most so many words.
fn is_name(text: &str, words: usize) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && !text.ends_with(' ')
        && !text.bytes().any(|b| b.is_ascii_control() || matches!(b, b'"' | b'=' | b'[' | b']' | b','))
        && text.split(' ').count() <= words
}

fn one_space_less(message: &str) -> &str {
    message.strip_prefix(' ').unwrap_or(message)
}

/// How often something was said, and what: `message repeated 4 times: [ … ]`, as rsyslog writes it where it is told to sum
/// up (Ubuntu's is).
fn unrepeated(message: &str) -> (Option<u32>, &str) {
    let several = || {
        let (number, said) = message.strip_prefix(REPEATED)?.split_once(" times: [")?;
        let said = said.strip_suffix(']')?;
        let times = number.bytes().all(|b| b.is_ascii_digit()).then(|| number.parse().ok())??;
        Some((Some(times), one_space_less(said)))
    };
    several().unwrap_or((None, message))
}

/// What follows the kernel's `[  123.456789] `, or all of it.
pub(super) fn without_uptime(message: &str) -> &str {
    let uptime = || {
        let mut cut = Cut::new(message);
        cut.eat("[")?;
        cut.skip_spaces();
        (!cut.digits().is_empty()).then_some(())?;
        cut.eat(".")?;
        (!cut.digits().is_empty()).then_some(())?;
        cut.eat("]")?;
        Some(one_space_less(cut.rest))
    };
    uptime().unwrap_or(message)
}

/// What follows `<PRI>` in RFC 5424: `1 time host app pid msgid [structured data] message`.
fn rfc5424<'a>(mut cut: Cut<'a>, header: &Header<'a>, context: &Reading<'_>) -> Option<Read<'a>> {
    cut.number(1, 2)?;
    cut.eat(" ")?;
    let mut header = header.clone();
    if cut.eat("- ").is_none() {
        header.time = Some(when::iso(&mut cut, context)?.time);
        cut.eat(" ")?;
    }
    let mut field = || {
        let word = cut.word();
        let _ = cut.eat(" ");
        (word != "-" && !word.is_empty()).then_some(word)
    };
    header.host = field().map(Cow::Borrowed);
    header.program = field().map(Cow::Borrowed);
    header.pid = field().and_then(|pid| pid.parse().ok());
    if let Some(id) = field() {
        keep(&mut header, "msgid", id);
    }
    if cut.eat("-").is_none() {
        while let Some(after) = element(cut, &mut header) {
            cut = after;
        }
    }
    let message = one_space_less(cut.rest);
    let message = message.strip_prefix('\u{feff}').unwrap_or(message);
    let (times, message) = unrepeated(message);
    header.times = times;
    Some(Read::new(header, message))
}

/// One `[id name="value" …]`; the attributes are called `id.name`.
fn element<'a>(mut cut: Cut<'a>, header: &mut Header<'_>) -> Option<Cut<'a>> {
    cut.eat("[")?;
    let end = cut.rest.find([' ', ']'])?;
    let id = &cut.rest[..end];
    cut.rest = &cut.rest[end..];
    let mut found = Vec::new();
    while cut.eat(" ").is_some() {
        let name = cut.until('=')?;
        let value = cut.quoted()?;
        if header.attributes.is_some() && found.len() < super::ATTRIBUTES {
            found.push((name, value));
        }
    }
    cut.eat("]")?;
    for (name, value) in found {
        keep(header, &format!("{id}.{name}"), &unescaped(value));
    }
    Some(cut)
}

/// RFC 5424 section 6.3.3: `\"`, `\\` and `\]` mean the second character; other backslashes stay.
fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, characters.peek()) {
            ('\\', Some(&next @ ('"' | '\\' | ']'))) => {
                text.push(next);
                characters.next();
            }
            _ => text.push(c),
        }
    }
    text
}
