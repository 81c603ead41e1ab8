//! `heinzel-bench one`: one engine in a process of its own, so that memory and caches do not mix.
//!
//! Builds the engine, then answers a command a line on stdin with a JSON object a line on stdout. Started by
//! [`super::child`], not by people.

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, bail};
use heinzel_core::rule::Rule;
use heinzel_matching::Width;
use serde_json::{Value, json};

use super::each::Each;
use super::engine::{Engine, Pairs};
use super::filtered::Filtered;
use super::hs::Database;
use super::literals::Literals;
use super::newlines::Newlines;
use super::ours::{Ours, learned};
use super::weak;
use crate::cost;
use crate::inputs::prefix;
use crate::options::Options;
use crate::rules::{patterns, rules};

/// How the subcommand is called. `--rules`: a rule set without the ending of its files.
pub const USAGE: &str =
    "heinzel-bench one --engine NAME --rules PATH [--weak 0|1] [--library FILE] [--log NAME=FILE] [--bytes N]";

enum Built {
    Ours(Ours),
    Other(Box<dyn Engine>),
}

/// Builds and answers until stdin is closed.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let mut one = match One::build(options) {
        Ok(one) => one,
        Err(why) => return say(&json!({ "absent": format!("{why:#}") })),
    };
    say(&one.ready)?;
    for line in std::io::stdin().lock().lines() {
        let answer = one.answer(&line?)?;
        say(&answer)?;
    }
    Ok(())
}

fn say(value: &Value) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")?;
    Ok(out.flush()?)
}

struct One {
    built: Built,
    ready: Value,
    rules: Vec<Rule>,
    logs: BTreeMap<String, Vec<u8>>,
    /// Memory before the first scan.
    before: u64,
}

impl One {
    fn build(options: &Options) -> anyhow::Result<Self> {
        let name = options.text("--engine").context(USAGE)?;
        let set = options.path("--rules").context(USAGE)?;
        let plain = matches!(name, "hyperscan" | "vectorscan");
        let mut texts = patterns(&set.with_extension(if plain { "plain" } else { "rs" }))?;
        if options.value("--weak", 0)? == 1 {
            texts.extend(weak::PATTERNS.map(str::to_owned));
        }
        let bytes = options.value("--bytes", usize::MAX)?;
        let (mut logs, mut whole) = (BTreeMap::new(), Vec::new());
        for log in options.all("--log") {
            let (name, file) = log.split_once('=').context(USAGE)?;
            let file = PathBuf::from(file);
            let log = std::fs::read(&file).with_context(|| format!("read {}", file.display()))?;
            logs.insert(name.to_owned(), prefix(&log, bytes).to_vec());
            whole.push(log);
        }
        // Rules and counts are the matcher's input, which the engine has anyway: not part of the building.
        let ours = name.starts_with("ours");
        let rules = if ours { rules(&texts) } else { Vec::new() };
        let rarity = learned(whole.iter().map(Vec::as_slice).filter(|_| name != "ours-built-in"));
        drop(whole);
        let (memory, cpu, wall) = (cost::memory(), cost::cpu(), Instant::now());
        let built = match name {
            "ours" | "ours-built-in" => Built::Ours(Ours::new(&rules, &rarity)?),
            "ours-avx2" => Built::Ours(Ours::new(&rules, &rarity)?.at_width(Width::Eight)),
            "ours-scalar" => Built::Ours(Ours::new(&rules, &rarity)?.at_width(Width::One)),
            "regex" => Built::Other(Box::new(Each::new(&texts)?)),
            "regex-filtered" => Built::Other(Box::new(Filtered::new(&texts)?)),
            "aho-corasick" => Built::Other(Box::new(Literals::new(&texts)?)),
            "newlines" => Built::Other(Box::new(Newlines)),
            "hyperscan" | "vectorscan" => {
                let library = options.path("--library").context("no library was found for it")?;
                Built::Other(Box::new(Database::build(&library, &texts)?))
            }
            _ => bail!("there is no engine `{name}`"),
        };
        let (cpu, wall) = (cost::cpu().saturating_sub(cpu), wall.elapsed());
        let version = match &built {
            Built::Ours(ours) => ours.version(),
            Built::Other(engine) => engine.version(),
        };
        let ready = json!({
            "version": version,
            "build_cpu_s": cpu.as_secs_f64(),
            "build_wall_s": wall.as_secs_f64(),
            "memory_mb": cost::memory().saturating_sub(memory) as f64 / 1e6,
        });
        Ok(Self { built, ready, rules, logs, before: cost::memory() })
    }

    fn answer(&mut self, command: &str) -> anyhow::Result<Value> {
        let words: Vec<&str> = command.split(' ').collect();
        match words[..] {
            ["size", log] => {
                let log = self.log(log)?;
                Ok(json!({ "bytes": log.len(), "lines": memchr::memchr_iter(b'\n', log).count() }))
            }
            ["time", log, bytes] => self.scan(log, bytes.parse()?, Pairs::counted()),
            ["exact", log, bytes] => self.scan(log, bytes.parse()?, Pairs::exact()),
            ["memory"] => Ok(json!({ "memory_mb": cost::memory().saturating_sub(self.before) as f64 / 1e6 })),
            ["reload"] => self.reload(),
            _ => bail!("`{command}`?"),
        }
    }

    fn log(&self, name: &str) -> anyhow::Result<&[u8]> {
        self.logs.get(name).map(Vec::as_slice).with_context(|| format!("no log `{name}` was loaded"))
    }

    fn scan(&mut self, log: &str, bytes: usize, mut pairs: Pairs) -> anyhow::Result<Value> {
        let log = prefix(self.logs.get(log).with_context(|| format!("no log `{log}` was loaded"))?, bytes);
        let cpu = cost::cpu();
        match &mut self.built {
            Built::Ours(ours) => ours.scan(log, &mut pairs),
            Built::Other(other) => other.scan(log, &mut pairs),
        }
        let cpu = cost::cpu().saturating_sub(cpu);
        Ok(json!({
            "cpu_ns": u64::try_from(cpu.as_nanos())?,
            "bytes": log.len(),
            "lines": memchr::memchr_iter(b'\n', log).count(),
            "pairs": pairs.count,
            "sum": pairs.sum,
            "captures": pairs.captures,
        }))
    }

    /// One rule's pattern is another one now.
    fn reload(&mut self) -> anyhow::Result<Value> {
        let Built::Ours(ours) = &mut self.built else { bail!("only heinzel's own matcher is reloaded") };
        if let Some(pattern) = self.rules.last_mut().and_then(|rule| rule.patterns.last_mut()) {
            pattern.push_str(" changed");
        }
        let (cpu, wall) = (cost::cpu(), Instant::now());
        // The daemon gives it away only when nobody scans with it any more.
        let _before = ours.reload(&self.rules)?;
        let cpu = cost::cpu().saturating_sub(cpu);
        let wall = wall.elapsed();
        Ok(json!({ "cpu_ms": cpu.as_secs_f64() * 1e3, "wall_ms": wall.as_secs_f64() * 1e3 }))
    }
}
