//! Times in front of lines. Fields are cut here; the calendar is jiff's.

use std::cell::Cell;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

use super::cut::Cut;
use super::{Reading, month};
use crate::time::Timestamp;

/// A year-less time may lie this many years back: 29 February can be eight years away (1896, 1904).
const YEARS_BACK: i16 = 8;
const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

/// A time in the style of ISO 8601, and how it was written.
#[derive(Clone, Copy)]
pub(super) struct Iso {
    pub(super) time: Timestamp,
    /// It names its zone.
    pub(super) zoned: bool,
    /// Date and time are separated by a `T`.
    pub(super) strict: bool,
}

/// `2026-11-21T10:00:00.123Z`, `2026-11-21 10:00:00,123`, `2026-11-21  9:00:00 +0100`.
pub(super) fn iso(cut: &mut Cut<'_>, context: &Reading<'_>) -> Option<Iso> {
    let mut at = *cut;
    let date = date(&mut at, "-")?;
    let strict = at.eat("T").is_some();
    if !strict {
        at.eat(" ")?;
    }
    let local = DateTime::from_parts(date, clock(&mut at)?);
    let mut ahead = at;
    let offset = offset(&mut ahead).or_else(|| {
        // ` +0100` behind a space, when a word ends there.
        ahead = at;
        ahead.eat(" ")?;
        let sign = matches!(ahead.peek(), Some(b'+' | b'-'));
        let offset = offset(&mut ahead).filter(|_| sign)?;
        matches!(ahead.peek(), None | Some(b' ' | b']')).then_some(offset)
    });
    let time = match offset {
        Some(offset) => {
            at = ahead;
            offset.to_timestamp(local).ok()?.into()
        }
        None => in_zone(local, context)?,
    };
    *cut = at;
    Some(Iso { time, zoned: offset.is_some(), strict })
}

/// `2026-11-21` or `2026/11/21`.
pub(super) fn date(cut: &mut Cut<'_>, separator: &str) -> Option<Date> {
    let mut at = *cut;
    let year = at.number(4, 4)?;
    at.eat(separator)?;
    let month = at.number(2, 2)?;
    at.eat(separator)?;
    let day = at.number(2, 2)?;
    *cut = at;
    new_date(year, i8::try_from(month).ok()?, day)
}

/// A date from its numbers.
pub(super) fn new_date(year: u32, month: i8, day: u32) -> Option<Date> {
    Date::new(i16::try_from(year).ok()?, month, i8::try_from(day).ok()?).ok()
}

/// `10:00:00`, ` 9:00:00`, `10:00:00.123456` (also with a comma). A leap second counts as the second before it.
pub(super) fn clock(cut: &mut Cut<'_>) -> Option<Time> {
    let mut at = *cut;
    let _ = at.eat(" ");
    let hour = at.number(1, 2)?;
    at.eat(":")?;
    let minute = at.number(2, 2)?;
    at.eat(":")?;
    let second = at.number(2, 2)?.min(if hour > 23 || minute > 59 { 99 } else { 60 });
    let second = if second == 60 { 59 } else { second };
    let mut nanos = 0;
    if matches!(at.rest.as_bytes(), [b'.' | b',', b'0'..=b'9', ..]) {
        at.rest = &at.rest[1..];
        let fraction = at.digits();
        nanos = fraction
            .bytes()
            .chain(std::iter::repeat(b'0'))
            .take(9)
            .fold(0, |nanos: i32, digit| nanos * 10 + i32::from(digit - b'0'));
    }
    let small = |number: u32| i8::try_from(number).ok();
    let time = Time::new(small(hour)?, small(minute)?, small(second)?, nanos).ok()?;
    *cut = at;
    Some(time)
}

/// `Z`, `+01:00`, `+0100`, `+01`.
pub(super) fn offset(cut: &mut Cut<'_>) -> Option<Offset> {
    let mut at = *cut;
    if at.eat("Z").is_some() || at.eat("z").is_some() {
        *cut = at;
        return Some(Offset::UTC);
    }
    let sign = match at.peek()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    at.rest = &at.rest[1..];
    let (hours, minutes) = match at.digits() {
        both if both.len() == 4 => (both[..2].parse::<i32>().ok()?, both[2..].parse::<i32>().ok()?),
        hours if hours.len() == 2 => {
            let minutes = if at.eat(":").is_some() { at.number(2, 2)? } else { 0 };
            (hours.parse().ok()?, i32::try_from(minutes).ok()?)
        }
        _ => return None,
    };
    let offset = Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()?;
    *cut = at;
    Some(offset)
}

