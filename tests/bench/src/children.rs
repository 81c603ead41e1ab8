//! Whole programs: what running one costs.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};

/// What one run of a program took and said.
pub struct Run {
    /// CPU time of it and its children.
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
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("getrusage")?;
    let micros = |time: TimeVal| time.num_microseconds().try_into().map(Duration::from_micros);
    Ok(micros(usage.user_time())? + micros(usage.system_time())?)
}
