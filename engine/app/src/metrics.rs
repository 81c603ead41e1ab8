//! The report as Prometheus metrics.

use heinzel_core::block::Health;
use heinzel_server::metric::{Kind, Metric};

use crate::report::Report;

/// Everything in the report that is a number: one entry a metric.
pub(crate) fn of(report: &Report) -> Vec<Metric> {
    let one = |name: &str, help: &str, kind, value: f64| Metric {
        name: name.into(),
        help: help.into(),
        kind,
        samples: vec![(Vec::new(), value)],
    };
    #[expect(clippy::cast_precision_loss, reason = "counters far below 2^53")]
    let number = |n: u64| n as f64;
    let flag = |b: bool| if b { 1.0 } else { 0.0 };
    let by = |label: &str, value: &str| vec![(label.to_owned(), value.to_owned())];
    let sources = |name: &str, help: &str, kind, value: &dyn Fn(&crate::report::SourceReport) -> f64| Metric {
        name: name.into(),
        help: help.into(),
        kind,
        samples: report.sources.iter().map(|(source, r)| (by("source", source), value(r))).collect(),
    };
    let rules = |name: &str, help: &str, kind, value: &dyn Fn(&crate::report::RuleReport) -> f64| Metric {
        name: name.into(),
        help: help.into(),
        kind,
        samples: report.rules.iter().map(|r| (by("rule", &r.id), value(r))).collect(),
    };
    vec![
        Metric {
            name: "heinzel_build_info".into(),
            help: "Constant 1, with the version".into(),
            kind: Kind::Gauge,
            samples: vec![(by("version", &report.version), 1.0)],
        },
        one("heinzel_paused", "Whether fixes are paused", Kind::Gauge, flag(report.paused.is_some())),
        one("heinzel_rules", "Rules in force", Kind::Gauge, number(report.rules.len() as u64)),
        one("heinzel_commits_total", "Transactions of the store", Kind::Counter, number(report.commits)),
        one("heinzel_effects_total", "Effects handed out", Kind::Counter, number(report.effects)),
        one("heinzel_store_failures_total", "Failed transactions", Kind::Counter, number(report.store_failures)),
        one(
            "heinzel_store_degraded",
            "Whether the store takes nothing now",
            Kind::Gauge,
            flag(report.store_problem.is_some()),
        ),
        one("heinzel_reload_failures_total", "Failed reloads", Kind::Counter, number(report.reload_failures)),
        one(
            "heinzel_reload_degraded",
            "Whether the last reload failed, or rules could not be loaded at the start",
            Kind::Gauge,
            flag(report.reload_problem.is_some() || report.load_problem.is_some()),
        ),
        Metric {
            name: "heinzel_incidents".into(),
            help: "Incidents not resolved, by status".into(),
            kind: Kind::Gauge,
            samples: report.incidents.iter().map(|(s, n)| (by("status", s.word()), number(*n))).collect(),
        },
        sources("heinzel_source_bytes_total", "Bytes read", Kind::Counter, &|r| number(r.counts.bytes)),
        sources("heinzel_source_candidates_total", "Records parsed", Kind::Counter, &|r| number(r.counts.candidates)),
        sources("heinzel_source_findings_total", "Findings", Kind::Counter, &|r| number(r.counts.findings)),
        sources("heinzel_source_up", "Whether the source and all its streams are well", Kind::Gauge, &|r| {
            let sick = |h: &Health| matches!(h, Health::Degraded { .. });
            flag(!sick(&r.health) && !r.streams.values().any(sick))
        }),
        sources("heinzel_source_clock_wrong", "Kinds of wrong time seen", Kind::Gauge, &|r| {
            number(r.counts.clock_wrong)
        }),
        Metric {
            name: "heinzel_source_counted_total".into(),
            help: "Cut lines, unusable checkpoints and the like".into(),
            kind: Kind::Counter,
            samples: report
                .sources
                .iter()
                .flat_map(|(source, r)| r.counts.counted.iter().map(move |(what, n)| (source, what, n)))
                .map(|(s, what, n)| {
                    (vec![("source".to_owned(), s.clone()), ("what".to_owned(), what.clone())], number(*n))
                })
                .collect(),
        },
        rules("heinzel_rule_findings_total", "Findings", Kind::Counter, &|r| number(r.findings)),
        rules("heinzel_rule_candidates_total", "Records parsed for its patterns", Kind::Counter, &|r| {
            number(r.candidates)
        }),
        rules("heinzel_rule_false_candidates_total", "Of these, those that did not match", Kind::Counter, &|r| {
            number(r.candidates.saturating_sub(r.matches))
        }),
        rules(
            "heinzel_rule_match_seconds_total",
            "Time of its patterns on candidates, estimated",
            Kind::Counter,
            &|r| r.match_seconds,
        ),
        rules("heinzel_rule_refused_total", "Matches refused by a field's type", Kind::Counter, &|r| number(r.refused)),
        rules("heinzel_rule_late_total", "Findings too old for their window", Kind::Counter, &|r| number(r.late)),
        rules("heinzel_rule_evicted_total", "Window keys dropped", Kind::Counter, &|r| number(r.evicted)),
        rules("heinzel_rule_crowded_total", "Incidents not opened: too many open", Kind::Counter, &|r| {
            number(r.crowded)
        }),
        rules("heinzel_rule_script_errors_total", "Failed script calls", Kind::Counter, &|r| number(r.script_errors)),
        rules("heinzel_rule_off", "Whether the rule is switched off", Kind::Gauge, &|r| flag(r.off.is_some())),
        rules("heinzel_rule_breaker_open", "Whether its breaker is open, for any asset", Kind::Gauge, &|r| {
            flag(r.breaker.is_some() || !r.breakers.is_empty())
        }),
        rules("heinzel_rule_fixes_verified_total", "Fixes proved", Kind::Counter, &|r| number(r.evidence.verified)),
        rules("heinzel_rule_fixes_failed_total", "Fixes that did not hold", Kind::Counter, &|r| {
            number(r.evidence.failed)
        }),
    ]
}
