//! `heinzel rules`: the rules one by one, with what their fixes have shown on this machine.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use clap::Subcommand;
use heinzel_core::glob::Glob;
use heinzel_core::plan::Check;
use heinzel_core::policy::Allow;
use heinzel_core::rule::Rule;
use heinzel_core::state::Evidence;
use heinzel_core::time::Span;
use heinzel_script::pack::Story;
use heinzel_script::plan_sample;
use heinzel_script::sample::Samples;
use serde_json::json;

use super::in_force::InForce;
use super::policy::{breaker, stuck, word};
use super::reference::{fix, trigger};
use crate::config::Config;
use crate::exit::{Ends, Exit};
use crate::live::{self, Live};
use crate::text;
use crate::text::{plain, table};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List all rules, or those that fit a pattern like `mail.*`.
    List {
        /// Only rules that fit.
        rule: Option<String>,
    },
    /// Show one rule: what it looks for, what its fix does and proves, and what has become of it here.
    Show {
        /// The rule's id, like `web.nginx-killed`.
        rule: String,
    },
}

/// Does what the command says.
pub(super) fn rules(global: &super::Global, command: &Command) -> anyhow::Result<Exit> {
    match command {
        Command::List { rule } => list(global, rule.as_deref()),
        Command::Show { rule } => show(global, rule),
    }
}

fn list(global: &super::Global, only: Option<&str>) -> anyhow::Result<Exit> {
    let config = global.config()?;
    let (live, problems) = global.live(&config);
    let in_force = InForce::look(&config)?;
    let only = only.map(Glob::from);
    // A list that lacks a rule must not look whole, least of all to a program.
    let wrong: Vec<String> = problems.iter().filter(|p| p.is_error()).map(|p| format!("{p}\n")).collect();
    super::remark(&text::lines(&wrong.concat()));
    let exit = if wrong.is_empty() { Exit::Ok } else { Exit::Wrong };
    let fits = |rule: &&Arc<Rule>| only.as_ref().is_none_or(|glob| glob.fits(&rule.id.0));
    if exit == Exit::Ok && !live.rules.rules.values().any(|rule| fits(&rule)) {
        return Err(super::no_rule(&config.rules, only.as_ref()));
    }
    let mut rows = Vec::new();
    for rule in live.rules.rules.values().filter(fits) {
        let record = in_force.record(rule);
        let (mode, _) = in_force.mode_of(&config, &live, rule);
        if global.json {
            let story = live.stories.get(&rule.id).cloned().unwrap_or_default();
            super::print_json(&json!({
                "rule": rule.id, "severity": rule.severity, "title": { "en": rule.title, "de": story.title_de }, "mode": mode,
                "about": { "en": story.about, "de": story.about_de }, "samples": live.samples.get(&rule.id),
                "automation": rule.automation, "fix": rule.has.fix, "evidence": record.evidence, "answer": rule.answer,
            }))?;
            continue;
        }
        rows.push(vec![
            rule.id.to_string(),
            rule.severity.to_string(),
            fix(rule).to_owned(),
            word(mode),
            evidence(&record.evidence),
            rule.title.clone(),
        ]);
    }
    if !global.json {
        super::print(&table(&["rule", "severity", "does", "mode", "here so far", "title"], &rows))?;
        super::print(&format!("{}\n", text::count(rows.len(), "rule")))?;
    }
    Ok(exit)
}

/// What was seen of a rule, in a few words.
fn evidence(e: &Evidence) -> String {
    if e.incidents == 0 {
        return "-".into();
    }
    let mut words = vec![text::count(usize::try_from(e.incidents).unwrap_or(usize::MAX), "incident")];
    for (number, word) in [
        (e.planned, "planned"),
        (e.verified, "verified"),
        (e.failed, "failed"),
        (e.vetoed, "vetoed"),
        (e.recurred, "came back"),
    ] {
        if number > 0 {
            words.push(format!("{number} {word}"));
        }
    }
    words.join(", ")
}

