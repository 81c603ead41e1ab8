//! From the bytes of a record to its header and message.
//!
//! Start at [`parse`]. Bad input is normal: what cannot be understood becomes a message without a header.
//!
//! One file a family of formats; [`auto`] says which is tried when. What they agree on:
//! - The message is the end of the line, untouched, where the header stops. Access logs have no header: their message is
//!   the whole line. Only JSON and logfmt unescape their message (see [`verbatim`]), and of syslog's `message repeated 4
//!   times: [ … ]` only what stands in the brackets is the message.
//! - The header is what stands in front and in brackets: nginx's `[error] 12#0: *45 `, Apache's `[core:error] [pid 1] `,
//!   MySQL's `[ERROR] `. Words with a colon (`WARNING: `, `PHP Fatal error: `, `FATAL: `) and MySQL's error codes belong to
//!   the message, so that rules can match them.
//! - A format that only one program writes names that program where the line does not: `nginx`, `apache2`, `php-fpm`,
//!   `php`, `mysqld`, `postgres`, `redis`, `kernel`.
//! - Attributes are as hostile as the message, and at most [`ATTRIBUTES`] of them are kept.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::event::{Header, Level, Stamp};
use crate::time::Timestamp;
use when::Memo;

pub use syslog::REPEATED;

mod access;
mod apache_error;
pub mod auto;
mod cut;
mod json;
mod logfmt;
mod month;
mod mysql;
mod nginx_error;
mod php;
mod postgresql;
mod redis;
mod syslog;
mod when;

#[cfg(test)]
mod tests;

/// How many attributes of one record are kept; the rest is dropped.
pub const ATTRIBUTES: usize = 64;

/// How the lines of a source are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Found out line by line from its beginning.
    #[default]
    Auto,
    /// RFC 3164 and its relatives: with and without year, RFC 3339 times, `<PRI>`; RFC 5424.
    Syslog,
    /// One JSON object a line.
    Json,
    /// `key=value` pairs.
    Logfmt,
    /// Common or combined log format of nginx and Apache.
    Access,
    /// nginx error log.
    NginxError,
    /// Apache 2.2 and 2.4 error log.
    ApacheError,
    /// PHP-FPM and PHP error log.
    Php,
    /// MySQL and MariaDB error log.
    Mysql,
    /// PostgreSQL's stderr log with the prefixes of Debian and of the project's default.
    Postgresql,
    /// No header: the whole line is the message.
    Plain,
}

/// What the parser must be told, because it has no clock and no files.
#[derive(Clone, Debug)]
pub struct Context {
    /// The zone of times that name none.
    pub zone: TimeZone,
    /// When the line was read: gives the year where the line has none (the latest year that is not more than a day
    /// ahead of this).
    pub read_at: Timestamp,
    /// The year of lines without one, where the operator says so (`replay --year`).
    pub year: Option<i16>,
}

/// A record, understood as far as it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Its header.
    pub stamp: Stamp,
    /// The rest.
    pub message: String,
}

/// Reads one record. Its line end may be there or not. Never fails; invalid UTF-8 becomes U+FFFD.
#[must_use]
pub fn parse(format: Format, line: &[u8], context: &Context) -> Parsed {
    let reader = Reader { attributes: true, ..Reader::new(format, context) };
    let Read { header, message } = reader.read(line);
    Parsed { stamp: header.into_stamp(), message: message.into_owned() }
}

/// Reads many records, as [`parse`] does, without copying anything of the line: for floods. Attributes are left out.
#[derive(Clone, Debug)]
pub struct Reader<'c> {
    format: Format,
    context: &'c Context,
    attributes: bool,
    memo: Memo,
}

/// A record that borrows from its line.
#[derive(Clone, Debug)]
pub struct Read<'a> {
    /// Its header.
    pub header: Header<'a>,
    /// The rest.
    pub message: Cow<'a, str>,
}

/// Bytes as text; what is no UTF-8 becomes U+FFFD.
#[must_use]
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    // Most is valid, and checking that is several times as fast as looking for what to repair.
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

impl<'c> Reader<'c> {
    /// A reader of this format.
    #[must_use]
    pub fn new(format: Format, context: &'c Context) -> Self {
        Self { format, context, attributes: false, memo: Memo::default() }
    }

