//! `heinzel audit`: show and verify the trail.

use clap::Subcommand;
use heinzel_store::Store as _;
use indicatif::{ProgressBar, ProgressStyle};

use super::reader;
use crate::exit::Exit;
use crate::text::after_colon;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the newest entries, the oldest of them first.
    Show {
        /// Instead, those that follow this number.
        #[arg(long)]
        after: Option<u64>,
        /// At most so many.
        #[arg(long, default_value_t = 1000)]
        limit: usize,
    },
    /// Verify the chain of hashes: says whether an entry was changed, removed or inserted.
    Verify,
}

/// Does what the command says.
pub(super) fn audit(global: &super::Global, command: &Command) -> anyhow::Result<Exit> {
    let store = reader::open(&global.state()?)?;
    match command {
        Command::Show { after, limit } => {
            let entries = match after {
                Some(after) => store.entries(*after, *limit)?,
                None => store.newest_entries(*limit)?,
            };
            let shown = entries.len();
            for numbered in entries {
                if global.json {
                    super::print_json(&numbered)?;
                    continue;
                }
                let entry = numbered.entry;
                let incident = entry.incident.map(|id| format!(" #{id}")).unwrap_or_default();
                let text = after_colon(&entry.text, 600);
                super::print(&format!("{} {} {}{incident} {}{text}\n", numbered.seq, entry.at, entry.by, entry.what))?;
            }
            if global.json {
                return Ok(Exit::Ok);
            }
            super::cut_off(shown, *limit, || store.entry_count(after.unwrap_or(0)))
        }
        Command::Verify => {
            let bar = progress("verify");
            let report = store.verify_audit(&mut |done, of| {
                bar.set_length(of);
                bar.set_position(done);
            })?;
            bar.finish_and_clear();
            if global.json {
                super::print_json(&report)?;
            } else {
                let text = match &report.broken {
                    None => {
                        format!("{} entries, the chain is whole; newest hash {}\n", report.checked, report.newest_hash)
                    }
                    Some(broken) => format!(
                        "the chain is broken at entry {}: {}\n{} entries before it are in order. Compare with a backup; \
                         whoever may write the store's folder could have done it\n",
                        broken.seq, broken.why, report.checked
                    ),
                };
                super::print(&text)?;
            }
            Ok(if report.broken.is_some() { Exit::Wrong } else { Exit::Ok })
        }
    }
}

/// A progress bar on stderr; invisible where that is no terminal.
pub(super) fn progress(what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {percent}% {eta}");
    let bar = ProgressBar::new(0).with_prefix(what);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