fn show(global: &super::Global, id: &str) -> anyhow::Result<Exit> {
    let config = global.config()?;
    let (live, _) = global.live(&config);
    let Some(rule) = live.rules.rules.values().find(|rule| &*rule.id.0 == id) else {
        return Err(Ends::with(Exit::Refused, unknown(&live, id)));
    };
    let in_force = InForce::look(&config)?;
    let record = in_force.record(rule);
    let (mode, from) = in_force.mode_of(&config, &live, rule);
    let allow = in_force.policy(&config).allow;
    let story = live.stories.get(&rule.id).cloned().unwrap_or_default();
    let samples = live::read(&config.rules).0.into_iter().find_map(|mut pack| pack.samples.remove(&rule.id));
    if global.json {
        let grants = samples.as_ref().map(|samples| grants(rule, samples, &allow)).unwrap_or_default();
        let count = live.samples.get(&rule.id).copied().unwrap_or_default();
        let grants: Vec<_> =
            grants.iter().map(|(grant, granted)| json!({ "grant": grant, "granted": granted })).collect();
        super::print_json(&json!({
            "rule": rule.id, "version": rule.version, "severity": rule.severity,
            "title": { "en": rule.title, "de": story.title_de }, "about": { "en": story.about, "de": story.about_de },
            "program": rule.programs, "source": rule.sources, "match": rule.patterns, "unless": rule.unless,
            "fields": rule.fields, "task": rule.task, "trigger": rule.trigger, "by": rule.by, "clear": rule.clear,
            "cooldown_seconds": rule.cooldown.as_secs(), "reopen_seconds": rule.reopen.as_secs(),
            "answer": rule.answer, "escalate": rule.escalate, "automation": rule.automation,
            "fix": rule.has.fix, "rollback": rule.has.rollback, "mode": mode, "mode_from": from,
            "breaker": breaker(&record), "evidence": record.evidence, "spots": record.spots, "samples": count,
            "grants": grants,
        }))?;
        return Ok(Exit::Ok);
    }
    let mut page = described(rule, &story);
    if let Some(samples) = &samples {
        for (grant, granted) in grants(rule, samples, &allow) {
            let _ = writeln!(page, "{:<10} {grant}", if granted { "granted" } else { "needs" });
        }
        page.push_str(&shown(samples));
    }
    let _ = writeln!(page, "\nMode {} (from {from}); here so far: {}", word(mode), evidence(&record.evidence));
    if let Some(why) = breaker(&record) {
        let _ = writeln!(page, "Breaker {why}");
    }
    for there in stuck(&record, &live.assets) {
        let _ = writeln!(page, "Less {}", plain(&there, 400));
    }
    super::print(&page)?;
    Ok(Exit::Ok)
}

/// What the plans that its samples show still lack of grants.
pub(super) fn lacking(config: &Config, in_force: &InForce, rule: &Rule) -> Vec<String> {
    let samples = live::read(&config.rules).0.into_iter().find_map(|mut pack| pack.samples.remove(&rule.id));
    let allow = in_force.policy(config).allow;
    let grants = samples.map(|samples| grants(rule, &samples, &allow)).unwrap_or_default();
    grants.into_iter().filter(|(_, granted)| !granted).map(|(grant, _)| grant).collect()
}

/// What must be granted for the plans that its samples show, and whether it is.
fn grants(rule: &Rule, samples: &Samples, allow: &Allow) -> BTreeMap<String, bool> {
    let mut grants = BTreeMap::new();
    let nothing = Allow::default();
    for made in plan_sample::made(rule, samples) {
        for step in made.fix.steps().iter().chain(&made.rollback) {
            if let Err(no) = nothing.step(step) {
                grants.insert(no.why, allow.step(step).is_ok());
            }
        }
        let checks = made.verify.iter().filter_map(|check| match check {
            Check::Report { probe, .. } => Some(probe),
            Check::Quiet { .. } => None,
        });
        for probe in made.probes.iter().chain(checks) {
            if let Err(no) = nothing.probe(probe) {
                grants.insert(no.why, allow.probe(probe).is_ok());
            }
        }
    }
    grants
}

