//! The public log samples: the shipped rules find in them what `loghub-findings.md` judges, and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{repository, shared, told};

/// The table: log and rule to the number of findings.
fn judged() -> BTreeMap<(String, String), u64> {
    let text = fs::read_to_string(repository().join("tests/corpus/loghub-findings.md")).unwrap();
    let mut judged = BTreeMap::new();
    for row in text.lines().filter(|line| line.starts_with("| ") && line.contains('`')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [log, rule, count, ..] = cells[..] else { panic!("loghub-findings.md: {row}") };
        let count: u64 = count.replace(',', "").parse().unwrap_or_else(|_| panic!("loghub-findings.md: {row}"));
        *judged.entry((log.to_owned(), rule.to_owned())).or_default() += count;
    }
    judged
}

#[test]
fn every_finding_in_public_logs_is_judged() {
    let judged = judged();
    assert!(!judged.is_empty());
    let Some(folder) = shared("loghub") else { return };
    let folders = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()).filter(|entry| entry.path().is_dir());
    let name = |entry: &fs::DirEntry| entry.file_name().into_string().unwrap();
    let files: Vec<PathBuf> = folders.map(|entry| entry.path().join(format!("{}_2k.log", name(&entry)))).collect();
    let mut found: BTreeMap<(String, String), u64> = BTreeMap::new();
    for line in told::heinzel(&["replay"], &files) {
        if let (Some(file), Some(rule)) = (line["file"].as_str(), line["rule"].as_str()) {
            let log = Path::new(file).file_stem().and_then(|stem| stem.to_str()).unwrap().trim_end_matches("_2k");
            *found.entry((log.to_owned(), rule.to_owned())).or_default() += 1;
        }
    }
    assert_eq!(found, judged, "left: found; right: loghub-findings.md");
}
