//! `heinzel mine`: what old logs say that no rule knows, and a rule to begin with.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use heinzel_core::event::{Event, Level};
use heinzel_mining::{Cluster, Draft, Miner};
use heinzel_script::RESERVED;
use regex::Regex;
use serde_json::json;

use super::manner;
use crate::exit::{Ends, Exit};
use crate::live::Live;
use crate::pipeline::{Candidates, is_own, parse_line, tags};
use crate::replay::log::Log;
use crate::text;
use crate::text::{plain, table};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Log files, also .gz and .zst; `-` is stdin.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    manner: manner::Flags,
    /// How many clusters are shown.
    #[arg(long, default_value_t = 30)]
    limit: usize,
    /// Draft a rule from the cluster with this number in the list.
    #[arg(long, value_name = "NUMBER")]
    draft: Option<usize>,
    /// Write the draft to this file, like rules/local/my-rule.rhai, and its samples beside it.
    #[arg(long, value_name = "FILE", requires = "draft")]
    to: Option<PathBuf>,
}

/// What was read.
#[derive(Default)]
struct Mined {
    miner: Miner,
    lines: u64,
    known: u64,
}

/// Clusters the lines that no rule knows.
pub(super) fn mine(global: &super::Global, arguments: &Arguments) -> anyhow::Result<Exit> {
    let config = global.config()?;
    let (live, _) = global.live_for(&config, &arguments.files);
    let live = Arc::new(live);
    let manner = arguments.manner.manner()?;
    let mut mined = Mined::default();
    let bar = super::audit::progress("read");
    for (number, path) in arguments.files.iter().enumerate() {
        let log = Log::open(path, number, &manner)?;
        read(log, path, &live, &manner, &mut mined, &|bytes| bar.inc(bytes))?;
    }
    bar.finish_and_clear();
    let (clusters, _) = mined.miner.clusters();
    if let Some(number) = arguments.draft {
        return draft(&clusters, number, arguments.to.as_deref(), &config.rules);
    }
    let shown = clusters.iter().enumerate().take(arguments.limit);
    if global.json {
        for (number, cluster) in shown {
            super::print_json(&json!({
                "number": number + 1, "program": cluster.program, "count": cluster.count, "badness": cluster.badness,
                "wording": cluster.wording, "examples": cluster.examples,
            }))?;
        }
        return Ok(Exit::Ok);
    }
    let row = |(number, cluster): (usize, &Cluster)| {
        vec![
            (number + 1).to_string(),
            cluster.count.to_string(),
            ["-", "low", "bad", "worst"][usize::from(cluster.badness.min(3))].to_owned(),
            plain(&cluster.program, 24),
            plain(&cluster.wording, 140),
        ]
    };
    let rows: Vec<Vec<String>> = shown.map(row).collect();
    if !rows.is_empty() {
        super::print(&table(&["", "lines", "sounds", "program", "wording"], &rows))?;
    }
    super::print(&summary(&mined, clusters.len(), rows.len()))?;
    Ok(Exit::Ok)
}

fn summary(mined: &Mined, clusters: usize, shown: usize) -> String {
    let count = |number: u64, what: &str| text::count(usize::try_from(number).unwrap_or(usize::MAX), what);
    let mut out = format!(
        "{}, {} of them known to rules; {} of other wordings",
        count(mined.lines, "line"),
        mined.known,
        text::count(clusters, "cluster")
    );
    if clusters > shown {
        let _ = write!(out, ", {shown} shown (`--limit`)");
    }
    if mined.miner.left_out() > 0 {
        let _ = write!(out, "; {} left out: too many different ones", count(mined.miner.left_out(), "line"));
    }
    if shown > 0 {
        out.push_str("\n`--draft NUMBER` drafts a rule from a cluster, `--to rules/<pack>/<name>.rhai` writes it");
    }
    out.push('\n');
    out
}

