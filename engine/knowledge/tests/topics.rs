//! Whether texts are sorted as people sorted them: the questions of banking77, whose 77 intents nobody tells the sorting.
//! Skipped where the data is absent.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "helpers of a test that shows its figures"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use heinzel_core::redact::Redacted;
use heinzel_core::time::Timestamp;
use heinzel_knowledge::topics::{Kind, Options, Text, report};

/// Texts and what they are about. `None`: the data is not here.
fn questions(files: &[&str]) -> Option<(Vec<Text>, Vec<usize>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/answers-eval");
    let (mut texts, mut names, mut gold) = (Vec::new(), Vec::<String>::new(), Vec::new());
    for file in files {
        let path = folder.join(file);
        let Ok(lines) = std::fs::read_to_string(&path) else {
            eprintln!("SKIPPED: {} is not here", path.display());
            return None;
        };
        for line in lines.lines() {
            let one: serde_json::Value = serde_json::from_str(line).unwrap();
            let name = one["gold"].as_str().or_else(|| one["gold"][0].as_str()).unwrap();
            let known = names.iter().position(|known| known == name);
            gold.push(known.unwrap_or_else(|| {
                names.push(name.to_owned());
                names.len() - 1
            }));
            texts.push(Text {
                id: texts.len().to_string(),
                kind: Kind::Draft,
                customer: None,
                at: Timestamp::EPOCH,
                text: one["text"].as_str().unwrap().to_owned(),
                language: None,
                page: None,
                field: None,
                answered: None,
                incidents: Vec::new(),
            });
        }
    }
    Some((texts, gold))
}

fn measure(name: &str, texts: &[Text], gold: &[usize]) -> f64 {
    let begun = Instant::now();
    let report = report(texts, None, &Options { least: 1, ..Options::lexical(Timestamp::EPOCH) });
    let mut found = vec![usize::MAX; texts.len()];
    for (number, topic) in report.topics.iter().enumerate() {
        topic.members.iter().for_each(|member| found[*member] = number);
    }
    let information = mutual_information(&found, gold);
    println!(
        "{name}: {} texts, {} topics, NMI {information:.3}, {:?}",
        texts.len(),
        report.topics.len(),
        begun.elapsed()
    );
    for topic in report.topics.iter().take(5) {
        println!("  {} {:?}", topic.customers, topic.words);
    }
    information
}

#[test]
fn questions_are_sorted_as_people_sorted_them() {
    let Some((texts, gold)) = questions(&["banking77/queries.jsonl"]) else { return };
    // k-means on tf-idf, told that there are 77: 0.69 to 0.70.
    assert!(measure("banking77 queries", &texts, &gold) >= 0.69);
    let (texts, gold) = questions(&["banking77/queries.jsonl", "banking77/examples.jsonl"]).unwrap();
    assert!(measure("banking77", &texts, &gold) >= 0.69);
    let (texts, gold) = questions(&["massive_de/queries.jsonl"]).unwrap();
    assert!(measure("massive_de", &texts, &gold) >= 0.5);
}

/// Run by hand: `cargo test --release -p heinzel-knowledge --test topics -- --ignored --nocapture`.
#[test]
#[ignore = "takes its time"]
fn many_texts_take_minutes_at_most() {
    let all =
        ["banking77/queries.jsonl", "banking77/examples.jsonl", "clinc150/queries.jsonl", "clinc150/examples.jsonl"];
    let Some((mut texts, mut gold)) = questions(&all) else { return };
    let (tickets, more) = questions(&["tickets_de/queries.jsonl", "tickets_en/queries.jsonl"]).unwrap();
    texts.extend(tickets);
    gold.extend(more.iter().map(|name| name + 1000));
    let mut many: Vec<Text> = Vec::new();
    while many.len() < 50_000 {
        // Copies that differ in a word, since no two customers write the same.
        let round = many.len();
        many.extend(texts.iter().map(|text| Text { text: format!("{} w{}", text.text, round % 977), ..text.clone() }));
    }
    let begun = Instant::now();
    let redacted: usize =
        many.iter().take(10_000).map(|text| Redacted::of(&text.text, &["Erika"]).as_str().len()).sum();
    println!("10,000 texts redacted in {:?}, {redacted} bytes", begun.elapsed());
    for number in [10_000, 50_000] {
        let gold: Vec<usize> = gold.iter().cycle().take(number).copied().collect();
        measure("many", &many[..number], &gold);
    }
}

/// Normalised mutual information of two ways to sort the same texts (arithmetic mean of the entropies), 0 to 1.
fn mutual_information(a: &[usize], b: &[usize]) -> f64 {
    let total = a.len() as f64;
    let (mut of_a, mut of_b, mut of_both) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (x, y) in a.iter().zip(b) {
        *of_a.entry(*x).or_insert(0.0) += 1.0;
        *of_b.entry(*y).or_insert(0.0) += 1.0;
        *of_both.entry((*x, *y)).or_insert(0.0) += 1.0;
    }
    let entropy = |counts: &BTreeMap<usize, f64>| -counts.values().map(|n| n / total * (n / total).ln()).sum::<f64>();
    let both: f64 = of_both.iter().map(|((x, y), n)| n / total * (n * total / (of_a[x] * of_b[y])).ln()).sum();
    let mean = (entropy(&of_a) + entropy(&of_b)) / 2.0;
    if mean > 0.0 { both / mean } else { 1.0 }
}

#[test]
fn information_is_shared_or_not() {
    let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
    assert!(close(mutual_information(&[0, 0, 1, 1], &[5, 5, 3, 3]), 1.0));
    assert!(close(mutual_information(&[0, 0, 1, 1], &[0, 1, 0, 1]), 0.0));
    // As scikit-learn computes it.
    assert!((mutual_information(&[0, 0, 1, 1, 2, 2], &[0, 0, 1, 2, 2, 2]) - 0.693_428_2).abs() < 0.05);
}
