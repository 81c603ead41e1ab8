//! Patterns of the policy that fit no rule, or nothing at all: a grant that its author thinks to have given.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use heinzel_core::policy::Policy;
use heinzel_core::rule::RuleId;
use heinzel_script::problem::Problem;

use crate::live::Live;

/// Lets the log say which patterns of the policy fit no rule, or nothing at all.
pub(crate) fn log(policy: &Policy, live: &Live, problems: &[Problem]) {
    for stray in of(policy, live, problems) {
        tracing::warn!("{stray}");
    }
}

/// Patterns of the policy that fit no rule, or nothing at all. What stands in a pack that is left out is there all the same.
pub(crate) fn of(policy: &Policy, live: &Live, problems: &[Problem]) -> Vec<String> {
    let broken: BTreeSet<&Path> = problems.iter().filter(|p| p.is_error()).filter_map(|p| pack_of(&p.file)).collect();
    let left_out: Vec<RuleId> = broken.into_iter().flat_map(rules_in).collect();
    let mut strays = policy.strays(live.rules.rules.keys().chain(&left_out));
    strays.extend(policy.vain(&live.assets));
    strays
}

/// The folder of the pack that a file is in.
fn pack_of(file: &Path) -> Option<&Path> {
    file.ancestors().skip(1).take(2).find(|folder| folder.join("pack.toml").is_file())
}

/// The rules that a pack would have.
fn rules_in(pack: &Path) -> Vec<RuleId> {
    let entries = std::fs::read_dir(pack).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "rhai"));
    let id = |file: PathBuf| {
        let (pack, rule) = (pack.file_name()?.to_str()?, file.file_stem()?.to_str()?);
        Some(RuleId::from(&*format!("{pack}.{rule}")))
    };
    files.filter_map(id).collect()
}
