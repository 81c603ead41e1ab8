//! All patterns in one pass find what each pattern finds alone.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arbitrary::Arbitrary;
use heinzel_core::finding::{Finding, Role};
use heinzel_core::pattern;
use heinzel_core::plan::{Check, Step};
use heinzel_core::probe::{Facts, Probe};
use heinzel_core::rule::{Case, Clear, Has, Logic, LogicError, Patience, Rule, RuleId, RuleVersion};
use heinzel_core::severity::Severity;
use heinzel_core::trigger::Trigger;
use heinzel_matching::{Borders, Matcher, Names};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    rules: Vec<(Vec<String>, Vec<String>)>,
    lines: Vec<String>,
}

fuzz_target!(|input: Input| {
    if input.rules.len() > 8 || input.lines.len() > 16 {
        return;
    }
    let sound = |texts: &[String]| -> Vec<String> {
        texts.iter().take(4).filter(|p| p.len() < 64 && pattern::compile(p).is_ok()).cloned().collect()
    };
    let rules: Vec<Rule> = input.rules.iter().zip(0..).map(|((m, u), n)| rule(n, sound(m), sound(u))).collect();
    let Ok(matcher) = Matcher::new(&rules) else { panic!("sound patterns are refused") };
    let view = matcher.view("fuzz");
    let lines: Vec<String> = input.lines.iter().map(|line| line.replace('\n', " ")).collect();
    let mut block = String::new();
    let mut starts = BTreeMap::new();
    for line in &lines {
        starts.insert(block.len(), line.as_str());
        block.push_str(line);
        block.push('\n');
    }
    // What the one pass and the second look find, by line.
    let mut found: BTreeMap<usize, BTreeSet<(String, usize)>> = BTreeMap::new();
    view.scan(block.as_bytes(), Borders::Lines, &mut |range, candidates| {
        let line = starts[&range.start];
        assert_eq!(block.get(range.clone()), Some(line), "a record is not its line");
        for hit in view.find(candidates, line, &Names::default()) {
            let Role::Match(number) = hit.role else { panic!("only match patterns were given") };
            assert!(found.entry(range.start).or_default().insert((hit.rule.to_string(), number)), "told twice");
        }
    });
    for (start, line) in starts {
        let mut expected = BTreeSet::new();
        for rule in &rules {
            let fits = |text: &String| pattern::compile(text).is_ok_and(|regex| regex.is_match(line.as_bytes()));
            if rule.unless.iter().any(fits) {
                continue;
            }
            let matching = rule.patterns.iter().enumerate().filter(|(_, text)| fits(text));
            expected.extend(matching.map(|(number, _)| (rule.id.to_string(), number)));
        }
        assert_eq!(found.remove(&start).unwrap_or_default(), expected, "in {line:?}");
    }
});

#[derive(Debug)]
struct NoLogic;

impl Logic for NoLogic {
    fn asset(&self, _: &Finding) -> Result<Option<String>, LogicError> {
        Ok(None)
    }
    fn probe(&self, _: &Case) -> Result<BTreeMap<String, Probe>, LogicError> {
        Ok(BTreeMap::new())
    }
    fn fix(&self, _: &Case, _: &Facts, _: &[serde_json::Value]) -> Result<Vec<Step>, LogicError> {
        Ok(Vec::new())
    }
    fn verify(&self, _: &Case, _: &Facts) -> Result<Vec<Check>, LogicError> {
        Ok(Vec::new())
    }
    fn rollback(&self, _: &Case, _: &Facts) -> Result<Vec<Step>, LogicError> {
        Ok(Vec::new())
    }
}

fn rule(number: u32, patterns: Vec<String>, unless: Vec<String>) -> Rule {
    Rule {
        id: RuleId::new("fuzz", &format!("r{number}")),
        version: RuleVersion("0".into()),
        title: String::new(),
        severity: Severity::Low,
        programs: Vec::new(),
        sources: Vec::new(),
        patterns,
        unless,
        fields: BTreeMap::new(),
        task: None,
        trigger: Trigger::default(),
        by: Vec::new(),
        clear: Clear::default(),
        cooldown: Duration::ZERO,
        reopen: Duration::ZERO,
        patience: Patience::default(),
        answer: None,
        escalate: None,
        has: Has::default(),
        logic: Arc::new(NoLogic),
    }
}
