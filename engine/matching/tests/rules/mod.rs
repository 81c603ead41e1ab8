//! Rules made of nothing but patterns.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use heinzel_core::finding::Finding;
use heinzel_core::plan::{Check, Step};
use heinzel_core::probe::{Facts, Probe};
use heinzel_core::rule::{Case, Clear, Has, Logic, LogicError, Patience, Proposal, Rule, RuleId, RuleVersion};
use heinzel_core::severity::Severity;
use heinzel_core::trigger::Trigger;

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

/// A rule that looks for these patterns and nothing else.
pub(crate) fn rule(id: &str, patterns: &[&str]) -> Rule {
    Rule {
        id: RuleId::from(id),
        version: RuleVersion("0".into()),
        title: id.to_owned(),
        severity: Severity::Low,
        programs: Vec::new(),
        sources: Vec::new(),
        patterns: patterns.iter().map(|&p| p.to_owned()).collect(),
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
        automation: heinzel_core::policy::Mode::Auto,
        draft: None,
        has: Has::default(),
        logic: Arc::new(NoLogic),
    }
}
