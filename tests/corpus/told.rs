//! What `heinzel replay` finds in log files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::repository;

/// The shipped rules that found something, by file.
pub(crate) fn rules(files: &[PathBuf]) -> BTreeMap<PathBuf, BTreeSet<String>> {
    let mut found: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    for line in heinzel(&["replay"], files) {
        if let (Some(file), Some(rule)) = (line["file"].as_str(), line["rule"].as_str()) {
            found.entry(Path::new(file).to_owned()).or_default().insert(rule.to_owned());
        }
    }
    found
}

/// The severity of each shipped rule, the least severe with the smallest number.
pub(crate) fn severities() -> BTreeMap<String, usize> {
    let words = ["info", "low", "medium", "high", "critical"];
    let number = |rule: &Value| words.iter().position(|word| rule["severity"] == **word).unwrap();
    heinzel(&["rules", "list"], &[])
        .iter()
        .map(|rule| (rule["rule"].as_str().unwrap().to_owned(), number(rule)))
        .collect()
}

/// What a command says with the shipped rules: its lines of JSON.
pub(crate) fn heinzel(words: &[&str], files: &[PathBuf]) -> Vec<Value> {
    let words: Vec<&str> = ["--json"].iter().chain(words).copied().collect();
    run(&words, files).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What it says to people.
pub(crate) fn words(words: &[&str]) -> String {
    run(words, &[])
}

fn run(words: &[&str], files: &[PathBuf]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heinzel"));
    command.arg("--rules").arg(repository().join("rules")).args(words).args(files);
    let ended = command.output().unwrap();
    assert!(ended.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap()
}
