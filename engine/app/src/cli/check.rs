//! `heinzel check`: configuration, assets and all rules, before anything runs.

use serde_json::json;

use super::in_force;
use crate::doubts::{self, Doubt};
use crate::exit::Exit;
use crate::live::Live;
use crate::text;

/// Checks everything and prints every problem.
pub(super) fn check(global: &super::Global) -> anyhow::Result<Exit> {
    let config = global.config()?;
    let (live, problems) = Live::load(&config.rules, config.assets.as_deref());
    let mut doubts = doubts::of(&config, &live, &problems);
    doubts.extend(doubts::no_packs(&config, &live, &problems));
    doubts.extend(doubts::answers(&config, &live));
    doubts.extend(in_force::edited(&config).map(Doubt::warning));
    let errors = doubts.iter().filter(|d| d.is_error()).count() + problems.iter().filter(|p| p.is_error()).count();
    let warnings = doubts.len() + problems.len() - errors;
    if global.json {
        let said = doubts.iter().map(|doubt| Ok(doubt.to_json(&config)));
        let said = said.chain(problems.iter().map(serde_json::to_value)).collect::<Result<Vec<_>, _>>()?;
        super::print_json(&json!({
            "configuration": config.file, "rules": live.rules.rules.len(), "packs": live.packs, "assets": live.assets.iter().count(),
            "errors": errors, "warnings": warnings, "problems": said,
        }))?;
    } else {
        let said = doubts.iter().map(ToString::to_string).chain(problems.iter().map(ToString::to_string));
        for one in said {
            super::print(&format!("{one}\n"))?;
        }
        let from = config.file.as_ref().map_or("none (this machine's own logs)".into(), |f| f.display().to_string());
        super::print(&format!(
            "configuration: {from}\nsources: {}\nrules: {} in {}\nassets: {}\n{}, {}\n",
            config.sources.iter().map(|s| s.common.name.to_string()).collect::<Vec<_>>().join(", "),
            live.rules.rules.len(),
            if live.packs.is_empty() {
                format!("no packs in {}", text::folders(&config.rules))
            } else {
                live.packs.join(", ")
            },
            live.assets.iter().count(),
            text::count(errors, "error"),
            text::count(warnings, "warning"),
        ))?;
    }
    Ok(if errors > 0 { Exit::Wrong } else { Exit::Ok })
}
