//! A process that writes is killed with `SIGKILL` at random moments, again and again, on one store. What it was told is
//! stored is there, whole, and the audit trail is sound.

#![expect(clippy::unwrap_used, reason = "a test; only functions marked as tests may unwrap by default")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use heinzel_core::block::Checkpoint;
use heinzel_core::effect::{Act, Effect, Outcome};
use heinzel_core::plan::Action;
use heinzel_core::rule::RuleId;
use heinzel_core::state::{Change, Entry};
use heinzel_core::time::Timestamp;
use heinzel_core::window::Window;
use heinzel_store::Store;
use heinzel_store::lock::Lock;
use heinzel_store::sqlite::{Options, Sqlite};

const FOLDER: &str = "HEINZEL_STORE_CRASH_FOLDER";
const KILLS: u32 = 50;

fn open(folder: &Path) -> Sqlite {
    let options = Options { boot: Some("one".into()), ..Options::default() };
    Sqlite::open(Lock::take(folder).unwrap(), &options).unwrap()
}

fn id(number: u64) -> String {
    format!("1-1-{number}")
}

/// Round `number` ends the effect of the round before and queues its own, with an entry, a window and a checkpoint.
fn round(number: u64) -> (Vec<Change>, Vec<Checkpoint>) {
    let at = Timestamp::from_seconds(number.cast_signed());
    let window = Window { incident: Some(number), ..Window::default() };
    let text = number.to_string();
    let effect = Effect { id: id(number), incident: 1, act: Act::Step { step: Action::Replan.into() } };
    let mut changes = vec![
        Change::Window(RuleId::from("a.b"), "key".into(), Some(Box::new(window))),
        Change::Entry(Entry { at, incident: Some(1), by: "engine".into(), what: "step".into(), text: text.clone() }),
        Change::Effect(effect),
    ];
    if number > 1 {
        changes.push(Change::EffectOver(id(number - 1), Outcome::Done { detail: text.clone() }));
    }
    (changes, vec![Checkpoint { source: "s".into(), stream: "s".into(), state: text.into() }])
}

/// Not a test of its own: what the killed process runs.
#[test]
#[ignore = "run by killed_processes_leave_a_whole_store"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mut store = open(Path::new(&folder));
    let first = store.health().unwrap().newest_entry + 1;
    let mut out = std::io::stdout();
    for number in first.. {
        let (changes, checkpoints) = round(number);
        store.commit(&changes, &checkpoints).unwrap();
        out.write_all(format!("\ncommitted {number}\n").as_bytes()).unwrap();
        store.started(&id(number)).unwrap();
        out.write_all(format!("\nstarted {number}\n").as_bytes()).unwrap();
        if number % 500 == 0 {
            store.retain(Timestamp::from_seconds(0), &heinzel_store::Retention::default()).unwrap();
        }
    }
}

struct Killed {
    committed: u64,
    started: u64,
}

/// Lets a child write `rounds` rounds and then kills it after `delay`.
fn kill_after(folder: &Path, rounds: u64, delay: Duration) -> Killed {
    let mut child: Child = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut killed = Killed { committed: 0, started: 0 };
    let mut note = |line: &str| {
        if let Some(number) = line.strip_prefix("committed ") {
            killed.committed = number.parse().unwrap();
            return true;
        }
        if let Some(number) = line.strip_prefix("started ") {
            killed.started = number.parse().unwrap();
        }
        false
    };
    let mut seen = 0;
    while seen < rounds {
        let line = lines.next().expect("the child ended by itself").unwrap();
        seen += u64::from(note(&line));
    }
    // Spinning, because the moment matters to the microsecond and sleeping is coarser than a commit.
    let begin = Instant::now();
    while begin.elapsed() < delay {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What was in the pipe when it died was said as well. Each line is written whole, in one write.
    for line in lines.map_while(Result::ok) {
        note(&line);
    }
    killed
}

#[test]
fn killed_processes_leave_a_whole_store() {
    let folder = tempfile::tempdir().unwrap();
    // xorshift64: moments differ from kill to kill, and a failure can be repeated with the printed seed.
    let seed = std::process::id().into();
    println!("seed {seed}");
    let mut random: u64 = seed;
    let mut next = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    let mut before = 0;
    for kill in 1..=KILLS {
        let rounds = next(8);
        let killed = kill_after(folder.path(), rounds, Duration::from_micros(next(6_000)));
        let mut store = open(folder.path());
        let report = store.verify_audit(&mut |_, _| {}).unwrap();
        assert_eq!(report.broken, None, "kill {kill}");
        let newest = store.health().unwrap().newest_entry;
        assert!(
            newest >= before + rounds && newest >= killed.committed,
            "kill {kill}: {newest} < {}",
            killed.committed
        );
        before = newest;
        let texts: Vec<String> = store.entries(0, usize::MAX).unwrap().into_iter().map(|n| n.entry.text).collect();
        let expected: Vec<String> = (1..=newest).map(|n| n.to_string()).collect();
        assert_eq!(texts, expected, "kill {kill}");
        let loaded = store.load(Timestamp::EPOCH).unwrap();
        assert_eq!(loaded.complaints, []);
        if newest == 0 {
            continue;
        }
        assert_eq!(*loaded.checkpoints[0].state, newest.to_string());
        assert_eq!(loaded.windows[&RuleId::from("a.b")]["key"].incident, Some(newest));
        assert_eq!(loaded.unfinished.len(), 1, "kill {kill}");
        let last = &loaded.unfinished[0];
        assert!(last.effect.id == id(newest) && last.same_boot);
        assert!(last.started || killed.started < newest, "kill {kill}: a mark was lost");
        assert_eq!(store.effects(1).unwrap().len() as u64, newest);
    }
    assert!(before > u64::from(KILLS), "the children did next to nothing: {before}");
}
