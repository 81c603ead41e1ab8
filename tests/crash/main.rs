//! `heinzel run` is killed with `SIGKILL` at random moments, again and again, while logs are written and rotated. Every
//! matching line becomes exactly one incident and its fix runs exactly once; no effect stays undecided, and the audit
//! trail's chain is whole.
//!
//! `HEINZEL_CRASH_CYCLES` sets how often it is killed; `.ci/run` does it 500 times. A failure prints the seed, which
//! `HEINZEL_CRASH_SEED` repeats as far as a machine can be repeated.

#![expect(clippy::unwrap_used, reason = "a test; only functions marked as tests may unwrap by default")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use heinzel_core::incident::Status;
use heinzel_core::state::Entry;
use heinzel_store::{Filter, Progress, Store as _};

mod logs;
mod machine;

use logs::Writer;
use machine::{Machine, Random};

/// How often it is killed when nobody says otherwise.
const CYCLES: u64 = 60;
/// How long the engine may take to come to rest after the last kill.
const REST: Duration = Duration::from_secs(120);

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// When the next kill comes.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// While the configuration, the store and the rules are loaded.
    StartUp,
    /// At any time.
    Any,
    /// Right behind the beginning of a fix.
    InFix,
    /// While the fix's outcome is written down.
    BehindFix,
}

#[test]
fn killed_at_any_moment_no_line_is_lost_and_no_fix_runs_twice() {
    let seed = number("HEINZEL_CRASH_SEED").unwrap_or_else(|| u64::from(std::process::id()) * 7919 + 1);
    let cycles = number("HEINZEL_CRASH_CYCLES").unwrap_or(CYCLES);
    println!("HEINZEL_CRASH_SEED={seed} HEINZEL_CRASH_CYCLES={cycles}");
    let begin = Instant::now();
    let machine = Machine::new();
    let writer = Writer::start(&machine, seed);
    let mut random = Random(seed);
    let mut kills: BTreeMap<&str, u64> = BTreeMap::new();
    for _ in 0..cycles {
        let (moment, name) = match random.below(10) {
            0 | 1 => (Moment::StartUp, "during start-up"),
            2..=5 => (Moment::Any, "at any time"),
            6 | 7 => (Moment::InFix, "as a fix began"),
            _ => (Moment::BehindFix, "behind a fix"),
        };
        let mut engine = machine.start();
        match moment {
            Moment::StartUp => std::thread::sleep(Duration::from_millis(random.below(60))),
            Moment::Any => std::thread::sleep(Duration::from_millis(random.below(400))),
            Moment::InFix => machine.wait_for_more(&machine.begun, Duration::from_millis(1500)),
            Moment::BehindFix => {
                machine.wait_for_more(&machine.ledger, Duration::from_millis(1500));
                machine::spin(Duration::from_micros(random.below(12_000)));
            }
        }
        engine.kill();
        *kills.entry(name).or_default() += 1;
    }
    let written = writer.stop();
    let run = begin.elapsed();
    let engine = machine.start();
    let rested = Instant::now();
    while let Some(missing) = machine.unrest(&written.ids) {
        assert!(rested.elapsed() < REST, "seed {seed}: not at rest: {missing}\n{}", machine.log_tail());
        std::thread::sleep(Duration::from_millis(100));
    }
    engine.stop();
    println!(
        "{cycles} kills {kills:?} in {run:.1?} (at rest {:.1?} later): {} matching lines of {}, rotations {:?}",
        rested.elapsed(),
        written.ids.len(),
        written.lines,
        written.rotations,
    );
    println!("{}", check(&machine, &written.ids, seed));
}

/// What must be true in the end. Returns what there was to see.
fn check(machine: &Machine, ids: &[u64], seed: u64) -> String {
    let store = machine.store().unwrap();
    let mut wrong = Vec::new();
    let listed = machine.ask(&["incident", "list", "--all", "--limit", "1000000"]);
    let incidents = store.incidents(&Filter::default()).unwrap();
    assert_eq!(listed.len(), incidents.len(), "the command line and the store disagree");
    let mut by_asset: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for incident in &incidents {
        by_asset.entry(&incident.asset).or_default().push(incident.id);
        if incident.status != Status::Resolved || incident.findings != 1 || incident.reopened != 0 {
            let (status, findings, reopened) = (incident.status, incident.findings, incident.reopened);
            wrong.push(format!(
                "incident {} of {}: {status}, {findings} findings, {reopened} times reopened: {:?}",
                incident.id, incident.asset, incident.verdict
            ));
        }
        for effect in store.effects(incident.id).unwrap() {
            if effect.progress != Progress::Over || effect.result.is_none() {
                wrong.push(format!("effect {} is {}", effect.effect.id, effect.progress.word()));
            }
        }
    }
    let done = machine.count(&machine.ledger);
    for id in ids {
        match by_asset.remove(&*format!("job:{id}")) {
            Some(numbers) if numbers.len() == 1 => {}
            numbers => wrong.push(format!("line {id} has the incidents {numbers:?}")),
        }
        match done.get(id) {
            Some(1) => {}
            times => wrong.push(format!("the fix of line {id} ran {} times", times.unwrap_or(&0))),
        }
    }
    wrong.extend(by_asset.keys().map(|asset| format!("{asset} was never written")));
    wrong.extend(done.keys().filter(|id| !ids.contains(id)).map(|id| format!("a fix ran for {id}, never written")));
    let entries: Vec<Entry> = store.entries(0, usize::MAX).unwrap().into_iter().map(|n| n.entry).collect();
    let shown = machine.ask(&["audit", "show", "--limit", "10000000"]);
    assert_eq!(shown.len(), entries.len(), "the command line and the store disagree about the trail");
    assert_eq!(machine.exit(&["audit", "verify"]), 0, "seed {seed}: the audit trail is broken");
    assert_eq!(store.verify_audit(&mut |_, _| {}).unwrap().broken, None);
    let unknown = entries.iter().filter(|e| e.what == "step" && e.text.starts_with("unknown")).count();
    let again = entries.iter().filter(|e| e.what == "plan" && e.text.starts_with("looking again")).count();
    assert!(wrong.is_empty(), "seed {seed}: {}\n{}", wrong.join("\n"), machine.keep());
    format!("{} audit entries; {unknown} fixes were interrupted, {again} needed another look", entries.len())
}
