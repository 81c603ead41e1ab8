//! `heinzel check --cost`: what each rule costs on given logs, and what to do about it.

use std::path::PathBuf;
use std::time::Duration;

use heinzel_matching::Cost;
use serde_json::json;

use crate::exit::Exit;
use crate::pipeline::Manner;
use crate::text::table;

/// A rule with more false candidates than this share of all lines is worth another look.
const MANY: f64 = 0.01;

/// Searches the logs and prints what each rule cost, the dearest first.
pub(super) fn cost(
    global: &super::Global,
    files: &[PathBuf],
    format: heinzel_core::parse::Format,
) -> anyhow::Result<Exit> {
    let manner = Manner { format, zone: super::manner::zone(None)?, year: None, program: None, customers: false };
    let (live, outcomes) = super::replay::replayed(global, manner, files, None, |_| Ok(()))?;
    let mut costs: Vec<Cost> = live.matcher.costs().filter(|cost| cost.candidates > 0).collect();
    costs.sort_by_key(|cost| (std::cmp::Reverse((cost.time, cost.candidates)), cost.rule.clone()));
    let all: Duration = costs.iter().map(|cost| cost.time).sum();
    let weak: Vec<(String, String)> =
        live.matcher.weak_patterns().map(|(rule, pattern)| (rule.to_string(), pattern.to_owned())).collect();
    if global.json {
        let rules: Vec<_> = costs
            .iter()
            .map(|cost| {
                json!({
                    "rule": cost.rule, "candidates": cost.candidates, "matches": cost.matches,
                    "false_candidates": false_candidates(cost), "seconds": cost.time.as_secs_f64(), "share": share(cost, all),
                    "advice": advice(cost, outcomes.lines),
                })
            })
            .collect();
        let weak: Vec<_> = weak.iter().map(|(rule, pattern)| json!({ "rule": rule, "pattern": pattern })).collect();
        super::print_json(&json!({
            "lines": outcomes.lines, "bytes": outcomes.bytes, "search": live.matcher.describe(), "rules": rules,
            "patterns_without_text": weak,
        }))?;
        return Ok(Exit::Ok);
    }
    super::print(&words(&costs, all, &outcomes, &live.matcher.describe()))?;
    for (rule, pattern) in &weak {
        super::print(&format!(
            "{rule}: `{pattern}` has no fixed text of three letters, so every record is looked at for it; \
             give it one, or narrow the rule with `source`\n"
        ))?;
    }
    Ok(Exit::Ok)
}

fn words(costs: &[Cost], all: Duration, outcomes: &crate::replay::Outcomes, search: &str) -> String {
    let row = |cost: &Cost| {
        vec![
            cost.rule.to_string(),
            cost.candidates.to_string(),
            cost.matches.to_string(),
            false_candidates(cost).to_string(),
            format!("{:.3} ms", cost.time.as_secs_f64() * 1e3),
            format!("{:.0} %", 100.0 * share(cost, all)),
            advice(cost, outcomes.lines).unwrap_or_default().to_owned(),
        ]
    };
    let head = ["rule", "candidates", "matched", "false", "time", "share", ""];
    let (lines, bytes) = (outcomes.lines, outcomes.bytes);
    let mut text = format!("{lines} lines, {bytes} bytes, searched by {search}\n");
    if costs.is_empty() {
        text.push_str(
            "no line was a candidate of any rule: on these logs the rules cost nothing but the pass over them\n",
        );
    } else {
        text.push_str(
            "time: what the patterns of a rule took on its candidates; finding those is one pass for all rules\n",
        );
        text.push_str(&table(&head, &costs.iter().map(row).collect::<Vec<_>>()));
    }
    text
}

fn false_candidates(cost: &Cost) -> u64 {
    cost.candidates.saturating_sub(cost.matches)
}

fn share(cost: &Cost, all: Duration) -> f64 {
    if all.is_zero() { 0.0 } else { cost.time.as_secs_f64() / all.as_secs_f64() }
}

#[expect(clippy::cast_precision_loss, reason = "counts of lines, compared roughly")]
fn advice(cost: &Cost, lines: u64) -> Option<&'static str> {
    let wrong = false_candidates(cost);
    (wrong as f64 > MANY * lines as f64 && wrong > 10 * cost.matches)
        .then_some("its texts stand in many lines that it does not match: add a rarer word to the pattern")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_given_where_much_is_looked_at_for_little() {
        let cost = |candidates, matches| Cost { rule: "a.b".into(), candidates, matches, time: Duration::ZERO };
        assert!(advice(&cost(500, 1), 10_000).is_some());
        assert!(advice(&cost(500, 400), 10_000).is_none());
        assert!(advice(&cost(50, 0), 10_000).is_none());
    }
}
