//! Whole programs: what running one costs.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// What one run of a program took and said.
pub struct Run {
    /// CPU time of it and its children, to 10 ms.
    pub cpu: Duration,
    /// Time on the wall.
    pub wall: Duration,
    /// What it printed.
    pub stdout: String,
}

/// Runs a program to its end. `input`: what it reads as stdin. An exit status above `most` is an error.
pub fn run(command: &mut Command, input: Option<&Path>, most: i32) -> anyhow::Result<Run> {
    let stdin = match input {
        Some(file) => File::open(file).with_context(|| format!("open {}", file.display()))?.into(),
        None => Stdio::null(),
    };
    let (cpu, begin) = (of_children()?, Instant::now());
    let output = command.stdin(stdin).output().with_context(|| format!("start {command:?}"))?;
    let (wall, cpu) = (begin.elapsed(), of_children()?.saturating_sub(cpu));
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.code().is_none_or(|code| code > most) {
        let words = String::from_utf8_lossy(&output.stderr).into_owned() + stdout.as_str();
        let end = words.char_indices().rev().nth(1500).map_or(0, |(at, _)| at);
        bail!("{command:?} ended with {}:\n{}", output.status, &words[end..]);
    }
    Ok(Run { cpu, wall, stdout })
}

/// Whether a program of this name is installed.
pub fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// CPU time of all children that have ended.
fn of_children() -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("read /proc/self/stat")?;
    // The name, in parentheses, may hold blanks; behind it the 14th and 15th fields are cutime and cstime.
    let behind = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = behind.split_whitespace().skip(13).take(2).filter_map(|word| word.parse::<u64>().ok()).sum();
    Ok(Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100))
}
