//! Words of the command line that say how lines are to be read.

use heinzel_core::parse::Format;

use crate::exit::{Ends, Exit};
use crate::samples;

/// The format with this name.
pub(super) fn format(word: &str) -> Result<Format, String> {
    samples::format(word)
}

/// The zone with this name; without one, the machine's own.
pub(super) fn zone(name: Option<&str>) -> anyhow::Result<jiff::tz::TimeZone> {
    match name {
        None => Ok(jiff::tz::TimeZone::system()),
        Some(name) => jiff::tz::TimeZone::get(name)
            .map_err(|e| Ends::with(Exit::Usage, format!("time zone `{name}`: {e}; names are like Europe/Berlin"))),
    }
}
