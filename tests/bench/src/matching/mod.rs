//! `heinzel-bench matching`: the matcher beside its peers, on the same rules and lines, in one run.
//!
//! Start at [`run`]. Each engine has its own process ([`one`]); the rounds are interleaved, so that a busy neighbour hits
//! all of them, and every engine must find the same pairs of line and pattern.

pub mod engine;

pub mod each;
mod filtered;
mod hs;
pub mod literals;
mod newlines;
pub mod ours;
mod weak;

pub mod child;
pub mod one;

mod compare;
mod packs;
mod table;

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::figures;
use crate::inputs::Inputs;
use crate::options::Options;
use compare::{Comparison, Engines};

/// How the subcommand is called.
pub const USAGE: &str = "heinzel-bench matching [--rules 10,100,1000,10000] [--logs quiet,busy] [--mb 200] [--pairs 5] \
                         [--budget-s 4] [--engines all] [--hyperscan libhs.so.5] [--vectorscan libhs.so.5] [--json FILE] \
                         [--out DIR] [--generator DIR] [--loghub DIR]";

/// Measures, prints tables, writes JSON. An error when two engines do not agree.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let inputs = Inputs::ready(options)?;
    let engines = Engines::chosen(options, &inputs)?;
    let logs: Vec<String> = options.list("--logs", "quiet,busy")?;
    let before = figures::load();
    let (mut sets, mut reloads) = (Vec::new(), Vec::new());
    for count in options.list::<usize>("--rules", "10,100,1000,10000")? {
        let mut comparison = Comparison::start(options, &inputs, &engines, count, &logs)?;
        for log in &logs {
            sets.push(comparison.measure(log)?);
            table::set(sets.last().unwrap_or(&Value::Null));
        }
        let reload = comparison.reload()?;
        table::reload(count, &reload);
        reloads.push(reload);
    }
    table::growth(&sets);
    let packs = packs::measure(options)?;
    let report = json!({
        "load_before": before, "load_after": figures::load(), "sets": sets, "reloads": reloads, "packs": packs,
    });
    if let Some(file) = options.path("--json") {
        write(&file, &report)?;
    }
    Ok(())
}

/// Writes a report.
pub fn write(file: &PathBuf, report: &Value) -> anyhow::Result<()> {
    use anyhow::Context as _;
    std::fs::write(file, serde_json::to_string_pretty(report)?).with_context(|| format!("write {}", file.display()))
}
