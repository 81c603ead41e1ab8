//! `heinzel deflection`, `silence` and `contacts`: what is remembered of customers, as reports.

use std::fmt::Write as _;

use clap::Args;
use heinzel_core::time::Span;
use heinzel_knowledge::contacts::{Doubted, Limits};
use heinzel_knowledge::{deflection, silence};
use heinzel_store::customers::{FILE, Reader};

use super::reader;
use crate::config::Config;
use crate::exit::{Ends, Exit};
use crate::text;
use crate::text::{plain, table};
use crate::{clock, reports};

/// How far a report looks back.
#[derive(Debug, Args)]
pub(crate) struct Since {
    /// Look back so far.
    #[arg(long, value_name = "TIME", default_value = "30d")]
    since: Span,
}

#[derive(Debug, Args)]
pub(crate) struct Contacts {
    /// Not seen for so long is long.
    #[arg(long, value_name = "TIME", default_value = "365d")]
    unused: Span,
    /// A full mailbox is doubted after so many bounces.
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().passing)]
    bounces: u32,
}

/// Opens what is remembered of customers, beside a running engine.
///
/// # Errors
/// When there is nothing yet, or it cannot be read.
pub(super) fn open(config: &Config) -> anyhow::Result<Reader> {
    if !config.state.join(FILE).exists() {
        let way = match config.server.listen {
            Some(_) => "`heinzel run` begins it",
            None => {
                "`heinzel run` begins it once it listens for tickets and drafts: `listen` in [server] of heinzel.toml"
            }
        };
        let text = format!("nothing is remembered of customers in {} yet; {way}", config.state.display());
        return Err(Ends::with(Exit::Engine, text));
    }
    Ok(Reader::open(&config.state, reader::PATIENCE)?)
}

/// What suggestions spared.
pub(super) fn deflection(global: &super::Global, since: &Since) -> anyhow::Result<Exit> {
    let now = clock::now();
    let report = reports::deflection(&open(&global.config()?)?, (now - since.since.0, now), now)?;
    if global.json {
        super::print_json(&report)?;
    } else {
        super::print(&spared(&report))?;
    }
    Ok(Exit::Ok)
}

