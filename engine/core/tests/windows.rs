//! Windows against a naive count that remembers everything, over random times in random order.
#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use heinzel_core::event::Place;
use heinzel_core::field::Value;
use heinzel_core::finding::{Finding, Role};
use heinzel_core::task::{Task, TaskState};
use heinzel_core::time::Timestamp;
use heinzel_core::trigger::Trigger;
use heinzel_core::window::{Seen, Window};
use proptest::prelude::*;

/// One finding: when, which pattern (or task state), which value.
type Line = (i64, usize, u8);

fn finding((time, number, value): Line, task: bool) -> Finding {
    let state = [TaskState::Ok, TaskState::Failed, TaskState::Warning, TaskState::Running][number % 4];
    let task = task.then(|| Task {
        id: "1".into(),
        kind: "job".into(),
        target: None,
        customer: None,
        state,
        started: None,
        finished: None,
        exit: None,
    });
    Finding {
        rule: "a.b".into(),
        role: if task.is_some() { Role::Task } else { Role::Match(number) },
        place: Place::named("log"),
        time: Timestamp::from_seconds(1_800_000_000 + time),
        read_at: Timestamp::from_seconds(1_900_000_000),
        fields: BTreeMap::from([("user".into(), Value::Int(value.into()))]),
        text_fields: Vec::new(),
        host: None,
        program: None,
        task: task.map(Box::new),
        message: String::new(),
    }
}

/// Everything since it fired last, and the newest time ever.
#[derive(Default)]
struct Naive {
    lines: Vec<Line>,
    newest: Option<i64>,
    failed: Option<bool>,
}

impl Naive {
    fn see(&mut self, trigger: &Trigger, line: Line) -> Seen {
        let within = i64::try_from(trigger.memory().as_secs()).unwrap();
        if line.0 + within < self.newest.unwrap_or(line.0) {
            return Seen::Late;
        }
        if matches!(trigger, Trigger::Flapping { .. }) && line.1 == 3 {
            self.newest = Some(self.newest.unwrap_or(line.0).max(line.0));
            return Seen::Nothing;
        }
        self.newest = Some(self.newest.unwrap_or(line.0).max(line.0));
        match trigger {
            Trigger::Flapping { .. } => {
                let failed = line.1 == 1;
                if self.failed.replace(failed).is_none_or(|before| before == failed) {
                    return Seen::Nothing;
                }
            }
            Trigger::Sequence { order, .. } if !order.contains(&line.1) => return Seen::Nothing,
            _ => {}
        }
        self.lines.push(line);
        let mut sorted = self.lines.clone();
        sorted.sort_by_key(|l| l.0);
        let fires = match trigger {
            Trigger::Count { count, .. } | Trigger::Flapping { flapping: count, .. } => {
                sorted.windows(*count as usize).any(|run| run[run.len() - 1].0 - run[0].0 <= within)
            }
            Trigger::Distinct { distinct, .. } => {
                let from = self.newest.unwrap() - within;
                let values: BTreeSet<u8> = self.lines.iter().filter(|l| l.0 >= from).map(|l| l.2).collect();
                values.len() >= *distinct as usize
            }
            Trigger::Sequence { order, .. } => (0..sorted.len()).any(|first| follows(&sorted[first..], order, within)),
            _ => false,
        };
        if fires {
            self.lines.clear();
            return Seen::Fires;
        }
        Seen::Counts
    }
}

/// Whether the first line begins the order and later ones complete it in time.
fn follows(lines: &[Line], order: &[usize], within: i64) -> bool {
    let mut place = 0;
    for line in lines.iter().take_while(|l| l.0 - lines[0].0 <= within) {
        if order[place] == line.1 {
            place += 1;
        } else if place == 0 {
            return false;
        }
        if place == order.len() {
            return true;
        }
    }
    false
}

fn same(trigger: &Trigger, lines: &[Line]) {
    let (mut window, mut naive) = (Window::default(), Naive::default());
    let flapping = matches!(trigger, Trigger::Flapping { .. });
    for (at, line) in lines.iter().enumerate() {
        let seen = window.see(trigger, &(&finding(*line, flapping)).into(), false);
        assert_eq!(seen, naive.see(trigger, *line), "{trigger:?}: line {at} of {lines:?}");
        // What is kept does not grow with what was seen.
        if let Trigger::Count { count, .. } | Trigger::Flapping { flapping: count, .. } = trigger {
            let kept = window.times.len();
            assert!(kept <= 2 * *count as usize, "{kept} times kept by {trigger:?}");
        }
        // A restart in between changes nothing.
        window = serde_json::from_str(&serde_json::to_string(&window).unwrap()).unwrap();
    }
}

/// Mostly forward, sometimes far back, with equal times.
fn lines() -> impl Strategy<Value = Vec<Line>> {
    proptest::collection::vec((-70_i64..90, 0_usize..4, 0_u8..6), 0..80).prop_map(|steps| {
        let mut now = 0;
        let step = |(by, number, value): Line| {
            now += by / 4;
            (now + by % 40, number, value)
        };
        steps.into_iter().map(step).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn count(lines in lines(), count in 1_u32..6, within in 1_u64..90) {
        same(&Trigger::Count { count, within: Duration::from_secs(within) }, &lines);
    }

    #[test]
    fn distinct(lines in lines(), distinct in 2_u32..5, within in 1_u64..90) {
        same(&Trigger::Distinct { field: "user".into(), distinct, within: Duration::from_secs(within) }, &lines);
    }

    #[test]
    fn sequence(lines in lines(), order in proptest::collection::vec(0_usize..4, 2..5), within in 1_u64..90) {
        same(&Trigger::Sequence { order, within: Duration::from_secs(within) }, &lines);
    }

    #[test]
    fn flapping(lines in lines(), flapping in 2_u32..5, within in 1_u64..90) {
        same(&Trigger::Flapping { flapping, within: Duration::from_secs(within) }, &lines);
    }
}
