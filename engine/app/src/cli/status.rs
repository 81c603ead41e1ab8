//! `heinzel status`: how the running engine is.

use std::collections::{BTreeMap, BTreeSet};

use heinzel_core::block::Health;
use heinzel_knowledge::complaint::Complaint;
use serde::Serialize;

use crate::config::Config;
use crate::control::{Question, Reply, absent, ask};
use crate::exit::Exit;
use crate::knowledge;
use crate::report::{Report, SourceReport};
use crate::text;
use crate::text::{after_colon, lines, plain, table};

/// How many complaints about answers are shown; `heinzel answers lint` has them all.
const FIRST: usize = 5;
/// For how many assets each rule's open breakers are named; `heinzel rules show` names all.
const MOST_BREAKERS: usize = 5;

/// How everything is: the running engine, and the answers that it reads.
#[derive(Serialize)]
struct Status {
    #[serde(flatten)]
    report: Report,
    broken_answers: BrokenAnswers,
}

/// What the engine leaves out of the answers, as their files are now; it reads them again when they change.
#[derive(Default, Serialize)]
struct BrokenAnswers {
    /// How many files are concerned.
    files: usize,
    /// The first complaints.
    first: Vec<Complaint>,
}

impl BrokenAnswers {
    fn of(config: &Config) -> Self {
        let errors: Vec<Complaint> = knowledge::load(config).1.into_iter().filter(Complaint::is_error).collect();
        let files = errors.iter().map(|complaint| &complaint.file).collect::<BTreeSet<_>>().len();
        Self { files, first: errors.into_iter().take(FIRST).collect() }
    }
}

/// Asks the running engine and shows its answer.
pub(super) fn status(global: &super::Global) -> anyhow::Result<Exit> {
    let (state, config) = global.state_and_config()?;
    let Some(Reply::Report(report)) = ask(&state, &Question::Report)? else {
        return Err(absent(&state));
    };
    // With a broken configuration nobody knows which answers there are; that it is broken is said already.
    let broken_answers = config.map(|config| BrokenAnswers::of(&config)).unwrap_or_default();
    let status = Status { report: *report, broken_answers };
    if global.json {
        super::print_json(&status)?;
    } else {
        super::print(&words(&status))?;
    }
    Ok(Exit::Ok)
}

/// The report for people: what is wrong comes first.
fn words(status: &Status) -> String {
    let report = &status.report;
    let mut out = format!("heinzel {}", report.version);
    if let Some(started) = report.started {
        out.push_str(&format!(", running since {started}"));
    }
    out.push('\n');
    for problem in problems(status) {
        out.push_str(&format!("! {problem}\n"));
    }
    out.push_str("\nSources\n");
    out.push_str(&sources(&report.sources));
    let unresolved: u64 = report.incidents.values().sum();
    out.push_str(&format!("\nIncidents not resolved: {unresolved}"));
    for (status, count) in &report.incidents {
        out.push_str(&format!("  {status} {count}"));
    }
    out.push_str(&format!(
        "\nRules: {} in {}; assets: {}\n",
        report.rules.len(),
        if report.packs.is_empty() { "no packs".into() } else { report.packs.join(", ") },
        report.assets
    ));
    if let Some(refused) = &report.last_refused {
        out.push_str(&format!("Last refused match: {}\n", plain(refused, 300)));
    }
    out
}

