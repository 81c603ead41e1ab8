//! Common and combined access logs of nginx and Apache, also with the virtual host in front.
//!
//! The message is the whole line: rules for access logs match on requests and status together.

use jiff::civil::DateTime;

use super::cut::Cut;
use super::{Read, Reading, keep, month, when};
use crate::event::Header;
use crate::time::Timestamp;

/// How far into a line the time may begin: host names and user names end before.
const HEAD: usize = 512;

/// `client ident user [21/Nov/2026:10:00:00 +0100] "GET / HTTP/1.1" 200 12 "referer" "agent"`.
/// Attributes: client, user, method, path, protocol, status, size, referer, agent, vhost. `-` is left out.
pub(super) fn read<'a>(line: &'a str, context: &Reading<'_>) -> Option<Read<'a>> {
    let head = &line[..line.floor_char_boundary(HEAD)];
    // A user name may hold brackets: the first that opens a time counts.
    let (before, time, rest) = head.match_indices(" [").take(4).find_map(|(at, _)| {
        let (time, rest) = bracketed(&line[at + 2..], context)?;
        Some((&line[..at], time, rest))
    })?;
    let mut header = Header { time: Some(time), ..Header::new(context) };
    who(&mut header, before)?;
    if context.attributes {
        what(&mut header, Cut::new(rest));
    }
    Some(Read::new(header, line))
}

/// `21/Nov/2026:10:00:00 +0100]` and what follows.
fn bracketed<'a>(text: &'a str, context: &Reading<'_>) -> Option<(Timestamp, &'a str)> {
    let mut cut = Cut::new(text);
    let day = cut.number(2, 2)?;
    cut.eat("/")?;
    let month = month::from_name(cut.rest.get(..3)?)?;
    cut.rest = cut.rest.get(3..)?;
    cut.eat("/")?;
    let year = cut.number(4, 4)?;
    cut.eat(":")?;
    let local = DateTime::from_parts(when::new_date(year, month, day)?, when::clock(&mut cut)?);
    let time = match cut.eat(" ").and_then(|()| when::offset(&mut cut)) {
        Some(offset) => offset.to_timestamp(local).ok()?.into(),
        None => when::in_zone(local, context)?,
    };
    cut.eat("]")?;
    Some((time, cut.rest))
}

/// `client ident user`, or `vhost client ident user`.
fn who(header: &mut Header<'_>, before: &str) -> Option<()> {
    let (first, rest) = before.split_once(' ').filter(|(first, _)| !first.is_empty())?;
    let (second, rest) = rest.split_once(' ').unwrap_or((rest, "-"));
    let with_vhost = second.contains('.') || second.contains(':');
    let (client, user) = if with_vhost {
        keep(header, "vhost", first);
        (second, rest.split_once(' ').map_or("-", |(_, user)| user))
    } else {
        (first, rest)
    };
    keep(header, "client", client);
    keep(header, "user", user);
    Some(())
}

/// `"GET / HTTP/1.1" 200 12 "referer" "agent"`, as far as it goes.
fn what(header: &mut Header<'_>, mut cut: Cut<'_>) -> Option<()> {
    cut.skip_spaces();
    let request = cut.quoted()?;
    let mut words = request.splitn(2, ' ');
    let method = words.next().unwrap_or_default();
    if let Some(target) = words.next() {
        keep(header, "method", method);
        let (path, protocol) = target.rsplit_once(' ').unwrap_or((target, "-"));
        keep(header, "path", path);
        keep(header, "protocol", protocol);
    }
    cut.spaces()?;
    let status = cut.number(3, 3)?;
    keep(header, "status", &status.to_string());
    cut.spaces()?;
    keep(header, "size", cut.word());
    cut.spaces()?;
    keep(header, "referer", cut.quoted()?);
    cut.spaces()?;
    keep(header, "agent", cut.quoted()?);
    Some(())
}
