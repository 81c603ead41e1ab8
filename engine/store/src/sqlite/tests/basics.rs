//! What goes in comes out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use heinzel_core::effect::{Act, Effect, Message, Outcome};
use heinzel_core::glob::Glob;
use heinzel_core::incident::Status;
use heinzel_core::plan::{Action, Check, Compare, Plan};
use heinzel_core::policy::Mode;
use heinzel_core::probe::{Fact, Probe};
use heinzel_core::rule::{Patience, RuleId, RuleVersion};
use heinzel_core::run::{Run, Stage};
use heinzel_core::severity::Severity;
use heinzel_core::spot::Spot;
use heinzel_core::state::{Change, Evidence, FixStart, Paused, RuleRecord};
use heinzel_core::window::Window;

use super::super::FILE;
use super::*;
use crate::{Filter, Progress};

#[test]
fn everything_comes_back_after_a_restart() {
    let mut scene = Scene::new();
    let rule = RuleId::from("web.nginx-dead");
    let mut window = Window::default();
    window.times.extend([at(1), at(2)]);
    window.values.insert("a\u{0}b".into(), at(3));
    window.incident = Some(1);
    let spot = Spot { mode: Some(Mode::Approve), failures: [at(1)].into(), ..Spot::default() };
    let record = RuleRecord {
        breaker: Some((at(5), "3 fixes failed".into())),
        evidence: Evidence { verified: 4, bad: [at(1)].into(), ..Evidence::default() },
        spots: BTreeMap::from([("pool:www".into(), spot)]),
        ..RuleRecord::default()
    };
    let fix = FixStart { rule: rule.clone(), asset: "unit:nginx".into(), incident: 1, at: at(50) };
    let old = FixStart { at: at(49), ..fix.clone() };
    let paused = Paused { by: "kim".into(), at: at(9), why: "maintenance".into() };
    let changes = [
        opened(1, Status::Open),
        opened(2, Status::Resolved),
        Change::Window(rule.clone(), "host=web1".into(), Some(Box::new(window.clone()))),
        Change::Window(rule.clone(), "gone".into(), Some(Box::default())),
        Change::Window(rule.clone(), "gone".into(), None),
        Change::Rule(rule.clone(), Box::new(record.clone())),
        Change::Fix(old),
        Change::Fix(fix.clone()),
        Change::Paused(Some(paused.clone())),
        Change::Effect(effect("1-1-1", 1)),
        Change::Effect(effect("1-1-2", 1)),
        Change::EffectOver("1-1-1".into(), done()),
        Change::Entry(entry(Some(1), 100, "seen\0\u{1f600}")),
    ];
    let checkpoints = [checkpoint("a.log", "{\"v\":1}"), checkpoint("b.log", "x"), checkpoint("b.log", "")];
    scene.store.commit(&changes, &checkpoints).unwrap();

    let mut scene = scene.again("boot-1");
    let loaded = scene.store.load(at(50)).unwrap();
    assert_eq!(loaded.complaints, []);
    assert_eq!(loaded.incidents, [incident(1, Status::Open), incident(2, Status::Resolved)]);
    assert_eq!(loaded.windows, BTreeMap::from([(rule.clone(), BTreeMap::from([("host=web1".into(), window)]))]));
    assert_eq!(loaded.rules, BTreeMap::from([(rule, record)]));
    assert_eq!(loaded.fixes, [fix]);
    assert_eq!(loaded.paused, Some(paused));
    assert_eq!(loaded.last_incident, 2);
    assert_eq!(loaded.checkpoints, [checkpoint("a.log", "{\"v\":1}")]);
    assert_eq!(loaded.unfinished.iter().map(|u| &u.effect.id[..]).collect::<Vec<_>>(), ["1-1-2"]);
    assert_eq!(scene.store.timeline(1).unwrap()[0].entry, entry(Some(1), 100, "seen\0\u{1f600}"));
    let health = scene.store.health().unwrap();
    assert_eq!((health.format, health.newest_entry, health.unfinished), (1, 1, 1));

    scene.commit(&[Change::Paused(None)]);
    let loaded = scene.store.load(at(2000)).unwrap();
    assert_eq!((loaded.paused, loaded.fixes.len()), (None, 0));
    assert_eq!(loaded.incidents.iter().map(|i| i.id).collect::<Vec<_>>(), [1], "resolved before `recent`");
    assert_eq!(loaded.last_incident, 2);
}

