//! The report as one self-contained page: no script, no foreign address, every text from a log escaped.

use std::fmt::Write as _;

use heinzel_core::incident::Incident;
use heinzel_core::time::Timestamp;

use super::Outcomes;
use crate::text::{html, plain};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1c2330;background:#fff}\
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;\
border-bottom:1px solid #dde3ea;vertical-align:top}code,pre{font:13px ui-monospace,monospace;overflow-wrap:anywhere;white-space:pre-wrap}\
.bar{position:relative;height:1.1rem;background:#f1f4f8;border-radius:3px;margin:.15rem 0}.bar i{position:absolute;top:.15rem;height:.8rem;\
min-width:3px;border-radius:2px;background:#4c78a8}.critical i{background:#b3261e}.high i{background:#d9730d}.medium i{background:#c9a400}\
.low i{background:#4c78a8}.info i{background:#8a94a3}.lane{display:grid;grid-template-columns:16rem 1fr;gap:.5rem;align-items:center}\
.lane a{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}details{border:1px solid #dde3ea;border-radius:6px;padding:.5rem .8rem;margin:.6rem 0}\
summary{cursor:pointer}.quiet{color:#5b6675}@media(prefers-color-scheme:dark){body{background:#14181f;color:#dfe5ee}th,td,details{border-color:#303846}\
.bar{background:#222935}a{color:#8ab4f8}.quiet{color:#98a3b3}}";

/// What every page begins with, and nothing else that people keep does: a page may be written over a page.
pub(crate) const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
     <title>Heinzel replay</title>";

/// The page.
pub(crate) fn page(outcomes: &Outcomes, files: &[String]) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "{HEAD}<style>{STYLE}</style><h1>Heinzel replay</h1><p>{} lines, {} findings, {} incidents",
        outcomes.lines,
        outcomes.findings.values().sum::<u64>(),
        outcomes.incidents.len(),
    );
    if let Some((first, last)) = outcomes.span {
        let _ = write!(out, "; findings from {first} to {last}");
    }
    let _ = write!(out, "</p><p class=\"quiet\">{}</p>", html(&files.join(", ")));
    for complaint in &outcomes.complaints {
        let _ = write!(out, "<p><strong>Clock:</strong> {}</p>", html(&plain(complaint, 600)));
    }
    timeline(&mut out, outcomes);
    out.push_str("<h2>Incidents</h2>");
    if outcomes.incidents.is_empty() {
        out.push_str("<p>None.</p>");
    }
    for incident in outcomes.incidents.values() {
        one(&mut out, outcomes, incident);
    }
    counts(&mut out, outcomes);
    out.push_str("</html>\n");
    out
}

fn timeline(out: &mut String, outcomes: &Outcomes) {
    let Some((first, last)) = outcomes.span else { return };
    out.push_str("<h2>Timeline</h2>");
    let whole = last.since(first).as_secs_f64().max(1.0);
    let place = |time: Timestamp| time.since(first).as_secs_f64() / whole * 100.0;
    for i in outcomes.incidents.values() {
        let (left, right) = (place(i.opened), place(i.last_seen.max(i.opened)));
        let title = html(&format!("#{} {} {}", i.id, i.rule, plain(&i.asset, 60)));
        let _ = write!(
            out,
            "<div class=\"lane\"><a href=\"#i{}\" title=\"{title}\">{title}</a><div class=\"bar {}\" title=\"{} to {}, {} findings\">\
             <i style=\"left:{left:.3}%;width:{:.3}%\"></i></div></div>",
            i.id,
            i.severity,
            i.opened,
            i.last_seen,
            i.findings,
            right - left,
        );
    }
}

fn one(out: &mut String, outcomes: &Outcomes, i: &Incident) {
    let _ = write!(
        out,
        "<details id=\"i{}\" open><summary><strong>#{} {}</strong> · {} · {} · {} findings</summary><p><code>{}</code></p>",
        i.id,
        i.id,
        html(&plain(&i.title, 200)),
        i.severity,
        html(&plain(&i.asset, 100)),
        i.findings,
        html(&plain(&i.cause.message, 1000)),
    );
    if let Some(plan) = i.run.as_ref().and_then(|run| run.stage.plan()).filter(|plan| !plan.steps.is_empty()) {
        out.push_str("<p>Plan:</p><ol>");
        for step in &plan.steps {
            let _ = write!(out, "<li><code>{}</code></li>", html(&plain(&step.action.describe(), 300)));
        }
        out.push_str("</ol>");
    }
    out.push_str("<table><tr><th>time</th><th>what</th><th></th></tr>");
    for entry in outcomes.timeline(i.id) {
        let text = html(&plain(&entry.text, 600));
        let _ = write!(out, "<tr><td>{}</td><td>{}</td><td>{text}</td></tr>", entry.at, html(&entry.what));
    }
    out.push_str("</table></details>");
}

fn counts(out: &mut String, outcomes: &Outcomes) {
    out.push_str("<h2>Findings by rule</h2><table><tr><th>rule</th><th>findings</th></tr>");
    for (rule, count) in &outcomes.findings {
        let _ = write!(out, "<tr><td>{}</td><td>{count}</td></tr>", html(&rule.0));
    }
    out.push_str("</table>");
    if !outcomes.refused.is_empty() {
        out.push_str("<h2>Refused matches</h2><table><tr><th>why</th><th>times</th></tr>");
        for (why, times) in &outcomes.refused {
            let _ = write!(out, "<tr><td>{}</td><td>{times}</td></tr>", html(&plain(why, 300)));
        }
        out.push_str("</table>");
    }
}
