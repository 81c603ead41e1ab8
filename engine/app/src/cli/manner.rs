//! Words of the command line that say how lines are to be read.

use clap::Args;
use heinzel_core::parse::Format;

use crate::exit::{Ends, Exit};
use crate::pipeline::Manner;
use crate::samples;

/// How old lines are to be read.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// How the lines are written.
    #[arg(long, default_value = "auto", value_parser = format)]
    format: Format,
    /// The zone of times that name none, like `Europe/Berlin` [default: this machine's].
    #[arg(long)]
    timezone: Option<String>,
    /// The year of times that name none [default: by the file's time of change].
    #[arg(long)]
    year: Option<i16>,
    /// The program that wrote the lines, where they do not say it.
    #[arg(long)]
    program: Option<String>,
}

impl Flags {
    /// What they say.
    ///
    /// # Errors
    /// When there is no such zone.
    pub(super) fn manner(&self) -> anyhow::Result<Manner> {
        let (zone, program) = (zone(self.timezone.as_deref())?, self.program.clone());
        Ok(Manner { format: self.format, zone, year: self.year, program, customers: false })
    }
}

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
