//! The report as Markdown, for people who decide about the product.

use std::fmt::Write as _;

use super::{Report, Topic};

/// The topics with most customers, as Markdown.
#[must_use]
pub fn markdown(report: &Report, limit: usize) -> String {
    let mut out = format!(
        "# What customers write about\n\n{} texts of {} customers in {} topics; {} texts are like too few others.\n",
        report.texts,
        report.customers,
        report.topics.len(),
        report.alone
    );
    for (number, topic) in report.topics.iter().take(limit).enumerate() {
        one(&mut out, number + 1, topic);
    }
    out
}

fn one(out: &mut String, number: usize, topic: &Topic) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "\n## {number}. {}\n", plain(&topic.words.join(", ")));
    let _ = writeln!(
        out,
        "- {} customers ({} tickets, {} drafts not sent); this week {}, before {:.1} a week",
        topic.customers, topic.tickets, topic.drafts, topic.this_week, topic.per_week_before
    );
    match topic.without_answer {
        Some(share) => {
            let _ = writeln!(out, "- without a fitting answer: {:.0} %", share * 100.0);
        }
        None => out.push_str("- without a fitting answer: not known\n"),
    }
    if !topic.pages.is_empty() {
        let pages: Vec<String> =
            topic.pages.iter().map(|page| format!("{} ({})", plain(&page.what), page.texts)).collect();
        let _ = writeln!(out, "- from {}", pages.join(", "));
    }
    if !topic.incidents.is_empty() {
        let ids: Vec<String> = topic.incidents.keys().take(10).map(ToString::to_string).collect();
        let _ = writeln!(out, "- incidents: {}", ids.join(", "));
    }
    for hint in &topic.hints {
        let _ = writeln!(out, "- {}", plain(&hint.to_string()));
    }
    out.push('\n');
    for example in &topic.examples {
        let _ = writeln!(out, "> {}\n", plain(example));
    }
}

/// Customers' words, so that they neither look like Markdown nor like HTML.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            c if c.is_control() => {}
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}
