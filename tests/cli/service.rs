//! `run` under a service manager: what it says on the socket, and when.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::lab::{CONFIG, Engine, Lab};

/// The service manager's end.
struct Listener(UnixDatagram);

impl Listener {
    fn new(lab: &Lab) -> Self {
        let socket = UnixDatagram::bind(lab.path("notify")).unwrap();
        Self(socket)
    }

    /// What is said next; nothing, if it is not said within this time.
    fn hears(&self, within: Duration) -> Option<String> {
        self.0.set_read_timeout(Some(within)).unwrap();
        let mut bytes = [0; 4096];
        self.0.recv(&mut bytes).ok().map(|length| String::from_utf8_lossy(&bytes[..length]).into_owned())
    }

    /// Waits for a word, whatever is said before.
    #[track_caller]
    fn waits_for(&self, word: &str) -> String {
        let end = Instant::now() + Duration::from_secs(60);
        while Instant::now() < end {
            match self.hears(Duration::from_secs(60)) {
                Some(said) if said.contains(word) => return said,
                _ => {}
            }
        }
        panic!("`{word}` is not said");
    }
}

fn launch<'a>(lab: &'a Lab, watchdog: &str) -> Engine<'a> {
    let socket = lab.path("notify").display().to_string();
    lab.launch_with(&["--config", "heinzel.toml", "run"], &[("NOTIFY_SOCKET", &socket), ("WATCHDOG_USEC", watchdog)])
}

#[test]
fn it_is_ready_when_it_listens_and_gives_signs_of_life_until_it_stops() {
    let lab = Lab::new();
    lab.append("logs/a.log", "pool one is busy\n");
    let listener = Listener::new(&lab);
    let engine = launch(&lab, "1000000");
    let first = listener.hears(Duration::from_secs(60)).expect("it says something");
    assert!(first.starts_with("READY=1\n"), "{first}");
    assert!(first.contains("STATUS=1 source, 1 rule, "), "{first}");
    // Whoever waited for that may ask at once.
    let report = &lab.run(&["status", "--json"]).ends(0, &[]).json()[0];
    assert!(report["sources"]["app"]["live_since"].is_string(), "{report}");

    let begun = Instant::now();
    for _ in 0..4 {
        listener.waits_for("WATCHDOG=1");
    }
    assert!(begun.elapsed() > Duration::from_millis(1200), "a sign every half second: {:?}", begun.elapsed());
    lab.run(&["pause", "--why", "moving house"]).ends(0, &[]);
    assert!(listener.waits_for("paused").contains("STATUS=paused by kim; 1 source, "));

    // Stopped it is silent; what it had said before may still be there.
    engine.signal(Signal::STOP);
    while listener.hears(Duration::from_millis(300)).is_some() {}
    assert_eq!(listener.hears(Duration::from_secs(2)), None);
    engine.signal(Signal::CONT);
    listener.waits_for("WATCHDOG=1");

    engine.signal(Signal::TERM);
    listener.waits_for("STOPPING=1");
    let mut engine = engine;
    assert_eq!(engine.ended(), 0);
    while let Some(said) = listener.hears(Duration::from_millis(100)) {
        assert_eq!(said, "WATCHDOG=1", "the word about its stop stays");
    }
}

#[test]
fn a_stop_does_not_wait_for_the_next_sign_of_life() {
    let lab = Lab::new();
    let listener = Listener::new(&lab);
    // As in the unit: a sign of life twice a minute.
    let engine = launch(&lab, "120000000");
    listener.waits_for("READY=1");
    engine.signal(Signal::TERM);
    listener.waits_for("STOPPING=1");
    let mut engine = engine;
    assert_eq!(engine.ended(), 0);
    assert!(!engine.stderr().contains("did not stop in time"), "{}", engine.stderr());
}

#[test]
fn what_cannot_be_read_does_not_hold_up_the_start_and_is_told() {
    let lab = Lab::new();
    let broken = "\n[[source]]\nname = \"none\"\nkind = \"exec\"\ncommand = [\"/nowhere/program\"]\n";
    let late = "\n[[source]]\nname = \"late\"\nkind = \"file\"\npath = \"LAB/not-yet.log\"\n";
    lab.write("heinzel.toml", lab.text(&format!("{CONFIG}{broken}{late}")));
    let listener = Listener::new(&lab);
    let engine = launch(&lab, "");
    let said = listener.waits_for("READY=1");
    assert!(said.contains("STATUS=source none is degraded; 3 sources, "), "{said}");
    assert_eq!(engine.stop(), 0);
    // A service manager that is gone is no reason not to start.
    drop(listener);
    let engine = launch(&lab, "1000000");
    crate::lab::wait("it answers", || lab.run(&["status"]).code == 0);
    crate::lab::wait("it is told", || engine.stderr().contains("NOTIFY_SOCKET"));
    assert_eq!(engine.stop(), 0);
}

#[test]
fn an_engine_that_nobody_could_pause_does_not_begin() {
    let lab = Lab::new();
    std::fs::create_dir_all(lab.path("state/heinzel.sock")).unwrap();
    lab.append("logs/a.log", "pool one is busy\n");
    lab.run(&["run"]).ends(1, &["remove the old socket", "heinzel.sock"]);
    assert!(lab.incidents().is_empty(), "nothing was read");
}
