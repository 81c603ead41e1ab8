//! Runs a rule's plan samples: with these facts, exactly this plan.

use std::collections::BTreeMap;

use heinzel_core::event::Place;
use heinzel_core::field::{FieldType, Value};
use heinzel_core::finding::{Finding, Role};
use heinzel_core::near;
use heinzel_core::plan::{Action, Check, Step};
use heinzel_core::probe::{Fact, Facts, Probe};
use heinzel_core::rule::{Case, LogicError, Proposal, Rule};
use heinzel_core::task::Task;
use heinzel_core::time::Timestamp;
use serde_json::Value as Json;

use crate::logic::NOT_THIS_CASE;
use crate::probe::{keys, kind_of};
use crate::problem::Problem;
use crate::sample::{PlanSample, Samples};

/// Runs all plan samples of a rule and says where its plans differ from them. `can_be` says what keeps a step from ever being
/// done, whatever its words.
#[must_use]
pub fn run_plan_samples(
    rule: &Rule,
    samples: &Samples,
    can_be: &dyn Fn(&Action) -> Result<(), String>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for plan in &samples.plans {
        if !rule.has.fix {
            let hint = "remove the [[plan]], or write a `fix`";
            problems.push(samples.problem(&plan.at, format!("{} has no fix, so it makes no plan", rule.id), hint));
            continue;
        }
        if let Err(found) = run(rule, plan, samples, can_be) {
            problems.extend(found);
        }
    }
    problems
}

/// What a rule's functions make of one plan sample.
#[derive(Debug)]
pub struct Made {
    /// The looks at the host.
    pub probes: Vec<Probe>,
    /// The plan.
    pub fix: Proposal,
    /// What proves it.
    pub verify: Vec<Check>,
    /// The way back.
    pub rollback: Vec<Step>,
}

/// What the rule's functions make of its plan samples, as far as they make something.
#[must_use]
pub fn made(rule: &Rule, samples: &Samples) -> Vec<Made> {
    let plans = samples.plans.iter().filter(|_| rule.has.fix);
    plans.filter_map(|plan| make(rule, plan, samples).ok()).collect()
}

/// Whether a rule's functions make a plan of a finding at all, when no probe can look: asked of rules whose samples show none.
///
/// # Errors
/// What fails first, in production too, where the probes are as blind.
pub fn try_blind(rule: &Rule, finding: &Finding) -> Result<(), LogicError> {
    let asset = rule.logic.asset(finding)?.unwrap_or_else(|| "host:sample".into());
    let fields = finding.fields.iter().filter(|(name, _)| rule.fields.get(*name) != Some(&FieldType::Text));
    let case = Case {
        incident: 1,
        name: heinzel_core::asset::plain_name(&asset),
        draft: false,
        asset,
        host: finding.host.clone(),
        fields: fields.map(|(name, value)| (name.clone(), value.clone())).collect(),
        task: finding.task.as_deref().map(Task::words).unwrap_or_default(),
        count: 1,
        fixes_24h: 0,
        round: 0,
    };
    let blind = |name: String| (name, Fact::Blind { why: "nothing was looked at".into() });
    let facts: Facts = rule.logic.probe(&case)?.into_keys().map(blind).collect();
    rule.logic.fix(&case, &facts, &[])?;
    rule.logic.verify(&case, &facts)?;
    rule.logic.rollback(&case, &facts)?;
    Ok(())
}