/// What is wrong.
fn problems(Status { report, broken_answers }: &Status) -> Vec<String> {
    let mut problems = Vec::new();
    let mut problem = |text: String| problems.push(text);
    if let Some(running) = &report.stopping {
        let waits = if running.is_empty() { "what it knows is stored" } else { "waits for what is still running" };
        problem(format!("is stopping (process {}): {waits}", report.process));
        running.iter().for_each(|running| problem(plain(running, 300)));
    }
    if let Some(paused) = &report.paused {
        problem(format!(
            "paused by {} since {}{}; `heinzel resume` ends it",
            paused.by,
            paused.at,
            after_colon(&paused.why, 200)
        ));
    }
    if let Some(why) = &report.store_problem {
        problem(format!("the store takes nothing; sources wait: {why}"));
    }
    if let Some(edited) = &report.settings_changed {
        problem(lines(edited));
    }
    if let Some(why) = &report.load_problem {
        problem(why.clone());
    }
    if let Some(why) = &report.reload_problem {
        let before = if report.rules.is_empty() {
            "and there are no rules before it"
        } else {
            "the rules before it are in force"
        };
        problem(format!("the last reload failed, {before}:\n{why}"));
    }
    if broken_answers.files > 0 {
        let first: Vec<String> = broken_answers.first.iter().map(|complaint| lines(&complaint.to_string())).collect();
        problem(format!(
            "{} broken, and what is wrong there is left out; `heinzel answers lint` names all:\n{}",
            match broken_answers.files {
                1 => "1 file of answers is".to_owned(),
                files => format!("{files} files of answers are"),
            },
            first.join("\n")
        ));
    }
    for (to, untold) in &report.untold {
        let since = untold.since.map(|since| format!(" since {since}")).unwrap_or_default();
        let messages = text::count(untold.messages, "message");
        problem(format!("{messages} for `{to}` could not be delivered{since}: {}", plain(&untold.why, 300)));
    }
    if report.rules.is_empty() {
        problem("no rules are loaded; `heinzel check` says why".to_owned());
    }
    for rule in &report.rules {
        if let Some(why) = &rule.off {
            problem(format!("{} is switched off: {}", rule.id, plain(why, 300)));
        }
        if rule.crowded > 0 {
            problem(format!(
                "{} has more open incidents than are kept in mind; {} findings opened no more (`heinzel audit show` says \
                 which log is full of them)",
                rule.id, rule.crowded
            ));
        }
        if let Some(why) = &rule.breaker {
            problem(format!("the breaker of {} is open {}", rule.id, plain(why, 300)));
        }
        for (asset, why) in rule.breakers.iter().take(MOST_BREAKERS) {
            problem(format!("the breaker of {} for {} is open {}", rule.id, plain(asset, 200), plain(why, 300)));
        }
        if rule.breakers.len() > MOST_BREAKERS {
            let more = rule.breakers.len() - MOST_BREAKERS;
            problem(format!("and for {more} more assets; `heinzel rules show {}` names all", rule.id));
        }
    }
    for (names, complaint) in gathered(&report.sources) {
        let (first, others) = (names[0], &names[1..]);
        let so = match others {
            [] => String::new(),
            [one] => format!("; source {one} is so, too"),
            many => format!("; so are {} others: {}", many.len(), plain(&many.join(", "), 200)),
        };
        // Some begin with its name.
        let whose = if complaint.starts_with("source `") { String::new() } else { format!("source {first}: ") };
        problem(format!("{whose}{}{so}", plain(complaint, 400)));
    }
    problems
}

/// The table of sources, each with its streams.
fn sources(sources: &BTreeMap<String, SourceReport>) -> String {
    let mut rows = Vec::new();
    for (name, source) in sources {
        rows.push(vec![
            name.clone(),
            word(&source.health),
            source.live_since.map_or("reading".into(), |t| format!("live since {t}")),
            source.counts.bytes.to_string(),
            source.counts.findings.to_string(),
            source.counts.counted.iter().map(|(what, times)| format!("{what} {times}")).collect::<Vec<_>>().join(", "),
        ]);
        for (stream, health) in &source.streams {
            rows.push(vec![format!("  {}", plain(stream, 200)), word(health)]);
        }
    }
    table(&["source", "health", "reading", "bytes", "findings", "counted"], &rows)
}

/// What the sources complain of, with those that complain of the same: of ten logs without times, one sentence.
fn gathered(sources: &BTreeMap<String, SourceReport>) -> Vec<(Vec<&str>, &str)> {
    let mut gathered: Vec<(Vec<&str>, &str)> = Vec::new();
    let mut alike: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, source) in sources {
        for complaint in &source.counts.complaints {
            // Behind its name every source says the same, up to the example.
            let kind = complaint
                .strip_prefix(&*format!("source `{name}` has a "))
                .and_then(|rest| rest.split(" that can be read;").next());
            match kind.filter(|kind| *kind == "line without a time").and_then(|kind| alike.get(kind)) {
                Some(&at) => gathered[at].0.push(name),
                None => {
                    alike.extend(kind.map(|kind| (kind, gathered.len())));
                    gathered.push((vec![name], complaint));
                }
            }
        }
    }
    gathered
}

fn word(health: &Health) -> String {
    match health {
        Health::Ok => "ok".into(),
        Health::Missing => "missing (waiting for it)".into(),
        Health::Ended => "ended".into(),
        Health::Degraded { why } => format!("degraded: {}", plain(why, 200)),
    }
}
