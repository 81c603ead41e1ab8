//! `--name value` on the command line of the subcommands.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context as _, bail};

/// What was given, by name. A name may be given more than once.
pub struct Options {
    usage: &'static str,
    given: BTreeMap<String, Vec<String>>,
}

impl Options {
    /// Reads `words`. Every `--name` of `usage` takes one value; others are refused.
    pub fn read(words: impl Iterator<Item = String>, usage: &'static str) -> anyhow::Result<Self> {
        let known: Vec<&str> =
            usage.split(|c: char| c.is_whitespace() || c == '[').filter(|word| word.starts_with("--")).collect();
        let mut given = BTreeMap::<String, Vec<String>>::new();
        let mut words = words;
        while let Some(word) = words.next() {
            if !known.contains(&word.as_str()) {
                bail!("`{word}`? usage: {usage}");
            }
            let value = words.next().with_context(|| format!("`{word}` needs a value; usage: {usage}"))?;
            given.entry(word).or_default().push(value);
        }
        Ok(Self { usage, given })
    }

    /// The value of `name` as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.given.get(name)?.last().map(String::as_str)
    }

    /// Every value of `name`.
    pub fn all(&self, name: &str) -> &[String] {
        self.given.get(name).map_or(&[], Vec::as_slice)
    }

    /// The value of `name` as a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    /// The value of `name`, or `default` where it was not given.
    pub fn value<T: FromStr>(&self, name: &str, default: T) -> anyhow::Result<T> {
        let Some(text) = self.text(name) else { return Ok(default) };
        text.parse().ok().with_context(|| format!("`{name} {text}` cannot be understood; usage: {}", self.usage))
    }

    /// The values of `name`, divided by commas.
    pub fn list<T: FromStr>(&self, name: &str, default: &str) -> anyhow::Result<Vec<T>> {
        let text = self.text(name).unwrap_or(default);
        let one = |part: &str| {
            part.trim().parse().ok().with_context(|| format!("`{name} {text}`: `{part}`? usage: {}", self.usage))
        };
        text.split(',').map(one).collect()
    }
}