/// The short name of a month.
pub(super) fn month(cut: &mut Cut<'_>) -> Option<i8> {
    let mut at = *cut;
    let month = month::from_name(at.word())?;
    *cut = at;
    Some(month)
}

/// `Nov  1 10:00:00`, `Nov 21 2026 10:00:00`, `Nov 21 10:00:00.123`. The year is the line's, the operator's, or the
/// latest that is not more than a day ahead of the time of reading.
pub(super) fn month_day(cut: &mut Cut<'_>, context: &Reading<'_>) -> Option<Timestamp> {
    let mut at = *cut;
    let month = month(&mut at)?;
    at.spaces()?;
    let day = at.number(1, 2)?;
    at.spaces()?;
    let mut ahead = at;
    let year = ahead.number(4, 4).filter(|_| ahead.spaces().is_some());
    if year.is_some() {
        at = ahead;
    }
    let clock = clock(&mut at)?;
    let time = match year {
        Some(year) => in_zone(DateTime::from_parts(new_date(year, month, day)?, clock), context)?,
        None => yearless(month, day, clock, context)?,
    };
    *cut = at;
    Some(time)
}

/// `Sun Dec 04 04:47:44.123456 2005`, as `ctime` and Apache write it.
pub(super) fn ctime(cut: &mut Cut<'_>, context: &Reading<'_>) -> Option<Timestamp> {
    let mut at = *cut;
    at = weekday(at)?;
    let month = month(&mut at)?;
    at.spaces()?;
    let day = at.number(1, 2)?;
    at.spaces()?;
    let clock = clock(&mut at)?;
    at.spaces()?;
    let year = at.number(4, 4)?;
    let time = in_zone(DateTime::from_parts(new_date(year, month, day)?, clock), context)?;
    *cut = at;
    Some(time)
}

