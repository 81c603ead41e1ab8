//! Redis and Valkey: `4781:M 06 Mar 2020 10:00:00.123 # message`, in old versions without the year.

use jiff::civil::DateTime;

use super::cut::Cut;
use super::{Read, Reading, when};
use crate::event::{Header, Level};

/// The message begins behind the mark of its level.
pub(super) fn read<'a>(line: &'a str, context: &Reading<'_>) -> Option<Read<'a>> {
    let mut cut = Cut::new(line);
    let pid = cut.number(1, 9)?;
    cut.eat(":")?;
    let role = cut.peek().filter(u8::is_ascii_uppercase)?;
    cut.eat(char::from(role).encode_utf8(&mut [0; 4]))?;
    cut.eat(" ")?;
    let day = cut.number(1, 2)?;
    cut.eat(" ")?;
    let month = when::month(&mut cut)?;
    cut.eat(" ")?;
    let mut ahead = cut;
    let year = ahead.number(4, 4).filter(|_| ahead.eat(" ").is_some());
    let time = match year {
        Some(year) => {
            cut = ahead;
            when::in_zone(DateTime::from_parts(when::new_date(year, month, day)?, when::clock(&mut cut)?), context)
        }
        None => when::yearless(month, day, when::clock(&mut cut)?, context),
    };
    cut.eat(" ")?;
    // redis.conf: . debug, - verbose, * notice, # warning
    let level = match cut.peek()? {
        b'.' => Level::Debug,
        b'-' => Level::Info,
        b'*' => Level::Notice,
        b'#' => Level::Warning,
        _ => return None,
    };
    cut.rest = &cut.rest[1..];
    cut.skip_spaces();
    let header =
        Header { time, level: Some(level), pid: Some(pid), program: Some("redis".into()), ..Header::new(context) };
    Some(Read::new(header, cut.rest))
}
