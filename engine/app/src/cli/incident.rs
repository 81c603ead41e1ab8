//! `heinzel incident`: list, view, acknowledge, resolve.

use clap::{Args, Subcommand};
use heinzel_core::glob::Glob;
use heinzel_core::incident::{Incident, Status};
use heinzel_core::step::Command as Order;
use heinzel_core::time::Span;
use heinzel_store::{Filter, Numbered, Store as _};

use super::{reader, talk};
use crate::clock;
use crate::exit::{Ends, Exit};
use crate::text::{plain, table};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List incidents, the newest first.
    List(List),
    /// Show one incident: what was found, and its timeline.
    View {
        /// Its number.
        #[arg(value_parser = super::number)]
        incident: u64,
    },
    /// Say that you know of it.
    Ack {
        /// Its number.
        #[arg(value_parser = super::number)]
        incident: u64,
    },
    /// Say that it is over.
    Resolve {
        /// Its number.
        #[arg(value_parser = super::number)]
        incident: u64,
        /// How it ended.
        #[arg(long, default_value = "")]
        note: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Resolved ones too.
    #[arg(long)]
    all: bool,
    /// Only of rules that fit, like `web.*`.
    #[arg(long)]
    rule: Option<String>,
    /// Only of assets that fit, like `vm:*`.
    #[arg(long)]
    asset: Option<String>,
    /// Only what happened within this time, like `2h`.
    #[arg(long, value_name = "TIME")]
    since: Option<Span>,
    /// At most so many.
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

/// Does what the command says.
pub(super) fn incident(global: &super::Global, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::List(arguments) => list(global, arguments),
        Command::View { incident } => view(global, incident),
        Command::Ack { incident } => talk::tell(global, &Order::Acknowledge { incident }),
        Command::Resolve { incident, note } => talk::tell(global, &Order::Resolve { incident, note }),
    }
}

fn list(global: &super::Global, arguments: List) -> anyhow::Result<Exit> {
    let store = reader::open(&global.state()?)?;
    let unresolved = [Status::Open, Status::Healing, Status::AwaitingApproval, Status::NeedsHuman];
    let filter = Filter {
        status: if arguments.all { [].into() } else { unresolved.into() },
        rule: arguments.rule.map(Glob),
        asset: arguments.asset.map(Glob),
        since: arguments.since.map(|span| clock::now() - span.0),
        limit: Some(arguments.limit),
    };
    let incidents = store.incidents(&filter)?;
    if global.json {
        for incident in &incidents {
            super::print_json(incident)?;
        }
        return Ok(Exit::Ok);
    }
    if incidents.is_empty() {
        super::print(if arguments.all { "no incidents\n" } else { "no unresolved incidents\n" })?;
        return Ok(Exit::Ok);
    }
    let row = |i: &Incident| {
        vec![
            i.id.to_string(),
            i.status.to_string(),
            i.severity.to_string(),
            i.opened.to_string(),
            i.findings.to_string(),
            i.rule.to_string(),
            plain(&i.asset, 60),
            plain(&i.title, 80),
        ]
    };
    let rows: Vec<Vec<String>> = incidents.iter().map(row).collect();
    super::print(&table(&["id", "status", "severity", "opened", "findings", "rule", "asset", "title"], &rows))?;
    super::cut_off(incidents.len(), arguments.limit, || store.incident_count(&filter))
}

fn view(global: &super::Global, id: u64) -> anyhow::Result<Exit> {
    let store = reader::open(&global.state()?)?;
    let Some(incident) = store.incident(id)? else {
        return Err(Ends::with(
            Exit::Refused,
            format!("there is no incident {id}; `heinzel incident list --all` shows them"),
        ));
    };
    let timeline = store.timeline(id)?;
    if global.json {
        super::print_json(&serde_json::json!({ "incident": incident, "timeline": timeline }))?;
    } else {
        super::print(&words(&incident, &timeline))?;
    }
    Ok(Exit::Ok)
}

fn words(i: &Incident, timeline: &[Numbered]) -> String {
    let mut out = format!("incident {}: {}\n", i.id, plain(&i.title, 200));
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            out.push_str(&format!("  {name:<13} {}\n", plain(&value, 600)));
        }
    };
    let list = |items: &std::collections::BTreeSet<String>| items.iter().cloned().collect::<Vec<_>>().join(", ");
    line("status", i.status.to_string());
    line("verdict", i.verdict.clone().unwrap_or_default());
    line("severity", i.severity.to_string());
    line("rule", i.rule.to_string());
    line("asset", i.asset.clone());
    line("customers", list(&i.customers));
    line("dependants", list(&i.dependants));
    line("opened", i.opened.to_string());
    line("last seen", i.last_seen.to_string());
    line("findings", i.findings.to_string());
    line("reopened", if i.reopened > 0 { i.reopened.to_string() } else { String::new() });
    line("acknowledged", i.acknowledged_by.clone().unwrap_or_default());
    line(
        "where",
        format!("{} at byte {} (source {})", i.cause.place.stream, i.cause.place.offset, i.cause.place.source),
    );
    line("line", i.cause.message.clone());
    for (name, value) in &i.cause.fields {
        line(name, value.to_string());
    }
    if let Some(plan) = i.run.as_ref().and_then(|run| run.stage.plan()) {
        for step in &plan.steps {
            line("plan", step.action.describe());
        }
        for check in &plan.verify {
            line("verify", check.describe());
        }
        for step in &plan.rollback {
            line("rollback", step.action.describe());
        }
    }
    out.push_str("\ntimeline\n");
    for Numbered { entry, .. } in timeline {
        let by = if entry.by == "engine" { String::new() } else { format!(" ({})", entry.by) };
        out.push_str(&format!("  {:<27}  {:<12} {}{by}\n", entry.at.to_string(), entry.what, plain(&entry.text, 600)));
    }
    if !i.is_resolved() && i.run.is_some() {
        // What stands above is of then: a mode, a limit or a file may have changed since.
        out.push_str(&format!(
            "\nwhat the gates say now, and what becomes of it: `heinzel explain --incident {}`\n",
            i.id
        ));
    }
    out
}
