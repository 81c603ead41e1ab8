//! How much time has gone by for what is removed after months: never much more than has.
//!
//! Start at [`Lapse::by`]. A clock that is a year ahead for an hour must not cost the audit trail of a year: the time that is
//! believed follows the clock forward by at most a day an hour, and back at once. An engine that was off for a month removes what has
//! become too old meanwhile within the next thirty hours.

use std::time::Duration;

use heinzel_core::time::Timestamp;

/// How far the time that is believed follows the clock at once.
const DAY: Duration = Duration::from_secs(86_400);

/// The time that is believed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lapse {
    at: Timestamp,
}

impl Lapse {
    /// It was `last` when something was stored last, if anything ever was.
    pub(crate) fn since(last: Option<Timestamp>, now: Timestamp) -> Self {
        Self { at: last.map_or(now, |last| last.min(now)) }
    }

    /// An hour has gone by, and the clock says that it is `now`. Returns by how much that is ahead of what is believed: so much
    /// longer things are kept.
    pub(crate) fn by(&mut self, now: Timestamp) -> Duration {
        self.at = now.min(self.at + DAY);
        self.ahead(now)
    }

    /// The same without an hour having gone by.
    pub(crate) fn ahead(&self, now: Timestamp) -> Duration {
        now.since(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn a_clock_that_is_years_ahead_for_three_hours_costs_three_days() {
        let mut lapse = Lapse::since(Some(NOW), NOW);
        let hour = Duration::from_secs(3600);
        assert_eq!(lapse.by(NOW + hour), Duration::ZERO);
        let ahead = NOW + DAY * 700;
        assert_eq!(lapse.by(ahead), DAY * 699 - hour);
        assert_eq!(lapse.ahead(ahead), DAY * 699 - hour, "there is more to remove: no hour has gone by");
        assert_eq!(lapse.by(ahead), DAY * 698 - hour);
        assert_eq!(lapse.by(ahead), DAY * 697 - hour);
        assert_eq!(lapse.by(NOW + hour * 4), Duration::ZERO, "it was set back");
        assert_eq!(lapse.by(NOW + hour * 5), Duration::ZERO);
    }

    #[test]
    fn an_engine_that_was_off_for_a_month_follows_within_a_day() {
        let mut lapse = Lapse::since(Some(NOW), NOW + DAY * 30);
        let hours = (0..100).take_while(|_| !lapse.by(NOW + DAY * 30).is_zero()).count();
        assert_eq!(hours, 29);
        assert_eq!(Lapse::since(None, NOW).ahead(NOW), Duration::ZERO);
        assert_eq!(Lapse::since(Some(NOW + DAY), NOW).ahead(NOW), Duration::ZERO);
    }
}
