//! Finds out a line's format from its beginning.
//!
//! In this order, by the first byte (behind a container's `name_1  | `, which becomes the attribute `container`):
//! - `{`: JSON.
//! - `<`: syslog with a priority.
//! - `[`: kernel uptime, Apache, `dmesg -T`, PHP, any bracketed ISO time.
//! - digit: nginx error; with an ISO date PostgreSQL, MySQL, syslog, any line with a time in front; then old MySQL, Redis,
//!   access log, syslog (`2026 Nov 1`, `10月 22`).
//! - anything else: syslog, access log, a time as `ctime` writes it, logfmt.
//!
//! What fits nowhere is a message without a header.

use super::cut::Cut;
use super::{
    Read, Reading, access, apache_error, json, keep, level, logfmt, mysql, nginx_error, php, postgresql, redis, syslog,
    when,
};
use crate::event::Header;

/// How long a container's name with its padding may be.
const CONTAINER: usize = 80;

/// Reads a line of unknown format.
pub(super) fn read<'a>(line: &'a str, context: &Reading<'_>) -> Option<Read<'a>> {
    let Some((container, inner)) = container(line) else { return bare(line, context) };
    let mut read = bare(inner, context).unwrap_or_else(|| Read::new(Header::new(context), inner));
    keep(&mut read.header, "container", container);
    if read.header.program.is_none() {
        read.header.program = Some(container.into());
    }
    Some(read)
}

fn bare<'a>(line: &'a str, context: &Reading<'_>) -> Option<Read<'a>> {
    match line.bytes().next()? {
        b'{' => json::read(line, context),
        b'<' => syslog::read(line, context),
        b'[' => bracket(line, context),
        b'0'..=b'9' => digit(line, context),
        _ => syslog::read(line, context)
            .or_else(|| access::read(line, context))
            .or_else(|| ctime(line, context))
            .or_else(|| logfmt::certain(line, context)),
    }
}

/// `name_1  | rest`, as container tools print it.
fn container(line: &str) -> Option<(&str, &str)> {
    let head = &line.as_bytes()[..line.len().min(CONTAINER)];
    let bar = head.iter().position(|&b| b == b'|')?;
    let name = line[..bar].trim_end_matches(' ');
    let is_name = !name.is_empty()
        && name.len() < bar
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    let inner = line[bar + 1..].strip_prefix(' ').unwrap_or(&line[bar + 1..]);
    is_name.then_some((name, inner))
}

fn bracket<'a>(line: &'a str, context: &Reading<'_>) -> Option<Read<'a>> {
    let message = syslog::without_uptime(line);
    if message.len() < line.len() {
        return Some(Read::new(Header { program: Some("kernel".into()), ..Header::new(context) }, message));
    }
    if let Some(read) = apache_error::read(line, context).or_else(|| php::read(line, context)) {
        return Some(read);
    }
    let mut cut = Cut::new(line);
    cut.eat("[")?;
    if let Some(time) = when::ctime(&mut cut, context) {
        cut.eat("]")?;
        cut.skip_spaces();
        let header = Header { time: Some(time), program: Some("kernel".into()), ..Header::new(context) };
        return Some(Read::new(header, cut.rest));
    }
    let iso = when::iso(&mut cut, context)?;
    cut.until(']')?;
    cut.skip_spaces();
    Some(timed(iso.time, cut, context))
}

fn digit<'a>(line: &'a str, context: &Reading<'_>) -> Option<Read<'a>> {
    if line.as_bytes().get(4) == Some(&b'/') {
        return nginx_error::read(line, context);
    }
    let mut cut = Cut::new(line);
    if let Some(iso) = when::iso(&mut cut, context) {
        return postgresql::recognise(line, context)
            .or_else(|| mysql::certain(line, context))
            .or_else(|| syslog::certain(line, context))
            .or_else(|| {
                cut.skip_spaces();
                Some(timed(iso.time, cut, context))
            });
    }
    mysql::certain_short(line, context)
        .or_else(|| redis::read(line, context))
        .or_else(|| access::read(line, context))
        .or_else(|| syslog::read(line, context))
}

/// `Sat Nov 21 10:00:00 2026 rest`
fn ctime<'a>(line: &'a str, context: &Reading<'_>) -> Option<Read<'a>> {
    let mut cut = Cut::new(line);
    let time = when::ctime(&mut cut, context)?;
    cut.skip_spaces();
    Some(timed(time, cut, context))
}

/// A line of which only the time in front is understood, and what little is common behind it: the stream mark of container
/// runtimes (`stdout F `), a level, or `name [1]: `.
fn timed<'a>(time: crate::time::Timestamp, mut cut: Cut<'a>, context: &Reading<'_>) -> Read<'a> {
    let mut header = Header { time: Some(time), ..Header::new(context) };
    for mark in ["stdout F ", "stderr F ", "stdout P ", "stderr P "] {
        if cut.eat(mark).is_some() {
            return Read::new(header, cut.rest);
        }
    }
    let mut ahead = cut;
    let word = ahead.word();
    header.level = level(word.trim_matches(['[', ']', ':']));
    if header.level.is_none()
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && let Some((pid, message)) = spaced_pid(ahead)
    {
        header.program = Some(word.into()).filter(|_| !word.is_empty());
        header.pid = Some(pid);
        return Read::new(header, message);
    }
    Read::new(header, cut.rest)
}

/// `  [1]: message`
fn spaced_pid(mut cut: Cut<'_>) -> Option<(u32, &str)> {
    cut.skip_spaces();
    cut.eat("[")?;
    let pid = cut.number(1, 9)?;
    cut.eat("]: ")?;
    Some((pid, cut.rest))
}