fn unknown(live: &Live, id: &str) -> String {
    let wanted = id.rsplit('.').next().unwrap_or(id);
    let near: Vec<&str> = live.rules.rules.keys().map(|id| &*id.0).filter(|known| known.contains(wanted)).collect();
    let way =
        if near.is_empty() { "`heinzel rules list` shows all".into() } else { format!("there is {}", near.join(", ")) };
    format!("there is no rule `{id}`; {way}")
}

/// The rule in words. Writing to a String cannot fail.
fn described(rule: &Rule, story: &Story) -> String {
    let mut out = format!("{} ({}): {}\n", rule.id, rule.severity, rule.title);
    let mut paragraph = |text: &str| {
        let words: Vec<&str> = text.split_whitespace().collect();
        let _ = writeln!(out, "{}", words.join(" "));
    };
    story.about.iter().for_each(|text| paragraph(text));
    story.title_de.iter().for_each(|text| paragraph(&format!("\u{201e}{text}\u{201c}")));
    story.about_de.iter().for_each(|text| paragraph(text));
    let globs = |globs: &[Glob]| globs.iter().map(|glob| &*glob.0).collect::<Vec<_>>().join(", ");
    let mut line = |what: &str, text: String| {
        if !text.is_empty() {
            let _ = writeln!(out, "{what:<10} {text}");
        }
    };
    line("program", globs(&rule.programs));
    line("source", globs(&rule.sources));
    rule.patterns.iter().for_each(|pattern| line("match", pattern.clone()));
    rule.unless.iter().for_each(|pattern| line("unless", pattern.clone()));
    let fields: Vec<String> = rule.fields.iter().map(|(name, kind)| format!("{name}: {kind}")).collect();
    line("fields", fields.join(", "));
    line("trigger", trigger(rule));
    rule.clear.patterns.iter().for_each(|pattern| line("clear", pattern.clone()));
    line("does", fix(rule).to_owned());
    if rule.has.fix {
        let patience = rule.patience;
        let proof = format!("within {}, then for {}", Span(patience.within), Span(patience.stable_for));
        line("proof", proof);
        line("cooldown", Span(rule.cooldown).to_string());
        line("automation", format!("{} (by a `*` in [policy.modes])", rule.automation));
    }
    line("answer", rule.answer.clone().unwrap_or_default());
    line("escalate", rule.escalate.clone().unwrap_or_default());
    out
}

/// Its samples in words: what fires, and with which facts it plans what.
fn shown(samples: &Samples) -> String {
    let made = samples.samples.iter().filter(|s| s.made_by.is_some()).count();
    let mut out = format!("\n{} ({made} written by the real program):\n", text::count(samples.samples.len(), "sample"));
    for sample in &samples.samples {
        let sign = if sample.fires { "+" } else { "-" };
        let task = sample.task.as_ref().map(|task| {
            format!("[task {} {} {}] ", task.kind, task.target.as_deref().unwrap_or(""), task.state.word())
        });
        let _ = writeln!(out, "  {sign} {}{}", task.unwrap_or_default(), sample.line);
    }
    for plan in &samples.plans {
        let facts: Vec<String> = plan.facts.iter().map(|(name, report)| format!("{name} {report}")).collect();
        let facts = if facts.is_empty() { "blind probes".into() } else { facts.join(", ") };
        let steps = if plan.steps.is_empty() { "no step".into() } else { plan.steps.join("; ") };
        let _ = writeln!(out, "  with {facts}\n    {steps}");
        if let Some(verify) = &plan.verify {
            let _ = writeln!(out, "    verify: {}", verify.join("; "));
        }
    }
    out
}
