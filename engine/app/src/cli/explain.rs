//! `heinzel explain`: for a line, which clause of which rule fails first; for an incident, what every gate says.

use std::sync::Arc;

use clap::Args;
use heinzel_core::block::SourceId;
use heinzel_core::event::{Clock, Event};
use heinzel_core::finding::{Finding, Role};
use heinzel_core::findings::Findings;
use heinzel_core::gate;
use heinzel_core::incident::Incident;
use heinzel_core::key;
use heinzel_core::parse::Format;
use heinzel_core::pattern::{self, stop};
use heinzel_core::rule::Rule;
use heinzel_core::state::State;
use heinzel_core::step::again::Next;
use heinzel_store::Store as _;
use serde::Serialize;

use super::in_force::InForce;
use super::reader;
use crate::config::Config;
use crate::exit::{Ends, Exit};
use crate::live::Live;
use crate::pipeline::{Manner, Seer, names, parse_line, tags, task_role};
use crate::report::Outlook;
use crate::text;
use crate::text::plain;
use crate::{clock, run};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The line, in quotes.
    line: Option<String>,
    /// An incident's number, instead of a line.
    #[arg(long, conflicts_with = "line", value_parser = super::number)]
    incident: Option<u64>,
    /// The source it was read from: gives format and zone.
    #[arg(long)]
    source: Option<String>,
    /// How the line is written, instead of the source's format.
    #[arg(long, value_parser = super::manner::format)]
    format: Option<Format>,
    /// The program that wrote it, where the line does not say it.
    #[arg(long)]
    program: Option<String>,
    /// Only rules that fit, like `web.*`.
    #[arg(long)]
    rule: Option<String>,
    /// Every rule, not only those that come near.
    #[arg(long)]
    all: bool,
}

/// What is said of a rule whose patterns do not match.
const NO_MATCH: &str = "no pattern matches the message";

/// What one rule makes of the line.
#[derive(Serialize)]
struct Considered {
    rule: String,
    /// Whether it makes a finding.
    finds: bool,
    /// The first clause that fails, or the finding.
    clause: &'static str,
    why: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    windows: Vec<String>,
}

/// Explains a line or an incident.
pub(super) fn explain(global: &super::Global, arguments: &Arguments) -> anyhow::Result<Exit> {
    let config = global.config()?;
    let (live, _) = global.live(&config);
    let in_force = InForce::look(&config)?;
    match (&arguments.line, arguments.incident) {
        (_, Some(id)) => incident(global, &config, &live, &in_force, id),
        (Some(line), None) => explain_line(global, &config, live, &in_force.state, arguments, line),
        (None, None) => Err(Ends::with(Exit::Usage, "give a line in quotes, or --incident with a number")),
    }
}

