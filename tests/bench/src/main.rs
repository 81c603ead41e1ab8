//! Measures Heinzel. `README.md` says how to run it and shows the latest figures.
//!
//! `matching`: the matcher beside its peers, over the logs and rules that `inputs` makes. From outside, on the release
//! binary: `latency`: from `write()` of a line to `main()` of the fix's program, beside what the disk and the start of a program
//! cost by themselves. `idle`: CPU time of 50 watched files at rest, and resident memory with 500 rules.

mod engine;
mod figures;

mod latency;

mod idle;

mod cost;
mod options;

mod inputs;
mod rules;

mod matching;

mod children;
mod generated;
mod peers;
mod replay;

mod live;

mod answers;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use options::Options;
use serde_json::json;

/// What the command line says.
pub struct Settings {
    /// The binary to measure.
    pub binary: PathBuf,
    /// Where the logs and the store lie: the disk that is measured.
    pub folder: PathBuf,
    /// How many lines are written.
    pub writes: usize,
    /// The pause between a fix's start and the next line.
    pub gap: Duration,
    /// How long CPU time is counted.
    pub rest: Duration,
    json: Option<PathBuf>,
    what: String,
}

const USAGE: &str = "heinzel-bench inputs|matching|peers|replay|live|answers …, or heinzel-bench [latency|idle|all] [--writes 500] [--gap-ms 30] [--rest-s 60] \
                     [--binary target/release/heinzel] [--folder DIR] [--json FILE]";

fn main() -> anyhow::Result<()> {
    let rest = || std::env::args().skip(2);
    match std::env::args().nth(1).as_deref() {
        Some("inputs") => inputs::run(&Options::read(rest(), inputs::USAGE)?),
        Some("matching") => matching::run(&Options::read(rest(), matching::USAGE)?),
        Some("one") => matching::one::run(&Options::read(rest(), matching::one::USAGE)?),
        Some("peers") => peers::run(&Options::read(rest(), peers::USAGE)?),
        Some("replay") => replay::run(&Options::read(rest(), replay::USAGE)?),
        Some("answers") => answers::run(&Options::read(rest(), answers::USAGE)?),
        Some("live") => live::run(&Options::read(rest(), live::USAGE)?),
        _ => from_outside(),
    }
}

/// Latency and rest of the release binary.
fn from_outside() -> anyhow::Result<()> {
    let settings = settings()?;
    if !settings.binary.is_file() {
        bail!("there is no {}; build it with `cargo build --release -p heinzel`", settings.binary.display());
    }
    std::fs::create_dir_all(&settings.folder).with_context(|| format!("create {}", settings.folder.display()))?;
    let mut report = json!({ "load_before": figures::load() });
    if settings.what != "idle" {
        report["latency"] = latency::measure(&settings)?;
    }
    if settings.what != "latency" {
        report["idle"] = idle::measure(&settings)?;
    }
    report["load_after"] = json!(figures::load());
    let text = serde_json::to_string_pretty(&report)?;
    match &settings.json {
        Some(file) => std::fs::write(file, text).with_context(|| format!("write {}", file.display()))?,
        None => println!("\n{text}"),
    }
    Ok(())
}

fn settings() -> anyhow::Result<Settings> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut settings = Settings {
        binary: here.join("../../target/release/heinzel"),
        folder: here.join("target/measured"),
        writes: 500,
        gap: Duration::from_millis(30),
        rest: Duration::from_secs(60),
        json: None,
        what: "all".into(),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("`{word}` needs a value; {USAGE}"));
        match word.as_str() {
            "latency" | "idle" | "all" => settings.what.clone_from(&word),
            "--writes" => settings.writes = value()?.parse().context(USAGE)?,
            "--gap-ms" => settings.gap = Duration::from_millis(value()?.parse().context(USAGE)?),
            "--rest-s" => settings.rest = Duration::from_secs(value()?.parse().context(USAGE)?),
            "--binary" => settings.binary = value()?.into(),
            "--folder" => settings.folder = value()?.into(),
            "--json" => settings.json = Some(value()?.into()),
            _ => bail!("`{word}`? {USAGE}"),
        }
    }
    Ok(settings)
}
