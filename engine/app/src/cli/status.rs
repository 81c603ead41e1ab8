//! `heinzel status`: how the running engine is.

use heinzel_core::block::Health;

use crate::control::{Question, Reply, absent, ask};
use crate::exit::Exit;
use crate::report::Report;
use crate::text::{after_colon, plain, table};

/// Asks the running engine and shows its answer.
pub(super) fn status(global: &super::Global) -> anyhow::Result<Exit> {
    let state = global.state()?;
    let Some(Reply::Report(report)) = ask(&state, &Question::Report)? else {
        return Err(absent(&state));
    };
    if global.json {
        super::print_json(&report)?;
    } else {
        super::print(&words(&report))?;
    }
    Ok(Exit::Ok)
}

/// The report for people: what is wrong comes first.
pub(crate) fn words(report: &Report) -> String {
    let mut out = format!("heinzel {}", report.version);
    if let Some(started) = report.started {
        out.push_str(&format!(", running since {started}"));
    }
    out.push('\n');
    let mut problem = |text: String| out.push_str(&format!("! {text}\n"));
    if let Some(running) = &report.stopping {
        let waits = if running.is_empty() { "what it knows is stored" } else { "waits for what is still running" };
        problem(format!("is stopping (process {}): {waits}", report.process));
        running.iter().for_each(|running| problem(plain(running, 300)));
    }
    if let Some(paused) = &report.paused {
        problem(format!(
            "paused by {} since {}{}; `heinzel resume` ends it",
            paused.by,
            paused.at,
            after_colon(&paused.why, 200)
        ));
    }
    if let Some(why) = &report.store_problem {
        problem(format!("the store takes nothing; sources wait: {why}"));
    }
    if let Some(why) = &report.reload_problem {
        problem(format!("the last reload failed, the rules before it are in force:\n{why}"));
    }
    for (to, untold) in &report.untold {
        let since = untold.since.map(|since| format!(" since {since}")).unwrap_or_default();
        let messages = super::count(untold.messages, "message");
        problem(format!("{messages} for `{to}` could not be delivered{since}: {}", plain(&untold.why, 300)));
    }
    for rule in &report.rules {
        if let Some(why) = &rule.off {
            problem(format!("{} is switched off: {}", rule.id, plain(why, 300)));
        }
        if rule.crowded > 0 {
            let most = heinzel_core::incident::Incident::MOST_OF_RULE;
            problem(format!("{} has {most} open incidents; {} more were not opened", rule.id, rule.crowded));
        }
        if let Some(why) = &rule.breaker {
            problem(format!("the breaker of {} is open {}", rule.id, plain(why, 300)));
        }
    }
    for (name, source) in &report.sources {
        for complaint in &source.counts.complaints {
            problem(format!("source {name}: {}", plain(complaint, 400)));
        }
    }
    out.push_str("\nSources\n");
    let mut rows = Vec::new();
    for (name, source) in &report.sources {
        rows.push(vec![
            name.clone(),
            word(&source.health),
            source.live_since.map_or("reading".into(), |t| format!("live since {t}")),
            source.counts.bytes.to_string(),
            source.counts.findings.to_string(),
            source.counts.counted.iter().map(|(what, times)| format!("{what} {times}")).collect::<Vec<_>>().join(", "),
        ]);
        for (stream, health) in &source.streams {
            rows.push(vec![format!("  {}", plain(stream, 200)), word(health)]);
        }
    }
    out.push_str(&table(&["source", "health", "reading", "bytes", "findings", "counted"], &rows));
    let unresolved: u64 = report.incidents.values().sum();
    out.push_str(&format!("\nIncidents not resolved: {unresolved}"));
    for (status, count) in &report.incidents {
        out.push_str(&format!("  {status} {count}"));
    }
    out.push_str(&format!(
        "\nRules: {} in {}; assets: {}\n",
        report.rules.len(),
        if report.packs.is_empty() { "no packs".into() } else { report.packs.join(", ") },
        report.assets
    ));
    if let Some(refused) = &report.last_refused {
        out.push_str(&format!("Last refused match: {}\n", plain(refused, 300)));
    }
    out
}

fn word(health: &Health) -> String {
    match health {
        Health::Ok => "ok".into(),
        Health::Missing => "missing (waiting for it)".into(),
        Health::Ended => "ended".into(),
        Health::Degraded { why } => format!("degraded: {}", plain(why, 200)),
    }
}