fn explain_line(
    global: &super::Global,
    config: &Config,
    live: Live,
    state: &State,
    arguments: &Arguments,
    line: &str,
) -> anyhow::Result<Exit> {
    let known = config.sources.iter().find(|s| Some(&*s.common.name) == arguments.source.as_deref());
    if let (Some(name), None) = (&arguments.source, known) {
        let names: Vec<&str> = config.sources.iter().map(|s| &*s.common.name).collect();
        return Err(Ends::with(
            Exit::Usage,
            format!("there is no source `{name}`; the sources are {}", names.join(", ")),
        ));
    }
    let mut manner = match known {
        Some(source) => run::manner(source)?,
        None => {
            let zone = super::manner::zone(None)?;
            Manner { format: Format::Auto, zone, year: None, program: None, customers: false }
        }
    };
    manner.format = arguments.format.unwrap_or(manner.format);
    manner.program = arguments.program.clone().or(manner.program);
    let program = manner.program.clone();
    // Without a source the line comes from nowhere: a name of ours would count as its file's.
    let source: SourceId = arguments.source.as_deref().unwrap_or_default().into();
    let event = parse_line(&manner, &source, line, clock::now());
    let live = Arc::new(live);
    let wanted = arguments.rule.clone().map(heinzel_core::glob::Glob);
    let any_source = arguments.source.is_none();
    // Where a pattern stops takes its time to find out: only of what is shown.
    let all = arguments.all || wanted.is_some();
    let mut considered = Vec::new();
    for rule in live.rules.rules.values().filter(|r| wanted.as_ref().is_none_or(|g| g.fits(&r.id.0))) {
        let mut one = consider(&live, state, rule, &source, any_source, &event, program.as_deref());
        if one.finds {
            one.windows = windows(state, rule);
        }
        if all && one.why == NO_MATCH {
            one.why = stop::furthest(&rule.patterns, &event.message).map_or(one.why, |stop| stop.to_string());
        }
        let off = state.rules.get(&rule.id).and_then(|record| record.off.as_ref());
        if let Some((_, why)) = off.filter(|(version, _)| one.finds && *version == rule.version) {
            one = Considered { finds: false, clause: "off", why: format!("it is switched off: {why}"), ..one };
        }
        considered.push(one);
    }
    if considered.is_empty() && wanted.is_some() {
        return Err(super::no_rule(&config.rules, wanted.as_ref()));
    }
    if global.json {
        super::print_json(&serde_json::json!({
            "time": event.time, "clock": event.clock, "header": event.header.clone().into_stamp(), "message": event.message, "rules": considered,
        }))?;
        return Ok(Exit::Ok);
    }
    super::print(&words(&event, program.as_ref(), &considered, all))?;
    Ok(Exit::Ok)
}

fn words(event: &Event<'_>, program: Option<&String>, considered: &[Considered], all: bool) -> String {
    let header = &event.header;
    let of = |value: Option<&str>| value.map_or("-".into(), |v| plain(v, 100));
    let clock = match event.clock {
        Clock::Own => "",
        Clock::Missing => " (now: none was found in the line)",
        Clock::Future => " (now: the line's own lies in the future)",
    };
    let mut out = format!(
        "time     {}{clock}\nhost     {}\nprogram  {}\nunit     {}\nmessage  {}\n",
        event.time,
        of(header.host.as_deref()),
        of(program.map(String::as_str).or(header.program.as_deref())),
        of(header.unit.as_deref()),
        plain(&event.message, 500),
    );
    if let Some(task) = header.task() {
        out.push_str(&format!("task     {} {:?} {}\n", plain(&task.kind, 100), task.state, plain(&task.id, 200)));
    }
    out.push('\n');
    let near = |c: &&Considered| {
        all || c.finds || matches!(c.clause, "source" | "program" | "writer" | "unless" | "field" | "task" | "off")
    };
    let mut shown = 0;
    for one in considered.iter().filter(near) {
        shown += 1;
        let mark = if one.finds { "finds" } else { "does not find" };
        out.push_str(&format!("{} {mark}: {}: {}\n", one.rule, one.clause, plain(&one.why, 500)));
        for window in &one.windows {
            out.push_str(&format!("    {window}\n"));
        }
    }
    let finds = considered.iter().filter(|c| c.finds).count();
    out.push_str(&format!("{} considered, {finds} find something", text::count(considered.len(), "rule")));
    if shown < considered.len() {
        out.push_str(&format!("; {} whose patterns do not match are not shown (--all)", considered.len() - shown));
    }
    out.push('\n');
    out
}

