//! `heinzel-bench live`: a growing file, followed by the engine's own file source and matched.
//!
//! First at a rate, in pieces that end anywhere: no line may be lost, split or read twice, and what was read may not fall
//! behind. Then single lines while nothing else happens: from `write()` until the line is matched, once with processors
//! that sleep as this machine lets them, and once with processors that are kept awake.

mod floor;
mod follower;
mod writer;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::cost;
use crate::figures::{Times, millis};
use crate::inputs::{Inputs, prefix};
use crate::matching;
use crate::matching::engine::{Engine as _, Pairs, lines};
use crate::matching::ours::{Ours, learned};
use crate::options::Options;
use crate::rules::{patterns, rules};
use floor::Floor;
use follower::{Follower, Read};
use writer::{Wrote, write_at_rate};

/// How the subcommand is called.
pub const USAGE: &str = "heinzel-bench live [--rate 200000] [--seconds 8] [--rules 1000] [--writes 500] [--gap-ms 20] \
                         [--folder DIR] [--json FILE] [--out DIR] [--generator DIR] [--loghub DIR]";

/// Measures and prints.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let inputs = Inputs::ready(options)?;
    let rules = rules(&patterns(&inputs.rules(options.value("--rules", 1_000)?).with_extension("rs"))?);
    let folder =
        options.path("--folder").unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/measured"));
    std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let folder = tempfile::Builder::new().prefix("live-").tempdir_in(folder)?;
    let flood = {
        let (rate, seconds): (f64, f64) = (options.value("--rate", 200_000.0)?, options.value("--seconds", 8.0)?);
        let whole = std::fs::read(inputs.log("quiet")).context("read the quiet log")?;
        let wanted = (rate * seconds) as usize;
        let end = lines(&whole).nth(wanted).map(|(start, _)| start).unwrap_or_else(|| {
            println!("the quiet log has fewer than {wanted} lines; all of it is written");
            whole.len()
        });
        flood(prefix(&whole, end), Ours::new(&rules, &learned([&*whole]))?, rate, &folder.path().join("flood.log"))?
    };
    let fresh = || Ours::new(&rules, &learned([]));
    let chosen = matching_lines(&mut fresh()?, &inputs, options.value("--writes", 500)?)?;
    let gap = Duration::from_millis(options.value("--gap-ms", 20)?);
    let single = |name: &str, ours| {
        let folder = folder.path().join(name);
        std::fs::create_dir(&folder).with_context(|| format!("create {}", folder.display()))?;
        println!("\n### write() to matched, one line every {} ms in turns, processors {name}\n", gap.as_millis());
        single(&chosen, ours, gap, &folder)
    };
    let asleep = single("asleep", fresh()?)?;
    let awake = match kept_awake() {
        Ok(_held) => Some(single("awake", fresh()?)?),
        Err(error) => {
            println!("\nSKIPPED with processors kept awake: {AWAKE}: {error}");
            None
        }
    };
    if let Some(file) = options.path("--json") {
        matching::write(&file, &json!({ "flood": flood, "single": asleep, "single_awake": awake }))?;
    }
    Ok(())
}

/// Where the kernel takes how long its processors may need to wake: an `i32` of microseconds, as long as the file is
/// open (`Documentation/power/pm_qos_interface.rst` of Linux).
const AWAKE: &str = "/dev/cpu_dma_latency";

/// Keeps the processors from sleeping until the file is closed.
fn kept_awake() -> std::io::Result<std::fs::File> {
    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new().write(true).open(AWAKE)?;
    file.write_all(&0_i32.to_ne_bytes())?;
    Ok(file)
}

/// The file grows at a rate.
fn flood(log: &[u8], mut ours: Ours, rate: f64, file: &Path) -> anyhow::Result<Value> {
    // What must be found; it also compiles the patterns that the log needs.
    let mut expected = Pairs::counted();
    ours.scan(log, &mut expected);
    let count = lines(log).count();
    let follower = Follower::start(file, ours, log.into())?;
    let (before, idle) = (cost::memory(), cost::cpu());
    let begin = Instant::now();
    let (wrote, writers_cpu) = write_at_rate(file, log, rate)?;
    let written = begin.elapsed();
    let last = wrote.last().context("nothing was written")?.at;
    follower.await_bytes(log.len() as u64)?;
    let (cpu, memory) = (cost::cpu().saturating_sub(idle).saturating_sub(writers_cpu), cost::memory());
    let (reads, pairs) = follower.stop()?;
    let end = reads.last().map_or(0, |read| read.end);
    ensure!(end == log.len(), "{} bytes were written, {end} read", log.len());
    ensure!(pairs == expected.count, "{pairs} pairs were found, not {}", expected.count);
    let lags = lags(&wrote, &reads);
    let behind = reads.last().map_or(Duration::MAX, |read| read.at.saturating_duration_since(last));
    let reached = count as f64 / written.as_secs_f64();
    println!(
        "\n### A file that grows at {rate:.0} lines/s (reached: {reached:.0}), {count} lines, {} blocks\n",
        reads.len()
    );
    println!("every byte was read once, in order, in whole lines; {pairs} pairs, as expected");
    println!("| | p50 ms | p90 ms | p99 ms | most ms |\n|---|---|---|---|---|");
    println!("{}", lags.row("from the write of a block's last line until it is matched"));
    println!("\nbehind at the end: {:.2} ms", millis(behind));
    let share = cpu.as_secs_f64() / written.as_secs_f64() * 100.0;
    let grown = memory.saturating_sub(before) as f64 / 1e6;
    println!("reading, comparing, scanning, finding: {share:.1} % of a core, {grown:.1} MB more than before");
    Ok(json!({
        "rate": rate, "reached": reached, "lines": count, "bytes": log.len(), "blocks": reads.len(), "pairs": pairs,
        "lag": lags.json(), "behind_at_end_ms": millis(behind), "cpu_percent": share, "memory_grown_mb": grown,
    }))
}

