//! `heinzel policy`: how far rules may go, with the evidence for letting them go further.

use std::collections::BTreeMap;

use clap::Subcommand;
use heinzel_core::policy::Mode;
use heinzel_core::rule::{Rule, RuleId};
use heinzel_core::state::RuleRecord;
use heinzel_core::step::Command as Order;
use heinzel_store::Store as _;
use heinzel_store::sqlite::FILE;
use serde_json::json;

use super::{reader, talk};
use crate::clock;
use crate::config::Config;
use crate::exit::Exit;
use crate::text::{plain, table};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the mode of every rule and what its fixes have shown.
    Show {
        /// Only rules that fit, like `web.*`.
        rule: Option<String>,
    },
    /// Let a rule go further: shows the evidence, closes its breaker. Holds until demoted, over the settings.
    Promote {
        /// The rule.
        rule: String,
        /// How far: suggest, approve or auto. Default: one mode bolder.
        #[arg(long, value_parser = mode)]
        to: Option<Mode>,
        /// Only show the evidence.
        #[arg(long)]
        dry_run: bool,
    },
    /// Take a rule back.
    Demote {
        /// The rule.
        rule: String,
        /// How far: observe, suggest or approve. Default: one mode more timid.
        #[arg(long, value_parser = mode)]
        to: Option<Mode>,
    },
}

fn mode(word: &str) -> Result<Mode, String> {
    Mode::from_word(word).ok_or_else(|| "a mode is observe, suggest, approve or auto".into())
}

/// Does what the command says.
pub(super) fn policy(global: &super::Global, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Show { rule } => show(global, rule),
        Command::Promote { rule, to, dry_run } => {
            show(global, Some(rule.clone()))?;
            if dry_run {
                return Ok(Exit::Ok);
            }
            talk::tell(global, Order::Promote { rule: RuleId::from(&*rule), to })
        }
        Command::Demote { rule, to } => talk::tell(global, Order::Demote { rule: RuleId::from(&*rule), to }),
    }
}

/// What the store holds about each rule.
pub(super) fn records(config: &Config) -> anyhow::Result<BTreeMap<RuleId, RuleRecord>> {
    if !config.state.join(FILE).exists() {
        return Ok(BTreeMap::new());
    }
    Ok(reader::open(&config.state)?.load(clock::now())?.rules)
}

/// The mode a rule has, and where that comes from.
pub(super) fn mode_of(config: &Config, rule: &Rule, record: &RuleRecord) -> (Mode, &'static str) {
    match record.mode {
        Some(mode) => (mode, "decided"),
        None => (config.policy.mode(&rule.id, rule.automation), "settings"),
    }
}

/// Why its breaker is open, if it is.
pub(super) fn breaker(record: &RuleRecord) -> Option<String> {
    record.breaker.as_ref().map(|(since, why)| format!("open since {since}: {why}"))
}

fn show(global: &super::Global, only: Option<String>) -> anyhow::Result<Exit> {
    let config = global.config()?;
    let (live, _) = global.live(&config);
    let records = records(&config)?;
    let only = only.map(heinzel_core::glob::Glob);
    let mut rows = Vec::new();
    for rule in live.rules.rules.values().filter(|r| only.as_ref().is_none_or(|g| g.fits(&r.id.0))) {
        let record = records.get(&rule.id).cloned().unwrap_or_default();
        let (mode, from) = mode_of(&config, rule, &record);
        let breaker = breaker(&record);
        let e = &record.evidence;
        if global.json {
            super::print_json(&json!({
                "rule": rule.id, "mode": mode, "from": from, "fix": rule.has.fix, "breaker": breaker, "evidence": e,
            }))?;
            continue;
        }
        rows.push(vec![
            rule.id.to_string(),
            mode.to_string(),
            from.into(),
            if rule.has.fix { "yes" } else { "no" }.into(),
            e.incidents.to_string(),
            e.planned.to_string(),
            e.verified.to_string(),
            e.failed.to_string(),
            e.vetoed.to_string(),
            e.recurred.to_string(),
            breaker.map(|b| plain(&b, 120)).unwrap_or_default(),
        ]);
    }
    if rows.is_empty() && !global.json {
        return Err(super::no_rule(&config.rules, only.as_ref()));
    }
    if !global.json {
        let head = [
            "rule",
            "mode",
            "from",
            "fix",
            "incidents",
            "planned",
            "verified",
            "failed",
            "vetoed",
            "recurred",
            "breaker",
        ];
        super::print(&table(&head, &rows))?;
    }
    Ok(Exit::Ok)
}