#[test]
fn every_kind_of_effect_and_outcome_reads_back() {
    let look = Probe::Disk { path: "/var".into() };
    let message = Message {
        incident: 1,
        rule: "a.b".into(),
        title: "t".into(),
        severity: Severity::Low,
        asset: "vm:1".into(),
        customers: vec!["kim".into()],
        host: None,
        reason: "r".into(),
        steps: vec![],
    };
    let actions = [
        Action::Command { argv: vec!["/bin/true".into(), "-x".into()] },
        Action::Remove { path: "/tmp/x*".into(), older_than: Some(Duration::from_millis(1500)) },
        Action::Chmod { path: "/x".into(), mode: 0o640 },
        Action::WriteTemplate {
            path: "/x".into(),
            template: "{{a}}".into(),
            values: BTreeMap::from([("a".into(), serde_json::json!({"z": 1, "b": [1.5, null]}))]),
        },
        Action::Signal { name: "nginx".into(), pid: None, signal: "HUP".into() },
        Action::Http { method: "POST".into(), url: "http://x/".into(), body: Some(serde_json::json!("x")) },
        Action::TaskRetry { kind: "vzdump".into(), target: "100".into() },
        Action::Wait { time: Duration::from_secs(3) },
        Action::Replan,
    ];
    let mut acts: Vec<Act> = actions.into_iter().map(|action| Act::Step { step: action.into() }).collect();
    acts.push(Act::Probe { probe: look.clone() });
    acts.push(Act::Notify { to: "operator".into(), message });
    let outcomes = [
        Outcome::Saw { fact: Fact::Seen { report: serde_json::json!({"used": 0.93}) } },
        Outcome::Saw { fact: Fact::Blind { why: "no".into() } },
        done(),
        Outcome::Failed { why: "exit 1".into() },
        Outcome::Refused { gate: "roots".into(), why: "outside".into() },
        Outcome::Unknown,
    ];
    let mut scene = Scene::new();
    let mut expected = Vec::new();
    for (number, act) in acts.into_iter().enumerate() {
        let effect = Effect { id: format!("1-1-{number}"), incident: 1, act };
        let result = outcomes[number % outcomes.len()].clone();
        scene.commit(&[Change::Effect(effect.clone()), Change::EffectOver(effect.id.clone(), result.clone())]);
        expected.push((effect, Some(result)));
    }
    let stored = scene.store.effects(1).unwrap();
    assert!(stored.iter().all(|e| e.progress == Progress::Over));
    assert_eq!(stored.into_iter().map(|e| (e.effect, e.result)).collect::<Vec<_>>(), expected);

    let plan = Plan {
        steps: vec![Action::Wait { time: Duration::from_secs(1) }.into()],
        verify: vec![
            Check::Quiet { time: Duration::from_secs(60) },
            Check::Report { probe: look, key: "used".into(), compare: Compare::AtMost, value: serde_json::json!(0.9) },
        ],
        ..plan()
    };
    let mut healing = incident(1, Status::Healing);
    healing.run = Some(Run {
        number: 1,
        version: RuleVersion("0123456789abcdef".into()),
        started: at(1),
        round: 0,
        facts: BTreeMap::default(),
        done: vec![],
        approved: None,
        cleared: false,
        touched: true,
        told: None,
        begun: None,
        stage: Stage::Verifying {
            plan,
            since: at(2),
            resumed: None,
            holding_since: None,
            waiting: BTreeMap::from([("1-1-3".into(), 1)]),
            broken: vec![],
            next: at(3),
            unsure: true,
        },
    });
    scene.commit(&[Change::Incident(Box::new(healing.clone()))]);
    assert_eq!(scene.store.incident(1).unwrap(), Some(healing));
}

fn plan() -> Plan {
    Plan {
        version: RuleVersion("0123456789abcdef".into()),
        round: 0,
        steps: vec![],
        verify: vec![],
        rollback: vec![],
        patience: Patience { within: Duration::from_millis(1), ..Patience::default() },
    }
}

