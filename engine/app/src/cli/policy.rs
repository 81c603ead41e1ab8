//! `heinzel policy`: how far rules may go, with the evidence for letting them go further.

use clap::Subcommand;
use heinzel_core::asset::Assets;
use heinzel_core::gate::Grounds;
use heinzel_core::policy::Mode;
use heinzel_core::rule::RuleId;
use heinzel_core::spot::with_its_like;
use heinzel_core::state::RuleRecord;
use heinzel_core::step::Command as Order;
use serde_json::json;

use super::in_force::InForce;
use super::{rules, talk};
use crate::exit::Exit;
use crate::text::{plain, table};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the mode of every rule and what its fixes have shown.
    Show {
        /// Only rules that fit, like `web.*`.
        rule: Option<String>,
    },
    /// Let a rule go further: shows the evidence, closes its breaker. Comes before the settings; once they are changed
    /// after it, the more timid of both counts.
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
            lacking(global, &rule)?;
            if dry_run {
                return Ok(Exit::Ok);
            }
            talk::tell(global, &Order::Promote { rule: RuleId::from(&*rule), to })
        }
        Command::Demote { rule, to } => talk::tell(global, &Order::Demote { rule: RuleId::from(&*rule), to }),
    }
}

/// Says what no promotion grants: without it the first plan is refused in the night.
fn lacking(global: &super::Global, id: &str) -> anyhow::Result<()> {
    let config = global.config()?;
    let (live, _) = global.live(&config);
    let in_force = InForce::look(&config)?;
    let Some(rule) = live.rules.rules.values().find(|rule| &*rule.id.0 == id) else { return Ok(()) };
    if global.json {
        return Ok(());
    }
    for grant in rules::lacking(&config, &in_force, rule) {
        super::print(&format!("its plans need more than a mode: {grant}\n"))?;
    }
    Ok(())
}

/// Why its breaker is open, if it is.
pub(super) fn breaker(record: &RuleRecord) -> Option<String> {
    record.breaker.as_ref().map(|(since, why)| format!("open since {since}: {why}"))
}

/// Where it does less than elsewhere, and why: its breaker is open there, or it went one mode down.
pub(super) fn stuck(record: &RuleRecord, assets: &Assets) -> impl Iterator<Item = String> {
    record.stuck_spots().map(|(asset, spot)| {
        let breaker = spot.breaker.as_ref().map(|(since, why)| format!("its breaker is open since {since}: {why}"));
        let mode = spot.mode.map(|mode| format!("no further than {mode}, after what happened there"));
        let words: Vec<String> = breaker.into_iter().chain(mode).collect();
        format!("for {}: {}", with_its_like(assets, asset), words.join("; "))
    })
}

/// The mode in a table.
pub(super) fn word(mode: Option<Mode>) -> String {
    mode.map_or("-".into(), |mode| mode.to_string())
}

fn show(global: &super::Global, only: Option<String>) -> anyhow::Result<Exit> {
    let config = global.config()?;
    let (live, _) = global.live(&config);
    let in_force = InForce::look(&config)?;
    let only = only.map(heinzel_core::glob::Glob);
    let settings = in_force.policy(&config);
    let (mut rows, mut timid) = (Vec::new(), Vec::new());
    for rule in live.rules.rules.values().filter(|r| only.as_ref().is_none_or(|g| g.fits(&r.id.0))) {
        let record = in_force.record(rule);
        let (mode, from) = in_force.mode_of(&config, &live, rule);
        let (breaker, mut stuck) = (breaker(&record), stuck(&record, &live.assets));
        let e = &record.evidence;
        let set = settings.mode(&rule.id, rule.automation);
        // Whoever has just written a bolder one into the file would wait for it in vain.
        if let Some(mode) = mode.filter(|mode| from == Grounds::Decided.word() && *mode < set) {
            timid.push(format!(
                "{}: heinzel.toml says {set}; {mode} was decided by `heinzel policy` or a demotion, and the more timid counts: \
                 `heinzel policy promote {} --to {set}` ends that\n",
                rule.id, rule.id
            ));
        }
        if global.json {
            super::print_json(&json!({
                "rule": rule.id, "mode": mode, "from": from, "settings": set, "fix": rule.has.fix, "breaker": breaker,
                "evidence": e, "spots": record.spots,
            }))?;
            continue;
        }
        rows.push(vec![
            rule.id.to_string(),
            word(mode),
            from.into(),
            if rule.has.fix { "yes" } else { "no" }.into(),
            e.incidents.to_string(),
            e.planned.to_string(),
            e.verified.to_string(),
            e.failed.to_string(),
            e.vetoed.to_string(),
            e.recurred.to_string(),
            breaker.or_else(|| stuck.next()).map(|b| plain(&b, 120)).unwrap_or_default(),
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
        timid.iter().try_for_each(|line| super::print(line))?;
    }
    Ok(Exit::Ok)
}
