//! `heinzel-bench replay`: `heinzel replay` from file to report, beside the matcher alone on the same rules and lines.

mod pack;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use crate::children::{Run, is_installed, run as run_child};
use crate::cost::median;
use crate::inputs::{Inputs, prefix};
use crate::matching;
use crate::matching::child::Remote;
use crate::options::Options;

/// How the subcommand is called.
pub const USAGE: &str = "heinzel-bench replay [--binary target/release/heinzel] [--rules 1000] [--logs quiet,busy] \
                         [--mb 600] [--pairs 3] [--json FILE] [--out DIR] [--generator DIR] [--loghub DIR]";

/// Measures and prints.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let inputs = Inputs::ready(options)?;
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/heinzel");
    let binary = options.path("--binary").unwrap_or(beside);
    ensure!(binary.is_file(), "there is no {}; say with --binary where heinzel is", binary.display());
    let (rules, rounds): (usize, usize) = (options.value("--rules", 1_000)?, options.value("--pairs", 3)?);
    let folder = tempfile::tempdir()?;
    let written = pack::write(&inputs.rules(rules).with_extension("json"), &folder.path().join("rules"))?;
    let settings = "[rules]\nfolders = [\"rules\"]\n[store]\nfolder = \"state\"\n";
    std::fs::write(folder.path().join("heinzel.toml"), settings)?;
    let heinzel = Heinzel { binary: binary.canonicalize()?, folder: folder.path().to_owned() };
    heinzel.check()?;
    let mut logs = Vec::new();
    for name in options.list::<String>("--logs", "quiet,busy")? {
        let whole = std::fs::read(inputs.log(&name)).with_context(|| format!("read the {name} log"))?;
        let log = folder.path().join(format!("{name}.log"));
        // As often as it takes: the whole log alone is read in a twentieth of a second.
        let mut left = options.value("--mb", 600)? * 1_000_000_usize;
        let mut file = std::fs::File::create(&log)?;
        while left > 0 && !whole.is_empty() {
            let part = prefix(&whole, left);
            file.write_all(part)?;
            left = if part.len() < whole.len() { 0 } else { left - part.len() };
        }
        drop(whole);
        logs.push(measure(&heinzel, &inputs, (rules, written), (&name, &log), rounds.max(1))?);
    }
    if let Some(file) = options.path("--json") {
        matching::write(&file, &json!({ "replay": logs }))?;
    }
    Ok(())
}

fn measure(
    heinzel: &Heinzel,
    inputs: &Inputs,
    (rules, written): (usize, usize),
    (name, log): (&str, &Path),
    rounds: usize,
) -> anyhow::Result<Value> {
    let arguments = ["--engine", "ours", "--rules"].map(str::to_owned).into_iter();
    let arguments = arguments.chain([inputs.rules(rules).display().to_string(), "--log".to_owned()]);
    let arguments: Vec<String> = arguments.chain([format!("log={}", log.display())]).collect();
    let mut alone = Remote::start(&arguments)?.map_err(|why| anyhow::anyhow!("the matcher alone: {why}"))?;
    let exact = alone.ask(&format!("exact log {}", usize::MAX))?;
    let lines = exact["lines"].as_f64().context("no lines")?;
    // What is there before the first line: the process, the rules, their samples.
    let empty = heinzel.folder.join("empty.log");
    std::fs::write(&empty, "")?;
    let (mut matcher, mut one, mut two, mut wall_one, mut wall_two) = (vec![], vec![], vec![], vec![], vec![]);
    let mut wall_apart = vec![];
    for _ in 0..rounds {
        let timed = alone.ask(&format!("time log {}", usize::MAX))?;
        matcher.push(timed["cpu_ns"].as_f64().unwrap_or(f64::NAN) / 1e9);
        for (cores, cpu, wall) in [("0", &mut one, &mut wall_one), ("0,1", &mut two, &mut wall_two)] {
            let start = heinzel.replay(cores, &empty)?;
            let full = heinzel.replay(cores, log)?;
            cpu.push(full.cpu.saturating_sub(start.cpu).as_secs_f64());
            wall.push(full.wall.saturating_sub(start.wall).as_secs_f64());
            heinzel.compare(&full.stdout, &exact)?;
        }
        wall_apart.push(heinzel.apart(log)?.saturating_sub(heinzel.apart(&empty)?).as_secs_f64());
    }
    // One round may be off: the machine changes its speed between two runs.
    for wall in [&wall_one, &wall_two] {
        let net = median(wall.clone());
        ensure!(net > 0.05, "reading {} took {net:.3} s: too short to measure, raise --mb", log.display());
    }
    let share = median(matcher.iter().zip(&one).map(|(matcher, replay)| matcher / replay).collect());
    let faster = median(wall_one.iter().zip(&wall_two).map(|(one, two)| one / two).collect());
    let apart = median(wall_one.iter().zip(&wall_apart).map(|(one, apart)| 2.0 * one / apart).collect());
    let [matcher, one, two, wall_one, wall_two] = [matcher, one, two, wall_one, wall_two].map(median);
    println!("\n### heinzel replay, {name} log, {lines} lines, {written} rules, {} pairs\n", exact["pairs"]);
    println!("| | CPU s | wall s | lines/s |\n|---|---|---|---|");
    println!("| the matcher alone | {matcher:.2} | | {:.0} |", lines / matcher);
    println!("| replay, one core | {one:.2} | {wall_one:.2} | {:.0} |", lines / wall_one);
    println!("| replay, two cores | {two:.2} | {wall_two:.2} | {:.0} |", lines / wall_two);
    println!(
        "\nreplay on one core reaches {:.0} % of the matcher; two cores are {faster:.2} times as fast; two replays side by \
         side, each with a core and a log of its own, get {apart:.2} times as much done as one",
        share * 100.0
    );
    Ok(json!({
        "log": name, "rules": written, "lines": lines, "pairs": exact["pairs"],
        "matcher_cpu_s": matcher, "matcher_lines_s": lines / matcher,
        "one_core": { "cpu_s": one, "wall_s": wall_one, "lines_cpu_s": lines / one },
        "two_cores": { "cpu_s": two, "wall_s": wall_two, "lines_wall_s": lines / wall_two },
        "share_of_matcher": share, "two_cores_faster": faster, "two_replays_apart": apart,
    }))
}

