//! The error logs of MySQL and MariaDB.

use jiff::civil::DateTime;

use super::cut::Cut;
use super::{Read, Reading, keep, level, when};
use crate::event::Header;

/// Reads the three ages of the format:
/// `2026-11-21T10:00:00.123456Z 0 [ERROR] [MY-010119] [Server] …`, `2026-11-21  9:00:00 0 [ERROR] …` and
/// `261121  9:00:00 [ERROR] …` (also `mysqld_safe …`). The message begins behind the level and keeps code and subsystem,
/// which are also attributes (`code`, `subsystem`), beside `thread`.
pub(super) fn read<'a>(line: &'a str, context: &Reading<'_>) -> Option<Read<'a>> {
    with_thread(line, context).map(|(read, _)| read)
}

/// The same, and whether a thread number stands behind the time.
fn with_thread<'a>(line: &'a str, context: &Reading<'_>) -> Option<(Read<'a>, bool)> {
    let mut cut = Cut::new(line);
    let time = match when::iso(&mut cut, context) {
        Some(iso) => iso.time,
        None => short(&mut cut, context)?,
    };
    let mut header = Header { time: Some(time), program: Some("mysqld".into()), ..Header::new(context) };
    cut.spaces()?;
    let mut ahead = cut;
    let thread = ahead.digits();
    let has_thread = !thread.is_empty() && ahead.spaces().is_some();
    if has_thread {
        keep(&mut header, "thread", thread);
        cut = ahead;
    }
    if let Some(after) = cut.rest.strip_prefix("mysqld_safe ") {
        header.program = Some("mysqld_safe".into());
        return Some((Read::new(header, after), has_thread));
    }
    let mut ahead = cut;
    if ahead.eat("[").is_some()
        && let Some(found) = ahead.until(']').and_then(level)
    {
        header.level = Some(found);
        ahead.skip_spaces();
        cut = ahead;
        if context.attributes
            && ahead.eat("[MY-").is_some()
            && let Some(number) = ahead.until(']')
        {
            keep(&mut header, "code", &format!("MY-{number}"));
            if ahead.eat(" [").is_some()
                && let Some(subsystem) = ahead.until(']')
            {
                keep(&mut header, "subsystem", subsystem);
            }
        }
    }
    Some((Read::new(header, cut.rest), has_thread))
}

/// A line that nobody called MySQL: a thread number and a level must follow the time, or `mysqld_safe`.
pub(super) fn certain<'a>(line: &'a str, context: &Reading<'_>) -> Option<Read<'a>> {
    let (read, has_thread) = with_thread(line, context)?;
    let safe = read.header.program.as_deref() == Some("mysqld_safe");
    (safe || (read.header.level.is_some() && has_thread)).then_some(read)
}

/// A line of the old age that nobody called MySQL: its six digits are certain enough with a level behind them.
pub(super) fn certain_short<'a>(line: &'a str, context: &Reading<'_>) -> Option<Read<'a>> {
    short(&mut Cut::new(line), context)?;
    read(line, context).filter(|read| {
        read.header.level.is_some()
            || read.header.program.as_deref() == Some("mysqld_safe")
            || read.message.starts_with("InnoDB:")
    })
}

/// `261121  9:00:00`, always of this century.
fn short(cut: &mut Cut<'_>, context: &Reading<'_>) -> Option<crate::time::Timestamp> {
    let mut at = *cut;
    let digits = at.number(6, 6)?;
    at.eat(" ")?;
    let clock = when::clock(&mut at)?;
    let date = when::new_date(2000 + digits / 10_000, i8::try_from(digits / 100 % 100).ok()?, digits % 100)?;
    let time = when::in_zone(DateTime::from_parts(date, clock), context)?;
    *cut = at;
    Some(time)
}
