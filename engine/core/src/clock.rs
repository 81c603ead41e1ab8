//! Which time an event counts in, and the complaints about sources whose clock cannot be right.
//!
//! Start at [`event`]. Wrong time zones are the classic silent failure: windows then never fill. [`ClockWatch`] says so
//! once for each source and kind.

use std::time::Duration;

use crate::block::SourceId;
use crate::event::{Clock, Event, Place};
use crate::finding::excerpt;
use crate::parse::Parsed;
use crate::time::{Span, Timestamp};

/// How far a line's time may lie from the time of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockPolicy {
    /// A time further in the future than this is not believed: the time of reading stands in.
    pub future_allowed: Duration,
    /// A time of a fresh line further back than this is complained about. It is still believed.
    pub off_by: Duration,
}

impl Default for ClockPolicy {
    fn default() -> Self {
        Self { future_allowed: Duration::from_secs(5 * 60), off_by: Duration::from_secs(3600) }
    }
}

/// Makes the event of a record: decides in which time it counts.
#[must_use]
pub fn event(place: Place, parsed: Parsed, read_at: Timestamp, policy: &ClockPolicy) -> Event {
    let (time, clock) = match parsed.stamp.time {
        None => (read_at, Clock::Missing),
        Some(own) if own.since(read_at) > policy.future_allowed => (read_at, Clock::Future),
        Some(own) => (own, Clock::Own),
    };
    Event { place, time, clock, read_at, stamp: parsed.stamp, message: parsed.message }
}

/// What is wrong with a source's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClockFault {
    /// A line has no time.
    Missing,
    /// A line's time lies in the future.
    Future,
    /// A fresh line's time lies too far back.
    Off,
}

/// A complaint for the log, `status` and the dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockComplaint {
    /// The source.
    pub source: SourceId,
    /// What is wrong.
    pub fault: ClockFault,
    /// The sentence: the source, an example, the way out.
    pub text: String,
}

/// Remembers what was already said of one source.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClockWatch {
    missing: bool,
    future: bool,
    off: bool,
}

impl ClockWatch {
    /// How much of a line is shown as the example, in bytes.
    const EXAMPLE: usize = 120;

    /// Looks at an event of the source. `live`: the source has caught up, so the line is fresh; old lines read at the
    /// start are not off. Says each kind of fault once.
    pub fn look(&mut self, event: &Event, live: bool, policy: &ClockPolicy) -> Option<ClockComplaint> {
        let late = event.stamp.time.map_or(Duration::ZERO, |own| event.read_at.since(own));
        let (fault, said) = match event.clock {
            Clock::Missing => (ClockFault::Missing, &mut self.missing),
            Clock::Future => (ClockFault::Future, &mut self.future),
            Clock::Own if live && late > policy.off_by => (ClockFault::Off, &mut self.off),
            Clock::Own => return None,
        };
        if std::mem::replace(said, true) {
            return None;
        }
        Some(ClockComplaint { source: event.place.source.clone(), fault, text: complaint(fault, event) })
    }
}

fn complaint(fault: ClockFault, event: &Event) -> String {
    let source = &event.place.source;
    let example: String = excerpt(&event.message, ClockWatch::EXAMPLE)
        .chars()
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    let own = event.stamp.time.unwrap_or(event.read_at);
    let read = event.read_at;
    match fault {
        ClockFault::Missing => format!(
            "source `{source}` has a line without a time that can be read; the time of reading ({read}) stands in. If its \
             lines do begin with a time, set `format` of [[source]] `{source}`. Example: {example}"
        ),
        ClockFault::Future => format!(
            "source `{source}` has a line whose time {own} lies {} in the future; the time of reading ({read}) stands in. \
             Set `timezone` of [[source]] `{source}` to the zone its program writes in{}, or correct the clock of the \
             machine. Example: {example}",
            coarse(own.since(read)),
            hint(own, read),
        ),
        ClockFault::Off => format!(
            "source `{source}` has a fresh line whose time {own} lies {} before it was read ({read}); windows count in the \
             line's time. Set `timezone` of [[source]] `{source}` to the zone its program writes in{}, or correct the clock \
             of the machine. Example: {example}",
            coarse(read.since(own)),
            hint(own, read),
        ),
    }
}

/// To the second: more would not be read.
fn coarse(span: Duration) -> Span {
    Span::seconds(span.as_secs())
}

/// A difference of whole half hours, within two minutes, of less than a day looks like a zone.
fn hint(own: Timestamp, read: Timestamp) -> &'static str {
    let apart = own.since(read).max(read.since(own)).as_secs();
    let near = (apart + 900) / 1800 * 1800;
    let zone = near > 0 && near < 86_400 && apart.abs_diff(near) <= 120;
    if zone { " (the difference is that of a time zone)" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Stamp;

    const READ: Timestamp = Timestamp::from_seconds(1_795_255_200);

    fn at(time: Option<Timestamp>) -> Event {
        let parsed = Parsed { stamp: Stamp { time, ..Stamp::default() }, message: "it\u{1b}[31m broke".into() };
        event(Place::named("web"), parsed, READ, &ClockPolicy::default())
    }

    #[test]
    fn own_time_counts_unless_missing_or_in_the_future() {
        let check = |own: Option<Timestamp>, time: Timestamp, clock: Clock| {
            let event = at(own);
            assert_eq!((event.time, event.clock), (time, clock), "{own:?}");
        };
        let span = Duration::from_secs;
        check(None, READ, Clock::Missing);
        check(Some(READ), READ, Clock::Own);
        check(Some(READ - span(86_400)), READ - span(86_400), Clock::Own);
        check(Some(READ + span(300)), READ + span(300), Clock::Own);
        check(Some(READ + span(301)), READ, Clock::Future);
        check(Some(Timestamp::MAX), READ, Clock::Future);
        check(Some(Timestamp::MIN), Timestamp::MIN, Clock::Own);
    }

    #[test]
    fn each_fault_is_said_once_with_source_example_and_way_out() {
        let policy = ClockPolicy::default();
        let mut watch = ClockWatch::default();
        let mut say = |event: &Event, live| watch.look(event, live, &policy);
        assert_eq!(say(&at(Some(READ)), true), None);
        let off = at(Some(READ - Duration::from_secs(7_205)));
        assert_eq!(say(&off, false), None, "backlog is not off");
        let said = say(&off, true).unwrap();
        assert_eq!(said.fault, ClockFault::Off);
        assert_eq!(&*said.source, "web");
        assert!(said.text.contains("`web`") && said.text.contains("2h 5s") && said.text.contains("`timezone`"));
        assert!(
            said.text.contains("that of a time zone") && said.text.ends_with("it\u{fffd}[31m broke"),
            "{}",
            said.text
        );
        assert_eq!(say(&off, true), None);
        assert_eq!(say(&at(None), false).unwrap().fault, ClockFault::Missing);
        let future = say(&at(Some(READ + Duration::from_secs(4_000))), false).unwrap();
        assert_eq!(future.fault, ClockFault::Future);
        assert!(!future.text.contains("that of a time zone"), "{}", future.text);
        assert_eq!(say(&at(None), true), None);
    }
}
