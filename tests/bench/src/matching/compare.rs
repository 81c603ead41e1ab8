//! One rule set, all engines: builds them, makes them agree, times them in turns.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::child::Remote;
use crate::cost::median;
use crate::inputs::Inputs;
use crate::options::Options;

/// All engines, in the order of the tables. `ours` is the first: the others are compared with it.
const ALL: [&str; 10] = [
    "ours",
    "ours-built-in",
    "ours-avx2",
    "ours-scalar",
    "regex",
    "regex-filtered",
    "aho-corasick",
    "hyperscan",
    "vectorscan",
    "newlines",
];
/// Those that are measured again with the weak patterns, beside this rule set.
const WEAK: [&str; 4] = ["ours", "regex", "hyperscan", "vectorscan"];
const WEAK_BESIDE: usize = 1_000;
/// So many pairs of line and rule does the sequential reference look at.
const REFERENCE: usize = 10_000_000;
/// What an engine is tried on, to see how much of the log it can do in a round.
const TRIAL: usize = 1 << 21;

/// Which engines take part, and where the libraries are.
pub struct Engines {
    names: Vec<&'static str>,
    libraries: Vec<(&'static str, Option<PathBuf>)>,
}

impl Engines {
    /// Those that `--engines` names; `ours` and the reference in any case.
    pub fn chosen(options: &Options, inputs: &Inputs) -> anyhow::Result<Self> {
        let wanted: Vec<String> = options.list("--engines", "all")?;
        if let Some(name) = wanted.iter().find(|name| *name != "all" && !ALL.contains(&name.as_str())) {
            bail!("--engines: there is no `{name}`; there are {}", ALL.join(", "));
        }
        let takes = |name: &&str| {
            matches!(*name, "ours" | "regex") || wanted.iter().any(|wanted| wanted == "all" || wanted == name)
        };
        let libraries = ["hyperscan", "vectorscan"]
            .map(|name| (name, options.path(&format!("--{name}")).or_else(|| unpacked(inputs, name))));
        Ok(Self { names: ALL.into_iter().filter(takes).collect(), libraries: libraries.into() })
    }

    fn library(&self, name: &str) -> Option<&PathBuf> {
        self.libraries.iter().find(|(engine, _)| *engine == name)?.1.as_ref()
    }
}

/// The library of Debian's package `lib{name}5`, unpacked below the inputs.
fn unpacked(inputs: &Inputs, name: &str) -> Option<PathBuf> {
    let folder = inputs.folder().join(format!("peers/lib{name}5/usr/lib"));
    let files = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path().join("libhs.so.5"));
    files.into_iter().find(|file| file.is_file())
}

struct Seat {
    name: &'static str,
    weak: bool,
    remote: Remote,
}

/// The engines of one rule set, each ready in its process.
pub struct Comparison {
    rules: usize,
    rounds: usize,
    budget_ns: f64,
    seats: Vec<Seat>,
    skipped: Vec<Value>,
}

/// What was measured of one engine on one log.
struct Row {
    seat: usize,
    /// How much of the log a round scans.
    bytes: u64,
    lines: u64,
    whole: bool,
    exact: Value,
    /// CPU ns a line, by round.
    ns: Vec<f64>,
}

impl Comparison {
    /// Builds all engines, one after the other.
    pub fn start(
        options: &Options,
        inputs: &Inputs,
        engines: &Engines,
        rules: usize,
        logs: &[String],
    ) -> anyhow::Result<Self> {
        let rounds: usize = options.value("--pairs", 5)?;
        let bytes = options.value("--mb", 200)? * 1_000_000_usize;
        let budget_ns = options.value("--budget-s", 4.0)? * 1e9;
        let mut comparison = Self { rules, rounds: rounds.max(1), budget_ns, seats: Vec::new(), skipped: Vec::new() };
        let weak = engines.names.iter().filter(|name| rules == WEAK_BESIDE && WEAK.contains(name)).map(|n| (*n, true));
        for (name, weak) in engines.names.iter().map(|name| (*name, false)).chain(weak) {
            let mut arguments = vec!["--engine".to_owned(), name.to_owned()];
            arguments.extend(["--rules".to_owned(), inputs.rules(rules).display().to_string()]);
            arguments.extend(["--bytes".to_owned(), bytes.to_string()]);
            arguments.extend(["--weak".to_owned(), u8::from(weak).to_string()]);
            for log in logs {
                arguments.extend(["--log".to_owned(), format!("{log}={}", inputs.log(log).display())]);
            }
            if let Some(library) = engines.library(name) {
                arguments.extend(["--library".to_owned(), library.display().to_string()]);
            }
            match Remote::start(&arguments)? {
                Ok(remote) => comparison.seats.push(Seat { name, weak, remote }),
                Err(why) if matches!(name, "ours" | "regex") => bail!("{name} with {rules} rules: {why}"),
                Err(why) => {
                    println!("SKIPPED: {name} with {rules} rules: {why}");
                    comparison.skipped.push(json!({ "engine": name, "why": why }));
                }
            }
        }
        Ok(comparison)
    }