#[test]
fn unfinished_effects_tell_whether_they_may_have_started() {
    let mut scene = Scene::new();
    let ids = ["1-1-1", "1-1-2", "1-1-3"];
    scene.commit(&ids.map(|id| Change::Effect(effect(id, 1))));
    scene.store.started(&"1-1-2".to_owned()).unwrap();
    scene.store.started(&"1-1-3".to_owned()).unwrap();
    scene.commit(&[Change::EffectOver("1-1-3".into(), done())]);

    let check = |scene: &mut Scene, expected: [(&str, bool, bool, bool); 2]| {
        let loaded = scene.store.load(at(0)).unwrap();
        let found: Vec<_> = loaded
            .unfinished
            .iter()
            .map(|u| (&u.effect.id[..], u.started, u.same_boot, u.may_have_started()))
            .collect();
        assert_eq!(found, expected);
    };
    let mut scene = scene.again("boot-1");
    check(&mut scene, [("1-1-1", false, true, false), ("1-1-2", true, true, true)]);
    // After a power cut the mark of 1-1-1 may be what was lost.
    let mut scene = scene.again("boot-2");
    check(&mut scene, [("1-1-1", false, false, true), ("1-1-2", true, false, true)]);
    scene.store.started(&"1-1-1".to_owned()).unwrap();
    check(&mut scene, [("1-1-1", true, true, true), ("1-1-2", true, false, true)]);
}

#[test]
fn an_unknown_boot_is_never_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let unknown = Options::default();
    let mut store = Sqlite::open(Lock::take(folder.path()).unwrap(), &unknown).unwrap();
    store.commit(&[Change::Effect(effect("1-1-1", 1))], &[]).unwrap();
    assert!(store.load(at(0)).unwrap().unfinished[0].may_have_started());
}

#[test]
fn only_what_waits_may_be_started() {
    let mut scene = Scene::new();
    scene.commit(&[Change::Effect(effect("1-1-1", 1)), Change::EffectOver("1-1-1".into(), done())]);
    for id in ["1-1-1", "9-9-9"] {
        let error = scene.store.started(&id.to_owned()).unwrap_err();
        assert!(matches!(error, crate::error::StoreError::NotWaiting { .. }), "{error}");
        assert!(error.to_string().contains(id) && !error.is_passing(), "{error}");
    }
    // Nor is it revived by being stored again.
    scene.commit(&[Change::Effect(effect("1-1-1", 1))]);
    assert_eq!(scene.store.load(at(0)).unwrap().unfinished, []);
}

#[test]
fn incidents_are_found_by_filter() {
    let mut scene = Scene::new();
    let mut other = incident(3, Status::NeedsHuman);
    other.rule = RuleId::from("mail.queue-full");
    other.asset = "host:mx1".into();
    other.last_seen = at(9_000);
    scene.commit(&[opened(1, Status::Open), opened(2, Status::Resolved), Change::Incident(Box::new(other))]);
    let check = |filter: Filter, expected: &[u64]| {
        let found: Vec<u64> = scene.store.incidents(&filter).unwrap().iter().map(|i| i.id).collect();
        assert_eq!(found, expected, "{filter:?}");
    };
    let glob = |text: &str| Some(Glob::from(text));
    check(Filter::default(), &[3, 2, 1]);
    check(Filter { limit: Some(2), ..Filter::default() }, &[3, 2]);
    check(Filter { status: BTreeSet::from([Status::Open, Status::NeedsHuman]), ..Filter::default() }, &[3, 1]);
    check(Filter { status: BTreeSet::from([Status::Resolved]), ..Filter::default() }, &[2]);
    check(Filter { rule: glob("web.*"), ..Filter::default() }, &[2, 1]);
    check(Filter { rule: glob("web.[n]*"), ..Filter::default() }, &[]);
    check(Filter { asset: glob("host:mx1"), ..Filter::default() }, &[3]);
    check(Filter { since: Some(at(1_002)), ..Filter::default() }, &[3, 2]);
    check(Filter { rule: glob("web.*"), limit: Some(1), ..Filter::default() }, &[2]);
    assert_eq!(scene.store.incident(7).unwrap(), None);
}

