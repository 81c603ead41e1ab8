//! `heinzel-bench peers`: other log matchers as whole programs, over the first lines of the quiet log.
//!
//! Start at [`run`]. Each gets the same rules in its own words ([`Peer`]). CPU time counts net of what the program takes
//! with an empty log, so starting and reading the rules are left out.

mod crowdsec;
mod fail2ban;
mod lognorm;
mod ripgrep;
mod sec;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::children::run as run_child;
use crate::cost::median;
use crate::generated::Generated;
use crate::inputs::{Inputs, prefix};
use crate::matching;
use crate::matching::child::Remote;
use crate::matching::engine::{Engine as _, Pairs, lines};
use crate::matching::ours::{Ours, learned};
use crate::options::Options;
use crate::rules;

/// How the subcommand is called.
pub const USAGE: &str =
    "heinzel-bench peers [--rules 1000] [--pairs 3] [--json FILE] [--out DIR] [--generator DIR] [--loghub DIR]";

/// A program that matches logs.
trait Peer {
    /// Its name.
    fn name(&self) -> &'static str;
    /// What a line is to it: the whole line, or the message behind the header.
    fn wants_messages(&self) -> bool {
        false
    }
    /// How many lines it can do in some seconds with 1,000 rules.
    fn lines(&self) -> usize;
    /// The command that reads this log; it gets the log on stdin, too.
    fn command(&self, log: &Path) -> Command;
    /// How many lines it says it has found, where it says so.
    fn found(&self, stdout: &str) -> Option<usize>;
    /// How many of a few lines it finds, where only a run of its own tells that.
    fn proved(&self, _log: &Path) -> anyhow::Result<Option<usize>> {
        Ok(None)
    }
    /// Whether its patterns mean exactly what ours mean, so that it must find as many lines.
    fn is_exact(&self) -> bool {
        true
    }
    /// The exit status that still is a success.
    fn most_status(&self) -> i32 {
        0
    }
}

/// Writes the rules as a peer wants them into a folder; an error says why it cannot take part.
type Prepare = fn(&[Generated], &Path, &Inputs) -> anyhow::Result<Box<dyn Peer>>;

const PEERS: [(&str, Prepare); 5] = [
    ("fail2ban", fail2ban::prepare),
    ("SEC", sec::prepare),
    ("CrowdSec", crowdsec::prepare),
    ("liblognorm", lognorm::prepare),
    ("ripgrep", ripgrep::prepare),
];

/// So many bytes of the busy log are the proof.
const PROOF: usize = 40_000;

/// Measures and prints.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let inputs = Inputs::ready(options)?;
    let (count, rounds): (usize, usize) = (options.value("--rules", 1_000)?, options.value("--pairs", 3)?);
    let set = inputs.rules(count);
    let generated = Generated::read(&set.with_extension("json"))?;
    let quiet = std::fs::read(inputs.log("quiet")).context("read the quiet log")?;
    let rules = rules::rules(&rules::patterns(&set.with_extension("rs"))?);
    let mut matcher = Ours::new(&rules, &learned([]))?;
    let ours = ours(&inputs, count, rounds.max(1))?;
    println!("\n### Whole programs, {count} rules, quiet log\n");
    println!("| | lines/s of CPU time | ours / it | lines read | lines found |\n|---|---|---|---|---|");
    println!("| ours, in memory, with captures | {ours:.0} | 1 | | |");
    let folder = tempfile::tempdir()?;
    let mut rows = Vec::new();
    for (name, prepare) in PEERS {
        let place = folder.path().join(name);
        std::fs::create_dir_all(&place)?;
        let peer = match prepare(&generated, &place, &inputs) {
            Ok(peer) => peer,
            Err(why) => {
                println!("SKIPPED: {name}: {why:#}");
                rows.push(json!({ "peer": name, "skipped": format!("{why:#}") }));
                continue;
            }
        };
        prove(&*peer, &place, &mut matcher, &inputs)?;
        let end = lines(&quiet).nth(peer.lines()).map_or(quiet.len(), |(start, _)| start);
        let part = prefix(&quiet, end);
        let mut expected = Pairs::listed();
        matcher.scan(part, &mut expected);
        rows.push(measure(&*peer, &place, part, expected.lines().len(), (ours, rounds.max(1)))?);
    }
    if let Some(file) = options.path("--json") {
        matching::write(&file, &json!({ "rules": count, "ours_lines_s": ours, "peers": rows }))?;
    }
    Ok(())
}