fn spared(report: &deflection::Report) -> String {
    let mut out = format!(
        "{} to {}: {}, {} with suggestions, {} held out; {} younger than 72 hours are not counted yet\n",
        report.from,
        report.until,
        count(report.drafts, "draft"),
        report.with_suggestions,
        report.held_out,
        report.too_young
    );
    let nothing: Vec<String> = report.nothing.iter().map(|(reason, number)| format!("{reason} {number}")).collect();
    if !nothing.is_empty() {
        let _ = writeln!(out, "nothing shown: {}", nothing.join(", "));
    }
    if report.with_suggestions > 0 {
        let row = |(outcome, found): (&deflection::Outcome, &deflection::Count)| {
            vec![
                outcome.word().to_owned(),
                found.drafts.to_string(),
                format!("{:.1} %", 100.0 * found.drafts as f64 / report.with_suggestions as f64),
                found.later_ticket.to_string(),
                found.anonymous.to_string(),
            ]
        };
        let rows: Vec<Vec<String>> = report.outcomes.iter().map(row).collect();
        out.push('\n');
        out.push_str(&table(&["outcome", "drafts", "share", "ticket within 72 h", "anonymous"], &rows));
    }
    match &report.ticket_rate {
        Some(rates) => {
            let percent = |x: f64| format!("{:.1}", 100.0 * x);
            let interval = |i: &deflection::Interval| {
                format!("{} % ({} to {})", percent(i.value), percent(i.low), percent(i.high))
            };
            let _ = write!(
                out,
                "\ncame to a ticket: {} of those who saw suggestions, {} of those held out\nspared: {}; in brackets the \
                 interval of 95 %{}\n",
                interval(&rates.shown.rate),
                interval(&rates.held_out.rate),
                interval(&rates.deflected),
                if rates.deflected.low <= 0.0 && rates.deflected.high >= 0.0 {
                    "; it holds 0: nothing is proven"
                } else {
                    ""
                }
            );
        }
        None => out.push_str(
            "\nspared: not known, as nobody was held out (`[suggestions] hold_out`) or nobody saw suggestions\n",
        ),
    }
    let row = |(answer, found): &(String, deflection::OfAnswer)| {
        vec![
            plain(answer, 60),
            found.first.to_string(),
            found.opened.to_string(),
            found.solved.to_string(),
            found.sent.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = report.answers.iter().take(20).map(row).collect();
    if !rows.is_empty() {
        out.push('\n');
        out.push_str(&table(&["item", "came first", "opened", "solved", "sent all the same"], &rows));
    }
    out
}

fn count(number: u64, what: &str) -> String {
    text::count(usize::try_from(number).unwrap_or(usize::MAX), what)
}

/// Whom nobody heard of.
pub(super) fn silence(global: &super::Global, since: &Since) -> anyhow::Result<Exit> {
    let config = global.config()?;
    let (customers, store) = (open(&config)?, reader::open(&config.state)?);
    let now = clock::now();
    let report = reports::silence(&customers, &store, (now - since.since.0, now), now)?;
    if global.json {
        super::print_json(&report)?;
    } else {
        super::print(&unheard(&report))?;
    }
    Ok(Exit::Ok)
}

/// Customers of a table; the rest stands in the JSON.
const SHOWN: usize = 50;

fn unheard(report: &silence::Report) -> String {
    let mut out = format!(
        "{} had problems that were repaired without a word; {} repairs with contact, {} too young to tell\n",
        text::count(report.repaired_silently.len(), "customer"),
        report.repaired_with_contact,
        report.too_young
    );
    let row = |one: &silence::Spared| {
        let repairs: Vec<String> =
            one.repairs.iter().map(|(id, title, minutes)| format!("#{id} {title} ({minutes} min)")).collect();
        vec![plain(&one.customer, 40), or_dash(&one.note.join(", ")), plain(&repairs.join("; "), 160)]
    };
    let rows: Vec<Vec<String>> = report.repaired_silently.iter().take(SHOWN).map(row).collect();
    if !rows.is_empty() {
        out.push_str(&table(&["customer", "a note, because", "repaired"], &rows));
    }
    let _ = write!(
        out,
        "\n{} of {} were never heard of\n",
        report.never_heard_of.len(),
        text::count(report.customers, "customer")
    );
    let time = |time: Option<heinzel_core::time::Timestamp>| time.map_or("-".into(), |time| time.to_string());
    let row = |one: &silence::Silent| {
        let survey = or_dash(&one.survey.join(", "));
        vec![plain(&one.customer, 40), survey, one.assets.to_string(), time(one.since), time(one.last_seen)]
    };
    let rows: Vec<Vec<String>> = report.never_heard_of.iter().take(SHOWN).map(row).collect();
    if !rows.is_empty() {
        out.push_str(&table(&["customer", "ask them, because", "assets", "since", "last seen"], &rows));
    }
    out
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

/// Addresses to be looked at.
pub(super) fn contacts(global: &super::Global, arguments: &Contacts) -> anyhow::Result<Exit> {
    let limits = Limits { passing: arguments.bounces, unused: arguments.unused.0 };
    let doubted = reports::contacts(&open(&global.config()?)?, &limits, clock::now())?;
    if global.json {
        for one in &doubted {
            super::print_json(one)?;
        }
        return Ok(Exit::Ok);
    }
    if doubted.is_empty() {
        super::print("no address is doubted\n")?;
        return Ok(Exit::Ok);
    }
    let row = |one: &Doubted| {
        let doubts: Vec<String> = one.doubts.iter().map(ToString::to_string).collect();
        vec![plain(&one.customer, 40), plain(&one.address, 80), doubts.join("; ")]
    };
    let rows: Vec<Vec<String>> = doubted.iter().map(row).collect();
    super::print(&table(&["customer", "address", "why"], &rows))?;
    Ok(Exit::Ok)
}
