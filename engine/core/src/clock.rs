//! Which time an event counts in, and the complaints about sources whose clock cannot be right.
//!
//! Start at [`time_of`]. Wrong time zones are the classic silent failure: windows then never fill. [`ClockWatch`] says so
//! once for each source and kind. Whether a line came before or after something that the engine did is not for the line's
//! clock to say: see [`Lag`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::block::SourceId;
use crate::event::{Clock, Event};
use crate::finding::excerpt;
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

/// Decides in which time a record counts that was read at `read_at` and says `own` of itself.
#[must_use]
pub fn time_of(own: Option<Timestamp>, read_at: Timestamp, policy: &ClockPolicy) -> (Timestamp, Clock) {
    match own {
        None => (read_at, Clock::Missing),
        Some(own) if own.since(read_at) > policy.future_allowed => (read_at, Clock::Future),
        Some(own) => (own, Clock::Own),
    }
}

/// How far the stamps of lines lie behind their reading at the least, of lines that were read as soon as they came: by
/// how much the clock of their writer is behind ours, as far as that can be told. Below zero when it is ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lag(i64);

impl Lag {
    /// No line that is read as soon as it comes was on its way for longer (buffers of programs, relays).
    pub(crate) const ON_ITS_WAY: Duration = Duration::from_secs(5 * 60);

    /// Of one line.
    #[must_use]
    pub fn of(stamp: Timestamp, read_at: Timestamp) -> Self {
        Self(read_at.as_micros().saturating_sub(stamp.as_micros()))
    }

    /// When a line was written, by our clock.
    #[must_use]
    pub fn written(self, stamp: Timestamp, read_at: Timestamp) -> Timestamp {
        let written = Timestamp::from_micros(stamp.as_micros().saturating_add(self.0));
        written.clamp(read_at - Self::ON_ITS_WAY, read_at)
    }
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

    /// Whether a fault was not said before; from now on it was.
    pub fn is_new(&mut self, fault: ClockFault) -> bool {
        let said = match fault {
            ClockFault::Missing => &mut self.missing,
            ClockFault::Future => &mut self.future,
            ClockFault::Off => &mut self.off,
        };
        !std::mem::replace(said, true)
    }

    /// Looks at an event of the source. `live`: the source has caught up, so the line is fresh; old lines read at the
    /// start are not off. Says each kind of fault once.
    pub fn look(&mut self, event: &Event<'_>, live: bool, policy: &ClockPolicy) -> Option<ClockComplaint> {
        let late = event.header.time.map_or(Duration::ZERO, |own| event.read_at.since(own));
        let fault = match event.clock {
            Clock::Missing => ClockFault::Missing,
            Clock::Future => ClockFault::Future,
            Clock::Own if live && late > policy.off_by => ClockFault::Off,
            Clock::Own => return None,
        };
        self.is_new(fault).then(|| ClockComplaint {
            source: event.source.clone(),
            fault,
            text: complaint(fault, event),
        })
    }
}

fn complaint(fault: ClockFault, event: &Event<'_>) -> String {
    let source = event.source;
    let example: String = excerpt(&event.message, ClockWatch::EXAMPLE)
        .chars()
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    let own = event.header.time.unwrap_or(event.read_at);
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
    use crate::event::Header;

    const READ: Timestamp = Timestamp::from_seconds(1_795_255_200);

    fn at<T>(own: Option<Timestamp>, look: impl FnOnce(&Event<'_>) -> T) -> T {
        let name = SourceId::from("web");
        let (time, clock) = time_of(own, READ, &ClockPolicy::default());
        let header = Header { time: own, ..Header::default() };
        let message = "it\u{1b}[31m broke".into();
        look(&Event { source: &name, stream: &name, offset: 0, time, clock, read_at: READ, header, message })
    }

    #[test]
    fn own_time_counts_unless_missing_or_in_the_future() {
        let check = |own: Option<Timestamp>, time: Timestamp, clock: Clock| {
            assert_eq!(time_of(own, READ, &ClockPolicy::default()), (time, clock), "{own:?}");
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
        let mut say = |own, live| at(own, |event| watch.look(event, live, &policy));
        assert_eq!(say(Some(READ), true), None);
        let off = Some(READ - Duration::from_secs(7_205));
        assert_eq!(say(off, false), None, "backlog is not off");
        let said = say(off, true).unwrap();
        assert_eq!(said.fault, ClockFault::Off);
        assert_eq!(&*said.source, "web");
        assert!(said.text.contains("`web`") && said.text.contains("2h 5s") && said.text.contains("`timezone`"));
        assert!(
            said.text.contains("that of a time zone") && said.text.ends_with("it\u{fffd}[31m broke"),
            "{}",
            said.text
        );
        assert_eq!(say(off, true), None);
        assert_eq!(say(None, false).unwrap().fault, ClockFault::Missing);
        let future = say(Some(READ + Duration::from_secs(4_000)), false).unwrap();
        assert_eq!(future.fault, ClockFault::Future);
        assert!(!future.text.contains("that of a time zone"), "{}", future.text);
        assert_eq!(say(None, true), None);
    }
}
