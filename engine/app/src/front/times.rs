//! Times, as the customer who reads them says them.

use heinzel_core::time::Timestamp;
use heinzel_knowledge::answer::Language;
use jiff::Zoned;
use jiff::tz::TimeZone;

/// Who reads: their language, and the time zone of their clock.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    pub(super) language: Language,
    pub(super) zone: TimeZone,
}

impl Reader {
    /// Whoever reads this language with a clock in the zone that the form names; where it names none that is known, in the
    /// operator's.
    pub(super) fn of(language: Language, named: Option<&str>, otherwise: &TimeZone) -> Self {
        let zone = named.and_then(|name| TimeZone::get(name).ok()).unwrap_or_else(|| otherwise.clone());
        Self { language, zone }
    }

    fn clock(&self, at: Timestamp) -> Option<Zoned> {
        Some(jiff::Timestamp::from_microsecond(at.as_micros()).ok()?.to_zoned(self.zone.clone()))
    }

    /// A time as people say it: of today the time alone, else with its day.
    pub(super) fn time_of_day(&self, at: Timestamp, now: Timestamp) -> String {
        let (Some(then), Some(now)) = (self.clock(at), self.clock(now)) else { return String::new() };
        let format = match (then.date() == now.date(), self.language) {
            (true, _) => "%H:%M",
            (false, Language::De) => "%d.%m., %H:%M Uhr",
            (false, Language::En) => "%-d %B, %H:%M",
        };
        then.strftime(format).to_string()
    }

    /// The day, as answers name their last one.
    pub(super) fn today(&self, now: Timestamp) -> String {
        self.clock(now).map(|now| now.date().to_string()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_what_the_readers_clock_shows() {
        let time = |text: &str| Timestamp::from(text.parse::<jiff::Timestamp>().unwrap());
        let (at, now) = (time("2026-11-22T23:21:00Z"), time("2026-11-22T23:30:00Z"));
        let check = |named: Option<&str>, language, expected: [&str; 2]| {
            let reader = Reader::of(language, named, &TimeZone::UTC);
            assert_eq!([reader.time_of_day(at, now), reader.today(now)], expected, "{named:?}");
        };
        check(Some("Europe/Berlin"), Language::De, ["00:21", "2026-11-23"]);
        check(Some("America/New_York"), Language::En, ["18:21", "2026-11-22"]);
        for unknown in [None, Some("Mars/Olympus"), Some("../../etc/passwd"), Some("")] {
            check(unknown, Language::De, ["23:21", "2026-11-22"]);
        }
        let berlin = |language| Reader::of(language, Some("Europe/Berlin"), &TimeZone::UTC);
        let earlier = time("2026-11-22T22:21:00Z");
        assert_eq!(berlin(Language::De).time_of_day(earlier, now), "22.11., 23:21 Uhr");
        assert_eq!(berlin(Language::En).time_of_day(earlier, now), "22 November, 23:21");
    }
}