/// What follows a weekday in three letters and a space.
pub(super) fn weekday(mut at: Cut<'_>) -> Option<Cut<'_>> {
    let word = at.word();
    (word.len() == 3 && word.bytes().all(|b| b.is_ascii_alphabetic())).then_some(())?;
    at.spaces()?;
    Some(at)
}

/// A civil time in the source's zone. In the hour that comes twice the first, in the hour that is missing the time as if
/// the clock had not been changed (RFC 5545's reading, jiff's "compatible").
pub(super) fn in_zone(local: DateTime, context: &Reading<'_>) -> Option<Timestamp> {
    let (date, clock) = (local.date(), local.time());
    context.memo.find(Some(date.year()), date.month(), date.day(), clock, |clock| {
        named(DateTime::from_parts(date, clock), context.zone)
    })
}

/// A civil time in a named zone.
pub(super) fn named(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(local).compatible().ok().map(Timestamp::from)
}

/// A time without a year.
pub(super) fn yearless(month: i8, day: u32, clock: Time, context: &Reading<'_>) -> Option<Timestamp> {
    let day = i8::try_from(day).ok()?;
    let of =
        |year: i16, clock: Time| named(DateTime::from_parts(Date::new(year, month, day).ok()?, clock), context.zone);
    context.memo.find(None, month, day, clock, |clock| {
        if let Some(year) = context.year {
            return of(year, clock);
        }
        let latest = context.read_at + DAY;
        let now = jiff::Timestamp::from_microsecond(latest.as_micros()).ok()?;
        let this = context.zone.to_datetime(now).year();
        (0..=YEARS_BACK).filter_map(|back| of(this.checked_sub(back)?, clock)).find(|&time| time <= latest)
    })
}

/// The minute that was looked up last: most lines are of the same one.
#[derive(Clone, Debug, Default)]
pub(super) struct Memo(Cell<Option<(Minute, Timestamp)>>);

/// Year (where the line names one), month, day, hour, minute.
type Minute = (Option<i16>, i8, i8, i8, i8);

impl Memo {
    /// What `look_up` says of this time of that day; for a minute in which all is regular it is asked once.
    fn find(
        &self,
        year: Option<i16>,
        month: i8,
        day: i8,
        clock: Time,
        look_up: impl Fn(Time) -> Option<Timestamp>,
    ) -> Option<Timestamp> {
        let minute = (year, month, day, clock.hour(), clock.minute());
        let into = i64::from(clock.second()) * 1_000_000 + i64::from(clock.subsec_nanosecond()) / 1_000;
        let at = |start: Timestamp| Timestamp::from_micros(start.as_micros() + into);
        if let Some((_, start)) = self.0.get().filter(|(known, _)| *known == minute) {
            return Some(at(start));
        }
        // Clocks are changed at any second, and the guessed year changes at the second of reading.
        let edge = |second, nanos| look_up(Time::new(clock.hour(), clock.minute(), second, nanos).ok()?);
        match (edge(0, 0), edge(59, 999_999_999)) {
            (Some(start), Some(end))
                if end.as_micros() - start.as_micros() == 59_999_999 && start >= Timestamp::EPOCH =>
            {
                self.0.set(Some((minute, start)));
                Some(at(start))
            }
            _ => look_up(clock),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use crate::parse::{Context, Format, Read, Reader, parse};
    use crate::time::Timestamp;

    /// Read shortly before a year's end, in a zone with summer time.
    fn context(zone: &str) -> Context {
        let read_at = "2026-12-30T23:59:30.25Z".parse().unwrap();
        Context { zone: TimeZone::get(zone).unwrap(), read_at, year: None }
    }

    fn time(read: &Read<'_>) -> Option<Timestamp> {
        read.header.time
    }

    proptest! {
        /// Also where the clock is changed, and where the year that is guessed changes.
        #[test]
        fn a_minute_that_is_remembered_says_the_same_as_the_calendar(
            lines in proptest::collection::vec(
                (0_usize..6, 0_u8..3, 0_u8..60, 0_u32..1_000_000, any::<bool>()), 1..12
            ),
            zone in prop_oneof![Just("Europe/Berlin"), Just("Australia/Lord_Howe"), Just("Africa/Monrovia")],
        ) {
            let days = [("Mar", 3, 29), ("Oct", 10, 25), ("Apr", 4, 5), ("Dec", 12, 31), ("Jan", 1, 1), ("Feb", 2, 29)];
            let context = context(zone);
            let reader = Reader::new(Format::Auto, &context);
            for (day, minute, second, micros, named) in lines {
                let (word, month, date) = days[day];
                let year = if month == 2 { 2024 } else { 2026 };
                let (hour, minute) = if month == 12 { (23, 58 + minute % 2) } else { (2, 29 + minute) };
                let clock = format!("{hour:02}:{minute:02}:{second:02}.{micros:06}");
                let line = if named {
                    format!("{year}-{month:02}-{date:02} {clock} web1 cron[1]: x")
                } else {
                    format!("{word} {date:2} {clock} web1 cron[1]: x")
                };
                let told = time(&reader.read(line.as_bytes()));
                prop_assert_eq!(told, parse(Format::Auto, line.as_bytes(), &context).stamp.time, "{}", line);
                if named {
                    let local: jiff::civil::DateTime = format!("{year}-{month:02}-{date:02}T{clock}").parse().unwrap();
                    let expected = context.zone.to_ambiguous_timestamp(local).compatible().unwrap();
                    prop_assert_eq!(told, Some(expected.into()), "{}", line);
                }
            }
        }
    }

    #[test]
    fn the_guessed_year_changes_within_a_minute() {
        let context = context("UTC");
        let reader = Reader::new(Format::Syslog, &context);
        let check = |clock: &str, expected: &str| {
            let line = format!("Dec 31 23:59:{clock} web1 cron[1]: x");
            assert_eq!(time(&reader.read(line.as_bytes())), Some(expected.parse().unwrap()), "{line}");
        };
        // A day ahead of the time of reading is allowed, and not a microsecond more.
        check("30.250000", "2026-12-31T23:59:30.25Z");
        check("30.250001", "2025-12-31T23:59:30.250001Z");
        check("30.250000", "2026-12-31T23:59:30.25Z");
        check("59", "2025-12-31T23:59:59Z");
    }
}
