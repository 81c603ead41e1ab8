//! A running Heinzel, and what the kernel says of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::Settings;

/// How long anything is waited for before the measurement gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A Heinzel in a folder of its own. Killed when dropped.
pub struct Engine {
    binary: PathBuf,
    folder: PathBuf,
    child: Child,
}

impl Engine {
    /// Checks the configuration and rules in `folder` and starts Heinzel on them.
    pub fn start(settings: &Settings, folder: &Path) -> anyhow::Result<Self> {
        let checked = command(&settings.binary, folder).arg("check").output().context("start heinzel")?;
        if !checked.status.success() {
            let words =
                String::from_utf8_lossy(&checked.stdout).into_owned() + &*String::from_utf8_lossy(&checked.stderr);
            bail!("heinzel refuses what the bench wrote:\n{words}");
        }
        let log = fs::File::create(folder.join("heinzel.log"))?;
        let child = command(&settings.binary, folder)
            .arg("run")
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("start heinzel")?;
        Ok(Self { binary: settings.binary.clone(), folder: folder.to_owned(), child })
    }

    /// What a command of the same configuration answers.
    pub fn ask(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let answer = command(&self.binary, &self.folder).arg("--json").args(arguments).output()?;
        serde_json::from_slice(&answer.stdout).with_context(|| {
            let words = String::from_utf8_lossy(&answer.stderr).into_owned();
            format!("heinzel {}: {words}\n{}", arguments.join(" "), self.log())
        })
    }

    /// Waits until every source has been read to its end.
    pub fn await_ready(&self) -> anyhow::Result<()> {
        let begin = Instant::now();
        loop {
            let report = self.ask(&["status"]).unwrap_or_default();
            let sources = report["sources"].as_object();
            if sources.is_some_and(|all| !all.is_empty() && all.values().all(|s| !s["live_since"].is_null())) {
                return Ok(());
            }
            if begin.elapsed() > PATIENCE {
                bail!("heinzel is not ready: {report}\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The end of what it has printed.
    pub fn log(&self) -> String {
        let text = fs::read_to_string(self.folder.join("heinzel.log")).unwrap_or_default();
        let from = text.len().saturating_sub(2000);
        text.get(from..).unwrap_or_default().to_owned()
    }

    /// CPU time used so far, in the kernel and outside.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = fs::read_to_string(self.proc("stat"))?;
        // The name, in parentheses, may hold blanks; behind it the 12th and 13th fields are utime and stime.
        let behind = stat.rsplit(')').next().unwrap_or_default();
        let ticks: u64 = behind.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<u64>().ok()).sum();
        Ok(Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100))
    }

    /// How often its threads were put to sleep and so woken up again.
    pub fn wakeups(&self) -> u64 {
        let threads = fs::read_dir(self.proc("task")).into_iter().flatten().flatten();
        let count = |folder: fs::DirEntry| number(&folder.path().join("status"), "voluntary_ctxt_switches:");
        threads.filter_map(count).sum()
    }

    /// How many threads it has.
    pub fn threads(&self) -> u64 {
        number(&self.proc("status"), "Threads:").unwrap_or_default()
    }

    /// Resident memory in KiB: what `ps` shows, the share of it that is its own alone and in proportion, and the most so far.
    pub fn memory(&self) -> anyhow::Result<Memory> {
        let of = |file: &str, key: &str| number(&self.proc(file), key).with_context(|| format!("no {key} in {file}"));
        Ok(Memory {
            rss: of("status", "VmRSS:")?,
            anonymous: of("status", "RssAnon:")?,
            pss: of("smaps_rollup", "Pss:")?,
            most: of("status", "VmHWM:")?,
        })
    }

    fn proc(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.child.id()))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let told = pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok());
        let begin = Instant::now();
        while told && begin.elapsed() < Duration::from_secs(30) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // It did not stop by itself; nothing is left to do about an error here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Memory in KiB.
#[derive(Clone, Copy)]
pub struct Memory {
    /// Resident, shared pages counted whole.
    pub rss: u64,
    /// Resident and not backed by a file: heap and stacks.
    pub anonymous: u64,
    /// Resident, shared pages counted in proportion.
    pub pss: u64,
    /// The most that was resident at a time.
    pub most: u64,
}

fn command(binary: &Path, folder: &Path) -> Command {
    let mut command = Command::new(binary);
    command.arg("--config").arg(folder.join("heinzel.toml")).current_dir(folder).stdin(Stdio::null());
    command
}

/// The number behind a key, one key a line.
fn number(file: &Path, key: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}
