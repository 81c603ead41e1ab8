//! Rules made of nothing but patterns.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use heinzel_core::finding::Finding;
use heinzel_core::plan::{Check, Step};
use heinzel_core::probe::{Facts, Probe};
use heinzel_core::rule::{Case, Clear, Has, Logic, LogicError, Patience, Proposal, Rule, RuleId, RuleVersion};
use heinzel_core::severity::Severity;
use heinzel_core::trigger::Trigger;

/// A file with one pattern a line.
pub fn patterns(file: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("read {}; `heinzel-bench inputs` makes it", file.display()))?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// One rule a pattern; its id ends in the pattern's number.
pub fn rules(patterns: &[String]) -> Vec<Rule> {
    patterns.iter().enumerate().map(|(number, pattern)| rule(&format!("bench.{number}"), pattern)).collect()
}

/// The number at the end of an id made by [`rules`].
pub fn number(id: &RuleId) -> usize {
    id.0.rsplit('.').next().and_then(|number| number.parse().ok()).unwrap_or(usize::MAX)
}

/// A rule that looks for this pattern and nothing else.
pub fn rule(id: &str, pattern: &str) -> Rule {
    Rule {
        id: RuleId::from(id),
        version: RuleVersion("0".into()),
        title: id.to_owned(),
        severity: Severity::Low,
        programs: Vec::new(),
        sources: Vec::new(),
        patterns: vec![pattern.to_owned()],
        unless: Vec::new(),
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

#[derive(Debug)]
struct NoLogic;

impl Logic for NoLogic {
    fn asset(&self, _: &Finding) -> Result<Option<String>, LogicError> {
        Ok(None)
    }
    fn probe(&self, _: &Case) -> Result<BTreeMap<String, Probe>, LogicError> {
        Ok(BTreeMap::new())
    }
    fn fix(&self, _: &Case, _: &Facts, _: &[serde_json::Value]) -> Result<Proposal, LogicError> {
        Ok(Proposal::Steps(Vec::new()))
    }
    fn verify(&self, _: &Case, _: &Facts) -> Result<Vec<Check>, LogicError> {
        Ok(Vec::new())
    }
    fn rollback(&self, _: &Case, _: &Facts) -> Result<Vec<Step>, LogicError> {
        Ok(Vec::new())
    }
}