/// How old the last line of each block was when it was matched.
fn lags(wrote: &[Wrote], reads: &[Read]) -> Times {
    let lag = |read: &Read| {
        let by = wrote.partition_point(|one| one.end < read.end);
        wrote.get(by).map(|one| read.at.saturating_duration_since(one.at))
    };
    Times(reads.iter().filter_map(lag).collect())
}

/// Lines of the busy log that match something, so many.
fn matching_lines(ours: &mut Ours, inputs: &Inputs, count: usize) -> anyhow::Result<Vec<Vec<u8>>> {
    let log = std::fs::read(inputs.log("busy"))?;
    let log = prefix(&log, 2_000_000);
    let mut pairs = Pairs::listed();
    ours.scan(log, &mut pairs);
    let starts = pairs.lines();
    ensure!(!starts.is_empty(), "no line of the busy log matches");
    let with_end = |(_, line): (usize, &[u8])| [line, b"\n"].concat();
    let found: Vec<Vec<u8>> = lines(log).filter(|(start, _)| starts.contains(start)).map(with_end).collect();
    Ok(found.into_iter().cycle().take(count).collect())
}

/// One line at a time, in turns with the floor, so that a busy neighbour hits both.
fn single(chosen: &[Vec<u8>], mut ours: Ours, gap: Duration, folder: &Path) -> anyhow::Result<Value> {
    use std::io::Write as _;
    // As a daemon that has run for a while: the patterns that these lines need are compiled.
    ours.scan(&chosen.concat(), &mut Pairs::counted());
    // A folder each: the source watches its own.
    let [file, floors] = ["followed", "floor"].map(|name| folder.join(name).join("single.log"));
    for file in [&file, &floors] {
        file.parent().map_or(Ok(()), std::fs::create_dir)?;
    }
    let mut floor = Floor::start(&floors, chosen.len())?;
    let follower = Follower::start(&file, ours, chosen.concat().into())?;
    let mut out = std::fs::OpenOptions::new().append(true).open(&file)?;
    let (mut begins, mut written, mut floors) = (Vec::new(), 0, Times::default());
    let (cpu, begin) = (cost::cpu(), Instant::now());
    for line in chosen {
        std::thread::sleep(gap);
        floors.0.push(floor.measure(line)?);
        std::thread::sleep(gap);
        begins.push(Instant::now());
        out.write_all(line)?;
        written += line.len() as u64;
        follower.await_bytes(written)?;
    }
    let share = cost::cpu().saturating_sub(cpu).as_secs_f64() / begin.elapsed().as_secs_f64() * 100.0;
    let (reads, pairs) = follower.stop()?;
    floor.end()?;
    ensure!(reads.len() == chosen.len(), "{} lines were written one by one, {} blocks came", chosen.len(), reads.len());
    ensure!(pairs >= chosen.len() as u64, "{} matching lines were written, {pairs} pairs found", chosen.len());
    let times =
        Times(reads.iter().zip(&begins).map(|(read, begin)| read.at.saturating_duration_since(*begin)).collect());
    let floor = floors;
    let micros = |times: &Times, percent| times.percentile(percent).as_secs_f64() * 1e6;
    println!("| | p50 µs | p90 µs | p99 µs | most µs |\n|---|---|---|---|---|");
    for (name, times) in [("heinzel", &times), ("floor: inotify and `read()`", &floor)] {
        let [half, ninety, most, all] = [50, 90, 99, 100].map(|percent| micros(times, percent));
        println!("| {name} | {half:.0} | {ninety:.0} | {most:.0} | {all:.0} |");
    }
    let memory = cost::memory() as f64 / 1e6;
    println!(
        "\n{} lines each; both, writing and following: {share:.2} % of a core, {memory:.0} MB resident in all",
        chosen.len()
    );
    Ok(json!({
        "writes": chosen.len(), "gap_ms": u64::try_from(gap.as_millis())?,
        "p50_us": micros(&times, 50), "p90_us": micros(&times, 90), "p99_us": micros(&times, 99),
        "max_us": micros(&times, 100), "floor_p50_us": micros(&floor, 50), "floor_p99_us": micros(&floor, 99),
        "cpu_percent": share, "memory_mb": memory,
    }))
}
