//! liblognorm, which rsyslog's mmnormalize uses: a tree of literals and typed fields over the message.
//!
//! Its rules are no patterns: a rule must cover the whole message, and a word ends at a blank. So it finds other lines in
//! part; it is here for its speed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;
use serde_json::json;

use super::Peer;
use crate::children::is_installed;
use crate::generated::Generated;
use crate::inputs::Inputs;

struct Lognorm {
    rulebase: PathBuf,
}

/// Writes the rule base.
pub fn prepare(rules: &[Generated], folder: &Path, _: &Inputs) -> anyhow::Result<Box<dyn Peer>> {
    ensure!(is_installed("lognormalizer"), "there is no `lognormalizer` (package liblognorm-utils)");
    let rulebase = folder.join("rules.rulebase");
    let text: String = rules.iter().map(|rule| format!("rule=:{}\n", as_rule(rule))).collect();
    std::fs::write(&rulebase, format!("version=2\n{text}"))?;
    Ok(Box::new(Lognorm { rulebase }))
}

fn as_rule(rule: &Generated) -> String {
    let mut captures = rule.captures();
    let mut out = String::new();
    for (at, literal) in rule.literals.iter().enumerate() {
        out.push_str(literal);
        let Some((name, kind)) = captures.next() else { continue };
        let next = rule.literals.get(at + 1).map_or("", String::as_str);
        let field = match (kind, next.chars().next()) {
            ("int", _) => json!({ "name": name, "type": "number" }),
            ("ip", _) => json!({ "name": name, "type": "ipv4" }),
            ("any", None) => json!({ "name": name, "type": "rest" }),
            ("any", Some(_)) => json!({ "name": name, "type": "string-to", "extradata": next }),
            (_, None | Some(' ')) => json!({ "name": name, "type": "word" }),
            (_, Some(end)) => json!({ "name": name, "type": "char-to", "extradata": end.to_string() }),
        };
        out.push_str(&format!("%{field}%"));
    }
    out
}

impl Peer for Lognorm {
    fn name(&self) -> &'static str {
        "liblognorm"
    }

    fn wants_messages(&self) -> bool {
        true
    }

    fn lines(&self) -> usize {
        400_000
    }

    fn command(&self, _: &Path) -> Command {
        let mut command = Command::new("lognormalizer");
        command.arg("-r").arg(&self.rulebase).arg("-p");
        command
    }

    fn found(&self, stdout: &str) -> Option<usize> {
        Some(stdout.lines().count())
    }

    fn is_exact(&self) -> bool {
        false
    }
}
