//! Apache's error log, 2.2 and 2.4.

use super::cut::Cut;
use super::{Read, Reading, keep, level, when};
use crate::event::Header;

/// `[Sun Dec 04 04:47:44 2005] [error] [client 192.0.2.1] message` and
/// `[Wed Oct 11 14:32:52.123456 2026] [core:error] [pid 357:tid 432] [client 192.0.2.1:80] AH00128: message`.
/// Attributes: client (with its port where 2.4 writes it), module. The message begins behind the brackets.
pub(super) fn read<'a>(line: &'a str, context: &Reading<'_>) -> Option<Read<'a>> {
    let mut cut = Cut::new(line);
    cut.eat("[")?;
    let time = when::ctime(&mut cut, context)?;
    cut.eat("] [")?;
    let about = cut.until(']')?;
    let (module, word) = about.split_once(':').unwrap_or(("", about));
    let mut header =
        Header { time: Some(time), level: level(word), program: Some("apache2".into()), ..Header::new(context) };
    keep(&mut header, "module", module);
    while let Some(after) = bracket(cut, &mut header) {
        cut = after;
    }
    cut.skip_spaces();
    Some(Read::new(header, cut.rest))
}

/// One more bracket of the header: process, thread or client.
fn bracket<'a>(mut cut: Cut<'a>, header: &mut Header<'_>) -> Option<Cut<'a>> {
    cut.eat(" [")?;
    let inside = cut.until(']')?;
    let (what, value) = inside.split_once(' ')?;
    match what {
        "pid" => header.pid = value.split(':').next()?.parse().ok(),
        "tid" => {}
        "client" | "remote" => keep(header, "client", value),
        _ => return None,
    }
    Some(cut)
}