    /// Compares and times all engines on this log.
    pub fn measure(&mut self, log: &str) -> anyhow::Result<Value> {
        let mut rows = Vec::new();
        for seat in 0..self.seats.len() {
            let row = self.agree(seat, log).with_context(|| {
                let Seat { name, weak, .. } = self.seats[seat];
                format!("{name} with {} rules{} on the {log} log", self.rules, if weak { " and six weak" } else { "" })
            })?;
            rows.push(row);
        }
        for round in 0..self.rounds {
            for row in &mut rows {
                let Seat { name, remote, .. } = &mut self.seats[row.seat];
                // The reference is there to be right; one round says how slow it is.
                if *name == "regex" && round > 0 {
                    continue;
                }
                let timed = remote.ask(&format!("time {log} {}", row.bytes))?;
                if timed["pairs"] != row.exact["pairs"] {
                    bail!("{name}: a round found {} pairs, not {}", timed["pairs"], row.exact["pairs"]);
                }
                row.ns.push(number(&timed, "cpu_ns") / row.lines as f64);
            }
        }
        let mut engines = Vec::new();
        for row in &rows {
            engines.push(self.row(row)?);
        }
        let ratios: Vec<Value> = [false, true].into_iter().filter_map(|weak| self.ratio(&rows, weak)).collect();
        Ok(json!({
            "rules": self.rules,
            "log": log,
            "engines": engines,
            "ratios": ratios,
            "weak_costs": self.weak_costs(&rows),
            "skipped": self.skipped,
        }))
    }

    /// Finds out how much of the log the engine does in a round, and compares what it finds there with what ours finds.
    fn agree(&mut self, seat: usize, log: &str) -> anyhow::Result<Row> {
        let Seat { name, weak, .. } = self.seats[seat];
        let all = self.seats[seat].remote.ask(&format!("size {log}"))?;
        let (size, lines) = (number(&all, "bytes"), number(&all, "lines"));
        let bytes = if name == "regex" {
            (REFERENCE / self.rules).clamp(1_000, 200_000) as f64 * (size / lines)
        } else {
            let trial = self.seats[seat].remote.ask(&format!("time {log} {TRIAL}"))?;
            number(&trial, "bytes") * self.budget_ns / number(&trial, "cpu_ns").max(1.0)
        };
        let whole = bytes >= size;
        let bytes = bytes.min(size) as u64;
        let exact = self.seats[seat].remote.ask(&format!("exact {log} {bytes}"))?;
        let row = Row { seat, bytes, lines: number(&exact, "lines") as u64, whole, exact, ns: Vec::new() };
        if name == "newlines" {
            return Ok(row);
        }
        let ours = self.seats.iter_mut().find(|seat| seat.name == "ours" && seat.weak == weak);
        let ours = ours.context("ours is missing")?.remote.ask(&format!("exact {log} {bytes}"))?;
        let gives_captures = !matches!(name, "hyperscan" | "vectorscan");
        let keys = ["lines", "pairs", "sum", "captures"];
        for key in keys.into_iter().filter(|key| gives_captures || *key != "captures") {
            if row.exact[key] != ours[key] {
                bail!(
                    "it does not agree with heinzel on the first {bytes} bytes: {key} {} instead of {} ({} and {} pairs)",
                    row.exact[key],
                    ours[key],
                    row.exact["pairs"],
                    ours["pairs"]
                );
            }
        }
        Ok(row)
    }

    fn row(&mut self, row: &Row) -> anyhow::Result<Value> {
        let Seat { name, weak, remote } = &mut self.seats[row.seat];
        let grown = remote.ask("memory")?;
        let ns = median(row.ns.clone());
        Ok(json!({
            "engine": name,
            "weak": weak,
            "version": remote.ready["version"],
            "lines": row.lines,
            "bytes": row.bytes,
            "whole_log": row.whole,
            "pairs": row.exact["pairs"],
            "ns_line": ns,
            "lines_s": 1e9 / ns,
            "mb_s": row.bytes as f64 / row.lines as f64 / ns * 1e3,
            "rounds_ns_line": row.ns,
            "build_cpu_s": remote.ready["build_cpu_s"],
            "build_wall_s": remote.ready["build_wall_s"],
            "build_mb": remote.ready["memory_mb"],
            "scan_mb": grown["memory_mb"],
        }))
    }

    /// Ours against the better of Hyperscan and Vectorscan: the median of the rounds' ratios.
    fn ratio(&self, rows: &[Row], weak: bool) -> Option<Value> {
        let of = |name: &str| {
            let fits = |row: &&Row| self.seats[row.seat].name == name && self.seats[row.seat].weak == weak;
            rows.iter().find(fits)
        };
        let ours = of("ours")?;
        let against = |name: &'static str| {
            let ratios = of(name)?.ns.iter().zip(&ours.ns).map(|(peer, ours)| peer / ours);
            Some((name, median(ratios.collect())))
        };
        let peers = ["hyperscan", "vectorscan"].into_iter().filter_map(against);
        let (better, ratio) = peers.min_by(|a, b| a.1.total_cmp(&b.1))?;
        Some(json!({ "weak": weak, "better": better, "ratio": ratio }))
    }

    /// What the weak patterns cost each engine: the time with them to the time without.
    fn weak_costs(&self, rows: &[Row]) -> Vec<Value> {
        let costs = rows.iter().filter(|row| self.seats[row.seat].weak).filter_map(|with| {
            let name = self.seats[with.seat].name;
            let without = rows.iter().find(|row| self.seats[row.seat].name == name && !self.seats[row.seat].weak)?;
            let ratios = with.ns.iter().zip(&without.ns).map(|(with, without)| with / without);
            Some(json!({ "engine": name, "times": median(ratios.collect()) }))
        });
        costs.collect()
    }

    /// One changed rule: until the new matcher is there.
    pub fn reload(&mut self) -> anyhow::Result<Value> {
        let ours = self.seats.iter_mut().find(|seat| seat.name == "ours").context("ours is missing")?;
        let (mut cpu, mut wall) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            let answer = ours.remote.ask("reload")?;
            cpu.push(number(&answer, "cpu_ms"));
            wall.push(number(&answer, "wall_ms"));
        }
        Ok(json!({ "rules": self.rules, "reload_cpu_ms": median(cpu), "reload_wall_ms": median(wall) }))
    }
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_default()
}
