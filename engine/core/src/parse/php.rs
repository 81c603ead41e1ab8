//! The logs of PHP-FPM and of PHP itself.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::cut::Cut;
use super::{Read, Reading, level, month, when};
use crate::event::Header;

/// `[21-Nov-2026 10:00:00] WARNING: [pool www] …` and `[21-Nov-2026 10:00:00 Europe/Berlin] PHP Fatal error:  …`.
/// The message begins behind the bracket.
pub(super) fn read<'a>(line: &'a str, context: &Reading<'_>) -> Option<Read<'a>> {
    let mut cut = Cut::new(line);
    cut.eat("[")?;
    let day = cut.number(2, 2)?;
    cut.eat("-")?;
    let month = month::from_name(cut.until('-')?)?;
    let year = cut.number(4, 4)?;
    cut.eat(" ")?;
    let local = DateTime::from_parts(when::new_date(year, month, day)?, when::clock(&mut cut)?);
    let zone = cut.until(']')?.trim();
    let time = zone_named(zone).and_then(|zone| when::named(local, &zone)).or_else(|| when::in_zone(local, context));
    cut.skip_spaces();
    let word = cut.rest.split(':').next().unwrap_or_default();
    let (program, word) = match word.strip_prefix("PHP ") {
        Some(word) => ("php", word),
        None => ("php-fpm", word),
    };
    let level = level(word);
    let program = (level.is_some() || program == "php").then_some(program.into());
    Some(Read::new(Header { time, level, program, ..Header::new(context) }, cut.rest))
}

/// The zone that PHP names. `None`: no zone, or one that this machine does not know.
fn zone_named(name: &str) -> Option<TimeZone> {
    match name {
        "" => None,
        "UTC" | "GMT" => Some(TimeZone::UTC),
        _ => TimeZone::get(name).ok(),
    }
}
