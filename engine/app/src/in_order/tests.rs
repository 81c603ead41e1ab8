//! Whatever the threads do, each line comes out as it went in.

use std::sync::atomic::AtomicUsize;
use std::sync::mpsc;

use proptest::prelude::*;

use super::*;

/// A line, how long the work takes, and whether the next piece may be taken meanwhile.
type Case = (u8, u8, bool);

fn check(cases: &[Case], threads: usize) {
    let mut all = cases.iter().copied().enumerate();
    let mut given: BTreeMap<u8, Vec<usize>> = BTreeMap::new();
    let take = || all.next().map(|(number, case)| Piece { line: case.0, piece: (number, case), hand_over: case.2 });
    let work = |(number, (line, length, _)): (usize, Case), worked: &mut usize| {
        *worked += 1;
        (0..length).for_each(|_| std::thread::yield_now());
        (line, number)
    };
    let give = |(line, number)| {
        given.entry(line).or_default().push(number);
        true
    };
    run(NonZeroUsize::new(threads).unwrap(), Work { take, work, give }, |_| 1);
    let mut expected: BTreeMap<u8, Vec<usize>> = BTreeMap::new();
    for (number, (line, ..)) in cases.iter().enumerate() {
        expected.entry(*line).or_default().push(number);
    }
    assert_eq!(given, expected);
}

proptest! {
    #[test]
    fn every_line_keeps_its_order(
        cases in proptest::collection::vec((0_u8..4, 0_u8..50, any::<bool>()), 0..60),
        threads in 1_usize..5,
    ) {
        check(&cases, threads);
    }
}

#[test]
fn what_cannot_be_given_on_yet_is_bounded() {
    let taken = AtomicUsize::new(0);
    let (says, heard) = mpsc::channel();
    let heard = Mutex::new(heard);
    let mut number = 0;
    let take = || {
        number += 1;
        taken.fetch_add(1, Ordering::SeqCst);
        (number <= 20).then_some(Piece { line: (), piece: number, hand_over: true })
    };
    let work = |number: usize, _: &mut ()| {
        if number == 1 {
            // Until the other thread has done as much as it may.
            let heard = heard.lock().unwrap();
            assert_eq!((heard.recv(), heard.recv()), (Ok(2), Ok(3)));
            (0..1000).for_each(|_| std::thread::yield_now());
            assert_eq!(taken.load(Ordering::SeqCst), 3);
        } else {
            says.send(number).unwrap();
        }
        number
    };
    let mut given = Vec::new();
    let give = |number| {
        given.push(number);
        true
    };
    run(NonZeroUsize::new(2).unwrap(), Work { take, work, give }, |_| AHEAD / 2);
    assert_eq!(given, (1..=20).collect::<Vec<_>>());
}

#[test]
fn when_nobody_wants_more_nothing_more_is_taken() {
    let mut taken = 0;
    let take = || {
        taken += 1;
        Some(Piece { line: (), piece: (), hand_over: true })
    };
    run(NonZeroUsize::new(1).unwrap(), Work { take, work: |(), _: &mut ()| (), give: |()| false }, |()| 0);
    assert_eq!(taken, 1);
    let endless = || Some(Piece { line: (), piece: (), hand_over: true });
    run(NonZeroUsize::new(3).unwrap(), Work { take: endless, work: |(), _: &mut ()| (), give: |()| false }, |()| 0);
}

#[test]
fn a_mistake_on_one_thread_ends_all_and_is_not_hidden() {
    let mut number = 0;
    let take = || {
        number += 1;
        Some(Piece { line: (), piece: number, hand_over: true })
    };
    let work = |number: usize, _: &mut ()| assert!(number < 7, "a mistake");
    let runs = || run(NonZeroUsize::new(3).unwrap(), Work { take, work, give: |()| true }, |()| 0);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(runs)).is_err());
}
