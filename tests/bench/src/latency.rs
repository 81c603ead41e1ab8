//! From `write()` of a line to `main()` of the fix's program.
//!
//! Each line is alone: the next one is written when the fix of the one before has started and a pause is over. Between two
//! lines the same disk is asked what a synced write costs, so that both see the same noise.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::Settings;
use crate::engine::{Engine, PATIENCE};
use crate::figures::{Times, millis, now};

/// The first writes are left out: caches and lazily compiled patterns.
const WARM_UP: usize = 20;

/// Measures a rule without a probe and one with a probe.
pub fn measure(settings: &Settings) -> anyhow::Result<Value> {
    let mut all = json!({});
    for (name, probe) in [("no probe", ""), ("one probe", "    probe: |i| #{ load: probe.load() },\n")] {
        let run = Run::new(settings, probe)?.run(settings)?;
        println!("\n{} lines, a rule with {name}, in ms:\n", settings.writes);
        println!("| | p50 | p90 | p99 | max |\n|---|---|---|---|---|");
        println!("{}", run.fix.row("write() of the line → main() of the fix"));
        println!("{}", run.append.row("fdatasync of 4 KiB appended"));
        println!("{}", run.overwrite.row("fdatasync of 4 KiB overwritten"));
        println!("{}", run.spawn.row("start of the same program by the bench"));
        let floor = run.overwrite.percentile(50) + run.spawn.percentile(50);
        let ratio = millis(run.fix.percentile(50)) / millis(floor);
        println!("\np50 is {ratio:.2} of (overwrite + start), which are in its way at least once");
        all[name] = json!({
            "line_to_fix": run.fix.json(),
            "fdatasync_append": run.append.json(),
            "fdatasync_overwrite": run.overwrite.json(),
            "program_start": run.spawn.json(),
            "p50_ratio_to_floor": (ratio * 100.0).round() / 100.0,
        });
    }
    Ok(all)
}

struct Run {
    folder: tempfile::TempDir,
    socket: UnixDatagram,
    stamp: PathBuf,
    fix: Times,
    append: Times,
    overwrite: Times,
    spawn: Times,
}