/// Lines a second of the matcher alone, in a process of its own, on all of the quiet log.
fn ours(inputs: &Inputs, rules: usize, rounds: usize) -> anyhow::Result<f64> {
    let [set, log] = [inputs.rules(rules).display().to_string(), format!("log={}", inputs.log("quiet").display())];
    let arguments = ["--engine", "ours", "--rules", &set, "--log", &log].map(str::to_owned);
    let mut ours = Remote::start(&arguments)?.map_err(|why| anyhow::anyhow!("heinzel's matcher: {why}"))?;
    let mut speeds = Vec::new();
    for _ in 0..=rounds {
        let timed = ours.ask(&format!("time log {}", usize::MAX))?;
        let number = |key: &str| timed[key].as_f64().unwrap_or(f64::NAN);
        speeds.push(number("lines") / number("cpu_ns") * 1e9);
    }
    // The first round compiles the patterns.
    Ok(median(speeds.split_off(1)))
}

/// Whether it finds what it must in the first lines of the busy log.
fn prove(peer: &dyn Peer, place: &Path, matcher: &mut Ours, inputs: &Inputs) -> anyhow::Result<()> {
    let busy = std::fs::read(inputs.log("busy")).context("read the busy log")?;
    let part = prefix(&busy, PROOF);
    if let Some(found) = peer.proved(&write(place, "proof.log", part, peer.wants_messages())?)? {
        let mut expected = Pairs::listed();
        matcher.scan(part, &mut expected);
        let expected = expected.lines().len();
        ensure!(found == expected, "{} finds {found} lines of the proof, heinzel {expected}", peer.name());
    }
    Ok(())
}

fn measure(
    peer: &dyn Peer,
    place: &Path,
    part: &[u8],
    expected: usize,
    (ours, rounds): (f64, usize),
) -> anyhow::Result<Value> {
    let name = peer.name();
    let log = write(place, "slice.log", part, peer.wants_messages())?;
    let empty = write(place, "empty.log", b"", false)?;
    let count = lines(part).count();
    let (mut speeds, mut found) = (Vec::new(), None);
    for _ in 0..rounds {
        let start = run_child(&mut peer.command(&empty), Some(&empty), peer.most_status())?;
        let full = run_child(&mut peer.command(&log), Some(&log), peer.most_status())?;
        let net = full.cpu.saturating_sub(start.cpu).as_secs_f64();
        ensure!(net > 0.05, "{name} took {net:.3} s for {count} lines: too short to measure");
        speeds.push(count as f64 / net);
        found = peer.found(&full.stdout);
    }
    match found {
        Some(found) if peer.is_exact() => {
            ensure!(found == expected, "{name} found {found} lines of {count}, heinzel {expected}");
        }
        Some(found) => ensure!(found > 0, "{name} found nothing in {count} lines, so its rules are wrong"),
        None => {}
    }
    let speed = median(speeds);
    let shown = found.map_or_else(|| "not said".to_owned(), |found| format!("{found} (ours {expected})"));
    println!("| {name} | {speed:.0} | {:.1} | {count} | {shown} |", ours / speed);
    Ok(json!({
        "peer": name, "lines": count, "lines_s": speed, "ratio": ours / speed, "found": found, "expected": expected,
    }))
}

fn write(place: &Path, name: &str, part: &[u8], messages: bool) -> anyhow::Result<PathBuf> {
    let file = place.join(name);
    if !messages {
        std::fs::write(&file, part)?;
        return Ok(file);
    }
    let mut all = Vec::with_capacity(part.len());
    for (_, line) in lines(part) {
        let behind = memchr::memmem::find(line, b"]: ").map_or(0, |at| at + 3);
        all.extend_from_slice(&line[behind..]);
        all.push(b'\n');
    }
    std::fs::write(&file, all)?;
    Ok(file)
}
