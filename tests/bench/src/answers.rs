//! `heinzel-bench answers`: what many answers cost at a start: reading their files, and opening the kept index over them or
//! building it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use heinzel_knowledge::complaint::Severity;
use heinzel_knowledge::library::Library;
use heinzel_knowledge::rank::lexical::Lexical;
use heinzel_knowledge::rank::{Draft, Ranker as _};
use serde_json::json;

use crate::cost;
use crate::figures::Times;
use crate::matching;
use crate::options::Options;

/// How the subcommand is called.
pub const USAGE: &str = "heinzel-bench answers --rules DIR [--starts 5] [--json FILE]";

/// A step of the start.
struct Step {
    name: &'static str,
    took: Duration,
    /// Resident after it, and at most up to then, in bytes.
    memory: u64,
    peak: u64,
}

/// Measures and prints.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let rules: PathBuf =
        options.path("--rules").context("--rules DIR: a folder of packs; `tests/api/answers` writes one")?;
    let starts: usize = options.value("--starts", 5)?;
    let mut steps: Vec<Step> = Vec::new();
    let (library, complaints) = step(&mut steps, "reading the files", || Library::load(std::slice::from_ref(&rules)));
    let errors = complaints.iter().filter(|one| one.severity == Severity::Error).count();
    ensure!(errors == 0 && !library.is_empty(), "{}: {} answers, {errors} errors", rules.display(), library.len());
    let documents = step(&mut steps, "what is ranked of them", || library.documents());
    let built = step(&mut steps, "building the index", || Lexical::build(&documents));
    let bytes = step(&mut steps, "writing it into memory", || built.save(&documents));
    // The same ranks, or the quick start would be another one.
    let drafts = documents.iter().step_by(documents.len().div_ceil(50)).flat_map(|document| &document.texts);
    let drafts: Vec<&str> = drafts.filter_map(|text| text.examples.first()).map(String::as_str).collect();
    let rank = |index: &Lexical, body: &str| {
        let ranked = index.rank(&Draft { body, ..Draft::default() }, 3);
        ranked.iter().map(|one| (one.document, one.rank_score.to_bits())).collect::<Vec<_>>()
    };
    let before: Vec<_> = drafts.iter().map(|draft| rank(&built, draft)).collect();
    drop(built);
    let mut times = Times::default();
    for _ in 0..starts.max(1) {
        let begin = Instant::now();
        let opened = Lexical::open(&bytes, &documents).context("the index cannot be opened again")?;
        times.0.push(begin.elapsed());
        ensure!(drafts.iter().map(|draft| rank(&opened, draft)).eq(before.iter().cloned()), "it ranks otherwise");
    }
    println!("\n### {} answers, {} MB of index\n", library.len(), bytes.len() / 1_000_000);
    println!("| | s | MB after it | MB at most |\n|---|---|---|---|");
    for Step { name, took, memory, peak } in &steps {
        println!("| {name} | {:.2} | {} | {} |", took.as_secs_f64(), memory / 1_000_000, peak / 1_000_000);
    }
    println!("\n| ms | p50 | p90 | p99 | most |\n|---|---|---|---|---|");
    println!("{}", times.row("opening the kept index"));
    if let Some(file) = options.path("--json") {
        let row = |step: &Step| json!({ "step": step.name, "s": step.took.as_secs_f64(), "memory": step.memory, "peak": step.peak });
        let steps: Vec<_> = steps.iter().map(row).collect();
        let found = json!({ "answers": library.len(), "bytes": bytes.len(), "steps": steps, "open": times.json() });
        matching::write(&file, &found)?;
    }
    Ok(())
}

fn step<T>(steps: &mut Vec<Step>, name: &'static str, work: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let made = work();
    steps.push(Step { name, took: begin.elapsed(), memory: cost::memory(), peak: cost::peak() });
    made
}
