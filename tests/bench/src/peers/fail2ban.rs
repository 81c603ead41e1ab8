//! fail2ban's own test program with all rules in one filter: the code of its server, without bans.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;

use super::Peer;
use crate::children::is_installed;
use crate::generated::Generated;
use crate::inputs::Inputs;

struct Fail2ban {
    filter: PathBuf,
}

/// Writes the filter.
pub fn prepare(rules: &[Generated], folder: &Path, _: &Inputs) -> anyhow::Result<Box<dyn Peer>> {
    ensure!(is_installed("fail2ban-regex"), "there is no `fail2ban-regex` (package fail2ban)");
    let filter = folder.join("filter.conf");
    let patterns: Vec<&str> = rules.iter().map(|rule| rule.fail2ban.as_str()).collect();
    // Its favourite time is the one the log has: no search for others.
    let text =
        format!("[Definition]\nfailregex = {}\ndatepattern = ^%%b %%d %%k:%%M:%%S\n", patterns.join("\n            "));
    std::fs::write(&filter, text)?;
    Ok(Box::new(Fail2ban { filter }))
}

impl Peer for Fail2ban {
    fn name(&self) -> &'static str {
        "fail2ban"
    }

    fn lines(&self) -> usize {
        10_000
    }

    fn command(&self, log: &Path) -> Command {
        let mut command = Command::new("fail2ban-regex");
        // As the server does: the first pattern that matches is enough.
        command.args(["--no-check-all", "--print-no-missed"]).arg(log).arg(&self.filter);
        command
    }

    fn found(&self, stdout: &str) -> Option<usize> {
        let line = stdout.lines().find(|line| line.starts_with("Lines: "))?;
        line.split(", ").find_map(|part| part.strip_suffix(" matched")?.parse().ok())
    }

    /// It ends with 1 when nothing matched.
    fn most_status(&self) -> i32 {
        1
    }
}
