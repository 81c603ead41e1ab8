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
    let work = |(number, (line, length, _)): (usize, Case), worked: &mut usize| {
        *worked += 1;
        (0..length).for_each(|_| std::thread::yield_now());
        (line, number)
    };
    let order = InOrder::new(
        |_| 1,
        |(line, number)| {
            given.entry(line).or_default().push(number);
            true
        },
    );
    let piece = |(number, case): (usize, Case)| (order.draw(case.0), (number, case));
    let take = || {
        let (ticket, piece) = piece(all.next()?);
        Some(Piece { ticket, piece, hand_over: piece.1.2 })
    };
    order.run(NonZeroUsize::new(threads).unwrap(), take, work);
    drop(order);
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
    let mut given = Vec::new();
    let order = InOrder::new(
        |_| AHEAD / 2,
        |number| {
            given.push(number);
            true
        },
    );
    let take = || {
        number += 1;
        taken.fetch_add(1, Ordering::SeqCst);
        (number <= 20).then(|| Piece { ticket: order.draw(()), piece: number, hand_over: true })
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
    order.run(NonZeroUsize::new(2).unwrap(), take, work);
    drop(order);
    assert_eq!(given, (1..=20).collect::<Vec<_>>());
}

#[test]
fn when_nobody_wants_more_nothing_more_is_taken() {
    let mut taken = 0;
    let order = InOrder::new(|()| 0, |()| false);
    let take = || {
        taken += 1;
        Some(Piece { ticket: order.draw(()), piece: (), hand_over: true })
    };
    order.run(NonZeroUsize::MIN, take, |(), (): &mut ()| ());
    assert_eq!(taken, 1);
    let order = InOrder::new(|()| 0, |()| false);
    let endless = || Some(Piece { ticket: order.draw(()), piece: (), hand_over: true });
    order.run(NonZeroUsize::new(3).unwrap(), endless, |(), (): &mut ()| ());
}

#[test]
fn a_mistake_on_one_thread_ends_all_and_is_not_hidden() {
    let mut number = 0;
    let order = InOrder::new(|()| 0, |()| true);
    let take = || {
        number += 1;
        Some(Piece { ticket: order.draw(()), piece: number, hand_over: true })
    };
    let work = |number: usize, (): &mut ()| assert!(number < 7, "a mistake");
    let runs = || order.run(NonZeroUsize::new(3).unwrap(), take, work);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(runs)).is_err());
}

#[test]
fn who_works_at_once_waits_for_nobody_and_overtakes_nobody() {
    let given = Mutex::new(Vec::new());
    let order = InOrder::new(
        |_| 1,
        |number| {
            given.lock().unwrap().push(number);
            true
        },
    );
    let (first, second) = (order.draw("a"), order.draw("a"));
    assert!(order.is_free());
    order.at_once(second, || 2);
    assert!(!order.is_free() && given.lock().unwrap().is_empty());
    order.at_once(order.draw("b"), || 9);
    order.at_once(first, || 1);
    assert!(order.is_free());
    assert_eq!(*given.lock().unwrap(), [9, 1, 2]);
    let broken = std::panic::AssertUnwindSafe(|| order.at_once(order.draw("a"), || panic!("a mistake")));
    assert!(std::panic::catch_unwind(broken).is_err());
    assert!(!order.is_free(), "what comes behind it would wait for ever");
    let take = || Some(Piece { ticket: order.draw("b"), piece: (), hand_over: true });
    order.run(NonZeroUsize::MIN, take, |(), (): &mut ()| panic!("nothing more is taken"));
}