    /// Reads one record.
    #[must_use]
    pub fn read<'a>(&self, line: &'a [u8]) -> Read<'a> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match text(line) {
            Cow::Borrowed(text) => self.read_text(text),
            Cow::Owned(text) => self.read_text(&text).into_owned(),
        }
    }

    fn read_text<'a>(&self, text: &'a str) -> Read<'a> {
        let Context { zone, read_at, year } = self.context;
        let context = &Reading { zone, read_at: *read_at, year: *year, attributes: self.attributes, memo: &self.memo };
        let read = match self.format {
            Format::Auto => auto::read(text, context),
            Format::Syslog => syslog::read(text, context),
            Format::Json => json::read(text, context),
            Format::Logfmt => logfmt::read(text, context),
            Format::Access => access::read(text, context),
            Format::NginxError => nginx_error::read(text, context),
            Format::ApacheError => apache_error::read(text, context),
            Format::Php => php::read(text, context),
            Format::Mysql => mysql::read(text, context),
            Format::Postgresql => postgresql::read(text, context),
            Format::Plain => None,
        };
        read.unwrap_or_else(|| {
            let mut header = Header::new(context);
            // Web servers give each line of their own a header. What has none is the rest of what a site has written through
            // nginx (`FastCGI sent in stderr: "…`, line ends and all) or to Apache's stderr.
            header.by_customer = matches!(self.format, Format::NginxError | Format::ApacheError);
            Read::new(header, text)
        })
    }
}

/// What the formats must know.
#[derive(Clone, Copy, Debug)]
struct Reading<'c> {
    zone: &'c TimeZone,
    read_at: Timestamp,
    year: Option<i16>,
    /// Whether attributes are kept.
    attributes: bool,
    memo: &'c Memo,
}

/// The programs that lines of this format can be from, besides those that the operator and the file's name say; `None`: each
/// line names its own.
#[must_use]
pub fn programs(format: Format) -> Option<&'static [&'static str]> {
    match format {
        Format::Auto | Format::Syslog | Format::Json | Format::Logfmt => None,
        Format::Access | Format::Plain => Some(&[]),
        Format::NginxError => Some(&["nginx"]),
        Format::ApacheError => Some(&["apache2"]),
        Format::Php => Some(&["php", "php-fpm"]),
        Format::Mysql => Some(&["mysqld", "mysqld_safe"]),
        Format::Postgresql => Some(&["postgres"]),
    }
}

/// Whether the message of this line is certain to stand in it byte for byte (but for invalid UTF-8). `false` for lines
/// whose message may be unescaped by [`parse`]: whoever searches raw bytes must parse those first.
#[must_use]
pub fn verbatim(format: Format, line: &[u8]) -> bool {
    match format {
        Format::Json | Format::Logfmt => !line.contains(&b'\\'),
        Format::Auto => !line.contains(&b'\\') || !(line.contains(&b'{') || line.windows(2).any(|pair| pair == b"=\"")),
        _ => true,
    }
}

/// Whether lines of this format may have a message that does not stand in them byte for byte; see [`verbatim`].
#[must_use]
pub fn may_escape(format: Format) -> bool {
    matches!(format, Format::Auto | Format::Json | Format::Logfmt)
}

impl<'a> Read<'a> {
    fn new(header: Header<'a>, message: &'a str) -> Self {
        Self { header, message: Cow::Borrowed(message) }
    }

    fn into_owned(self) -> Read<'static> {
        Read { header: self.header.into_owned(), message: Cow::Owned(self.message.into_owned()) }
    }
}

impl Header<'_> {
    /// One of which nothing is known yet.
    fn new(context: &Reading<'_>) -> Self {
        Self { attributes: context.attributes.then(BTreeMap::new), ..Self::default() }
    }
}

/// Keeps a named value, unless it is empty, `-`, or one too many.
fn keep(header: &mut Header<'_>, name: &str, value: &str) {
    if let Some(attributes) = &mut header.attributes
        && !value.is_empty()
        && value != "-"
        && attributes.len() < ATTRIBUTES
    {
        attributes.insert(name.to_owned(), value.to_owned());
    }
}

/// The level behind the words that programs use for it, in any case.
fn level(word: &str) -> Option<Level> {
    const WORDS: [(&str, Level); 31] = [
        ("emerg", Level::Emergency),
        ("emergency", Level::Emergency),
        ("panic", Level::Emergency),
        ("alert", Level::Alert),
        ("crit", Level::Critical),
        ("critical", Level::Critical),
        ("fatal", Level::Critical),
        ("fatal error", Level::Critical),
        ("err", Level::Error),
        ("error", Level::Error),
        ("severe", Level::Error),
        ("parse error", Level::Error),
        ("system", Level::Notice),
        ("warn", Level::Warning),
        ("warning", Level::Warning),
        ("deprecated", Level::Warning),
        ("notice", Level::Notice),
        ("note", Level::Notice),
        ("info", Level::Info),
        ("information", Level::Info),
        ("informational", Level::Info),
        ("log", Level::Info),
        ("debug", Level::Debug),
        ("debug1", Level::Debug),
        ("debug2", Level::Debug),
        ("debug3", Level::Debug),
        ("debug4", Level::Debug),
        ("debug5", Level::Debug),
        ("trace", Level::Debug),
        ("verbose", Level::Debug),
        ("finest", Level::Debug),
    ];
    let found = WORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
    if let Some((_, level)) = found {
        return Some(*level);
    }
    // Apache's trace1 to trace8.
    let trace = word.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("trace"));
    (trace && word.len() == 6).then_some(Level::Debug)
}
