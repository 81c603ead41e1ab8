//! A process that remembers customers is killed with `SIGKILL` at random moments, again and again, on one file. What it
//! was told is stored is there, and the file opens.

#![expect(clippy::unwrap_used, reason = "a test; only functions marked as tests may unwrap by default")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use heinzel_core::draft::{Deed, Feedback, Owner, Shown};
use heinzel_core::ticket::Ticket;
use heinzel_core::time::Timestamp;
use heinzel_store::customers::{Claim, Customers, FILE, Range};

const FOLDER: &str = "HEINZEL_CUSTOMERS_CRASH_FOLDER";
const KILLS: u32 = 25;

fn at(number: u64) -> Timestamp {
    Timestamp::from_seconds(number.cast_signed())
}

fn owner(number: u64) -> Owner {
    Owner::Customer(format!("K{number}"))
}

/// Not a test of its own: what the killed process runs.
#[test]
#[ignore = "run by killed_processes_leave_a_whole_file"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let customers = Customers::open(Path::new(&folder)).unwrap();
    let first = customers.reader().unwrap().sent(Range::ALL).unwrap().len() as u64;
    let mut out = std::io::stdout();
    for number in first.. {
        let draft = format!("d{number}");
        assert_ne!(customers.claim(&draft, &owner(number), at(number)).unwrap(), Claim::Foreign);
        let shown = Shown {
            draft: draft.clone(),
            item: "a/b".into(),
            rank: 1,
            confidence: 0.5,
            ranker: "r".into(),
            at: at(number),
        };
        customers.note_shown(vec![shown; 20]);
        let feedback = Feedback { draft: draft.clone(), what: Deed::Sent, answer: None, at: at(number) };
        customers.put_feedback(&feedback).unwrap();
        let ticket = Ticket { id: number.to_string(), created: at(number), draft: Some(draft), ..Ticket::default() };
        customers.put_ticket(&ticket).unwrap();
        out.write_all(format!("\nstored {number}\n").as_bytes()).unwrap();
    }
}

#[test]
fn killed_processes_leave_a_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    // xorshift64: moments differ from kill to kill, and a failure can be repeated with the printed seed.
    let mut random: u64 = std::process::id().into();
    println!("seed {random}");
    let mut next = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    for kill in 1..=KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (rounds, delay) = (next(40), Duration::from_micros(next(20_000)));
        let mut stored = None;
        let mut note = |line: &str| -> bool {
            let number = line.strip_prefix("stored ").map(|number| number.parse::<u64>().unwrap());
            stored = number.or(stored);
            number.is_some()
        };
        let mut seen = 0;
        while seen < rounds {
            let line = lines.next().expect("the child ended by itself").unwrap();
            seen += u64::from(note(&line));
        }
        let begin = Instant::now();
        while begin.elapsed() < delay {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            note(&line);
        }
        let customers = Customers::open(folder.path()).unwrap();
        let reader = customers.reader().unwrap();
        let sent = reader.sent(Range::ALL).unwrap();
        let feedback = reader.feedback(Range::ALL).unwrap();
        assert!(stored.is_none_or(|last| sent.len() as u64 > last), "kill {kill}: {stored:?}, {}", sent.len());
        assert!(feedback.len() >= sent.len(), "kill {kill}: each ticket came behind its feedback");
        let shown = reader.shown(Range::ALL).unwrap();
        // Notes may be lost, but none is there twice.
        assert!(shown.len() <= 20 * (sent.len() + kill as usize), "kill {kill}");
    }
    let conn = rusqlite_check(folder.path());
    assert_eq!(conn, "ok");
}

fn rusqlite_check(folder: &Path) -> String {
    let conn = rusqlite::Connection::open(folder.join(FILE)).unwrap();
    conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap()
}
