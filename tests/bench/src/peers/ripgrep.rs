//! ripgrep: says how many lines match any of the patterns; not which, and no captures.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;

use super::Peer;
use crate::children::is_installed;
use crate::generated::Generated;
use crate::inputs::Inputs;

struct Ripgrep {
    patterns: PathBuf,
}

/// Writes the patterns, one a line.
pub fn prepare(rules: &[Generated], _: &Path, inputs: &Inputs) -> anyhow::Result<Box<dyn Peer>> {
    ensure!(is_installed("rg"), "there is no `rg` (package ripgrep)");
    Ok(Box::new(Ripgrep { patterns: inputs.rules(rules.len()).with_extension("plain") }))
}

impl Peer for Ripgrep {
    fn name(&self) -> &'static str {
        "ripgrep"
    }

    fn lines(&self) -> usize {
        400_000
    }

    fn command(&self, log: &Path) -> Command {
        let mut command = Command::new("rg");
        command.args(["--count", "--no-unicode", "--no-mmap", "--regex-size-limit=1G", "--dfa-size-limit=1G", "-f"]);
        command.arg(&self.patterns).arg(log);
        command
    }

    fn found(&self, stdout: &str) -> Option<usize> {
        if stdout.trim().is_empty() { Some(0) } else { stdout.trim().parse().ok() }
    }

    /// It ends with 1 when nothing matched.
    fn most_status(&self) -> i32 {
        1
    }
}
