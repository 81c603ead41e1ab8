//! The packs that come with Heinzel, over the loghub samples: from raw lines to hits, beside all patterns one by one.
//!
//! Ours scans the raw block and parses the candidates only; the reference parses every line and asks every pattern of every
//! rule whose `program` fits. Lines whose message is escaped (JSON) are left out: the daemon decodes them before the scan.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

use heinzel_core::finding::Role;
use heinzel_core::parse::{Context, Format, Parsed, parse, verbatim};
use heinzel_core::pattern;
use heinzel_core::rule::{Rule, RuleId};
use heinzel_core::time::Timestamp;
use heinzel_matching::Names;
use regex::bytes::Regex;
use serde_json::{Value, json};

use super::each::Compiled;
use super::engine::{Pairs, blocks, lines};
use super::ours::{Ours, captures, learned};
use crate::cost::{cpu, median};
use crate::inputs::Inputs;
use crate::options::Options;

const ROUNDS: usize = 9;

/// Measures both and compares what they find.
pub fn measure(options: &Options) -> anyhow::Result<Value> {
    let loaded = heinzel_script::pack::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules"));
    let set = loaded.rule_set();
    let rules: Vec<&Rule> = set.rules.values().map(AsRef::as_ref).collect();
    let log = match samples(&Inputs::loghub(options)) {
        Ok(log) => log,
        Err(why) => {
            println!("\nSKIPPED: the shipped packs over the loghub samples: {why:#}");
            return Ok(json!({ "skipped": format!("{why:#}") }));
        }
    };
    let count = lines(&log).count();
    let context = Context { zone: jiff::tz::TimeZone::UTC, read_at: Timestamp::EPOCH, year: Some(2026) };
    let ours = Ours::new(rules.iter().copied(), &learned([]))?.with_headers();
    let mut each = Each::new(&rules)?;
    let (mut quick, mut slow) = (Vec::new(), Vec::new());
    let (mut by_ours, mut by_each) = (Pairs::exact(), Pairs::exact());
    scan(&ours, &log, &context, &mut by_ours);
    each.scan(&log, &context, &mut by_each);
    let same = (by_ours.count, by_ours.sum, by_ours.captures) == (by_each.count, by_each.sum, by_each.captures);
    anyhow::ensure!(
        same,
        "the shipped packs over loghub: heinzel finds {} pairs, rule by rule {}, or others",
        by_ours.count,
        by_each.count
    );
    for _ in 0..ROUNDS {
        let begin = cpu();
        scan(&ours, &log, &context, &mut Pairs::counted());
        let between = cpu();
        each.scan(&log, &context, &mut Pairs::counted());
        quick.push((between - begin).as_nanos() as f64 / count as f64);
        slow.push((cpu() - between).as_nanos() as f64 / count as f64);
    }
    let ratio = median(quick.iter().zip(&slow).map(|(quick, slow)| slow / quick).collect());
    let (quick, slow) = (median(quick), median(slow));
    println!("\n### The shipped packs ({} rules) over {count} loghub lines, {} pairs\n", rules.len(), by_ours.count);
    println!("| | ns/line | lines/s |\n|---|---|---|");
    println!("| ours: scan, parse the candidates, find | {quick:.0} | {:.0} |", 1e9 / quick);
    println!("| parse all, rule by rule | {slow:.0} | {:.0} |", 1e9 / slow);
    println!("\nrule by rule / ours: {ratio:.1}");
    Ok(json!({
        "rules": rules.len(), "lines": count, "pairs": by_ours.count,
        "ours_ns_line": quick, "rule_by_rule_ns_line": slow, "ratio": ratio,
    }))
}

/// All samples in one text.
fn samples(folder: &Path) -> anyhow::Result<Vec<u8>> {
    let mut log = Vec::new();
    let mut files = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    files.sort_by_key(std::fs::DirEntry::file_name);
    for entry in files.iter().filter(|entry| entry.path().is_dir()) {
        let name = entry.file_name();
        let text = std::fs::read(entry.path().join(format!("{}_2k.log", name.to_string_lossy())))?;
        for (_, line) in lines(&text).filter(|(_, line)| verbatim(Format::Auto, line)) {
            log.extend_from_slice(line);
            log.push(b'\n');
        }
    }
    Ok(log)
}

fn scan(ours: &Ours, log: &[u8], context: &Context, pairs: &mut Pairs) {
    for (start, block) in blocks(log) {
        ours.candidates(block, |range, candidates| {
            let line = start + range.start;
            let parsed = parse(Format::Auto, &block[range], context);
            ours.hits(candidates, &parsed.message, &names(&parsed), |hit| {
                pairs.captured(line, || identity(hit.rule, hit.role), captures(hit));
            });
        });
    }
}

fn names(parsed: &Parsed) -> Names<'_> {
    Names { program: parsed.stamp.program.as_deref(), unit: parsed.stamp.unit.as_deref(), ..Names::default() }
}

fn identity(rule: &RuleId, role: Role) -> usize {
    let mut hasher = DefaultHasher::new();
    (rule, role).hash(&mut hasher);
    hasher.finish() as usize
}

/// All rules, asked one by one.
struct Each<'r>(Vec<One<'r>>);

struct One<'r> {
    rule: &'r Rule,
    patterns: Vec<(Role, usize, Compiled)>,
    unless: Vec<Regex>,
}

impl<'r> Each<'r> {
    fn new(rules: &[&'r Rule]) -> anyhow::Result<Self> {
        let one = |rule: &&'r Rule| {
            let matches = rule.patterns.iter().enumerate().map(|(n, text)| (Role::Match(n), text));
            let clears = rule.clear.patterns.iter().enumerate().map(|(n, text)| (Role::Clear(n), text));
            let compiled = |(role, text): (Role, &String)| Ok((role, identity(&rule.id, role), Compiled::new(text)?));
            Ok(One {
                rule,
                patterns: matches.chain(clears).map(compiled).collect::<anyhow::Result<_>>()?,
                unless: rule.unless.iter().map(|text| pattern::compile(text)).collect::<Result<_, _>>()?,
            })
        };
        Ok(Self(rules.iter().map(one).collect::<anyhow::Result<_>>()?))
    }

    fn scan(&mut self, log: &[u8], context: &Context, pairs: &mut Pairs) {
        for (start, line) in lines(log) {
            let parsed = parse(Format::Auto, line, context);
            let (names, message) = (names(&parsed), parsed.message.as_bytes());
            for One { rule, patterns, unless } in &mut self.0 {
                let mut given = names.program.iter().chain(&names.unit);
                if !rule.programs.is_empty() && !given.any(|name| rule.programs.iter().any(|glob| glob.fits(name))) {
                    continue;
                }
                let mut spoilt = None;
                for (role, identity, pattern) in patterns {
                    let is_spoilt = || unless.iter().any(|unless| unless.is_match(message));
                    if matches!(role, Role::Match(_)) && *spoilt.get_or_insert_with(is_spoilt) {
                        continue;
                    }
                    pattern.ask(*identity, start, message, pairs);
                }
            }
        }
    }
}