fn run(
    rule: &Rule,
    plan: &PlanSample,
    samples: &Samples,
    can_be: &dyn Fn(&Action) -> Result<(), String>,
) -> Result<(), Vec<Problem>> {
    let made = make(rule, plan, samples)?;
    let verify: Vec<String> = made.verify.iter().map(|check| check.describe()).collect();
    let rollback: Vec<String> = made.rollback.iter().map(|step| step.action.describe()).collect();
    let found = [
        difference("steps", &plan.steps, &made.fix.describe()),
        plan.verify.as_ref().and_then(|expected| difference("verify", expected, &verify)),
        plan.rollback.as_ref().and_then(|expected| difference("rollback", expected, &rollback)),
    ];
    let fixed = if let Proposal::Steps(steps) = &made.fix { steps.as_slice() } else { &[] };
    let impossible = fixed.iter().chain(&made.rollback).filter_map(|step| {
        let why = can_be(&step.action).err()?;
        Some((format!("`{}` cannot be done: {why}", step.action.describe()), "mend the rule".to_owned()))
    });
    let problem = |(message, hint): (String, String)| samples.problem(&plan.at, message, hint);
    let problems: Vec<Problem> = found.into_iter().flatten().chain(impossible).map(problem).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn make(rule: &Rule, plan: &PlanSample, samples: &Samples) -> Result<Made, Vec<Problem>> {
    let complain = |message: String, hint: String| samples.problem(&plan.at, message, hint);
    let failed =
        |error: LogicError| vec![complain(error.to_string(), "mend it there, or what this sample gives it".into())];
    let fields = accept(rule, plan).map_err(|(message, hint)| vec![complain(message, hint)])?;
    let asset = match &plan.asset {
        Some(asset) => asset.clone(),
        None => {
            rule.logic.asset(&finding(rule, plan, &fields)).map_err(failed)?.unwrap_or_else(|| "host:sample".into())
        }
    };
    let text = |name: &String| rule.fields.get(name) == Some(&FieldType::Text);
    let case = Case {
        incident: 1,
        name: heinzel_core::asset::plain_name(&asset),
        draft: plan.draft,
        asset,
        host: plan.host.clone(),
        fields: fields.into_iter().filter(|(name, _)| !text(name)).collect(),
        task: plan.task.as_ref().map(Task::words).unwrap_or_default(),
        count: plan.count,
        fixes_24h: plan.fixes_24h,
        round: plan.round,
    };
    let probes = rule.logic.probe(&case).map_err(failed)?;
    let facts = facts(plan, &probes).map_err(|(message, hint)| vec![complain(message, hint)])?;

    // All three are called, even where nothing is expected of them: production makes the plan with all, or none.
    Ok(Made {
        probes: probes.into_values().collect(),
        fix: rule.logic.fix(&case, &facts, &[]).map_err(failed)?,
        verify: rule.logic.verify(&case, &facts).map_err(failed)?,
        rollback: rule.logic.rollback(&case, &facts).map_err(failed)?,
    })
}

/// The sample's fields, through their types like captures.
fn accept(rule: &Rule, plan: &PlanSample) -> Result<BTreeMap<String, Value>, (String, String)> {
    let mut fields = BTreeMap::new();
    for (name, value) in &plan.fields {
        let Some(kind) = rule.fields.get(name) else {
            return Err((
                format!("the rule has no field `{name}`"),
                near::hint(name, rule.fields.keys().map(String::as_str)),
            ));
        };
        let value = match value {
            Value::Text(text) => kind.accept(text),
            // A sample writes a size or duration as a number as the engine sees it, or as a text as the log has it.
            Value::Int(number) if *kind == FieldType::Duration || *kind == FieldType::Float => {
                kind.accept(&number.to_string())
            }
            number @ Value::Int(_) if matches!(kind, FieldType::Int | FieldType::Size) => Ok(number.clone()),
            number @ Value::Float(_) if matches!(kind, FieldType::Float | FieldType::Duration) => Ok(number.clone()),
            other => kind.accept(&other.to_string()),
        };
        match value {
            Ok(value) => fields.insert(name.clone(), value),
            Err(no) => return Err((format!("the field `{name}` {}", no.reason), format!("it is declared as {kind}"))),
        };
    }
    Ok(fields)
}

fn finding(rule: &Rule, plan: &PlanSample, fields: &BTreeMap<String, Value>) -> Finding {
    let text = |name: &&String| rule.fields.get(*name) == Some(&FieldType::Text);
    Finding {
        rule: rule.id.clone(),
        role: if rule.patterns.is_empty() { Role::Task } else { Role::Match(0) },
        place: Place::named("sample"),
        time: Timestamp::EPOCH,
        read_at: Timestamp::EPOCH,
        fields: fields.clone(),
        text_fields: fields.keys().filter(text).cloned().collect(),
        host: plan.host.clone(),
        program: None,
        task: plan.task.clone().map(Box::new),
        message: String::new(),
    }
}

fn facts(plan: &PlanSample, probes: &BTreeMap<String, Probe>) -> Result<Facts, (String, String)> {
    let names = || probes.keys().map(String::as_str);
    if let Some(name) = plan.facts.keys().find(|n| !probes.contains_key(*n)) {
        return Err((format!("the rule has no probe `{name}`"), near::hint(name, names().collect::<Vec<_>>())));
    }
    let mut facts = Facts::new();
    for (name, probe) in probes {
        let Some(report) = plan.facts.get(name).filter(|r| r.get("blind") != Some(&Json::Bool(true))) else {
            facts.insert(name.clone(), Fact::Blind { why: "the sample gives no report".into() });
            continue;
        };
        let known = keys(probe);
        let stray = report.as_object().and_then(|r| r.keys().find(|k| !known.contains(&k.as_str()) && *k != "blind"));
        if let Some(key) = stray {
            return Err((
                format!("the probe `{name}` ({}) reports no `{key}`", probe.describe()),
                near::hint(key, known),
            ));
        }
        let odd = report.as_object().and_then(|report| {
            report
                .iter()
                .find_map(|(key, value)| Some((key, kind_of(probe, key)?)).filter(|(_, kind)| !kind.takes(value)))
        });
        if let Some((key, kind)) = odd {
            let message = format!("the probe `{name}` ({}) never reports this `{key}`", probe.describe());
            return Err((message, format!("it is {}", kind.word())));
        }
        facts.insert(name.clone(), Fact::Seen { report: report.clone() });
    }
    Ok(facts)
}

/// What to say when the lists differ: the first place where they do.
fn difference(what: &str, expected: &[String], made: &[String]) -> Option<(String, String)> {
    if expected == made {
        return None;
    }
    let number = expected.iter().zip(made).take_while(|(e, m)| e == m).count();
    let shown = |list: &[String]| list.get(number).map_or_else(|| "nothing".to_owned(), |text| format!("`{text}`"));
    let message = format!("{what}[{number}]: the sample expects {}, the rule makes {}", shown(expected), shown(made));
    let all: Vec<String> = made.iter().map(|m| format!("{m:?}")).collect();
    let right = format!("if the rule is right, write {what} = [{}]", all.join(", "));
    let gave_nothing = made.len() == 1 && made[0].strip_prefix("hand over: ") == Some(NOT_THIS_CASE);
    let way = if gave_nothing {
        format!("`fix` gives nothing here, not even `[]`: its last value must be the list of steps. Or, {right}")
    } else {
        right
    };
    Some((message, way))
}
