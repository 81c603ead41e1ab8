//! `heinzel test`: runs the samples of all rules.

use clap::Args;
use heinzel_script::problem::Problem;
use serde_json::json;

use crate::exit::Exit;
use crate::live::Live;
use crate::text;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Warnings too.
    #[arg(long)]
    warnings: bool,
}

/// Loads everything, which runs every sample, and prints what failed.
pub(super) fn test(global: &super::Global, arguments: &Arguments) -> anyhow::Result<Exit> {
    let config = global.config()?;
    let (live, problems) = Live::load(&config.rules, None);
    let samples: usize = live.samples.values().map(|count| count.all).sum();
    let made: usize = live.samples.values().map(|count| count.made_by_programs).sum();
    let errors = problems.iter().filter(|p| p.is_error()).count();
    if global.json {
        let failed: Vec<&Problem> = problems.iter().filter(|p| p.is_error()).collect();
        super::print_json(&json!({
            "rules": live.rules.rules.len(), "samples": samples, "made_by_programs": made, "failed": failed,
        }))?;
    } else {
        for problem in problems.iter().filter(|p| p.is_error() || arguments.warnings) {
            super::print(&format!("{problem}\n"))?;
        }
        if live.rules.rules.is_empty() {
            let text = format!(
                "no rule could be loaded from {}; {}\n",
                text::folders(&config.rules),
                text::count(errors, "problem")
            );
            super::print(&text)?;
            return Ok(Exit::Wrong);
        }
        let left_out = if errors > 0 { ", and the packs concerned are left out" } else { "" };
        super::print(&format!(
            "{} and {} ({} % of them written by the real program) in {} pass; {}{left_out}\n",
            text::count(live.rules.rules.len(), "rule"),
            text::count(samples, "sample"),
            made * 100 / samples.max(1),
            if live.packs.is_empty() { text::folders(&config.rules) } else { live.packs.join(", ") },
            text::count(errors, "problem")
        ))?;
    }
    Ok(if errors > 0 || live.rules.rules.is_empty() { Exit::Wrong } else { Exit::Ok })
}
