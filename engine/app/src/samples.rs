//! Runs the packs' own samples through the real pipeline: parser, matcher, field types, asset.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use heinzel_core::block::SourceId;
use heinzel_core::event::{Event, Header};
use heinzel_core::finding::{Finding, Role};
use heinzel_core::findings::Findings;
use heinzel_core::glob::Glob;
use heinzel_core::parse::{Format, Read};
use heinzel_core::pattern;
use heinzel_core::rule::{Rule, RuleId};
use heinzel_core::time::Timestamp;
use heinzel_script::plan_sample::{run_plan_samples, try_blind};
use heinzel_script::problem::{Gravity, Problem};
use heinzel_script::sample::{At, Sample, Samples};

use crate::live::Live;
use crate::pipeline::{self, Manner, Seer, names, parse_line, tags};
use crate::text::plain;

/// A fixed time of reading, so that a sample means the same on every day.
const READ_AT: Timestamp = Timestamp::from_seconds(1_900_000_000);

/// Runs all samples and says which rules failed which, and which rules make no plan of what their samples show: warnings,
/// since their samples do not say what plan it should be.
pub(crate) fn run(live: &Arc<Live>, samples: &BTreeMap<RuleId, Samples>) -> Vec<(RuleId, Problem)> {
    let mut failed = Vec::new();
    for (id, samples) in samples {
        let Some(rule) = live.rules.rules.get(id) else { continue };
        let mut found = Vec::new();
        for sample in &samples.samples {
            match one(live, rule, sample) {
                Err(why) => failed.push((id.clone(), problem(&samples.file, &sample.at, &why))),
                Ok(finding) => found.extend(finding.map(|finding| (sample, finding))),
            }
        }
        let warned = planless(rule, samples, &found).into_iter().chain(unclear(rule, samples, &found));
        failed.extend(warned.map(|problem| (id.clone(), problem)));
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
        // Its pack is left out, so `heinzel explain` would not know the rule.
        hint: Some("mend the rule, or what the sample expects of it".into()),
    }
}

/// What may be wrong, at a sample that shows it.
fn warning(samples: &Samples, sample: &Sample, why: &str, hint: &str) -> Problem {
    let problem = problem(&samples.file, &sample.at, why);
    Problem { severity: Gravity::Warning, hint: Some(hint.into()), ..problem }
}

/// What fails first when a rule whose samples show no plan makes one of what they find.
fn planless(rule: &Rule, samples: &Samples, found: &[(&Sample, Finding)]) -> Option<Problem> {
    if !rule.has.fix || !samples.plans.is_empty() {
        return None;
    }
    let hint = "this line was given to it with probes that see nothing; a [[plan]] sample shows what it makes of facts";
    found.iter().find_map(|(sample, finding)| {
        let error = try_blind(rule, finding).err()?;
        Some(warning(samples, sample, &format!("{}: {}", error.what, error.why), hint))
    })
}

/// Patterns of `clear` that lack what `asset` is made of: they end no incident, whatever is well again.
fn unclear(rule: &Rule, samples: &Samples, found: &[(&Sample, Finding)]) -> Vec<Problem> {
    let named = |finding: &Finding| rule.has.asset.then(|| rule.logic.asset(finding).ok().flatten()).flatten();
    let Some((first, name)) = found.iter().find_map(|(sample, finding)| Some((*sample, named(finding)?))) else {
        return Vec::new();
    };
    let clears = |pattern: &&String| {
        let Ok(regex) = pattern::compile(pattern) else { return true };
        found.iter().any(|(_, finding)| {
            let mut less = finding.clone();
            less.fields.retain(|name, _| regex.capture_names().flatten().any(|captured| captured == name));
            let asset = named(finding);
            asset.is_none() || named(&less) == asset
        })
    };
    let vain = rule.clear.patterns.iter().filter(|pattern| !clears(pattern));
    let said = vain.map(|pattern| {
        let why = format!("`clear` of {}: a line that fits `{pattern}` never ends its incident on {name}", rule.id);
        warning(samples, first, &why, "let it capture the fields that `asset` is made of, by the same names")
    });
    said.collect()
}

/// Runs one sample; gives the finding, if it is to fire. The error says what came instead.
fn one(live: &Arc<Live>, rule: &Rule, sample: &Sample) -> Result<Option<Finding>, String> {
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
            None => Ok(None),
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
                format!("{} does not fire on this line ({program}, {unit}): {}", rule.id, silence(rule, &event))
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
    Ok(Some(finding.clone()))
}

/// The first clause that keeps a rule from finding anything in an event.
fn silence(rule: &Rule, event: &Event<'_>) -> String {
    let message = &*event.message;
    let matches = |text: &String| pattern::compile(text).is_ok_and(|regex| regex.is_match(message.as_bytes()));
    if !rule.patterns.is_empty() && !rule.patterns.iter().any(matches) {
        let stop = pattern::stop::furthest(&rule.patterns, message);
        return stop.map_or_else(|| format!("no pattern matches `{}`", plain(message, 100)), |stop| stop.to_string());
    }
    let names = names(event, None, &[]);
    let is_from =
        |glob: &Glob| [names.program, names.unit, names.task_kind].into_iter().flatten().any(|name| glob.fits(name));
    if !rule.programs.is_empty() && !rule.programs.iter().any(is_from) {
        let wanted: Vec<&str> = rule.programs.iter().map(|glob| &*glob.0).collect();
        return format!("`program` wants {}", wanted.join(", "));
    }
    match rule.unless.iter().find(|text| matches(text)) {
        Some(pattern) => format!("`{pattern}` of `unless` matches, too"),
        None => "its other clauses do not fit".into(),
    }
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
