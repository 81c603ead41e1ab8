//! How often a calm draft is taken for another, on drafts of others: real questions to a bank, and the drafts of
//! `hosting_seed`, some of which are marked as upset. Skipped where the data is absent.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "helpers of a test that shows its figures"
)]

use std::path::Path;

use heinzel_knowledge::tone::{Tone, read};

/// Each text of a file, and whether it is marked as upset. `None`: the data is not here.
fn drafts(file: &str) -> Option<Vec<(String, bool)>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/answers-eval").join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: {} is not here", path.display());
        return None;
    };
    let one = |line: &str| {
        let draft: serde_json::Value = serde_json::from_str(line).unwrap();
        (draft["text"].as_str().unwrap().to_owned(), draft["upset"].as_bool().unwrap_or(false))
    };
    Some(text.lines().map(one).collect())
}

/// The share of texts that are upset, and that are not calm.
fn shares(name: &str, texts: &[&str]) -> (f64, f64) {
    let (mut upset, mut not_calm) = (0, 0);
    for text in texts {
        let reading = read(text);
        upset += u32::from(reading.tone == Tone::Upset);
        not_calm += u32::from(reading.tone != Tone::Calm);
        if reading.tone != Tone::Calm {
            println!("{:?} {:?} {text}", reading.tone, reading.evidence);
        }
    }
    let share = |number: u32| f64::from(number) / texts.len() as f64;
    println!(
        "{name}: {} drafts, upset {:.1} %, not calm {:.1} %",
        texts.len(),
        100.0 * share(upset),
        100.0 * share(not_calm)
    );
    (share(upset), share(not_calm))
}

#[test]
fn calm_drafts_stay_calm() {
    let Some(hosting) = drafts("hosting_seed/queries.jsonl") else { return };
    let calm: Vec<&str> = hosting.iter().filter(|(_, upset)| !upset).map(|(text, _)| &**text).collect();
    let upset: Vec<&str> = hosting.iter().filter(|(_, upset)| *upset).map(|(text, _)| &**text).collect();
    let bank: Vec<(String, bool)> =
        ["queries", "examples"].iter().flat_map(|file| drafts(&format!("banking77/{file}.jsonl")).unwrap()).collect();
    let bank: Vec<&str> = bank.iter().map(|(text, _)| &**text).collect();
    assert!(calm.len() > 100 && bank.len() > 2_000 && upset.len() >= 8);
    let hosting = shares("hosting_seed, calm", &calm);
    let bank = shares("banking77", &bank);
    // Lexicons of polarity take 24 % of the calm hosting drafts for angry.
    assert!(hosting.0 < 0.01 && hosting.1 < 0.03, "{hosting:?}");
    assert!(bank.0 < 0.01 && bank.1 < 0.03, "{bank:?}");
    let found = shares("hosting_seed, upset", &upset);
    assert!(found.0 >= 0.85, "{found:?}");
}