impl Run {
    fn new(settings: &Settings, probe: &str) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("latency-").tempdir_in(&settings.folder)?;
        let stamp = std::env::current_exe()?.with_file_name("stamp");
        if !stamp.is_file() {
            bail!("there is no {}; run the bench with `cargo run`, which builds both", stamp.display());
        }
        let socket = UnixDatagram::bind(folder.path().join("told")).context("bind the socket of the stamps")?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let run = Self {
            folder,
            socket,
            stamp,
            fix: Times::default(),
            append: Times::default(),
            overwrite: Times::default(),
            spawn: Times::default(),
        };
        run.write_rules(probe)?;
        Ok(run)
    }

    fn write_rules(&self, probe: &str) -> anyhow::Result<()> {
        let pack = self.folder.path().join("rules/bench");
        fs::create_dir_all(pack.join("samples"))?;
        let (stamp, told) = (self.stamp.display(), self.folder.path().join("told"));
        let (told, here) = (told.display(), self.folder.path().display());
        fs::write(
            pack.join("pack.toml"),
            "name = \"bench\"\nversion = \"1.0.0\"\nmin_engine = \"0.1.0\"\ndescription = \"latency\"\n",
        )?;
        fs::write(
            pack.join("trouble.rhai"),
            format!(
                "#{{\n    title: \"An item is in trouble\",\n    severity: \"low\",\n    \
                 match: [`^item (?<item>[a-z0-9]+) is in trouble`],\n    fields: #{{ item: \"ident\" }},\n    \
                 asset: |e| \"item:\" + e.item,\n{probe}    \
                 fix: |i, facts| [step.command([\"{stamp}\", \"{told}\", i.item])],\n    \
                 verify: |i, facts| [check.file_absent(\"{here}/never\")],\n    stable: \"0s\",\n}}\n"
            ),
        )?;
        fs::write(
            pack.join("samples/trouble.toml"),
            format!(
                "[[sample]]\nline = \"item a1 is in trouble\"\nfires = true\nasset = \"item:a1\"\n\n\
                 [[sample]]\nline = \"item a1 is well\"\nfires = false\n\n\
                 [[plan]]\nfields = {{ item = \"a1\" }}\nsteps = [\"run {stamp} {told} a1\"]\n"
            ),
        )?;
        fs::write(
            self.folder.path().join("heinzel.toml"),
            format!(
                "[rules]\nfolders = [\"rules\"]\n[store]\nfolder = \"state\"\n\
                 [[source]]\nname = \"app\"\nkind = \"file\"\npath = \"{here}/app.log\"\nformat = \"auto\"\n\
                 [policy.modes]\n\"*\" = \"auto\"\n[policy.allow]\ncommands = [[\"{stamp}\", \"{told}\", \"*\"]]\n\
                 [policy.budget]\nrule = \"1000000/1h\"\nasset = \"1000000/1h\"\nhost = \"1000000/1h\"\n"
            ),
        )?;
        Ok(())
    }

    fn run(mut self, settings: &Settings) -> anyhow::Result<Self> {
        let mut log = File::create(self.folder.path().join("app.log"))?;
        let mut grown = File::create(self.folder.path().join("append"))?;
        let mut same = File::create(self.folder.path().join("overwrite"))?;
        same.write_all(&[0; 4096])?;
        same.sync_all()?;
        let engine = Engine::start(settings, self.folder.path())?;
        engine.await_ready()?;
        for number in 0..settings.writes + WARM_UP {
            std::thread::sleep(settings.gap);
            let line = format!("{} host1 bench[1]: item i{number} is in trouble\n", rfc3339());
            let written = now();
            log.write_all(line.as_bytes())?;
            let started = self.told(&format!("i{number}")).with_context(|| engine.log())?;
            std::thread::sleep(settings.gap);
            let append = synced(&mut grown, None)?;
            let overwrite = synced(&mut same, Some(0))?;
            let spawn = self.start_by_hand(number)?;
            if number >= WARM_UP {
                self.fix.0.push(started.saturating_sub(written));
                self.append.0.push(append);
                self.overwrite.0.push(overwrite);
                self.spawn.0.push(spawn);
            }
        }
        let verified = engine.ask(&["policy", "show"])?;
        println!("evidence: {}", verified["evidence"]);
        Ok(self)
    }

    /// When the fix of this item began.
    fn told(&self, item: &str) -> anyhow::Result<Duration> {
        let mut bytes = [0; 200];
        let length = self.socket.recv(&mut bytes).with_context(|| format!("no fix of {item} was started"))?;
        let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
        let (who, nanos) = text.split_once(' ').context("a stamp without a time")?;
        if who != item {
            bail!("the fix of {who} was started instead of that of {item}");
        }
        Ok(Duration::from_nanos(nanos.parse()?))
    }

    fn start_by_hand(&self, number: usize) -> anyhow::Result<Duration> {
        let item = format!("h{number}");
        let begin = now();
        let mut child = Command::new(&self.stamp)
            .args([self.folder.path().join("told").as_path(), Path::new(&item)])
            .stdin(Stdio::null())
            .spawn()?;
        let started = self.told(&item)?;
        child.wait()?;
        Ok(started.saturating_sub(begin))
    }
}

fn synced(file: &mut File, at: Option<u64>) -> anyhow::Result<Duration> {
    if let Some(at) = at {
        file.seek(SeekFrom::Start(at))?;
    }
    let begin = now();
    file.write_all(&[7; 4096])?;
    file.sync_data()?;
    Ok(now().saturating_sub(begin))
}

/// The time as a log would write it. Days to a date after Howard Hinnant's `civil_from_days`.
pub fn rfc3339() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400 + 719_468, since.as_secs() % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second, micros) = (seconds / 3600, seconds / 60 % 60, seconds % 60, since.subsec_micros());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}