/// Takes in the lines of a log in which no rule finds anything.
fn read(
    mut log: Log,
    path: &Path,
    live: &Arc<Live>,
    manner: &crate::pipeline::Manner,
    mined: &mut Mined,
    told: &dyn Fn(u64),
) -> anyhow::Result<()> {
    let (mut candidates, mut spare) = (Candidates::default(), Vec::new());
    let source = log.source().clone();
    let name = path.display().to_string();
    let file = tags(&name).first().map(|tag| (*tag).to_owned()).unwrap_or_default();
    while let Some(next) = log.next(live, spare).with_context(|| format!("read {name}"))? {
        let (block, way) = next.read().with_context(|| format!("read {name}"))?;
        let scanned = way.read(&block, false, &mut candidates);
        let known: HashSet<u64> = scanned.findings.iter().map(|claim| claim.offset).collect();
        let mut offset = block.offset;
        for line in block.bytes.split_inclusive(|byte| *byte == b'\n') {
            let at = offset;
            offset += line.len() as u64;
            let text = String::from_utf8_lossy(line);
            if text.trim().is_empty() {
                continue;
            }
            mined.lines += 1;
            if known.contains(&at) {
                mined.known += 1;
                continue;
            }
            let event = parse_line(manner, &source, &text, block.read_at);
            // No rule ever finds anything in them.
            if is_own(&event) {
                continue;
            }
            let program = manner.program.as_deref().or(event.header.program.as_deref()).unwrap_or(&file);
            mined.miner.add(program, level(&event), event.message.trim());
        }
        told(block.bytes.len() as u64);
        spare = block.bytes;
    }
    Ok(())
}

/// How bad the program itself says it is.
fn level(event: &Event<'_>) -> u8 {
    match event.header.level {
        Some(Level::Emergency | Level::Alert | Level::Critical) => 3,
        Some(Level::Error) => 2,
        Some(Level::Warning) => 1,
        _ => 0,
    }
}

fn draft(clusters: &[Cluster], number: usize, to: Option<&Path>, folders: &[PathBuf]) -> anyhow::Result<Exit> {
    let Some(cluster) = number.checked_sub(1).and_then(|at| clusters.get(at)) else {
        let text = format!("there is no cluster {number} among {}", text::count(clusters.len(), "cluster"));
        return Err(Ends::with(Exit::Refused, text));
    };
    let Some(drafted) = cluster.draft(&RESERVED) else {
        let text =
            format!("cluster {number} (`{}`) has no word that always stands there", plain(&cluster.wording, 100));
        return Err(Ends::with(Exit::Refused, text));
    };
    let (rule, samples) = (rule(cluster, &drafted), samples(cluster, &drafted, clusters));
    let Some(path) = to else {
        super::print(&format!("{rule}\n# samples/<name>.toml\n{samples}"))?;
        return Ok(Exit::Ok);
    };
    let beside = save(path, &rule, &samples, folders)?;
    super::print(&format!(
        "wrote {} and {}\nSay in them what it means and what is to be done; take out of the samples what is nobody's business; \
         then `heinzel test`.\n",
        path.display(),
        beside.display()
    ))?;
    Ok(Exit::Ok)
}