#[test]
fn timeline_and_trail_are_the_same_entries() {
    let mut scene = Scene::new();
    scene.commit(&[Change::Entry(entry(Some(1), 1, "a")), logged(2, "b"), Change::Entry(entry(Some(2), 3, "c"))]);
    scene.commit(&[Change::Entry(entry(Some(1), 4, "d"))]);
    let numbers = |found: Vec<crate::Numbered>| found.into_iter().map(|n| (n.seq, n.entry.text)).collect::<Vec<_>>();
    assert_eq!(numbers(scene.store.timeline(1).unwrap()), [(1, "a".into()), (4, "d".into())]);
    assert_eq!(numbers(scene.store.entries(1, 2).unwrap()), [(2, "b".into()), (3, "c".into())]);
    assert_eq!(numbers(scene.store.entries(4, 9).unwrap()), []);
    assert_eq!(scene.store.entries(u64::MAX, usize::MAX).unwrap(), []);
}

#[test]
fn readers_work_beside_the_engine_and_write_nothing() {
    let mut scene = Scene::new();
    scene.commit(&[opened(1, Status::Open), logged(1, "a")]);
    let patience = Duration::from_millis(50);
    let mut reader = Sqlite::open_read_only(scene.folder.path(), patience).unwrap();
    assert_eq!(reader.incidents(&Filter::default()).unwrap().len(), 1);
    scene.commit(&[logged(2, "b")]);
    assert_eq!(reader.entries(0, 9).unwrap().len(), 2);
    assert_eq!(reader.verify_audit(&mut |_, _| {}).unwrap().checked, 2);
    let error = reader.commit(&[logged(3, "c")], &[]).unwrap_err();
    assert!(error.to_string().contains("reading only") && !error.is_passing(), "{error}");
    let empty = tempfile::tempdir().unwrap();
    let error = Sqlite::open_read_only(empty.path(), patience).unwrap_err();
    assert!(error.to_string().contains("heinzel run"), "{error}");
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0);
}

#[test]
fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let mut scene = Scene::new();
    scene.commit(&[logged(1, "a")]);
    let mut names = Vec::new();
    for found in std::fs::read_dir(scene.folder.path()).unwrap() {
        let found = found.unwrap();
        assert_eq!(found.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{found:?}");
        names.push(found.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["heinzel.db", "heinzel.db-shm", "heinzel.db-wal", "heinzel.lock"]);
}

#[test]
fn the_log_is_written_back_beside_the_commits_and_used_again() {
    let mut scene = Scene::new();
    let file = scene.folder.path().join(FILE);
    let text = "x".repeat(40_000);
    let begin = std::time::Instant::now();
    // Some 40 MB go through the log; it is written back whenever it has 4 MB.
    let (mut number, mut grown) = (0, 0);
    while grown < 8 << 20 {
        scene.commit(&[logged(number, &text)]);
        number += 1;
        grown = std::fs::metadata(&file).unwrap().len();
        assert!(begin.elapsed() < Duration::from_secs(60), "after {number} commits the file has {grown} bytes");
    }
    assert_eq!(scene.verify().broken, None);
}

#[test]
fn a_log_with_reserved_room_is_read_back_after_a_kill() {
    let mut scene = Scene::new();
    scene.commit(&[logged(1, "first")]);
    // The files of a process that was killed: a copy of what is there while it runs.
    let copy = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        for name in [FILE.to_owned(), format!("{FILE}-wal")] {
            std::fs::copy(scene.folder.path().join(&name), copy.path().join(&name)).unwrap();
        }
        let lock = Lock::take(copy.path()).unwrap();
        let mut store = Sqlite::open(lock, &Options { reserve: 1 << 20, ..Options::default() }).unwrap();
        assert_eq!(std::fs::metadata(copy.path().join(format!("{FILE}-wal"))).unwrap().len(), 1 << 20);
        store.commit(&[logged(2, "second")], &[]).unwrap();
        let again = tempfile::tempdir().unwrap();
        for name in [FILE.to_owned(), format!("{FILE}-wal")] {
            std::fs::copy(copy.path().join(&name), again.path().join(&name)).unwrap();
        }
        let lock = Lock::take(again.path()).unwrap();
        let reread = Sqlite::open(lock, &Options { reserve: 1 << 20, ..Options::default() }).unwrap();
        assert_eq!(reread.entries(0, 9).unwrap().len(), 2);
        assert_eq!(reread.verify_audit(&mut |_, _| {}).unwrap().broken, None);
    }
}
