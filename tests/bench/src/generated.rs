//! The generator's rules in all their spellings.

use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

/// What the generator puts behind the program of an anchored pattern.
const BEHIND_PROGRAM: &str = r"(?:\[[0-9]+\])?: ";

/// A rule: literals with captures between them.
pub struct Generated {
    /// For the regex crate, over the whole line, with named groups.
    pub pattern: String,
    /// The same for fail2ban, over the line behind its time.
    pub fail2ban: String,
    /// The program, where the pattern is anchored behind it.
    pub program: Option<String>,
    /// The literals, in order; each capture stands behind the literal of its number.
    pub literals: Vec<String>,
    /// What kind of capture each is: `int`, `ip`, `hex`, `word`, `any`.
    pub kinds: Vec<String>,
}

impl Generated {
    /// Reads a rule set.
    pub fn read(set: &Path) -> anyhow::Result<Vec<Self>> {
        let text = std::fs::read_to_string(set).with_context(|| format!("read {}", set.display()))?;
        let rules: Vec<Value> = serde_json::from_str(&text).with_context(|| format!("read {}", set.display()))?;
        let one = |(number, rule)| Self::one(rule).with_context(|| format!("rule {number} lacks a part"));
        rules.iter().enumerate().map(one).collect()
    }

    fn one(rule: &Value) -> Option<Self> {
        let text = |key: &str| rule[key].as_str().map(str::to_owned);
        let texts = |key: &str| -> Option<Vec<String>> {
            rule[key].as_array()?.iter().map(|one| Some(one.as_str()?.to_owned())).collect()
        };
        let program = text("prog")?;
        Some(Self {
            pattern: text("rs")?,
            fail2ban: text("f2b")?,
            program: rule["anch"].as_bool()?.then_some(program),
            literals: texts("ps")?,
            kinds: texts("kinds")?,
        })
    }

    /// The pattern over the message alone. One that was anchored behind the program is anchored at the beginning.
    pub fn message_pattern(&self) -> String {
        match self.pattern.split_once(BEHIND_PROGRAM).filter(|_| self.program.is_some()) {
            Some((_, message)) => format!("^{message}"),
            None => self.pattern.clone(),
        }
    }

    /// The captures: their names and kinds.
    pub fn captures(&self) -> impl Iterator<Item = (String, &str)> {
        self.kinds.iter().enumerate().map(|(at, kind)| (format!("{kind}{at}"), kind.as_str()))
    }

    /// A message that the pattern matches.
    pub fn sample(&self) -> String {
        let value = |at: usize| match self.kinds.get(at).map(String::as_str) {
            None => "",
            Some("ip") => "192.0.2.7",
            Some("int") => "7",
            Some("hex") => "7f",
            Some(_) => "seven",
        };
        self.literals.iter().enumerate().map(|(at, literal)| format!("{literal}{}", value(at))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchored_rule_is_anchored_at_the_message() {
        let rule = serde_json::json!({
            "rs": r"^[A-Z][a-z]{2} [^ ]+ sshd(?:\[[0-9]+\])?: bad (?P<int0>\d+) of (?P<word1>\S+)",
            "f2b": "", "prog": "sshd", "anch": true, "ps": ["bad ", " of ", ""], "kinds": ["int", "word"],
        });
        let rule = Generated::one(&rule).unwrap();
        assert_eq!(rule.message_pattern(), r"^bad (?P<int0>\d+) of (?P<word1>\S+)");
        assert_eq!(rule.sample(), "bad 7 of seven");
    }
}
