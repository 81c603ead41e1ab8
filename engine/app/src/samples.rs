//! Runs the packs' own samples through the real pipeline: parser, matcher, field types, asset.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use heinzel_core::block::SourceId;
use heinzel_core::event::{Event, Header};
use heinzel_core::finding::{Finding, Role};
use heinzel_core::findings::Findings;
use heinzel_core::parse::{Format, Read};
use heinzel_core::rule::{Rule, RuleId};
use heinzel_core::time::Timestamp;
use heinzel_script::plan_sample::run_plan_samples;
use heinzel_script::problem::{Gravity, Problem};
use heinzel_script::sample::{At, Sample, Samples};

use crate::live::Live;
use crate::pipeline::{self, Manner, Seer, names, parse_line, tags};

/// A fixed time of reading, so that a sample means the same on every day.
const READ_AT: Timestamp = Timestamp::from_seconds(1_900_000_000);

/// Runs all samples and says which rules failed which.
pub(crate) fn run(live: &Arc<Live>, samples: &BTreeMap<RuleId, Samples>) -> Vec<(RuleId, Problem)> {
    let mut failed = Vec::new();
    for (id, samples) in samples {
        let Some(rule) = live.rules.rules.get(id) else { continue };
        for sample in &samples.samples {
            if let Err(why) = one(live, rule, sample) {
                failed.push((id.clone(), problem(&samples.file, &sample.at, &why)));
            }
        }
        failed.extend(run_plan_samples(rule, samples, &heinzel_act::can_be).into_iter().map(|p| (id.clone(), p)));
    }
    failed
}

fn problem(file: &Path, at: &At, why: &str) -> Problem {
    Problem {
        file: file.to_owned(),
        line: at.line,
        column: at.column,
        severity: Gravity::Error,
        source_line: at.source_line.clone(),
        message: why.to_owned(),
        hint: Some("`heinzel explain` with this line says what each clause of the rule makes of it".into()),
    }
}

/// Runs one sample; the error says what came instead.
fn one(live: &Arc<Live>, rule: &Rule, sample: &Sample) -> Result<(), String> {
    let source: SourceId = sample.source.as_deref().or(rule.sources.first().map(|g| &*g.0)).unwrap_or("sample").into();
    let event = event(&source, sample)?;
    let view = live.matcher.view(&source, None);
    let candidates = view.candidates(&event.message);
    let (mut findings, mut refused) = (Findings::new(source.clone(), source.clone(), READ_AT), Vec::new());
    let tags = tags(&source);
    let seer = Seer { source: &source, live, view: &view, program: None, tags: &tags };
    seer.see(&event, &candidates, &mut findings, &mut refused);
    let ours = findings.iter().filter(|c| *c.rule == rule.id && matches!(c.role, Role::Match(_) | Role::Task));
    let found: Vec<Finding> = ours.map(|claim| claim.to_finding()).collect();
    if !sample.fires {
        return match found.first() {
            None => Ok(()),
            Some(finding) => Err(format!("{} fires on this line and should not ({})", rule.id, finding.role)),
        };
    }
    let Some(finding) = found.first() else {
        let refused = refused.iter().find(|refused| refused.rule == rule.id);
        return Err(match refused {
            Some(refused) => format!("{} matches this line, but the capture is refused: {refused}", rule.id),
            None => {
                let names = names(&event, None, &[]);
                let (program, unit) = (named("program", names.program), named("unit", names.unit));
                format!("{} does not fire on this line ({program}, {unit})", rule.id)
            }
        });
    };
    // One line is one finding; here each pattern that it shows is asked for.
    let mut roles = Vec::new();
    view.find(&candidates, &event.message, &names(&event, None, &tags), &mut |hit| {
        roles.extend((*hit.rule == rule.id).then_some(hit.role));
    });
    for number in &sample.matches {
        if !roles.contains(&Role::Match(*number)) {
            return Err(format!("pattern {number} of {} does not match this line", rule.id));
        }
    }
    for (name, value) in &sample.fields {
        let got = found.iter().find_map(|f| f.fields.get(name));
        if got.map(ToString::to_string) != Some(value.to_string()) {
            let got = got.map_or("nothing".into(), ToString::to_string);
            return Err(format!("field `{name}` of {} should be `{value}` and is `{got}`", rule.id));
        }
    }
    // Asked of every line that fires: otherwise it is first asked when there is an incident.
    let got = if rule.has.asset { rule.logic.asset(finding).map_err(|e| e.to_string())? } else { None };
    if let Some(asset) = sample.asset.as_ref().filter(|asset| got.as_ref() != Some(asset)) {
        let got = got.unwrap_or_else(|| "left to the default".into());
        return Err(format!("the asset of {} should be `{asset}` and is `{got}`", rule.id));
    }
    Ok(())
}

/// `program nginx`, or `no program`.
fn named(what: &str, name: Option<&str>) -> String {
    name.map_or_else(|| format!("no {what}"), |name| format!("{what} {name}"))
}

fn event<'a>(source: &'a SourceId, sample: &'a Sample) -> Result<Event<'a>, String> {
    let mut read = match &sample.format {
        None => {
            let header = Header { time: Some(READ_AT), ..Header::default() };
            Read { header, message: Cow::Borrowed(&*sample.line) }
        }
        Some(word) => {
            let manner = Manner {
                format: format(word)?,
                zone: jiff::tz::TimeZone::UTC,
                year: None,
                program: None,
                customers: false,
            };
            let event = parse_line(&manner, source, &sample.line, READ_AT);
            Read { header: event.header, message: event.message }
        }
    };
    let header = &mut read.header;
    header.program = sample.program.as_deref().map(Cow::Borrowed).or(header.program.take());
    header.host = sample.host.as_deref().map(Cow::Borrowed).or(header.host.take());
    header.unit = sample.unit.as_deref().map(Cow::Borrowed).or(header.unit.take());
    header.task = sample.task.clone().map(|task| Cow::Owned(Box::new(task))).or(header.task.take());
    Ok(pipeline::event(source, read, READ_AT))
}

/// The format with this name, as a `[[source]]` writes it.
pub(crate) fn format(word: &str) -> Result<Format, String> {
    let json = serde_json::Value::String(word.to_owned());
    serde_json::from_value(json).map_err(|_| {
        format!(
            "`{word}` is no format; the formats are auto, syslog, json, logfmt, access, nginx-error, apache-error, php, mysql, \
             postgresql, plain"
        )
    })
}