fn consider(
    live: &Live,
    state: &State,
    rule: &Rule,
    source: &SourceId,
    any: bool,
    event: &Event<'_>,
    program: Option<&str>,
) -> Considered {
    let not = |clause: &'static str, why: String| Considered {
        rule: rule.id.to_string(),
        finds: false,
        clause,
        why,
        windows: Vec::new(),
    };
    if let Some((_, why)) = state.rules.get(&rule.id).and_then(|r| r.off.as_ref()).filter(|_| state.is_off(rule)) {
        return not("off", format!("it is switched off until its file changes: {why}"));
    }
    let globs = |globs: &[heinzel_core::glob::Glob]| globs.iter().map(|g| g.0.clone()).collect::<Vec<_>>().join(", ");
    // What really happens; all below only says why it does not.
    let fixed: SourceId =
        if any { rule.sources.first().map_or(source.clone(), |g| g.0.as_str().into()) } else { source.clone() };
    let view = live.matcher.view(&fixed, None);
    let candidates = view.candidates(&event.message);
    let (mut findings, mut refused) = (Findings::new(fixed.clone(), fixed.clone(), event.read_at), Vec::new());
    let tags = if program.is_some() { Vec::new() } else { tags(event.stream) };
    let seer = Seer { source: &fixed, live, view: &view, program, tags: &tags };
    seer.see(event, &candidates, &mut findings, &mut refused);
    if let Some(claim) = findings.iter().find(|c| *c.rule == rule.id && c.role != Role::TaskOther) {
        return found(rule, &claim.to_finding());
    }
    if let Some(refused) = refused.iter().find(|refused| refused.rule == rule.id) {
        return not("field", format!("`{}` {}", refused.field, refused.reason));
    }
    let matching: Vec<usize> =
        (0..rule.patterns.len()).filter(|&n| matches(&rule.patterns[n], &event.message)).collect();
    if !rule.patterns.is_empty()
        && matching.is_empty()
        && !rule.clear.patterns.iter().any(|p| matches(p, &event.message))
    {
        return not("match", NO_MATCH.into());
    }
    if !any && !rule.sources.is_empty() && !rule.sources.iter().any(|g| g.fits(source)) {
        return not("source", format!("it reads {} only", globs(&rule.sources)));
    }
    if event.header.by_customer && !rule.takes_customers_word() {
        return not(
            "writer",
            "a process that may run a customer's code wrote it, whatever it calls itself; see `rules/README.md`".into(),
        );
    }
    let names = names(event, program, &tags);
    let all_names = [names.program, names.unit, names.task_kind].into_iter().flatten().chain(tags.iter().copied());
    if !rule.programs.is_empty() && !all_names.clone().any(|n| rule.programs.iter().any(|g| g.fits(n))) {
        let is: Vec<&str> = all_names.collect();
        let is = match &is[..] {
            [] => "the line names no program; `--program` or `--source` says what wrote it".to_owned(),
            names => format!("the line is from {}", names.join(", ")),
        };
        return not("program", format!("it wants {}, and {is}", globs(&rule.programs)));
    }
    if let Some(pattern) = rule.unless.iter().find(|p| matches(p, &event.message)) {
        return not("unless", format!("`{pattern}` matches"));
    }
    let task = event.header.task();
    if rule.task.is_some() && task_role(rule, task) != Some(Role::Task) {
        let is = task.map_or("no task record".into(), |t| format!("a {:?} {}", t.state, t.kind));
        return not("task", format!("the line is {is}"));
    }
    not("match", "nothing of it applies to this line".into())
}

fn matches(pattern: &str, message: &str) -> bool {
    pattern::compile(pattern).is_ok_and(|regex| regex.is_match(message.as_bytes()))
}

fn found(rule: &Rule, finding: &Finding) -> Considered {
    let fields: Vec<String> = finding.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let asset = match rule.has.asset.then(|| rule.logic.asset(finding)) {
        Some(Ok(Some(asset))) => format!(", asset {asset}"),
        Some(Err(error)) => format!(", asset: {error}"),
        _ => String::new(),
    };
    let trigger = super::reference::trigger(rule);
    let why = format!("{} {}{asset}; trigger: {trigger}", finding.role, fields.join(" "));
    Considered { rule: rule.id.to_string(), finds: true, clause: "finding", why, windows: Vec::new() }
}

/// Whose findings are counted under this key of a window, in words: `host web1, pool www`.
fn counted_by(rule: &Rule, key: &str) -> String {
    let said: Vec<String> = key::read(rule, key).into_iter().map(|(name, value)| format!("{name} {value}")).collect();
    if said.is_empty() { "all".into() } else { said.join(", ") }
}