/// Writes a rule and, beside it, its samples; where that is. A pack is made for them where there is none, but not one that
/// would hide another of its name in `folders`.
pub(super) fn save(path: &Path, rule: &str, samples: &str, folders: &[PathBuf]) -> anyhow::Result<PathBuf> {
    let place = path.parent().zip(path.file_stem()).filter(|_| path.extension().is_some_and(|e| e == "rhai"));
    let Some((pack, stem)) = place.filter(|(pack, _)| pack.file_name().is_some()) else {
        let text = format!("{} is no place for a rule; write rules/<pack>/<name>.rhai", path.display());
        return Err(Ends::with(Exit::Usage, text));
    };
    let beside = pack.join("samples").join(stem).with_extension("toml");
    for file in [path, &*beside] {
        if file.exists() {
            return Err(Ends::with(Exit::Refused, format!("{} exists; choose another name", file.display())));
        }
    }
    let about = pack.join("pack.toml");
    if !about.exists() {
        let name = pack.file_name().unwrap_or_default();
        if let Some(known) =
            folders.iter().map(|folder| folder.join(name)).find(|known| known.join("pack.toml").exists())
        {
            let (name, known) = (name.to_string_lossy(), known.display());
            let text = format!(
                "{} would begin a pack `{name}`, and only one pack of a name counts: the rules of {known} might no longer; \
                 write it into {known}, or into a pack of another name, like `{name}-local`",
                path.display()
            );
            return Err(Ends::with(Exit::Refused, text));
        }
    }
    let write =
        |file: &Path, text: &str| std::fs::write(file, text).with_context(|| format!("write {}", file.display()));
    let samples_folder = pack.join("samples");
    std::fs::create_dir_all(&samples_folder).with_context(|| format!("make {}", samples_folder.display()))?;
    if !about.exists() {
        let name = pack.file_name().unwrap_or_default().to_string_lossy();
        write(
            &about,
            &format!("name = \"{name}\"\nversion = \"0.1.0\"\nmin_engine = \"{}\"\n", env!("CARGO_PKG_VERSION")),
        )?;
    }
    write(path, rule)?;
    write(&beside, samples)?;
    Ok(beside)
}

/// A text in Rhai or TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// The text of a rule.
pub(super) fn rule(cluster: &Cluster, draft: &Draft) -> String {
    let severity = ["info", "low", "medium", "high"][usize::from(cluster.badness.min(3))];
    let title: String = plain(&cluster.wording, 150).replace(['"', '\\'], "'");
    let mut out = format!(
        "// Drafted from {}.\n#{{\n",
        text::count(usize::try_from(cluster.count).unwrap_or(usize::MAX), "line")
    );
    let _ = writeln!(out, "    title: \"{title}\",");
    out.push_str("    about: `Say what it means, its cause, what a fix would do, and when it must not run.`,\n");
    let _ = writeln!(out, "    severity: \"{severity}\",");
    if !cluster.program.is_empty() && !cluster.program.contains(['*', '?', '"', '\\']) {
        let _ = writeln!(out, "    program: [\"{}\"],", cluster.program);
    }
    let _ = writeln!(out, "    match: [`{}`],", draft.pattern.replace('`', r"\x60"));
    if !draft.fields.is_empty() {
        let fields: Vec<String> = draft.fields.iter().map(|f| format!("{}: \"{}\"", f.name, f.kind)).collect();
        let _ = writeln!(out, "    fields: #{{ {} }},", fields.join(", "));
    }
    out.push_str("    // When one line is no incident yet:\n    // trigger: #{ count: 3, within: \"10m\" },\n}\n");
    out
}

/// Lines that must fire, and those of other wordings that are most like them and must not.
pub(super) fn samples(cluster: &Cluster, draft: &Draft, all: &[Cluster]) -> String {
    let mut out = String::new();
    let mut add = |program: &str, line: &str, fires: bool| {
        let _ = write!(out, "[[sample]]\nline = {}\n", quoted(line));
        if !program.is_empty() {
            let _ = writeln!(out, "program = {}", quoted(program));
        }
        let _ = writeln!(out, "fires = {fires}\n");
    };
    cluster.examples.iter().take(3).for_each(|line| add(&cluster.program, line, true));
    let words: HashSet<&str> = cluster.wording.split_whitespace().collect();
    let fits = Regex::new(&draft.pattern).ok();
    let other = |other: &&Cluster| other.wording != cluster.wording;
    let mut near: Vec<(usize, &str, &String)> = all
        .iter()
        .filter(other)
        .filter_map(|other| {
            let alike = other.wording.split_whitespace().filter(|word| words.contains(word)).count();
            Some((alike, &*other.program, other.examples.first()?))
        })
        .filter(|(.., line)| fits.as_ref().is_some_and(|regex| !regex.is_match(line)))
        .collect();
    near.sort_by_key(|(alike, ..)| std::cmp::Reverse(*alike));
    near.iter().take(2).for_each(|(_, program, line)| add(program, line, false));
    out
}
