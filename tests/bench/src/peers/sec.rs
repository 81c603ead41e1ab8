//! SEC, the Simple Event Correlator: one `Single` rule each, which writes a line where it matches.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;

use super::Peer;
use crate::children::is_installed;
use crate::generated::Generated;
use crate::inputs::Inputs;

struct Sec {
    rules: PathBuf,
}

/// Writes the rules.
pub fn prepare(rules: &[Generated], folder: &Path, _: &Inputs) -> anyhow::Result<Box<dyn Peer>> {
    ensure!(is_installed("sec"), "there is no `sec` (package sec)");
    let one = |rule: &Generated| {
        format!("type=Single\nptype=RegExp\npattern={}\ndesc=found\naction=write - %s\n\n", rule.pattern)
    };
    let file = folder.join("rules.sec");
    std::fs::write(&file, rules.iter().map(one).collect::<String>())?;
    Ok(Box::new(Sec { rules: file }))
}

impl Peer for Sec {
    fn name(&self) -> &'static str {
        "SEC"
    }

    fn lines(&self) -> usize {
        5_000
    }

    fn command(&self, log: &Path) -> Command {
        let mut command = Command::new("sec");
        let [rules, log] = [("--conf=", self.rules.as_path()), ("--input=", log)]
            .map(|(name, file)| format!("{name}{}", file.display()));
        command.args([&rules, &log, "--notail", "--fromstart", "--log=/dev/null"]);
        command
    }

    fn found(&self, stdout: &str) -> Option<usize> {
        Some(stdout.lines().filter(|line| *line == "found").count())
    }
}
