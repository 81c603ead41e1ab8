//! nginx's error log: `2026/11/21 10:00:00 [error] 123#0: *45 message, client: 192.0.2.1, server: …`.

use jiff::civil::DateTime;

use super::cut::Cut;
use super::{Read, Reading, keep, level, when};
use crate::event::Header;

/// The message begins behind `*45 ` (or `123#0: ` where there is no connection) and keeps its `, client: …` end.
/// Attributes: client, server, upstream, host, connection.
pub(super) fn read<'a>(line: &'a str, context: &Reading<'_>) -> Option<Read<'a>> {
    let mut cut = Cut::new(line);
    let date = when::date(&mut cut, "/")?;
    cut.eat(" ")?;
    let local = DateTime::from_parts(date, when::clock(&mut cut)?);
    let mut header =
        Header { time: when::in_zone(local, context), program: Some("nginx".into()), ..Header::new(context) };
    cut.eat(" [")?;
    header.level = level(cut.until(']')?);
    let _ = cut.eat(" ");
    let mut ahead = cut;
    if let Some(pid) = process(&mut ahead) {
        header.pid = pid.parse().ok();
        cut = ahead;
        if let Some(connection) = connection(&mut ahead) {
            keep(&mut header, "connection", connection);
            cut = ahead;
        }
    }
    if context.attributes {
        context_of(&mut header, cut.rest);
    }
    Some(Read::new(header, cut.rest))
}

/// `123#0: `
fn process<'a>(cut: &mut Cut<'a>) -> Option<&'a str> {
    let pid = cut.digits();
    cut.eat("#")?;
    cut.digits();
    cut.eat(": ")?;
    Some(pid)
}

/// `*45 `
fn connection<'a>(cut: &mut Cut<'a>) -> Option<&'a str> {
    cut.eat("*")?;
    let number = cut.digits();
    cut.eat(" ")?;
    Some(number)
}

/// The values that nginx puts behind the message. What a script wrote to stderr is quoted in front of them and skipped.
fn context_of(header: &mut Header<'_>, message: &str) {
    let from =
        if message.starts_with("FastCGI sent in stderr: \"") { message.find("\" while ").unwrap_or(0) } else { 0 };
    let Some(start) = message[from..].find(", client: ").map(|at| from + at) else { return };
    let tail = &message[start..];
    let client = tail[", client: ".len()..].split(',').next().unwrap_or_default();
    keep(header, "client", client);
    for name in ["server", "upstream", "host"] {
        let Some(at) = tail.find(&format!(", {name}: ")) else { continue };
        let mut value = Cut::new(&tail[at + name.len() + 4..]);
        let text = value.quoted().unwrap_or_else(|| value.rest.split(',').next().unwrap_or_default());
        keep(header, name, text);
    }
}
