//! Rules made of nothing but patterns.

use std::path::Path;

use anyhow::Context as _;
use heinzel_core::rule::{Rule, RuleId};

/// The rules of the matcher's own tests.
#[path = "../../../engine/matching/tests/rules/mod.rs"]
mod bare;

/// A file with one pattern a line.
pub fn patterns(file: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("read {}; `heinzel-bench inputs` makes it", file.display()))?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// One rule a pattern; its id ends in the pattern's number.
pub fn rules(patterns: &[String]) -> Vec<Rule> {
    patterns
        .iter()
        .enumerate()
        .map(|(number, pattern)| bare::rule(&format!("bench.{number}"), &[pattern.as_str()]))
        .collect()
}

/// The number at the end of an id made by [`rules`].
pub fn number(id: &RuleId) -> usize {
    id.0.rsplit('.').next().and_then(|number| number.parse().ok()).unwrap_or(usize::MAX)
}
