//! Who may know whom: the dependency closure of each crate within the workspace against an allow-list, and what the
//! documents name against what exists.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What each crate may import of the workspace. Adding a word here is a design decision and gets its own commit.
const MAY_IMPORT: [(&str, &[&str]); 12] = [
    ("core", &[]),
    ("process", &[]),
    ("matching", &["core"]),
    ("mining", &["core"]),
    ("knowledge", &["core"]),
    ("embedding", &["core", "knowledge"]),
    ("script", &["core"]),
    ("store", &["core"]),
    ("source", &["core", "process"]),
    ("act", &["core", "process"]),
    ("server", &["core", "knowledge"]),
    ("app", &["core", "matching", "mining", "knowledge", "embedding", "script", "source", "act", "store", "server"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("read {}: {e}", path.display()))
}

#[test]
fn crates_import_only_what_they_may() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        MAY_IMPORT.iter().map(|(name, may)| (*name, may.iter().copied().collect())).collect();
    let mut seen = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("engine")).unwrap() {
        let folder = entry.unwrap().path();
        let manifest = folder.join("Cargo.toml");
        if !manifest.exists() {
            continue;
        }
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let table: toml::Table = read(&manifest).parse().unwrap();
        let imports: BTreeSet<String> = ["dependencies", "dev-dependencies", "build-dependencies"]
            .iter()
            .filter_map(|kind| table.get(*kind)?.as_table())
            .flat_map(|t| t.keys())
            .filter_map(|k| k.strip_prefix("heinzel-").map(ToOwned::to_owned))
            .collect();
        let may = allowed.get(&*name).unwrap_or_else(|| panic!("crate `{name}` is not in the allow-list of this test"));
        for import in &imports {
            assert!(
                may.contains(&**import),
                "crate `{name}` imports `{import}`, which the allow-list of this test does not grant"
            );
        }
        seen.insert(name);
    }
    assert_eq!(seen, allowed.keys().map(|s| (*s).to_owned()).collect(), "crates in engine/");
}

/// Paths in backticks or links that a document names must exist.
#[test]
fn documents_name_only_what_exists() {
    let root = root();
    for document in ["engine/ARCHITECTURE.md", "README.md", "CONTRIBUTING.md"] {
        let path = root.join(document);
        let text = read(&path);
        let mut named = 0;
        for word in text.split(['`', '(', ')', ' ', '\n', '|']) {
            let word = word.split('#').next().unwrap_or_default();
            let is_path =
                ["engine/", "rules/", "tests/", "plugins/", "packaging/", ".ci/"].iter().any(|p| word.starts_with(p))
                    && !word.contains(['*', '<', '>', '…']);
            if is_path {
                named += 1;
                assert!(
                    root.join(word.trim_end_matches('.')).exists(),
                    "{document} names {word}, which does not exist"
                );
            }
        }
        assert!(named > 0, "{document} names nothing; does this test still read it rightly?");
    }
    let architecture = read(&root.join("engine/ARCHITECTURE.md"));
    assert!(architecture.lines().count() <= 200, "engine/ARCHITECTURE.md is longer than 200 lines");
    for (name, _) in MAY_IMPORT {
        assert!(architecture.contains(&format!("`{name}`")), "engine/ARCHITECTURE.md does not say what `{name}` is");
    }
}

/// Files that are named without their folder, and what is named as `Type::function` or `module::function`, must be in the source.
#[test]
fn the_architecture_names_only_code_that_is_there() {
    let (mut folders, mut files, mut source) = (vec![root().join("engine")], BTreeSet::new(), String::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.insert(path.file_name().unwrap().to_str().unwrap().to_owned());
                source.push_str(&read(&path));
            }
        }
    }
    let items: BTreeSet<&str> = source
        .split_whitespace()
        .zip(source.split_whitespace().skip(1))
        .filter(|(kind, _)| ["fn", "struct", "enum", "trait", "type", "mod"].contains(kind))
        .map(|(_, name)| name.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap())
        .collect();
    let variants: BTreeSet<&str> =
        source.lines().map(|line| line.trim().trim_end_matches([',', '{', ' '])).filter(|l| !l.is_empty()).collect();
    let architecture = read(&root().join("engine/ARCHITECTURE.md"));
    let (mut paths, mut names) = (0, 0);
    for word in architecture.split(|c: char| !c.is_alphanumeric() && !"_:./".contains(c)) {
        let word = word.trim_matches(['.', ':']);
        if word.ends_with(".rs") && !word.contains('/') {
            names += 1;
            assert!(files.contains(word), "engine/ARCHITECTURE.md names {word}, which is no file of the engine");
        }
        for name in word.split("::").filter(|_| word.contains("::")).skip_while(|name| *name == "core") {
            paths += 1;
            let is_there = items.contains(name) || variants.contains(name);
            assert!(is_there, "engine/ARCHITECTURE.md names `{word}`; nothing in the engine is called `{name}`");
        }
    }
    assert!(paths > 10 && names > 10, "{paths} {names}: does this test still read it rightly?");
}

#[test]
fn core_touches_nothing() {
    let banned = [
        "std::fs",
        "std::net::Tcp",
        "std::net::Udp",
        "std::process",
        "std::thread",
        "std::env",
        "SystemTime",
        "Instant::now",
        "Timestamp::now",
        "Zoned::now",
        "TimeZone::system",
        "tokio",
        "async fn",
    ];
    let mut files = vec![root().join("engine/core/src")];
    let mut read_files = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
            continue;
        }
        if path.file_stem().is_some_and(|n| n == "tests") || path.components().any(|c| c.as_os_str() == "tests") {
            continue;
        }
        read_files += 1;
        let text = read(&path);
        for word in banned {
            assert!(!text.contains(word), "{} contains `{word}`; core decides and touches nothing", path.display());
        }
    }
    assert!(read_files > 20);
}

#[test]
fn the_page_of_rules_is_fresh() {
    let root = root();
    let state = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_heinzel"))
        .args(["--rules", "rules", "--state"])
        .arg(state.path())
        .arg("reference")
        .current_dir(&root)
        .output()
        .unwrap();
    let made = String::from_utf8(output.stdout).unwrap();
    let page = root.join("rules/REFERENCE.md");
    if std::env::var_os("HEINZEL_WRITE").is_some() {
        std::fs::write(&page, &made).unwrap();
    }
    assert!(
        read(&page) == made,
        "rules/REFERENCE.md is stale; write it anew with `HEINZEL_WRITE=1 cargo test --test architecture`"
    );
}
