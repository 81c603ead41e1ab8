//! A program that logs at a rate.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::cost::thread_cpu;
use crate::matching::engine::lines;

/// How often something is written.
const TICK: Duration = Duration::from_millis(2);

/// A `write()` that is done.
pub struct Wrote {
    /// How many bytes are in the file then.
    pub end: usize,
    /// When it began.
    pub at: Instant,
}

/// Appends `log` to the file at so many lines a second. Writes end anywhere in a line; the last ends the log. Also says
/// what CPU time that took.
pub fn write_at_rate(file: &Path, log: &[u8], rate: f64) -> anyhow::Result<(Vec<Wrote>, Duration)> {
    let mut out = OpenOptions::new().append(true).open(file).with_context(|| format!("open {}", file.display()))?;
    let starts: Vec<usize> = lines(log).map(|(start, _)| start).collect();
    let cpu = thread_cpu();
    let (begin, mut end, mut wrote) = (Instant::now(), 0, Vec::new());
    while end < log.len() {
        let due = (begin.elapsed().as_secs_f64() * rate) as usize;
        let whole = starts.get(due).copied().unwrap_or(log.len());
        // And a piece of the next line: 0 to 90 bytes, another one each time.
        let to = (whole + wrote.len() * 37 % 91).min(log.len());
        if to > end {
            let at = Instant::now();
            out.write_all(&log[end..to]).with_context(|| format!("write {}", file.display()))?;
            end = to;
            wrote.push(Wrote { end, at });
        }
        std::thread::sleep(TICK);
    }
    Ok((wrote, thread_cpu().saturating_sub(cpu)))
}
