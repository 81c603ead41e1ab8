//! What every shipped rule has: words in both languages, samples that fire and samples that do not.

use serde_json::Value;

use super::told;

#[test]
fn every_rule_says_and_shows_what_it_is_about() {
    let rules = told::heinzel(&["rules", "list"], &[]);
    assert!(rules.len() >= 100, "{} rules", rules.len());
    let mut complaints = Vec::new();
    for rule in &rules {
        let mut complain = |holds: bool, what: &str| {
            if !holds {
                complaints.push(format!("{} {what}", rule["rule"].as_str().unwrap_or_default()));
            }
        };
        for (key, language) in [("title", "de"), ("about", "en"), ("about", "de")] {
            let words = rule[key][language].as_str().unwrap_or_default();
            complain(!words.trim().is_empty(), &format!("has no `{key}` in {language}"));
        }
        let count = |key: &str| rule["samples"][key].as_u64().unwrap_or_default();
        complain(count("fire") >= 2, "has fewer than two samples that fire");
        complain(count("all") > count("fire"), "has no near miss");
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
    let sum = |key: &str| rules.iter().filter_map(|rule: &Value| rule["samples"][key].as_u64()).sum::<u64>();
    let (all, made) = (sum("all"), sum("made_by_programs"));
    assert!(all >= 300, "{all} samples");
    println!("{} rules, {all} samples, {} % of them written by the real program", rules.len(), made * 100 / all);
}

#[test]
fn the_packs_have_no_warnings() {
    let problems = told::words(&["test", "--warnings"]);
    assert!(!problems.contains("warning:"), "{problems}");
}
