//! Percentiles and the clock.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// Times of one kind, in the order in which they were measured.
#[derive(Default)]
pub struct Times(pub Vec<Duration>);

impl Times {
    /// The smallest time that so many percent do not exceed.
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort();
        let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(at).copied().unwrap_or_default()
    }

    /// One row of a table in Markdown, in milliseconds.
    pub fn row(&self, name: &str) -> String {
        let [half, ninety, most, all] = [50, 90, 99, 100].map(|p| millis(self.percentile(p)));
        format!("| {name} | {half:.2} | {ninety:.2} | {most:.2} | {all:.2} |")
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        let [p50, p90, p99, max] = [50, 90, 99, 100].map(|p| (millis(self.percentile(p)) * 1000.0).round() / 1000.0);
        json!({ "count": self.0.len(), "p50_ms": p50, "p90_ms": p90, "p99_ms": p99, "max_ms": max })
    }
}

/// Milliseconds.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The monotonic clock, which all processes share.
pub fn now() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(now.tv_sec.try_into().unwrap_or_default(), now.tv_nsec.try_into().unwrap_or_default())
}

/// Load of the machine in the last minute: figures of a busy machine are worth little.
pub fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(f64::NAN)
}
