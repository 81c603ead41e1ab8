//! How often somebody may ask.
//!
//! Start at [`Limiter::take`]. The generic cell rate algorithm (ITU-T I.371): of each asker only the time is kept at
//! which what was asked so far would have been asked at an even pace. These times lie in a table of fixed size, found by
//! a keyed hash: no lock, no memory that a flood could fill, nothing to clear. Two askers in one cell share their rate,
//! which with 65,536 cells is rare; nobody outside can bring it about, since the hash's key is random.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use heinzel_core::policy::Rate;

const CELLS: usize = 1 << 16;

/// Counts for all askers.
#[derive(Debug)]
pub struct Limiter {
    /// Microseconds since the server's start.
    cells: Box<[AtomicU64]>,
    key: RandomState,
}

impl Default for Limiter {
    fn default() -> Self {
        Self { cells: (0..CELLS).map(|_| AtomicU64::new(0)).collect(), key: RandomState::new() }
    }
}

impl Limiter {
    /// Takes one of what `rate` allows to `asker`, at `now` after the server's start.
    ///
    /// # Errors
    /// How long to wait, when there is none left.
    pub fn take(&self, asker: impl Hash, rate: Rate, now: Duration) -> Result<(), Duration> {
        let micros = |span: Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX / 4);
        let (now, within) = (micros(now), micros(rate.within.0));
        let Some(pace) = within.checked_div(u64::from(rate.count)) else { return Err(rate.within.0) };
        let cell = self.key.hash_one(asker) as usize % CELLS;
        let taken = self.cells[cell].fetch_update(Ordering::Relaxed, Ordering::Relaxed, |even| {
            // A cell shared by slow rates may lie far ahead; a whole span is the most that this rate waits.
            let even = even.clamp(now, now.saturating_add(within));
            (even + pace <= now + within).then_some(even + pace)
        });
        match taken {
            Ok(_) => Ok(()),
            Err(even) => Err(Duration::from_micros((even.min(now + within) + pace).saturating_sub(now + within))),
        }
    }
}

#[cfg(test)]
mod tests {
    use heinzel_core::time::Span;

    use super::*;

    const RATE: Rate = Rate { count: 3, within: Span::seconds(60) };

    fn taken(limiter: &Limiter, asker: &str, at_s: u64) -> Result<(), u64> {
        limiter.take(asker, RATE, Duration::from_secs(at_s)).map_err(|wait| wait.as_secs())
    }

    #[test]
    fn three_a_minute() {
        let limiter = Limiter::default();
        assert_eq!([0, 0, 0, 0].map(|at| taken(&limiter, "a", at)), [Ok(()), Ok(()), Ok(()), Err(20)]);
        assert_eq!(taken(&limiter, "a", 19), Err(1));
        assert_eq!([20, 20, 40].map(|at| taken(&limiter, "a", at)), [Ok(()), Err(20), Ok(())]);
        // A minute of rest, and all of them are there again, but no more.
        assert_eq!([200, 200, 200, 200].map(|at| taken(&limiter, "a", at)), [Ok(()), Ok(()), Ok(()), Err(20)]);
        assert_eq!(taken(&limiter, "b", 200), Ok(()));
    }

    #[test]
    fn in_the_long_run_nobody_gets_more_than_the_rate() {
        let limiter = Limiter::default();
        let fast = Rate { count: 1_000, within: Span::seconds(1) };
        let granted = (0..10_000).filter(|at| limiter.take("a", fast, Duration::from_micros(at * 500)).is_ok()).count();
        assert!((5_900..=6_001).contains(&granted), "{granted} in five seconds and one burst");
    }

    #[test]
    fn nothing_allowed_is_nothing() {
        let limiter = Limiter::default();
        let none = Rate { count: 0, within: Span::seconds(5) };
        assert_eq!(limiter.take("a", none, Duration::ZERO), Err(Duration::from_secs(5)));
        let sluggish = Rate { count: 1, within: Span::seconds(86_400) };
        assert_eq!(limiter.take("a", sluggish, Duration::ZERO), Ok(()));
        // Another rate in the same cell waits for its own span at most.
        assert!(limiter.take("a", RATE, Duration::ZERO).unwrap_err() <= Duration::from_secs(60));
    }
}