/// The binary with a folder for its settings.
struct Heinzel {
    binary: PathBuf,
    folder: PathBuf,
}

impl Heinzel {
    /// The pack must be sound, or nothing would be measured.
    fn check(&self) -> anyhow::Result<()> {
        let mut command = Command::new(&self.binary);
        command.arg("--config").arg(self.folder.join("heinzel.toml")).arg("check").current_dir(&self.folder);
        run_child(&mut command, None, 0).context("heinzel refuses the generated pack").map(drop)
    }

    fn replay(&self, cores: &str, log: &Path) -> anyhow::Result<Run> {
        let mut command = if is_installed("taskset") {
            let mut command = Command::new("taskset");
            command.args(["-c", cores]).arg(&self.binary);
            command
        } else {
            bail!("there is no `taskset` (package util-linux), which holds heinzel on one core");
        };
        command.arg("--config").arg(self.folder.join("heinzel.toml")).args(["replay", "--format", "syslog"]);
        command.args(["--year", "2026", "--timezone", "UTC"]).arg(log).current_dir(&self.folder);
        run_child(&mut command, None, 0)
    }

    /// Two of them at once, each on its own core, until the slower ends: what two cores of this machine can do that share
    /// nothing but its memory.
    fn apart(&self, log: &Path) -> anyhow::Result<Duration> {
        let ended = std::thread::scope(|scope| {
            let both = ["0", "1"].map(|core| scope.spawn(move || self.replay(core, log)));
            both.map(|one| one.join().expect("a replay's thread does not panic"))
        });
        let [first, second] = ended;
        Ok(first?.wall.max(second?.wall))
    }

    /// Every pair must have become a finding, or have been refused by a field's type.
    fn compare(&self, report: &str, exact: &Value) -> anyhow::Result<()> {
        let summary = report.lines().last().unwrap_or_default();
        let before = |what: &str| {
            let words: Vec<&str> = summary.split([' ', ',', ':']).filter(|word| !word.is_empty()).collect();
            let at = words.iter().position(|word| word.starts_with(what))?;
            words.get(at.checked_sub(1)?)?.parse::<u64>().ok()
        };
        let refused =
            report.lines().filter_map(|line| line.strip_prefix("refused ")?.split(' ').next()?.parse::<u64>().ok());
        let found = before("finding").unwrap_or_default() + refused.sum::<u64>();
        ensure!(before("line") == exact["lines"].as_u64(), "replay read other lines: {summary}");
        ensure!(
            Some(found) == exact["pairs"].as_u64(),
            "replay found {found} pairs, the matcher {}: {summary}",
            exact["pairs"]
        );
        Ok(())
    }
}
