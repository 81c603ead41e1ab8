//! `heinzel topics`: what customers write about, and what to make of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use heinzel_core::time::Span;
use heinzel_knowledge::answer::Language;
use heinzel_knowledge::topics::{Report, Text, Topic, drafts, page};
use heinzel_mining::Miner;
use heinzel_script::RESERVED;
use heinzel_store::Store;

use super::{customers, mine, reader};
use crate::config::Config;
use crate::exit::Exit;
use crate::text;
use crate::text::{plain, table};
use crate::{clock, reports};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Look back so far.
    #[arg(long, value_name = "TIME", default_value = "90d")]
    since: Span,
    /// How many topics are shown.
    #[arg(long, default_value_t = 30)]
    limit: usize,
    /// Print a page in Markdown, with examples.
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Write beginnings of answers and rules for the topics that need them into this folder of a pack, like rules/own.
    #[arg(long, value_name = "FOLDER")]
    drafts: Option<PathBuf>,
}

/// Sorts what customers wrote, and shows or drafts.
pub(super) fn topics(global: &super::Global, arguments: &Arguments) -> anyhow::Result<Exit> {
    let config = global.config()?;
    let reader = customers::open(&config)?;
    let now = clock::now();
    let (report, texts) = reports::topics(&reader, (now - arguments.since.0, now), now)?;
    if let Some(folder) = &arguments.drafts {
        let written = write_drafts(&config, folder, &report, &texts, arguments.limit)?;
        for path in &written {
            super::remark(&format!("wrote {}\n", path.display()));
        }
        if written.is_empty() {
            super::remark("no topic needs an answer or a rule that is not drafted yet\n");
        }
    }
    if global.json {
        super::print_json(&shortened(report, arguments.limit))?;
    } else if arguments.markdown {
        super::print(&page::markdown(&report, arguments.limit))?;
    } else {
        super::print(&words(&report, arguments.limit))?;
    }
    Ok(Exit::Ok)
}

fn shortened(mut report: Report, limit: usize) -> Report {
    report.topics.truncate(limit);
    report
}

fn words(report: &Report, limit: usize) -> String {
    let row = |topic: &Topic| {
        vec![
            topic.customers.to_string(),
            (topic.tickets + topic.drafts).to_string(),
            format!("{} ({:.1})", topic.this_week, topic.per_week_before),
            topic.without_answer.map_or("-".into(), |share| format!("{:.0} %", 100.0 * share)),
            plain(&topic.words.join(" "), 60),
            plain(&topic.hints.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "), 160),
        ]
    };
    let rows: Vec<Vec<String>> = report.topics.iter().take(limit).map(row).collect();
    let mut out = String::new();
    if !rows.is_empty() {
        out.push_str(&table(&["customers", "texts", "this week (before)", "no answer", "topic", "hint"], &rows));
    }
    out.push_str(&format!(
        "{} of {} in {}, {} shown; {} not sorted: like too few others\n",
        text::count(report.texts, "text"),
        text::count(report.customers, "customer"),
        text::count(report.topics.len(), "topic"),
        rows.len(),
        report.alone
    ));
    if !rows.is_empty() {
        out.push_str("`--markdown` shows examples, `--drafts FOLDER` begins answers and rules\n");
    }
    out
}

/// Begins what is missing. What exists already is left as it is.
fn write_drafts(
    config: &Config,
    folder: &Path,
    report: &Report,
    texts: &[Text],
    limit: usize,
) -> anyhow::Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    // Without a store there are no incidents to be linked to.
    let store = reader::open(&config.state).ok();
    for topic in report.topics.iter().take(limit) {
        if topic.needs_answer() {
            for language in Language::ALL {
                let path = folder.join("answers").join(format!("{}.{}.md", topic.slug, language.code()));
                if let Some(text) = drafts::answer_file(topic, texts, language) {
                    written.extend(write_new(&path, &text)?);
                }
            }
        }
        written.extend(rule_of_lines(folder, topic, texts)?);
        if let Some(text) = store.as_ref().and_then(|store| hint_for_rules(store, folder, topic)) {
            written.extend(write_new(&folder.join("drafts").join(format!("{}.txt", topic.slug)), &text)?);
        }
    }
    Ok(written)
}

/// Writes a file that is not there yet; which, if so.
fn write_new(path: &Path, text: &str) -> anyhow::Result<Option<PathBuf>> {
    if path.exists() {
        return Ok(None);
    }
    let what = || format!("write {}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(what)?;
    }
    std::fs::write(path, text).with_context(what)?;
    Ok(Some(path.to_owned()))
}

/// A rule from the lines of programs that several customers of a topic sent.
fn rule_of_lines(folder: &Path, topic: &Topic, texts: &[Text]) -> anyhow::Result<Option<PathBuf>> {
    let path = folder.join(format!("{}.rhai", topic.slug));
    if path.exists() {
        return Ok(None);
    }
    let mut miner = Miner::default();
    for line in drafts::log_lines(topic, texts) {
        miner.add("", 1, &line);
    }
    let (clusters, _) = miner.clusters();
    let Some((cluster, draft)) = clusters.iter().find_map(|cluster| Some((cluster, cluster.draft(&RESERVED)?))) else {
        return Ok(None);
    };
    let (rule, samples) = (mine::rule(cluster, &draft), mine::samples(cluster, &draft, &clusters));
    mine::save(&path, &rule, &samples, &[])?;
    Ok(Some(path))
}

/// What to add to the rules whose incidents a topic's tickets are about, so that a draft sets off the diagnosis.
fn hint_for_rules(store: &dyn Store, folder: &Path, topic: &Topic) -> Option<String> {
    let mut rules: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for (id, tickets) in &topic.incidents {
        if let Ok(Some(incident)) = store.incident(*id) {
            let kind = incident.asset.split(':').next().unwrap_or_default().to_owned();
            let (sum, known) = rules.entry(incident.rule.to_string()).or_default();
            *sum += tickets;
            *known = kind;
        }
    }
    if rules.is_empty() {
        return None;
    }
    let pack = folder.file_name().unwrap_or_default().to_string_lossy();
    let mut out = format!("Topic: {}\n\n", topic.words.join(", "));
    for (rule, (tickets, kind)) in rules {
        out.push_str(&format!(
            "Incidents of {rule} are linked to {}. Where a draft of this topic shall start its probes, the rule says:\n\
             \x20   draft: #{{ intents: [\"{pack}/{}\"], asset: \"{kind}\" }},\n\n",
            text::count(tickets, "ticket"),
            topic.slug
        ));
    }
    Some(out)
}
