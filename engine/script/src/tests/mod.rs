//! Tests of the rule host, by what a rule's author meets.

mod calls;
mod example;
mod folder;
mod hostile;
mod lost;
mod rules;

use std::path::Path;
use std::sync::Arc;

use heinzel_core::rule::{Case, Rule, RuleId};

use crate::host::{Host, Limits};
use crate::problem::{FileText, Problem};
use crate::rule;
use crate::sample::Samples;

/// Reads a rule called `web.x`; without `samples` there is no sample file.
fn read(source: &str, samples: Option<&str>) -> (Option<Arc<Rule>>, Vec<Problem>) {
    read_with(source, samples, Limits::default())
}

fn read_with(source: &str, samples: Option<&str>, limits: Limits) -> (Option<Arc<Rule>>, Vec<Problem>) {
    let file = FileText { path: "rules/web/x.rhai".into(), text: source.into() };
    let samples = samples.map(|text| Samples::parse(Path::new("samples/x.toml"), text).unwrap());
    let outcome = rule::read(&Host::new(limits), &file, &RuleId::from("web.x"), samples.as_ref());
    (outcome.rule.map(Arc::new), outcome.problems)
}

/// Samples that show `pool www is busy` and a near miss.
const SAMPLES: &str =
    "[[sample]]\nline = \"pool www is busy\"\nfires = true\n[[sample]]\nline = \"pool www is idle\"\nfires = false\n";

/// A sound rule with these additional or replacing lines.
fn with(lines: &str) -> String {
    let mut source = String::from("#{\n");
    let standard = [
        ("title", "title: \"t\","),
        ("severity", "severity: \"high\","),
        ("match", "match: [`pool (?<pool>[a-z]+) is busy`],"),
        ("fields", "fields: #{ pool: \"ident\" },"),
    ];
    for (key, line) in standard {
        if !lines.lines().any(|l| l.trim_start().starts_with(&format!("{key}:"))) {
            source.push_str(line);
            source.push('\n');
        }
    }
    source.push_str(lines);
    source.push_str("\n}");
    source
}

/// A sound rule whose `fix` is this list.
fn with_fix(steps: &str) -> Arc<Rule> {
    let source = with(&format!("fix: |i, facts| {steps},\nverify: |i, facts| [ check.quiet(\"5m\") ],"));
    sound(&source)
}

fn sound(source: &str) -> Arc<Rule> {
    let (rule, problems) = read(source, Some(SAMPLES));
    rule.unwrap_or_else(|| panic!("{}", shown(&problems)))
}

fn shown(problems: &[Problem]) -> String {
    problems.iter().map(|p| format!("{p}\n\n")).collect()
}

fn case() -> Case {
    Case {
        incident: 7,
        asset: "pool:www".into(),
        name: Some("www".into()),
        draft: false,
        host: Some("web1".into()),
        fields: [("pool".to_owned(), heinzel_core::field::Value::Text("www".into()))].into(),
        task: [("kind".to_owned(), "vzdump".to_owned())].into(),
        count: 3,
        fixes_24h: 1,
        round: 0,
    }
}
