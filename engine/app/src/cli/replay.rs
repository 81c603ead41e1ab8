//! `heinzel replay`: old logs as if they were written now.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use heinzel_core::finding::Role;
use heinzel_core::findings::Claim;
use heinzel_core::incident::Incident;
use heinzel_core::time::{Span, Timestamp};
use serde_json::json;

use crate::clock;
use crate::exit::{Ends, Exit};
use crate::in_order;
use crate::live::Live;
use crate::pipeline::Manner;
use crate::replay::{Outcomes, Replay, html};
use crate::text;
use crate::text::{plain, table};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Log files, also .gz and .zst; `-` is stdin.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    manner: super::manner::Flags,
    /// Only lines from this time on: RFC 3339, or a length of time before now.
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Timestamp>,
    /// Write the report as a self-contained page to this file. An earlier report is written over, nothing else.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the page over any file but one of the logs.
    #[arg(long, requires = "html")]
    force: bool,
}

impl Arguments {
    /// Looks whether the page may be written there: a slip of the pen must not cost a log.
    fn may_write(&self, page: &Path) -> anyhow::Result<()> {
        let Ok(found) = std::fs::metadata(page) else { return Ok(()) };
        let same = |log: &PathBuf| {
            std::fs::metadata(log).is_ok_and(|log| (log.dev(), log.ino()) == (found.dev(), found.ino()))
        };
        let name = page.display();
        if self.files.iter().any(same) {
            return Err(Ends::with(
                Exit::Refused,
                format!("{name} is one of the logs; give the page (`--html`) another name"),
            ));
        }
        // A pipe or a device loses nothing.
        if self.force || !found.is_file() || found.len() == 0 {
            return Ok(());
        }
        let mut head = vec![0; html::HEAD.len()];
        let read = std::fs::File::open(page).and_then(|mut file| file.read_exact(&mut head));
        if read.is_ok() && head == html::HEAD.as_bytes() {
            return Ok(());
        }
        let text =
            format!("{name} exists and is no report of Heinzel; give another name, or `--force` to write over it");
        Err(Ends::with(Exit::Refused, text))
    }
}

fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(span) = text.parse::<Span>() {
        return Ok(clock::now() - span.0);
    }
    text.parse::<Timestamp>().map_err(|e| format!("{e}, or like 2h"))
}

/// Replays and reports.
pub(super) fn replay(global: &super::Global, arguments: &Arguments) -> anyhow::Result<Exit> {
    let manner = arguments.manner.manner()?;
    arguments.html.as_deref().map_or(Ok(()), |page| arguments.may_write(page))?;
    let each = |finding: &Claim<'_>| if global.json { super::print_json(&found(finding)) } else { Ok(()) };
    let (_, outcomes) = replayed(global, manner, &arguments.files, arguments.since, each)?;
    if let Some(path) = &arguments.html {
        let names: Vec<String> = arguments.files.iter().map(|f| f.display().to_string()).collect();
        std::fs::write(path, html::page(&outcomes, &names)).with_context(|| format!("write {}", path.display()))?;
    }
    if global.json {
        for incident in outcomes.incidents.values() {
            let plan = planned(incident);
            let timeline: Vec<_> = outcomes.timeline(incident.id).collect();
            super::print_json(&json!({ "incident": incident, "plan": plan, "timeline": timeline }))?;
        }
    } else {
        super::print(&words(&outcomes))?;
    }
    Ok(Exit::Ok)
}

/// Runs logs through the rules of the configuration, searched for as these logs advise; `each` is told every finding.
pub(super) fn replayed(
    global: &super::Global,
    manner: Manner,
    files: &[PathBuf],
    since: Option<Timestamp>,
    each: impl FnMut(&Claim<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<(Arc<Live>, Outcomes)> {
    let config = global.config()?;
    let (live, _) = global.live_for(&config, files);
    if live.rules.rules.is_empty() {
        let text = format!("no rule could be loaded from {}; `heinzel check` says why", text::folders(&config.rules));
        return Err(Ends::with(Exit::Wrong, text));
    }
    let live = Arc::new(live);
    let (policy, files) = (config.policy, files.to_vec());
    let replay = Replay { live: live.clone(), policy, manner, files, since, threads: in_order::threads() };
    let bar = super::audit::progress("read");
    bar.set_length(replay.files.iter().filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum());
    let outcomes = replay.run(each, &|bytes| bar.inc(bytes))?;
    bar.finish_and_clear();
    Ok((live, outcomes))
}

fn found(finding: &Claim<'_>) -> serde_json::Value {
    let finding = finding.to_finding();
    // What says that it is well again is no finding to people.
    let what = if matches!(finding.role, Role::Clear(_)) { "clears" } else { "rule" };
    json!({
        "file": finding.place.stream, "line": finding.place.line, "time": finding.time, what: finding.rule,
        "fields": finding.fields,
    })
}

/// What would be done about an incident.
fn planned(incident: &Incident) -> Vec<String> {
    let plan = incident.run.as_ref().and_then(|run| run.stage.plan());
    plan.map(|plan| plan.steps.iter().map(|step| step.action.describe()).collect()).unwrap_or_default()
}

fn words(o: &Outcomes) -> String {
    let mut out = String::new();
    for complaint in &o.complaints {
        out.push_str(&format!("! {}\n", plain(complaint, 600)));
    }
    let row = |i: &Incident| {
        let gate =
            o.timeline(i.id).filter(|e| e.what == "gate").map(|e| plain(&e.text, 100)).last().unwrap_or_default();
        let asset = plain(&i.asset, 50);
        vec![
            i.opened.to_string(),
            i.rule.to_string(),
            asset,
            i.severity.to_string(),
            i.findings.to_string(),
            plain(&planned(i).join("; "), 100),
            gate,
        ]
    };
    let rows: Vec<Vec<String>> = o.incidents.values().map(row).collect();
    if !rows.is_empty() {
        out.push_str(&table(&["opened", "rule", "asset", "severity", "findings", "plan", "gate"], &rows));
        out.push('\n');
    }
    for (refused, times) in &o.refused {
        let often = text::count(usize::try_from(*times).unwrap_or(usize::MAX), "time");
        out.push_str(&format!("refused {often}: {}\n", plain(refused, 200)));
    }
    let count = |number: u64, what: &str| text::count(usize::try_from(number).unwrap_or(usize::MAX), what);
    out.push_str(&format!(
        "{}, {}: {}, {}\n",
        count(o.lines, "line"),
        count(o.bytes, "byte"),
        count(o.findings.values().sum(), "finding"),
        text::count(o.incidents.len(), "incident")
    ));
    out
}