/// The state of a rule's windows, the newest first.
fn windows(state: &State, rule: &Rule) -> Vec<String> {
    let Some(windows) = state.windows.get(&rule.id) else { return Vec::new() };
    let mut windows: Vec<_> = windows.iter().collect();
    windows.sort_by_key(|(_, w)| std::cmp::Reverse(w.newest));
    let line = |(key, w): &(&String, &heinzel_core::window::Window)| {
        let newest = w.newest.map_or("never".into(), |t| t.to_string());
        let incident = w.incident.map(|id| format!(", incident {id}")).unwrap_or_default();
        format!(
            "window of {}: {} in it, newest {newest}{incident}",
            plain(&counted_by(rule, key), 200),
            w.times.len().max(w.values.len()).max(w.steps.len())
        )
    };
    windows.iter().take(5).map(line).collect()
}

fn incident(global: &super::Global, config: &Config, live: &Live, in_force: &InForce, id: u64) -> anyhow::Result<Exit> {
    let stored = reader::open(&config.state)?;
    let Some(incident) = stored.incident(id)? else {
        return Err(Ends::with(
            Exit::Refused,
            format!("there is no incident {id}; `heinzel incident list --all` shows them"),
        ));
    };
    let rule = live.rules.rules.get(&incident.rule);
    let plan = incident.run.as_ref().and_then(|run| run.stage.plan());
    let Outlook { gates: answers, next } = in_force.outlook(config, live, &incident);
    if global.json {
        super::print_json(
            &serde_json::json!({ "incident": incident, "gates_now": answers, "next": next, "timeline": stored.timeline(id)? }),
        )?;
        return Ok(Exit::Ok);
    }
    let mut out =
        format!("incident {id}: {} on {} is {}\n", incident.rule, plain(&incident.asset, 100), incident.status);
    match (rule, plan) {
        (None, _) => out.push_str("its rule is not loaded any more\n"),
        (Some(rule), None) if !rule.has.fix => out.push_str("its rule has no fix: it only reports\n"),
        (Some(_), None) => out.push_str("there is no plan (yet)\n"),
        (Some(_), Some(plan)) => {
            for step in &plan.steps {
                out.push_str(&format!("plan: {}\n", plain(&step.action.describe(), 300)));
            }
        }
    }
    if let Some(rule) = rule {
        for window in windows(&in_force.state, rule) {
            out.push_str(&format!("{window}\n"));
        }
    }
    if let Some(next) = &next {
        out.push_str(&format!("{}\n", plain(&then(next, &incident), 600)));
    }
    if !answers.is_empty() {
        let when = if in_force.is_running() { "now" } else { "if an engine ran" };
        let but = if next == Some(Next::Human) { ", were it tried again" } else { "" };
        out.push_str(&format!("what the gates would say {when}{but}:\n"));
    }
    for answer in &answers {
        let says = match &answer.verdict {
            gate::Verdict::Pass => "passes".to_owned(),
            gate::Verdict::Wait { why } => format!("waits: {why}"),
            gate::Verdict::Approval { why } => format!("asks for approval: {why}"),
            gate::Verdict::Refuse { why } => format!("refuses: {why}"),
        };
        out.push_str(&format!("  {:<11} {}\n", answer.gate, plain(&says, 400)));
    }
    out.push_str("what happened:\n");
    for numbered in stored.timeline(id)? {
        out.push_str(&format!(
            "  {:<27} {:<12} {}\n",
            numbered.entry.at.to_string(),
            numbered.entry.what,
            plain(&numbered.entry.text, 400)
        ));
    }
    super::print(&out)?;
    Ok(Exit::Ok)
}

/// What becomes of an incident by itself, in words.
fn then(next: &Next, incident: &Incident) -> String {
    let id = incident.id;
    match next {
        Next::Finding => "its next finding is planned again, under all gates".to_owned(),
        Next::Open { gate, why } => {
            format!("its next finding is planned again once gate `{gate}` does not refuse any more: {why}")
        }
        Next::Later { from } => format!(
            "it was handed to a human; what is found from {from} on is planned again, under all gates, unless somebody acknowledges it \
             (`heinzel retry {id}` plans it anew at once)"
        ),
        Next::Human => {
            let why = incident.verdict.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            format!(
                "will not be tried again: it was handed to a human{why}; `heinzel retry {id}` plans it anew, under all gates"
            )
        }
    }
}
