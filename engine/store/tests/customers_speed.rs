//! How long calls take, printed. Run by hand:
//! `cargo test -p heinzel-store --test customers_speed -- --ignored --nocapture`.

#![expect(clippy::print_stdout, reason = "a helper of a test that shows its figures")]

use std::time::{Duration, Instant};

use heinzel_core::draft::{Deed, Feedback, Owner, Shown};
use heinzel_core::ticket::Ticket;
use heinzel_core::time::Timestamp;
use heinzel_store::customers::Customers;

fn shown(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("{name}: p50 {:?}, p99 {:?}, longest {:?}", at(0.5), at(0.99), at(1.0));
}

fn timed(number: u64, mut call: impl FnMut(u64)) -> Vec<Duration> {
    let one = |number| {
        let begun = Instant::now();
        call(number);
        begun.elapsed()
    };
    (0..number).map(one).collect()
}

#[test]
#[ignore = "a measurement"]
fn calls_beside_a_flood_of_notes() {
    let folder = tempfile::tempdir().unwrap();
    let customers = Customers::open(folder.path()).unwrap();
    let at = Timestamp::from_seconds(1);
    let owner = |number: u64| Owner::Customer(format!("K{}", number % 997));
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|threads| {
        let flood = threads.spawn(|| {
            let mut notes = 0_u64;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let one =
                    Shown { draft: "d".into(), item: "a/b".into(), rank: 1, confidence: 0.5, ranker: "r".into(), at };
                customers.note_shown(vec![one; 3]);
                notes += 3;
                std::thread::sleep(Duration::from_micros(300));
            }
            notes
        });
        shown("claim, new", timed(20_000, |n| _ = customers.claim(&format!("d{n}"), &owner(n), at).unwrap()));
        shown("claim, known", timed(20_000, |n| _ = customers.claim(&format!("d{n}"), &owner(n), at).unwrap()));
        shown("owner of an unknown draft", timed(20_000, |n| _ = customers.owner_of(&format!("x{n}")).unwrap()));
        shown(
            "ticket",
            timed(3_000, |n| {
                let body = "Mein Postfach ist voll. ".repeat(20);
                let ticket =
                    Ticket { id: n.to_string(), body, customer: Some("K1".into()), created: at, ..Ticket::default() };
                customers.put_ticket(&ticket).unwrap();
            }),
        );
        shown(
            "feedback",
            timed(3_000, |n| {
                let feedback = Feedback { draft: format!("d{n}"), what: Deed::Opened, answer: None, at };
                customers.put_feedback(&feedback).unwrap();
            }),
        );
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        println!("{} notes meanwhile", flood.join().unwrap());
    });
    customers.flush().unwrap();
    println!("{:?}", customers.health().unwrap());
}
