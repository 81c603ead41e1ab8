//! What the store costs. Measured by hand: `cargo test --release -p heinzel-store --test speed -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use heinzel_core::effect::{Act, Effect};
use heinzel_core::plan::Action;
use heinzel_core::rule::RuleId;
use heinzel_core::state::{Change, Entry};
use heinzel_core::time::Timestamp;
use heinzel_core::window::Window;
use heinzel_store::lock::Lock;
use heinzel_store::sqlite::{Options, Sqlite};
use heinzel_store::{Retention, Store};

fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort();
    times[(times.len() - 1) * percent / 100]
}

#[expect(clippy::print_stdout, reason = "the measurement is the point")]
fn report(name: &str, mut times: Vec<Duration>, rows: u32) {
    let total: Duration = times.iter().sum();
    let rate = f64::from(rows) * times.len() as f64 / total.as_secs_f64();
    let (half, most) = (percentile(&mut times, 50), percentile(&mut times, 99));
    println!("{name}: p50 {half:?}, p99 {most:?}, {rate:.0} rows/s");
}

fn timed(mut call: impl FnMut(usize), times: usize) -> Vec<Duration> {
    (0..times)
        .map(|number| {
            let begin = Instant::now();
            call(number);
            begin.elapsed()
        })
        .collect()
}

fn entry(number: usize) -> Change {
    Change::Entry(Entry {
        at: Timestamp::from_seconds(number as i64),
        incident: Some(1),
        by: "engine".into(),
        what: "step".into(),
        text: "systemctl restart nginx.service: done".into(),
    })
}

#[test]
#[ignore = "a measurement; depends on the disk"]
fn commits_marks_and_checks() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Sqlite::open(Lock::take(folder.path()).unwrap(), &Options::default()).unwrap();
    let mut window = Window::default();
    window.times.extend([Timestamp::EPOCH, Timestamp::MAX, Timestamp::EPOCH]);
    let windows = |round: usize| -> Vec<Change> {
        let mut window = window.clone();
        window.values.insert(round.to_string(), Timestamp::EPOCH);
        (0..1000)
            .map(|n| Change::Window(RuleId::from("web.busy"), format!("host=web{n}"), Some(Box::new(window.clone()))))
            .collect()
    };
    let rounds: Vec<_> = (0..50).map(windows).collect();
    report("commit of 1,000 windows", timed(|round| store.commit(&rounds[round], &[]).unwrap(), 50), 1000);
    report("commit of one entry", timed(|number| store.commit(&[entry(number)], &[]).unwrap(), 500), 1);
    let effects: Vec<Change> = (0..500)
        .map(|n| Effect { id: format!("1-1-{n}"), incident: 1, act: Act::Step { step: Action::Replan.into() } })
        .map(Change::Effect)
        .collect();
    store.commit(&effects, &[]).unwrap();
    report("mark as started", timed(|n| store.started(&format!("1-1-{n}")).unwrap(), 500), 1);
    for round in 0..20 {
        store.commit(&(0..1000).map(|n| entry(round * 1000 + n)).collect::<Vec<_>>(), &[]).unwrap();
    }
    let mut checked = 0;
    let times = timed(|_| checked = store.verify_audit(&mut |_, _| {}).unwrap().checked, 3);
    report("verify the audit trail", times, u32::try_from(checked).unwrap());
    report("load", timed(|_| drop(store.load(Timestamp::EPOCH).unwrap()), 5), 1);
    let times = timed(
        |_| assert_eq!(store.retain(Timestamp::from_seconds(40_000_000), &Retention::default()).unwrap().entries, 2000),
        5,
    );
    report("remove 2,000 entries", times, 2000);
}
