//! Runs a rule's plan samples: with these facts, exactly this plan.

use std::collections::BTreeMap;

use heinzel_core::event::Place;
use heinzel_core::field::{FieldType, Value};
use heinzel_core::finding::{Finding, Role};
use heinzel_core::probe::{Fact, Facts, Probe};
use heinzel_core::rule::{Case, LogicError, Rule};
use heinzel_core::task::Task;
use heinzel_core::time::Timestamp;
use serde_json::Value as Json;

use crate::near;
use crate::probe::keys;
use crate::problem::Problem;
use crate::sample::{PlanSample, Samples};

/// Runs all plan samples of a rule and says where its plans differ from them.
#[must_use]
pub fn run_plan_samples(rule: &Rule, samples: &Samples) -> Vec<Problem> {
    let mut problems = Vec::new();
    for plan in &samples.plans {
        if !rule.has.fix {
            let hint = "remove the [[plan]], or write a `fix`";
            problems.push(samples.problem(&plan.at, format!("{} has no fix, so it makes no plan", rule.id), hint));
            continue;
        }
        if let Err(found) = run(rule, plan, samples) {
            problems.extend(found);
        }
    }
    problems
}

fn run(rule: &Rule, plan: &PlanSample, samples: &Samples) -> Result<(), Vec<Problem>> {
    let complain = |message: String, hint: String| samples.problem(&plan.at, message, hint);
    let failed = |error: LogicError| vec![complain(error.what, error.why)];
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

    let steps = rule.logic.fix(&case, &facts, &[]).map_err(failed)?;
    let steps = steps.describe();
    let mut problems = Vec::new();
    problems.extend(difference("steps", &plan.steps, &steps).map(|(m, h)| complain(m, h)));
    // Called even where nothing is expected of them: production makes the plan with all three, or none.
    match rule.logic.verify(&case, &facts) {
        Ok(checks) => {
            let checks: Vec<String> = checks.iter().map(|c| c.describe()).collect();
            let expected = plan.verify.as_ref().and_then(|expected| difference("verify", expected, &checks));
            problems.extend(expected.map(|(m, h)| complain(m, h)));
        }
        Err(error) => problems.extend(failed(error)),
    }
    match rule.logic.rollback(&case, &facts) {
        Ok(steps) => {
            let steps: Vec<String> = steps.iter().map(|s| s.action.describe()).collect();
            let expected = plan.rollback.as_ref().and_then(|expected| difference("rollback", expected, &steps));
            problems.extend(expected.map(|(m, h)| complain(m, h)));
        }
        Err(error) => problems.extend(failed(error)),
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
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
    Some((message, format!("if the rule is right, write {what} = [{}]", all.join(", "))))
}
