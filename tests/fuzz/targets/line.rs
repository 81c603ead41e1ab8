//! Every format reads every line; the promises of `heinzel_core::parse` hold whatever the line says.
#![no_main]

use heinzel_core::parse::{ATTRIBUTES, Context, Format, parse, verbatim};
use heinzel_core::time::Timestamp;
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;

const FORMATS: [Format; 11] = [
    Format::Auto,
    Format::Syslog,
    Format::Json,
    Format::Logfmt,
    Format::Access,
    Format::NginxError,
    Format::ApacheError,
    Format::Php,
    Format::Mysql,
    Format::Postgresql,
    Format::Plain,
];

fuzz_target!(|line: &[u8]| {
    let context = Context { zone: TimeZone::UTC, read_at: Timestamp::from_micros(1_790_000_000_000_000), year: None };
    let text = String::from_utf8_lossy(line);
    for format in FORMATS {
        let parsed = parse(format, line, &context);
        assert!(parsed.stamp.attributes.len() <= ATTRIBUTES, "{format:?}: too many attributes");
        if verbatim(format, line) {
            assert!(text.contains(&*parsed.message), "{format:?}: {:?} is not in the line", parsed.message);
        }
        if let Some(time) = parsed.stamp.time {
            // Whatever was understood can be said again.
            let said = time.to_string();
            assert!(said.parse::<Timestamp>().is_ok(), "{format:?}: {said} is no time");
        }
    }
});
