//! All patterns in one pass find what each pattern finds alone.
#![no_main]

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use heinzel_core::finding::Role;
use heinzel_core::pattern;
use heinzel_core::rule::Rule;
use heinzel_matching::{Borders, Matcher, Message, Names, Width};
use libfuzzer_sys::fuzz_target;

/// The rules of the matcher's own tests.
#[path = "../../../engine/matching/tests/rules/mod.rs"]
mod bare;

#[derive(Arbitrary, Debug)]
struct Input {
    rules: Vec<(Vec<Part>, Vec<String>)>,
    lines: Vec<Vec<u8>>,
    whole: bool,
    fill_first: bool,
    ends_open: bool,
}

/// A pattern: as it comes, or of parts that patterns of logs have, so that texts long enough for windows come together.
#[derive(Arbitrary, Debug)]
enum Part {
    Any(String),
    Log(Vec<u8>),
}

const PARTS: [&str; 24] = [
    "connection refused",
    " from ",
    "(?<ip>\\d{1,3}\\.\\d{1,3})",
    "(?<who>\\S+)",
    "failed",
    ": ",
    "(?i:ERROR)",
    ".*",
    "^",
    "$",
    "(?:ab|cd)+",
    "[a-c]{2,3}",
    "x",
    "\\d+",
    "%",
    "(?<rest>.*?)",
    "kernel panic - not syncing",
    "\\b",
    "out of memory",
    "\\[",
    "\\]",
    "(?:one|)",
    " ",
    "-\\d",
];

impl Part {
    fn text(&self) -> String {
        let Self::Log(parts) = self else {
            let Self::Any(text) = self else { unreachable!() };
            return text.clone();
        };
        let mut text = String::new();
        for part in parts.iter().take(8).map(|part| PARTS[usize::from(*part) % PARTS.len()]) {
            // A group's name may stand only once.
            let again = part.find('>').is_some_and(|end| text.contains(&part[..=end]));
            if !again {
                text.push_str(part);
            }
        }
        text
    }
}

type Found = BTreeMap<usize, BTreeMap<(String, usize), Vec<(String, String)>>>;

fuzz_target!(|input: Input| {
    if input.rules.len() > 8 || input.lines.len() > 16 {
        return;
    }
    let sound = |texts: Vec<String>| -> Vec<String> {
        texts.into_iter().take(4).filter(|p| p.len() < 160 && pattern::compile(p).is_ok()).collect()
    };
    let rules: Vec<Rule> = input
        .rules
        .iter()
        .zip(0..)
        .map(|((m, u), n): (_, u32)| Rule {
            patterns: sound(m.iter().map(Part::text).collect()),
            unless: sound(u.clone()),
            ..bare::rule(&format!("fuzz.r{n}"), &[])
        })
        .collect();
    let Ok(matcher) = Matcher::new(&rules) else { panic!("sound patterns are refused") };
    // A line may be said by parts of patterns, too: so that some of them match.
    let line = |bytes: &Vec<u8>| -> Vec<u8> {
        let mut line: Vec<u8> = match bytes.split_first() {
            Some((0..128, parts)) => {
                parts.iter().take(12).flat_map(|part| PARTS[usize::from(*part) % PARTS.len()].bytes()).collect()
            }
            _ => bytes.clone(),
        };
        line.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
        line
    };
    let mut lines: Vec<Vec<u8>> = input.lines.iter().map(line).collect();
    // So the block is long enough for the widest search, which reads what stands before it, or what behind.
    lines.insert(if input.fill_first { 0 } else { lines.len() }, b"~ ".repeat(1_024));
    let mut block = Vec::new();
    let mut starts = BTreeMap::new();
    for line in &lines {
        starts.insert(block.len(), line.as_slice());
        block.extend_from_slice(line);
        block.push(b'\n');
    }
    if input.ends_open {
        block.pop();
        // Behind the last line end an empty line is none.
        starts.retain(|start, _| *start < block.len());
    }
    let message = if input.whole { Message::Whole } else { Message::Part };
    let seen = |matcher: &Matcher| {
        let view = matcher.view("fuzz", None).with_message(message);
        let mut found = Found::new();
        view.scan(&block, Borders::Lines, &mut |range, candidates| {
            let line = starts[&range.start];
            assert_eq!(&block[range.clone()], line, "a record is not its line");
            view.find(candidates, &String::from_utf8_lossy(line), &Names::default(), &mut |hit| {
                let Role::Match(number) = hit.role else { panic!("only match patterns were given") };
                let captures = hit.captures().map(|(name, text)| (name.to_owned(), text.into_owned())).collect();
                let before = found.entry(range.start).or_default().insert((hit.rule.to_string(), number), captures);
                assert!(before.is_none(), "told twice");
            });
        });
        found
    };
    let mut found = seen(&matcher);
    for width in Width::ALL {
        assert_eq!(found, seen(&matcher.at_width(width)), "{width:?} finds something else");
    }
    for (start, line) in starts {
        let message = String::from_utf8_lossy(line);
        let mut expected = BTreeMap::new();
        for rule in &rules {
            let fits = |text: &String| pattern::compile(text).is_ok_and(|regex| regex.is_match(message.as_bytes()));
            if rule.unless.iter().any(fits) {
                continue;
            }
            for (number, text) in rule.patterns.iter().enumerate() {
                let Ok(regex) = pattern::compile(text) else { continue };
                let Some(groups) = regex.captures(message.as_bytes()) else { continue };
                let named = regex.capture_names().flatten().filter_map(|name| {
                    Some((name.to_owned(), String::from_utf8_lossy(groups.name(name)?.as_bytes()).into_owned()))
                });
                expected.insert((rule.id.to_string(), number), named.collect());
            }
        }
        assert_eq!(found.remove(&start).unwrap_or_default(), expected, "in {message:?}");
    }
});
